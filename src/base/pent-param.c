/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-param"

#include "pent-param.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "pent-error.h"

#define MAX_TEXT 65536

const GVariantType *
pent_param_get_variant_type (const PentParam *param)
{
  switch (param->kind)
    {
    case PENT_PARAM_INT:    return G_VARIANT_TYPE_INT64;
    case PENT_PARAM_FLOAT:  return G_VARIANT_TYPE_DOUBLE;
    case PENT_PARAM_BOOL:   return G_VARIANT_TYPE_BOOLEAN;
    case PENT_PARAM_SEED:   return G_VARIANT_TYPE_UINT64;
    case PENT_PARAM_SIZE:   return G_VARIANT_TYPE ("(uu)");
    case PENT_PARAM_IMAGE:  return G_VARIANT_TYPE_BYTESTRING;
    case PENT_PARAM_STRING:
    case PENT_PARAM_CHOICE:
    case PENT_PARAM_MODEL:  return G_VARIANT_TYPE_STRING;
    }
  g_return_val_if_reached (NULL);
}

GVariant *
pent_param_get_default (const PentParam *param)
{
  if (param->flags & (PENT_PARAM_REQUIRED | PENT_PARAM_FROM_MODEL))
    return NULL;

  switch (param->kind)
    {
    case PENT_PARAM_INT:    return g_variant_new_int64 ((gint64) param->value);
    case PENT_PARAM_FLOAT:  return g_variant_new_double (param->value);
    case PENT_PARAM_BOOL:   return g_variant_new_boolean (param->value != 0);
    case PENT_PARAM_SIZE:   return g_variant_new ("(uu)", (guint) param->value, (guint) param->value);
    case PENT_PARAM_STRING:
    case PENT_PARAM_CHOICE:
    case PENT_PARAM_MODEL:  return param->text != NULL ? g_variant_new_string (param->text) : NULL;
    case PENT_PARAM_SEED:
    case PENT_PARAM_IMAGE:  return NULL;
    }
  return NULL;
}

static char *
number (double v)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  return g_strdup (g_ascii_formatd (buffer, sizeof buffer, "%.10g", v));
}

static gboolean
refuse_range (const PentParam *param, double v, GError **error)
{
  g_autofree char *min = number (param->min);
  g_autofree char *max = number (param->max);
  g_autofree char *is = number (v);
  const char *unit = param->unit != NULL ? param->unit : "";

  g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "%s must be between %s and %s%s%s, and %s is not", param->name,
               min, max, *unit ? " " : "", unit, is);
  return FALSE;
}

/* A number against range and step; the message names both neighbours that would do. */
static gboolean
check_number (const PentParam *param, double v, GError **error)
{
  double below, above;

  if (!(v >= param->min && v <= param->max))
    return refuse_range (param, v, error);
  if (param->step == 0 || param->kind == PENT_PARAM_FLOAT || fmod (v - param->min, param->step) == 0)
    return TRUE;

  below = param->min + floor ((v - param->min) / param->step) * param->step;
  above = MIN (below + param->step, param->max);
  g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "%s goes in steps of %.10g%s%s, and %.10g is not one: try %.10g "
               "or %.10g", param->name, param->step, param->unit && *param->unit ? " " : "",
               param->unit ? param->unit : "", v, below, above);
  return FALSE;
}

static gboolean
check_text (const PentParam *param, const char *text, GError **error)
{
  gsize longest = param->max > 0 ? (gsize) param->max : MAX_TEXT;

  if (strlen (text) > longest)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "%s is %" G_GSIZE_FORMAT " bytes long; at most %"
                   G_GSIZE_FORMAT " are possible", param->name, strlen (text), longest);
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_choice (const PentParam *param, const char *text, GError **error)
{
  g_autofree char *all = NULL;

  if (g_strv_contains (param->choices, text))
    return TRUE;
  all = g_strjoinv (", ", (char **) param->choices);
  g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "%s must be one of %s, and “%.40s” is not", param->name, all,
               text);
  return FALSE;
}

gboolean
pent_param_check (const PentParam *param, GVariant *value, GError **error)
{
  const GVariantType *type = pent_param_get_variant_type (param);
  guint width, height;

  if (!g_variant_is_of_type (value, type))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "%s has the wrong type: “%s” where “%.*s” belongs",
                   param->name, g_variant_get_type_string (value), (int) g_variant_type_get_string_length (type),
                   g_variant_type_peek_string (type));
      return FALSE;
    }

  switch (param->kind)
    {
    case PENT_PARAM_INT:
      return check_number (param, (double) g_variant_get_int64 (value), error);
    case PENT_PARAM_FLOAT:
      return check_number (param, g_variant_get_double (value), error);
    case PENT_PARAM_SIZE:
      g_variant_get (value, "(uu)", &width, &height);
      return check_number (param, width, error) && check_number (param, height, error);
    case PENT_PARAM_STRING:
    case PENT_PARAM_MODEL:
      return check_text (param, g_variant_get_string (value, NULL), error);
    case PENT_PARAM_CHOICE:
      return check_choice (param, g_variant_get_string (value, NULL), error);
    case PENT_PARAM_IMAGE:
      if (g_variant_n_children (value) == 32)
        return TRUE;
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "%s must be the SHA-256 of a picture, 32 bytes, and has %"
                   G_GSIZE_FORMAT, param->name, g_variant_n_children (value));
      return FALSE;
    case PENT_PARAM_BOOL:
    case PENT_PARAM_SEED:
      return TRUE;
    }
  g_return_val_if_reached (FALSE);
}

/* ---- text ---- */

static gboolean
parse_bool (const char *text, gboolean *value)
{
  static const char *const yes[] = { "yes", "true", "on", "1", NULL };
  static const char *const no[] = { "no", "false", "off", "0", NULL };
  g_autofree char *lower = g_ascii_strdown (text, -1);

  *value = g_strv_contains (yes, lower);
  return *value || g_strv_contains (no, lower);
}

static gboolean
parse_size (const char *text, guint64 *width, guint64 *height)
{
  char *end;

  if (!g_ascii_isdigit (text[0]))
    return FALSE;
  *width = g_ascii_strtoull (text, &end, 10);
  if (*end == '\0')      /* "512": square */
    {
      *height = *width;
      return TRUE;
    }
  if (g_str_has_prefix (end, "×"))
    end += strlen ("×");
  else if (*end == 'x' || *end == 'X')
    end++;
  else
    return FALSE;
  if (!g_ascii_isdigit (*end))
    return FALSE;
  *height = g_ascii_strtoull (end, &end, 10);
  return *end == '\0';
}

static GVariant *
parse_hash (const char *text)
{
  guint8 bytes[32];

  if (strlen (text) != 64)
    return NULL;
  for (guint i = 0; i < 32; i++)
    {
      int high = g_ascii_xdigit_value (text[2 * i]), low = g_ascii_xdigit_value (text[2 * i + 1]);

      if (high < 0 || low < 0)
        return NULL;
      bytes[i] = high << 4 | low;
    }
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, sizeof bytes, 1);
}

static GVariant *
parse_any (const PentParam *param, const char *text, const char **expected)
{
  guint64 width, height, unsigned_value;
  gint64 signed_value;
  double real;
  gboolean truth;
  char *end;

  switch (param->kind)
    {
    case PENT_PARAM_INT:
      *expected = "a whole number";
      return g_ascii_string_to_signed (text, 10, G_MININT64, G_MAXINT64, &signed_value, NULL)
             ? g_variant_new_int64 (signed_value) : NULL;
    case PENT_PARAM_SEED:
      *expected = "a whole number from 0 to 18446744073709551615";
      return g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, &unsigned_value, NULL)
             ? g_variant_new_uint64 (unsigned_value) : NULL;
    case PENT_PARAM_FLOAT:
      *expected = "a number";
      real = g_ascii_strtod (text, &end);
      return *text != '\0' && *end == '\0' && isfinite (real) ? g_variant_new_double (real) : NULL;
    case PENT_PARAM_BOOL:
      *expected = "yes or no";
      return parse_bool (text, &truth) ? g_variant_new_boolean (truth) : NULL;
    case PENT_PARAM_SIZE:
      *expected = "a size like 512x768";
      return parse_size (text, &width, &height)
             ? g_variant_new ("(uu)", (guint) MIN (width, G_MAXUINT), (guint) MIN (height, G_MAXUINT)) : NULL;
    case PENT_PARAM_IMAGE:
      *expected = "the SHA-256 of a picture in hexadecimal";
      return parse_hash (text);
    case PENT_PARAM_STRING:
    case PENT_PARAM_CHOICE:
    case PENT_PARAM_MODEL:
      *expected = "text in UTF-8";
      return g_utf8_validate (text, -1, NULL) ? g_variant_new_string (text) : NULL;
    }
  g_return_val_if_reached (NULL);
}

GVariant *
pent_param_parse (const PentParam *param, const char *text, GError **error)
{
  const char *expected = "";
  GVariant *value = parse_any (param, text, &expected);

  if (value == NULL)
    {
      g_autofree char *shown = g_utf8_make_valid (text, strnlen (text, 60));

      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "%s must be %s, and “%s” is not", param->name, expected,
                   shown);
      return NULL;
    }
  if (!pent_param_check (param, value, error))
    {
      g_variant_unref (g_variant_ref_sink (value));
      return NULL;
    }
  return value;
}

char *
pent_double_to_text (double v)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  for (int digits = 15; digits <= 17; digits++)
    {
      char format[8];

      g_snprintf (format, sizeof format, "%%.%dg", digits);
      g_ascii_formatd (buffer, sizeof buffer, format, v);
      if (g_ascii_strtod (buffer, NULL) == v)
        break;
    }
  return g_strdup (buffer);
}

char *
pent_param_format (const PentParam *param, GVariant *value)
{
  guint width, height;
  GString *hex;

  g_return_val_if_fail (g_variant_is_of_type (value, pent_param_get_variant_type (param)), NULL);

  switch (param->kind)
    {
    case PENT_PARAM_INT:    return g_strdup_printf ("%" G_GINT64_FORMAT, g_variant_get_int64 (value));
    case PENT_PARAM_SEED:   return g_strdup_printf ("%" G_GUINT64_FORMAT, g_variant_get_uint64 (value));
    case PENT_PARAM_FLOAT:  return pent_double_to_text (g_variant_get_double (value));
    case PENT_PARAM_BOOL:   return g_strdup (g_variant_get_boolean (value) ? "yes" : "no");
    case PENT_PARAM_SIZE:
      g_variant_get (value, "(uu)", &width, &height);
      return g_strdup_printf ("%ux%u", width, height);
    case PENT_PARAM_IMAGE:
      hex = g_string_new (NULL);
      for (gsize i = 0; i < g_variant_n_children (value); i++)
        g_string_append_printf (hex, "%02x", ((const guint8 *) g_variant_get_data (value))[i]);
      return g_string_free_and_steal (hex);
    case PENT_PARAM_STRING:
    case PENT_PARAM_CHOICE:
    case PENT_PARAM_MODEL:  return g_variant_dup_string (value, NULL);
    }
  g_return_val_if_reached (NULL);
}

GVariant *
pent_param_to_variant (const PentParam *param)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const struct { const char *key, *text; } texts[] = {
    { "name", param->name }, { "label", param->label }, { "blurb", param->blurb }, { "unit", param->unit },
    { "text", param->text },
  };
  const struct { const char *key; double value; } numbers[] = {
    { "min", param->min }, { "max", param->max }, { "soft-min", param->soft_min }, { "soft-max", param->soft_max },
    { "step", param->step }, { "value", param->value },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    g_variant_builder_add (&builder, "{sv}", texts[i].key,
                           g_variant_new_string (texts[i].text != NULL ? texts[i].text : ""));
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    g_variant_builder_add (&builder, "{sv}", numbers[i].key, g_variant_new_double (numbers[i].value));
  g_variant_builder_add (&builder, "{sv}", "kind", g_variant_new_uint32 (param->kind));
  g_variant_builder_add (&builder, "{sv}", "flags", g_variant_new_uint32 (param->flags));
  if (param->choices != NULL)
    g_variant_builder_add (&builder, "{sv}", "choices", g_variant_new_strv (param->choices, -1));
  return g_variant_builder_end (&builder);
}
