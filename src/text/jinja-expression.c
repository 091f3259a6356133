/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expressions, from the loosest to the tightest: a if b else c; or; and; not; comparisons; + -; ~; * / // %; **; signs;
 * then .name [index] (call) | filter, is test. */
#include "jinja.h"

#include <string.h>

static JinjaNode *parse_unary (JinjaParser *self, gboolean filters);
static JinjaNode *parse_primary (JinjaParser *self);
static JinjaNode *parse_postfix (JinjaParser *self, JinjaNode *node);

/* FALSE: nested too deeply.  Every way around passes through here. */
static gboolean
enter (JinjaParser *self)
{
  if (++self->depth <= JINJA_MAX_DEPTH)
    return self->error == NULL;
  jinja_parser_fail (self, "expressions are nested too deeply");
  return FALSE;
}

static JinjaNode *
node_with (JinjaParser *self, JinjaKind kind, JinjaNode *a, JinjaNode *b)
{
  JinjaNode *node = jinja_node (self, kind);

  node->a = a;
  node->b = b;
  return node;
}

static JinjaNode *
node_const (JinjaParser *self, JinjaValue value)
{
  JinjaNode *node = jinja_node (self, JINJA_NODE_CONST);

  node->value = value;
  return node;
}

/* Behind “(”: expressions and name=expression, up to “)”. */
static void
parse_arguments (JinjaParser *self, JinjaNode *node)
{
  g_autoptr(GPtrArray) values = g_ptr_array_new ();
  g_autoptr(GPtrArray) named = g_ptr_array_new ();
  g_autoptr(GPtrArray) names = g_ptr_array_new ();

  while (self->error == NULL && !jinja_take (self, JINJA_TOKEN_OPERATOR, ")"))
    {
      if (values->len + named->len > 0)
        {
          jinja_expect (self, JINJA_TOKEN_OPERATOR, ",");
          if (jinja_take (self, JINJA_TOKEN_OPERATOR, ")"))
            break;
        }
      if (self->token->type == JINJA_TOKEN_NAME && self->token[1].type == JINJA_TOKEN_OPERATOR &&
          jinja_is (self->token[1].value, "="))
        {
          g_ptr_array_add (names, (gpointer) jinja_take_name (self));
          jinja_take (self, JINJA_TOKEN_OPERATOR, "=");
          g_ptr_array_add (named, jinja_parse_expression (self));
        }
      else if (jinja_at (self, JINJA_TOKEN_OPERATOR, "*") || jinja_at (self, JINJA_TOKEN_OPERATOR, "**"))
        jinja_parser_fail (self, "“*” in a call is not supported");
      else if (named->len > 0)
        jinja_parser_fail (self, "a plain argument stands behind one with a name");
      else
        g_ptr_array_add (values, jinja_parse_expression (self));
    }
  node->n = values->len;
  node->list = jinja_nodes (self, values);
  node->n_named = named->len;
  node->named = jinja_nodes (self, named);
  node->names = (const char **) jinja_nodes (self, names);
}

static const char *
parse_dotted_name (JinjaParser *self)
{
  const char *name = jinja_take_name (self);

  if (jinja_at (self, JINJA_TOKEN_OPERATOR, "."))
    jinja_parser_fail (self, "there is no “%s.…” here", name);
  return name;
}

/* An unknown filter or test is refused, unless it turns out to stand in a branch. */
static void
note_unknown (JinjaParser *self, const char *what, const char *name)
{
  if (self->branches > 0 || self->unknown != NULL || self->error != NULL)
    return;
  self->unknown = g_strdup_printf ("there is no %s “%s”", what, name);
  self->unknown_line = self->token->line;
}

static JinjaNode *
parse_filter (JinjaParser *self, JinjaNode *of)
{
  JinjaNode *node = node_with (self, JINJA_NODE_FILTER, of, NULL);

  node->name = parse_dotted_name (self);
  node->filter = jinja_find_filter (node->name);
  if (node->filter == NULL)
    note_unknown (self, "filter", node->name);
  if (jinja_take (self, JINJA_TOKEN_OPERATOR, "("))
    parse_arguments (self, node);
  return node;
}

JinjaNode *
jinja_parse_filters (JinjaParser *self, JinjaNode *of)
{
  do
    of = parse_filter (self, of);
  while (self->error == NULL && jinja_take (self, JINJA_TOKEN_OPERATOR, "|"));
  return of;
}

/* May what stands here be the argument of a test without brackets? */
static gboolean
at_test_argument (JinjaParser *self)
{
  switch (self->token->type)
    {
    case JINJA_TOKEN_NAME:
      return !jinja_at (self, JINJA_TOKEN_NAME, "else") && !jinja_at (self, JINJA_TOKEN_NAME, "or") &&
             !jinja_at (self, JINJA_TOKEN_NAME, "and") && !jinja_at (self, JINJA_TOKEN_NAME, "if") &&
             !jinja_at (self, JINJA_TOKEN_NAME, "is") && !jinja_at (self, JINJA_TOKEN_NAME, "in") &&
             !jinja_at (self, JINJA_TOKEN_NAME, "not");
    case JINJA_TOKEN_STRING:
    case JINJA_TOKEN_INT:
    case JINJA_TOKEN_FLOAT:
      return TRUE;
    case JINJA_TOKEN_OPERATOR:
      return jinja_at (self, JINJA_TOKEN_OPERATOR, "[") || jinja_at (self, JINJA_TOKEN_OPERATOR, "{");
    default:
      return FALSE;
    }
}

/* Behind “is”. */
static JinjaNode *
parse_test (JinjaParser *self, JinjaNode *of)
{
  gboolean negated = jinja_take (self, JINJA_TOKEN_NAME, "not");
  JinjaNode *node = node_with (self, JINJA_NODE_TEST, of, NULL);

  node->name = parse_dotted_name (self);
  node->test = jinja_find_test (node->name);
  if (node->test == NULL)
    note_unknown (self, "test", node->name);
  if (jinja_take (self, JINJA_TOKEN_OPERATOR, "("))
    parse_arguments (self, node);
  else if (at_test_argument (self))
    {
      node->list = jinja_alloc (&self->template->arena, sizeof (JinjaNode *));
      node->n = 1;
      node->list[0] = parse_postfix (self, parse_primary (self));
    }
  return negated ? node_with (self, JINJA_NODE_NOT, node, NULL) : node;
}

/* Behind “[”: an index, a slice, or a tuple of them. */
static JinjaNode *
parse_subscript (JinjaParser *self, JinjaNode *of)
{
  JinjaNode *node = node_with (self, JINJA_NODE_INDEX, of, NULL);
  JinjaNode **parts[] = { &node->b, &node->c, &node->d };
  guint part = 0;

  while (self->error == NULL && !jinja_take (self, JINJA_TOKEN_OPERATOR, "]"))
    {
      if (jinja_take (self, JINJA_TOKEN_OPERATOR, ":"))
        {
          node->kind = JINJA_NODE_SLICE;
          if (++part > 2)
            jinja_parser_fail (self, "a slice has at most three parts");
        }
      else if (*parts[part] == NULL)
        *parts[part] = jinja_parse_tuple (self, TRUE);
      else
        jinja_parser_fail (self, "“]” was expected");
    }
  if (node->kind == JINJA_NODE_INDEX && node->b == NULL)
    jinja_parser_fail (self, "an index was expected");
  return node;
}

static JinjaNode *
parse_call (JinjaParser *self, JinjaNode *callee)
{
  JinjaNode *node = node_with (self, JINJA_NODE_CALL, callee, NULL);

  parse_arguments (self, node);
  return node;
}

static JinjaNode *
parse_postfix (JinjaParser *self, JinjaNode *node)
{
  guint links = 0;

  while (self->error == NULL)
    {
      if (++links > 4 * JINJA_MAX_DEPTH)
        jinja_parser_fail (self, "an expression is too long");
      else if (jinja_take (self, JINJA_TOKEN_OPERATOR, "."))
        {
          if (self->token->type == JINJA_TOKEN_INT)
            node = node_with (self, JINJA_NODE_INDEX, node, node_const (self, (self->token++)->value));
          else
            {
              node = node_with (self, JINJA_NODE_ATTRIBUTE, node, NULL);
              node->name = jinja_take_name (self);
            }
        }
      else if (jinja_take (self, JINJA_TOKEN_OPERATOR, "["))
        node = parse_subscript (self, node);
      else if (jinja_take (self, JINJA_TOKEN_OPERATOR, "("))
        node = parse_call (self, node);
      else
        break;
    }
  return node;
}

static JinjaNode *
parse_filters_and_tests (JinjaParser *self, JinjaNode *node)
{
  guint links = 0;

  while (self->error == NULL)
    {
      if (++links > 4 * JINJA_MAX_DEPTH)
        jinja_parser_fail (self, "an expression is too long");
      else if (jinja_take (self, JINJA_TOKEN_OPERATOR, "|"))
        node = parse_filter (self, node);
      else if (jinja_take (self, JINJA_TOKEN_NAME, "is"))
        node = parse_test (self, node);
      else if (jinja_take (self, JINJA_TOKEN_OPERATOR, "("))
        node = parse_call (self, node);
      else
        break;
    }
  return node;
}

static JinjaNode *
parse_list (JinjaParser *self)
{
  g_autoptr(GPtrArray) items = g_ptr_array_new ();
  JinjaNode *node = jinja_node (self, JINJA_NODE_LIST);

  while (self->error == NULL && !jinja_take (self, JINJA_TOKEN_OPERATOR, "]"))
    {
      if (items->len > 0)
        {
          jinja_expect (self, JINJA_TOKEN_OPERATOR, ",");
          if (jinja_take (self, JINJA_TOKEN_OPERATOR, "]"))
            break;
        }
      g_ptr_array_add (items, jinja_parse_expression (self));
    }
  node->n = items->len;
  node->list = jinja_nodes (self, items);
  return node;
}

static JinjaNode *
parse_dict (JinjaParser *self)
{
  g_autoptr(GPtrArray) keys = g_ptr_array_new ();
  g_autoptr(GPtrArray) values = g_ptr_array_new ();
  JinjaNode *node = jinja_node (self, JINJA_NODE_DICT);

  while (self->error == NULL && !jinja_take (self, JINJA_TOKEN_OPERATOR, "}"))
    {
      if (keys->len > 0)
        {
          jinja_expect (self, JINJA_TOKEN_OPERATOR, ",");
          if (jinja_take (self, JINJA_TOKEN_OPERATOR, "}"))
            break;
        }
      g_ptr_array_add (keys, jinja_parse_expression (self));
      jinja_expect (self, JINJA_TOKEN_OPERATOR, ":");
      g_ptr_array_add (values, jinja_parse_expression (self));
    }
  node->n = keys->len;
  node->list = jinja_nodes (self, keys);
  node->n_named = values->len;
  node->named = jinja_nodes (self, values);
  return node;
}

static JinjaNode *
parse_name (JinjaParser *self)
{
  const char *name = jinja_take_name (self);
  JinjaNode *node;

  if (g_str_equal (name, "true") || g_str_equal (name, "True"))
    return node_const (self, jinja_bool (TRUE));
  if (g_str_equal (name, "false") || g_str_equal (name, "False"))
    return node_const (self, jinja_bool (FALSE));
  if (g_str_equal (name, "none") || g_str_equal (name, "None"))
    return node_const (self, jinja_none ());
  node = jinja_node (self, JINJA_NODE_NAME);
  node->name = name;
  return node;
}

/* Neighbouring strings are one. */
static JinjaNode *
parse_strings (JinjaParser *self)
{
  g_autoptr(GString) text = g_string_new (NULL);
  JinjaNode *node = jinja_node (self, JINJA_NODE_CONST);
  char *copy;

  node->value = self->token->value;
  if (self->token[1].type != JINJA_TOKEN_STRING)
    {
      self->token++;
      return node;
    }
  for (; self->token->type == JINJA_TOKEN_STRING; self->token++)
    g_string_append_len (text, self->token->value.u.s, self->token->value.length);
  copy = jinja_alloc (&self->template->arena, text->len + 1);
  memcpy (copy, text->str, text->len);
  node->value = (JinjaValue) { JINJA_STRING, text->len, { .s = copy } };
  return node;
}

static JinjaNode *
parse_primary (JinjaParser *self)
{
  JinjaNode *node = NULL;

  switch (self->token->type)
    {
    case JINJA_TOKEN_NAME:
      return parse_name (self);
    case JINJA_TOKEN_STRING:
      return parse_strings (self);
    case JINJA_TOKEN_INT:
    case JINJA_TOKEN_FLOAT:
      return node_const (self, (self->token++)->value);
    default:
      break;
    }

  if (jinja_take (self, JINJA_TOKEN_OPERATOR, "("))
    {
      if (jinja_take (self, JINJA_TOKEN_OPERATOR, ")"))
        return jinja_node (self, JINJA_NODE_TUPLE);
      node = jinja_parse_tuple (self, TRUE);
      jinja_expect (self, JINJA_TOKEN_OPERATOR, ")");
      return node;
    }
  if (jinja_take (self, JINJA_TOKEN_OPERATOR, "["))
    return parse_list (self);
  if (jinja_take (self, JINJA_TOKEN_OPERATOR, "{"))
    return parse_dict (self);
  jinja_parser_fail (self, "an expression was expected");
  return node_const (self, jinja_none ());
}

static JinjaNode *
parse_unary (JinjaParser *self, gboolean filters)
{
  JinjaNode *node;

  if (!enter (self))
    {
      self->depth--;
      return node_const (self, jinja_none ());
    }
  if (jinja_take (self, JINJA_TOKEN_OPERATOR, "-"))
    node = node_with (self, JINJA_NODE_NEGATIVE, parse_unary (self, FALSE), NULL);
  else if (jinja_take (self, JINJA_TOKEN_OPERATOR, "+"))
    node = node_with (self, JINJA_NODE_POSITIVE, parse_unary (self, FALSE), NULL);
  else
    node = parse_primary (self);
  node = parse_postfix (self, node);
  if (filters)
    node = parse_filters_and_tests (self, node);
  self->depth--;
  return node;
}

/* The operators between two values, by how tightly they bind. */
#define N_LEVELS 4
static const struct { const char *text; JinjaOp op; } levels[N_LEVELS][5] = {
  { { "+", JINJA_OP_ADD }, { "-", JINJA_OP_SUB } },
  { { "~", JINJA_OP_CONCAT } },
  { { "*", JINJA_OP_MUL }, { "/", JINJA_OP_DIV }, { "//", JINJA_OP_FLOOR }, { "%", JINJA_OP_MOD } },
  { { "**", JINJA_OP_POW } },
};

static gboolean
take_operator (JinjaParser *self, guint level, JinjaOp *op)
{
  for (guint i = 0; levels[level][i].text != NULL; i++)
    if (jinja_take (self, JINJA_TOKEN_OPERATOR, levels[level][i].text))
      {
        *op = levels[level][i].op;
        return TRUE;
      }
  return FALSE;
}

static JinjaNode *
parse_binary (JinjaParser *self, guint level)
{
  JinjaNode *node = level + 1 < N_LEVELS ? parse_binary (self, level + 1) : parse_unary (self, TRUE);
  guint links = 0;
  JinjaOp op;

  while (self->error == NULL && take_operator (self, level, &op))
    {
      if (++links > JINJA_MAX_DEPTH)
        jinja_parser_fail (self, "an expression is too long");
      node = node_with (self, JINJA_NODE_BINARY, node,
                        level + 1 < N_LEVELS ? parse_binary (self, level + 1) : parse_unary (self, TRUE));
      node->op = op;
    }
  return node;
}

static gboolean
take_comparison (JinjaParser *self, JinjaOp *op)
{
  static const struct { const char *text; JinjaOp op; } operators[] = {
    { "==", JINJA_OP_EQ }, { "!=", JINJA_OP_NE }, { "<", JINJA_OP_LT }, { "<=", JINJA_OP_LE }, { ">", JINJA_OP_GT },
    { ">=", JINJA_OP_GE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (operators); i++)
    if (jinja_take (self, JINJA_TOKEN_OPERATOR, operators[i].text))
      {
        *op = operators[i].op;
        return TRUE;
      }
  if (jinja_take (self, JINJA_TOKEN_NAME, "in"))
    {
      *op = JINJA_OP_IN;
      return TRUE;
    }
  if (jinja_at (self, JINJA_TOKEN_NAME, "not") && self->token[1].type == JINJA_TOKEN_NAME &&
      jinja_is (self->token[1].value, "in"))
    {
      self->token += 2;
      *op = JINJA_OP_NOT_IN;
      return TRUE;
    }
  return FALSE;
}

static JinjaNode *
parse_compare (JinjaParser *self)
{
  g_autoptr(GPtrArray) values = g_ptr_array_new ();
  g_autoptr(GArray) ops = g_array_new (FALSE, FALSE, sizeof (JinjaOp));
  JinjaNode *first = parse_binary (self, 0), *node;
  JinjaOp op;

  while (self->error == NULL && take_comparison (self, &op))
    {
      g_array_append_val (ops, op);
      g_ptr_array_add (values, parse_binary (self, 0));
    }
  if (values->len == 0)
    return first;
  node = node_with (self, JINJA_NODE_COMPARE, first, NULL);
  node->n = values->len;
  node->list = jinja_nodes (self, values);
  node->ops = jinja_alloc (&self->template->arena, ops->len * sizeof (JinjaOp));
  memcpy (node->ops, ops->data, ops->len * sizeof (JinjaOp));
  return node;
}

static JinjaNode *
parse_not (JinjaParser *self)
{
  JinjaNode *node;

  if (!jinja_take (self, JINJA_TOKEN_NAME, "not"))
    return parse_compare (self);
  if (!enter (self))
    node = node_const (self, jinja_none ());
  else
    node = node_with (self, JINJA_NODE_NOT, parse_not (self), NULL);
  self->depth--;
  return node;
}

static JinjaNode *
parse_and (JinjaParser *self)
{
  JinjaNode *node = parse_not (self);
  guint links = 0;

  while (self->error == NULL && jinja_take (self, JINJA_TOKEN_NAME, "and"))
    {
      if (++links > JINJA_MAX_DEPTH)
        jinja_parser_fail (self, "an expression is too long");
      node = node_with (self, JINJA_NODE_AND, node, parse_not (self));
    }
  return node;
}

static JinjaNode *
parse_or (JinjaParser *self)
{
  JinjaNode *node = parse_and (self);
  guint links = 0;

  while (self->error == NULL && jinja_take (self, JINJA_TOKEN_NAME, "or"))
    {
      if (++links > JINJA_MAX_DEPTH)
        jinja_parser_fail (self, "an expression is too long");
      node = node_with (self, JINJA_NODE_OR, node, parse_and (self));
    }
  return node;
}

static JinjaNode *
parse_condition (JinjaParser *self, gboolean conditions)
{
  gboolean known = self->unknown == NULL;
  JinjaNode *node = parse_or (self);
  guint links = 0;

  while (self->error == NULL && conditions && jinja_take (self, JINJA_TOKEN_NAME, "if"))
    {
      if (known)
        g_clear_pointer (&self->unknown, g_free);
      self->branches++;
      if (++links > JINJA_MAX_DEPTH)
        jinja_parser_fail (self, "an expression is too long");
      node = node_with (self, JINJA_NODE_CONDITION, node, parse_or (self));
      if (jinja_take (self, JINJA_TOKEN_NAME, "else"))
        node->c = enter (self) ? parse_condition (self, TRUE) : node_const (self, jinja_none ()), self->depth--;
      self->branches--;
    }
  return node;
}

JinjaNode *
jinja_parse_expression (JinjaParser *self)
{
  return parse_condition (self, TRUE);
}

JinjaNode *
jinja_parse_tuple (JinjaParser *self, gboolean conditions)
{
  g_autoptr(GPtrArray) items = g_ptr_array_new ();
  JinjaNode *node = parse_condition (self, conditions);

  if (!jinja_at (self, JINJA_TOKEN_OPERATOR, ","))
    return node;
  g_ptr_array_add (items, node);
  while (self->error == NULL && jinja_take (self, JINJA_TOKEN_OPERATOR, ","))
    {
      if (self->token->type == JINJA_TOKEN_BLOCK_END || self->token->type == JINJA_TOKEN_OUTPUT_END ||
          jinja_at (self, JINJA_TOKEN_OPERATOR, ")") || jinja_at (self, JINJA_TOKEN_OPERATOR, "]"))
        break;
      g_ptr_array_add (items, parse_condition (self, conditions));
    }
  node = jinja_node (self, JINJA_NODE_TUPLE);
  node->n = items->len;
  node->list = jinja_nodes (self, items);
  return node;
}
