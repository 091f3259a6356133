/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-worker"

#include "pent-worker.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define LAST_SECONDS 10      /* that a submission in progress may take when the client is gone */

static GDBusConnection *
connect_on (int fd, GError **error)
{
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, error);
  g_autoptr (GSocketConnection) stream = NULL;
  g_autofree char *guid = g_dbus_generate_guid ();

  if (socket == NULL)
    return NULL;
  stream = g_socket_connection_factory_create_connection (socket);
  return g_dbus_connection_new_sync (G_IO_STREAM (stream), guid,
                                     G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                                     G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING, NULL, NULL, error);
}

int
pent_worker_main (int argc, char **argv, PentEngine *(*make_engine) (const char *device))
{
  g_autoptr (GMainLoop) loop = NULL;
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (PentEngine) engine = NULL;
  g_autoptr (PentWorker) worker = NULL;
  g_autoptr (GError) error = NULL;
  guint64 fd;

  setlocale (LC_ALL, "");
  /* What a terminal or a shell sends to our client's group is the client's to handle: it cancels. */
  setpgid (0, 0);
  if (argc < 2 || argc > 3 || !g_ascii_string_to_unsigned (argv[1], 10, 3, 65535, &fd, NULL))
    {
      g_printerr ("pentimento-engine is started by Pentimento: pentimento-engine SOCKET [DEVICE]\n");
      return 2;
    }
  signal (SIGPIPE, SIG_IGN);

  connection = connect_on ((int) fd, &error);
  engine = connection != NULL ? make_engine (argc == 3 ? argv[2] : NULL) : NULL;
  worker = engine != NULL ? pent_worker_new (connection, engine, &error) : NULL;
  if (worker == NULL)
    {
      g_printerr ("pentimento-engine: %s\n", error->message);
      return 1;
    }

  loop = g_main_loop_new (NULL, FALSE);
  g_signal_connect_swapped (worker, "done", G_CALLBACK (g_main_loop_quit), loop);
  if (!g_dbus_connection_is_closed (connection))
    g_main_loop_run (loop);

  /* What was said last goes out, then the engine ends after its submission; a driver that hangs does not keep us. */
  alarm (LAST_SECONDS);
  g_dbus_connection_flush_sync (connection, NULL, NULL);
  return 0;
}
