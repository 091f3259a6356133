/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-json.h"

#include <math.h>
#include <string.h>
#include "pent-error.h"

#define MAX_BYTES (64 << 20)
#define MAX_DEPTH 64

/* json-glib parses recursively: a file of a million '[' must not reach it. */
static gboolean
nesting_is_sane (const char *text, gsize length)
{
  guint depth = 0;
  gboolean in_string = FALSE;

  for (gsize i = 0; i < length; i++)
    {
      char c = text[i];

      if (in_string)
        {
          if (c == '\\')
            i++;
          else if (c == '"')
            in_string = FALSE;
        }
      else if (c == '"')
        in_string = TRUE;
      else if ((c == '[' || c == '{') && ++depth > MAX_DEPTH)
        return FALSE;
      else if ((c == ']' || c == '}') && depth > 0)
        depth--;
    }

  return TRUE;
}

void
pent_json_load (PentJson *self, PentFiles *files, const char *name)
{
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GError) error = NULL;
  const char *text;
  gsize length;

  self->where = pent_files_describe (files, name);
  bytes = pent_files_map (files, name, &self->error);
  if (bytes == NULL)
    return;

  text = g_bytes_get_data (bytes, &length);
  if (length > MAX_BYTES || !g_utf8_validate_len (text, length, NULL) || !nesting_is_sane (text, length))
    {
      g_set_error (&self->error, PENT_ERROR, PENT_ERROR_FILE,
                   "%s is not a configuration file: it is too large, nested too deeply or not UTF-8", self->where);
      return;
    }
  if (!json_parser_load_from_data (parser, text, length, &error))
    {
      g_set_error (&self->error, PENT_ERROR, PENT_ERROR_FILE, "%s is not valid JSON: %s", self->where, error->message);
      return;
    }
  if (json_parser_get_root (parser) == NULL || !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    {
      g_set_error (&self->error, PENT_ERROR, PENT_ERROR_FILE, "%s does not hold a JSON object", self->where);
      return;
    }

  self->object = json_object_ref (json_node_get_object (json_parser_get_root (parser)));
}

void
pent_json_wrap (PentJson *self, JsonObject *object, const char *where)
{
  self->object = json_object_ref (object);
  self->where = g_strdup (where);
}

void
pent_json_clear (PentJson *self)
{
  g_clear_pointer (&self->object, json_object_unref);
  g_clear_pointer (&self->where, g_free);
  g_clear_error (&self->error);
}

void
pent_json_fail (PentJson *self, const char *name, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  if (self->error != NULL)
    return;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (&self->error, PENT_ERROR, PENT_ERROR_MODEL, "%s: \"%s\" %s", self->where, name, what);
}

/* The member, or NULL if it is absent (an error if it is required). */
static JsonNode *
member (PentJson *self, const char *name, gboolean required)
{
  JsonNode *node = self->object != NULL ? json_object_get_member (self->object, name) : NULL;

  if (node != NULL && !JSON_NODE_HOLDS_NULL (node))
    return node;
  if (required)
    pent_json_fail (self, name, "is missing");
  return NULL;
}

gboolean
pent_json_has (PentJson *self, const char *name)
{
  return member (self, name, FALSE) != NULL;
}

static gboolean
node_is_number (JsonNode *node)
{
  return JSON_NODE_HOLDS_VALUE (node) &&
         (json_node_get_value_type (node) == G_TYPE_INT64 || json_node_get_value_type (node) == G_TYPE_DOUBLE);
}

/* A whole number in range, or FALSE with the error set. */
static gboolean
read_int (PentJson *self, const char *name, JsonNode *node, gint64 min, gint64 max, gint64 *value)
{
  double number;

  if (!node_is_number (node))
    {
      pent_json_fail (self, name, "is not a number");
      return FALSE;
    }

  number = json_node_get_double (node);
  if (number != floor (number) || number < (double) min || number > (double) max)
    {
      pent_json_fail (self, name, "is %g, and must be a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                      number, min, max);
      return FALSE;
    }

  *value = json_node_get_value_type (node) == G_TYPE_INT64 ? json_node_get_int (node) : (gint64) number;
  return TRUE;
}

gint64
pent_json_int (PentJson *self, const char *name, gint64 fallback, gint64 min, gint64 max)
{
  JsonNode *node = member (self, name, fallback == PENT_JSON_REQUIRED);
  gint64 value = fallback == PENT_JSON_REQUIRED ? min : fallback;

  if (node != NULL)
    read_int (self, name, node, min, max, &value);
  return value;
}

double
pent_json_float (PentJson *self, const char *name, double fallback, double min, double max)
{
  gboolean required = fallback == (double) PENT_JSON_REQUIRED;
  JsonNode *node = member (self, name, required);
  double value;

  if (node == NULL)
    return required ? min : fallback;
  if (!node_is_number (node))
    {
      pent_json_fail (self, name, "is not a number");
      return min;
    }

  value = json_node_get_double (node);
  if (!(value >= min && value <= max))
    {
      pent_json_fail (self, name, "is %g, and must lie between %g and %g", value, min, max);
      return min;
    }
  return value;
}

gboolean
pent_json_bool (PentJson *self, const char *name, gboolean fallback)
{
  JsonNode *node = member (self, name, FALSE);

  if (node == NULL)
    return fallback;
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_BOOLEAN)
    {
      pent_json_fail (self, name, "is neither true nor false");
      return fallback;
    }
  return json_node_get_boolean (node);
}

const char *
pent_json_string (PentJson *self, const char *name, const char *fallback)
{
  JsonNode *node = member (self, name, FALSE);

  if (node == NULL)
    return fallback;
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    {
      pent_json_fail (self, name, "is not a string");
      return fallback;
    }
  return json_node_get_string (node);
}

guint
pent_json_ints (PentJson *self, const char *name, guint *values, guint max_n, gint64 min, gint64 max)
{
  JsonNode *node = member (self, name, FALSE);
  JsonArray *array;
  guint n;

  if (node == NULL)
    return 0;
  if (!JSON_NODE_HOLDS_ARRAY (node))
    {
      pent_json_fail (self, name, "is not a list");
      return 0;
    }

  array = json_node_get_array (node);
  n = json_array_get_length (array);
  if (n < 1 || n > max_n)
    {
      pent_json_fail (self, name, "has %u entries, and must have 1 to %u", n, max_n);
      return 0;
    }
  for (guint i = 0; i < n; i++)
    {
      gint64 value;

      if (!read_int (self, name, json_array_get_element (array, i), min, max, &value))
        return 0;
      values[i] = (guint) value;
    }
  return n;
}

JsonObject *
pent_json_object (PentJson *self, const char *name)
{
  JsonNode *node = member (self, name, FALSE);

  if (node == NULL)
    return NULL;
  if (!JSON_NODE_HOLDS_OBJECT (node))
    {
      pent_json_fail (self, name, "is not an object");
      return NULL;
    }
  return json_node_get_object (node);
}

gboolean
pent_json_finish (PentJson *self, GError **error)
{
  if (self->error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&self->error));
  return FALSE;
}
