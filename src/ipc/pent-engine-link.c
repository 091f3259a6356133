/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-ipc"

#include "config.h"

#include "pent-engine-link.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#include "pent-error.h"
#include "pent-ipc.h"

#define PATIENCE 30      /* seconds until a worker that does not answer the greeting is given up */

struct _PentEngineLink {
  GObject          parent_instance;
  GMainContext    *context;
  GSubprocess     *process;
  GDBusConnection *connection;
  PentIpcEngine   *proxy;
  guint            filter;
  GSource         *patience;      /* gives up connecting */
  GHashTable      *jobs;          /* id -> LinkJob */
  GQueue           early;         /* GDBusMessage */
  guint            n_starting;
  GPtrArray       *waiting;       /* GTask of connect_async () */
  GError          *reason;        /* why it was lost, if the worker broke the protocol */
  GError          *end;           /* what was said in the end, once it is gone */
  gboolean         lost, closed;
};

enum {
  LOST,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (PentEngineLink, pent_engine_link, G_TYPE_OBJECT)

typedef struct {
  PentJob *job;
  GSource *cancel;
} LinkJob;

static void
link_job_free (gpointer data)
{
  LinkJob *entry = data;

  g_source_destroy (entry->cancel);
  g_source_unref (entry->cancel);
  g_object_unref (entry->job);
  g_free (entry);
}

/* ---- loss ---- */

static void
fail_jobs (PentEngineLink *self, const GError *error)
{
  g_autoptr (GHashTable) jobs = g_steal_pointer (&self->jobs);
  GHashTableIter iter;
  gpointer entry;

  self->jobs = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, link_job_free);
  g_hash_table_iter_init (&iter, jobs);
  while (g_hash_table_iter_next (&iter, NULL, &entry))
    pent_job_fail (((LinkJob *) entry)->job, error);
}

static void
fail_waiting (PentEngineLink *self, const GError *error)
{
  g_autoptr (GPtrArray) waiting = g_steal_pointer (&self->waiting);

  self->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < waiting->len; i++)
    g_task_return_error (g_ptr_array_index (waiting, i), g_error_copy (error));
}

/* Why the worker is gone, in words. */
static GError *
describe_end (PentEngineLink *self)
{
  if (self->reason != NULL)
    return g_error_copy (self->reason);
  if (g_subprocess_get_if_signaled (self->process))
    {
      int number = g_subprocess_get_term_sig (self->process);

      return g_error_new (PENT_ERROR, PENT_ERROR_WORKER, "The engine stopped in the middle (%s); try again",
                          number == SIGKILL ? "it was killed, perhaps for lack of memory" : g_strsignal (number));
    }
  return g_error_new (PENT_ERROR, PENT_ERROR_WORKER, "The engine ended in the middle (status %d); try again",
                      g_subprocess_get_if_exited (self->process) ? g_subprocess_get_exit_status (self->process) : -1);
}

static void
on_exited (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (PentEngineLink) self = data;

  g_subprocess_wait_finish (G_SUBPROCESS (object), result, NULL);
  self->end = describe_end (self);
  fail_waiting (self, self->end);
  fail_jobs (self, self->end);
  g_signal_emit (self, signals[LOST], 0, self->end);
}

static void
stop_waiting (PentEngineLink *self)
{
  if (self->patience != NULL)
    g_source_destroy (self->patience);
  g_clear_pointer (&self->patience, g_source_unref);
}

static void
cut (PentEngineLink *self)
{
  stop_waiting (self);
  if (self->connection == NULL)
    return;
  if (self->filter != 0)
    g_dbus_connection_remove_filter (self->connection, self->filter);
  self->filter = 0;
  if (!g_dbus_connection_is_closed (self->connection))
    g_dbus_connection_close (self->connection, NULL, NULL, NULL);
}

/* A worker that ended by itself is not changed by the kill, so that its status tells why; one that lives must not go
 * on. */
static void
lose (PentEngineLink *self, GError *reason)
{
  g_autoptr (GError) owned = reason;

  if (self->lost || self->closed)
    return;
  self->lost = TRUE;
  self->reason = g_steal_pointer (&owned);
  cut (self);
  g_subprocess_force_exit (self->process);
  g_subprocess_wait_async (self->process, NULL, on_exited, g_object_ref (self));
}

static void
on_closed (GDBusConnection *connection, gboolean remote_peer_vanished, GError *error, PentEngineLink *self)
{
  lose (self, NULL);
}

static void
break_off (PentEngineLink *self, const char *what)
{
  lose (self, g_error_new (PENT_ERROR, PENT_ERROR_WORKER, "The engine sent something that makes no sense (%s); "
                           "try again", what));
}

/* ---- signals of the worker ---- */

typedef void (*Handler) (PentEngineLink *self, PentJob *job, GVariant *body, GUnixFDList *fds);

static PentImage *
read_image (PentEngineLink *self, GUnixFDList *fds, gint32 handle, guint width, guint height, guint stride,
            guint channels)
{
  g_autoptr (GError) error = NULL;
  int fd = pent_ipc_peek_fd (fds, handle, &error);
  PentImage *image = fd >= 0 ? pent_ipc_map_image (fd, width, height, stride, channels, &error) : NULL;

  if (image == NULL)
    break_off (self, error->message);
  return image;
}

static void
on_progress (PentEngineLink *self, PentJob *job, GVariant *body, GUnixFDList *fds)
{
  const char *phase;
  guint step, n_steps;
  double seconds_left;

  g_variant_get (body, "(t&suud)", NULL, &phase, &step, &n_steps, &seconds_left);
  pent_job_report_progress (job, phase, step, n_steps, seconds_left);
}

static void
on_preview (PentEngineLink *self, PentJob *job, GVariant *body, GUnixFDList *fds)
{
  guint step, width, height, stride, channels;
  guint64 id;
  gint32 handle;
  g_autoptr (PentImage) image = NULL;

  g_variant_get (body, "(tuhuuuu)", &id, &step, &handle, &width, &height, &stride, &channels);
  image = read_image (self, fds, handle, width, height, stride, channels);
  if (image == NULL)
    return;
  pent_job_report_preview (job, image, step);
  pent_ipc_engine_call_preview_seen (self->proxy, id, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL, NULL);
}

static void
on_text (PentEngineLink *self, PentJob *job, GVariant *body, GUnixFDList *fds)
{
  const char *utf8;

  g_variant_get (body, "(t&s)", NULL, &utf8);
  pent_job_report_text (job, utf8);
}

static void
on_result (PentEngineLink *self, PentJob *job, GVariant *body, GUnixFDList *fds)
{
  guint width, height, stride, channels;
  gint32 handle;
  g_autoptr (GVariant) variant = NULL;
  g_autoptr (PentRecipe) recipe = NULL;
  g_autoptr (PentImage) image = NULL;
  g_autoptr (GError) error = NULL;

  g_variant_get (body, "(thuuuu@(sa{sv}))", NULL, &handle, &width, &height, &stride, &channels, &variant);
  recipe = pent_recipe_from_variant (variant, &error);
  if (recipe == NULL)
    {
      break_off (self, error->message);
      return;
    }
  image = read_image (self, fds, handle, width, height, stride, channels);
  if (image != NULL)
    pent_job_report_result (job, image, recipe);
}

static void
forget (PentEngineLink *self, GVariant *body)
{
  gint64 id;

  g_variant_get_child (body, 0, "t", &id);
  g_hash_table_remove (self->jobs, &id);
}

static void
on_finished (PentEngineLink *self, PentJob *job, GVariant *body, GUnixFDList *fds)
{
  g_autoptr (PentJob) kept = g_object_ref (job);
  g_autoptr (GVariant) timings = g_variant_get_child_value (body, 1);

  forget (self, body);
  pent_job_finish (kept, timings);
}

static void
on_failed (PentEngineLink *self, PentJob *job, GVariant *body, GUnixFDList *fds)
{
  g_autoptr (PentJob) kept = g_object_ref (job);
  g_autoptr (GError) error = NULL;
  const char *name, *message;

  g_variant_get (body, "(t&s&sb)", NULL, &name, &message, NULL);
  error = g_dbus_is_name (name) ? pent_ipc_error_new (name, message) : NULL;
  if (error == NULL)
    {
      break_off (self, "an error without a name");
      return;
    }
  forget (self, body);
  pent_job_fail (kept, error);
}

static const struct {
  const char *member;
  const char *type;
  Handler     handler;
} handlers[] = {
  { "Progress", "(tsuud)", on_progress },
  { "Preview", "(tuhuuuu)", on_preview },
  { "Text", "(ts)", on_text },
  { "Result", "(thuuuu(sa{sv}))", on_result },
  { "Finished", "(ta{sv})", on_finished },
  { "Failed", "(tssb)", on_failed },
};

static void
dispatch (PentEngineLink *self, GDBusMessage *message)
{
  const char *member = g_dbus_message_get_member (message);
  GVariant *body = g_dbus_message_get_body (message);
  LinkJob *entry;
  gint64 id;

  if (self->lost || self->closed)
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (handlers); i++)
    {
      if (!g_str_equal (member, handlers[i].member))
        continue;
      if (body == NULL || !g_variant_is_of_type (body, G_VARIANT_TYPE (handlers[i].type)))
        {
          break_off (self, member);
          return;
        }
      g_variant_get_child (body, 0, "t", &id);
      entry = g_hash_table_lookup (self->jobs, &id);
      if (entry != NULL)
        handlers[i].handler (self, entry->job, body, g_dbus_message_get_unix_fd_list (message));
      else if (self->n_starting > 0)
        g_queue_push_tail (&self->early, g_object_ref (message));
      return;
    }
}

typedef struct {
  PentEngineLink *link;
  GDBusMessage   *message;
} Delivery;

static void
delivery_free (gpointer data)
{
  Delivery *delivery = data;

  g_object_unref (delivery->link);
  g_object_unref (delivery->message);
  g_free (delivery);
}

static gboolean
deliver (gpointer data)
{
  Delivery *delivery = data;

  dispatch (delivery->link, delivery->message);
  return G_SOURCE_REMOVE;
}

/* On GDBus' own thread.  GDBusProxy's signals lose the descriptors, so the worker's are taken out here, all of them, to
 * keep their order. */
static GDBusMessage *
filter_message (GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer data)
{
  g_autoptr (GSource) source = NULL;
  Delivery *delivery;

  if (!incoming || g_dbus_message_get_message_type (message) != G_DBUS_MESSAGE_TYPE_SIGNAL ||
      g_strcmp0 (g_dbus_message_get_interface (message), PENT_IPC_INTERFACE) != 0)
    return message;

  delivery = g_new (Delivery, 1);
  delivery->link = g_object_ref (data);
  delivery->message = message;
  source = g_idle_source_new ();
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, deliver, delivery, delivery_free);
  g_source_attach (source, delivery->link->context);
  return NULL;
}

/* ---- connecting ---- */

static void
on_proxy (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (PentEngineLink) self = data;
  g_autoptr (GPtrArray) waiting = NULL;

  self->proxy = pent_ipc_engine_proxy_new_finish (result, NULL);
  if (self->proxy == NULL || self->lost || self->closed)
    {
      lose (self, NULL);
      return;
    }
  stop_waiting (self);
  g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (self->proxy), G_MAXINT);
  waiting = g_steal_pointer (&self->waiting);
  self->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < waiting->len; i++)
    g_task_return_pointer (g_ptr_array_index (waiting, i), g_object_ref (self->proxy), g_object_unref);
}

static void
on_connection (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (PentEngineLink) self = data;

  self->connection = g_dbus_connection_new_finish (result, NULL);
  if (self->connection == NULL || self->closed)
    {
      lose (self, NULL);
      return;
    }
  g_dbus_connection_set_exit_on_close (self->connection, FALSE);
  g_signal_connect_object (self->connection, "closed", G_CALLBACK (on_closed), self, G_CONNECT_DEFAULT);
  self->filter = g_dbus_connection_add_filter (self->connection, filter_message, g_object_ref (self), g_object_unref);
  g_dbus_connection_start_message_processing (self->connection);
  pent_ipc_engine_proxy_new (self->connection, G_DBUS_PROXY_FLAGS_NONE, NULL, PENT_IPC_PATH, NULL, on_proxy,
                             g_object_ref (self));
}

static gboolean
on_impatient (gpointer data)
{
  PentEngineLink *self = data;

  break_off (self, "no greeting");
  return G_SOURCE_REMOVE;
}

static char *
find_program (void)
{
  const char *program = g_getenv ("PENT_ENGINE");

  return program != NULL ? g_strdup (program) : g_build_filename (PKGLIBEXECDIR, "pentimento-engine", NULL);
}

/* The worker finds its end of the socket as descriptor 3; when ours is closed, by whatever end we come to, it ends. */
static GSubprocess *
spawn (const char *device, int socket, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE);
  g_autofree char *program = find_program ();
  g_autoptr (GError) local_error = NULL;
  GSubprocess *process;

  g_subprocess_launcher_take_fd (launcher, socket, 3);
  process = g_subprocess_launcher_spawn (launcher, &local_error, program, "3", device, NULL);
  if (process == NULL)
    g_set_error (error, PENT_ERROR, PENT_ERROR_WORKER, "The engine “%s” cannot be started: %s", program,
                 local_error->message);
  return process;
}

PentEngineLink *
pent_engine_link_new (const char *device, GError **error)
{
  g_autoptr (PentEngineLink) self = g_object_new (PENT_TYPE_ENGINE_LINK, NULL);
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GSocketConnection) stream = NULL;
  int fds[2];

  pent_ipc_register_errors ();
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_WORKER, "There is no socket for the engine: %s", g_strerror (errno));
      return NULL;
    }
  socket = g_socket_new_from_fd (fds[0], NULL);
  stream = g_socket_connection_factory_create_connection (socket);
  self->process = spawn (device, fds[1], error);
  if (self->process == NULL)
    {
      self->closed = TRUE;
      return NULL;
    }
  g_dbus_connection_new (G_IO_STREAM (stream), NULL,
                         G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                         G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                         NULL, NULL, on_connection, g_object_ref (self));
  self->patience = g_timeout_source_new_seconds (PATIENCE);
  g_source_set_callback (self->patience, on_impatient, self, NULL);
  g_source_attach (self->patience, self->context);
  return g_steal_pointer (&self);
}

void
pent_engine_link_connect_async (PentEngineLink *self, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  g_assert (PENT_IS_ENGINE_LINK (self));

  g_task_set_source_tag (task, pent_engine_link_connect_async);
  if (self->end != NULL)
    g_task_return_error (task, g_error_copy (self->end));
  else if (self->proxy != NULL && !self->lost)
    g_task_return_pointer (task, g_object_ref (self->proxy), g_object_unref);
  else
    g_ptr_array_add (self->waiting, g_steal_pointer (&task));
}

PentIpcEngine *
pent_engine_link_connect_finish (PentEngineLink *self, GAsyncResult *result, GError **error)
{
  g_assert (g_task_is_valid (result, self));
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
pent_engine_link_explain_async (PentEngineLink *self, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  g_assert (PENT_IS_ENGINE_LINK (self));

  g_task_set_source_tag (task, pent_engine_link_explain_async);
  lose (self, NULL);
  if (self->end != NULL)
    g_task_return_error (task, g_error_copy (self->end));
  else if (self->closed)
    g_task_return_new_error_literal (task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "The engine was closed");
  else
    g_ptr_array_add (self->waiting, g_steal_pointer (&task));
}

GError *
pent_engine_link_explain_finish (PentEngineLink *self, GAsyncResult *result)
{
  GError *error = NULL;

  g_assert (g_task_is_valid (result, self));
  g_task_propagate_pointer (G_TASK (result), &error);
  return error;
}

/* ---- jobs ---- */

typedef struct {
  PentEngineLink *link;      /* weak: the link destroys the source */
  guint64         id;
} CancelRequest;

static gboolean
on_cancelled (GCancellable *cancellable, gpointer data)
{
  CancelRequest *request = data;

  if (request->link->proxy != NULL && !request->link->lost)
    pent_ipc_engine_call_cancel (request->link->proxy, request->id, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL, NULL);
  return G_SOURCE_REMOVE;
}

static void
add_job (PentEngineLink *self, guint64 id, PentJob *job)
{
  LinkJob *entry = g_new (LinkJob, 1);
  CancelRequest *request = g_new (CancelRequest, 1);
  gint64 key = (gint64) id;

  *request = (CancelRequest) { self, id };
  entry->job = g_object_ref (job);
  entry->cancel = g_cancellable_source_new (pent_job_get_cancellable (job));
  g_source_set_callback (entry->cancel, G_SOURCE_FUNC (on_cancelled), request, g_free);
  g_source_attach (entry->cancel, self->context);
  g_hash_table_replace (self->jobs, g_memdup2 (&key, sizeof key), entry);
}

void
pent_engine_link_begin_start (PentEngineLink *self)
{
  self->n_starting++;
}

void
pent_engine_link_end_start (PentEngineLink *self, guint64 id, PentJob *job)
{
  GQueue early = self->early;
  GDBusMessage *message;

  g_assert (self->n_starting > 0);

  self->n_starting--;
  if (job != NULL)
    add_job (self, id, job);
  g_queue_init (&self->early);
  while ((message = g_queue_pop_head (&early)) != NULL)
    {
      dispatch (self, message);
      g_object_unref (message);
    }
}

PentIpcEngine *
pent_engine_link_get_proxy (PentEngineLink *self)
{
  return self->proxy;
}

const char *
pent_engine_link_get_identifier (PentEngineLink *self)
{
  return g_subprocess_get_identifier (self->process);
}

gboolean
pent_engine_link_is_lost (PentEngineLink *self)
{
  return self->lost || self->closed;
}

void
pent_engine_link_close (PentEngineLink *self)
{
  g_autoptr (GError) error = NULL;

  if (self->closed || self->lost)
    return;
  self->closed = TRUE;
  if (self->connection == NULL)
    g_subprocess_force_exit (self->process);
  cut (self);
  error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The engine was closed");
  fail_waiting (self, error);
  fail_jobs (self, error);
}

/* ---- object ---- */

static void
pent_engine_link_finalize (GObject *object)
{
  PentEngineLink *self = PENT_ENGINE_LINK (object);

  stop_waiting (self);
  g_clear_pointer (&self->jobs, g_hash_table_unref);
  g_clear_pointer (&self->waiting, g_ptr_array_unref);
  g_queue_clear_full (&self->early, g_object_unref);
  g_clear_object (&self->proxy);
  g_clear_object (&self->connection);
  g_clear_object (&self->process);
  g_clear_error (&self->reason);
  g_clear_error (&self->end);
  g_clear_pointer (&self->context, g_main_context_unref);

  G_OBJECT_CLASS (pent_engine_link_parent_class)->finalize (object);
}

static void
pent_engine_link_class_init (PentEngineLinkClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = pent_engine_link_finalize;
  signals[LOST] = g_signal_new ("lost", PENT_TYPE_ENGINE_LINK, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
pent_engine_link_init (PentEngineLink *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->jobs = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, link_job_free);
  self->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  g_queue_init (&self->early);
}
