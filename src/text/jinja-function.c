/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Functions, and how all callables read their arguments. */
#include "jinja.h"

#include <string.h>

#include "pent-error.h"

gboolean
jinja_arg (const JinjaArgs *args, guint i, const char *name, JinjaValue *value)
{
  if (i < args->n)
    {
      *value = args->values[i];
      return TRUE;
    }
  for (guint k = 0; k < args->n_named; k++)
    if (g_str_equal (args->names[k], name))
      {
        *value = args->named[k];
        return TRUE;
      }
  return FALSE;
}

gboolean
jinja_arg_int (Jinja *self, const JinjaArgs *args, guint i, const char *name, gint64 *value)
{
  JinjaValue given;

  if (!jinja_arg (args, i, name, &given) || given.type == JINJA_NONE)
    return FALSE;
  if (given.type == JINJA_INT || given.type == JINJA_BOOL)
    {
      *value = given.type == JINJA_INT ? given.u.i : given.u.b;
      return TRUE;
    }
  jinja_fail (self, "“%s” wants a whole number, not %s", name, jinja_type_name (given));
  return FALSE;
}

gboolean
jinja_arg_string (Jinja *self, const JinjaArgs *args, guint i, const char *name, JinjaValue *value)
{
  JinjaValue given;

  if (!jinja_arg (args, i, name, &given) || given.type == JINJA_NONE)
    return FALSE;
  if (given.type == JINJA_STRING)
    {
      *value = given;
      return TRUE;
    }
  jinja_fail (self, "“%s” wants a text, not %s", name, jinja_type_name (given));
  return FALSE;
}

gboolean
jinja_arg_true (const JinjaArgs *args, guint i, const char *name, gboolean otherwise)
{
  JinjaValue given;

  return jinja_arg (args, i, name, &given) ? jinja_true (given) : otherwise;
}

static JinjaValue
raise_exception (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  JinjaValue message = jinja_borrow ("the conversation is refused");

  if (jinja_arg (args, 0, "message", &message))
    message = jinja_text (self, message);
  if (self->error == NULL)
    g_set_error (&self->error, PENT_ERROR, PENT_ERROR_INVALID, "“%s” refuses the conversation: %.*s",
                 self->template->name, (int) MIN (message.length, 1000), message.u.s);
  return jinja_none ();
}

/* Dates are written in English whatever the user's language is: the model reads them. */
static void
append_date (GString *out, GDateTime *date, char code, gboolean plain)
{
  static const char *const months[] = { "January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December" };
  static const char *const days[] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday" };
  const char *month = months[g_date_time_get_month (date) - 1], *day = days[g_date_time_get_day_of_week (date) - 1];
  int hour = g_date_time_get_hour (date);

  switch (code)
    {
    case 'Y':
      g_string_append_printf (out, "%d", g_date_time_get_year (date));
      break;
    case 'y':
      g_string_append_printf (out, "%02d", g_date_time_get_year (date) % 100);
      break;
    case 'm':
      g_string_append_printf (out, plain ? "%d" : "%02d", g_date_time_get_month (date));
      break;
    case 'd':
      g_string_append_printf (out, plain ? "%d" : "%02d", g_date_time_get_day_of_month (date));
      break;
    case 'e':
      g_string_append_printf (out, "%2d", g_date_time_get_day_of_month (date));
      break;
    case 'j':
      g_string_append_printf (out, plain ? "%d" : "%03d", g_date_time_get_day_of_year (date));
      break;
    case 'B':
      g_string_append (out, month);
      break;
    case 'b':
    case 'h':
      g_string_append_len (out, month, 3);
      break;
    case 'A':
      g_string_append (out, day);
      break;
    case 'a':
      g_string_append_len (out, day, 3);
      break;
    case 'H':
      g_string_append_printf (out, plain ? "%d" : "%02d", hour);
      break;
    case 'I':
      g_string_append_printf (out, plain ? "%d" : "%02d", (hour + 11) % 12 + 1);
      break;
    case 'M':
      g_string_append_printf (out, plain ? "%d" : "%02d", g_date_time_get_minute (date));
      break;
    case 'S':
      g_string_append_printf (out, plain ? "%d" : "%02d", g_date_time_get_second (date));
      break;
    case 'p':
      g_string_append (out, hour < 12 ? "AM" : "PM");
      break;
    case '%':
      g_string_append_c (out, '%');
      break;
    default:
      g_string_append_printf (out, "%%%s%c", plain ? "-" : "", code);
    }
}

/* The clock, or the variable pent_now ("2026-11-22T10:00:00Z"). */
static JinjaValue
strftime_now (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  g_autoptr(GDateTime) date = NULL;
  JinjaValue format = jinja_borrow ("%Y-%m-%d"), fixed;
  GString *out;

  jinja_arg_string (self, args, 0, "format", &format);
  if (jinja_dict_get (self->globals, jinja_borrow ("pent_now"), &fixed) && fixed.type == JINJA_STRING)
    {
      g_autofree char *text = g_strndup (fixed.u.s, fixed.length);
      g_autoptr(GTimeZone) utc = g_time_zone_new_utc ();

      date = g_date_time_new_from_iso8601 (text, utc);
    }
  if (date == NULL)
    date = g_date_time_new_now_local ();

  out = g_string_new (NULL);
  for (guint i = 0; i < format.length; i++)
    if (format.u.s[i] != '%' || i + 1 == format.length)
      g_string_append_c (out, format.u.s[i]);
    else
      {
        gboolean plain = format.u.s[i + 1] == '-' && i + 2 < format.length;

        i += plain ? 2 : 1;
        append_date (out, date, format.u.s[i], plain);
      }
  return jinja_take_string (self, out);
}

/* dict (a=1) and namespace (a=1); either may begin with a mapping. */
static JinjaValue
make_mapping (Jinja *self, JinjaType type, const JinjaArgs *args)
{
  JinjaValue dict = jinja_dict (self, type);

  if (args->n > 0 && args->values[0].type == JINJA_DICT)
    for (guint i = 0; i < args->values[0].u.dict->n; i++)
      jinja_dict_set (self, dict.u.dict, args->values[0].u.dict->keys[i], args->values[0].u.dict->values[i]);
  else if (args->n > 0)
    jinja_fail (self, "a mapping cannot be made of %s", jinja_type_name (args->values[0]));
  for (guint i = 0; i < args->n_named; i++)
    jinja_dict_set (self, dict.u.dict, jinja_borrow (args->names[i]), args->named[i]);
  return dict;
}

static JinjaValue
dict (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return make_mapping (self, JINJA_DICT, args);
}

static JinjaValue
namespace (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return make_mapping (self, JINJA_NAMESPACE, args);
}

static JinjaValue
range (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  gint64 first = 0, end = 0, step = 1;
  JinjaValue list = jinja_list (self, JINJA_LIST);

  if (!jinja_arg_int (self, args, args->n > 1 ? 1 : 0, "stop", &end))
    jinja_fail (self, "“range” wants a whole number");
  if (args->n > 1)
    jinja_arg_int (self, args, 0, "start", &first);
  jinja_arg_int (self, args, 2, "step", &step);
  if (step == 0)
    jinja_fail (self, "the step of “range” is 0");
  while (self->error == NULL && (step > 0 ? first < end : first > end))
    {
      jinja_list_add (self, list.u.list, jinja_int (first));
      if (__builtin_add_overflow (first, step, &first))
        break;
    }
  return list;
}

JinjaFunction
jinja_find_function (const char *name)
{
  static const struct { const char *name; JinjaFunction function;
  } functions[] = {
    { "raise_exception", raise_exception },
    { "strftime_now", strftime_now },
    { "namespace", namespace },
    { "dict", dict },
    { "range", range },
  };

  for (guint i = 0; i < G_N_ELEMENTS (functions); i++)
    if (g_str_equal (functions[i].name, name))
      return functions[i].function;
  return NULL;
}
