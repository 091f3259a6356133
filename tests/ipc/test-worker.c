/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker by itself, with a client that means it ill. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "pent-error.h"
#include "pent-ipc.h"
#include "tests.h"

typedef struct {
  GSubprocess     *process;
  int              socket;            /* our end, before there is a connection */
  GDBusConnection *connection;
  guint            n_previews, n_finished;
} Fixture;

static void
set_up (Fixture *self, gconstpointer data)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  int fds[2];

  *self = (Fixture) { 0 };
  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  g_subprocess_launcher_take_fd (launcher, fds[1], 3);
  self->process = g_subprocess_launcher_spawn (launcher, NULL, FAKE_ENGINE, "3", NULL);
  g_assert_nonnull (self->process);
  self->socket = fds[0];
}

static void
set_up_connected (Fixture *self, gconstpointer data)
{
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GSocketConnection) stream = NULL;
  g_autoptr (GError) error = NULL;

  set_up (self, data);
  socket = g_socket_new_from_fd (self->socket, &error);
  g_assert_no_error (error);
  self->socket = -1;
  stream = g_socket_connection_factory_create_connection (socket);
  self->connection = g_dbus_connection_new_sync (G_IO_STREAM (stream), NULL,
                                                 G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, &error);
  g_assert_no_error (error);
}

/* Whatever was done to it: it ends by itself, and not by a signal. */
static void
tear_down (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  if (self->socket >= 0)
    close (self->socket);
  if (self->connection != NULL)
    g_dbus_connection_close_sync (self->connection, NULL, NULL);
  g_clear_object (&self->connection);
  g_subprocess_wait (self->process, NULL, &error);
  g_assert_no_error (error);
  if (g_subprocess_get_if_signaled (self->process))
    g_error ("The worker was ended by signal %d", g_subprocess_get_term_sig (self->process));
  g_assert_cmpint (g_subprocess_get_exit_status (self->process), <=, 1);      /* a sanitizer's finding is more */
  g_clear_object (&self->process);
}

static void
put (Fixture *self, const void *data, gsize size)
{
  g_assert_cmpint (send (self->socket, data, size, MSG_NOSIGNAL), >=, -1);
}

static void
test_closed (Fixture *self, gconstpointer data)
{
}

static void
test_garbage (Fixture *self, gconstpointer data)
{
  guint8 noise[4096];

  for (guint i = 0; i < sizeof noise; i++)
    noise[i] = (guint8) g_test_rand_int ();
  put (self, noise, sizeof noise);
}

/* A greeting as D-Bus has it, then noise where messages belong. */
static void
test_garbage_later (Fixture *self, gconstpointer data)
{
  g_autofree char *uid = g_strdup_printf ("%u", getuid ());
  GString *hello = g_string_new_len ("\0AUTH EXTERNAL ", 15);
  guint8 noise[512];

  for (const char *p = uid; *p != '\0'; p++)
    g_string_append_printf (hello, "%02x", *p);
  g_string_append (hello, "\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
  put (self, hello->str, hello->len);
  g_string_free (hello, TRUE);
  noise[0] = 'l';
  for (guint i = 1; i < sizeof noise; i++)
    noise[i] = (guint8) g_test_rand_int ();
  put (self, noise, sizeof noise);
}

/* A message whose header promises 100 MB that never come, then the end. */
static void
test_truncated (Fixture *self, gconstpointer data)
{
  GSocketConnection *stream = G_SOCKET_CONNECTION (g_dbus_connection_get_stream (self->connection));
  int fd = g_socket_get_fd (g_socket_connection_get_socket (stream));
  static const guint8 head[16] = { 'l', 1, 0, 1, 0, 0, 0, 6, 9, 0, 0, 0, 16, 0, 0, 0 };

  g_assert_cmpint (send (fd, head, sizeof head, MSG_NOSIGNAL), ==, sizeof head);
}

static GVariant *
call (Fixture *self, const char *method, GVariant *arguments, GUnixFDList *fds, GError **error)
{
  return g_dbus_connection_call_with_unix_fd_list_sync (self->connection, NULL, PENT_IPC_PATH, PENT_IPC_INTERFACE,
                                                        method, arguments, NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, fds,
                                                        NULL, NULL, error);
}

static void
assert_alive (Fixture *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) names = call (self, "Operations", NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (names);
}

static int
make_memfd (gsize size, int seals)
{
  int fd = memfd_create ("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  g_assert_no_errno (ftruncate (fd, size));
  g_assert_no_errno (fcntl (fd, F_ADD_SEALS, seals));
  return fd;
}

static void
assert_refused (Fixture *self, GVariant *arguments, GUnixFDList *fds, const char *says)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = call (self, "StartJob", arguments, fds, &error);

  g_assert_null (answer);
  if (strstr (error->message, says) == NULL)
    g_error ("“%s” does not say “%s”", error->message, says);
  assert_alive (self);
}

static void
test_bad_images (Fixture *self, gconstpointer data)
{
  const int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  static const struct {
    gsize       size;
    int         seals;
    guint       width, height, channels;
    gint32      handle;
    const char *says;
  } cases[] = {
    { 48, F_SEAL_SHRINK | F_SEAL_GROW, 4, 4, 3, 0, "not sealed" }, { 48, 0, 4, 4, 3, 0, "not sealed" },
    { 47, -1, 4, 4, 3, 0, "47 bytes" }, { 0, -1, 4, 4, 3, 0, "0 bytes" }, { 48, -1, 4, 4, 3, 1, "descriptor 1" },
    { 48, -1, 4, 4, 3, -1, "descriptor -1" }, { 48, -1, 0, 4, 3, 0, "0x4" }, { 48, -1, 4, 4, 2, 0, "2 channels" },
    { 48, -1, 65537, 1, 3, 0, "65537" }, { 48, -1, 65536, 65536, 3, 0, "65536" },
    { 48, -1, G_MAXUINT, G_MAXUINT, 4, 0, "4294967295" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      int fd = make_memfd (cases[i].size, cases[i].seals < 0 ? all : cases[i].seals);
      g_autoptr (GUnixFDList) fds = g_unix_fd_list_new_from_array (&fd, 1);

      assert_refused (self, g_variant_new_parsed ("(('generate', {'prompt': <'x'>}), [(%h, %u, %u, %u)], @a(ssh) [], "
                                                  "@a{sv} {})", cases[i].handle, cases[i].width, cases[i].height,
                                                  cases[i].channels), fds, cases[i].says);
    }

  {
    int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);      /* no memory file at all */
    g_autoptr (GUnixFDList) fds = g_unix_fd_list_new_from_array (&fd, 1);

    assert_refused (self, g_variant_new_parsed ("(('generate', {'prompt': <'x'>}), [(handle 0, @u 4, @u 4, @u 3)], "
                                                "@a(ssh) [], @a{sv} {})"), fds, "not sealed");
  }
}

static GVariant *
with_model (gint32 handle)
{
  return g_variant_new_parsed ("(('generate', {'prompt': <'x'>}), @a(huuu) [], [('m', 'a', %h)], @a{sv} {})", handle);
}

static void
test_bad_models (Fixture *self, gconstpointer data)
{
  int fds[2] = { open ("/dev/null", O_WRONLY | O_CLOEXEC), open ("/", O_PATH | O_CLOEXEC) };
  g_autoptr (GUnixFDList) list = g_unix_fd_list_new_from_array (fds, 2);

  assert_refused (self, with_model (0), list, "not open for reading");
  assert_refused (self, with_model (1), list, "not open for reading");
  assert_refused (self, with_model (7), list, "descriptor 7");
  assert_refused (self, with_model (0), NULL, "descriptor 0");
}

static void
test_bad_recipes (Fixture *self, gconstpointer data)
{
  static const struct { const char *recipe, *says; } cases[] = {
    { "('', @a{sv} {})", "names no operation" }, { "('paint', @a{sv} {})", "paint" },
    { "('generate', @a{sv} {})", "prompt" }, { "('generate', {'prompt': <'x'>, 'prompt': <'y'>})", "twice" },
    { "('generate', {'prompt': <'x'>, 'guidance': <nan>})", "finite" },
    { "('generate', {'prompt': <'x'>, 'seed': <{'a': <1>}>})", "seed" },
    { "('generate', {'prompt': <'x'>, 'size': <(uint32 4294967295, uint32 4294967295)>})", "size" },
    { "('generate', {'prompt': <'x'>, 'count': <int64 9223372036854775807>})", "count" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_refused (self, g_variant_new_parsed ("(%@(sa{sv}), @a(huuu) [], @a(ssh) [], @a{sv} {})",
                                                g_variant_new_parsed (cases[i].recipe)), NULL, cases[i].says);
}

static void
test_bad_calls (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) none = NULL;

  g_assert_null (call (self, "Destroy", NULL, NULL, &error));
  g_assert_error (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD);
  g_clear_error (&error);
  g_assert_null (call (self, "StartJob", g_variant_new ("(s)", "generate"), NULL, &error));
  g_assert_error (error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS);
  g_clear_error (&error);
  none = call (self, "Cancel", g_variant_new ("(t)", G_MAXUINT64), NULL, &error);      /* no such job: passed over */
  g_assert_no_error (error);
  assert_alive (self);
}

/* A job without end, so that those behind it wait. */
static void
test_too_many (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint n = 0;

  while (error == NULL)
    {
      int fd = make_memfd (0, 0);
      g_autoptr (GUnixFDList) fds = g_unix_fd_list_new_from_array (&fd, 1);
      g_autoptr (GVariant) answer = call (self, "StartJob", g_variant_new_parsed (
        "(('generate', {'prompt': <'wait'>}), @a(huuu) [], [('m', 'a', handle 0)], @a{sv} {})"), fds, &error);

      g_assert_cmpuint (++n, <, 1000);
    }
  g_assert_error (error, PENT_ERROR, PENT_ERROR_FAILED);
  g_assert_cmpuint (n, >, 10);
  assert_alive (self);
}

static GDBusMessage *
count_signals (GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer data)
{
  Fixture *self = data;
  const char *member = g_dbus_message_get_member (message);

  if (incoming && g_strcmp0 (member, "Preview") == 0)
    g_atomic_int_inc (&self->n_previews);
  if (incoming && (g_strcmp0 (member, "Finished") == 0 || g_strcmp0 (member, "Failed") == 0))
    {
      g_atomic_int_inc (&self->n_finished);
      g_main_context_wakeup (NULL);
    }
  return message;
}

/* A client that never says that it has seen a preview gets one. */
static void
test_flow_control (Fixture *self, gconstpointer data)
{
  int fd = make_memfd (0, 0);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new_from_array (&fd, 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = NULL;

  g_dbus_connection_add_filter (self->connection, count_signals, self, NULL);
  answer = call (self, "StartJob", g_variant_new_parsed (
    "(('generate', {'prompt': <'x'>, 'steps': <int64 1000>, 'count': <int64 5>}), @a(huuu) [], "
    "[('m', 'a', handle 0)], @a{sv} {})"), fds, &error);
  g_assert_no_error (error);
  RUN_UNTIL (g_atomic_int_get (&self->n_finished) == 1);
  g_assert_cmpuint (g_atomic_int_get (&self->n_previews), ==, 1);
}

void
add_worker_tests (void)
{
  g_test_add ("/worker/closed", Fixture, NULL, set_up, test_closed, tear_down);
  g_test_add ("/worker/garbage", Fixture, NULL, set_up, test_garbage, tear_down);
  g_test_add ("/worker/garbage-later", Fixture, NULL, set_up, test_garbage_later, tear_down);
  g_test_add ("/worker/truncated", Fixture, NULL, set_up_connected, test_truncated, tear_down);
  g_test_add ("/worker/bad-images", Fixture, NULL, set_up_connected, test_bad_images, tear_down);
  g_test_add ("/worker/bad-models", Fixture, NULL, set_up_connected, test_bad_models, tear_down);
  g_test_add ("/worker/bad-recipes", Fixture, NULL, set_up_connected, test_bad_recipes, tear_down);
  g_test_add ("/worker/bad-calls", Fixture, NULL, set_up_connected, test_bad_calls, tear_down);
  g_test_add ("/worker/too-many", Fixture, NULL, set_up_connected, test_too_many, tear_down);
  g_test_add ("/worker/flow-control", Fixture, NULL, set_up_connected, test_flow_control, tear_down);
}
