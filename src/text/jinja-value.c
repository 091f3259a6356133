/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values as Python has them: truth, equality, order, length, iteration, str () and repr (). */
#include "jinja.h"

#include <math.h>
#include <string.h>

JinjaValue
jinja_undefined (const char *what)
{
  return (JinjaValue) { JINJA_UNDEFINED, 0, { .s = what } };
}

JinjaValue
jinja_none (void)
{
  return (JinjaValue) { JINJA_NONE, 0, { 0 } };
}

JinjaValue
jinja_bool (gboolean b)
{
  return (JinjaValue) { JINJA_BOOL, 0, { .b = b != FALSE } };
}

JinjaValue
jinja_int (gint64 i)
{
  return (JinjaValue) { JINJA_INT, 0, { .i = i } };
}

JinjaValue
jinja_float (double f)
{
  return (JinjaValue) { JINJA_FLOAT, 0, { .f = f } };
}

JinjaValue
jinja_borrow (const char *s)
{
  return (JinjaValue) { JINJA_STRING, strlen (s), { .s = s } };
}

JinjaValue
jinja_string (Jinja *self, const char *s, gsize length)
{
  char *copy;

  if (length > JINJA_MAX_STRING)
    {
      jinja_fail (self, "a text of more than %u bytes came about", JINJA_MAX_STRING);
      length = 0;
    }
  copy = jinja_alloc (&self->arena, length + 1);
  if (length > 0)
    memcpy (copy, s, length);
  return (JinjaValue) { JINJA_STRING, length, { .s = copy } };
}

JinjaValue
jinja_take_string (Jinja *self, GString *string)
{
  JinjaValue value = jinja_string (self, string->str, string->len);

  g_string_free (string, TRUE);
  return value;
}

JinjaValue
jinja_part (JinjaValue string, gsize first, gsize length)
{
  return (JinjaValue) { JINJA_STRING, length, { .s = string.u.s + first } };
}

JinjaValue
jinja_list (Jinja *self, JinjaType type)
{
  return (JinjaValue) { type, 0, { .list = jinja_alloc (&self->arena, sizeof (JinjaList)) } };
}

/* Room for one more; what was there stays in the arena. */
static gpointer
grow (Jinja *self, gpointer items, guint n, guint size)
{
  gpointer more = jinja_alloc (&self->arena, size * sizeof (JinjaValue));

  if (n > 0)
    memcpy (more, items, n * sizeof (JinjaValue));
  return more;
}

void
jinja_list_add (Jinja *self, JinjaList *list, JinjaValue value)
{
  if (list->n >= JINJA_MAX_LIST)
    {
      jinja_fail (self, "a list of more than %u entries came about", JINJA_MAX_LIST);
      return;
    }
  if (list->n == list->size)
    {
      list->size = MAX (4, 2 * list->size);
      list->items = grow (self, list->items, list->n, list->size);
    }
  list->items[list->n++] = value;
}

JinjaValue
jinja_dict (Jinja *self, JinjaType type)
{
  return (JinjaValue) { type, 0, { .dict = jinja_alloc (&self->arena, sizeof (JinjaDict)) } };
}

static int
find_key (const JinjaDict *dict, JinjaValue key)
{
  for (guint i = 0; i < dict->n; i++)
    if (jinja_equal (dict->keys[i], key))
      return i;
  return -1;
}

void
jinja_dict_set (Jinja *self, JinjaDict *dict, JinjaValue key, JinjaValue value)
{
  int at = find_key (dict, key);

  if (at >= 0)
    {
      dict->values[at] = value;
      return;
    }
  if (dict->n >= JINJA_MAX_LIST / 10)
    {
      jinja_fail (self, "a mapping of more than %u entries came about", JINJA_MAX_LIST / 10);
      return;
    }
  if (dict->n == dict->size)
    {
      dict->size = MAX (4, 2 * dict->size);
      dict->keys = grow (self, dict->keys, dict->n, dict->size);
      dict->values = grow (self, dict->values, dict->n, dict->size);
    }
  dict->keys[dict->n] = key;
  dict->values[dict->n++] = value;
}

gboolean
jinja_dict_get (const JinjaDict *dict, JinjaValue key, JinjaValue *value)
{
  int at = find_key (dict, key);

  if (at >= 0)
    *value = dict->values[at];
  return at >= 0;
}

const char *
jinja_type_name (JinjaValue value)
{
  static const char *const names[] = { "undefined", "none",    "a truth value", "a whole number", "a number",
                                       "a text",    "a list",  "a tuple",       "a mapping",      "a namespace",
                                       "a loop",    "a macro", "a function" };

  return names[value.type];
}

gboolean
jinja_is (JinjaValue string, const char *s)
{
  return string.type == JINJA_STRING && string.length == strlen (s) && memcmp (string.u.s, s, string.length) == 0;
}

gboolean
jinja_true (JinjaValue value)
{
  gsize length;
  double number;

  switch (value.type)
    {
    case JINJA_UNDEFINED:
    case JINJA_NONE:
      return FALSE;
    case JINJA_BOOL:
    case JINJA_INT:
    case JINJA_FLOAT:
      jinja_number (value, &number);
      return number != 0;
    case JINJA_STRING:
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_DICT:
      return jinja_length (value, &length) && length > 0;
    default:
      return TRUE;
    }
}

gboolean
jinja_number (JinjaValue value, double *number)
{
  switch (value.type)
    {
    case JINJA_BOOL:
      *number = value.u.b;
      return TRUE;
    case JINJA_INT:
      *number = value.u.i;
      return TRUE;
    case JINJA_FLOAT:
      *number = value.u.f;
      return TRUE;
    default:
      return FALSE;
    }
}

static int
order_strings (JinjaValue a, JinjaValue b)
{
  /* The order of UTF-8 bytes is that of characters. */
  int order = memcmp (a.u.s, b.u.s, MIN (a.length, b.length));

  return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

gboolean
jinja_equal (JinjaValue a, JinjaValue b)
{
  double x, y;

  if (jinja_number (a, &x) && jinja_number (b, &y))
    return a.type == JINJA_INT && b.type == JINJA_INT ? a.u.i == b.u.i : x == y;
  if (a.type != b.type)
    return FALSE;

  switch (a.type)
    {
    case JINJA_UNDEFINED:
    case JINJA_NONE:
      return TRUE;
    case JINJA_STRING:
      return a.length == b.length && memcmp (a.u.s, b.u.s, a.length) == 0;
    case JINJA_LIST:
    case JINJA_TUPLE:
      if (a.u.list->n != b.u.list->n)
        return FALSE;
      for (guint i = 0; i < a.u.list->n; i++)
        if (!jinja_equal (a.u.list->items[i], b.u.list->items[i]))
          return FALSE;
      return TRUE;
    case JINJA_DICT:
      if (a.u.dict->n != b.u.dict->n)
        return FALSE;
      for (guint i = 0; i < a.u.dict->n; i++)
        {
          JinjaValue other;

          if (!jinja_dict_get (b.u.dict, a.u.dict->keys[i], &other) || !jinja_equal (a.u.dict->values[i], other))
            return FALSE;
        }
      return TRUE;
    default:
      return a.u.dict == b.u.dict;
    }
}

gboolean
jinja_order (Jinja *self, JinjaValue a, JinjaValue b, int *order)
{
  double x, y;

  *order = 0;
  if (jinja_number (a, &x) && jinja_number (b, &y))
    {
      *order = a.type == JINJA_INT && b.type == JINJA_INT ? (a.u.i > b.u.i) - (a.u.i < b.u.i) : (x > y) - (x < y);
      return TRUE;
    }
  if (a.type == JINJA_STRING && b.type == JINJA_STRING)
    {
      *order = order_strings (a, b);
      return TRUE;
    }
  if (a.type == b.type && (a.type == JINJA_LIST || a.type == JINJA_TUPLE))
    {
      const JinjaList *p = a.u.list, *q = b.u.list;

      for (guint i = 0; i < MIN (p->n, q->n); i++)
        if (!jinja_equal (p->items[i], q->items[i]))
          return jinja_order (self, p->items[i], q->items[i], order);
      *order = (p->n > q->n) - (p->n < q->n);
      return TRUE;
    }
  jinja_fail (self, "%s and %s have no order", jinja_type_name (a), jinja_type_name (b));
  return FALSE;
}

gboolean
jinja_length (JinjaValue value, gsize *length)
{
  switch (value.type)
    {
    case JINJA_UNDEFINED:
      *length = 0;
      return TRUE;
    case JINJA_STRING:
      *length = g_utf8_strlen (value.u.s, value.length);
      return TRUE;
    case JINJA_LIST:
    case JINJA_TUPLE:
      *length = value.u.list->n;
      return TRUE;
    case JINJA_DICT:
      *length = value.u.dict->n;
      return TRUE;
    case JINJA_LOOP:
      *length = value.u.loop->items->n;
      return TRUE;
    default:
      return FALSE;
    }
}

JinjaList *
jinja_items (Jinja *self, JinjaValue value)
{
  JinjaValue list;

  switch (value.type)
    {
    case JINJA_LIST:
    case JINJA_TUPLE:
      return value.u.list;
    case JINJA_UNDEFINED:
      return jinja_list (self, JINJA_LIST).u.list;
    case JINJA_DICT:
      list = jinja_list (self, JINJA_LIST);
      for (guint i = 0; i < value.u.dict->n && self->error == NULL; i++)
        jinja_list_add (self, list.u.list, value.u.dict->keys[i]);
      return list.u.list;
    case JINJA_STRING:
      list = jinja_list (self, JINJA_LIST);
      for (gsize at = 0; at < value.length && self->error == NULL;)
        {
          gsize size = g_utf8_next_char (value.u.s + at) - (value.u.s + at);

          jinja_list_add (self, list.u.list, jinja_part (value, at, size));
          at += size;
        }
      return list.u.list;
    default:
      jinja_fail (self, "%s cannot be gone through one by one", jinja_type_name (value));
      return NULL;
    }
}

/* The shortest digits that read back as the same number, laid out as Python does. */
void
jinja_show_float (double f, GString *out)
{
  char digits[32];
  int exponent, precision = 1;
  char *e;

  if (isnan (f) || isinf (f))
    {
      g_string_append (out, isnan (f) ? "nan" : f > 0 ? "inf" : "-inf");
      return;
    }
  for (; precision <= 17; precision++)
    {
      char format[8];

      g_snprintf (format, sizeof format, "%%.%de", precision - 1);
      g_ascii_formatd (digits, sizeof digits, format, f);
      if (g_ascii_strtod (digits, NULL) == f)
        break;
    }
  e = strchr (digits, 'e');
  exponent = atoi (e + 1);
  if (exponent < -4 || exponent >= 16)
    {
      g_string_append (out, digits);
      return;
    }
  if (f < 0 || signbit (f))
    g_string_append_c (out, '-');

  /* digits is d.ddd…e±x: write it without the exponent. */
  {
    g_autoptr(GString) plain = g_string_new (NULL);

    for (char *p = digits; p < e; p++)
      if (g_ascii_isdigit (*p))
        g_string_append_c (plain, *p);
    for (int i = exponent; i < 0; i++)
      g_string_prepend_c (plain, '0');
    while ((int) plain->len <= MAX (exponent, 0))
      g_string_append_c (plain, '0');
    g_string_append_len (out, plain->str, MAX (exponent, 0) + 1);
    g_string_append_c (out, '.');
    g_string_append (out, plain->str[MAX (exponent, 0) + 1] != '\0' ? plain->str + MAX (exponent, 0) + 1 : "0");
  }
}

/* repr () of a text. */
static void
show_quoted (JinjaValue value, GString *out)
{
  char quote =
      memchr (value.u.s, '\'', value.length) != NULL && memchr (value.u.s, '"', value.length) == NULL ? '"' : '\'';

  g_string_append_c (out, quote);
  for (const char *p = value.u.s, *end = p + value.length; p < end; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (c == (gunichar) quote || c == '\\')
        g_string_append_printf (out, "\\%c", (char) c);
      else if (c == '\n' || c == '\r' || c == '\t')
        g_string_append (out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
      else if (c == ' ' || g_unichar_isgraph (c))
        g_string_append_unichar (out, c);
      else
        g_string_append_printf (out, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
    }
  g_string_append_c (out, quote);
}

static void show_value (Jinja *self, JinjaValue value, gboolean quoted, guint depth, GString *out);

static void
show_items (Jinja *self, JinjaValue value, guint depth, GString *out)
{
  gboolean tuple = value.type == JINJA_TUPLE;

  g_string_append_c (out, tuple ? '(' : '[');
  for (guint i = 0; i < value.u.list->n && self->error == NULL; i++)
    {
      if (i > 0)
        g_string_append (out, ", ");
      show_value (self, value.u.list->items[i], TRUE, depth + 1, out);
    }
  g_string_append (out, tuple ? value.u.list->n == 1 ? ",)" : ")" : "]");
}

static void
show_dict (Jinja *self, JinjaValue value, guint depth, GString *out)
{
  g_string_append_c (out, '{');
  for (guint i = 0; i < value.u.dict->n && self->error == NULL; i++)
    {
      if (i > 0)
        g_string_append (out, ", ");
      show_value (self, value.u.dict->keys[i], TRUE, depth + 1, out);
      g_string_append (out, ": ");
      show_value (self, value.u.dict->values[i], TRUE, depth + 1, out);
    }
  g_string_append_c (out, '}');
}

static void
show_value (Jinja *self, JinjaValue value, gboolean quoted, guint depth, GString *out)
{
  if (!jinja_step (self))
    return;
  if (depth > JINJA_MAX_DEPTH || out->len > JINJA_MAX_STRING)
    {
      jinja_fail (self, "a value is too large to be shown");
      return;
    }

  switch (value.type)
    {
    case JINJA_UNDEFINED:
      g_string_append (out, quoted ? "Undefined" : "");
      break;
    case JINJA_NONE:
      g_string_append (out, "None");
      break;
    case JINJA_BOOL:
      g_string_append (out, value.u.b ? "True" : "False");
      break;
    case JINJA_INT:
      g_string_append_printf (out, "%" G_GINT64_FORMAT, value.u.i);
      break;
    case JINJA_FLOAT:
      jinja_show_float (value.u.f, out);
      break;
    case JINJA_STRING:
      if (quoted)
        show_quoted (value, out);
      else
        g_string_append_len (out, value.u.s, value.length);
      break;
    case JINJA_LIST:
    case JINJA_TUPLE:
      show_items (self, value, depth, out);
      break;
    case JINJA_DICT:
      show_dict (self, value, depth, out);
      break;
    default:
      jinja_fail (self, "%s cannot be shown as text", jinja_type_name (value));
    }
}

void
jinja_show (Jinja *self, JinjaValue value, GString *out)
{
  show_value (self, value, FALSE, 0, out);
}

JinjaValue
jinja_text (Jinja *self, JinjaValue value)
{
  GString *out;

  if (value.type == JINJA_STRING)
    return value;
  out = g_string_new (NULL);
  jinja_show (self, value, out);
  return jinja_take_string (self, out);
}
