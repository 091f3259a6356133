/* SPDX-License-Identifier: GPL-3.0-or-later */
/* describe, models, devices: what there is. */
#include "cli.h"

#include <stdio.h>

#include "pent-catalogue.h"
#include "pent-engine.h"
#include "pent-error.h"
#include "pent-json.h"

static gboolean
parse (CliCommon *common, const char *arguments, const char *summary, guint max, int *argc, char ***argv,
       GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new (arguments);

  g_option_context_set_summary (context, summary);
  cli_common_add (common, context);
  if (!cli_parse (context, argc, argv, error))
    return FALSE;
  if ((guint) *argc <= max + 1)
    return TRUE;
  g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "There is an argument too many");
  return FALSE;
}

static void
print_json (GVariant *value)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);
  g_autofree char *json = pent_json_from_variant (owned);

  printf ("%s\n", json);
}

/* ---- describe ---- */

static char *
describe_range (const PentParam *param)
{
  gboolean soft = param->soft_max > param->soft_min && (param->soft_min != param->min || param->soft_max != param->max);
  g_autofree char *comfortable = g_strdup_printf ("; usually %.10g to %.10g", param->soft_min, param->soft_max);
  const char *unit = param->unit != NULL ? param->unit : "";

  switch (param->kind)
    {
    case PENT_PARAM_INT:
    case PENT_PARAM_FLOAT:
    case PENT_PARAM_SIZE:
      return g_strdup_printf ("%.10g to %.10g%s%s%s", param->min, param->max, *unit ? " " : "", unit, soft ? comfortable : "");
    case PENT_PARAM_BOOL:
      return g_strdup ("yes or no");
    case PENT_PARAM_CHOICE:
      return g_strjoinv (", ", (char **) param->choices);
    case PENT_PARAM_SEED:
      return g_strdup ("a whole number of up to 64 bits");
    case PENT_PARAM_IMAGE:
      return g_strdup ("a PNG picture");
    case PENT_PARAM_MODEL:
      return g_strdup ("a name or a path");
    case PENT_PARAM_STRING:
      return g_strdup ("text");
    }
  g_return_val_if_reached (g_strdup (""));
}

static char *
describe_default (const PentParam *param)
{
  g_autoptr (GVariant) value = NULL;
  g_autofree char *text = NULL;
  GVariant *floating;

  if (param->flags & PENT_PARAM_REQUIRED)
    return g_strdup ("must be given");
  if (param->flags & PENT_PARAM_FROM_MODEL)
    return g_strdup ("default: the model's own");
  if (param->kind == PENT_PARAM_SEED)
    return g_strdup ("default: drawn at random");
  floating = pent_param_get_default (param);
  if (floating == NULL)
    return g_strdup ("default: none");
  value = g_variant_ref_sink (floating);
  text = pent_param_format (param, value);
  return g_strdup_printf ("default: %s", *text != '\0' ? text : "none");
}

static void
describe_op (const PentOpClass *op)
{
  printf ("%s: %s.\n", op->name, op->blurb);
  for (const PentParam *param = op->params; param->name != NULL; param++)
    {
      g_autofree char *range = describe_range (param);
      g_autofree char *fallback = describe_default (param);

      printf ("\n  --%s%s\n      %s.\n      %s; %s.\n", param->name,
              param->flags & PENT_PARAM_ADVANCED ? "  (advanced)" : "", param->blurb, range, fallback);
    }
}

int
cli_describe (int argc, char **argv)
{
  g_auto (CliCommon) common = { 0 };
  g_autoptr (GError) error = NULL;
  const PentOpClass *op;

  if (!parse (&common, "[OPERATION]", "Tells what operations there are, or the parameters of one.", 1, &argc, &argv,
              &error))
    return cli_report (error);
  if (argc < 2)
    {
      for (gsize i = 0; pent_ops[i] != NULL; i++)
        {
          if (common.json)
            print_json (pent_engine_describe (pent_ops[i]));
          else
            printf ("%-10s  %s\n", pent_ops[i]->name, pent_ops[i]->blurb);
        }
      return CLI_OK;
    }
  op = pent_op_find (argv[1]);
  if (op == NULL)
    {
      g_autofree char *shown = g_utf8_make_valid (argv[1], -1);

      error = g_error_new (PENT_ERROR, PENT_ERROR_INVALID, "There is no operation “%s”", shown);
      return cli_report (error);
    }
  if (common.json)
    print_json (pent_engine_describe (op));
  else
    describe_op (op);
  return CLI_OK;
}

/* ---- models ---- */

static void
print_model (const PentModelEntry *entry, gboolean json)
{
  g_autofree char *size = g_format_size (entry->size);
  g_autofree char *path = g_filename_display_name (entry->path);
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  if (!json)
    {
      printf ("%-20s  %-24s  %10s  %s\n", entry->name, *entry->family != '\0' ? entry->family : "-", size, path);
      return;
    }
  g_variant_dict_insert (&dict, "name", "s", entry->name);
  g_variant_dict_insert (&dict, "path", "s", path);
  g_variant_dict_insert (&dict, "family", "s", entry->family);
  g_variant_dict_insert (&dict, "size", "t", entry->size);
  print_json (g_variant_dict_end (&dict));
}

int
cli_models (int argc, char **argv)
{
  g_auto (CliCommon) common = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) entries = NULL;

  if (!parse (&common, NULL, "Lists the models in the model folders; any other is named by its path.", 0, &argc, &argv,
              &error))
    return cli_report (error);
  entries = pent_catalogue_list ();
  for (guint i = 0; i < entries->len; i++)
    print_model (g_ptr_array_index (entries, i), common.json);
  return CLI_OK;
}

/* ---- devices ---- */

static void
print_device (GVariant *device)
{
  const char *name, *driver, *kind;
  guint64 memory;
  guint32 index;
  g_autofree char *size = NULL;

  g_variant_lookup (device, "index", "u", &index);
  g_variant_lookup (device, "name", "&s", &name);
  g_variant_lookup (device, "driver", "&s", &driver);
  g_variant_lookup (device, "kind", "&s", &kind);
  g_variant_lookup (device, "memory", "t", &memory);
  size = g_format_size_full (memory, G_FORMAT_SIZE_IEC_UNITS);
  printf ("%u  %s  (%s, %s, %s)\n", index, name, kind, size, driver);
}

static gboolean
is_device (GVariant *device)
{
  static const struct { const char *key, *type; } keys[] = {
    { "index", "u" }, { "name", "s" }, { "driver", "s" }, { "kind", "s" }, { "memory", "t" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (device, keys[i].key, G_VARIANT_TYPE (keys[i].type));

      if (value == NULL)
        return FALSE;
    }
  return TRUE;
}

int
cli_devices (int argc, char **argv)
{
  g_auto (CliCommon) common = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (CliRunner) runner = NULL;
  g_autoptr (GVariant) devices = NULL;

  if (!parse (&common, NULL, "Lists the devices that can be computed on.", 0, &argc, &argv, &error))
    return cli_report (error);
  runner = cli_runner_new (&common);
  devices = cli_runner_list_devices (runner, &error);
  if (devices == NULL)
    return cli_report (error);
  for (gsize i = 0; i < g_variant_n_children (devices); i++)
    {
      g_autoptr (GVariant) device = g_variant_get_child_value (devices, i);

      if (common.json)
        print_json (g_variant_ref (device));
      else if (is_device (device))
        print_device (device);
    }
  return CLI_OK;
}
