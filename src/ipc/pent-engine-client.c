/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-ipc"

#include "pent-engine-client.h"

#include <unistd.h>

#include "pent-engine-link.h"
#include "pent-error.h"
#include "pent-files.h"
#include "pent-ipc.h"

struct _PentEngineClient {
  GObject         parent_instance;
  char           *device;
  PentEngineLink *link;      /* the worker that runs now, or NULL */
};

enum {
  PROP_0,
  PROP_DEVICE,
  N_PROPS
};

enum {
  LOST,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (PentEngineClient, pent_engine_client, G_TYPE_OBJECT)

/* ---- the worker ---- */

static void
on_lost (PentEngineLink *link, GError *error, PentEngineClient *self)
{
  if (self->link == link)
    g_clear_object (&self->link);
  g_signal_emit (self, signals[LOST], 0, error);
}

/* Transfer none. */
static PentEngineLink *
ensure_link (PentEngineClient *self, GError **error)
{
  if (self->link != NULL && pent_engine_link_is_lost (self->link))
    g_clear_object (&self->link);
  if (self->link == NULL)
    {
      self->link = pent_engine_link_new (self->device, error);
      if (self->link != NULL)
        g_signal_connect_object (self->link, "lost", G_CALLBACK (on_lost), self, G_CONNECT_DEFAULT);
    }
  return self->link;
}

static void
on_explained (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;

  g_task_return_error (task, pent_engine_link_explain_finish (PENT_ENGINE_LINK (object), result));
}

/* Ends task with the error of a call as the artist should see it: what the worker said, or why it is gone. */
static void
return_call_error (GTask *task, PentEngineLink *link, GError *error)
{
  g_dbus_error_strip_remote_error (error);
  if (error->domain == PENT_ERROR || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_task_return_error (task, error);
      return;
    }
  g_debug ("A call failed: %s", error->message);
  g_error_free (error);
  pent_engine_link_explain_async (link, on_explained, g_object_ref (task));
}

/* ---- starting a job ---- */

typedef struct {
  PentRecipe     *recipe;
  GVariant       *images, *models;
  GUnixFDList    *fds;
  gboolean        previews;
  PentEngineLink *link;
} Start;

static void
start_free (gpointer data)
{
  Start *start = data;

  g_clear_pointer (&start->recipe, pent_recipe_unref);
  g_clear_pointer (&start->images, g_variant_unref);
  g_clear_pointer (&start->models, g_variant_unref);
  g_clear_object (&start->fds);
  g_clear_object (&start->link);
  g_free (start);
}

static void
close_fd (gpointer data)
{
  close (*(int *) data);
}

/* What a model is read from; anything else in its folder (pictures, licences) stays here. */
static gboolean
is_model_file (const char *name)
{
  static const char *const endings[] = { ".json", ".jinja", ".txt", ".model", ".safetensors", ".gguf", NULL };

  for (gsize i = 0; endings[i] != NULL; i++)
    if (g_str_has_suffix (name, endings[i]))
      return TRUE;
  return FALSE;
}

static gboolean
add_fd (GArray *fds, int fd, GError **error)
{
  if (fd < 0)
    return FALSE;
  g_array_append_val (fds, fd);
  if (fds->len <= PENT_IPC_MAX_FDS)
    return TRUE;
  g_set_error (error, PENT_ERROR, PENT_ERROR_UNSUPPORTED, "A model in more than %d files cannot be handed over",
               PENT_IPC_MAX_FDS);
  return FALSE;
}

static gboolean
add_model (PentFiles *files, GVariantBuilder *builder, GArray *fds, GError **error)
{
  const char *const *names = pent_files_get_names (files);
  g_autofree char *label = g_utf8_make_valid (pent_files_get_label (files), -1);

  for (gsize i = 0; names[i] != NULL; i++)
    {
      if (!is_model_file (names[i]))
        continue;
      if (!add_fd (fds, pent_files_open (files, names[i], error), error))
        return FALSE;
      g_variant_builder_add (builder, "(ssh)", label, names[i], (gint32) fds->len - 1);
    }
  return TRUE;
}

/* Everything that has to be opened is opened here, before the worker hears of it. */
static Start *
start_new (PentRecipe *recipe, GHashTable *images, GPtrArray *models, GError **error)
{
  g_autoptr (GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));
  g_auto (GVariantBuilder) image_builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(huuu)"));
  g_auto (GVariantBuilder) model_builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(ssh)"));
  GHashTableIter iter;
  gpointer image;
  Start *start;

  g_array_set_clear_func (fds, close_fd);
  if (images != NULL)
    {
      g_hash_table_iter_init (&iter, images);
      while (g_hash_table_iter_next (&iter, NULL, &image))
        {
          if (!add_fd (fds, pent_ipc_seal_image (image, error), error))
            return NULL;
          g_variant_builder_add (&image_builder, "(huuu)", (gint32) fds->len - 1, pent_image_get_width (image),
                                 pent_image_get_height (image), pent_image_get_channels (image));
        }
    }
  for (guint i = 0; models != NULL && i < models->len; i++)
    if (!add_model (g_ptr_array_index (models, i), &model_builder, fds, error))
      return NULL;

  start = g_new0 (Start, 1);
  start->recipe = pent_recipe_copy (recipe);
  start->images = g_variant_ref_sink (g_variant_builder_end (&image_builder));
  start->models = g_variant_ref_sink (g_variant_builder_end (&model_builder));
  start->fds = g_unix_fd_list_new_from_array ((const int *) (gconstpointer) fds->data, fds->len);
  g_array_set_clear_func (fds, NULL);      /* the list has them now */
  return start;
}

static void
cancel_job (GCancellable *cancellable, gpointer data)
{
  pent_job_cancel (data);
}

/* The job hears of the caller's cancellable as long as it lives. */
static void
follow_cancellable (PentJob *job, GCancellable *cancellable)
{
  if (cancellable != NULL)
    g_signal_connect_object (cancellable, "cancelled", G_CALLBACK (cancel_job), job, G_CONNECT_DEFAULT);
  if (g_cancellable_is_cancelled (cancellable))
    pent_job_cancel (job);
}

static void
on_started (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Start *start = g_task_get_task_data (task);
  g_autoptr (PentJob) job = NULL;
  GError *error = NULL;
  guint64 id = 0;

  if (!pent_ipc_engine_call_start_job_finish (PENT_IPC_ENGINE (object), &id, NULL, result, &error))
    {
      pent_engine_link_end_start (start->link, 0, NULL);
      return_call_error (task, start->link, error);
      return;
    }
  if (pent_engine_link_is_lost (start->link))
    {
      pent_engine_link_end_start (start->link, 0, NULL);
      pent_engine_link_explain_async (start->link, on_explained, g_steal_pointer (&task));
      return;
    }

  job = pent_job_new (start->recipe);
  follow_cancellable (job, g_task_get_cancellable (task));
  /* First the caller, who connects to the job, then what the worker has already said about it. */
  g_task_return_pointer (task, g_object_ref (job), g_object_unref);
  pent_engine_link_end_start (start->link, id, job);
}

static GVariant *
make_options (Start *start)
{
  GVariantDict dict = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&dict, "previews", "b", start->previews);
  return g_variant_dict_end (&dict);
}

static void
on_connected (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Start *start = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (PentIpcEngine) proxy = pent_engine_link_connect_finish (start->link, result, &error);

  if (proxy == NULL || g_cancellable_set_error_if_cancelled (g_task_get_cancellable (task), &error))
    {
      g_task_return_error (task, error);
      return;
    }
  pent_engine_link_begin_start (start->link);
  pent_ipc_engine_call_start_job (proxy, pent_recipe_to_variant (start->recipe), start->images, start->models,
                                  make_options (start), G_DBUS_CALL_FLAGS_NONE, -1, start->fds, NULL, on_started,
                                  g_steal_pointer (&task));
  g_clear_object (&start->fds);
}

void
pent_engine_client_start_job_async (PentEngineClient *self, PentRecipe *recipe, GHashTable *images, GPtrArray *models,
                                    gboolean previews, GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer user_data)
{
  g_autoptr (GTask) task = NULL;
  GError *error = NULL;
  PentEngineLink *link;
  Start *start;

  g_return_if_fail (PENT_IS_ENGINE_CLIENT (self));
  g_return_if_fail (recipe != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, pent_engine_client_start_job_async);
  g_task_set_check_cancellable (task, FALSE);      /* a job that was taken is handed over, and cancelled there */

  start = start_new (recipe, images, models, &error);
  link = start != NULL ? ensure_link (self, &error) : NULL;
  if (start != NULL)
    g_task_set_task_data (task, start, start_free);
  if (link == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  start->link = g_object_ref (link);
  start->previews = previews;
  pent_engine_link_connect_async (link, on_connected, g_steal_pointer (&task));
}

PentJob *
pent_engine_client_start_job_finish (PentEngineClient *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- questions ---- */

typedef void (*Ask) (PentIpcEngine *proxy, GTask *task);

typedef struct {
  Ask             ask;
  char           *op;
  PentEngineLink *link;
} Question;

static void
question_free (gpointer data)
{
  Question *question = data;

  g_clear_object (&question->link);
  g_free (question->op);
  g_free (question);
}

static void
on_question_connected (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Question *question = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (PentIpcEngine) proxy = pent_engine_link_connect_finish (PENT_ENGINE_LINK (object), result, &error);

  if (proxy == NULL)
    g_task_return_error (task, error);
  else
    question->ask (proxy, g_steal_pointer (&task));
}

static void
ask_async (PentEngineClient *self, gpointer tag, Ask ask, const char *op, GCancellable *cancellable,
           GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;
  PentEngineLink *link = ensure_link (self, &error);
  Question *question = g_new0 (Question, 1);

  g_task_set_source_tag (task, tag);
  question->ask = ask;
  question->op = g_strdup (op);
  g_task_set_task_data (task, question, question_free);
  g_set_object (&question->link, link);
  if (link == NULL)
    g_task_return_error (task, error);
  else
    pent_engine_link_connect_async (link, on_question_connected, g_steal_pointer (&task));
}

static void
answer (GTask *task, GVariant *value, GError *error)
{
  Question *question = g_task_get_task_data (task);

  if (value != NULL)
    g_task_return_pointer (task, value, (GDestroyNotify) g_variant_unref);
  else
    return_call_error (task, question->link, error);
}

static void
on_devices (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  GVariant *value = NULL;

  pent_ipc_engine_call_devices_finish (PENT_IPC_ENGINE (object), &value, result, &error);
  answer (task, value, error);
}

static void
ask_devices (PentIpcEngine *proxy, GTask *task)
{
  pent_ipc_engine_call_devices (proxy, G_DBUS_CALL_FLAGS_NONE, -1, g_task_get_cancellable (task), on_devices, task);
}

void
pent_engine_client_list_devices_async (PentEngineClient *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                       gpointer user_data)
{
  g_return_if_fail (PENT_IS_ENGINE_CLIENT (self));
  ask_async (self, pent_engine_client_list_devices_async, ask_devices, NULL, cancellable, callback, user_data);
}

GVariant *
pent_engine_client_list_devices_finish (PentEngineClient *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
on_description (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  GVariant *value = NULL;

  pent_ipc_engine_call_describe_finish (PENT_IPC_ENGINE (object), &value, result, &error);
  answer (task, value, error);
}

static void
ask_description (PentIpcEngine *proxy, GTask *task)
{
  Question *question = g_task_get_task_data (task);

  pent_ipc_engine_call_describe (proxy, question->op, G_DBUS_CALL_FLAGS_NONE, -1, g_task_get_cancellable (task),
                                 on_description, task);
}

void
pent_engine_client_describe_async (PentEngineClient *self, const char *op, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (PENT_IS_ENGINE_CLIENT (self));
  g_return_if_fail (op != NULL);
  ask_async (self, pent_engine_client_describe_async, ask_description, op, cancellable, callback, user_data);
}

GVariant *
pent_engine_client_describe_finish (PentEngineClient *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- object ---- */

static void
pent_engine_client_dispose (GObject *object)
{
  PentEngineClient *self = PENT_ENGINE_CLIENT (object);

  pent_engine_client_stop (self);
  g_clear_pointer (&self->device, g_free);

  G_OBJECT_CLASS (pent_engine_client_parent_class)->dispose (object);
}

static void
pent_engine_client_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  PentEngineClient *self = PENT_ENGINE_CLIENT (object);

  switch (prop_id)
    {
    case PROP_DEVICE:
      g_value_set_string (value, self->device);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
pent_engine_client_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  PentEngineClient *self = PENT_ENGINE_CLIENT (object);

  switch (prop_id)
    {
    case PROP_DEVICE:
      self->device = g_value_dup_string (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
pent_engine_client_class_init (PentEngineClientClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = pent_engine_client_dispose;
  object_class->get_property = pent_engine_client_get_property;
  object_class->set_property = pent_engine_client_set_property;

  properties[PROP_DEVICE] = g_param_spec_string ("device", NULL, NULL, NULL,
                                                 G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  signals[LOST] = g_signal_new ("lost", PENT_TYPE_ENGINE_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
pent_engine_client_init (PentEngineClient *self)
{
}

PentEngineClient *
pent_engine_client_new (const char *device)
{
  return g_object_new (PENT_TYPE_ENGINE_CLIENT, "device", device, NULL);
}

void
pent_engine_client_stop (PentEngineClient *self)
{
  g_autoptr (PentEngineLink) link = NULL;

  g_return_if_fail (PENT_IS_ENGINE_CLIENT (self));

  link = g_steal_pointer (&self->link);
  if (link != NULL)
    pent_engine_link_close (link);
}

const char *
pent_engine_client_get_identifier (PentEngineClient *self)
{
  g_return_val_if_fail (PENT_IS_ENGINE_CLIENT (self), NULL);
  return self->link != NULL ? pent_engine_link_get_identifier (self->link) : NULL;
}

char *
pent_engine_client_get_device (PentEngineClient *self)
{
  PentIpcEngine *proxy;

  g_return_val_if_fail (PENT_IS_ENGINE_CLIENT (self), NULL);

  proxy = self->link != NULL ? pent_engine_link_get_proxy (self->link) : NULL;
  return proxy != NULL ? pent_ipc_engine_dup_device (proxy) : NULL;
}
