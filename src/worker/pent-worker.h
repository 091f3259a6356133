/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-engine.h"

G_BEGIN_DECLS

/* PentWorker: answers the D-Bus interface on one connection with one engine.
 *
 * Signal: done (), when there is nothing left to do: the client is gone, or the device is lost and a new process is
 * needed.
 * Thread-safety: belongs to the main thread. */
#define PENT_TYPE_WORKER (pent_worker_get_type ())
G_DECLARE_FINAL_TYPE (PentWorker, pent_worker, PENT, WORKER, GObject)

/* connection: its message processing delayed; begins here. */
PentWorker *pent_worker_new (GDBusConnection *connection, PentEngine *engine, GError **error);

/* The whole life of a worker process: connects on the descriptor, serves until the client is gone.  Returns the exit
 * status. */
int         pent_worker_main (int argc, char **argv, PentEngine *(*make_engine) (const char *device));

G_END_DECLS
