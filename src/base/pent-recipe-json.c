/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-recipe"

#include "pent-recipe.h"

#include <math.h>
#include <string.h>

#include <json-glib/json-glib.h>

#include "pent-error.h"
#include "pent-json.h"
#include "pent-recipe-private.h"

#define MAX_DEPTH 8
#define MAX_JSON (16u << 20)            /* bytes; a prompt is at most 1 MiB, each byte at most six here */

/* ---- writing ---- */

static gboolean
append_member (gpointer key, gpointer value, gpointer data)
{
  GPtrArray *members = data;
  g_autoptr (GVariant) name = g_variant_ref_sink (g_variant_new_string (key));
  g_autofree char *quoted = pent_json_from_variant (name), *text = pent_json_from_variant (value);

  g_ptr_array_add (members, g_strconcat (quoted, ":", text, NULL));
  return FALSE;
}

static int
compare_members (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

char *
pent_recipe_to_json (const PentRecipe *self)
{
  g_autoptr (GPtrArray) members = NULL;
  g_autoptr (GVariant) op = NULL;
  g_autofree char *joined = NULL;

  g_return_val_if_fail (self != NULL, NULL);

  members = g_ptr_array_new_null_terminated (0, g_free, TRUE);
  pent_recipe_foreach (self, append_member, members);
  op = g_variant_ref_sink (g_variant_new_string (pent_recipe_get_op (self)));
  append_member ((gpointer) "op", op, members);
  g_ptr_array_sort (members, compare_members);
  joined = g_strjoinv (",", (char **) members->pdata);
  return g_strdup_printf ("{%s}", joined);
}

/* ---- reading ---- */

static GVariant *variant_from_node (JsonNode *node, guint depth);

static GVariant *
variant_from_array (JsonArray *array, guint depth)
{
  guint n = json_array_get_length (array);
  GVariantBuilder builder;

  if (n == 2)
    {
      JsonNode *a = json_array_get_element (array, 0), *b = json_array_get_element (array, 1);

      if (json_node_get_value_type (a) == G_TYPE_INT64 && json_node_get_value_type (b) == G_TYPE_INT64 &&
          json_node_get_int (a) >= 0 && json_node_get_int (a) <= G_MAXUINT32 &&
          json_node_get_int (b) >= 0 && json_node_get_int (b) <= G_MAXUINT32)
        return g_variant_new ("(uu)", (guint) json_node_get_int (a), (guint) json_node_get_int (b));
    }

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < n; i++)
    {
      GVariant *child = variant_from_node (json_array_get_element (array, i), depth + 1);

      if (child == NULL)
        {
          g_variant_builder_clear (&builder);
          return NULL;
        }
      g_variant_builder_add (&builder, "v", child);
    }
  return g_variant_builder_end (&builder);
}

/* Floating, or NULL for what a recipe cannot hold (null, objects, too deep). */
static GVariant *
variant_from_node (JsonNode *node, guint depth)
{
  GType type;

  if (depth > MAX_DEPTH)
    return NULL;
  if (JSON_NODE_HOLDS_ARRAY (node))
    return variant_from_array (json_node_get_array (node), depth);
  if (!JSON_NODE_HOLDS_VALUE (node))
    return NULL;

  type = json_node_get_value_type (node);
  if (type == G_TYPE_INT64)
    return g_variant_new_int64 (json_node_get_int (node));
  if (type == G_TYPE_DOUBLE && isfinite (json_node_get_double (node)))
    return g_variant_new_double (json_node_get_double (node));
  if (type == G_TYPE_BOOLEAN)
    return g_variant_new_boolean (json_node_get_boolean (node));
  if (type == G_TYPE_STRING && g_utf8_validate (json_node_get_string (node), -1, NULL))
    return g_variant_new_string (json_node_get_string (node));
  return NULL;
}

static gboolean
fill (PentRecipe *self, JsonObject *object, GError **error)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &name, &node))
    {
      GVariant *value;

      if (g_str_equal (name, "op"))
        continue;
      value = variant_from_node (node, 0);
      if (value == NULL || *name == '\0')
        {
          if (value != NULL)
            g_variant_unref (g_variant_ref_sink (value));
          g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "The recipe's “%.60s” is nothing that a recipe can hold",
                       name);
          return FALSE;
        }
      pent_recipe_set (self, name, value);
    }
  return TRUE;
}

/* json-glib descends by recursion, so the depth is looked at first. */
static gboolean
is_shallow (const char *json)
{
  guint depth = 0;
  gboolean quoted = FALSE;

  for (const char *p = json; *p != '\0'; p++)
    {
      if (quoted && *p == '\\' && p[1] != '\0')
        p++;
      else if (*p == '"')
        quoted = !quoted;
      else if (!quoted && (*p == '[' || *p == '{') && ++depth > 2 * MAX_DEPTH)
        return FALSE;
      else if (!quoted && (*p == ']' || *p == '}') && depth > 0)
        depth--;
    }
  return TRUE;
}

PentRecipe *
pent_recipe_from_json (const char *json, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GError) local_error = NULL;
  g_autoptr (PentRecipe) self = NULL;
  JsonObject *object;
  JsonNode *op;

  g_return_val_if_fail (json != NULL, NULL);

  if (strnlen (json, MAX_JSON + 1) > MAX_JSON || !is_shallow (json))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "The recipe is too large or too deeply nested to be one");
      return NULL;
    }
  if (!json_parser_load_from_data (parser, json, -1, &local_error))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "The recipe is not JSON: %s", local_error->message);
      return NULL;
    }
  if (json_parser_get_root (parser) == NULL || !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "The recipe is not a JSON object");
      return NULL;
    }

  object = json_node_get_object (json_parser_get_root (parser));
  op = json_object_get_member (object, "op");
  if (op == NULL || json_node_get_value_type (op) != G_TYPE_STRING || *json_node_get_string (op) == '\0')
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "The recipe names no operation");
      return NULL;
    }
  self = pent_recipe_new (json_node_get_string (op));
  return fill (self, object, error) ? g_steal_pointer (&self) : NULL;
}
