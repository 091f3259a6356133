/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jinja.h"

#include <string.h>

#define BLOCK_SIZE 16384

static JinjaNode *parse_body (JinjaParser *self, const char *const *ends);

gpointer
jinja_alloc (JinjaArena *self, gsize size)
{
  gpointer memory;

  size = (size + 15) & ~(gsize) 15;
  if (self->blocks == NULL)
    self->blocks = g_ptr_array_new_with_free_func (g_free);
  self->used += size;
  if (size > BLOCK_SIZE / 4)
    {
      memory = g_malloc0 (size);
      g_ptr_array_add (self->blocks, memory);
      return memory;
    }
  if (size > self->left)
    {
      self->at = g_malloc0 (BLOCK_SIZE);
      self->left = BLOCK_SIZE;
      g_ptr_array_add (self->blocks, self->at);
    }
  memory = self->at;
  self->at += size;
  self->left -= size;
  return memory;
}

void
jinja_arena_clear (JinjaArena *self)
{
  g_clear_pointer (&self->blocks, g_ptr_array_unref);
  self->at = NULL;
  self->left = self->used = 0;
}

static void
fail_at (JinjaParser *self, guint line, const char *what)
{
  static const JinjaToken end = { JINJA_TOKEN_END, 0, { JINJA_NONE, 0, { 0 } } };

  jinja_source_error (self->template, line, &self->error, "%s", what);
  self->token = &end;
}

void
jinja_parser_fail (JinjaParser *self, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list arguments;

  if (self->error != NULL)
    return;
  va_start (arguments, format);
  what = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  fail_at (self, self->token->line, what);
}

JinjaNode *
jinja_node (JinjaParser *self, JinjaKind kind)
{
  JinjaNode *node = jinja_alloc (&self->template->arena, sizeof (JinjaNode));

  node->kind = kind;
  node->line = self->token->line;
  return node;
}

JinjaNode **
jinja_nodes (JinjaParser *self, GPtrArray *nodes)
{
  JinjaNode **copy = jinja_alloc (&self->template->arena, MAX (1, nodes->len) * sizeof (JinjaNode *));

  for (guint i = 0; i < nodes->len; i++)
    copy[i] = g_ptr_array_index (nodes, i);
  return copy;
}

/* text may be NULL: any. */
gboolean
jinja_at (JinjaParser *self, JinjaTokenType type, const char *text)
{
  return self->error == NULL && self->token->type == type && (text == NULL || jinja_is (self->token->value, text));
}

gboolean
jinja_take (JinjaParser *self, JinjaTokenType type, const char *text)
{
  if (!jinja_at (self, type, text))
    return FALSE;
  self->token++;
  return TRUE;
}

void
jinja_expect (JinjaParser *self, JinjaTokenType type, const char *text)
{
  if (jinja_take (self, type, text))
    return;
  if (type == JINJA_TOKEN_BLOCK_END)
    jinja_parser_fail (self, "“%%}” was expected");
  else if (type == JINJA_TOKEN_OUTPUT_END)
    jinja_parser_fail (self, "“}}” was expected");
  else
    jinja_parser_fail (self, "“%s” was expected", text);
}

const char *
jinja_take_name (JinjaParser *self)
{
  const char *name = self->token->value.u.s;

  if (jinja_take (self, JINJA_TOKEN_NAME, NULL))
    return name;
  jinja_parser_fail (self, "a name was expected");
  return "";
}

/* Behind the name of a tag that opens: the rest of it, the body and the tag that closes. */
static JinjaNode *
parse_block (JinjaParser *self, const char *end)
{
  const char *const ends[] = { end, NULL };
  JinjaNode *body;

  jinja_expect (self, JINJA_TOKEN_BLOCK_END, NULL);
  body = parse_body (self, ends);
  jinja_expect (self, JINJA_TOKEN_NAME, end);
  return body;
}

/* Behind “if” or “elif”. */
static JinjaNode *
parse_if (JinjaParser *self)
{
  static const char *const ends[] = { "elif", "else", "endif", NULL };
  JinjaNode *node = jinja_node (self, JINJA_NODE_IF), *last = node;

  self->branches++;
  while (self->error == NULL)
    {
      last->a = jinja_parse_tuple (self, FALSE);
      jinja_expect (self, JINJA_TOKEN_BLOCK_END, NULL);
      last->b = parse_body (self, ends);
      if (!jinja_take (self, JINJA_TOKEN_NAME, "elif"))
        break;
      last->c = jinja_node (self, JINJA_NODE_IF);
      last = last->c;
    }
  if (jinja_take (self, JINJA_TOKEN_NAME, "else"))
    last->c = parse_block (self, "endif");
  else
    jinja_expect (self, JINJA_TOKEN_NAME, "endif");
  self->branches--;
  return node;
}

static JinjaNode *
parse_one_target (JinjaParser *self, gboolean attribute)
{
  static const char *const constants[] = { "true", "True", "false", "False", "none", "None", NULL };
  JinjaNode *node = jinja_node (self, JINJA_NODE_NAME), *of = node;

  node->name = jinja_take_name (self);
  if (g_strv_contains (constants, node->name))
    jinja_parser_fail (self, "“%s” cannot be assigned to", node->name);
  if (!attribute || !jinja_take (self, JINJA_TOKEN_OPERATOR, "."))
    return node;
  node = jinja_node (self, JINJA_NODE_ATTRIBUTE);
  node->a = of;
  node->name = jinja_take_name (self);
  return node;
}

/* name, name.attribute, or names with commas. */
static JinjaNode *
parse_target (JinjaParser *self, gboolean attribute)
{
  g_autoptr(GPtrArray) items = g_ptr_array_new ();
  gboolean brackets = jinja_take (self, JINJA_TOKEN_OPERATOR, "(");
  JinjaNode *node = parse_one_target (self, attribute && !brackets);

  if (!brackets && !jinja_at (self, JINJA_TOKEN_OPERATOR, ","))
    return node;
  g_ptr_array_add (items, node);
  while (self->error == NULL && jinja_take (self, JINJA_TOKEN_OPERATOR, ","))
    if (self->token->type == JINJA_TOKEN_NAME && !jinja_at (self, JINJA_TOKEN_NAME, "in"))
      g_ptr_array_add (items, parse_one_target (self, FALSE));
  if (brackets)
    jinja_expect (self, JINJA_TOKEN_OPERATOR, ")");
  node = jinja_node (self, JINJA_NODE_TUPLE);
  node->n = items->len;
  node->list = jinja_nodes (self, items);
  return node;
}

static JinjaNode *
parse_for (JinjaParser *self)
{
  static const char *const ends[] = { "else", "endfor", NULL };
  JinjaNode *node = jinja_node (self, JINJA_NODE_FOR);

  node->a = parse_target (self, FALSE);
  jinja_expect (self, JINJA_TOKEN_NAME, "in");
  node->b = jinja_parse_tuple (self, FALSE);
  if (jinja_take (self, JINJA_TOKEN_NAME, "if"))
    node->e = jinja_parse_expression (self);
  if (jinja_at (self, JINJA_TOKEN_NAME, "recursive"))
    jinja_parser_fail (self, "a recursive loop is not supported");
  jinja_expect (self, JINJA_TOKEN_BLOCK_END, NULL);
  self->loops++;
  node->c = parse_body (self, ends);
  self->loops--;
  if (jinja_take (self, JINJA_TOKEN_NAME, "else"))
    node->d = parse_block (self, "endfor");
  else
    jinja_expect (self, JINJA_TOKEN_NAME, "endfor");
  return node;
}

static JinjaNode *
parse_set (JinjaParser *self)
{
  JinjaNode *node = jinja_node (self, JINJA_NODE_SET);

  node->a = parse_target (self, TRUE);
  if (jinja_take (self, JINJA_TOKEN_OPERATOR, "="))
    {
      node->b = jinja_parse_tuple (self, TRUE);
      return node;
    }
  node->kind = JINJA_NODE_SET_BLOCK;
  if (jinja_take (self, JINJA_TOKEN_OPERATOR, "|"))
    node->c = jinja_parse_filters (self, jinja_node (self, JINJA_NODE_INNER));
  node->b = parse_block (self, "endset");
  return node;
}

static JinjaNode *
parse_filter_block (JinjaParser *self)
{
  JinjaNode *node = jinja_node (self, JINJA_NODE_FILTER_BLOCK);

  node->c = jinja_parse_filters (self, jinja_node (self, JINJA_NODE_INNER));
  node->b = parse_block (self, "endfilter");
  return node;
}

static JinjaNode *
parse_macro (JinjaParser *self)
{
  g_autoptr(GPtrArray) parameters = g_ptr_array_new ();
  g_autoptr(GPtrArray) defaults = g_ptr_array_new ();
  JinjaNode *node = jinja_node (self, JINJA_NODE_MACRO);
  guint loops = self->loops;

  node->name = jinja_take_name (self);
  jinja_expect (self, JINJA_TOKEN_OPERATOR, "(");
  while (self->error == NULL && !jinja_take (self, JINJA_TOKEN_OPERATOR, ")"))
    {
      JinjaNode *parameter;

      if (parameters->len > 0)
        {
          jinja_expect (self, JINJA_TOKEN_OPERATOR, ",");
          if (jinja_take (self, JINJA_TOKEN_OPERATOR, ")"))
            break;
        }
      parameter = jinja_node (self, JINJA_NODE_NAME);
      parameter->name = jinja_take_name (self);
      g_ptr_array_add (parameters, parameter);
      g_ptr_array_add (defaults, jinja_take (self, JINJA_TOKEN_OPERATOR, "=") ? jinja_parse_expression (self) : NULL);
    }
  node->n = parameters->len;
  node->list = jinja_nodes (self, parameters);
  node->n_named = defaults->len;
  node->named = jinja_nodes (self, defaults);
  self->loops = 0;
  node->b = parse_block (self, "endmacro");
  self->loops = loops;
  /* endmacro may repeat the name. */
  jinja_take (self, JINJA_TOKEN_NAME, node->name);
  return node;
}

static JinjaNode *
parse_scope (JinjaParser *self, const char *end)
{
  JinjaNode *node = jinja_node (self, JINJA_NODE_SCOPE);
  guint loops = self->loops;

  self->loops = 0;
  node->b = parse_block (self, end);
  self->loops = loops;
  return node;
}

static JinjaNode *
parse_jump (JinjaParser *self, JinjaKind kind)
{
  if (self->loops == 0)
    jinja_parser_fail (self, "“%s” stands outside of a loop", kind == JINJA_NODE_BREAK ? "break" : "continue");
  return jinja_node (self, kind);
}

/* Behind “{%”, up to “%}”. */
static JinjaNode *
parse_statement (JinjaParser *self)
{
  const char *name = self->token->value.u.s;

  if (!jinja_take (self, JINJA_TOKEN_NAME, NULL))
    jinja_parser_fail (self, "a tag without a name");
  else if (g_str_equal (name, "if"))
    return parse_if (self);
  else if (g_str_equal (name, "for"))
    return parse_for (self);
  else if (g_str_equal (name, "set"))
    return parse_set (self);
  else if (g_str_equal (name, "macro"))
    return parse_macro (self);
  else if (g_str_equal (name, "filter"))
    return parse_filter_block (self);
  else if (g_str_equal (name, "generation"))
    return parse_scope (self, "endgeneration");
  else if (g_str_equal (name, "break"))
    return parse_jump (self, JINJA_NODE_BREAK);
  else if (g_str_equal (name, "continue"))
    return parse_jump (self, JINJA_NODE_CONTINUE);
  else
    {
      self->token--;
      jinja_parser_fail (self,
                         g_str_has_prefix (name, "end") || g_str_equal (name, "else") || g_str_equal (name, "elif")
                             ? "“%s” closes nothing"
                             : "the tag “%s” is not supported",
                         name);
    }
  return jinja_node (self, JINJA_NODE_BODY);
}

static gboolean
at_end (JinjaParser *self, const char *const *ends)
{
  for (guint i = 0; ends != NULL && ends[i] != NULL; i++)
    if (self->token[0].type == JINJA_TOKEN_BLOCK && self->token[1].type == JINJA_TOKEN_NAME &&
        jinja_is (self->token[1].value, ends[i]))
      return TRUE;
  return FALSE;
}

/* Text, output and statements, up to behind the “{%” of a tag of one of these names, or the end if NULL. */
static JinjaNode *
parse_body (JinjaParser *self, const char *const *ends)
{
  g_autoptr(GPtrArray) nodes = g_ptr_array_new ();
  JinjaNode *body = jinja_node (self, JINJA_NODE_BODY);

  if (++self->depth > JINJA_MAX_DEPTH)
    jinja_parser_fail (self, "blocks are nested too deeply");
  while (self->error == NULL && !at_end (self, ends))
    {
      JinjaNode *node;

      if (jinja_at (self, JINJA_TOKEN_TEXT, NULL))
        {
          node = jinja_node (self, JINJA_NODE_TEXT);
          node->value = (self->token++)->value;
        }
      else if (jinja_take (self, JINJA_TOKEN_OUTPUT, NULL))
        {
          node = jinja_node (self, JINJA_NODE_OUTPUT);
          node->a = jinja_parse_tuple (self, TRUE);
          jinja_expect (self, JINJA_TOKEN_OUTPUT_END, NULL);
        }
      else if (jinja_take (self, JINJA_TOKEN_BLOCK, NULL))
        {
          node = parse_statement (self);
          jinja_expect (self, JINJA_TOKEN_BLOCK_END, NULL);
        }
      else
        {
          if (ends != NULL)
            jinja_parser_fail (self, "the template ends before “%s”", ends[0]);
          break;
        }
      g_ptr_array_add (nodes, node);
      if (self->unknown != NULL && self->error == NULL)
        fail_at (self, self->unknown_line, self->unknown);
    }
  if (ends != NULL)
    jinja_take (self, JINJA_TOKEN_BLOCK, NULL);
  self->depth--;
  body->n = nodes->len;
  body->list = jinja_nodes (self, nodes);
  return body;
}

JinjaTemplate *
jinja_template_new (const char *source, const char *name, GError **error)
{
  g_autoptr(JinjaTemplate) self = g_new0 (JinjaTemplate, 1);
  g_autoptr(GArray) tokens = NULL;
  JinjaParser parser = { .template = self };

  self->name = g_strdup (name);
  self->names = g_string_chunk_new (1024);
  self->loop = g_string_chunk_insert_const (self->names, "loop");
  if (strlen (source) > JINJA_MAX_SOURCE)
    {
      jinja_source_error (self, 1, error, "a template of more than %u bytes", JINJA_MAX_SOURCE);
      return NULL;
    }
  if (!g_utf8_validate (source, -1, NULL))
    {
      jinja_source_error (self, 1, error, "the template is not UTF-8");
      return NULL;
    }
  tokens = jinja_lex (self, source, error);
  if (tokens == NULL)
    return NULL;
  parser.token = (const JinjaToken *) (gpointer) tokens->data;
  self->body = parse_body (&parser, NULL);
  g_free (parser.unknown);
  if (parser.error != NULL)
    {
      g_propagate_error (error, parser.error);
      return NULL;
    }
  return g_steal_pointer (&self);
}

void
jinja_template_free (JinjaTemplate *self)
{
  if (self == NULL)
    return;

  g_free (self->name);
  jinja_arena_clear (&self->arena);
  g_string_chunk_free (self->names);
  g_free (self);
}
