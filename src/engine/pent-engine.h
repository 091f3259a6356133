/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include "pent-job.h"
#include "pent-op.h"

G_BEGIN_DECLS

/* PentEngine: runs operations on one device, one after the other, on a thread of its own (drivers want neither a small
 * stack nor the main thread).  Devices, models and what the driver compiled are kept between jobs: the model used last
 * of each kind stays loaded.
 *
 * Nothing blocks the caller; a job's events arrive in the main context in which it was started.  After a lost device
 * or exhausted memory everything on the device is given up and the next job starts afresh.
 *
 * Thread-safety: every function from any thread. */
#define PENT_TYPE_ENGINE (pent_engine_get_type ())
G_DECLARE_FINAL_TYPE (PentEngine, pent_engine, PENT, ENGINE, GObject)

/* device as pent_vk_context_new () takes it.  It is opened with the first job. */
PentEngine *pent_engine_new (const char *device);

/* recipe: copied, checked against its operation at once (PENT_ERROR_INVALID).  images: SHA-256 hex -> PentImage, or
 * NULL.  models: PentFiles, the model first, then files in which its missing parts are looked for; NULL or empty where
 * the operation needs none.  previews: whether to make any; they cost time. */
PentJob    *pent_engine_start_job (PentEngine *self, PentRecipe *recipe, GHashTable *images, GPtrArray *models,
                                   gboolean previews, GError **error);

/* "NVIDIA H200, driver …" once a job has opened it, else "".  Free it. */
char       *pent_engine_get_device (PentEngine *self);

/* aa{sv}, one dictionary a device: "name", "driver", "uuid", "kind" ("discrete" …): s, "memory": t bytes, "features":
 * s, "index": u.  Blocks: it asks the drivers; not for the main thread.  Floating. */
GVariant   *pent_engine_list_devices (GError **error);

/* What an operation is and takes, as the wire tells it (see Describe in the D-Bus interface).  Floating a{sv}. */
GVariant   *pent_engine_describe (const PentOpClass *op);

/* Bytes a second that a copy within the device's memory reads and writes: the ceiling of everything that is not
 * arithmetic.  Takes about a second and blocks; 0 and an error where there is no device. */
double      pent_engine_measure_copy (const char *device, GError **error);

G_END_DECLS
