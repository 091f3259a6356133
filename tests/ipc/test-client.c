/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <glib/gstdio.h>

#include "pent-engine-client.h"
#include "pent-error.h"
#include "pent-files.h"
#include "tests.h"

/* What a job told, in order. */
typedef struct {
  PentJob   *job;
  GError    *error;          /* of the start */
  gboolean   started, done;
  guint      n_progress, n_previews, n_results;
  PentImage *image;
  PentRecipe *recipe;
  GPtrArray *others;         /* done () of several: which came first */
} Watch;

typedef struct {
  PentEngineClient *client;
  GPtrArray        *models;
  guint             n_lost;
  GError           *lost;
} Fixture;

static void
on_lost (PentEngineClient *client, GError *error, Fixture *self)
{
  self->n_lost++;
  g_clear_error (&self->lost);
  self->lost = g_error_copy (error);
}

static void
set_up (Fixture *self, gconstpointer data)
{
  g_autofree char *folder = g_dir_make_tmp ("model-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "model_index.json", NULL);

  *self = (Fixture) { .client = pent_engine_client_new (NULL) };
  g_assert_true (g_file_set_contents (path, "{}", -1, NULL));
  self->models = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_add (self->models, pent_files_new_for_path (folder, NULL));
  g_signal_connect (self->client, "lost", G_CALLBACK (on_lost), self);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  g_assert_finalize_object (self->client);
  g_ptr_array_unref (self->models);
  g_clear_error (&self->lost);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
watch_clear (Watch *watch)
{
  if (watch->job != NULL)
    g_signal_handlers_disconnect_by_data (watch->job, watch);
  g_clear_object (&watch->job);
  g_clear_error (&watch->error);
  g_clear_pointer (&watch->image, pent_image_unref);
  g_clear_pointer (&watch->recipe, pent_recipe_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Watch, watch_clear)

static void
on_progress (PentJob *job, const char *phase, guint step, guint n_steps, double seconds_left, Watch *watch)
{
  g_assert_false (watch->done);
  g_assert_cmpuint (step, <=, MAX (n_steps, 1));
  watch->n_progress++;
}

static void
on_preview (PentJob *job, PentImage *image, guint step, Watch *watch)
{
  g_assert_cmpuint (pent_image_get_width (image), >, 0);
  watch->n_previews++;
}

static void
on_result (PentJob *job, PentImage *image, PentRecipe *recipe, Watch *watch)
{
  g_assert_false (watch->done);
  g_clear_pointer (&watch->image, pent_image_unref);
  g_clear_pointer (&watch->recipe, pent_recipe_unref);
  watch->image = pent_image_ref (image);
  watch->recipe = pent_recipe_ref (recipe);
  watch->n_results++;
}

static void
on_done (PentJob *job, Watch *watch)
{
  g_assert_false (watch->done);
  watch->done = TRUE;
  if (watch->others != NULL)
    g_ptr_array_add (watch->others, watch);
}

static void
on_started (GObject *object, GAsyncResult *result, gpointer data)
{
  Watch *watch = data;

  watch->started = TRUE;
  watch->job = pent_engine_client_start_job_finish (PENT_ENGINE_CLIENT (object), result, &watch->error);
  g_assert_true ((watch->job == NULL) == (watch->error != NULL));
  if (watch->job == NULL)
    return;
  g_signal_connect (watch->job, "progress", G_CALLBACK (on_progress), watch);
  g_signal_connect (watch->job, "preview", G_CALLBACK (on_preview), watch);
  g_signal_connect (watch->job, "result", G_CALLBACK (on_result), watch);
  g_signal_connect (watch->job, "done", G_CALLBACK (on_done), watch);
}

static PentRecipe *
make_recipe (const char *prompt)
{
  PentRecipe *recipe = pent_recipe_new ("generate");

  pent_recipe_set (recipe, "prompt", g_variant_new_string (prompt));
  pent_recipe_set (recipe, "seed", g_variant_new_uint64 (7));
  return recipe;
}

static void
start (Fixture *self, PentRecipe *recipe, GHashTable *images, Watch *watch)
{
  pent_engine_client_start_job_async (self->client, recipe, images, self->models, TRUE, NULL, on_started, watch);
}

static void
start_prompt (Fixture *self, const char *prompt, Watch *watch)
{
  g_autoptr (PentRecipe) recipe = make_recipe (prompt);

  start (self, recipe, NULL, watch);
}

/* After whatever happened: the client makes a picture. */
static void
assert_works (Fixture *self)
{
  g_auto (Watch) watch = { 0 };

  start_prompt (self, "a pink cloud at sunset", &watch);
  RUN_UNTIL (watch.started);
  g_assert_no_error (watch.error);
  RUN_UNTIL (watch.done);
  g_assert_no_error (pent_job_get_error (watch.job));
  g_assert_cmpuint (watch.n_results, ==, 1);
}

static void
test_generate (Fixture *self, gconstpointer data)
{
  g_auto (Watch) watch = { 0 }, again = { 0 };
  double seconds;

  start_prompt (self, "a pink cloud at sunset", &watch);
  RUN_UNTIL (watch.started);
  g_assert_no_error (watch.error);
  RUN_UNTIL (watch.done);
  g_assert_no_error (pent_job_get_error (watch.job));
  g_assert_cmpint (pent_job_get_state (watch.job), ==, PENT_JOB_FINISHED);
  g_assert_cmpuint (watch.n_progress, >=, 10);
  g_assert_cmpuint (watch.n_previews, >=, 1);
  g_assert_cmpuint (watch.n_results, ==, 1);
  g_assert_cmpuint (pent_image_get_width (watch.image), ==, 64);
  g_assert_cmpint (pent_recipe_get_int (watch.recipe, "steps"), ==, 8);
  g_assert_true (g_variant_lookup (pent_job_get_timings (watch.job), "total", "d", &seconds));
  g_assert_cmpfloat (seconds, >, 0);

  start (self, watch.recipe, NULL, &again);
  RUN_UNTIL (again.done);
  g_assert_true (g_bytes_equal (pent_image_get_bytes (watch.image), pent_image_get_bytes (again.image)));
  g_assert_cmpuint (self->n_lost, ==, 0);
}

static void
test_refused (Fixture *self, gconstpointer data)
{
  static const struct { const char *op, *name, *value, *says; } cases[] = {
    { "generate", "steps", "'many'", "steps" }, { "generate", "steps", "int64 0", "between" },
    { "generate", "colour", "'red'", "colour" }, { "paint", "prompt", "'x'", "paint" },
    { "generate", "prompt", "uint64 3", "prompt" }, { "generate", "size", "(uint32 1, uint32 1)", "between" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (PentRecipe) recipe = pent_recipe_new (cases[i].op);
      g_auto (Watch) watch = { 0 };

      pent_recipe_set (recipe, "prompt", g_variant_new_string ("x"));
      pent_recipe_set (recipe, cases[i].name, g_variant_new_parsed (cases[i].value));
      start (self, recipe, NULL, &watch);
      RUN_UNTIL (watch.started);
      g_assert_error (watch.error, PENT_ERROR, PENT_ERROR_INVALID);
      if (strstr (watch.error->message, cases[i].says) == NULL)
        g_error ("“%s” does not say “%s”", watch.error->message, cases[i].says);
    }
  assert_works (self);
  g_assert_cmpuint (self->n_lost, ==, 0);
}

/* Errors of the run keep their code and sentence on the way. */
static void
test_failed (Fixture *self, gconstpointer data)
{
  static const struct { const char *prompt; PentError code; const char *says; } cases[] = {
    { "full", PENT_ERROR_MEMORY, "The fake device is full" }, { "nan", PENT_ERROR_FAILED, "precision f32" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Watch) watch = { 0 };

      start_prompt (self, cases[i].prompt, &watch);
      RUN_UNTIL (watch.done);
      g_assert_error (pent_job_get_error (watch.job), PENT_ERROR, (int) cases[i].code);
      g_assert_nonnull (strstr (pent_job_get_error (watch.job)->message, cases[i].says));
      g_assert_null (strstr (pent_job_get_error (watch.job)->message, "GDBus"));
    }
  assert_works (self);
}

static void
test_images (Fixture *self, gconstpointer data)
{
  g_autoptr (GHashTable) images = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                                         (GDestroyNotify) pent_image_unref);
  g_autoptr (PentRecipe) recipe = make_recipe ("x");
  PentImage *image = pent_image_new (48, 32, 4);
  char *hash = pent_image_get_hash (image);
  guint8 bytes[32];
  g_auto (Watch) watch = { 0 };

  for (guint i = 0; i < 32; i++)
    bytes[i] = g_ascii_xdigit_value (hash[2 * i]) << 4 | g_ascii_xdigit_value (hash[2 * i + 1]);
  g_hash_table_insert (images, hash, image);
  pent_recipe_set (recipe, "image", g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, 32, 1));
  start (self, recipe, images, &watch);
  RUN_UNTIL (watch.done);
  g_assert_no_error (pent_job_get_error (watch.job));
  g_assert_cmpuint (pent_image_get_width (watch.image), ==, 48);
}

static void
test_cancel (Fixture *self, gconstpointer data)
{
  g_auto (Watch) first = { 0 }, second = { 0 };

  start_prompt (self, "wait", &first);
  start_prompt (self, "wait too", &second);
  RUN_UNTIL (first.n_progress >= 3 && second.started);
  g_assert_cmpint (pent_job_get_state (second.job), ==, PENT_JOB_QUEUED);

  /* The worker hears of the one that waits first: then it never begins. */
  pent_job_cancel (second.job);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  pent_job_cancel (first.job);
  RUN_UNTIL (first.done && second.done);
  g_assert_cmpint (pent_job_get_state (first.job), ==, PENT_JOB_CANCELLED);
  g_assert_error (pent_job_get_error (first.job), G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (pent_job_get_state (second.job), ==, PENT_JOB_CANCELLED);
  g_assert_cmpuint (second.n_progress, ==, 0);
  assert_works (self);
  g_assert_cmpuint (self->n_lost, ==, 0);
}

/* The caller's cancellable reaches the job however early it is cancelled. */
static void
test_cancellable (Fixture *self, gconstpointer data)
{
  for (guint early = 0; early < 2; early++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (PentRecipe) recipe = make_recipe ("wait");
      g_auto (Watch) watch = { 0 };

      pent_engine_client_start_job_async (self->client, recipe, NULL, self->models, TRUE, cancellable, on_started,
                                          &watch);
      if (early == 0)
        RUN_UNTIL (watch.n_progress > 0);
      g_cancellable_cancel (cancellable);
      RUN_UNTIL (watch.started && (watch.error != NULL || watch.done));
      if (watch.error != NULL)
        g_assert_error (watch.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      else
        g_assert_cmpint (pent_job_get_state (watch.job), ==, PENT_JOB_CANCELLED);
    }
  assert_works (self);
}

static void
test_order (Fixture *self, gconstpointer data)
{
  enum { N = 10 };
  g_autoptr (GPtrArray) order = g_ptr_array_new ();
  Watch watches[N] = { 0 };

  for (guint i = 0; i < N; i++)
    {
      watches[i].others = order;
      start_prompt (self, "x", &watches[i]);
    }
  RUN_UNTIL (order->len == N);
  for (guint i = 0; i < N; i++)
    {
      g_assert_true (g_ptr_array_index (order, i) == &watches[i]);
      watch_clear (&watches[i]);
    }
}

static void
assert_lost (Fixture *self, Watch *watch, const char *says)
{
  guint before = self->n_lost;
  const GError *error;

  RUN_UNTIL (watch->started && (watch->done || watch->error != NULL));
  error = watch->error != NULL ? watch->error : pent_job_get_error (watch->job);
  g_assert_error (error, PENT_ERROR, PENT_ERROR_WORKER);
  if (strstr (error->message, says) == NULL)
    g_error ("“%s” does not say “%s”", error->message, says);
  RUN_UNTIL (self->n_lost > before || self->n_lost > 0);
  g_assert_error (self->lost, PENT_ERROR, PENT_ERROR_WORKER);
}

static void
test_crash (Fixture *self, gconstpointer data)
{
  g_auto (Watch) crash = { 0 }, leave = { 0 };

  assert_works (self);      /* the model's first step is behind us */
  start_prompt (self, "crash", &crash);
  assert_lost (self, &crash, g_strsignal (SIGSEGV));
  assert_works (self);
  self->n_lost = 0;
  start_prompt (self, "leave", &leave);
  assert_lost (self, &leave, "status 3");
  assert_works (self);
}

/* kill -9 after a random number of events, from before the start was answered until the job runs. */
static void
test_kill (Fixture *self, gconstpointer data)
{
  for (guint round = 0; round < 40; round++)
    {
      guint events = g_test_rand_int_range (0, 30);
      g_auto (Watch) watch = { 0 }, queued = { 0 };
      g_autoptr (PentRecipe) recipe = make_recipe ("x");
      const char *pid;

      self->n_lost = 0;
      pent_recipe_set (recipe, "steps", g_variant_new_int64 (1000));
      pent_recipe_set (recipe, "count", g_variant_new_int64 (1000));
      start (self, recipe, NULL, &watch);
      start (self, recipe, NULL, &queued);
      for (guint i = 0; i < events; i++)
        g_main_context_iteration (NULL, TRUE);

      pid = pent_engine_client_get_identifier (self->client);
      g_assert_nonnull (pid);
      g_assert_no_errno (kill (atoi (pid), SIGKILL));
      assert_lost (self, &watch, "killed");
      RUN_UNTIL (queued.started && (queued.done || queued.error != NULL));
      g_assert_cmpuint (self->n_lost, ==, 1);
    }
  assert_works (self);
}

/* After a lost device the worker ends by itself and the next job finds a new one. */
static void
test_device_lost (Fixture *self, gconstpointer data)
{
  g_auto (Watch) watch = { 0 };
  g_autofree char *before = NULL;

  assert_works (self);
  before = g_strdup (pent_engine_client_get_identifier (self->client));
  start_prompt (self, "lost", &watch);
  RUN_UNTIL (watch.done);
  g_assert_error (pent_job_get_error (watch.job), PENT_ERROR, PENT_ERROR_DEVICE_LOST);
  RUN_UNTIL (self->n_lost == 1);
  g_assert_null (pent_engine_client_get_identifier (self->client));
  assert_works (self);
  g_assert_cmpstr (before, !=, pent_engine_client_get_identifier (self->client));
}

static void
test_no_program (Fixture *self, gconstpointer data)
{
  g_auto (Watch) missing = { 0 }, wrong = { 0 };

  g_setenv ("PENT_ENGINE", "/nonexistent/engine", TRUE);
  start_prompt (self, "x", &missing);
  RUN_UNTIL (missing.started);
  g_assert_error (missing.error, PENT_ERROR, PENT_ERROR_WORKER);
  g_assert_nonnull (strstr (missing.error->message, "/nonexistent/engine"));

  g_setenv ("PENT_ENGINE", "/bin/false", TRUE);
  start_prompt (self, "x", &wrong);
  RUN_UNTIL (wrong.started);
  g_assert_error (wrong.error, PENT_ERROR, PENT_ERROR_WORKER);

  g_setenv ("PENT_ENGINE", FAKE_ENGINE, TRUE);
  assert_works (self);
}

/* A client that goes away in the middle: its jobs end as cancelled, the worker ends too. */
static void
test_close (Fixture *self, gconstpointer data)
{
  g_auto (Watch) watch = { 0 };
  g_autofree char *pid = NULL;

  start_prompt (self, "wait", &watch);
  RUN_UNTIL (watch.n_progress > 0);
  pid = g_strdup (pent_engine_client_get_identifier (self->client));
  g_object_unref (self->client);
  g_assert_true (watch.done);
  g_assert_cmpint (pent_job_get_state (watch.job), ==, PENT_JOB_CANCELLED);
  while (kill (atoi (pid), 0) == 0)      /* GLib reaps it */
    g_thread_yield ();
  self->client = pent_engine_client_new (NULL);
  g_signal_connect (self->client, "lost", G_CALLBACK (on_lost), self);
}

typedef struct {
  GVariant *value;
  GError   *error;
  gboolean  done;
} Answer;

static void
on_description (GObject *object, GAsyncResult *result, gpointer data)
{
  Answer *answer = data;

  answer->value = pent_engine_client_describe_finish (PENT_ENGINE_CLIENT (object), result, &answer->error);
  answer->done = TRUE;
}

static void
test_describe (Fixture *self, gconstpointer data)
{
  Answer good = { 0 }, bad = { 0 };
  g_autoptr (GVariant) params = NULL;

  pent_engine_client_describe_async (self->client, "generate", NULL, on_description, &good);
  pent_engine_client_describe_async (self->client, "paint", NULL, on_description, &bad);
  RUN_UNTIL (good.done && bad.done);
  g_assert_no_error (good.error);
  params = g_variant_lookup_value (good.value, "params", G_VARIANT_TYPE ("aa{sv}"));
  g_assert_cmpuint (g_variant_n_children (params), >, 8);
  g_assert_error (bad.error, PENT_ERROR, PENT_ERROR_INVALID);
  g_variant_unref (good.value);
  g_error_free (bad.error);
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

void
add_client_tests (void)
{
  ADD ("/client/generate", test_generate);
  ADD ("/client/refused", test_refused);
  ADD ("/client/failed", test_failed);
  ADD ("/client/images", test_images);
  ADD ("/client/cancel", test_cancel);
  ADD ("/client/cancellable", test_cancellable);
  ADD ("/client/order", test_order);
  ADD ("/client/crash", test_crash);
  ADD ("/client/kill", test_kill);
  ADD ("/client/device-lost", test_device_lost);
  ADD ("/client/no-program", test_no_program);
  ADD ("/client/close", test_close);
  ADD ("/client/describe", test_describe);
}
