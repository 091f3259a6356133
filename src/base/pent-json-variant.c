/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-json.h"

#include <string.h>

#include "pent-param.h"

#define MAX_EXACT (1ull << 53)          /* beyond it, readers that keep numbers as doubles lose digits */

static void append_variant (GString *out, GVariant *value);

static void
append_string (GString *out, const char *text)
{
  g_autoptr (JsonNode) node = json_node_init_string (json_node_alloc (), text);
  g_autofree char *quoted = json_to_string (node, FALSE);

  g_string_append (out, quoted);
}

/* Always with a point or an exponent, so that it is read back as a double. */
static void
append_double (GString *out, double v)
{
  g_autofree char *text = pent_double_to_text (v);

  g_string_append (out, text);
  if (strpbrk (text, ".e") == NULL)
    g_string_append (out, ".0");
}

static void
append_unsigned (GString *out, guint64 v)
{
  if (v > MAX_EXACT)
    g_string_append_printf (out, "\"%" G_GUINT64_FORMAT "\"", v);
  else
    g_string_append_printf (out, "%" G_GUINT64_FORMAT, v);
}

static void
append_bytes (GString *out, GVariant *value)
{
  gsize n;
  const guint8 *bytes = g_variant_get_fixed_array (value, &n, 1);

  g_string_append_c (out, '"');
  for (gsize i = 0; i < n; i++)
    g_string_append_printf (out, "%02x", bytes[i]);
  g_string_append_c (out, '"');
}

static void
append_dictionary (GString *out, GVariant *value)
{
  g_string_append_c (out, '{');
  for (gsize i = 0; i < g_variant_n_children (value); i++)
    {
      g_autoptr (GVariant) entry = g_variant_get_child_value (value, i);
      g_autoptr (GVariant) key = g_variant_get_child_value (entry, 0), child = g_variant_get_child_value (entry, 1);

      if (i > 0)
        g_string_append_c (out, ',');
      append_variant (out, key);
      g_string_append_c (out, ':');
      append_variant (out, child);
    }
  g_string_append_c (out, '}');
}

static void
append_container (GString *out, GVariant *value)
{
  g_string_append_c (out, '[');
  for (gsize i = 0; i < g_variant_n_children (value); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      if (i > 0)
        g_string_append_c (out, ',');
      append_variant (out, child);
    }
  g_string_append_c (out, ']');
}

static void
append_variant (GString *out, GVariant *value)
{
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BOOLEAN:
      g_string_append (out, g_variant_get_boolean (value) ? "true" : "false");
      break;
    case G_VARIANT_CLASS_INT32:
      g_string_append_printf (out, "%d", g_variant_get_int32 (value));
      break;
    case G_VARIANT_CLASS_UINT32:
      append_unsigned (out, g_variant_get_uint32 (value));
      break;
    case G_VARIANT_CLASS_INT64:
      g_string_append_printf (out, "%" G_GINT64_FORMAT, g_variant_get_int64 (value));
      break;
    case G_VARIANT_CLASS_UINT64:
      append_unsigned (out, g_variant_get_uint64 (value));
      break;
    case G_VARIANT_CLASS_DOUBLE:
      append_double (out, g_variant_get_double (value));
      break;
    case G_VARIANT_CLASS_STRING:
      append_string (out, g_variant_get_string (value, NULL));
      break;
    case G_VARIANT_CLASS_VARIANT:
      {
        g_autoptr (GVariant) inner = g_variant_get_variant (value);

        append_variant (out, inner);
      }
      break;
    case G_VARIANT_CLASS_ARRAY:
    case G_VARIANT_CLASS_TUPLE:
      if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
        append_bytes (out, value);
      else if (g_variant_is_of_type (value, G_VARIANT_TYPE ("a{s*}")))
        append_dictionary (out, value);
      else
        append_container (out, value);
      break;
    default:
      g_string_append (out, "null");
    }
}

char *
pent_json_from_variant (GVariant *value)
{
  GString *out;

  g_return_val_if_fail (value != NULL, NULL);

  out = g_string_new (NULL);
  append_variant (out, value);
  return g_string_free_and_steal (out);
}
