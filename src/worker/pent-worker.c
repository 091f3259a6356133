/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-worker"

#include "config.h"

#include "pent-worker.h"

#include <fcntl.h>
#include <unistd.h>

#include "pent-error.h"
#include "pent-ipc-generated.h"
#include "pent-ipc.h"

#define MAX_JOBS 64      /* that wait or run: a client that queues more has gone wrong */

struct _PentWorker {
  GObject          parent_instance;
  GDBusConnection *connection;
  PentIpcEngine   *skeleton;
  PentEngine      *engine;
  GHashTable      *jobs;          /* id -> Entry */
  guint64          last_id;
};

enum {
  DONE,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (PentWorker, pent_worker, G_TYPE_OBJECT)

typedef struct {
  PentWorker *worker;
  PentJob    *job;
  guint64     id;
  gboolean    preview_unseen;
} Entry;

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_signal_handlers_disconnect_by_data (entry->job, entry);
  g_object_unref (entry->job);
  g_free (entry);
}

/* ---- from a job to the wire ---- */

static void
send_signal (PentWorker *self, const char *member, GVariant *body, int fd)
{
  g_autoptr (GDBusMessage) message = g_dbus_message_new_signal (PENT_IPC_PATH, PENT_IPC_INTERFACE, member);

  g_dbus_message_set_body (message, body);
  if (fd >= 0)
    {
      g_autoptr (GUnixFDList) fds = g_unix_fd_list_new_from_array (&fd, 1);

      g_dbus_message_set_unix_fd_list (message, fds);
    }
  g_dbus_connection_send_message (self->connection, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
}

static void
on_progress (PentJob *job, const char *phase, guint step, guint n_steps, double seconds_left, Entry *entry)
{
  g_autofree char *device = pent_engine_get_device (entry->worker->engine);

  pent_ipc_engine_set_device (entry->worker->skeleton, device);
  send_signal (entry->worker, "Progress",
               g_variant_new ("(tsuud)", entry->id, phase, step, n_steps, seconds_left), -1);
}

static void
on_preview (PentJob *job, PentImage *image, guint step, Entry *entry)
{
  int fd;

  if (entry->preview_unseen)
    return;
  fd = pent_ipc_seal_image (image, NULL);
  if (fd < 0)
    return;      /* a preview less is no reason to fail */
  entry->preview_unseen = TRUE;
  send_signal (entry->worker, "Preview",
               g_variant_new ("(tuhuuuu)", entry->id, step, 0, pent_image_get_width (image),
                              pent_image_get_height (image),
                              pent_image_get_width (image) * pent_image_get_channels (image),
                              pent_image_get_channels (image)), fd);
}

static void
on_text (PentJob *job, const char *utf8, Entry *entry)
{
  send_signal (entry->worker, "Text", g_variant_new ("(ts)", entry->id, utf8), -1);
}

static void
on_result (PentJob *job, PentImage *image, PentRecipe *recipe, Entry *entry)
{
  g_autoptr (GError) error = NULL;
  int fd = pent_ipc_seal_image (image, &error);

  if (fd < 0)
    {
      pent_job_cancel (job);
      g_warning ("%s", error->message);
      return;
    }
  send_signal (entry->worker, "Result",
               g_variant_new ("(thuuuu@(sa{sv}))", entry->id, 0, pent_image_get_width (image),
                              pent_image_get_height (image),
                              pent_image_get_width (image) * pent_image_get_channels (image),
                              pent_image_get_channels (image), pent_recipe_to_variant (recipe)), fd);
}

static void
on_done (PentJob *job, Entry *entry)
{
  g_autoptr (PentWorker) self = g_object_ref (entry->worker);
  const GError *error = pent_job_get_error (job);

  if (error == NULL)
    {
      send_signal (self, "Finished", g_variant_new ("(t@a{sv})", entry->id, pent_job_get_timings (job)), -1);
    }
  else
    {
      g_autofree char *name = pent_ipc_error_name (error);

      send_signal (self, "Failed", g_variant_new ("(tssb)", entry->id, name, error->message,
                                                  pent_error_is_users_mistake (error)), -1);
    }
  g_hash_table_remove (self->jobs, &entry->id);

  if (g_error_matches (error, PENT_ERROR, PENT_ERROR_DEVICE_LOST))
    g_signal_emit (self, signals[DONE], 0);
}

/* ---- from the wire to a job ---- */

static GHashTable *
read_images (GVariant *variant, GUnixFDList *fds, GError **error)
{
  g_autoptr (GHashTable) images = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                                         (GDestroyNotify) pent_image_unref);
  GVariantIter iter;
  gint32 handle;
  guint width, height, channels;

  g_variant_iter_init (&iter, variant);
  while (g_variant_iter_next (&iter, "(huuu)", &handle, &width, &height, &channels))
    {
      int fd = pent_ipc_peek_fd (fds, handle, error);
      PentImage *image;

      if (fd < 0)
        return NULL;
      image = pent_ipc_map_image (fd, width, height, (guint64) width * channels, channels, error);
      if (image == NULL)
        return NULL;
      g_hash_table_replace (images, pent_image_get_hash (image), image);
    }
  return g_steal_pointer (&images);
}

/* A set while it is being read: names and descriptors of one label. */
typedef struct {
  char      *label;
  GPtrArray *names;
  GArray    *fds;
} ModelSet;

static void
close_fd (gpointer data)
{
  close (*(int *) data);
}

static void
model_set_free (gpointer data)
{
  ModelSet *set = data;

  g_free (set->label);
  g_ptr_array_unref (set->names);
  g_array_unref (set->fds);
  g_free (set);
}

static ModelSet *
find_set (GPtrArray *sets, const char *label)
{
  ModelSet *set;

  for (guint i = 0; i < sets->len; i++)
    if (g_str_equal (((ModelSet *) g_ptr_array_index (sets, i))->label, label))
      return g_ptr_array_index (sets, i);
  set = g_new (ModelSet, 1);
  set->label = g_strdup (label);
  set->names = g_ptr_array_new_with_free_func (g_free);
  set->fds = g_array_new (FALSE, FALSE, sizeof (int));
  g_array_set_clear_func (set->fds, close_fd);
  g_ptr_array_add (sets, set);
  return set;
}

/* Open for reading: what cannot be read now would only fail later, with a worse message. */
static gboolean
is_readable (int fd, const char *name, GError **error)
{
  int flags = fcntl (fd, F_GETFL);

  if (flags >= 0 && (flags & O_ACCMODE) != O_WRONLY && !(flags & O_PATH))
    return TRUE;
  g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "The descriptor of “%.200s” is not open for reading", name);
  return FALSE;
}

static GPtrArray *
read_models (GVariant *variant, GUnixFDList *fds, GError **error)
{
  g_autoptr (GPtrArray) sets = g_ptr_array_new_with_free_func (model_set_free);
  GPtrArray *models;
  GVariantIter iter;
  const char *label, *name;
  gint32 handle;

  g_variant_iter_init (&iter, variant);
  while (g_variant_iter_next (&iter, "(&s&sh)", &label, &name, &handle))
    {
      ModelSet *set = find_set (sets, label);
      int fd = pent_ipc_peek_fd (fds, handle, error);

      if (fd < 0 || !is_readable (fd, name, error))
        return NULL;
      fd = fcntl (fd, F_DUPFD_CLOEXEC, 3);
      if (fd < 0)
        {
          g_set_error (error, PENT_ERROR, PENT_ERROR_FAILED, "The worker has no descriptors left");
          return NULL;
        }
      g_array_append_val (set->fds, fd);
      g_ptr_array_add (set->names, g_strdup (name));
    }

  models = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < sets->len; i++)
    {
      ModelSet *set = g_ptr_array_index (sets, i);

      g_ptr_array_add (models, pent_files_new_for_fds (set->label, (const char *const *) set->names->pdata,
                                                       (const int *) (gconstpointer) set->fds->data, set->fds->len));
      g_array_set_clear_func (set->fds, NULL);
    }
  return models;
}

static Entry *
start_job (PentWorker *self, GVariant *recipe_variant, GVariant *images_variant, GVariant *models_variant,
           GVariant *options, GUnixFDList *fds, GError **error)
{
  g_autoptr (PentRecipe) recipe = pent_recipe_from_variant (recipe_variant, error);
  g_autoptr (GHashTable) images = NULL;
  g_autoptr (GPtrArray) models = NULL;
  gboolean previews = TRUE;
  PentJob *job;
  Entry *entry;

  if (recipe == NULL)
    return NULL;
  if (g_hash_table_size (self->jobs) >= MAX_JOBS)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FAILED, "%d jobs wait already", MAX_JOBS);
      return NULL;
    }
  images = read_images (images_variant, fds, error);
  if (images == NULL)
    return NULL;
  models = read_models (models_variant, fds, error);
  if (models == NULL)
    return NULL;
  g_variant_lookup (options, "previews", "b", &previews);
  job = pent_engine_start_job (self->engine, recipe, images, models, previews, error);
  if (job == NULL)
    return NULL;

  entry = g_new0 (Entry, 1);
  entry->worker = self;
  entry->job = job;
  entry->id = ++self->last_id;
  g_signal_connect (job, "progress", G_CALLBACK (on_progress), entry);
  g_signal_connect (job, "preview", G_CALLBACK (on_preview), entry);
  g_signal_connect (job, "text", G_CALLBACK (on_text), entry);
  g_signal_connect (job, "result", G_CALLBACK (on_result), entry);
  g_signal_connect (job, "done", G_CALLBACK (on_done), entry);
  g_hash_table_insert (self->jobs, &entry->id, entry);
  return entry;
}

static gboolean
handle_start_job (PentIpcEngine *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds, GVariant *recipe,
                  GVariant *images, GVariant *models, GVariant *options, PentWorker *self)
{
  GError *error = NULL;
  Entry *entry = start_job (self, recipe, images, models, options, fds, &error);

  if (entry == NULL)
    g_dbus_method_invocation_take_error (invocation, error);
  else
    pent_ipc_engine_complete_start_job (skeleton, invocation, NULL, entry->id);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_cancel (PentIpcEngine *skeleton, GDBusMethodInvocation *invocation, guint64 id, PentWorker *self)
{
  Entry *entry = g_hash_table_lookup (self->jobs, &id);

  if (entry != NULL)
    pent_job_cancel (entry->job);
  pent_ipc_engine_complete_cancel (skeleton, invocation);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_preview_seen (PentIpcEngine *skeleton, GDBusMethodInvocation *invocation, guint64 id, PentWorker *self)
{
  Entry *entry = g_hash_table_lookup (self->jobs, &id);

  if (entry != NULL)
    entry->preview_unseen = FALSE;
  pent_ipc_engine_complete_preview_seen (skeleton, invocation);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
list_devices (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;
  GVariant *devices = pent_engine_list_devices (&error);

  if (devices == NULL)
    g_dbus_method_invocation_take_error (data, error);
  else
    pent_ipc_engine_complete_devices (NULL, data, devices);
  g_task_return_boolean (task, TRUE);
}

/* The drivers are asked on another thread than this one. */
static gboolean
handle_devices (PentIpcEngine *skeleton, GDBusMethodInvocation *invocation, PentWorker *self)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, NULL, NULL);

  g_task_set_task_data (task, invocation, NULL);
  g_task_run_in_thread (task, list_devices);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_operations (PentIpcEngine *skeleton, GDBusMethodInvocation *invocation, PentWorker *self)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_null_terminated (0, NULL, TRUE);

  for (gsize i = 0; pent_ops[i] != NULL; i++)
    g_ptr_array_add (names, (gpointer) pent_ops[i]->name);
  pent_ipc_engine_complete_operations (skeleton, invocation, (const char *const *) names->pdata);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_describe (PentIpcEngine *skeleton, GDBusMethodInvocation *invocation, const char *name, PentWorker *self)
{
  const PentOpClass *op = pent_op_find (name);

  if (op == NULL)
    g_dbus_method_invocation_return_error (invocation, PENT_ERROR, PENT_ERROR_INVALID, "There is no operation “%.60s”",
                                           name);
  else
    pent_ipc_engine_complete_describe (skeleton, invocation, pent_engine_describe (op));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

/* ---- object ---- */

static void
on_closed (GDBusConnection *connection, gboolean remote_peer_vanished, GError *error, PentWorker *self)
{
  GHashTableIter iter;
  gpointer entry;

  g_hash_table_iter_init (&iter, self->jobs);
  while (g_hash_table_iter_next (&iter, NULL, &entry))
    pent_job_cancel (((Entry *) entry)->job);
  g_signal_emit (self, signals[DONE], 0);
}

static void
pent_worker_dispose (GObject *object)
{
  PentWorker *self = PENT_WORKER (object);

  if (self->skeleton != NULL)
    g_dbus_interface_skeleton_unexport (G_DBUS_INTERFACE_SKELETON (self->skeleton));
  g_clear_object (&self->skeleton);
  g_clear_pointer (&self->jobs, g_hash_table_unref);
  g_clear_object (&self->connection);
  g_clear_object (&self->engine);

  G_OBJECT_CLASS (pent_worker_parent_class)->dispose (object);
}

static void
pent_worker_class_init (PentWorkerClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = pent_worker_dispose;
  signals[DONE] = g_signal_new ("done", PENT_TYPE_WORKER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
pent_worker_init (PentWorker *self)
{
  self->jobs = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, entry_free);
  self->skeleton = pent_ipc_engine_skeleton_new ();
  pent_ipc_engine_set_version (self->skeleton, VERSION);
  pent_ipc_engine_set_device (self->skeleton, "");
  g_signal_connect (self->skeleton, "handle-start-job", G_CALLBACK (handle_start_job), self);
  g_signal_connect (self->skeleton, "handle-cancel", G_CALLBACK (handle_cancel), self);
  g_signal_connect (self->skeleton, "handle-preview-seen", G_CALLBACK (handle_preview_seen), self);
  g_signal_connect (self->skeleton, "handle-devices", G_CALLBACK (handle_devices), self);
  g_signal_connect (self->skeleton, "handle-operations", G_CALLBACK (handle_operations), self);
  g_signal_connect (self->skeleton, "handle-describe", G_CALLBACK (handle_describe), self);
}

PentWorker *
pent_worker_new (GDBusConnection *connection, PentEngine *engine, GError **error)
{
  g_autoptr (PentWorker) self = g_object_new (PENT_TYPE_WORKER, NULL);

  pent_ipc_register_errors ();
  self->connection = g_object_ref (connection);
  self->engine = g_object_ref (engine);
  if (!g_dbus_interface_skeleton_export (G_DBUS_INTERFACE_SKELETON (self->skeleton), connection, PENT_IPC_PATH, error))
    return NULL;
  g_dbus_connection_set_exit_on_close (connection, FALSE);
  g_signal_connect_object (connection, "closed", G_CALLBACK (on_closed), self, G_CONNECT_DEFAULT);
  g_dbus_connection_start_message_processing (connection);
  return g_steal_pointer (&self);
}
