/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filters of numbers, lists and mappings. */
#include "jinja.h"

#include <math.h>
#include <string.h>

static const JinjaArgs no_args = { NULL, 0, NULL, NULL, 0 };

/* Those arguments that are behind the first n. */
static JinjaArgs
args_behind (const JinjaArgs *args, guint n)
{
  JinjaArgs rest = *args;

  rest.values += MIN (n, args->n);
  rest.n -= MIN (n, args->n);
  return rest;
}

static JinjaValue
length (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  gsize n = 0;

  if (!jinja_length (value, &n))
    jinja_fail (self, "%s has no length", jinja_type_name (value));
  return jinja_int (n);
}

/* default (value="", boolean=false) */
static JinjaValue
default_ (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaValue otherwise = jinja_borrow ("");

  jinja_arg (args, 0, "default_value", &otherwise);
  return value.type == JINJA_UNDEFINED || (jinja_arg_true (args, 1, "boolean", FALSE) && !jinja_true (value))
             ? otherwise
             : value;
}

static JinjaValue
first (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaList *items = jinja_items (self, value);

  return items != NULL && items->n > 0 ? items->items[0] : jinja_undefined ("the first entry");
}

static JinjaValue
last (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaList *items = jinja_items (self, value);

  return items != NULL && items->n > 0 ? items->items[items->n - 1] : jinja_undefined ("the last entry");
}

static JinjaValue
list (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaList *items = jinja_items (self, value);

  return items != NULL ? (JinjaValue) { JINJA_LIST, 0, { .list = items } } : jinja_none ();
}

static JinjaValue
items (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  if (value.type == JINJA_UNDEFINED)
    return jinja_list (self, JINJA_LIST);
  if (value.type == JINJA_DICT)
    return jinja_find_method (JINJA_DICT, "items") (self, value, &no_args);
  jinja_fail (self, "“items” wants a mapping, not %s", jinja_type_name (value));
  return jinja_none ();
}

static JinjaValue
reverse (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaList *given = jinja_items (self, value);
  JinjaValue result = jinja_list (self, JINJA_LIST);
  GString *out;

  for (guint i = given != NULL ? given->n : 0; i > 0; i--)
    jinja_list_add (self, result.u.list, given->items[i - 1]);
  if (value.type != JINJA_STRING)
    return result;
  out = g_string_new (NULL);
  for (guint i = 0; i < result.u.list->n; i++)
    jinja_show (self, result.u.list->items[i], out);
  return jinja_take_string (self, out);
}

/* "a.b.0" of a value. */
static JinjaValue
attribute_path (Jinja *self, JinjaValue value, JinjaValue path)
{
  if (path.type == JINJA_INT)
    return jinja_get_item (self, value, path);
  for (gsize at = 0; at <= path.length && self->error == NULL;)
    {
      const char *dot = at < path.length ? memchr (path.u.s + at, '.', path.length - at) : NULL;
      gsize end = dot != NULL ? (gsize) (dot - path.u.s) : path.length;
      JinjaValue part = jinja_part (path, at, end - at);
      gint64 number;
      g_autofree char *text = g_strndup (part.u.s, part.length);

      if (g_ascii_string_to_signed (text, 10, 0, G_MAXINT32, &number, NULL))
        part = jinja_int (number);
      value = jinja_get_item (self, value, part);
      at = end + 1;
    }
  return value;
}

static gboolean
path_argument (Jinja *self, const JinjaArgs *args, guint i, JinjaValue *path)
{
  if (!jinja_arg (args, i, "attribute", path) || path->type == JINJA_NONE)
    return FALSE;
  if (path->type == JINJA_STRING || path->type == JINJA_INT)
    return TRUE;
  jinja_fail (self, "“attribute” wants a name");
  return FALSE;
}

/* join (d="", attribute=none) */
static JinjaValue
join (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaList *given = jinja_items (self, value);
  JinjaValue between = jinja_borrow (""), path;
  gboolean by_path = path_argument (self, args, 1, &path);
  GString *out = g_string_new (NULL);

  if (jinja_arg (args, 0, "d", &between))
    between = jinja_text (self, between);
  for (guint i = 0; given != NULL && i < given->n && self->error == NULL && out->len <= JINJA_MAX_STRING; i++)
    {
      if (i > 0)
        g_string_append_len (out, between.u.s, between.length);
      jinja_show (self, by_path ? attribute_path (self, given->items[i], path) : given->items[i], out);
    }
  return jinja_take_string (self, out);
}

/* map (attribute="name", default=…) or map ("filter", …) */
static JinjaValue
map (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaList *given = jinja_items (self, value);
  JinjaValue result = jinja_list (self, JINJA_LIST), path, name, otherwise;
  gboolean by_path = args->n == 0 && path_argument (self, args, 0, &path);
  JinjaArgs rest = args_behind (args, 1);
  JinjaFunction filter = NULL;

  if (!by_path && args->n > 0 && args->values[0].type == JINJA_STRING)
    {
      g_autofree char *text = g_strndup (args->values[0].u.s, args->values[0].length);

      filter = jinja_find_filter (text);
      name = args->values[0];
      if (filter == NULL)
        jinja_fail (self, "there is no filter “%.*s”", (int) MIN (name.length, 100), name.u.s);
    }
  else if (!by_path)
    jinja_fail (self, "“map” wants a filter or “attribute”");
  for (guint i = 0; given != NULL && i < given->n && self->error == NULL && jinja_enter (self); i++)
    {
      JinjaValue item = by_path ? attribute_path (self, given->items[i], path) : filter (self, given->items[i], &rest);

      if (by_path && item.type == JINJA_UNDEFINED && jinja_arg (args, 1, "default", &otherwise))
        item = otherwise;
      jinja_list_add (self, result.u.list, item);
      jinja_leave (self);
    }
  return result;
}

/* select, reject ("test", …) and selectattr, rejectattr ("attribute", "test", …); without a test: is it true? */
static JinjaValue
choose (Jinja *self, JinjaValue value, const JinjaArgs *args, gboolean wanted, gboolean by_path)
{
  JinjaList *given = jinja_items (self, value);
  JinjaValue result = jinja_list (self, JINJA_LIST), path = jinja_none ();
  JinjaArgs rest = args_behind (args, by_path ? 2 : 1);
  JinjaTest test = NULL;
  guint at = by_path ? 1 : 0;

  if (by_path && (args->n == 0 || (path = args->values[0], path.type != JINJA_STRING && path.type != JINJA_INT)))
    jinja_fail (self, "the filter wants the name of an attribute");
  if (args->n > at)
    {
      g_autofree char *name = args->values[at].type == JINJA_STRING
                              ? g_strndup (args->values[at].u.s, args->values[at].length) : g_strdup ("");

      test = jinja_find_test (name);
      if (test == NULL)
        jinja_fail (self, "there is no test “%s”", name);
    }
  for (guint i = 0; given != NULL && i < given->n && jinja_step (self); i++)
    {
      JinjaValue item = by_path ? attribute_path (self, given->items[i], path) : given->items[i];

      if ((test != NULL ? test (self, item, &rest) : jinja_true (item)) == wanted)
        jinja_list_add (self, result.u.list, given->items[i]);
    }
  return result;
}

static JinjaValue
select_ (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return choose (self, value, args, TRUE, FALSE);
}

static JinjaValue
reject (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return choose (self, value, args, FALSE, FALSE);
}

static JinjaValue
selectattr (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return choose (self, value, args, TRUE, TRUE);
}

static JinjaValue
rejectattr (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return choose (self, value, args, FALSE, TRUE);
}

typedef struct {
  Jinja   *jinja;
  JinjaValue path;
  gboolean by_path, reverse, case_sensitive;
} Sorting;

static JinjaValue
sort_key (Sorting *sorting, JinjaValue value)
{
  if (sorting->by_path)
    value = attribute_path (sorting->jinja, value, sorting->path);
  return value.type == JINJA_STRING && !sorting->case_sensitive ? jinja_case (sorting->jinja, value, FALSE) : value;
}

static int
compare_items (gconstpointer a, gconstpointer b, gpointer data)
{
  Sorting *sorting = data;
  int order = 0;

  if (jinja_step (sorting->jinja))
    jinja_order (sorting->jinja, sort_key (sorting, *(const JinjaValue *)a), sort_key (sorting, *(const JinjaValue *)b),
                 &order);
  return sorting->reverse ? -order : order;
}

static JinjaValue
sort_by (Jinja *self, JinjaValue value, Sorting *sorting)
{
  JinjaList *given = jinja_items (self, value);
  JinjaValue result = jinja_list (self, JINJA_LIST);

  for (guint i = 0; given != NULL && i < given->n; i++)
    jinja_list_add (self, result.u.list, given->items[i]);
  if (result.u.list->n > 1)
    g_sort_array (result.u.list->items, result.u.list->n, sizeof (JinjaValue), compare_items, sorting);
  return result;
}

/* sort (reverse=false, case_sensitive=false, attribute=none) */
static JinjaValue
sort (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  Sorting sorting = { .jinja = self };

  sorting.reverse = jinja_arg_true (args, 0, "reverse", FALSE);
  sorting.case_sensitive = jinja_arg_true (args, 1, "case_sensitive", FALSE);
  sorting.by_path = path_argument (self, args, 2, &sorting.path);
  return sort_by (self, value, &sorting);
}

/* dictsort (case_sensitive=false, by="key", reverse=false) */
static JinjaValue
dictsort (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  Sorting sorting = { .jinja = self, .by_path = TRUE };
  JinjaValue by;

  sorting.case_sensitive = jinja_arg_true (args, 0, "case_sensitive", FALSE);
  sorting.reverse = jinja_arg_true (args, 2, "reverse", FALSE);
  sorting.path = jinja_int (jinja_arg_string (self, args, 1, "by", &by) && jinja_is (by, "value") ? 1 : 0);
  return sort_by (self, items (self, value, &no_args), &sorting);
}

static JinjaValue
unique (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaList *given = jinja_items (self, value);
  JinjaValue result = jinja_list (self, JINJA_LIST), keys = jinja_dict (self, JINJA_DICT), seen;
  Sorting sorting = { .jinja = self };

  sorting.case_sensitive = jinja_arg_true (args, 0, "case_sensitive", FALSE);
  sorting.by_path = path_argument (self, args, 1, &sorting.path);
  for (guint i = 0; given != NULL && i < given->n && jinja_step (self); i++)
    {
      JinjaValue key = sort_key (&sorting, given->items[i]);

      if (jinja_dict_get (keys.u.dict, key, &seen))
        continue;
      jinja_dict_set (self, keys.u.dict, key, jinja_none ());
      jinja_list_add (self, result.u.list, given->items[i]);
    }
  return result;
}

static JinjaValue
extreme (Jinja *self, JinjaValue value, const JinjaArgs *args, int sign)
{
  JinjaList *given = jinja_items (self, value);
  Sorting sorting = { .jinja = self };
  JinjaValue best = jinja_undefined ("the largest or smallest entry");

  sorting.case_sensitive = jinja_arg_true (args, 0, "case_sensitive", FALSE);
  sorting.by_path = path_argument (self, args, 1, &sorting.path);
  for (guint i = 0; given != NULL && i < given->n && self->error == NULL; i++)
    if (i == 0 || sign * compare_items (&given->items[i], &best, &sorting) > 0)
      best = given->items[i];
  return best;
}

static JinjaValue
min (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return extreme (self, value, args, -1);
}

static JinjaValue
max (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  return extreme (self, value, args, 1);
}

/* sum (attribute=none, start=0) */
static JinjaValue
sum (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaList *given = jinja_items (self, value);
  JinjaValue total = jinja_int (0), path;
  gboolean by_path = path_argument (self, args, 0, &path);

  jinja_arg (args, 1, "start", &total);
  for (guint i = 0; given != NULL && i < given->n && jinja_step (self); i++)
    total = jinja_binary (self, JINJA_OP_ADD, total,
                          by_path ? attribute_path (self, given->items[i], path) : given->items[i]);
  return total;
}

/* int (default=0): what is no number gives the default. */
static JinjaValue
int_ (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaValue otherwise = jinja_int (0), text;
  g_autofree char *digits = NULL;
  double number;
  gint64 whole;
  char *end;

  jinja_arg (args, 0, "default", &otherwise);
  if (value.type == JINJA_INT || !jinja_need (self, value))
    return value;
  if (value.type == JINJA_STRING)
    {
      text = jinja_strip (value, NULL, TRUE, TRUE);
      digits = g_strndup (text.u.s, text.length);
      if (g_ascii_string_to_signed (*digits == '+' ? digits + 1 : digits, 10, G_MININT64, G_MAXINT64, &whole, NULL))
        return jinja_int (whole);
      number = g_ascii_strtod (digits, &end);
      if (*digits == '\0' || *end != '\0')
        return otherwise;
    }
  else if (!jinja_number (value, &number))
    return otherwise;
  return fabs (number) < 9e18 ? jinja_int ((gint64) number) : otherwise;
}

static JinjaValue
float_ (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaValue otherwise = jinja_float (0), text;
  g_autofree char *digits = NULL;
  double number;
  char *end;

  jinja_arg (args, 0, "default", &otherwise);
  if (jinja_number (value, &number))
    return jinja_float (number);
  if (!jinja_need (self, value) || value.type != JINJA_STRING)
    return otherwise;
  text = jinja_strip (value, NULL, TRUE, TRUE);
  digits = g_strndup (text.u.s, text.length);
  number = g_ascii_strtod (digits, &end);
  return *digits == '\0' || *end != '\0' ? otherwise : jinja_float (number);
}

static JinjaValue
abs_ (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  double number;

  if (value.type == JINJA_INT)
    return value.u.i < 0 ? jinja_binary (self, JINJA_OP_MUL, value, jinja_int (-1)) : value;
  if (!jinja_number (value, &number))
    jinja_fail (self, "“abs” wants a number, not %s", jinja_type_name (value));
  return jinja_float (fabs (number));
}

/* round (precision=0, method="common") */
static JinjaValue
round_ (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaValue method = jinja_borrow ("common");
  gint64 precision = 0;
  double number = 0, scale;

  if (!jinja_number (value, &number))
    jinja_fail (self, "“round” wants a number, not %s", jinja_type_name (value));
  jinja_arg_int (self, args, 0, "precision", &precision);
  jinja_arg_string (self, args, 1, "method", &method);
  scale = pow (10, CLAMP (precision, -15, 15));
  number *= scale;
  number = jinja_is (method, "ceil") ? ceil (number) : jinja_is (method, "floor") ? floor (number) : rint (number);
  return jinja_float (number / scale);
}

JinjaFunction
jinja_find_filter (const char *name)
{
  static const struct { const char *name; JinjaFunction filter;
  } filters[] = {
    { "tojson", jinja_filter_tojson },
    { "length", length },
    { "count", length },
    { "default", default_ },
    { "d", default_ },
    { "first", first },
    { "last", last },
    { "list", list },
    { "items", items },
    { "reverse", reverse },
    { "join", join },
    { "map", map },
    { "select", select_ },
    { "reject", reject },
    { "selectattr", selectattr },
    { "rejectattr", rejectattr },
    { "sort", sort },
    { "dictsort", dictsort },
    { "unique", unique },
    { "min", min },
    { "max", max },
    { "sum", sum },
    { "int", int_ },
    { "float", float_ },
    { "abs", abs_ },
    { "round", round_ },
  };

  for (guint i = 0; i < G_N_ELEMENTS (filters); i++)
    if (g_str_equal (filters[i].name, name))
      return filters[i].filter;
  return jinja_find_text_filter (name);
}
