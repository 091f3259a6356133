/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jinja.h"

#include <string.h>

void
jinja_fail (Jinja *self, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list arguments;

  if (self->error != NULL)
    return;
  va_start (arguments, format);
  what = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  jinja_source_error (self->template, self->line, &self->error, "%s", what);
}

gboolean
jinja_step (Jinja *self)
{
  if (self->error != NULL)
    return FALSE;
  if (++self->steps > JINJA_MAX_STEPS)
    jinja_fail (self, "the template does not come to an end (%u steps)", JINJA_MAX_STEPS);
  else if (self->out->len > JINJA_MAX_OUTPUT)
    jinja_fail (self, "the template writes more than %u bytes", JINJA_MAX_OUTPUT);
  else if (self->arena.used > JINJA_MAX_MEMORY)
    jinja_fail (self, "the template wants more than %u MiB of memory", JINJA_MAX_MEMORY >> 20);
  return self->error == NULL;
}

gboolean
jinja_enter (Jinja *self)
{
  if (++self->depth > JINJA_MAX_CALLS)
    jinja_fail (self, "the template is nested too deeply, or calls itself without end");
  return jinja_step (self);
}

void
jinja_leave (Jinja *self)
{
  self->depth--;
}

static JinjaValue
look_up (Jinja *self, const char *name)
{
  JinjaFunction function;
  JinjaValue value;

  for (const JinjaFrame *frame = self->frame; frame != NULL; frame = frame->parent)
    for (guint i = frame->n; i > 0; i--)
      if (frame->names[i - 1] == name)
        return frame->values[i - 1];
  if (jinja_dict_get (self->globals, jinja_borrow (name), &value))
    return value;
  function = jinja_find_function (name);
  if (function != NULL)
    {
      JinjaCallable *callable = jinja_alloc (&self->arena, sizeof (JinjaCallable));

      *callable = (JinjaCallable) { name, function, jinja_none () };
      return (JinjaValue) { JINJA_CALLABLE, 0, { .callable = callable } };
    }
  return jinja_undefined (name);
}

static JinjaValue
loop_attribute (Jinja *self, const JinjaLoop *loop, const char *name)
{
  guint n = loop->items->n, i = loop->index0;

  if (g_str_equal (name, "index"))
    return jinja_int ((gint64) i + 1);
  if (g_str_equal (name, "index0"))
    return jinja_int (i);
  if (g_str_equal (name, "revindex"))
    return jinja_int ((gint64) n - i);
  if (g_str_equal (name, "revindex0"))
    return jinja_int ((gint64) n - i - 1);
  if (g_str_equal (name, "first"))
    return jinja_bool (i == 0);
  if (g_str_equal (name, "last"))
    return jinja_bool (i + 1 == n);
  if (g_str_equal (name, "length"))
    return jinja_int (n);
  if (g_str_equal (name, "depth"))
    return jinja_int (1);       /* of recursion, which there is none of */
  if (g_str_equal (name, "depth0"))
    return jinja_int (0);
  if (g_str_equal (name, "previtem"))
    return i > 0 ? loop->items->items[i - 1] : jinja_undefined ("loop.previtem");
  if (g_str_equal (name, "nextitem"))
    return i + 1 < n ? loop->items->items[i + 1] : jinja_undefined ("loop.nextitem");
  return jinja_undefined (name);
}

static gboolean
find_method (Jinja *self, JinjaValue of, const char *name, JinjaValue *value)
{
  JinjaFunction function = jinja_find_method (of.type, name);
  JinjaCallable *callable;

  if (function == NULL)
    return FALSE;
  callable = jinja_alloc (&self->arena, sizeof (JinjaCallable));
  *callable = (JinjaCallable) { name, function, of };
  *value = (JinjaValue) { JINJA_CALLABLE, 0, { .callable = callable } };
  return TRUE;
}

JinjaValue
jinja_get_attribute (Jinja *self, JinjaValue of, const char *name)
{
  JinjaValue value;

  if (!jinja_need (self, of) || find_method (self, of, name, &value))
    return self->error != NULL ? jinja_none () : value;
  if (of.type == JINJA_LOOP)
    return loop_attribute (self, of.u.loop, name);
  if (of.type == JINJA_MACRO && g_str_equal (name, "name"))
    return jinja_borrow (of.u.macro->node->name);
  if ((of.type == JINJA_DICT || of.type == JINJA_NAMESPACE) && jinja_dict_get (of.u.dict, jinja_borrow (name), &value))
    return value;
  return jinja_undefined (name);
}

/* Where character i of a text begins. */
static gsize
offset_of (JinjaValue string, gsize i)
{
  return g_utf8_offset_to_pointer (string.u.s, i) - string.u.s;
}

JinjaValue
jinja_get_item (Jinja *self, JinjaValue of, JinjaValue key)
{
  JinjaValue value;
  gsize length;

  if (!jinja_need (self, of))
    return jinja_none ();
  if (of.type == JINJA_DICT || of.type == JINJA_NAMESPACE)
    {
      if (jinja_dict_get (of.u.dict, key, &value))
        return value;
    }
  else if ((key.type == JINJA_INT || key.type == JINJA_BOOL) && jinja_length (of, &length))
    {
      gint64 i = key.type == JINJA_INT ? key.u.i : key.u.b;

      i += i < 0 ? (gint64) length : 0;
      if (i < 0 || i >= (gint64) length)
        return jinja_undefined ("an entry beyond the end");
      if (of.type == JINJA_STRING)
        {
          gsize first = offset_of (of, i);

          return jinja_part (of, first, g_utf8_next_char (of.u.s + first) - (of.u.s + first));
        }
      if (of.type == JINJA_LIST || of.type == JINJA_TUPLE)
        return of.u.list->items[i];
    }
  if (key.type == JINJA_STRING)
    {
      const char *name = jinja_string (self, key.u.s, key.length).u.s;

      if (of.type != JINJA_DICT && of.type != JINJA_NAMESPACE)
        value = jinja_get_attribute (self, of, name);
      else if (!find_method (self, of, name, &value))
        value = jinja_undefined (name);
      return value;
    }
  return jinja_undefined ("an entry");
}

/* One end of a slice; where there is none, otherwise. */
static gboolean
slice_end (Jinja *self, const JinjaNode *node, gint64 otherwise, gint64 *value)
{
  JinjaValue v = node != NULL ? jinja_eval (self, node) : jinja_none ();

  *value = v.type == JINJA_INT ? v.u.i : v.type == JINJA_BOOL ? v.u.b : otherwise;
  if (v.type != JINJA_INT && v.type != JINJA_BOOL && v.type != JINJA_NONE)
    jinja_fail (self, "a slice wants whole numbers, not %s", jinja_type_name (v));
  return v.type == JINJA_INT || v.type == JINJA_BOOL;
}

/* Python's rules: ends count from the back if negative, and are cut to what there is. */
static JinjaValue
eval_slice (Jinja *self, const JinjaNode *node)
{
  JinjaValue of = jinja_eval (self, node->a), result;
  JinjaList *items;
  gint64 first, end, step, n;
  gboolean has_first, has_end;

  slice_end (self, node->d, 1, &step);
  has_first = slice_end (self, node->b, 0, &first);
  has_end = slice_end (self, node->c, 0, &end);
  if (self->error != NULL || !jinja_need (self, of))
    return jinja_none ();
  if (of.type != JINJA_STRING && of.type != JINJA_LIST && of.type != JINJA_TUPLE)
    {
      jinja_fail (self, "%s cannot be sliced", jinja_type_name (of));
      return jinja_none ();
    }
  if (step == 0)
    {
      jinja_fail (self, "the step of a slice is 0");
      return jinja_none ();
    }
  step = CLAMP (step, -(gint64) JINJA_MAX_STRING, (gint64) JINJA_MAX_STRING);

  n = of.type == JINJA_STRING ? g_utf8_strlen (of.u.s, of.length) : of.u.list->n;
  first = has_first  ? CLAMP (first + (first < 0 ? n : 0), step > 0 ? 0 : -1, step > 0 ? n : n - 1)
          : step > 0 ? 0
                     : n - 1;
  end = has_end ? CLAMP (end + (end < 0 ? n : 0), step > 0 ? 0 : -1, step > 0 ? n : n - 1) : step > 0 ? n : -1;
  if (of.type == JINJA_STRING && step == 1)
    {
      gsize from = offset_of (of, MIN (first, n)), to = offset_of (of, MAX (MIN (end, n), MIN (first, n)));

      return jinja_part (of, from, to - from);
    }

  items = jinja_items (self, of);
  result = jinja_list (self, of.type == JINJA_TUPLE ? JINJA_TUPLE : JINJA_LIST);
  for (gint64 i = first; items != NULL && (step > 0 ? i < end : i > end) && self->error == NULL; i += step)
    jinja_list_add (self, result.u.list, items->items[i]);
  if (of.type == JINJA_STRING)
    {
      GString *out = g_string_new (NULL);

      for (guint i = 0; i < result.u.list->n; i++)
        jinja_show (self, result.u.list->items[i], out);
      return jinja_take_string (self, out);
    }
  return result;
}

static JinjaValue
eval_compare (Jinja *self, const JinjaNode *node)
{
  JinjaValue left = jinja_eval (self, node->a);

  for (guint i = 0; i < node->n && self->error == NULL; i++)
    {
      JinjaValue right = jinja_eval (self, node->list[i]);

      if (self->error != NULL || !jinja_compare (self, node->ops[i], left, right))
        return jinja_bool (FALSE);
      left = right;
    }
  return jinja_bool (TRUE);
}

static void
eval_arguments (Jinja *self, const JinjaNode *node, JinjaArgs *args)
{
  JinjaValue *values = jinja_alloc (&self->arena, MAX (1, node->n + node->n_named) * sizeof (JinjaValue));

  for (guint i = 0; i < node->n; i++)
    values[i] = jinja_eval (self, node->list[i]);
  for (guint i = 0; i < node->n_named; i++)
    values[node->n + i] = jinja_eval (self, node->named[i]);
  *args = (JinjaArgs) { values, node->n, node->names, values + node->n, node->n_named };
}

JinjaValue
jinja_call (Jinja *self, JinjaValue callee, const JinjaArgs *args)
{
  if (!jinja_need (self, callee))
    return jinja_none ();
  if (callee.type == JINJA_MACRO)
    return jinja_call_macro (self, callee.u.macro, args);
  if (callee.type == JINJA_CALLABLE)
    return callee.u.callable->function (self, callee.u.callable->of, args);
  jinja_fail (self, "%s cannot be called", jinja_type_name (callee));
  return jinja_none ();
}

static JinjaValue
eval_call (Jinja *self, const JinjaNode *node)
{
  JinjaValue callee = jinja_eval (self, node->a);
  JinjaArgs args;

  if (callee.type == JINJA_UNDEFINED && node->a->kind == JINJA_NODE_ATTRIBUTE)
    jinja_fail (self, "there is no method “%s” here", node->a->name);
  else if (callee.type == JINJA_UNDEFINED && node->a->kind == JINJA_NODE_NAME)
    jinja_fail (self, "there is no function “%s”", node->a->name);
  eval_arguments (self, node, &args);
  return self->error == NULL ? jinja_call (self, callee, &args) : jinja_none ();
}

static JinjaValue
eval_sequence (Jinja *self, const JinjaNode *node)
{
  JinjaValue list = jinja_list (self, node->kind == JINJA_NODE_TUPLE ? JINJA_TUPLE : JINJA_LIST);

  for (guint i = 0; i < node->n && self->error == NULL; i++)
    jinja_list_add (self, list.u.list, jinja_eval (self, node->list[i]));
  return list;
}

static JinjaValue
eval_dict (Jinja *self, const JinjaNode *node)
{
  JinjaValue dict = jinja_dict (self, JINJA_DICT);

  for (guint i = 0; i < node->n && self->error == NULL; i++)
    {
      JinjaValue key = jinja_eval (self, node->list[i]);

      jinja_dict_set (self, dict.u.dict, key, jinja_eval (self, node->named[i]));
    }
  return dict;
}

static JinjaValue
eval_sign (Jinja *self, const JinjaNode *node)
{
  JinjaValue value = jinja_eval (self, node->a);
  double number;

  if (self->error != NULL || !jinja_need (self, value))
    return jinja_none ();
  if (!jinja_number (value, &number))
    {
      jinja_fail (self, "%s cannot have a sign", jinja_type_name (value));
      return jinja_none ();
    }
  return jinja_binary (self, node->kind == JINJA_NODE_NEGATIVE ? JINJA_OP_MUL : JINJA_OP_ADD, value,
                       jinja_int (node->kind == JINJA_NODE_NEGATIVE ? -1 : 0));
}

static JinjaValue
eval_node (Jinja *self, const JinjaNode *node)
{
  JinjaValue a, b;
  JinjaArgs args;

  switch (node->kind)
    {
    case JINJA_NODE_CONST:
      return node->value;
    case JINJA_NODE_NAME:
      return look_up (self, node->name);
    case JINJA_NODE_INNER:
      return self->inner;
    case JINJA_NODE_LIST:
    case JINJA_NODE_TUPLE:
      return eval_sequence (self, node);
    case JINJA_NODE_DICT:
      return eval_dict (self, node);
    case JINJA_NODE_ATTRIBUTE:
      a = jinja_eval (self, node->a);
      return self->error == NULL ? jinja_get_attribute (self, a, node->name) : jinja_none ();
    case JINJA_NODE_INDEX:
      a = jinja_eval (self, node->a);
      b = jinja_eval (self, node->b);
      return self->error == NULL ? jinja_get_item (self, a, b) : jinja_none ();
    case JINJA_NODE_SLICE:
      return eval_slice (self, node);
    case JINJA_NODE_CALL:
      return eval_call (self, node);
    case JINJA_NODE_FILTER:
      a = jinja_eval (self, node->a);
      eval_arguments (self, node, &args);
      if (node->filter == NULL)
        jinja_fail (self, "there is no filter “%s”", node->name);
      return self->error == NULL ? node->filter (self, a, &args) : jinja_none ();
    case JINJA_NODE_TEST:
      a = jinja_eval (self, node->a);
      eval_arguments (self, node, &args);
      if (node->test == NULL)
        jinja_fail (self, "there is no test “%s”", node->name);
      return jinja_bool (self->error == NULL && node->test (self, a, &args));
    case JINJA_NODE_NOT:
      return jinja_bool (!jinja_true (jinja_eval (self, node->a)));
    case JINJA_NODE_NEGATIVE:
    case JINJA_NODE_POSITIVE:
      return eval_sign (self, node);
    case JINJA_NODE_AND:
      a = jinja_eval (self, node->a);
      return jinja_true (a) ? jinja_eval (self, node->b) : a;
    case JINJA_NODE_OR:
      a = jinja_eval (self, node->a);
      return jinja_true (a) ? a : jinja_eval (self, node->b);
    case JINJA_NODE_BINARY:
      a = jinja_eval (self, node->a);
      b = jinja_eval (self, node->b);
      return self->error == NULL ? jinja_binary (self, node->op, a, b) : jinja_none ();
    case JINJA_NODE_COMPARE:
      return eval_compare (self, node);
    case JINJA_NODE_CONDITION:
      if (jinja_true (jinja_eval (self, node->b)))
        return jinja_eval (self, node->a);
      return node->c != NULL ? jinja_eval (self, node->c) : jinja_undefined (NULL);
    default:
      g_return_val_if_reached (jinja_none ());
    }
}

JinjaValue
jinja_eval (Jinja *self, const JinjaNode *node)
{
  JinjaValue value = jinja_none ();

  if (jinja_enter (self))
    {
      guint line = self->line;

      self->line = node->line;
      value = eval_node (self, node);
      if (self->error == NULL)
        self->line = line;
    }
  jinja_leave (self);
  return value;
}
