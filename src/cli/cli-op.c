/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any operation as a command: its options are its parameters, its results are files and text. */
#include "config.h"

#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "pent-catalogue.h"
#include "pent-error.h"
#include "pent-json.h"
#include "pent-provenance.h"

typedef struct {
  const PentOpClass *op;
  CliCommon          common;
  char              *output_path, *from_path;
  PentRecipe        *recipe;        /* as given, over the one of --from */
  GHashTable        *images;
  PentRecipe        *original;      /* of --from, with its picture */
  PentImage         *original_image;
  CliOutput         *output;
  CliProgress       *progress;
  GString           *text;
  GError            *error;         /* that stopped the job from here */
} OpCommand;

static void
op_command_clear (OpCommand *self)
{
  cli_common_clear (&self->common);
  g_free (self->output_path);
  g_free (self->from_path);
  g_clear_pointer (&self->recipe, pent_recipe_unref);
  g_clear_pointer (&self->original, pent_recipe_unref);
  g_clear_pointer (&self->original_image, pent_image_unref);
  g_clear_pointer (&self->images, g_hash_table_unref);
  g_clear_pointer (&self->output, cli_output_free);
  g_clear_pointer (&self->progress, cli_progress_free);
  g_string_free (self->text, TRUE);
  g_clear_error (&self->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (OpCommand, op_command_clear)

static gboolean
makes_pictures (OpCommand *self)
{
  return (self->op->needs & PENT_OP_NEEDS_PICTURE_MODEL) != 0;
}

static const PentParam *
find_param (const PentOpClass *op, const char *name)
{
  for (const PentParam *param = op->params; param->name != NULL; param++)
    if (g_str_equal (param->name, name))
      return param;
  return NULL;
}

/* ---- what was asked for ---- */

/* The words stand by themselves: pentimento-cli generate "a pink cloud". */
static gboolean
take_words (OpCommand *self, int argc, char **argv, GError **error)
{
  const PentParam *param = find_param (self->op, "prompt");
  GVariant *value;

  if (argc < 2)
    return TRUE;
  if (argc > 2 || param == NULL)
    {
      g_autofree char *shown = g_utf8_make_valid (argv[param == NULL ? 1 : 2], -1);

      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID,
                   "“%.60s” is one word too many; put the whole prompt into quotes", shown);
      return FALSE;
    }
  value = pent_param_parse (param, argv[1], error);
  if (value == NULL)
    return FALSE;
  pent_recipe_set (self->recipe, "prompt", value);
  return TRUE;
}

/* The recipe in the file, and over it what was given beside it. */
static gboolean
take_from (OpCommand *self, GError **error)
{
  g_autoptr (GHashTable) texts = NULL;
  g_autoptr (PentRecipe) merged = NULL;
  g_autofree char *shown = NULL;

  if (self->from_path == NULL)
    return TRUE;
  shown = g_filename_display_name (self->from_path);
  self->original_image = cli_load_image (self->from_path, &texts, error);
  if (self->original_image == NULL)
    return FALSE;
  self->original = pent_provenance_read (texts, shown, error);
  if (self->original == NULL)
    return FALSE;
  if (!g_str_equal (pent_recipe_get_op (self->original), self->op->name))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "“%s” was made by “%.60s”, not by “%s”", shown,
                   pent_recipe_get_op (self->original), self->op->name);
      return FALSE;
    }
  if (!pent_recipe_resolve (self->original, self->op->params, error))
    {
      g_prefix_error (error, "“%s”: ", shown);
      return FALSE;
    }

  merged = pent_recipe_copy (self->original);
  for (const PentParam *param = self->op->params; param->name != NULL; param++)
    {
      GVariant *given = pent_recipe_get (self->recipe, param->name);

      if (given != NULL)
        pent_recipe_set (merged, param->name, given);
    }
  pent_recipe_unref (self->recipe);
  self->recipe = g_steal_pointer (&merged);
  return TRUE;
}

static gboolean
parse (OpCommand *self, int argc, char **argv, GError **error)
{
  const char *arguments = find_param (self->op, "prompt") != NULL ? "[PROMPT]" : NULL;
  g_autoptr (GOptionContext) context = g_option_context_new (arguments);
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &self->output_path,
      "Write the picture here; several are numbered. Without it the name is made of the prompt", "FILE.png" },
    { "from", 0, 0, G_OPTION_ARG_FILENAME, &self->from_path,
      "Make the picture of this file again, by the recipe in it; options given beside it take precedence", "FILE.png" },
    G_OPTION_ENTRY_NULL
  };

  g_option_context_set_summary (context, self->op->blurb);
  cli_options_add (context, self->op->params, self->recipe, self->images);
  if (makes_pictures (self))
    g_option_context_add_main_entries (context, entries, NULL);
  cli_common_add (&self->common, context);
  return cli_parse (context, &argc, &argv, error) && take_words (self, argc, argv, error) && take_from (self, error);
}

/* Everything that can be known to fail is found out before the work. */
static GPtrArray *
prepare (OpCommand *self, GError **error)
{
  g_autoptr (PentRecipe) resolved = pent_recipe_copy (self->recipe);

  if (!pent_recipe_resolve (resolved, self->op->params, error))
    return NULL;
  if (makes_pictures (self))
    {
      guint count = pent_recipe_get (resolved, "count") != NULL ? (guint) pent_recipe_get_int (resolved, "count") : 1;

      self->output = cli_output_new (self->output_path, pent_recipe_get_string (resolved, "prompt"), count, error);
      if (self->output == NULL)
        return NULL;
    }
  if (self->op->needs == 0)
    return g_ptr_array_new_with_free_func (g_object_unref);
  return pent_catalogue_open (pent_recipe_get_string (resolved, "model"), error);
}

/* ---- results ---- */

static void
stop (OpCommand *self, PentJob *job, GError *error)
{
  if (self->error == NULL)
    self->error = error;
  else
    g_error_free (error);
  pent_job_cancel (job);
}

static void
check_stdout (OpCommand *self, PentJob *job)
{
  if (fflush (stdout) != 0)
    stop (self, job, g_error_new_literal (PENT_ERROR, PENT_ERROR_FAILED, "Standard output cannot be written to"));
}

/* A remake that comes out otherwise has a reason, which the recipes tell. */
static void
compare_with_original (OpCommand *self, PentImage *image, PentRecipe *recipe)
{
  static const struct { const char *name, *what; } keys[] = {
    { "device", "device" }, { "driver", "driver" }, { "model-hash", "model" }, { "precision", "precision" },
    { "version", "version" },
  };
  gboolean same = pent_image_get_channels (image) == pent_image_get_channels (self->original_image) &&
                  g_bytes_equal (pent_image_get_bytes (image), pent_image_get_bytes (self->original_image));

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      const char *before = pent_recipe_get_string (self->original, keys[i].name);
      const char *now = pent_recipe_get_string (recipe, keys[i].name);

      if (!g_str_equal (before, now))
        g_printerr ("pentimento: the %s is another one: “%s” then, “%s” now\n", keys[i].what, before, now);
    }
  if (!self->common.quiet)
    g_printerr ("pentimento: %s\n", same ? "the picture is the same, bit for bit" : "the picture is not the same");
}

static void
on_result (PentJob *job, PentImage *image, PentRecipe *recipe, OpCommand *self)
{
  GError *error = NULL;
  g_autofree char *path = NULL;

  cli_progress_hide (self->progress);
  path = cli_output_write (self->output, image, recipe, &error);
  if (path == NULL)
    {
      stop (self, job, error);
      return;
    }
  if (self->original_image != NULL)
    compare_with_original (self, image, recipe);
  if (self->common.json)
    {
      g_autofree char *json = pent_recipe_to_json (recipe);
      g_autofree char *shown = g_filename_display_name (path);
      g_autoptr (GVariant) name = g_variant_ref_sink (g_variant_new_string (shown));
      g_autofree char *quoted = pent_json_from_variant (name);

      printf ("{\"path\":%s,\"recipe\":%s}\n", quoted, json);
    }
  else
    {
      printf ("%s\n", path);
    }
  check_stdout (self, job);
}

static void
on_text (PentJob *job, const char *utf8, OpCommand *self)
{
  g_string_append (self->text, utf8);
  if (self->common.json)
    return;
  cli_progress_hide (self->progress);
  fputs (utf8, stdout);
  check_stdout (self, job);
}

static void
follow (PentJob *job, gpointer data)
{
  OpCommand *self = data;

  self->progress = cli_progress_new (job, self->common.quiet);
  g_signal_connect (job, "result", G_CALLBACK (on_result), self);
  g_signal_connect (job, "text", G_CALLBACK (on_text), self);
}

static void
print_end (OpCommand *self, PentJob *job)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_autoptr (GVariant) value = NULL;
  g_autofree char *json = NULL;

  if (!self->common.json)
    {
      if (self->text->len > 0 && self->text->str[self->text->len - 1] != '\n')
        putchar ('\n');
      return;
    }
  if (!makes_pictures (self))
    g_variant_dict_insert (&dict, "text", "s", self->text->str);
  g_variant_dict_insert_value (&dict, "timings", pent_job_get_timings (job));
  value = g_variant_ref_sink (g_variant_dict_end (&dict));
  json = pent_json_from_variant (value);
  printf ("%s\n", json);
}

static int
finish (OpCommand *self, PentJob *job)
{
  cli_progress_hide (self->progress);
  if (self->error != NULL)
    return cli_report (self->error);
  if (pent_job_get_error (job) != NULL)
    {
      if (self->text->len > 0 && !self->common.json)
        putchar ('\n');
      return cli_report (pent_job_get_error (job));
    }
  print_end (self, job);
  check_stdout (self, job);
  return self->error != NULL ? cli_report (self->error) : CLI_OK;
}

int
cli_op (const PentOpClass *op, int argc, char **argv)
{
  g_auto (OpCommand) self = { .op = op, .recipe = pent_recipe_new (op->name), .text = g_string_new (NULL) };
  g_autoptr (CliRunner) runner = NULL;
  g_autoptr (GPtrArray) models = NULL;
  g_autoptr (PentJob) job = NULL;
  g_autoptr (GError) error = NULL;

  self.images = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) pent_image_unref);
  if (!parse (&self, argc, argv, &error))
    return cli_report (error);
  models = prepare (&self, &error);
  if (models == NULL)
    return cli_report (error);

  runner = cli_runner_new (&self.common);
  job = cli_runner_start (runner, self.recipe, self.images, models, follow, &self, &error);
  if (job == NULL)
    return cli_report (error);
  cli_runner_wait (job);
  return finish (&self, job);
}
