/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include "pent-job.h"

G_BEGIN_DECLS

/* PentEngineClient: runs operations in a worker process, pentimento-engine, which it spawns with the first call and
 * again whenever the last one died.  See the D-Bus interface for what is spoken.
 *
 * Signal: lost (const GError *error), after a worker ended unasked or sent something that makes no sense; its jobs have
 * failed with the same error (PENT_ERROR_WORKER) just before.  Nothing else is lost: the next job starts a new worker.
 *
 * Nothing blocks, but for opening and sealing local files.  Thread-safety: belongs to the thread of the main context in
 * which it was made; so do its jobs. */
#define PENT_TYPE_ENGINE_CLIENT (pent_engine_client_get_type ())
G_DECLARE_FINAL_TYPE (PentEngineClient, pent_engine_client, PENT, ENGINE_CLIENT, GObject)

/* device: handed to the worker, as pent_vk_context_new () takes it; or NULL.  The worker program is $PENT_ENGINE, else
 * the one that was installed. */
PentEngineClient *pent_engine_client_new (const char *device);

/* recipe, images, models, previews: as for pent_engine_start_job ().  Finishes when the worker has taken the job, with
 * PENT_ERROR_INVALID where it refused it.  Connect to the job in the callback: its events may be right behind.
 * cancellable cancels the start and, after that, the job. */
void              pent_engine_client_start_job_async (PentEngineClient *self, PentRecipe *recipe, GHashTable *images,
                                                      GPtrArray *models, gboolean previews, GCancellable *cancellable,
                                                      GAsyncReadyCallback callback, gpointer user_data);
PentJob          *pent_engine_client_start_job_finish (PentEngineClient *self, GAsyncResult *result, GError **error);

/* aa{sv}, see Devices in the interface. */
void              pent_engine_client_list_devices_async (PentEngineClient *self, GCancellable *cancellable,
                                                         GAsyncReadyCallback callback, gpointer user_data);
GVariant         *pent_engine_client_list_devices_finish (PentEngineClient *self, GAsyncResult *result, GError **error);

/* a{sv}, see Describe in the interface. */
void              pent_engine_client_describe_async (PentEngineClient *self, const char *op, GCancellable *cancellable,
                                                     GAsyncReadyCallback callback, gpointer user_data);
GVariant         *pent_engine_client_describe_finish (PentEngineClient *self, GAsyncResult *result, GError **error);

/* Ends the worker that runs now, if one does: what waits for it and its jobs are cancelled.  The next job starts
 * another.  Letting the client go does the same once nothing waits any more. */
void              pent_engine_client_stop (PentEngineClient *self);

/* Of the worker that runs now: its process number in decimal, and the device it computes on ("" before its first job);
 * NULL where none runs.  The second is to be freed. */
const char       *pent_engine_client_get_identifier (PentEngineClient *self);
char             *pent_engine_client_get_device (PentEngineClient *self);

G_END_DECLS
