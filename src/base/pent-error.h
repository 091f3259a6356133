/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The one error domain.  A message is one sentence for the artist: it names the file, the field and what to do.
 * A job that was cancelled is not in this domain: it is G_IO_ERROR_CANCELLED. */
#define PENT_ERROR (pent_error_quark ())
GQuark pent_error_quark (void);

typedef enum {
  PENT_ERROR_FAILED,        /* anything else; retrying may help */
  PENT_ERROR_INVALID,       /* the user asked for something that cannot be: a bad parameter, size, prompt */
  PENT_ERROR_FILE,          /* a file is missing, unreadable, or not what it claims to be */
  PENT_ERROR_MODEL,         /* a model file is well-formed but lacks, repeats or mis-shapes something */
  PENT_ERROR_UNSUPPORTED,   /* understood, and not (yet) possible here; the message says what would be */
  PENT_ERROR_DEVICE,        /* the Vulkan device or driver failed, or there is none */
  PENT_ERROR_DEVICE_LOST,   /* the device is gone; a new worker has to be started */
  PENT_ERROR_MEMORY,        /* not enough device or host memory; the message says needed and available */
  PENT_ERROR_WORKER,        /* the worker process died or broke the protocol */
} PentError;

/* TRUE if the user can mend it by asking differently (exit code 2 of the command line; else 1). */
gboolean pent_error_is_users_mistake (const GError *error);

G_END_DECLS
