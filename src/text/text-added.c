/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text-added.h"

#include <string.h>

#include "text-unicode.h"

typedef struct {
  guint8  byte;
  guint32 child, sibling;      /* 0: none */
  gint32  token;               /* -1: none ends here */
} Node;

struct _TextAdded {
  GArray     *tokens;          /* TextAddedToken */
  GHashTable *by_content;      /* to index + 1 */
  GHashTable *by_id;
  GArray     *tries[2];        /* Node; [normalized]; node 0 is the root */
  gboolean    begins[2][256];  /* does any token begin so? */
};

static void
token_clear (gpointer data)
{
  g_free (((TextAddedToken *) data)->content);
}

TextAdded *
text_added_new (void)
{
  TextAdded *self = g_new0 (TextAdded, 1);

  self->tokens = g_array_new (FALSE, FALSE, sizeof (TextAddedToken));
  g_array_set_clear_func (self->tokens, token_clear);
  self->by_content = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->by_id = g_hash_table_new (NULL, NULL);
  for (guint i = 0; i < 2; i++)
    self->tries[i] = g_array_new (FALSE, TRUE, sizeof (Node));
  return self;
}

void
text_added_free (TextAdded *self)
{
  if (self == NULL)
    return;

  g_array_unref (self->tokens);
  g_hash_table_unref (self->by_content);
  g_hash_table_unref (self->by_id);
  for (guint i = 0; i < 2; i++)
    g_array_unref (self->tries[i]);
  g_free (self);
}

void
text_added_add (TextAdded *self, const TextAddedToken *token)
{
  TextAddedToken copy = *token;
  guint known = GPOINTER_TO_UINT (g_hash_table_lookup (self->by_content, token->content));

  copy.content = g_strdup (token->content);
  copy.length = strlen (copy.content);
  if (known > 0)
    {
      TextAddedToken *old = &g_array_index (self->tokens, TextAddedToken, known - 1);

      g_hash_table_remove (self->by_id, GUINT_TO_POINTER (old->id));
      token_clear (old);
      *old = copy;
    }
  else
    {
      g_array_append_val (self->tokens, copy);
      known = self->tokens->len;
      g_hash_table_insert (self->by_content, g_strdup (copy.content), GUINT_TO_POINTER (known));
    }
  g_hash_table_insert (self->by_id, GUINT_TO_POINTER (copy.id), GUINT_TO_POINTER (known));
}

guint
text_added_get_n (TextAdded *self)
{
  return self->tokens->len;
}

const TextAddedToken *
text_added_get (TextAdded *self, guint i)
{
  return &g_array_index (self->tokens, TextAddedToken, i);
}

const TextAddedToken *
text_added_find (TextAdded *self, const char *content)
{
  guint known = GPOINTER_TO_UINT (g_hash_table_lookup (self->by_content, content));

  return known > 0 ? text_added_get (self, known - 1) : NULL;
}

const TextAddedToken *
text_added_by_id (TextAdded *self, guint32 id)
{
  guint known = GPOINTER_TO_UINT (g_hash_table_lookup (self->by_id, GUINT_TO_POINTER (id)));

  return known > 0 ? text_added_get (self, known - 1) : NULL;
}

/* The child of node for byte, made if wanted; 0: none. */
static guint32
trie_step (GArray *trie, guint32 node, guint8 byte, gboolean make)
{
  Node added = { byte, 0, 0, -1 };
  guint32 child = g_array_index (trie, Node, node).child;

  while (child != 0 && g_array_index (trie, Node, child).byte != byte)
    child = g_array_index (trie, Node, child).sibling;
  if (child == 0 && make)
    {
      child = trie->len;
      added.sibling = g_array_index (trie, Node, node).child;
      g_array_append_val (trie, added);
      g_array_index (trie, Node, node).child = child;
    }
  return child;
}

void
text_added_seal (TextAdded *self, gboolean (*normalise) (GString *out, const char *text, gsize length))
{
  g_autoptr(GString) content = g_string_new (NULL);
  Node root = { 0, 0, 0, -1 };

  for (guint i = 0; i < 2; i++)
    {
      g_array_set_size (self->tries[i], 0);
      g_array_append_val (self->tries[i], root);
    }
  for (guint i = 0; i < self->tokens->len; i++)
    {
      const TextAddedToken *token = text_added_get (self, i);
      GArray *trie = self->tries[token->normalized != FALSE];
      guint32 node = 0;

      if (token->length == 0)
        continue;
      g_string_truncate (content, 0);
      if (!token->normalized || normalise == NULL)
        g_string_append_len (content, token->content, token->length);
      else
        normalise (content, token->content, token->length);
      self->begins[token->normalized != FALSE][(guchar) content->str[0]] = TRUE;
      for (gsize j = 0; j < content->len; j++)
        node = trie_step (trie, node, content->str[j], TRUE);
      g_array_index (trie, Node, node).token = i;
    }
}

/* The longest token at p, or NULL. */
static const TextAddedToken *
longest_at (TextAdded *self, gboolean normalized, const char *p, const char *end, gsize *length)
{
  GArray *trie = self->tries[normalized];
  gint32 found = -1;
  guint32 node = 0;

  for (const char *q = p; q < end && (node = trie_step (trie, node, *q, FALSE)) != 0; q++)
    if (g_array_index (trie, Node, node).token >= 0)
      {
        found = g_array_index (trie, Node, node).token;
        *length = q + 1 - p;
      }
  return found >= 0 ? text_added_get (self, found) : NULL;
}

static gboolean
stands_alone (const char *text, const char *p, const char *q, const char *end)
{
  if (p > text && text_is_word (g_utf8_get_char (g_utf8_prev_char (p))))
    return FALSE;
  return q == end || !text_is_word (g_utf8_get_char (q));
}

const TextAddedToken *
text_added_search (TextAdded *self, gboolean normalized, const char *text, gsize length, gsize *first, gsize *end)
{
  const char *limit = text + *first, *last = text + length;
  const gboolean *begins = self->begins[normalized != FALSE];

  for (const char *p = limit; p < last; p++)
    {
      const TextAddedToken *token;
      const char *q;
      gsize matched;

      if (!begins[(guchar) *p])
        continue;
      token = longest_at (self, normalized != FALSE, p, last, &matched);
      if (token == NULL)
        continue;
      q = p + matched;
      if (token->single_word && !stands_alone (text, p, q, last))
        {
          p = q - 1;
          continue;
        }
      while (token->lstrip && p > limit && text_is_space (g_utf8_get_char (g_utf8_prev_char (p))))
        p = g_utf8_prev_char (p);
      while (token->rstrip && q < last && text_is_space (g_utf8_get_char (q)))
        q = g_utf8_next_char (q);
      *first = p - text;
      *end = q - text;
      return token;
    }
  return NULL;
}
