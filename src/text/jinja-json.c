/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jinja.h"

#include <math.h>
#include <string.h>

static JinjaValue
from_json (Jinja *self, JsonNode *node, guint depth)
{
  JinjaValue value;

  if (depth > JINJA_MAX_DEPTH)
    {
      jinja_fail (self, "the data are nested too deeply");
      return jinja_none ();
    }
  if (node == NULL || JSON_NODE_HOLDS_NULL (node))
    return jinja_none ();
  if (JSON_NODE_HOLDS_ARRAY (node))
    {
      JsonArray *array = json_node_get_array (node);

      value = jinja_list (self, JINJA_LIST);
      for (guint i = 0; i < json_array_get_length (array) && self->error == NULL; i++)
        jinja_list_add (self, value.u.list, from_json (self, json_array_get_element (array, i), depth + 1));
      return value;
    }
  if (JSON_NODE_HOLDS_OBJECT (node))
    {
      JsonObjectIter iter;
      const char *name;
      JsonNode *member;

      value = jinja_dict (self, JINJA_DICT);
      json_object_iter_init_ordered (&iter, json_node_get_object (node));
      while (self->error == NULL && json_object_iter_next_ordered (&iter, &name, &member))
        jinja_dict_set (self, value.u.dict, jinja_string (self, name, strlen (name)),
                        from_json (self, member, depth + 1));
      return value;
    }

  switch (json_node_get_value_type (node))
    {
    case G_TYPE_BOOLEAN:
      return jinja_bool (json_node_get_boolean (node));
    case G_TYPE_INT64:
      return jinja_int (json_node_get_int (node));
    case G_TYPE_DOUBLE:
      return jinja_float (json_node_get_double (node));
    default:
      return jinja_string (self, json_node_get_string (node), strlen (json_node_get_string (node)));
    }
}

JinjaValue
jinja_from_json (Jinja *self, JsonNode *node)
{
  return from_json (self, node, 0);
}

/* As json.dumps writes. */
typedef struct {
  Jinja     *jinja;
  GString   *out;
  gboolean   ascii, sort_keys;
  JinjaValue item, key;          /* what stands between two items, and behind a key */
  JinjaValue indent;             /* STRING; NONE: all in one line */
} Writer;

static void
write_string (Writer *w, JinjaValue value)
{
  static const char escaped[] = "\"\\\n\r\t\b\f", letters[] = "\"\\nrtbf";

  g_string_append_c (w->out, '"');
  for (const char *p = value.u.s, *end = p + value.length; p < end; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);
      const char *found = c < 0x80 && c != 0 ? strchr (escaped, (int) c) : NULL;

      if (found != NULL)
        g_string_append_printf (w->out, "\\%c", letters[found - escaped]);
      else if (c < 0x20 || (w->ascii && c > 0x7e && c < 0x10000))
        g_string_append_printf (w->out, "\\u%04x", c);
      else if (w->ascii && c >= 0x10000)
        g_string_append_printf (w->out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                                0xdc00 + ((c - 0x10000) & 0x3ff));
      else
        g_string_append_unichar (w->out, c);
    }
  g_string_append_c (w->out, '"');
}

static void
write_line (Writer *w, guint depth)
{
  if (w->indent.type == JINJA_NONE)
    return;
  g_string_append_c (w->out, '\n');
  for (guint i = 0; i < depth && w->out->len <= JINJA_MAX_STRING; i++)
    g_string_append_len (w->out, w->indent.u.s, w->indent.length);
}

static void write_value (Writer *w, JinjaValue value, guint depth);

static void
write_list (Writer *w, JinjaList *list, guint depth)
{
  g_string_append_c (w->out, '[');
  for (guint i = 0; i < list->n && w->jinja->error == NULL; i++)
    {
      if (i > 0)
        g_string_append_len (w->out, w->item.u.s, w->item.length);
      write_line (w, depth + 1);
      write_value (w, list->items[i], depth + 1);
    }
  if (list->n > 0)
    write_line (w, depth);
  g_string_append_c (w->out, ']');
}

static int
compare_keys (gconstpointer a, gconstpointer b, gpointer data)
{
  Writer *w = ((gpointer *) data)[0];
  JinjaDict *dict = ((gpointer *) data)[1];
  int order;

  jinja_order (w->jinja, dict->keys[*(const guint *) a], dict->keys[*(const guint *) b], &order);
  return order;
}

/* A key that is no text becomes one. */
static void
write_key (Writer *w, JinjaValue key, guint depth)
{
  if (key.type == JINJA_STRING)
    {
      write_string (w, key);
      return;
    }
  if (key.type != JINJA_NONE && key.type != JINJA_BOOL && key.type != JINJA_INT && key.type != JINJA_FLOAT)
    {
      jinja_fail (w->jinja, "%s cannot be a key in JSON", jinja_type_name (key));
      return;
    }
  g_string_append_c (w->out, '"');
  write_value (w, key, depth);
  g_string_append_c (w->out, '"');
}

static void
write_dict (Writer *w, JinjaDict *dict, guint depth)
{
  g_autofree guint *order = g_new (guint, MAX (dict->n, 1));

  for (guint i = 0; i < dict->n; i++)
    order[i] = i;
  if (w->sort_keys && dict->n > 1)
    g_sort_array (order, dict->n, sizeof (guint), compare_keys, (gpointer[]) { w, dict });

  g_string_append_c (w->out, '{');
  for (guint i = 0; i < dict->n && w->jinja->error == NULL; i++)
    {
      if (i > 0)
        g_string_append_len (w->out, w->item.u.s, w->item.length);
      write_line (w, depth + 1);
      write_key (w, dict->keys[order[i]], depth);
      g_string_append_len (w->out, w->key.u.s, w->key.length);
      write_value (w, dict->values[order[i]], depth + 1);
    }
  if (dict->n > 0)
    write_line (w, depth);
  g_string_append_c (w->out, '}');
}

static void
write_value (Writer *w, JinjaValue value, guint depth)
{
  if (!jinja_step (w->jinja))
    return;
  if (depth > JINJA_MAX_DEPTH || w->out->len > JINJA_MAX_STRING)
    {
      jinja_fail (w->jinja, "a value is too large for JSON");
      return;
    }

  switch (value.type)
    {
    case JINJA_NONE:
      g_string_append (w->out, "null");
      break;
    case JINJA_BOOL:
      g_string_append (w->out, value.u.b ? "true" : "false");
      break;
    case JINJA_INT:
      g_string_append_printf (w->out, "%" G_GINT64_FORMAT, value.u.i);
      break;
    case JINJA_FLOAT:
      if (isfinite (value.u.f))
        jinja_show_float (value.u.f, w->out);
      else
        g_string_append (w->out, isnan (value.u.f) ? "NaN" : value.u.f > 0 ? "Infinity" : "-Infinity");
      break;
    case JINJA_STRING:
      write_string (w, value);
      break;
    case JINJA_LIST:
    case JINJA_TUPLE:
      write_list (w, value.u.list, depth);
      break;
    case JINJA_DICT:
      write_dict (w, value.u.dict, depth);
      break;
    default:
      jinja_fail (w->jinja, "%s%s%s cannot be written as JSON", jinja_type_name (value),
                  value.type == JINJA_UNDEFINED && value.u.s != NULL ? " " : "",
                  value.type == JINJA_UNDEFINED && value.u.s != NULL ? value.u.s : "");
    }
}

/* tojson (ensure_ascii=false, indent=none, separators=none, sort_keys=false) */
JinjaValue
jinja_filter_tojson (Jinja *self, JinjaValue value, const JinjaArgs *args)
{
  JinjaValue indent = jinja_none (), separators;
  Writer w = { .jinja = self, .item = jinja_borrow (", "), .key = jinja_borrow (": "), .indent = jinja_none () };

  w.ascii = jinja_arg_true (args, 0, "ensure_ascii", FALSE);
  w.sort_keys = jinja_arg_true (args, 3, "sort_keys", FALSE);
  if (jinja_arg (args, 1, "indent", &indent) && indent.type != JINJA_NONE)
    {
      if (indent.type == JINJA_INT)
        {
          g_autofree char *spaces = g_strnfill (CLAMP (indent.u.i, 0, 100), ' ');

          w.indent = jinja_string (self, spaces, strlen (spaces));
        }
      else if (indent.type == JINJA_STRING)
        w.indent = indent;
      else
        jinja_fail (self, "“indent” wants a whole number");
      w.item = jinja_borrow (",");
    }
  if (jinja_arg (args, 2, "separators", &separators) && separators.type != JINJA_NONE)
    {
      JinjaList *pair = jinja_items (self, separators);

      if (pair == NULL || pair->n != 2 || pair->items[0].type != JINJA_STRING || pair->items[1].type != JINJA_STRING)
        jinja_fail (self, "“separators” wants two texts");
      else
        {
          w.item = pair->items[0];
          w.key = pair->items[1];
        }
    }
  if (self->error != NULL)
    return jinja_none ();
  w.out = g_string_new (NULL);
  write_value (&w, value, 0);
  return jinja_take_string (self, w.out);
}
