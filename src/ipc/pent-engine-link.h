/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-ipc-generated.h"
#include "pent-job.h"

G_BEGIN_DECLS

/* PentEngineLink: one worker process, its socket and its jobs, from spawning to its end.
 *
 * Signal: lost (GError *error), once, after the process is gone and its jobs have failed.
 * Thread-safety: as the client's. */
#define PENT_TYPE_ENGINE_LINK (pent_engine_link_get_type ())
G_DECLARE_FINAL_TYPE (PentEngineLink, pent_engine_link, PENT, ENGINE_LINK, GObject)

/* Spawns, and begins to connect.  PENT_ERROR_WORKER. */
PentEngineLink *pent_engine_link_new (const char *device, GError **error);

/* The proxy, once connected; many may wait.  PENT_ERROR_WORKER. */
void            pent_engine_link_connect_async (PentEngineLink *self, GAsyncReadyCallback callback, gpointer user_data);
PentIpcEngine  *pent_engine_link_connect_finish (PentEngineLink *self, GAsyncResult *result, GError **error);

/* After a call failed for want of a worker: gives it up, waits until it is gone and tells why.  Transfer full. */
void            pent_engine_link_explain_async (PentEngineLink *self, GAsyncReadyCallback callback, gpointer user_data);
GError         *pent_engine_link_explain_finish (PentEngineLink *self, GAsyncResult *result);

PentIpcEngine  *pent_engine_link_get_proxy (PentEngineLink *self);      /* or NULL */
const char     *pent_engine_link_get_identifier (PentEngineLink *self);
gboolean        pent_engine_link_is_lost (PentEngineLink *self);

/* Between begin_start () and end_start () signals of jobs not known yet are kept; end_start () makes the job that the
 * worker's answer named (0: it named none) and hands on what was kept. */
void            pent_engine_link_begin_start (PentEngineLink *self);
void            pent_engine_link_end_start (PentEngineLink *self, guint64 id, PentJob *job);

/* Closes the socket; the worker ends by itself.  Jobs that run are cancelled.  No signal. */
void            pent_engine_link_close (PentEngineLink *self);

G_END_DECLS
