/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads tokenizer.json, or vocab.json and merges.txt, for byte-level BPE.  Formats: huggingface.co/docs/tokenizers. */
#include "text-bpe.h"

#include <string.h>

#include "pent-error.h"
#include "text-split.h"
#include "text-unicode.h"

#define MAX_ADDED 100000
#define MAX_ADDED_LENGTH 1024      /* bytes of one added token */

typedef struct {
  TextBpe          *bpe;
  const TextSource *source;
  const char       *vocab_file, *merges_file;
  const char       *vocab_field, *merges_field;
  GString          *name, *bytes, *left, *right;
  guint             n_merges;
  guint32           last_made;     /* by a merge */
} Loader;

static gboolean
check_id (Loader *l, gint64 id, const char *file, const char *field, const char *token, GError **error)
{
  if (id >= 0 && id <= TEXT_MAX_ID)
    return TRUE;
  return text_field_fail (error, file, field, "gives “%s” the id %" G_GINT64_FORMAT ", which is not between 0 and %u",
                          token, id, TEXT_MAX_ID);
}

/* { "token": id, … } */
static gboolean
load_vocab (Loader *l, TextJson *j, GError **error)
{
  TextBpe *bpe = l->bpe;
  gboolean more;
  guint n = 0;

  if (!text_json_open (j, '{', error))
    return FALSE;
  while (text_json_next (j, '}', &n, &more, error))
    {
      gboolean plain;
      gint64 id;

      if (!more)
        return n > 0 ? TRUE : text_field_fail (error, l->vocab_file, l->vocab_field, "is empty");
      if (!text_json_key (j, l->name, error) || !text_json_integer (j, &id, error) ||
          !check_id (l, id, l->vocab_file, l->vocab_field, l->name->str, error))
        return FALSE;
      if (text_vocab_has (bpe->vocab, id))
        return text_field_fail (error, l->vocab_file, l->vocab_field, "gives the id %" G_GINT64_FORMAT
                                " twice, the second time to “%s”", id, l->name->str);

      g_string_truncate (l->bytes, 0);
      plain = text_bpe_spell (l->name->str, l->name->len, l->bytes);
      if (!text_vocab_add (bpe->vocab, id, plain ? l->bytes->str : l->name->str, plain ? l->bytes->len : l->name->len,
                           plain))
        return text_field_fail (error, l->vocab_file, l->vocab_field, "names “%s” twice", l->name->str);
      if (!plain)
        g_hash_table_insert (bpe->literal, g_strndup (l->name->str, l->name->len), GUINT_TO_POINTER ((guint32) id + 1));
    }
  return FALSE;
}

static gboolean
find_part (Loader *l, const char *part, gsize length, GString *bytes, guint32 *id, GError **error)
{
  g_string_truncate (bytes, 0);
  *id = text_bpe_spell (part, length, bytes) ? text_vocab_find (l->bpe->vocab, bytes->str, bytes->len) : TEXT_NO_ID;
  if (*id != TEXT_NO_ID)
    return TRUE;
  return text_field_fail (error, l->merges_file, l->merges_field, "names “%.*s”, which the vocabulary lacks (merge %u)",
                          (int) MIN (length, 200), part, l->n_merges + 1);
}

static gboolean
add_merge (Loader *l, const char *left, gsize left_length, const char *right, gsize right_length, GError **error)
{
  guint32 left_id, right_id, id;

  if (!find_part (l, left, left_length, l->left, &left_id, error) ||
      !find_part (l, right, right_length, l->right, &right_id, error))
    return FALSE;
  g_string_append_len (l->left, l->right->str, l->right->len);
  /* As a rule merges make tokens in the order of their ids: a look-up less. */
  id = l->last_made + 1;
  if (g_hash_table_size (l->bpe->literal) > 0 || !text_vocab_is (l->bpe->vocab, id, l->left->str, l->left->len))
    id = text_vocab_find (l->bpe->vocab, l->left->str, l->left->len);
  if (id == TEXT_NO_ID)
    return text_field_fail (error, l->merges_file, l->merges_field,
                            "joins “%.*s” and “%.*s” to a token that the vocabulary lacks (merge %u)",
                            (int) MIN (left_length, 200), left, (int) MIN (right_length, 200), right, l->n_merges + 1);
  l->last_made = id;
  text_merges_add (l->bpe->merges, left_id, right_id, (TextMerge) { l->n_merges++, id });
  return TRUE;
}

/* "left right" */
static gboolean
add_merge_line (Loader *l, const char *line, gsize length, GError **error)
{
  const char *space = memchr (line, ' ', length);

  if (space == NULL)
    return text_field_fail (error, l->merges_file, l->merges_field, "holds “%.*s”, which is not two tokens (merge %u)",
                            (int) MIN (length, 200), line, l->n_merges + 1);
  return add_merge (l, line, space - line, space + 1, line + length - space - 1, error);
}

/* ["left", "right"] */
static gboolean
add_merge_pair (Loader *l, TextJson *j, GError **error)
{
  GString *right = l->bytes;
  gboolean more;
  guint n = 0;

  g_string_truncate (l->name, 0);
  if (!text_json_open (j, '[', error))
    return FALSE;
  while (text_json_next (j, ']', &n, &more, error))
    {
      if (!more)
        return n == 2 ? add_merge (l, l->name->str, l->name->len, right->str, right->len, error)
                      : text_field_fail (error, l->merges_file, l->merges_field,
                                         "holds a merge of %u tokens (merge %u)", n, l->n_merges + 1);
      if (!text_json_string (j, n == 1 ? l->name : right, error))
        return FALSE;
    }
  return FALSE;
}

static gboolean
load_merges_json (Loader *l, TextJson *j, GError **error)
{
  gboolean more;
  guint n = 0;

  if (!text_json_open (j, '[', error))
    return FALSE;
  while (text_json_next (j, ']', &n, &more, error))
    {
      if (!more)
        return TRUE;
      if (text_json_peek (j) == '[')
        {
          if (!add_merge_pair (l, j, error))
            return FALSE;
        }
      else if (!text_json_string (j, l->name, error) || !add_merge_line (l, l->name->str, l->name->len, error))
        return FALSE;
    }
  return FALSE;
}

static gboolean
load_merges_text (Loader *l, GBytes *bytes, GError **error)
{
  gsize length;
  const char *p = g_bytes_get_data (bytes, &length), *end = p + length;

  if (length > 0 && !g_utf8_validate_len (p, length, NULL))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” is not UTF-8", l->merges_file);
      return FALSE;
    }
  while (p < end)
    {
      const char *newline = memchr (p, '\n', end - p), *stop = newline != NULL ? newline : end;
      gsize size = stop - p;

      if (size > 0 && p[size - 1] == '\r')
        size--;
      if (size > 0 && !(size >= 8 && memcmp (p, "#version", 8) == 0) && !add_merge_line (l, p, size, error))
        return FALSE;
      p = stop + 1;
    }
  return TRUE;
}

static gboolean
add_added (Loader *l, TextAddedToken *token, const char *file, const char *field, GError **error)
{
  TextBpe *bpe = l->bpe;
  const TextAddedToken *same = text_added_by_id (bpe->added, token->id);

  if (strlen (token->content) > MAX_ADDED_LENGTH)
    return text_field_fail (error, file, field, "holds a token of more than %u bytes", MAX_ADDED_LENGTH);
  if (text_added_get_n (bpe->added) >= MAX_ADDED)
    return text_field_fail (error, file, field, "holds more than %u tokens", MAX_ADDED);
  if (same != NULL && !g_str_equal (same->content, token->content))
    return text_field_fail (error, file, field, "gives “%s” the id %u, which is that of “%s”", token->content,
                            token->id, same->content);

  if (text_vocab_has (bpe->vocab, token->id))
    {
      g_string_truncate (l->bytes, 0);
      if (!text_bpe_spell (token->content, strlen (token->content), l->bytes))
        g_string_assign (l->bytes, token->content);
      if (!text_vocab_is (bpe->vocab, token->id, l->bytes->str, l->bytes->len))
        return text_field_fail (error, file, field, "gives “%s” the id %u, which is another token's in the vocabulary",
                                token->content, token->id);
    }
  text_added_add (bpe->added, token);
  return TRUE;
}

/* { "content": …, "special": …, … } with its id. */
static gboolean
load_added_object (Loader *l, JsonObject *object, gint64 id, const char *file, const char *field, GError **error)
{
  TextAddedToken token = {
    .content = (char *) text_object_string (object, "content", NULL),
    .special = text_object_flag (object, "special", FALSE),
    .lstrip = text_object_flag (object, "lstrip", FALSE),
    .rstrip = text_object_flag (object, "rstrip", FALSE),
    .single_word = text_object_flag (object, "single_word", FALSE),
  };

  token.normalized = text_object_flag (object, "normalized", !token.special);
  if (token.content == NULL)
    return text_field_fail (error, file, field, "holds a token without “content”");
  if (!check_id (l, id, file, field, token.content, error))
    return FALSE;
  token.id = id;
  return add_added (l, &token, file, field, error);
}

static gboolean
load_added_tokens (Loader *l, GError **error)
{
  JsonNode *node = json_object_get_member (l->source->root, "added_tokens");
  JsonArray *list;

  if (node == NULL || JSON_NODE_HOLDS_NULL (node))
    return TRUE;
  if (!JSON_NODE_HOLDS_ARRAY (node))
    return text_field_fail (error, l->source->json_file, "added_tokens", "is not a list");
  list = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonObject *object = text_array_object (list, i);
      gint64 id;

      if (object == NULL)
        return text_field_fail (error, l->source->json_file, "added_tokens", "holds something that is no object");
      if (!text_object_integer (object, "id", &id))
        return text_field_fail (error, l->source->json_file, "added_tokens",
                                "holds a token whose “id” is no whole number");
      if (!load_added_object (l, object, id, l->source->json_file, "added_tokens", error))
        return FALSE;
    }
  return TRUE;
}

/* tokenizer_config.json: { "added_tokens_decoder": { "id": { … }, … } } */
static gboolean
load_added_config (Loader *l, GError **error)
{
  const char *file = l->source->config_file, *field = "added_tokens_decoder", *name;
  JsonObject *object = l->source->config != NULL ? text_object_object (l->source->config, field) : NULL;
  JsonObjectIter iter;
  JsonNode *node;

  if (object == NULL)
    return TRUE;
  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &name, &node))
    {
      guint64 id;

      if (!g_ascii_string_to_unsigned (name, 10, 0, TEXT_MAX_ID, &id, NULL))
        return text_field_fail (error, file, field, "has the key “%s”, which is no id", name);
      if (!JSON_NODE_HOLDS_OBJECT (node))
        return text_field_fail (error, file, field, "holds something that is no object");
      if (!load_added_object (l, json_node_get_object (node), id, file, field, error))
        return FALSE;
    }
  return TRUE;
}

/* "bos_token" and so on of tokenizer_config.json, a name or an object with "content"; without tokenizer.json they are
 * all there is.  What the vocabulary lacks gets the next id. */
static gboolean
load_named_token (Loader *l, JsonNode *node, const char *field, GError **error)
{
  const char *file = l->source->config_file, *content = NULL;
  TextAddedToken token = { .special = TRUE };

  if (JSON_NODE_HOLDS_OBJECT (node))
    content = text_object_string (json_node_get_object (node), "content", NULL);
  else if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
    content = json_node_get_string (node);
  if (content == NULL || *content == '\0' || text_added_find (l->bpe->added, content) != NULL)
    return TRUE;

  token.content = (char *) content;
  if (!pent_tokenizer_find (PENT_TOKENIZER (l->bpe), content, &token.id))
    {
      token.id = text_vocab_size (l->bpe->vocab);
      for (guint i = 0; i < text_added_get_n (l->bpe->added); i++)
        token.id = MAX (token.id, text_added_get (l->bpe->added, i)->id + 1);
    }
  return check_id (l, token.id, file, field, content, error) && add_added (l, &token, file, field, error);
}

static gboolean
load_named_tokens (Loader *l, GError **error)
{
  static const char *const fields[] = { "bos_token", "eos_token", "unk_token", "pad_token" };
  JsonObject *config = l->source->config;
  JsonArray *more;

  if (config == NULL)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    {
      JsonNode *node = json_object_get_member (config, fields[i]);

      if (node != NULL && !load_named_token (l, node, fields[i], error))
        return FALSE;
    }
  more = text_object_array (config, "additional_special_tokens");
  for (guint i = 0; more != NULL && i < json_array_get_length (more); i++)
    if (!load_named_token (l, json_array_get_element (more, i), "additional_special_tokens", error))
      return FALSE;
  return TRUE;
}

static gboolean
unsupported (GError **error, const char *file, const char *what, const char *type)
{
  g_set_error (error, PENT_ERROR, PENT_ERROR_UNSUPPORTED, "“%s”: the %s “%s” is not supported for byte-level BPE", file,
               what, type);
  return FALSE;
}

/* null, NFC, or a Sequence of such. */
static gboolean
load_normalizer (Loader *l, JsonObject *node, GError **error)
{
  const char *type = text_object_string (node, "type", "");
  JsonArray *parts;

  if (g_str_equal (type, "NFC"))
    {
      l->bpe->nfc = TRUE;
      return TRUE;
    }
  if (!g_str_equal (type, "Sequence"))
    return unsupported (error, l->source->json_file, "normalizer", type);
  parts = text_object_array (node, "normalizers");
  if (parts == NULL)
    return text_field_fail (error, l->source->json_file, "normalizer.normalizers", "is not a list");
  for (guint i = 0; i < json_array_get_length (parts); i++)
    {
      JsonObject *part = text_array_object (parts, i);

      if (part == NULL)
        return text_field_fail (error, l->source->json_file, "normalizer.normalizers",
                                "holds something that is no object");
      if (!load_normalizer (l, part, error))
        return FALSE;
    }
  return TRUE;
}

/* The ids that a template's special token stands for. */
static gboolean
append_template_token (Loader *l, JsonObject *template, const char *name, GArray *ids, GError **error)
{
  JsonObject *all = text_object_object (template, "special_tokens");
  JsonObject *one = all != NULL ? text_object_object (all, name) : NULL;
  JsonArray *list = one != NULL ? text_object_array (one, "ids") : NULL;

  if (list == NULL)
    return text_field_fail (error, l->source->json_file, "post_processor.special_tokens", "lacks “%s”", name);
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonNode *node = json_array_get_element (list, i);
      gint64 value = JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64
                     ? json_node_get_int (node) : -1;
      guint32 id = value;

      if (!check_id (l, value, l->source->json_file, "post_processor.special_tokens", name, error))
        return FALSE;
      g_array_append_val (ids, id);
    }
  return TRUE;
}

/* { "single": [ { "SpecialToken": { "id": name } } and { "Sequence": … } ] } */
static gboolean
load_template (Loader *l, JsonObject *node, GError **error)
{
  const char *file = l->source->json_file, *field = "post_processor.single";
  JsonArray *single = text_object_array (node, "single");
  GArray *ids = l->bpe->before;

  if (single == NULL)
    return text_field_fail (error, file, field, "is not a list");
  for (guint i = 0; i < json_array_get_length (single); i++)
    {
      JsonObject *item = text_array_object (single, i);
      JsonObject *special = item != NULL ? text_object_object (item, "SpecialToken") : NULL;
      const char *name = special != NULL ? text_object_string (special, "id", NULL) : NULL;

      if (name != NULL)
        {
          if (!append_template_token (l, node, name, ids, error))
            return FALSE;
        }
      else if (item != NULL && text_object_object (item, "Sequence") != NULL && ids == l->bpe->before)
        ids = l->bpe->after;
      else
        return text_field_fail (error, file, field, "holds something that is neither a special token nor the one text");
    }
  return ids == l->bpe->after ? TRUE : text_field_fail (error, file, field, "has no place for the text");
}

/* ["token", id], as RobertaProcessing and BertProcessing name their two. */
static gboolean
load_end_token (Loader *l, JsonObject *node, const char *field, GArray *ids, GError **error)
{
  JsonArray *pair = text_object_array (node, field);
  JsonNode *id_node = pair != NULL && json_array_get_length (pair) == 2 ? json_array_get_element (pair, 1) : NULL;
  guint32 id;

  if (id_node == NULL || !JSON_NODE_HOLDS_VALUE (id_node) || json_node_get_value_type (id_node) != G_TYPE_INT64)
    return text_field_fail (error, l->source->json_file, "post_processor", "lacks “%s”, a token with its id", field);
  if (!check_id (l, json_node_get_int (id_node), l->source->json_file, "post_processor", field, error))
    return FALSE;
  id = json_node_get_int (id_node);
  g_array_append_val (ids, id);
  return TRUE;
}

static gboolean
load_post_processor (Loader *l, JsonObject *node, GError **error)
{
  const char *type = text_object_string (node, "type", "");
  JsonArray *parts;

  if (g_str_equal (type, "ByteLevel"))
    return TRUE;
  if (g_str_equal (type, "TemplateProcessing"))
    return load_template (l, node, error);
  if (g_str_equal (type, "RobertaProcessing") || g_str_equal (type, "BertProcessing"))
    return load_end_token (l, node, "cls", l->bpe->before, error) &&
           load_end_token (l, node, "sep", l->bpe->after, error);
  if (!g_str_equal (type, "Sequence"))
    return unsupported (error, l->source->json_file, "post_processor", type);
  parts = text_object_array (node, "processors");
  if (parts == NULL)
    return text_field_fail (error, l->source->json_file, "post_processor.processors", "is not a list");
  for (guint i = 0; i < json_array_get_length (parts); i++)
    {
      JsonObject *part = text_array_object (parts, i);

      if (part == NULL)
        return text_field_fail (error, l->source->json_file, "post_processor.processors",
                                "holds something that is no object");
      if (!load_post_processor (l, part, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
load_json (Loader *l, GError **error)
{
  const TextSource *source = l->source;
  TextBpe *bpe = l->bpe;
  TextJson vocab = source->vocab, merges = source->merges;
  const char *unknown = text_object_string (source->model, "unk_token", NULL);
  JsonObject *node;
  gboolean byte_level = FALSE;

  l->vocab_file = l->merges_file = source->json_file;
  l->vocab_field = "model.vocab";
  l->merges_field = "model.merges";
  if (vocab.start == NULL)
    return text_field_fail (error, source->json_file, "model.vocab", "is missing");
  if (merges.start == NULL)
    return text_field_fail (error, source->json_file, "model.merges", "is missing");
  node = text_object_object (source->root, "pre_tokenizer");
  if (node != NULL)
    bpe->splits = text_split_parse (node, source->json_file, &byte_level, &bpe->prefix_space, error);
  if (node != NULL && bpe->splits == NULL)
    return FALSE;
  if (!byte_level)
    return unsupported (error, source->json_file, "pre_tokenizer", "without ByteLevel");
  if (!load_vocab (l, &vocab, error) || !load_merges_json (l, &merges, error) || !load_added_tokens (l, error) ||
      !load_added_config (l, error))
    return FALSE;

  bpe->ignore_merges = text_object_flag (source->model, "ignore_merges", FALSE);
  bpe->fuse_unknown = text_object_flag (source->model, "fuse_unk", FALSE);
  if (unknown != NULL && *unknown != '\0' && !pent_tokenizer_find (PENT_TOKENIZER (bpe), unknown, &bpe->unknown))
    return text_field_fail (error, source->json_file, "model.unk_token", "names “%s”, which the vocabulary lacks",
                            unknown);
  node = text_object_object (source->root, "normalizer");
  if (node != NULL && !load_normalizer (l, node, error))
    return FALSE;
  node = text_object_object (source->root, "post_processor");
  return node == NULL || load_post_processor (l, node, error);
}

/* vocab.json and merges.txt say nothing about words and normalisation: that goes by the class that the configuration
 * names. */
static gboolean
load_pair (Loader *l, GError **error)
{
  const TextSource *source = l->source;
  JsonObject *config = source->config;
  const char *class = config != NULL ? text_object_string (config, "tokenizer_class", "") : "";
  gboolean qwen = g_str_has_prefix (class, "Qwen2") || g_str_has_prefix (class, "Qwen3");
  g_autoptr(GBytes) vocab = NULL;
  g_autoptr(GBytes) merges = NULL;
  TextSplit *split;
  TextJson j;

  vocab = pent_files_map (source->files, "vocab.json", error);
  if (vocab == NULL || !text_json_init (&j, vocab, l->vocab_file, error) || !load_vocab (l, &j, error) ||
      !text_json_finish (&j, error))
    return FALSE;
  merges = pent_files_map (source->files, "merges.txt", error);
  if (merges == NULL || !load_merges_text (l, merges, error))
    return FALSE;
  if (!load_added_config (l, error) || !load_named_tokens (l, error))
    return FALSE;

  l->bpe->nfc = qwen;
  l->bpe->prefix_space = config != NULL && text_object_flag (config, "add_prefix_space", FALSE);
  l->bpe->splits = g_ptr_array_new_with_free_func ((GDestroyNotify) text_split_free);
  split = text_split_new (qwen ? TEXT_SPLIT_QWEN2 : TEXT_SPLIT_GPT2, TEXT_SPLIT_ISOLATED, FALSE, l->vocab_file, "words",
                          error);
  if (split == NULL)
    return FALSE;
  g_ptr_array_add (l->bpe->splits, split);
  if (config != NULL && text_object_flag (config, "add_bos_token", FALSE))
    {
      const char *name = text_object_string (config, "bos_token", "<|endoftext|>");
      guint32 id;

      if (!pent_tokenizer_find (PENT_TOKENIZER (l->bpe), name, &id))
        return text_field_fail (error, source->config_file, "bos_token", "names “%s”, which the vocabulary lacks",
                                name);
      g_array_append_val (l->bpe->before, id);
    }
  return TRUE;
}

static gboolean
append_nfc (GString *out, const char *text, gsize length)
{
  return text_append_nfc (out, text, length, NULL);
}

static void
finish (TextBpe *bpe)
{
  bpe->n_ids = text_vocab_size (bpe->vocab);
  for (guint i = 0; i < text_added_get_n (bpe->added); i++)
    bpe->n_ids = MAX (bpe->n_ids, text_added_get (bpe->added, i)->id + 1);
  for (guint i = 0; i < 256; i++)
    {
      char byte = (char) i;

      bpe->byte_ids[i] = text_vocab_find (bpe->vocab, &byte, 1);
    }
  text_added_seal (bpe->added, bpe->nfc ? append_nfc : NULL);
}

PentTokenizer *
text_bpe_load (const TextSource *source, GError **error)
{
  g_autoptr(TextBpe) bpe = g_object_new (TEXT_TYPE_BPE, NULL);
  g_autoptr(GString) name = g_string_new (NULL);
  g_autoptr(GString) bytes = g_string_new (NULL);
  g_autoptr(GString) left = g_string_new (NULL);
  g_autoptr(GString) right = g_string_new (NULL);
  g_autofree char *vocab_file = pent_files_describe (source->files, "vocab.json");
  g_autofree char *merges_file = pent_files_describe (source->files, "merges.txt");
  Loader l = { .bpe = bpe,
               .source = source,
               .vocab_file = vocab_file,
               .merges_file = merges_file,
               .vocab_field = "vocab",
               .merges_field = "merges",
               .name = name,
               .bytes = bytes,
               .left = left,
               .right = right };

  if (!(source->root != NULL ? load_json (&l, error) : load_pair (&l, error)))
    return NULL;
  finish (bpe);
  return PENT_TOKENIZER (g_steal_pointer (&bpe));
}
