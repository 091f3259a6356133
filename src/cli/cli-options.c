/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <string.h>

#include "pent-error.h"

/* What a parsed option needs to find its parameter and its place. */
typedef struct {
  const PentParam *params;
  PentRecipe      *recipe;
  GHashTable      *images;
} Target;

PentImage *
cli_load_image (const char *path, GHashTable **texts, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *shown = g_filename_display_name (path);
  char *data;
  gsize size;

  if (!g_file_get_contents (path, &data, &size, &local_error))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "%s", local_error->message);
      return NULL;
    }
  bytes = g_bytes_new_take (data, size);
  return pent_image_load_png (bytes, shown, texts, error);
}

static GVariant *
take_image (Target *target, const PentParam *param, const char *path, GError **error)
{
  PentImage *image = cli_load_image (path, NULL, error);
  g_autofree char *hash = image != NULL ? pent_image_get_hash (image) : NULL;

  if (image == NULL)
    return NULL;
  g_hash_table_replace (target->images, g_strdup (hash), image);
  return pent_param_parse (param, hash, error);
}

static gboolean
on_option (const char *option, const char *text, gpointer data, GError **error)
{
  Target *target = data;
  const PentParam *param = target->params;
  GVariant *value;

  while (!g_str_equal (param->name, option + strspn (option, "-")))
    param++;      /* every option here was made of a parameter */
  value = param->kind == PENT_PARAM_IMAGE ? take_image (target, param, text, error)
                                          : pent_param_parse (param, text, error);
  if (value == NULL)
    return FALSE;
  pent_recipe_set (target->recipe, param->name, value);
  return TRUE;
}

static const char *
placeholder (const PentParam *param)
{
  switch (param->kind)
    {
    case PENT_PARAM_INT:    return "N";
    case PENT_PARAM_FLOAT:  return "X";
    case PENT_PARAM_BOOL:   return "yes|no";
    case PENT_PARAM_STRING: return "TEXT";
    case PENT_PARAM_CHOICE: return "NAME";
    case PENT_PARAM_SEED:   return "SEED";
    case PENT_PARAM_SIZE:   return "WIDTHxHEIGHT";
    case PENT_PARAM_IMAGE:  return "FILE.png";
    case PENT_PARAM_MODEL:  return "MODEL";
    }
  return "VALUE";
}

/* As raw bytes ("filename"): the parameter itself says what is wrong with them. */
void
cli_options_add (GOptionContext *context, const PentParam *params, PentRecipe *recipe, GHashTable *images)
{
  Target *target = g_new (Target, 1);
  GOptionGroup *group;

  *target = (Target) { params, recipe, images };
  group = g_option_group_new ("parameters", "Parameters:", "Show the parameters", target, g_free);
  for (const PentParam *param = params; param->name != NULL; param++)
    {
      const GOptionEntry entries[] = {
        { param->name, 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, on_option, param->blurb, placeholder (param) },
        G_OPTION_ENTRY_NULL
      };

      g_option_group_add_entries (group, entries);
    }
  g_option_context_set_main_group (context, group);
}
