/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filters that make one text of one value.  Like Jinja they first turn what is no text into one. */
#include "jinja.h"

#include <math.h>
#include <string.h>

static JinjaValue
trim (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaValue characters;
  gboolean given = jinja_arg_string (self, args, 0, "chars", &characters);

  return jinja_strip (jinja_text (self, value), given ? &characters : NULL, TRUE, TRUE);
}

static JinjaValue
upper (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return jinja_case (self, jinja_text (self, value), TRUE);
}

static JinjaValue
lower (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return jinja_case (self, jinja_text (self, value), FALSE);
}

static JinjaValue
capitalize (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return jinja_capitalize (self, jinja_text (self, value));
}

/* Words end at white space, - and opening brackets. */
static JinjaValue
title (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaValue text = jinja_text (self, value);
  GString *out = g_string_new (NULL);
  gsize first = 0;

  for (gsize i = 0; i <= text.length; i++)
    if (i == text.length || strchr ("- \t\n\r\v\f({[<", text.u.s[i]) != NULL)
      {
        JinjaValue word = jinja_capitalize (self, jinja_part (text, first, i - first));

        g_string_append_len (out, word.u.s, word.length);
        if (i < text.length)
          g_string_append_c (out, text.u.s[i]);
        first = i + 1;
      }
  return jinja_take_string (self, out);
}

static JinjaValue
string (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return jinja_text (self, value);
}

static JinjaValue
escape (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaValue text = jinja_text (self, value);
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < text.length; i++)
    switch (text.u.s[i])
      {
      case '&':
        g_string_append (out, "&amp;");
        break;
      case '<':
        g_string_append (out, "&lt;");
        break;
      case '>':
        g_string_append (out, "&gt;");
        break;
      case '\'':
        g_string_append (out, "&#39;");
        break;
      case '"':
        g_string_append (out, "&#34;");
        break;
      default:
        g_string_append_c (out, text.u.s[i]);
      }
  return jinja_take_string (self, out);
}

static JinjaValue
replace (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaValue old, new;
  gint64 times = -1;

  jinja_arg_int (self, args, 2, "count", &times);
  if (!jinja_arg (args, 0, "old", &old) || !jinja_arg (args, 1, "new", &new))
    {
      jinja_fail (self, "“replace” wants two texts");
      return jinja_none ();
    }
  return jinja_replace (self, jinja_text (self, value), jinja_text (self, old), jinja_text (self, new), times);
}

/* indent (width=4, first=false, blank=false) */
static JinjaValue
indent (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaValue text = jinja_text (self, value), given;
  g_autofree char *spaces = NULL;
  gboolean first = jinja_arg_true (args, 1, "first", FALSE), blank = jinja_arg_true (args, 2, "blank", FALSE);
  GString *out = g_string_new (NULL);
  gint64 width = 4;

  if (jinja_arg (args, 0, "width", &given) && given.type == JINJA_STRING)
    spaces = g_strndup (given.u.s, given.length);
  else
    {
      jinja_arg_int (self, args, 0, "width", &width);
      spaces = g_strnfill (CLAMP (width, 0, 1000), ' ');
    }
  for (gsize at = 0; at <= text.length && out->len <= JINJA_MAX_STRING;)
    {
      const char *newline = at < text.length ? memchr (text.u.s + at, '\n', text.length - at) : NULL;
      gsize end = newline != NULL ? (gsize) (newline - text.u.s) : text.length;

      if (at == 0 ? first : blank || end > at)
        g_string_append (out, spaces);
      g_string_append_len (out, text.u.s + at, end - at);
      if (newline != NULL)
        g_string_append_c (out, '\n');
      at = end + 1;
    }
  return jinja_take_string (self, out);
}

/* A conversion of printf: flags, width and precision. */
typedef struct {
  gboolean left, zero;
  guint    width;
  int      precision;      /* -1: none given */
} Conversion;

static guint
read_number (JinjaValue format, guint *i)
{
  guint number = 0;

  for (; *i < format.length && g_ascii_isdigit (format.u.s[*i]); (*i)++)
    number = MIN (number * 10 + g_ascii_digit_value (format.u.s[*i]), 1000);
  return number;
}

static void
append_padded (GString *out, const char *text, gsize length, const Conversion *how, gboolean number)
{
  gsize characters = g_utf8_strlen (text, length), pad = how->width > characters ? how->width - characters : 0;
  gboolean zero = how->zero && number && !how->left;

  if (zero && (*text == '-' || *text == '+'))
    {
      g_string_append_c (out, *text++);
      length--;
    }
  for (gsize i = 0; !how->left && i < pad; i++)
    g_string_append_c (out, zero ? '0' : ' ');
  g_string_append_len (out, text, length);
  for (gsize i = 0; how->left && i < pad; i++)
    g_string_append_c (out, ' ');
}

static void
append_number (Jinja *self, char type, JinjaValue value, const Conversion *how, GString *out)
{
  char spec[16], text[512];
  double number = 0;
  gint64 whole;

  if (!jinja_number (value, &number) || (strchr ("feg", type) == NULL && !(fabs (number) < 9e18)))
    {
      jinja_fail (self, "“%%%c” wants a number, not %s", type, jinja_type_name (value));
      return;
    }
  whole = value.type == JINJA_INT ? value.u.i : fabs (number) < 9e18 ? (gint64) number : 0;
  if (type == 'd' || type == 'i')
    g_snprintf (text, sizeof text, "%" G_GINT64_FORMAT, whole);
  else if (type == 'x')
    g_snprintf (text, sizeof text, "%s%" G_GINT64_MODIFIER "x", whole < 0 ? "-" : "", ABS (whole));
  else
    {
      g_snprintf (spec, sizeof spec, "%%.%d%c", how->precision >= 0 ? MIN (how->precision, 100) : 6, type);
      g_ascii_formatd (text, sizeof text, spec, number);
    }
  append_padded (out, text, strlen (text), how, TRUE);
}

/* One conversion without its “%”; returns behind it. */
static guint
append_converted (Jinja *self, JinjaValue format, guint i, JinjaValue value, GString *out)
{
  Conversion how = { .precision = -1 };
  JinjaValue text;

  for (; i < format.length && (format.u.s[i] == '-' || format.u.s[i] == '0'); i++)
    {
      how.left = how.left || format.u.s[i] == '-';
      how.zero = how.zero || format.u.s[i] == '0';
    }
  how.width = read_number (format, &i);
  if (i < format.length && format.u.s[i] == '.')
    {
      i++;
      how.precision = read_number (format, &i);
    }

  if (i == format.length)
    jinja_fail (self, "a format is not complete");
  else if (format.u.s[i] == 's')
    {
      text = jinja_text (self, value);
      if (how.precision >= 0 && g_utf8_strlen (text.u.s, text.length) > how.precision)
        text.length = g_utf8_offset_to_pointer (text.u.s, how.precision) - text.u.s;
      append_padded (out, text.u.s, text.length, &how, FALSE);
    }
  else if (format.u.s[i] != '\0' && strchr ("dixfeg", format.u.s[i]) != NULL)
    append_number (self, format.u.s[i], value, &how, out);
  else
    jinja_fail (self, "“%%%c” is not supported", format.u.s[i]);
  return i + 1;
}

JinjaValue
jinja_format (Jinja *self, JinjaValue format, const JinjaArgs *args)
{
  GString *out = g_string_new (NULL);
  guint used = 0;

  for (guint i = 0; i < format.length && self->error == NULL && out->len <= JINJA_MAX_STRING;)
    if (format.u.s[i] != '%')
      g_string_append_c (out, format.u.s[i++]);
    else if (i + 1 < format.length && format.u.s[i + 1] == '%')
      {
        g_string_append_c (out, '%');
        i += 2;
      }
    else if (used == args->n)
      jinja_fail (self, "a format wants more than %u values", used);
    else
      i = append_converted (self, format, i + 1, args->values[used++], out);
  return jinja_take_string (self, out);
}

static JinjaValue
format_filter (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return jinja_format (self, jinja_text (self, value), args);
}

JinjaFunction
jinja_find_text_filter (const char *name)
{
  static const struct { const char *name; JinjaFunction filter; } filters[] = {
    { "trim", trim }, { "upper", upper }, { "lower", lower }, { "capitalize", capitalize }, { "title", title },
    { "string", string }, { "safe", string }, { "escape", escape }, { "e", escape }, { "forceescape", escape },
    { "replace", replace }, { "indent", indent }, { "format", format_filter },
  };

  for (guint i = 0; i < G_N_ELEMENTS (filters); i++)
    if (g_str_equal (filters[i].name, name))
      return filters[i].filter;
  return NULL;
}
