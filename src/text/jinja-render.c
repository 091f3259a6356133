/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jinja.h"

#include <string.h>

static void render_node (Jinja *self, const JinjaNode *node);

JinjaFrame *
jinja_frame_new (Jinja *self, JinjaFrame *parent)
{
  JinjaFrame *frame = jinja_alloc (&self->arena, sizeof (JinjaFrame));

  frame->parent = parent;
  return frame;
}

void
jinja_set (Jinja *self, const char *name, JinjaValue value)
{
  JinjaFrame *frame = self->frame;

  for (guint i = 0; i < frame->n; i++)
    if (frame->names[i] == name)
      {
        frame->values[i] = value;
        return;
      }
  if (frame->n == frame->size)
    {
      guint size = MAX (8, 2 * frame->size);
      const char **names = jinja_alloc (&self->arena, size * sizeof (char *));
      JinjaValue *values = jinja_alloc (&self->arena, size * sizeof (JinjaValue));

      if (frame->n > 0)
        {
          memcpy (names, frame->names, frame->n * sizeof (char *));
          memcpy (values, frame->values, frame->n * sizeof (JinjaValue));
        }
      frame->names = names;
      frame->values = values;
      frame->size = size;
    }
  frame->names[frame->n] = name;
  frame->values[frame->n++] = value;
}

void
jinja_assign (Jinja *self, const JinjaNode *target, JinjaValue value)
{
  JinjaValue of;
  JinjaList *items;

  if (self->error != NULL)
    return;
  switch (target->kind)
    {
    case JINJA_NODE_NAME:
      jinja_set (self, target->name, value);
      break;
    case JINJA_NODE_ATTRIBUTE:
      of = jinja_eval (self, target->a);
      if (of.type == JINJA_NAMESPACE)
        jinja_dict_set (self, of.u.dict, jinja_borrow (target->name), value);
      else
        jinja_fail (self, "“.%s” can be set in a namespace only", target->name);
      break;
    default:
      items = jinja_items (self, value);
      if (items != NULL && items->n != target->n)
        jinja_fail (self, "%u values for %u names", items->n, target->n);
      for (guint i = 0; items != NULL && i < target->n && self->error == NULL; i++)
        jinja_assign (self, target->list[i], items->items[i]);
    }
}

/* What a body writes, instead of writing it. */
static JinjaValue
render_apart (Jinja *self, const JinjaNode *body)
{
  GString *out = self->out;
  JinjaValue text;

  self->out = g_string_new (NULL);
  render_node (self, body);
  text = jinja_take_string (self, self->out);
  self->out = out;
  return text;
}

/* The filters of a block around its text. */
static JinjaValue
eval_around (Jinja *self, const JinjaNode *filters, JinjaValue text)
{
  JinjaValue inner = self->inner;

  self->inner = text;
  text = jinja_eval (self, filters);
  self->inner = inner;
  return text;
}

static JinjaFrame *
push_frame (Jinja *self, JinjaFrame *parent)
{
  JinjaFrame *before = self->frame;

  self->frame = jinja_frame_new (self, parent);
  return before;
}

static JinjaValue
render_in_scope (Jinja *self, const JinjaNode *body)
{
  JinjaFrame *before = push_frame (self, self->frame);
  JinjaValue text = render_apart (self, body);

  self->frame = before;
  return text;
}

static void
write_text (Jinja *self, JinjaValue text)
{
  if (self->error == NULL)
    jinja_show (self, text, self->out);
}

/* Those of items for which the loop's condition holds. */
static JinjaList *
choose_items (Jinja *self, const JinjaNode *node, JinjaList *items)
{
  JinjaList *chosen = jinja_list (self, JINJA_LIST).u.list;
  JinjaFrame *before = push_frame (self, self->frame);

  for (guint i = 0; i < items->n && jinja_step (self); i++)
    {
      jinja_assign (self, node->a, items->items[i]);
      if (self->error == NULL && jinja_true (jinja_eval (self, node->e)))
        jinja_list_add (self, chosen, items->items[i]);
    }
  self->frame = before;
  return chosen;
}

static void
render_for (Jinja *self, const JinjaNode *node)
{
  JinjaValue of = jinja_eval (self, node->b);
  JinjaList *items = self->error == NULL ? jinja_items (self, of) : NULL;
  JinjaFrame *before = self->frame;
  JinjaLoop *loop;

  if (items != NULL && node->e != NULL)
    items = choose_items (self, node, items);
  if (items == NULL || self->error != NULL)
    return;
  if (items->n == 0)
    {
      if (node->d != NULL)
        render_node (self, node->d);
      return;
    }

  loop = jinja_alloc (&self->arena, sizeof (JinjaLoop));
  loop->items = items;
  push_frame (self, before);
  for (guint i = 0; i < items->n && jinja_step (self) && self->flow != JINJA_BREAK; i++)
    {
      self->flow = JINJA_GO_ON;
      self->frame->n = 0;
      loop->index0 = i;
      jinja_set (self, self->template->loop, (JinjaValue) { JINJA_LOOP, 0, { .loop = loop } });
      jinja_assign (self, node->a, items->items[i]);
      render_node (self, node->c);
    }
  self->flow = JINJA_GO_ON;
  self->frame = before;
}

static void
render_macro (Jinja *self, const JinjaNode *node)
{
  JinjaMacro *macro = jinja_alloc (&self->arena, sizeof (JinjaMacro));

  *macro = (JinjaMacro) { node, self->frame };
  jinja_set (self, node->name, (JinjaValue) { JINJA_MACRO, 0, { .macro = macro } });
}

static gboolean
is_parameter (const JinjaNode *macro, const char *name)
{
  for (guint i = 0; i < macro->n; i++)
    if (g_str_equal (macro->list[i]->name, name))
      return TRUE;
  return FALSE;
}

JinjaValue
jinja_call_macro (Jinja *self, const JinjaMacro *macro, const JinjaArgs *args)
{
  const JinjaNode *node = macro->node;
  JinjaFrame *before;
  JinjaValue text = jinja_none ();

  if (args->n > node->n)
    jinja_fail (self, "the macro “%s” takes %u arguments, not %u", node->name, node->n, args->n);
  for (guint i = 0; i < args->n_named; i++)
    if (!is_parameter (node, args->names[i]))
      jinja_fail (self, "the macro “%s” has no argument “%s”", node->name, args->names[i]);

  before = push_frame (self, macro->frame);
  for (guint i = 0; i < node->n && self->error == NULL; i++)
    {
      JinjaValue value;

      if (!jinja_arg (args, i, node->list[i]->name, &value))
        value = node->named[i] != NULL ? jinja_eval (self, node->named[i]) : jinja_undefined (node->list[i]->name);
      jinja_set (self, node->list[i]->name, value);
    }
  if (jinja_enter (self))
    text = render_apart (self, node->b);
  jinja_leave (self);
  self->frame = before;
  return text;
}

static void
render_body (Jinja *self, const JinjaNode *node)
{
  for (guint i = 0; i < node->n && self->error == NULL && self->flow == JINJA_GO_ON; i++)
    render_node (self, node->list[i]);
}

static void
render_statement (Jinja *self, const JinjaNode *node)
{
  JinjaValue text;

  switch (node->kind)
    {
    case JINJA_NODE_BODY:
      render_body (self, node);
      break;
    case JINJA_NODE_TEXT:
      g_string_append_len (self->out, node->value.u.s, node->value.length);
      break;
    case JINJA_NODE_OUTPUT:
      write_text (self, jinja_eval (self, node->a));
      break;
    case JINJA_NODE_IF:
      if (jinja_true (jinja_eval (self, node->a)))
        render_node (self, node->b);
      else if (node->c != NULL)
        render_node (self, node->c);
      break;
    case JINJA_NODE_FOR:
      render_for (self, node);
      break;
    case JINJA_NODE_SET:
      jinja_assign (self, node->a, jinja_eval (self, node->b));
      break;
    case JINJA_NODE_SET_BLOCK:
      text = render_in_scope (self, node->b);
      jinja_assign (self, node->a, node->c != NULL ? eval_around (self, node->c, text) : text);
      break;
    case JINJA_NODE_FILTER_BLOCK:
      write_text (self, eval_around (self, node->c, render_in_scope (self, node->b)));
      break;
    case JINJA_NODE_MACRO:
      render_macro (self, node);
      break;
    case JINJA_NODE_SCOPE:
      write_text (self, render_in_scope (self, node->b));
      break;
    case JINJA_NODE_BREAK:
      self->flow = JINJA_BREAK;
      break;
    case JINJA_NODE_CONTINUE:
      self->flow = JINJA_CONTINUE;
      break;
    default:
      g_return_if_reached ();
    }
}

static void
render_node (Jinja *self, const JinjaNode *node)
{
  if (jinja_enter (self))
    {
      self->line = node->line;
      render_statement (self, node);
    }
  jinja_leave (self);
}

char *
jinja_render (const JinjaTemplate *template, JsonObject *variables, GError **error)
{
  Jinja self = { .template = template, .out = g_string_new (NULL), .inner = jinja_none (), .line = 1 };
  g_autoptr(JsonNode) node = json_node_init_object (json_node_alloc (), variables);
  char *text;

  self.globals = jinja_from_json (&self, node).u.dict;
  self.frame = jinja_frame_new (&self, NULL);
  if (self.error == NULL)
    render_node (&self, template->body);
  jinja_step (&self);
  jinja_arena_clear (&self.arena);
  text = g_string_free_and_steal (self.out);
  if (self.error == NULL)
    return text;
  g_propagate_error (error, self.error);
  g_free (text);
  return NULL;
}
