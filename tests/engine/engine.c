/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine in this process, on the model without weights. */
#include <locale.h>
#include <string.h>

#include "fake-pipeline.h"
#include "pent-error.h"

typedef struct {
  PentEngine *engine;
  GPtrArray  *models;
  GThread    *thread;         /* on which everything has to arrive */
  GString    *events;         /* p progress, v preview, r result, d done */
} Fixture;

static void
set_up (Fixture *self, gconstpointer data)
{
  *self = (Fixture) { .engine = pent_engine_new_with_backend (data, &fake_backend), .thread = g_thread_self () };
  self->models = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_add (self->models, pent_files_new_for_fds ("fake", NULL, NULL, 0));
  self->events = g_string_new (NULL);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  g_clear_object (&self->engine);
  g_ptr_array_unref (self->models);
  g_string_free (self->events, TRUE);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
note (Fixture *self, char event)
{
  g_assert_true (g_thread_self () == self->thread);
  g_string_append_c (self->events, event);
}

static void
on_progress (PentJob *job, const char *phase, guint step, guint n_steps, double seconds_left, Fixture *self)
{
  note (self, 'p');
}

static void
on_preview (PentJob *job, PentImage *image, guint step, Fixture *self)
{
  note (self, 'v');
}

static void
on_result (PentJob *job, PentImage *image, PentRecipe *recipe, Fixture *self)
{
  g_assert_cmpstr (pent_recipe_get_string (recipe, "model-family"), ==, "fake");
  g_assert_true (g_str_has_prefix (pent_recipe_get_string (recipe, "version"), "pentimento "));
  g_assert_cmpstr (pent_recipe_get_string (recipe, "precision"), !=, "auto");
  note (self, 'r');
}

static void
on_done (PentJob *job, Fixture *self)
{
  note (self, 'd');
}

static PentJob *
start (Fixture *self, const char *prompt, const char *precision, gboolean previews)
{
  g_autoptr (PentRecipe) recipe = pent_recipe_new ("generate");
  g_autoptr (GError) error = NULL;
  PentJob *job;

  pent_recipe_set (recipe, "prompt", g_variant_new_string (prompt));
  if (precision != NULL)
    pent_recipe_set (recipe, "precision", g_variant_new_string (precision));
  job = pent_engine_start_job (self->engine, recipe, NULL, self->models, previews, &error);
  g_assert_no_error (error);
  g_signal_connect (job, "progress", G_CALLBACK (on_progress), self);
  g_signal_connect (job, "preview", G_CALLBACK (on_preview), self);
  g_signal_connect (job, "result", G_CALLBACK (on_result), self);
  g_signal_connect (job, "done", G_CALLBACK (on_done), self);
  return job;
}

static void
wait_for (PentJob *job)
{
  while (!pent_job_is_done (job))
    g_main_context_iteration (NULL, TRUE);
}

static void
test_events (Fixture *self, gconstpointer data)
{
  g_autoptr (PentJob) plain = start (self, "x", NULL, FALSE);
  g_autoptr (PentJob) seen = NULL;
  static const char *const keys[] = { "load", "encode", "denoise", "decode", "first-step", "step", "total" };

  wait_for (plain);
  g_assert_cmpstr (self->events->str, ==, "ppppppppppprd");      /* load, encode, eight steps, decode */
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      double seconds = -1;

      g_assert_true (g_variant_lookup (pent_job_get_timings (plain), keys[i], "d", &seconds));
      g_assert_cmpfloat (seconds, >=, 0);
    }

  g_string_truncate (self->events, 0);
  seen = start (self, "x", NULL, TRUE);
  wait_for (seen);
  g_assert_nonnull (strchr (self->events->str, 'v'));
  g_assert_cmpuint (strlen (strchr (self->events->str, 'd')), ==, 1);      /* nothing after it */
}

/* The model used last stays; another precision is another model. */
static void
test_kept (Fixture *self, gconstpointer data)
{
  static const struct { const char *precision; guint n_loaded; } jobs[] = {
    { "f32", 1 }, { "f32", 1 }, { "f16", 2 }, { "f16", 2 }, { "f32", 3 },
  };
  guint before = fake_backend_n_loaded ();

  for (guint i = 0; i < G_N_ELEMENTS (jobs); i++)
    {
      g_autoptr (PentJob) job = start (self, "x", jobs[i].precision, FALSE);

      wait_for (job);
      g_assert_no_error (pent_job_get_error (job));
      g_assert_cmpuint (fake_backend_n_loaded () - before, ==, jobs[i].n_loaded);
    }
}

static void
test_cancel (Fixture *self, gconstpointer data)
{
  g_autoptr (PentJob) first = start (self, "wait", NULL, FALSE), second = start (self, "x", NULL, FALSE);
  g_autoptr (PentJob) third = start (self, "x", NULL, FALSE);

  while (self->events->len < 4)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (pent_job_get_state (first), ==, PENT_JOB_RUNNING);
  g_assert_cmpint (pent_job_get_state (second), ==, PENT_JOB_QUEUED);
  pent_job_cancel (second);
  pent_job_cancel (first);
  wait_for (third);
  g_assert_cmpint (pent_job_get_state (first), ==, PENT_JOB_CANCELLED);
  g_assert_cmpint (pent_job_get_state (second), ==, PENT_JOB_CANCELLED);
  g_assert_cmpint (pent_job_get_state (third), ==, PENT_JOB_FINISHED);
}

/* The engine goes while one job runs and one waits: both end as cancelled. */
static void
test_closed (Fixture *self, gconstpointer data)
{
  g_autoptr (PentJob) first = start (self, "wait", NULL, FALSE), second = start (self, "x", NULL, FALSE);

  while (self->events->len < 4)
    g_main_context_iteration (NULL, TRUE);
  g_clear_object (&self->engine);
  wait_for (first);
  wait_for (second);
  g_assert_cmpint (pent_job_get_state (first), ==, PENT_JOB_CANCELLED);
  g_assert_cmpint (pent_job_get_state (second), ==, PENT_JOB_CANCELLED);
}

static void
test_refused (Fixture *self, gconstpointer data)
{
  g_autoptr (PentRecipe) unknown = pent_recipe_new ("paint"), empty = pent_recipe_new ("generate");
  g_autoptr (GError) error = NULL;
  g_autoptr (PentJob) job = NULL;

  g_assert_null (pent_engine_start_job (self->engine, unknown, NULL, NULL, FALSE, &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_null (pent_engine_start_job (self->engine, empty, NULL, NULL, FALSE, &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_INVALID);
  g_clear_error (&error);

  pent_recipe_set (empty, "prompt", g_variant_new_string ("x"));
  job = pent_engine_start_job (self->engine, empty, NULL, NULL, FALSE, &error);
  g_assert_no_error (error);
  wait_for (job);
  g_assert_error (pent_job_get_error (job), PENT_ERROR, PENT_ERROR_INVALID);      /* no model */
}

static void
test_no_device (Fixture *self, gconstpointer data)
{
  g_autoptr (PentJob) job = start (self, "x", NULL, FALSE);

  wait_for (job);
  g_assert_error (pent_job_get_error (job), PENT_ERROR, PENT_ERROR_DEVICE);
}

/* Seconds left shrink to nothing, whatever the phases do. */
static void
test_timer (void)
{
  g_auto (PentEngineTimer) timer = { 0 };
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr (GVariant) timings = NULL;
  double first, other;

  pent_engine_timer_start (&timer);
  g_assert_cmpfloat (pent_engine_timer_progress (&timer, "load", 0, 1), <, 0);
  g_assert_cmpfloat (pent_engine_timer_progress (&timer, "denoise", 0, 4), <, 0);
  timer.step_start -= 10 * G_USEC_PER_SEC;      /* as if the first step had taken ten seconds, and the second two */
  g_assert_cmpfloat_with_epsilon (pent_engine_timer_progress (&timer, "denoise", 1, 4), 30, 0.1);
  timer.step_start -= 2 * G_USEC_PER_SEC;
  g_assert_cmpfloat_with_epsilon (pent_engine_timer_progress (&timer, "denoise", 2, 4), 4, 0.1);
  timer.step_start -= 2 * G_USEC_PER_SEC;
  pent_engine_timer_progress (&timer, "decode", 3, 4);
  pent_engine_timer_finish (&timer, &builder);
  timings = g_variant_ref_sink (g_variant_builder_end (&builder));
  g_assert_true (g_variant_lookup (timings, "first-step", "d", &first));
  g_assert_true (g_variant_lookup (timings, "step", "d", &other));
  g_assert_cmpfloat_with_epsilon (first, 10, 0.1);
  g_assert_cmpfloat_with_epsilon (other, 2, 0.1);
}

#define ADD(path, device, func) g_test_add (path, Fixture, device, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "");
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  ADD ("/engine/events", NULL, test_events);
  ADD ("/engine/kept", NULL, test_kept);
  ADD ("/engine/cancel", NULL, test_cancel);
  ADD ("/engine/closed", NULL, test_closed);
  ADD ("/engine/refused", NULL, test_refused);
  ADD ("/engine/no-device", "none", test_no_device);
  g_test_add_func ("/engine/timer", test_timer);
  return g_test_run ();
}
