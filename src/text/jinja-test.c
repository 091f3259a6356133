/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What may stand behind `is`. */
#include "jinja.h"

static gboolean
is_defined (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return value.type != JINJA_UNDEFINED;
}

static gboolean
is_undefined (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return value.type == JINJA_UNDEFINED;
}

static gboolean
is_none (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return value.type == JINJA_NONE;
}

static gboolean
is_boolean (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return value.type == JINJA_BOOL;
}

static gboolean
is_true (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return value.type == JINJA_BOOL && value.u.b;
}

static gboolean
is_false (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return value.type == JINJA_BOOL && !value.u.b;
}

static gboolean
is_integer (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return value.type == JINJA_INT;
}

static gboolean
is_float (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return value.type == JINJA_FLOAT;
}

static gboolean
is_number (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  double number;

  return jinja_number (value, &number);
}

static gboolean
is_string (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return value.type == JINJA_STRING;
}

static gboolean
is_mapping (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return value.type == JINJA_DICT;
}

static gboolean
is_sequence (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  gsize length;

  return jinja_length (value, &length) && value.type != JINJA_LOOP;
}

static gboolean
is_iterable (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  gsize length;

  return jinja_length (value, &length);
}

static gboolean
is_callable (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return value.type == JINJA_MACRO || value.type == JINJA_CALLABLE;
}

static gint64
whole (Jinja *self, JinjaValue value)
{
  if (value.type == JINJA_INT)
    return value.u.i;
  if (value.type == JINJA_BOOL)
    return value.u.b;
  jinja_fail (self, "%s is no whole number", jinja_type_name (value));
  return 1;
}

static gboolean
is_odd (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return whole (self, value) % 2 != 0;
}

static gboolean
is_even (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return whole (self, value) % 2 == 0;
}

static gboolean
is_divisible_by (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  gint64 by = 0;

  if (!jinja_arg_int (self, args, 0, "num", &by) || by == 0)
    {
      jinja_fail (self, "“divisibleby” wants a whole number that is not 0");
      return FALSE;
    }
  return by == -1 || whole (self, value) % by == 0;
}

static gboolean
has_case (JinjaValue value, gboolean upper)
{
  gboolean any = FALSE;

  if (value.type != JINJA_STRING)
    return FALSE;
  for (const char *p = value.u.s, *end = p + value.length; p < end; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (upper ? g_unichar_islower (c) : g_unichar_isupper (c))
        return FALSE;
      any = any || (upper ? g_unichar_isupper (c) : g_unichar_islower (c));
    }
  return any;
}

static gboolean
is_lower (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return has_case (value, FALSE);
}

static gboolean
is_upper (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return has_case (value, TRUE);
}

static gboolean
compare (Jinja *self, JinjaOp op, JinjaValue value, const JinjaArgs *args)
{
  if (args->n != 1)
    {
      jinja_fail (self, "the test wants one argument");
      return FALSE;
    }
  return jinja_compare (self, op, value, args->values[0]);
}

static gboolean
is_equal (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return compare (self, JINJA_OP_EQ, value, args);
}

static gboolean
is_same (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return is_equal (self, value, args) && value.type == args->values[0].type;
}

static gboolean
is_unequal (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return compare (self, JINJA_OP_NE, value, args);
}

static gboolean
is_less (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return compare (self, JINJA_OP_LT, value, args);
}

static gboolean
is_less_or_equal (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return compare (self, JINJA_OP_LE, value, args);
}

static gboolean
is_greater (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return compare (self, JINJA_OP_GT, value, args);
}

static gboolean
is_greater_or_equal (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return compare (self, JINJA_OP_GE, value, args);
}

static gboolean
is_in (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return compare (self, JINJA_OP_IN, value, args);
}

JinjaTest
jinja_find_test (const char *name)
{
  static const struct { const char *name; JinjaTest test;
  } tests[] = {
    { "defined", is_defined },
    { "undefined", is_undefined },
    { "none", is_none },
    { "boolean", is_boolean },
    { "true", is_true },
    { "false", is_false },
    { "integer", is_integer },
    { "float", is_float },
    { "number", is_number },
    { "string", is_string },
    { "mapping", is_mapping },
    { "sequence", is_sequence },
    { "iterable", is_iterable },
    { "callable", is_callable },
    { "odd", is_odd },
    { "even", is_even },
    { "divisibleby", is_divisible_by },
    { "lower", is_lower },
    { "upper", is_upper },
    { "eq", is_equal },
    { "equalto", is_equal },
    { "sameas", is_same },
    { "ne", is_unequal },
    { "lt", is_less },
    { "lessthan", is_less },
    { "le", is_less_or_equal },
    { "gt", is_greater },
    { "greaterthan", is_greater },
    { "ge", is_greater_or_equal },
    { "in", is_in },
    { "==", is_equal },
    { "!=", is_unequal },
    { "<", is_less },
    { "<=", is_less_or_equal },
    { ">", is_greater },
    { ">=", is_greater_or_equal },
  };

  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    if (g_str_equal (tests[i].name, name))
      return tests[i].test;
  return NULL;
}
