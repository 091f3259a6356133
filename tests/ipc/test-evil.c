/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client, with a worker that means it ill: this same program, which accepts every job and then sends what $EVIL
 * names. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pent-engine-client.h"
#include "pent-error.h"
#include "pent-ipc-generated.h"
#include "pent-ipc.h"
#include "tests.h"

#define ALL_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* body, and the size and seals of the descriptor that goes with it (size < 0: none). */
static const struct {
  const char *name, *member, *body;
  gssize      size;
  int         seals;
} evils[] = {
  { "wrong-type", "Progress", "('x', @u 1)", -1, 0 },
  { "no-fd", "Result", "(@t 1, handle 0, @u 4, @u 4, @u 12, @u 3, ('generate', @a{sv} {}))", -1, 0 },
  { "short", "Result", "(@t 1, handle 0, @u 4, @u 4, @u 12, @u 3, ('generate', @a{sv} {}))", 47, ALL_SEALS },
  { "unsealed", "Result", "(@t 1, handle 0, @u 4, @u 4, @u 12, @u 3, ('generate', @a{sv} {}))", 48, 0 },
  { "narrow", "Result", "(@t 1, handle 0, @u 4, @u 4, @u 11, @u 3, ('generate', @a{sv} {}))", 44, ALL_SEALS },
  { "wide", "Result", "(@t 1, handle 0, @u 4, @u 4, @u 4294967295, @u 3, ('generate', @a{sv} {}))", 48, ALL_SEALS },
  { "huge", "Preview", "(@t 1, @u 1, handle 0, @u 65536, @u 65536, @u 196608, @u 3)", 48, ALL_SEALS },
  { "channels", "Preview", "(@t 1, @u 1, handle 0, @u 4, @u 4, @u 20, @u 5)", 80, ALL_SEALS },
  { "handle", "Preview", "(@t 1, @u 1, handle 9, @u 4, @u 4, @u 12, @u 3)", 48, ALL_SEALS },
  { "recipe", "Result", "(@t 1, handle 0, @u 4, @u 4, @u 12, @u 3, ('', @a{sv} {}))", 48, ALL_SEALS },
  { "nameless", "Failed", "(@t 1, '', 'x', true)", -1, 0 },
};

/* ---- as the worker ---- */

static void
send_evil (GDBusConnection *connection, guint i)
{
  g_autoptr (GDBusMessage) message = g_dbus_message_new_signal (PENT_IPC_PATH, PENT_IPC_INTERFACE, evils[i].member);

  g_dbus_message_set_body (message, g_variant_new_parsed (evils[i].body));
  if (evils[i].size >= 0)
    {
      int fd = memfd_create ("evil", MFD_CLOEXEC | MFD_ALLOW_SEALING);
      g_autoptr (GUnixFDList) fds = g_unix_fd_list_new_from_array (&fd, 1);

      g_assert_no_errno (ftruncate (fd, evils[i].size));
      g_assert_no_errno (fcntl (fd, F_ADD_SEALS, evils[i].seals));
      g_dbus_message_set_unix_fd_list (message, fds);
    }
  g_dbus_connection_send_message (connection, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
}

static gboolean
on_start_job (PentIpcEngine *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds, GVariant *recipe,
              GVariant *images, GVariant *models, GVariant *options, gpointer data)
{
  const char *evil = g_getenv ("EVIL");
  GDBusConnection *connection = data;

  pent_ipc_engine_complete_start_job (skeleton, invocation, NULL, 1);
  if (g_str_equal (evil, "strangers"))
    {
      /* Jobs that there are not, and signals that there are not, are passed over. */
      g_dbus_connection_emit_signal (connection, NULL, PENT_IPC_PATH, PENT_IPC_INTERFACE, "Text",
                                     g_variant_new ("(ts)", G_MAXUINT64, "x"), NULL);
      g_dbus_connection_emit_signal (connection, NULL, PENT_IPC_PATH, PENT_IPC_INTERFACE, "Novelty",
                                     g_variant_new ("(s)", "x"), NULL);
      g_dbus_connection_emit_signal (connection, NULL, PENT_IPC_PATH, PENT_IPC_INTERFACE, "Finished",
                                     g_variant_new_parsed ("(@t 1, @a{sv} {})"), NULL);
      g_dbus_connection_emit_signal (connection, NULL, PENT_IPC_PATH, PENT_IPC_INTERFACE, "Finished",
                                     g_variant_new_parsed ("(@t 1, @a{sv} {})"), NULL);
    }
  for (guint i = 0; i < G_N_ELEMENTS (evils); i++)
    if (g_str_equal (evils[i].name, evil))
      send_evil (connection, i);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

int
evil_main (void)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GSocket) socket = g_socket_new_from_fd (3, NULL);
  g_autoptr (GSocketConnection) stream = g_socket_connection_factory_create_connection (socket);
  g_autofree char *guid = g_dbus_generate_guid ();
  g_autoptr (PentIpcEngine) skeleton = pent_ipc_engine_skeleton_new ();
  g_autoptr (GDBusConnection) connection = NULL;

  if (g_str_equal (g_getenv ("EVIL"), "silent"))
    {
      char byte;

      while (g_socket_receive (socket, &byte, 1, NULL, NULL) > 0)      /* never answers the greeting */
        ;
      return 0;
    }
  connection = g_dbus_connection_new_sync (G_IO_STREAM (stream), guid,
                                           G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                                           G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING, NULL, NULL, NULL);
  g_signal_connect (skeleton, "handle-start-job", G_CALLBACK (on_start_job), connection);
  g_dbus_interface_skeleton_export (G_DBUS_INTERFACE_SKELETON (skeleton), connection, PENT_IPC_PATH, NULL);
  g_signal_connect_swapped (connection, "closed", G_CALLBACK (g_main_loop_quit), loop);
  g_dbus_connection_start_message_processing (connection);
  g_main_loop_run (loop);
  return 0;
}

/* ---- as the client ---- */

typedef struct {
  PentJob *job;
  GError  *error;
  gboolean started, done;
} Outcome;

static void
on_done (PentJob *job, Outcome *outcome)
{
  outcome->done = TRUE;
}

static void
on_started (GObject *object, GAsyncResult *result, gpointer data)
{
  Outcome *outcome = data;

  outcome->job = pent_engine_client_start_job_finish (PENT_ENGINE_CLIENT (object), result, &outcome->error);
  outcome->started = TRUE;
  if (outcome->job != NULL)
    g_signal_connect (outcome->job, "done", G_CALLBACK (on_done), outcome);
}

static void
run_evil (const char *name, Outcome *outcome)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autoptr (PentEngineClient) client = NULL;
  g_autoptr (PentRecipe) recipe = pent_recipe_new ("generate");

  *outcome = (Outcome) { 0 };
  g_setenv ("PENT_ENGINE", self, TRUE);
  g_setenv ("EVIL", name, TRUE);
  client = pent_engine_client_new (NULL);
  pent_engine_client_start_job_async (client, recipe, NULL, NULL, FALSE, NULL, on_started, outcome);
  if (g_str_equal (name, "silent"))
    {
      RUN_UNTIL (pent_engine_client_get_identifier (client) != NULL);
      pent_engine_client_stop (client);
    }
  RUN_UNTIL (outcome->started && (outcome->error != NULL || outcome->done));
  g_setenv ("PENT_ENGINE", FAKE_ENGINE, TRUE);
  g_unsetenv ("EVIL");
}

static void
outcome_clear (Outcome *outcome)
{
  g_clear_object (&outcome->job);
  g_clear_error (&outcome->error);
}

static void
test_evil (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (evils); i++)
    {
      Outcome outcome;

      g_test_message ("%s", evils[i].name);
      run_evil (evils[i].name, &outcome);
      g_assert_no_error (outcome.error);
      g_assert_error (pent_job_get_error (outcome.job), PENT_ERROR, PENT_ERROR_WORKER);
      g_assert_nonnull (strstr (pent_job_get_error (outcome.job)->message, "makes no sense"));
      outcome_clear (&outcome);
    }
}

static void
test_strangers (void)
{
  Outcome outcome;

  run_evil ("strangers", &outcome);
  g_assert_no_error (outcome.error);
  g_assert_no_error (pent_job_get_error (outcome.job));
  outcome_clear (&outcome);
}

static void
test_silent (void)
{
  Outcome outcome;

  run_evil ("silent", &outcome);
  g_assert_error (outcome.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  outcome_clear (&outcome);
}

void
add_evil_tests (void)
{
  g_test_add_func ("/evil/signals", test_evil);
  g_test_add_func ("/evil/strangers", test_strangers);
  g_test_add_func ("/evil/silent", test_silent);
}
