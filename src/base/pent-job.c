/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-job"

#include "pent-job.h"

struct _PentJob {
  GObject       parent_instance;
  GMainContext *context;
  GCancellable *cancellable;
  PentRecipe   *recipe;
  PentJobState  state;
  GError       *error;
  GVariant     *timings;
};

enum {
  PROP_0,
  PROP_RECIPE,
  PROP_STATE,
  N_PROPS
};

enum {
  PROGRESS,
  PREVIEW,
  TEXT,
  RESULT,
  DONE,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (PentJob, pent_job, G_TYPE_OBJECT)

static void
set_state (PentJob *self, PentJobState state)
{
  if (self->state == state)
    return;
  self->state = state;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE]);
}

static void
pent_job_finalize (GObject *object)
{
  PentJob *self = PENT_JOB (object);

  g_clear_object (&self->cancellable);
  g_clear_error (&self->error);
  g_clear_pointer (&self->recipe, pent_recipe_unref);
  g_clear_pointer (&self->timings, g_variant_unref);
  g_clear_pointer (&self->context, g_main_context_unref);

  G_OBJECT_CLASS (pent_job_parent_class)->finalize (object);
}

static void
pent_job_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  PentJob *self = PENT_JOB (object);

  switch (prop_id)
    {
    case PROP_RECIPE:
      g_value_set_boxed (value, self->recipe);
      break;
    case PROP_STATE:
      g_value_set_uint (value, self->state);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
pent_job_class_init (PentJobClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = pent_job_finalize;
  object_class->get_property = pent_job_get_property;

  properties[PROP_RECIPE] = g_param_spec_boxed ("recipe", NULL, NULL, PENT_TYPE_RECIPE,
                                                G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  properties[PROP_STATE] = g_param_spec_uint ("state", NULL, NULL, 0, PENT_JOB_CANCELLED, PENT_JOB_QUEUED,
                                              G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  signals[PROGRESS] = g_signal_new ("progress", PENT_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                    G_TYPE_NONE, 4, G_TYPE_STRING, G_TYPE_UINT, G_TYPE_UINT, G_TYPE_DOUBLE);
  signals[PREVIEW] = g_signal_new ("preview", PENT_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 2, PENT_TYPE_IMAGE, G_TYPE_UINT);
  signals[TEXT] = g_signal_new ("text", PENT_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[RESULT] = g_signal_new ("result", PENT_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 2, PENT_TYPE_IMAGE, PENT_TYPE_RECIPE);
  signals[DONE] = g_signal_new ("done", PENT_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
pent_job_init (PentJob *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->cancellable = g_cancellable_new ();
}

PentJob *
pent_job_new (PentRecipe *recipe)
{
  PentJob *self = g_object_new (PENT_TYPE_JOB, NULL);

  self->recipe = pent_recipe_ref (recipe);
  return self;
}

PentRecipe *
pent_job_get_recipe (PentJob *self)
{
  g_return_val_if_fail (PENT_IS_JOB (self), NULL);
  return self->recipe;
}

PentJobState
pent_job_get_state (PentJob *self)
{
  g_return_val_if_fail (PENT_IS_JOB (self), PENT_JOB_FAILED);
  return self->state;
}

gboolean
pent_job_is_done (PentJob *self)
{
  g_return_val_if_fail (PENT_IS_JOB (self), TRUE);
  return self->state >= PENT_JOB_FINISHED;
}

const GError *
pent_job_get_error (PentJob *self)
{
  g_return_val_if_fail (PENT_IS_JOB (self), NULL);
  return self->error;
}

GVariant *
pent_job_get_timings (PentJob *self)
{
  g_return_val_if_fail (PENT_IS_JOB (self), NULL);
  return self->timings;
}

void
pent_job_cancel (PentJob *self)
{
  g_return_if_fail (PENT_IS_JOB (self));
  g_cancellable_cancel (self->cancellable);
}

GMainContext *
pent_job_get_context (PentJob *self)
{
  g_return_val_if_fail (PENT_IS_JOB (self), NULL);
  return self->context;
}

GCancellable *
pent_job_get_cancellable (PentJob *self)
{
  g_return_val_if_fail (PENT_IS_JOB (self), NULL);
  return self->cancellable;
}

void
pent_job_report_progress (PentJob *self, const char *phase, guint step, guint n_steps, double seconds_left)
{
  g_return_if_fail (PENT_IS_JOB (self));

  if (pent_job_is_done (self))
    return;
  set_state (self, PENT_JOB_RUNNING);
  g_signal_emit (self, signals[PROGRESS], 0, phase, step, n_steps, seconds_left);
}

void
pent_job_report_preview (PentJob *self, PentImage *image, guint step)
{
  g_return_if_fail (PENT_IS_JOB (self));

  if (!pent_job_is_done (self))
    g_signal_emit (self, signals[PREVIEW], 0, image, step);
}

void
pent_job_report_text (PentJob *self, const char *utf8)
{
  g_return_if_fail (PENT_IS_JOB (self));

  if (!pent_job_is_done (self))
    g_signal_emit (self, signals[TEXT], 0, utf8);
}

void
pent_job_report_result (PentJob *self, PentImage *image, PentRecipe *recipe)
{
  g_return_if_fail (PENT_IS_JOB (self));

  if (!pent_job_is_done (self))
    g_signal_emit (self, signals[RESULT], 0, image, recipe);
}

void
pent_job_finish (PentJob *self, GVariant *timings)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (timings);

  g_return_if_fail (PENT_IS_JOB (self));
  g_return_if_fail (!pent_job_is_done (self));

  self->timings = g_steal_pointer (&owned);
  set_state (self, PENT_JOB_FINISHED);
  g_signal_emit (self, signals[DONE], 0);
}

void
pent_job_fail (PentJob *self, const GError *error)
{
  g_return_if_fail (PENT_IS_JOB (self));
  g_return_if_fail (!pent_job_is_done (self));

  self->error = g_error_copy (error);
  set_state (self, g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ? PENT_JOB_CANCELLED : PENT_JOB_FAILED);
  g_signal_emit (self, signals[DONE], 0);
}
