/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long a picture takes here: once cold, in a new process, and then warm. */
#include "cli.h"

#include <stdio.h>

#include "pent-catalogue.h"
#include "pent-engine.h"
#include "pent-error.h"
#include "pent-json.h"

#define MAX_RUNS 20

typedef struct {
  CliCommon   common;
  int         runs;
  PentRecipe *recipe;
  GHashTable *images;
} Bench;

static void
bench_clear (Bench *self)
{
  cli_common_clear (&self->common);
  g_clear_pointer (&self->recipe, pent_recipe_unref);
  g_clear_pointer (&self->images, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Bench, bench_clear)

static const struct { const char *key, *label; } rows[] = {
  { "load", "loading the model" }, { "encode", "reading the words" }, { "first-step", "the first step" },
  { "step", "a further step" }, { "denoise", "all steps" }, { "decode", "developing" }, { "total", "altogether" },
};

static gboolean
parse (Bench *self, int argc, char **argv, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  const PentOpClass *op = pent_op_find ("generate");
  const GOptionEntry entries[] = {
    { "runs", 0, 0, G_OPTION_ARG_INT, &self->runs, "How many warm runs to take the best of", "N" },
    G_OPTION_ENTRY_NULL
  };

  g_option_context_set_summary (context, "Measures how long a picture takes, cold and warm, in seconds.");
  cli_options_add (context, op->params, self->recipe, self->images);
  g_option_context_add_main_entries (context, entries, NULL);
  cli_common_add (&self->common, context);
  if (!cli_parse (context, &argc, &argv, error))
    return FALSE;
  if (argc > 1 || self->runs < 1 || self->runs > MAX_RUNS)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "bench takes options alone, and 1 to %d runs", MAX_RUNS);
      return FALSE;
    }
  return TRUE;
}

static void
keep_recipe (PentJob *job, PentImage *image, PentRecipe *recipe, PentRecipe **kept)
{
  g_clear_pointer (kept, pent_recipe_unref);
  *kept = pent_recipe_ref (recipe);
}

typedef struct {
  gboolean      quiet;
  CliProgress  *progress;
  PentRecipe  **resolved;
} Watch;

static void
follow (PentJob *job, gpointer data)
{
  Watch *watch = data;

  g_signal_connect (job, "result", G_CALLBACK (keep_recipe), watch->resolved);
  watch->progress = cli_progress_new (job, watch->quiet);
}

/* The timings of one run; new reference. */
static GVariant *
measure (Bench *self, CliRunner *runner, GPtrArray *models, PentRecipe **resolved, GError **error)
{
  Watch watch = { .quiet = self->common.quiet, .resolved = resolved };
  g_autoptr (PentJob) job = cli_runner_start (runner, self->recipe, self->images, models, follow, &watch, error);

  if (job == NULL)
    return NULL;
  cli_runner_wait (job);
  cli_progress_free (watch.progress);
  if (pent_job_get_error (job) != NULL)
    {
      g_propagate_error (error, g_error_copy (pent_job_get_error (job)));
      return NULL;
    }
  return g_variant_ref (pent_job_get_timings (job));
}

static double
seconds (GVariant *timings, const char *key)
{
  double value = -1;

  g_variant_lookup (timings, key, "d", &value);
  return value;
}

static void
print_table (GVariant *cold, GVariant *const *warm, guint n, PentRecipe *recipe, double bandwidth)
{
  guint width, height;
  guint64 peak = 0;
  g_autofree char *size = NULL;

  pent_recipe_get_size (recipe, "size", &width, &height);
  printf ("%s, %s\nmodel %s (%s), %s, %ux%u, %" G_GINT64_FORMAT " steps, guidance %g\n\n",
          pent_recipe_get_string (recipe, "device"), pent_recipe_get_string (recipe, "driver"),
          pent_recipe_get_string (recipe, "model"), pent_recipe_get_string (recipe, "model-family"),
          pent_recipe_get_string (recipe, "precision"), width, height, pent_recipe_get_int (recipe, "steps"),
          pent_recipe_get_float (recipe, "guidance"));
  printf ("%-20s  %10s  %10s\n", "seconds", "cold", "warm");
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      double first = seconds (cold, rows[i].key), best = G_MAXDOUBLE;

      for (guint j = 0; j < n; j++)
        best = MIN (best, seconds (warm[j], rows[i].key));
      if (first >= 0)
        printf ("%-20s  %10.3f  %10.3f\n", rows[i].label, first, best);
    }
  putchar ('\n');
  if (g_variant_lookup (warm[n - 1], "peak-memory", "t", &peak))
    {
      size = g_format_size_full (peak, G_FORMAT_SIZE_IEC_UNITS);
      printf ("device memory at most: %s\n", size);
    }
  if (bandwidth > 0)
    printf ("device memory copies: %.1f GB/s\n", bandwidth / 1e9);
}

int
cli_bench (int argc, char **argv)
{
  g_auto (Bench) self = { .runs = 3, .recipe = pent_recipe_new ("generate") };
  g_autoptr (CliRunner) runner = NULL;
  g_autoptr (GPtrArray) models = NULL, warm = NULL;
  g_autoptr (PentRecipe) resolved = NULL;
  g_autoptr (GVariant) cold = NULL;
  g_autoptr (GError) error = NULL;
  double bandwidth;

  self.images = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) pent_image_unref);
  pent_recipe_set (self.recipe, "prompt", g_variant_new_string ("a pink cloud at sunset"));
  pent_recipe_set (self.recipe, "model", g_variant_new_string ("sketch"));
  pent_recipe_set (self.recipe, "seed", g_variant_new_uint64 (1));
  if (!parse (&self, argc, argv, &error))
    return cli_report (error);
  models = pent_catalogue_open (pent_recipe_get_string (self.recipe, "model"), &error);
  if (models == NULL)
    return cli_report (error);

  runner = cli_runner_new (&self.common);
  cold = measure (&self, runner, models, &resolved, &error);
  if (cold == NULL)
    return cli_report (error);
  warm = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  for (int i = 0; i < self.runs; i++)
    {
      GVariant *timings = measure (&self, runner, models, &resolved, &error);

      if (timings == NULL)
        return cli_report (error);
      g_ptr_array_add (warm, timings);
    }

  g_clear_pointer (&runner, cli_runner_free);      /* its worker has the device to itself until here */
  bandwidth = pent_engine_measure_copy (self.common.device, NULL);
  if (self.common.json)
    {
      g_autofree char *first = pent_json_from_variant (cold), *recipe = pent_recipe_to_json (resolved);
      g_autofree char *copied = pent_double_to_text (bandwidth);

      printf ("{\"recipe\":%s,\"cold\":%s,\"warm\":[", recipe, first);
      for (guint i = 0; i < warm->len; i++)
        {
          g_autofree char *json = pent_json_from_variant (g_ptr_array_index (warm, i));

          printf ("%s%s", i > 0 ? "," : "", json);
        }
      printf ("],\"copy\":%s}\n", copied);
    }
  else
    {
      print_table (cold, (GVariant *const *) warm->pdata, warm->len, resolved, bandwidth);
    }
  return CLI_OK;
}
