/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-engine"

#include "config.h"

#include "pent-engine.h"

#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "pent-engine-private.h"
#include "pent-error.h"

struct _PentEngine {
  GObject                  parent_instance;
  const PentEngineBackend *backend;
  char                    *device;
  GThread                 *thread;
  GAsyncQueue             *queue;              /* of Run; the engine itself ends the thread */

  GMutex                   lock;
  char                    *device_name;        /* under lock */
  PentJob                 *current;            /* under lock */

  /* The engine's thread alone: */
  PentVkContext           *context;
  PentPipeline            *pipeline;
  PentLanguage            *language;
  char                    *pipeline_key, *language_key;
};

G_DEFINE_FINAL_TYPE (PentEngine, pent_engine, G_TYPE_OBJECT)

/* One job on its way through the engine's thread. */
typedef struct {
  PentEngine        *engine;
  PentJob           *job;
  const PentOpClass *op;
  PentRecipe        *recipe;
  GHashTable        *images;
  GPtrArray         *models;
  PentNnPrecision    precision;
  PentEngineTimer    timer;
  guint              n_results;
  gboolean           previews;
  int                preview_pending;          /* atomic */
} Run;

static void
run_free (Run *run)
{
  g_clear_object (&run->job);
  g_clear_pointer (&run->recipe, pent_recipe_unref);
  g_clear_pointer (&run->images, g_hash_table_unref);
  g_clear_pointer (&run->models, g_ptr_array_unref);
  pent_engine_timer_clear (&run->timer);
  g_free (run);
}

/* ---- events: from the engine's thread to the job's main context ---- */

typedef enum { EVENT_PROGRESS, EVENT_PREVIEW, EVENT_TEXT, EVENT_RESULT, EVENT_FINISHED, EVENT_FAILED } EventKind;

typedef struct {
  EventKind   kind;
  Run        *run;
  const char *phase;
  guint       step, n_steps;
  double      seconds_left;
  PentImage  *image;
  PentRecipe *recipe;
  char       *text;
  GVariant   *timings;
  GError     *error;
} Event;

static void
event_free (gpointer data)
{
  Event *event = data;

  if (event->kind == EVENT_FINISHED || event->kind == EVENT_FAILED)
    run_free (event->run);
  g_clear_pointer (&event->image, pent_image_unref);
  g_clear_pointer (&event->recipe, pent_recipe_unref);
  g_clear_pointer (&event->timings, g_variant_unref);
  g_clear_error (&event->error);
  g_free (event->text);
  g_free (event);
}

static gboolean
event_deliver (gpointer data)
{
  Event *event = data;
  PentJob *job = event->run->job;

  switch (event->kind)
    {
    case EVENT_PROGRESS:
      pent_job_report_progress (job, event->phase, event->step, event->n_steps, event->seconds_left);
      break;
    case EVENT_PREVIEW:
      g_atomic_int_set (&event->run->preview_pending, 0);
      pent_job_report_preview (job, event->image, event->step);
      break;
    case EVENT_TEXT:
      pent_job_report_text (job, event->text);
      break;
    case EVENT_RESULT:
      pent_job_report_result (job, event->image, event->recipe);
      break;
    case EVENT_FINISHED:
      pent_job_finish (job, event->timings);
      break;
    case EVENT_FAILED:
      pent_job_fail (job, event->error);
      break;
    }
  return G_SOURCE_REMOVE;
}

/* Not g_main_context_invoke (): that would call back on this thread where nobody runs the context just now. */
static void
event_send (Event *event)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, event_deliver, event, event_free);
  g_source_attach (source, pent_job_get_context (event->run->job));
}

static Event *
event_new (EventKind kind, Run *run)
{
  Event *event = g_new0 (Event, 1);

  event->kind = kind;
  event->run = run;
  return event;
}

static void
on_progress (gpointer data, const char *phase, guint step, guint n_steps)
{
  Run *run = data;
  Event *event = event_new (EVENT_PROGRESS, run);

  event->phase = g_intern_string (phase);
  event->step = step;
  event->n_steps = n_steps;
  event->seconds_left = pent_engine_timer_progress (&run->timer, phase, step, n_steps);
  event_send (event);
}

static void
on_preview (gpointer data, PentImage *image, guint step, guint n_steps)
{
  Run *run = data;
  Event *event;

  if (!g_atomic_int_compare_and_exchange (&run->preview_pending, 0, 1))
    return;      /* the last one has not been looked at yet */
  event = event_new (EVENT_PREVIEW, run);
  event->image = pent_image_ref (image);
  event->step = step;
  event_send (event);
}

static void
on_text (gpointer data, const char *utf8)
{
  Event *event = event_new (EVENT_TEXT, data);

  event->text = g_strdup (utf8);
  event_send (event);
}

static void
on_result (gpointer data, PentImage *image, PentRecipe *recipe)
{
  Run *run = data;
  Event *event = event_new (EVENT_RESULT, run);

  run->n_results++;
  event->image = pent_image_ref (image);
  event->recipe = pent_recipe_copy (recipe);
  event_send (event);
}

/* ---- device and models; the engine's thread ---- */

static void
drop_models (PentEngine *self)
{
  g_clear_object (&self->pipeline);
  g_clear_object (&self->language);
  g_clear_pointer (&self->pipeline_key, g_free);
  g_clear_pointer (&self->language_key, g_free);
}

static void
drop_device (PentEngine *self)
{
  drop_models (self);
  g_clear_pointer (&self->context, pent_vk_context_unref);
}

static gboolean
open_device (PentEngine *self, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  if (self->context != NULL)
    return TRUE;
  self->context = self->backend->open_device (self->device, &local_error);
  if (local_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  if (self->context != NULL)
    {
      const PentVkInfo *info = pent_vk_context_get_info (self->context);

      G_MUTEX_AUTO_LOCK (&self->lock, locker);
      g_free (self->device_name);
      self->device_name = g_strdup_printf ("%s, %s", info->name, info->driver);
    }
  return TRUE;
}

/* Which files these are, whatever they are called: the same descriptors sent again are the same model. */
static char *
model_key (GPtrArray *models, PentNnPrecision precision)
{
  GString *key = g_string_new (NULL);

  g_string_printf (key, "%d", precision);
  for (guint i = 0; i < models->len; i++)
    {
      PentFiles *files = g_ptr_array_index (models, i);
      const char *const *names = pent_files_get_names (files);

      g_string_append_c (key, '\n');
      for (gsize j = 0; names[j] != NULL; j++)
        {
          g_autofd int fd = pent_files_open (files, names[j], NULL);
          struct stat info;

          if (fd >= 0 && fstat (fd, &info) == 0)
            g_string_append_printf (key, "|%s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT
                                    " %" G_GINT64_FORMAT ".%ld", names[j], (guint64) info.st_dev,
                                    (guint64) info.st_ino, (gint64) info.st_size, (gint64) info.st_mtim.tv_sec,
                                    info.st_mtim.tv_nsec);
        }
    }
  return g_string_free_and_steal (key);
}

static void
settle_precision (Run *run)
{
  static const char *const names[] = { "f32", "f16", "bf16" };
  const char *asked = pent_recipe_get_string (run->recipe, "precision");
  const PentVkInfo *info = run->engine->context != NULL ? pent_vk_context_get_info (run->engine->context) : NULL;

  run->precision = PENT_NN_PRECISION_F32;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (names[i], asked))
      run->precision = i;
  if (g_str_equal (asked, "auto") && info != NULL && info->kind != PENT_VK_CPU && info->features & PENT_VK_F16)
    run->precision = PENT_NN_PRECISION_F16;
  if (*asked != '\0')
    pent_recipe_set (run->recipe, "precision", g_variant_new_string (names[run->precision]));
}

static gboolean
need_models (Run *run, GError **error)
{
  if (run->models->len > 0)
    return TRUE;
  g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "“%s” needs a model and got none", run->op->name);
  return FALSE;
}

static gboolean
load_pipeline (Run *run, GError **error)
{
  PentEngine *self = run->engine;
  g_autofree char *key = NULL;
  g_autoptr (GPtrArray) extra = NULL;

  if (!need_models (run, error))
    return FALSE;
  key = model_key (run->models, run->precision);
  if (self->pipeline == NULL || g_strcmp0 (key, self->pipeline_key) != 0)
    {
      g_clear_object (&self->pipeline);
      g_clear_pointer (&self->pipeline_key, g_free);
      extra = g_ptr_array_new_null_terminated (0, NULL, TRUE);
      for (guint i = 1; i < run->models->len; i++)
        g_ptr_array_add (extra, g_ptr_array_index (run->models, i));
      self->pipeline = self->backend->load_pipeline (self->context, g_ptr_array_index (run->models, 0),
                                                     extra->len > 0 ? (PentFiles *const *) extra->pdata : NULL,
                                                     run->precision, error);
      if (self->pipeline == NULL)
        return FALSE;
      self->pipeline_key = g_steal_pointer (&key);
    }
  pent_recipe_set (run->recipe, "model-hash", g_variant_new_string (pent_pipeline_get_id (self->pipeline)));
  pent_recipe_set (run->recipe, "model-family",
                   g_variant_new_string (pent_pipeline_get_info (self->pipeline)->family));
  return TRUE;
}

static gboolean
load_language (Run *run, GError **error)
{
  PentEngine *self = run->engine;
  g_autofree char *key = NULL;

  if (!need_models (run, error))
    return FALSE;
  key = model_key (run->models, run->precision);
  if (self->language != NULL && g_strcmp0 (key, self->language_key) == 0)
    return TRUE;

  g_clear_object (&self->language);
  g_clear_pointer (&self->language_key, g_free);
  self->language = self->backend->load_language (self->context, g_ptr_array_index (run->models, 0), run->precision,
                                                 error);
  self->language_key = g_steal_pointer (&key);
  return self->language != NULL;
}

/* ---- running ---- */

static void
note_machine (Run *run)
{
  const PentVkInfo *info = run->engine->context != NULL ? pent_vk_context_get_info (run->engine->context) : NULL;

  pent_recipe_set (run->recipe, "version", g_variant_new_string ("pentimento " VERSION));
  if (info == NULL)
    return;
  pent_recipe_set (run->recipe, "device", g_variant_new_string (info->name));
  pent_recipe_set (run->recipe, "driver", g_variant_new_string (info->driver));
}

static gboolean
attempt (Run *run, GError **error)
{
  PentEngine *self = run->engine;
  GCancellable *cancellable = pent_job_get_cancellable (run->job);
  PentOpRun op_run = { .progress = on_progress, .text = on_text, .result = on_result };

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  on_progress (run, "load", 0, 1);
  if (!open_device (self, error))
    return FALSE;
  settle_precision (run);
  note_machine (run);
  if (run->op->needs & PENT_OP_NEEDS_PICTURE_MODEL && !load_pipeline (run, error))
    return FALSE;
  if (run->op->needs & PENT_OP_NEEDS_LANGUAGE_MODEL && !load_language (run, error))
    return FALSE;

  op_run.preview = run->previews ? on_preview : NULL;
  op_run.context = self->context;
  op_run.pipeline = self->pipeline;
  op_run.language = self->language;
  op_run.recipe = run->recipe;
  op_run.images = run->images;
  op_run.cancellable = cancellable;
  op_run.data = run;
  return run->op->run (&op_run, error);
}

static gboolean
device_failed (PentEngine *self)
{
  return self->context != NULL && pent_vk_context_failed (self->context);
}

/* Memory that another model still holds is given back, once, before the artist hears of it. */
static gboolean
run_op (Run *run, GError **error)
{
  PentEngine *self = run->engine;
  gboolean both = self->pipeline != NULL && self->language != NULL;
  g_autoptr (GError) local_error = NULL;
  gboolean success = attempt (run, &local_error);

  both |= self->pipeline != NULL && self->language != NULL;
  if (!success && both && run->n_results == 0 && g_error_matches (local_error, PENT_ERROR, PENT_ERROR_MEMORY))
    {
      g_clear_error (&local_error);
      drop_device (self);
      success = attempt (run, &local_error);
    }
  if (device_failed (self))
    drop_device (self);
  if (!success)
    g_propagate_error (error, g_steal_pointer (&local_error));
  return success;
}

static GVariant *
make_timings (Run *run)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  GVariant *seed = pent_recipe_get (run->recipe, "seed");

  pent_engine_timer_finish (&run->timer, &builder);
  if (run->engine->context != NULL)
    g_variant_builder_add (&builder, "{sv}", "peak-memory",
                           g_variant_new_uint64 (pent_vk_context_get_peak (run->engine->context)));
  if (seed != NULL)
    g_variant_builder_add (&builder, "{sv}", "seed", seed);
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static void
set_current (PentEngine *self, PentJob *job)
{
  G_MUTEX_AUTO_LOCK (&self->lock, locker);
  self->current = job;
}

static void
run_job (Run *run)
{
  PentEngine *self = run->engine;
  GError *error = NULL;
  Event *event;

  set_current (self, run->job);
  pent_engine_timer_start (&run->timer);
  if (run_op (run, &error))
    {
      event = event_new (EVENT_FINISHED, run);
      event->timings = make_timings (run);
    }
  else
    {
      event = event_new (EVENT_FAILED, run);
      event->error = error;
    }
  set_current (self, NULL);
  event_send (event);
}

static gpointer
engine_thread (gpointer data)
{
  PentEngine *self = data;
  gpointer item;

  while ((item = g_async_queue_pop (self->queue)) != self)
    run_job (item);
  drop_device (self);
  return NULL;
}

/* ---- object ---- */

static void
fail_waiting (PentEngine *self)
{
  gpointer item;

  while ((item = g_async_queue_try_pop (self->queue)) != NULL)
    {
      Event *event = event_new (EVENT_FAILED, item);

      event->error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The engine was closed");
      event_send (event);
    }
}

static void
pent_engine_finalize (GObject *object)
{
  PentEngine *self = PENT_ENGINE (object);

  fail_waiting (self);
  g_mutex_lock (&self->lock);
  if (self->current != NULL)
    pent_job_cancel (self->current);
  g_mutex_unlock (&self->lock);
  g_async_queue_push (self->queue, self);
  g_thread_join (self->thread);

  g_async_queue_unref (self->queue);
  g_free (self->device);
  g_free (self->device_name);
  g_mutex_clear (&self->lock);

  G_OBJECT_CLASS (pent_engine_parent_class)->finalize (object);
}

static void
pent_engine_class_init (PentEngineClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = pent_engine_finalize;
}

static void
pent_engine_init (PentEngine *self)
{
  g_mutex_init (&self->lock);
  self->queue = g_async_queue_new ();
}

PentEngine *
pent_engine_new_with_backend (const char *device, const PentEngineBackend *backend)
{
  PentEngine *self = g_object_new (PENT_TYPE_ENGINE, NULL);

  self->device = g_strdup (device);
  self->backend = backend;
  self->thread = g_thread_new ("pent-engine", engine_thread, self);
  return self;
}

PentEngine *
pent_engine_new (const char *device)
{
  static const PentEngineBackend backend = { pent_vk_context_new, pent_pipeline_load, pent_language_load };

  return pent_engine_new_with_backend (device, &backend);
}

PentJob *
pent_engine_start_job (PentEngine *self, PentRecipe *recipe, GHashTable *images, GPtrArray *models, gboolean previews,
                       GError **error)
{
  g_autoptr (PentRecipe) copy = NULL;
  const PentOpClass *op;
  PentJob *job;
  Run *run;

  g_return_val_if_fail (PENT_IS_ENGINE (self), NULL);
  g_return_val_if_fail (recipe != NULL, NULL);

  op = pent_op_find (pent_recipe_get_op (recipe));
  if (op == NULL)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "There is no operation “%.60s”",
                   pent_recipe_get_op (recipe));
      return NULL;
    }
  copy = pent_recipe_copy (recipe);
  if (!pent_recipe_resolve (copy, op->params, error))
    return NULL;

  job = pent_job_new (recipe);
  run = g_new0 (Run, 1);
  run->engine = self;
  run->job = g_object_ref (job);
  run->op = op;
  run->previews = previews;
  run->recipe = g_steal_pointer (&copy);
  run->images = images != NULL ? g_hash_table_ref (images) : NULL;
  run->models = models != NULL ? g_ptr_array_ref (models) : g_ptr_array_new ();
  g_async_queue_push (self->queue, run);
  return job;
}

char *
pent_engine_get_device (PentEngine *self)
{
  g_return_val_if_fail (PENT_IS_ENGINE (self), NULL);

  G_MUTEX_AUTO_LOCK (&self->lock, locker);
  return g_strdup (self->device_name != NULL ? self->device_name : "");
}
