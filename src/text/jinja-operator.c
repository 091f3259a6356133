/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands between two values: arithmetic, joining, comparing, `in`. */
#include "jinja.h"

#include <math.h>
#include <string.h>

/* TRUE if value is not undefined; otherwise that is an error. */
gboolean
jinja_need (Jinja *self, JinjaValue value)
{
  if (value.type != JINJA_UNDEFINED)
    return TRUE;
  jinja_fail (self, value.u.s != NULL ? "“%s” is undefined" : "%s is undefined",
              value.u.s != NULL ? value.u.s : "a value");
  return FALSE;
}

static JinjaValue
concatenate (Jinja *self, JinjaValue a, JinjaValue b)
{
  GString *out = g_string_sized_new (a.length + b.length + 1);

  g_string_append_len (out, a.u.s, a.length);
  g_string_append_len (out, b.u.s, b.length);
  return jinja_take_string (self, out);
}

static JinjaValue
repeat (Jinja *self, JinjaValue a, gint64 times)
{
  JinjaValue list;

  times = MAX (times, 0);
  if (a.type == JINJA_STRING)
    {
      GString *out;

      if (a.length > 0 && times > JINJA_MAX_STRING / a.length)
        {
          jinja_fail (self, "a text of more than %u bytes came about", JINJA_MAX_STRING);
          return jinja_none ();
        }
      out = g_string_new (NULL);
      for (gint64 i = 0; i < times && a.length > 0; i++)
        g_string_append_len (out, a.u.s, a.length);
      return jinja_take_string (self, out);
    }
  list = jinja_list (self, a.type);
  for (gint64 i = 0; i < times && a.u.list->n > 0 && self->error == NULL; i++)
    for (guint j = 0; j < a.u.list->n && self->error == NULL; j++)
      jinja_list_add (self, list.u.list, a.u.list->items[j]);
  return list;
}

/* x to the y, y >= 0; FALSE if it is too large. */
static gboolean
power (gint64 x, gint64 y, gint64 *z)
{
  *z = 1;
  if (x == 0 || x == 1 || x == -1)
    *z = y == 0 ? 1 : x == -1 && y % 2 == 0 ? 1 : x;
  else
    for (; y > 0; y--)
      if (__builtin_mul_overflow (*z, x, z))
        return FALSE;
  return TRUE;
}

static JinjaValue
whole_numbers (Jinja *self, JinjaOp op, gint64 x, gint64 y)
{
  gint64 z = 0;
  gboolean overflow = FALSE;

  switch (op)
    {
    case JINJA_OP_ADD:
      overflow = __builtin_add_overflow (x, y, &z);
      break;
    case JINJA_OP_SUB:
      overflow = __builtin_sub_overflow (x, y, &z);
      break;
    case JINJA_OP_MUL:
      overflow = __builtin_mul_overflow (x, y, &z);
      break;
    case JINJA_OP_FLOOR:
    case JINJA_OP_MOD:
      if (y == -1)
        overflow = op == JINJA_OP_FLOOR && __builtin_sub_overflow (0, x, &z);
      else
        {
          gint64 quotient = x / y, rest = x % y;

          if (rest != 0 && (rest < 0) != (y < 0))
            {
              quotient--;
              rest += y;
            }
          z = op == JINJA_OP_FLOOR ? quotient : rest;
        }
      break;
    default:
      overflow = !power (x, y, &z);
    }
  if (overflow)
    jinja_fail (self, "a whole number is too large");
  return jinja_int (z);
}

static JinjaValue
real_numbers (JinjaOp op, double x, double y)
{
  switch (op)
    {
    case JINJA_OP_ADD:
      return jinja_float (x + y);
    case JINJA_OP_SUB:
      return jinja_float (x - y);
    case JINJA_OP_MUL:
      return jinja_float (x * y);
    case JINJA_OP_DIV:
      return jinja_float (x / y);
    case JINJA_OP_FLOOR:
      return jinja_float (floor (x / y));
    case JINJA_OP_MOD:
      x = fmod (x, y);
      return jinja_float (x != 0 && (x < 0) != (y < 0) ? x + y : x);
    default:
      return jinja_float (pow (x, y));
    }
}

static JinjaValue
join_lists (Jinja *self, JinjaValue a, JinjaValue b)
{
  JinjaValue list = jinja_list (self, a.type);

  for (guint i = 0; i < a.u.list->n && self->error == NULL; i++)
    jinja_list_add (self, list.u.list, a.u.list->items[i]);
  for (guint i = 0; i < b.u.list->n && self->error == NULL; i++)
    jinja_list_add (self, list.u.list, b.u.list->items[i]);
  return list;
}

JinjaValue
jinja_binary (Jinja *self, JinjaOp op, JinjaValue a, JinjaValue b)
{
  gboolean a_list = a.type == JINJA_LIST || a.type == JINJA_TUPLE;
  gboolean b_list = b.type == JINJA_LIST || b.type == JINJA_TUPLE;
  gint64 i, j;
  double x, y;

  if (op == JINJA_OP_CONCAT)
    return concatenate (self, jinja_text (self, a), jinja_text (self, b));
  if (!jinja_need (self, a) || !jinja_need (self, b))
    return jinja_none ();
  if (op == JINJA_OP_ADD && a.type == JINJA_STRING && b.type == JINJA_STRING)
    return concatenate (self, a, b);
  if (op == JINJA_OP_ADD && a_list && a.type == b.type)
    return join_lists (self, a, b);
  if (op == JINJA_OP_MUL && (a.type == JINJA_STRING || a_list) && b.type == JINJA_INT)
    return repeat (self, a, b.u.i);
  if (op == JINJA_OP_MUL && (b.type == JINJA_STRING || b_list) && a.type == JINJA_INT)
    return repeat (self, b, a.u.i);
  if (op == JINJA_OP_MOD && a.type == JINJA_STRING)
    {
      JinjaArgs args = { b.type == JINJA_TUPLE ? b.u.list->items : &b, b.type == JINJA_TUPLE ? b.u.list->n : 1, NULL,
                         NULL, 0 };

      return jinja_format (self, a, &args);
    }
  if (!jinja_number (a, &x) || !jinja_number (b, &y))
    {
      static const char *const signs[] = { "+", "-", "*", "/", "//", "%", "**" };

      jinja_fail (self, "“%s” does not work between %s and %s", signs[op], jinja_type_name (a), jinja_type_name (b));
      return jinja_none ();
    }
  if (y == 0 && (op == JINJA_OP_DIV || op == JINJA_OP_FLOOR || op == JINJA_OP_MOD))
    {
      jinja_fail (self, "a division by 0");
      return jinja_none ();
    }
  i = a.type == JINJA_INT ? a.u.i : a.type == JINJA_BOOL ? a.u.b : 0;
  j = b.type == JINJA_INT ? b.u.i : b.type == JINJA_BOOL ? b.u.b : 0;
  if (a.type == JINJA_FLOAT || b.type == JINJA_FLOAT || op == JINJA_OP_DIV || (op == JINJA_OP_POW && j < 0))
    return real_numbers (op, x, y);
  return whole_numbers (self, op, i, j);
}

static gboolean
contains (Jinja *self, JinjaValue of, JinjaValue what)
{
  JinjaValue value;
  JinjaList *items;

  if (of.type == JINJA_STRING)
    {
      if (what.type == JINJA_STRING)
        return what.length == 0 || memmem (of.u.s, of.length, what.u.s, what.length) != NULL;
      jinja_fail (self, "“in” a text wants a text, not %s", jinja_type_name (what));
      return FALSE;
    }
  if (of.type == JINJA_DICT)
    return jinja_dict_get (of.u.dict, what, &value);
  items = jinja_items (self, of);
  for (guint i = 0; items != NULL && i < items->n; i++)
    if (jinja_equal (items->items[i], what))
      return TRUE;
  return FALSE;
}

gboolean
jinja_compare (Jinja *self, JinjaOp op, JinjaValue a, JinjaValue b)
{
  int order;

  switch (op)
    {
    case JINJA_OP_EQ:
      return jinja_equal (a, b);
    case JINJA_OP_NE:
      return !jinja_equal (a, b);
    case JINJA_OP_IN:
      return contains (self, b, a);
    case JINJA_OP_NOT_IN:
      return !contains (self, b, a);
    default:
      if (!jinja_need (self, a) || !jinja_need (self, b) || !jinja_order (self, a, b, &order))
        return FALSE;
      return op == JINJA_OP_LT   ? order < 0
             : op == JINJA_OP_LE ? order <= 0
             : op == JINJA_OP_GT ? order > 0
                                 : order >= 0;
    }
}
