/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-files.h"

G_BEGIN_DECLS

/* Which models there are, and where.  A model is named by its path (a folder or a file), or by its name in one of the
 * model folders: the embedded ones ($PENT_DATA_DIR/models, else what was installed) and the artist's own
 * ($XDG_DATA_HOME/pentimento/models).  Only clients look for models; the worker gets descriptors.
 *
 * Thread-safety: pure functions on the file system. */
typedef struct {
  char    *name;         /* "sketch" */
  char    *path;
  char    *family;       /* "ZImagePipeline", "Qwen3ForCausalLM" …, as the model calls itself; "" where it does not */
  guint64  size;         /* bytes of all its files */
} PentModelEntry;

/* PentModelEntry, sorted by name, owned by the array. */
GPtrArray *pent_catalogue_list (void);

/* The files of the model: PentFiles in an array, the model itself first.  name may hold further parts after commas,
 * paths of files or folders in which a single-file model's missing parts are looked for.  PENT_ERROR_FILE, naming the
 * places that were looked at. */
GPtrArray *pent_catalogue_open (const char *name, GError **error);

G_END_DECLS
