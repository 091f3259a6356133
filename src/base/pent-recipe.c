/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-recipe"

#include "pent-recipe.h"

#include <math.h>
#include <string.h>

#include <json-glib/json-glib.h>

#include "pent-error.h"
#include "pent-recipe-private.h"

struct _PentRecipe {
  char  *op;
  GTree *values;      /* name -> GVariant, sorted */
};

/* What a finished job adds; everything else has to be a parameter of the operation. */
static const char *const extras[] = {
  "device", "driver", "model-family", "model-hash", "model-name", "precision", "prompt-tokens", "version", NULL
};

G_DEFINE_BOXED_TYPE (PentRecipe, pent_recipe, pent_recipe_ref, pent_recipe_unref)

static int
compare_names (gconstpointer a, gconstpointer b, gpointer data)
{
  return strcmp (a, b);
}

PentRecipe *
pent_recipe_new (const char *op)
{
  PentRecipe *self;

  g_return_val_if_fail (op != NULL, NULL);

  self = g_atomic_rc_box_new0 (PentRecipe);
  self->op = g_strdup (op);
  self->values = g_tree_new_full (compare_names, NULL, g_free, (GDestroyNotify) g_variant_unref);
  return self;
}

PentRecipe *
pent_recipe_copy (const PentRecipe *self)
{
  PentRecipe *copy;

  g_return_val_if_fail (self != NULL, NULL);

  copy = pent_recipe_new (self->op);
  for (GTreeNode *node = g_tree_node_first (self->values); node != NULL; node = g_tree_node_next (node))
    pent_recipe_set (copy, g_tree_node_key (node), g_tree_node_value (node));
  return copy;
}

PentRecipe *
pent_recipe_ref (PentRecipe *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
recipe_clear (gpointer data)
{
  PentRecipe *self = data;

  g_clear_pointer (&self->values, g_tree_unref);
  g_clear_pointer (&self->op, g_free);
}

void
pent_recipe_unref (PentRecipe *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, recipe_clear);
}

const char *
pent_recipe_get_op (const PentRecipe *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->op;
}

void
pent_recipe_set (PentRecipe *self, const char *name, GVariant *value)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (name != NULL && *name != '\0' && !g_str_equal (name, "op"));

  if (value == NULL)
    g_tree_remove (self->values, name);
  else
    g_tree_replace (self->values, g_strdup (name), g_variant_ref_sink (value));
}

GVariant *
pent_recipe_get (const PentRecipe *self, const char *name)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_tree_lookup (self->values, name);
}

static GVariant *
get_typed (const PentRecipe *self, const char *name, const char *type)
{
  GVariant *value = pent_recipe_get (self, name);

  return value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE (type)) ? value : NULL;
}

gint64
pent_recipe_get_int (const PentRecipe *self, const char *name)
{
  GVariant *value = get_typed (self, name, "x");

  g_return_val_if_fail (value != NULL, 0);
  return g_variant_get_int64 (value);
}

guint64
pent_recipe_get_seed (const PentRecipe *self, const char *name)
{
  GVariant *value = get_typed (self, name, "t");

  g_return_val_if_fail (value != NULL, 0);
  return g_variant_get_uint64 (value);
}

double
pent_recipe_get_float (const PentRecipe *self, const char *name)
{
  GVariant *value = get_typed (self, name, "d");

  g_return_val_if_fail (value != NULL, 0);
  return g_variant_get_double (value);
}

gboolean
pent_recipe_get_bool (const PentRecipe *self, const char *name)
{
  GVariant *value = get_typed (self, name, "b");

  g_return_val_if_fail (value != NULL, FALSE);
  return g_variant_get_boolean (value);
}

const char *
pent_recipe_get_string (const PentRecipe *self, const char *name)
{
  GVariant *value = get_typed (self, name, "s");

  return value != NULL ? g_variant_get_string (value, NULL) : "";
}

void
pent_recipe_get_size (const PentRecipe *self, const char *name, guint *width, guint *height)
{
  GVariant *value = get_typed (self, name, "(uu)");

  *width = *height = 0;
  g_return_if_fail (value != NULL);
  g_variant_get (value, "(uu)", width, height);
}

/* ---- resolving ---- */

/* JSON knows one kind of number, and other programs write what is handy: what says the same in another type becomes
 * the parameter's own.  Returns a new reference, or NULL where value is not that. */
static GVariant *
coerce (const PentParam *param, GVariant *value)
{
  const GVariantType *type = pent_param_get_variant_type (param);
  g_autoptr (GVariant) number = NULL;

  if (g_variant_is_of_type (value, type))
    return g_variant_ref (value);

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT32))
    number = g_variant_ref_sink (g_variant_new_int64 (g_variant_get_int32 (value)));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32))
    number = g_variant_ref_sink (g_variant_new_int64 (g_variant_get_uint32 (value)));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    number = g_variant_ref (value);

  if (param->kind == PENT_PARAM_INT && number != NULL)
    return g_steal_pointer (&number);
  if (param->kind == PENT_PARAM_SEED && number != NULL && g_variant_get_int64 (number) >= 0)
    return g_variant_ref_sink (g_variant_new_uint64 (g_variant_get_int64 (number)));
  if (param->kind == PENT_PARAM_FLOAT && number != NULL)
    return g_variant_ref_sink (g_variant_new_double ((double) g_variant_get_int64 (number)));
  if ((param->kind == PENT_PARAM_SEED || param->kind == PENT_PARAM_IMAGE) &&
      g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    {
      GVariant *parsed = pent_param_parse (param, g_variant_get_string (value, NULL), NULL);

      return parsed != NULL ? g_variant_ref_sink (parsed) : NULL;
    }
  return NULL;
}

static const PentParam *
find_param (const PentParam *params, const char *name)
{
  for (; params->name != NULL; params++)
    if (g_str_equal (params->name, name))
      return params;
  return NULL;
}

static gboolean
refuse_unknown_names (PentRecipe *self, const PentParam *params, GError **error)
{
  for (GTreeNode *node = g_tree_node_first (self->values); node != NULL; node = g_tree_node_next (node))
    {
      const char *name = g_tree_node_key (node);

      if (find_param (params, name) == NULL && !g_strv_contains (extras, name))
        {
          g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "“%s” has no parameter “%.60s”", self->op, name);
          return FALSE;
        }
    }
  return TRUE;
}

gboolean
pent_recipe_resolve (PentRecipe *self, const PentParam *params, GError **error)
{
  g_return_val_if_fail (self != NULL && params != NULL, FALSE);

  if (!refuse_unknown_names (self, params, error))
    return FALSE;

  for (const PentParam *param = params; param->name != NULL; param++)
    {
      GVariant *given = pent_recipe_get (self, param->name);
      g_autoptr (GVariant) value = NULL;

      if (given != NULL)
        {
          value = coerce (param, given);
          if (!pent_param_check (param, value != NULL ? value : given, error))
            return FALSE;
        }
      else if (param->flags & PENT_PARAM_REQUIRED)
        {
          g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "“%s” needs the parameter “%s”", self->op, param->name);
          return FALSE;
        }
      else
        {
          GVariant *fallback = pent_param_get_default (param);

          value = fallback != NULL ? g_variant_ref_sink (fallback) : NULL;
        }
      if (value != NULL)
        pent_recipe_set (self, param->name, value);
    }
  return TRUE;
}

/* ---- wire ---- */

GVariant *
pent_recipe_to_variant (const PentRecipe *self)
{
  GVariantBuilder builder;

  g_return_val_if_fail (self != NULL, NULL);

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (GTreeNode *node = g_tree_node_first (self->values); node != NULL; node = g_tree_node_next (node))
    g_variant_builder_add (&builder, "{sv}", g_tree_node_key (node), g_tree_node_value (node));
  return g_variant_new ("(sa{sv})", self->op, &builder);
}

PentRecipe *
pent_recipe_from_variant (GVariant *variant, GError **error)
{
  g_autoptr (PentRecipe) self = NULL;
  g_autoptr (GVariantIter) iter = NULL;
  const char *op, *name;
  GVariant *value;

  g_return_val_if_fail (variant != NULL, NULL);

  if (!g_variant_is_of_type (variant, G_VARIANT_TYPE ("(sa{sv})")))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "A recipe is an operation and its values, not “%.40s”",
                   g_variant_get_type_string (variant));
      return NULL;
    }

  g_variant_get (variant, "(&sa{sv})", &op, &iter);
  if (*op == '\0')
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "The recipe names no operation");
      return NULL;
    }
  self = pent_recipe_new (op);
  while (g_variant_iter_next (iter, "{&sv}", &name, &value))
    {
      g_autoptr (GVariant) owned = value;

      if (*name == '\0' || g_str_equal (name, "op") || pent_recipe_get (self, name) != NULL)
        {
          g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "The recipe has “%.60s” where a name belongs, or has it "
                       "twice", name);
          return NULL;
        }
      if (g_variant_is_of_type (owned, G_VARIANT_TYPE_DOUBLE) && !isfinite (g_variant_get_double (owned)))
        {
          g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "%.60s is not a finite number", name);
          return NULL;
        }
      pent_recipe_set (self, name, owned);
    }
  return g_steal_pointer (&self);
}

/* ---- the text other programs read ---- */

static char *
quote (const char *text)
{
  g_autoptr (JsonNode) node = json_node_init_string (json_node_alloc (), text);

  return json_to_string (node, FALSE);
}

static void
append_field (GString *out, const PentRecipe *self, const char *name, const char *label)
{
  GVariant *value = pent_recipe_get (self, name);
  guint width, height;

  if (value == NULL)
    return;
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    {
      const char *text = g_variant_get_string (value, NULL);

      /* A comma or a line end would start the next field: such a value stands in quotes, as JSON has them. */
      if (*text == '\0')
        return;
      if (strpbrk (text, ",:\n\"") != NULL)
        {
          g_autofree char *escaped = quote (text);

          g_string_append_printf (out, "%s: %s, ", label, escaped);
        }
      else
        {
          g_string_append_printf (out, "%s: %s, ", label, text);
        }
    }
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    {
      g_string_append_printf (out, "%s: %" G_GINT64_FORMAT ", ", label, g_variant_get_int64 (value));
    }
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT64))
    {
      g_string_append_printf (out, "%s: %" G_GUINT64_FORMAT ", ", label, g_variant_get_uint64 (value));
    }
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    {
      g_autofree char *text = pent_double_to_text (g_variant_get_double (value));

      g_string_append_printf (out, "%s: %s, ", label, text);
    }
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE ("(uu)")))
    {
      g_variant_get (value, "(uu)", &width, &height);
      g_string_append_printf (out, "%s: %ux%u, ", label, width, height);
    }
}

char *
pent_recipe_to_parameters (const PentRecipe *self)
{
  static const struct { const char *name, *label; } fields[] = {
    { "steps", "Steps" }, { "sampler", "Sampler" }, { "guidance", "CFG scale" }, { "seed", "Seed" },
    { "size", "Size" }, { "model-hash", "Model hash" }, { "model", "Model" }, { "version", "Version" },
  };
  GString *out;
  const char *negative;

  g_return_val_if_fail (self != NULL, NULL);

  out = g_string_new (pent_recipe_get_string (self, "prompt"));
  g_string_append_c (out, '\n');
  negative = pent_recipe_get_string (self, "negative");
  if (*negative != '\0')
    g_string_append_printf (out, "Negative prompt: %s\n", negative);
  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    append_field (out, self, fields[i].name, fields[i].label);
  if (pent_recipe_get (self, "image") != NULL)
    append_field (out, self, "strength", "Denoising strength");
  if (g_str_has_suffix (out->str, ", "))
    g_string_truncate (out, out->len - 2);
  return g_string_free_and_steal (out);
}

void
pent_recipe_foreach (const PentRecipe *self, GTraverseFunc func, gpointer data)
{
  g_tree_foreach (self->values, func, data);
}
