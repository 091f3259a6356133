/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include "pent-image.h"

G_BEGIN_DECLS

/* What both ends of the wire share. */

#define PENT_IPC_PATH "/io/github/pentimento_studio/Pentimento/Engine"
#define PENT_IPC_INTERFACE "io.github.pentimento_studio.Pentimento.Engine"
#define PENT_IPC_CANCELLED "io.github.pentimento_studio.Pentimento.Error.Cancelled"

#define PENT_IPC_MAX_SIDE 65536u                /* pixels */
#define PENT_IPC_MAX_PIXELS (256u << 20)
#define PENT_IPC_MAX_FDS 240                    /* in one message; the kernel takes 253 */

/* Makes PENT_ERROR known to GDBus; once is enough, more do not harm. */
void        pent_ipc_register_errors (void);

/* A GError as the wire has it (free it), and back. */
char       *pent_ipc_error_name (const GError *error);
GError     *pent_ipc_error_new (const char *name, const char *message);

/* Pixels in a sealed memory file, without padding; -1 on error. */
int         pent_ipc_seal_image (PentImage *image, GError **error);

/* A picture from a sealed memory file that somebody else made.  Checks channels, sides, stride, seals and size before
 * it maps; PENT_ERROR_INVALID says what is wrong.  The descriptor stays the caller's. */
PentImage  *pent_ipc_map_image (int fd, guint width, guint height, guint64 stride, guint channels, GError **error);

/* The descriptor that handle names, or -1 with an error; it stays the list's (which may be NULL). */
int         pent_ipc_peek_fd (GUnixFDList *list, gint32 handle, GError **error);

G_END_DECLS
