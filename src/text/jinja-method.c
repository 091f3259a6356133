/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Methods of texts and mappings, as Python has them; none that would change a value. */
#include "jinja.h"

#include <string.h>

static JinjaValue
title (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  GString *out = g_string_new (NULL);
  gboolean inside = FALSE;

  for (const char *p = of.u.s, *end = p + of.length; p < end; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      jinja_append_cased (out, c, !inside);
      inside = g_unichar_isalpha (c);
    }
  return jinja_take_string (self, out);
}

static JinjaValue
strip_with (Jinja *self, JinjaValue of, const JinjaArgs *args, gboolean left, gboolean right)
{
  JinjaValue characters;
  gboolean given = jinja_arg_string (self, args, 0, "chars", &characters);

  return jinja_strip (of, given ? &characters : NULL, left, right);
}

static JinjaValue
strip (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return strip_with (self, of, args, TRUE, TRUE);
}

static JinjaValue
lstrip (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return strip_with (self, of, args, TRUE, FALSE);
}

static JinjaValue
rstrip (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return strip_with (self, of, args, FALSE, TRUE);
}

static JinjaValue
upper (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return jinja_case (self, of, TRUE);
}

static JinjaValue
lower (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return jinja_case (self, of, FALSE);
}

static JinjaValue
capitalize (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return jinja_capitalize (self, of);
}

/* Does it begin (or end) with the text, or with one of a tuple of texts? */
static JinjaValue
has_end (Jinja *self, JinjaValue of, const JinjaArgs *args, gboolean at_start)
{
  JinjaValue what;
  JinjaList one = { &what, 1, 1 }, *list = &one;

  if (!jinja_arg (args, 0, "prefix", &what) || args->n > 1)
    jinja_fail (self, "“%s” wants one text", at_start ? "startswith" : "endswith");
  else if (what.type == JINJA_TUPLE)
    list = what.u.list;
  for (guint i = 0; i < list->n && self->error == NULL; i++)
    {
      JinjaValue end = list->items[i];

      if (end.type != JINJA_STRING)
        jinja_fail (self, "“%s” wants a text, not %s", at_start ? "startswith" : "endswith", jinja_type_name (end));
      else if (end.length <= of.length &&
               memcmp (of.u.s + (at_start ? 0 : of.length - end.length), end.u.s, end.length) == 0)
        return jinja_bool (TRUE);
    }
  return jinja_bool (FALSE);
}

static JinjaValue
startswith (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return has_end (self, of, args, TRUE);
}

static JinjaValue
endswith (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return has_end (self, of, args, FALSE);
}

/* Without a separator: at runs of white space, none at the ends. */
static void
split_blank (Jinja *self, JinjaValue of, gint64 times, JinjaList *list)
{
  JinjaValue rest = jinja_strip (of, NULL, TRUE, FALSE);

  while (rest.length > 0 && self->error == NULL)
    {
      gsize at = 0;

      while (times != 0 && at < rest.length && !jinja_is_blank (g_utf8_get_char (rest.u.s + at)))
        at = g_utf8_next_char (rest.u.s + at) - rest.u.s;
      if (times == 0)
        at = jinja_strip (rest, NULL, FALSE, TRUE).length;
      times -= times > 0;
      jinja_list_add (self, list, jinja_part (rest, 0, at));
      rest = jinja_strip (jinja_part (rest, at, rest.length - at), NULL, TRUE, FALSE);
    }
}

static JinjaValue
split (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  JinjaValue separator, list = jinja_list (self, JINJA_LIST);
  gint64 times = -1;
  gssize found;
  gsize at = 0;

  jinja_arg_int (self, args, 1, "maxsplit", &times);
  if (!jinja_arg_string (self, args, 0, "sep", &separator))
    {
      split_blank (self, of, times, list.u.list);
      return list;
    }
  if (separator.length == 0)
    {
      jinja_fail (self, "“split” wants a separator that is not empty");
      return list;
    }
  for (; times != 0 && self->error == NULL && (found = jinja_find (of, separator, at)) >= 0; times--)
    {
      jinja_list_add (self, list.u.list, jinja_part (of, at, found - at));
      at = found + separator.length;
    }
  jinja_list_add (self, list.u.list, jinja_part (of, at, of.length - at));
  return list;
}

/* The last place of what in string[0 … end); -1: nowhere. */
static gssize
find_last (JinjaValue string, JinjaValue what, gsize end)
{
  for (gssize at = (gssize) end - (gssize) what.length; at >= 0; at--)
    if (memcmp (string.u.s + at, what.u.s, what.length) == 0)
      return at;
  return -1;
}

static JinjaValue
rsplit (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  JinjaValue separator, list = jinja_list (self, JINJA_LIST), result = jinja_list (self, JINJA_LIST);
  gint64 times = -1;
  gsize end = of.length;
  gssize found;

  jinja_arg_int (self, args, 1, "maxsplit", &times);
  if (!jinja_arg_string (self, args, 0, "sep", &separator) || separator.length == 0)
    {
      if (times >= 0)
        jinja_fail (self, "“rsplit” wants a separator");
      return split (self, of, args);
    }
  for (; times != 0 && self->error == NULL && (found = find_last (of, separator, end)) >= 0; times--)
    {
      jinja_list_add (self, list.u.list, jinja_part (of, found + separator.length, end - found - separator.length));
      end = found;
    }
  jinja_list_add (self, list.u.list, jinja_part (of, 0, end));
  for (guint i = list.u.list->n; i > 0; i--)
    jinja_list_add (self, result.u.list, list.u.list->items[i - 1]);
  return result;
}

static JinjaValue
splitlines (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  JinjaValue list = jinja_list (self, JINJA_LIST);
  gboolean keep = jinja_arg_true (args, 0, "keepends", FALSE);

  for (gsize at = 0; at < of.length && self->error == NULL;)
    {
      gsize end = at, next;

      while (end < of.length && of.u.s[end] != '\n' && of.u.s[end] != '\r')
        end++;
      next = MIN (end + 1, of.length);
      if (next < of.length && of.u.s[end] == '\r' && of.u.s[next] == '\n')
        next++;
      jinja_list_add (self, list.u.list, jinja_part (of, at, (keep ? next : end) - at));
      at = next;
    }
  return list;
}

static JinjaValue
replace (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  JinjaValue old, new;
  gint64 times = -1;

  jinja_arg_int (self, args, 2, "count", &times);
  if (!jinja_arg_string (self, args, 0, "old", &old) || !jinja_arg_string (self, args, 1, "new", &new))
    {
      jinja_fail (self, "“replace” wants two texts");
      return jinja_none ();
    }
  return jinja_replace (self, of, old, new, times);
}

/* As characters, not bytes. */
static JinjaValue
find_place (Jinja *self, JinjaValue of, const JinjaArgs *args, gboolean last)
{
  JinjaValue what = jinja_borrow ("");
  gssize found;

  if (!jinja_arg_string (self, args, 0, "sub", &what))
    jinja_fail (self, "“find” wants a text");
  found = last ? find_last (of, what, of.length) : jinja_find (of, what, 0);
  return jinja_int (found < 0 ? -1 : g_utf8_strlen (of.u.s, found));
}

static JinjaValue
find (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return find_place (self, of, args, FALSE);
}

static JinjaValue
rfind (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return find_place (self, of, args, TRUE);
}

static JinjaValue
count (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  JinjaValue what = jinja_borrow ("");
  gint64 n = 0;

  if (!jinja_arg_string (self, args, 0, "sub", &what))
    jinja_fail (self, "“count” wants a text");
  else if (what.length == 0)
    n = g_utf8_strlen (of.u.s, of.length) + 1;
  else
    for (gssize at = jinja_find (of, what, 0); at >= 0; at = jinja_find (of, what, at + what.length))
      n++;
  return jinja_int (n);
}

static JinjaValue
remove_end (Jinja *self, JinjaValue of, const JinjaArgs *args, gboolean at_start)
{
  JinjaValue what = jinja_borrow ("");

  if (!jinja_arg_string (self, args, 0, "prefix", &what))
    jinja_fail (self, "“%s” wants a text", at_start ? "removeprefix" : "removesuffix");
  if (what.length > of.length || memcmp (of.u.s + (at_start ? 0 : of.length - what.length), what.u.s, what.length) != 0)
    return of;
  return jinja_part (of, at_start ? what.length : 0, of.length - what.length);
}

static JinjaValue
removeprefix (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return remove_end (self, of, args, TRUE);
}

static JinjaValue
removesuffix (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return remove_end (self, of, args, FALSE);
}

static JinjaValue
join (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  JinjaValue list;
  JinjaList *items = NULL;
  GString *out = g_string_new (NULL);

  if (jinja_arg (args, 0, "iterable", &list))
    items = jinja_items (self, list);
  else
    jinja_fail (self, "“join” wants a list");
  for (guint i = 0; items != NULL && i < items->n && out->len <= JINJA_MAX_STRING; i++)
    {
      if (items->items[i].type != JINJA_STRING)
        {
          jinja_fail (self, "“join” wants texts, not %s", jinja_type_name (items->items[i]));
          break;
        }
      if (i > 0)
        g_string_append_len (out, of.u.s, of.length);
      g_string_append_len (out, items->items[i].u.s, items->items[i].length);
    }
  return jinja_take_string (self, out);
}

static gboolean
all_characters (JinjaValue of, gboolean (*is) (gunichar c))
{
  for (const char *p = of.u.s, *end = p + of.length; p < end; p = g_utf8_next_char (p))
    if (!is (g_utf8_get_char (p)))
      return FALSE;
  return of.length > 0;
}

static JinjaValue
isdigit_ (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return jinja_bool (all_characters (of, g_unichar_isdigit));
}

static JinjaValue
isalpha_ (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return jinja_bool (all_characters (of, g_unichar_isalpha));
}

static JinjaValue
isalnum_ (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return jinja_bool (all_characters (of, g_unichar_isalnum));
}

static JinjaValue
isspace_ (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return jinja_bool (all_characters (of, jinja_is_blank));
}

/* str.format with {}, {0}, {name}; no format behind a colon. */
static JinjaValue
format (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  GString *out = g_string_new (NULL);
  guint next = 0;

  for (guint i = 0; i < of.length && self->error == NULL && out->len <= JINJA_MAX_STRING; i++)
    {
      const char *p = of.u.s + i, *close;
      g_autofree char *name = NULL;
      JinjaValue value;

      if ((*p == '{' || *p == '}') && i + 1 < of.length && p[1] == *p)
        i++;
      else if (*p == '{')
        {
          close = memchr (p, '}', of.length - i);
          name = g_strndup (p + 1, close != NULL ? close - p - 1 : 0);
          if (close == NULL || strcspn (name, ":!.[") != strlen (name))
            jinja_fail (self, "“{%s}” is not supported in “format”", name);
          else if (!jinja_arg (args,
                               *name == '\0'             ? next++
                               : g_ascii_isdigit (*name) ? (guint) atoi (name)
                                                         : G_MAXUINT,
                               name, &value))
            jinja_fail (self, "“format” has nothing for “{%s}”", name);
          else
            jinja_show (self, value, out);
          i = close != NULL ? close - of.u.s : of.length;
          continue;
        }
      g_string_append_c (out, *p);
    }
  return jinja_take_string (self, out);
}

static JinjaValue
dict_items (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  JinjaValue list = jinja_list (self, JINJA_LIST);

  for (guint i = 0; i < of.u.dict->n && self->error == NULL; i++)
    {
      JinjaValue pair = jinja_list (self, JINJA_TUPLE);

      jinja_list_add (self, pair.u.list, of.u.dict->keys[i]);
      jinja_list_add (self, pair.u.list, of.u.dict->values[i]);
      jinja_list_add (self, list.u.list, pair);
    }
  return list;
}

static JinjaValue
dict_keys (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return (JinjaValue) { JINJA_LIST, 0, { .list = jinja_items (self, of) } };
}

static JinjaValue
dict_values (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  JinjaValue list = jinja_list (self, JINJA_LIST);

  for (guint i = 0; i < of.u.dict->n && self->error == NULL; i++)
    jinja_list_add (self, list.u.list, of.u.dict->values[i]);
  return list;
}

static JinjaValue
dict_get (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  JinjaValue key = jinja_none (), value = jinja_none ();

  if (!jinja_arg (args, 0, "key", &key))
    jinja_fail (self, "“get” wants a key");
  jinja_arg (args, 1, "default", &value);
  jinja_dict_get (of.u.dict, key, &value);
  return value;
}

static JinjaValue
dict_copy (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  return of;
}

static JinjaValue
list_index (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  JinjaValue what;

  if (jinja_arg (args, 0, "value", &what))
    for (guint i = 0; i < of.u.list->n; i++)
      if (jinja_equal (of.u.list->items[i], what))
        return jinja_int (i);
  jinja_fail (self, "“index” finds nothing in the list");
  return jinja_none ();
}

static JinjaValue
list_count (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  JinjaValue what;
  gint64 n = 0;

  if (jinja_arg (args, 0, "value", &what))
    for (guint i = 0; i < of.u.list->n; i++)
      n += jinja_equal (of.u.list->items[i], what);
  return jinja_int (n);
}

/* What transformers forbids too. */
static JinjaValue
changes_a_value (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  jinja_fail (self, "a template must not change a list or a mapping");
  return jinja_none ();
}

static JinjaValue
loop_cycle (Jinja *self, JinjaValue of, const JinjaArgs *args)
{
  if (args->n == 0)
    {
      jinja_fail (self, "“cycle” wants values");
      return jinja_none ();
    }
  return args->values[of.u.loop->index0 % args->n];
}

JinjaFunction
jinja_find_method (JinjaType type, const char *name)
{
  static const struct { JinjaType type; const char *name; JinjaFunction method;
  } methods[] = {
    { JINJA_STRING, "strip", strip },
    { JINJA_STRING, "lstrip", lstrip },
    { JINJA_STRING, "rstrip", rstrip },
    { JINJA_STRING, "split", split },
    { JINJA_STRING, "rsplit", rsplit },
    { JINJA_STRING, "splitlines", splitlines },
    { JINJA_STRING, "startswith", startswith },
    { JINJA_STRING, "endswith", endswith },
    { JINJA_STRING, "upper", upper },
    { JINJA_STRING, "lower", lower },
    { JINJA_STRING, "title", title },
    { JINJA_STRING, "capitalize", capitalize },
    { JINJA_STRING, "replace", replace },
    { JINJA_STRING, "find", find },
    { JINJA_STRING, "rfind", rfind },
    { JINJA_STRING, "count", count },
    { JINJA_STRING, "removeprefix", removeprefix },
    { JINJA_STRING, "removesuffix", removesuffix },
    { JINJA_STRING, "join", join },
    { JINJA_STRING, "isdigit", isdigit_ },
    { JINJA_STRING, "isalpha", isalpha_ },
    { JINJA_STRING, "isalnum", isalnum_ },
    { JINJA_STRING, "isspace", isspace_ },
    { JINJA_STRING, "format", format },
    { JINJA_DICT, "items", dict_items },
    { JINJA_DICT, "keys", dict_keys },
    { JINJA_DICT, "values", dict_values },
    { JINJA_DICT, "get", dict_get },
    { JINJA_DICT, "copy", dict_copy },
    { JINJA_DICT, "update", changes_a_value },
    { JINJA_DICT, "pop", changes_a_value },
    { JINJA_DICT, "popitem", changes_a_value },
    { JINJA_DICT, "setdefault", changes_a_value },
    { JINJA_DICT, "clear", changes_a_value },
    { JINJA_LIST, "index", list_index },
    { JINJA_LIST, "count", list_count },
    { JINJA_LIST, "append", changes_a_value },
    { JINJA_LIST, "extend", changes_a_value },
    { JINJA_LIST, "insert", changes_a_value },
    { JINJA_LIST, "pop", changes_a_value },
    { JINJA_LIST, "remove", changes_a_value },
    { JINJA_LIST, "reverse", changes_a_value },
    { JINJA_LIST, "sort", changes_a_value },
    { JINJA_LIST, "clear", changes_a_value },
    { JINJA_TUPLE, "index", list_index },
    { JINJA_TUPLE, "count", list_count },
    { JINJA_LOOP, "cycle", loop_cycle },
  };

  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    if (methods[i].type == type && g_str_equal (methods[i].name, name))
      return methods[i].method;
  return NULL;
}
