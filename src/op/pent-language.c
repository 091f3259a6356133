/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "pent-decoder.h"
#include "pent-error.h"
#include "pent-json.h"
#include "pipeline-private.h"

#define MAX_CONTEXT 4096        /* tokens kept in the cache, however many the model could */
#define MAX_CHUNK 256           /* tokens fed at once; chunks are powers of two, so that nine graphs serve every length */
#define MAX_GRAPHS 9

struct _PentLanguage {
  GObject            parent_instance;
  PentTokenizer     *tokenizer;
  PentChatTemplate  *chat_template;
  PentDecoderConfig  config;
  PentNnModule      *module;
  PentNnState       *cache;
  PentGraphCache    *graphs;
  GArray            *ends;              /* guint32 */
  guint              position;
};

G_DEFINE_FINAL_TYPE (PentLanguage, pent_language, G_TYPE_OBJECT)

/* key: tokens at once. */
static PentNnGraph *
make_graph (gpointer data, const PentGraphKey *key)
{
  PentLanguage *self = data;
  guint n = key->shape[0];
  PentNnGraph *g = pent_nn_graph_new (self->module, "language model");
  PentNnTensor *ids = nn_input (g, "ids", PENT_DTYPE_I32, NN_SHAPE (n));
  PentNnTensor *pos = nn_input (g, "pos", PENT_DTYPE_I32, NN_SHAPE (1));
  PentNnTensor *x = pent_decoder_hidden (g, &self->config, ids, self->config.layers, self->cache, pos);

  x = pent_decoder_norm (g, &self->config, nn_slice (g, x, 0, n - 1, 1));
  nn_output (g, "logits", pent_decoder_logits (g, &self->config, x));
  return g;
}

static void
pent_language_finalize (GObject *object)
{
  PentLanguage *self = PENT_LANGUAGE (object);

  g_clear_pointer (&self->graphs, pent_graph_cache_free);
  g_clear_pointer (&self->cache, pent_nn_state_free);
  g_clear_pointer (&self->module, pent_nn_module_unref);
  g_clear_pointer (&self->chat_template, pent_chat_template_free);
  g_clear_pointer (&self->ends, g_array_unref);
  g_clear_object (&self->tokenizer);

  G_OBJECT_CLASS (pent_language_parent_class)->finalize (object);
}

static void
pent_language_class_init (PentLanguageClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = pent_language_finalize;
}

static void
pent_language_init (PentLanguage *self)
{
  self->ends = g_array_new (FALSE, FALSE, sizeof (guint32));
}

/* ---- loading ---- */

static void
add_end (PentLanguage *self, guint32 id)
{
  if (!pent_language_is_end (self, id))
    g_array_append_val (self->ends, id);
}

/* eos_token_id is a number or a list in generation_config.json and config.json. */
static void
read_ends (PentLanguage *self, PentFiles *files, const char *name)
{
  g_auto (PentJson) j = PENT_JSON_INIT;
  guint ids[16];
  guint n;
  JsonNode *node;

  if (!pent_files_has (files, name))
    return;
  pent_json_load (&j, files, name);
  node = j.object != NULL ? json_object_get_member (j.object, "eos_token_id") : NULL;
  if (node == NULL || JSON_NODE_HOLDS_NULL (node))
    return;

  if (JSON_NODE_HOLDS_ARRAY (node))
    n = pent_json_ints (&j, "eos_token_id", ids, G_N_ELEMENTS (ids), 0, G_MAXINT32);
  else
    {
      ids[0] = pent_json_int (&j, "eos_token_id", 0, 0, G_MAXINT32);
      n = j.error == NULL;
    }
  for (guint i = 0; i < n; i++)
    add_end (self, ids[i]);
}

static void
find_ends (PentLanguage *self, PentFiles *files)
{
  static const char *const usual[] = { "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "</s>" };
  guint32 id;

  read_ends (self, files, "generation_config.json");
  read_ends (self, files, "config.json");
  for (guint i = 0; i < G_N_ELEMENTS (usual); i++)
    if (pent_tokenizer_find (self->tokenizer, usual[i], &id))
      add_end (self, id);
}

/* A language model's own folder, or the text encoder within a picture model's. */
static gboolean
load_words (PentLanguage *self, PentFiles *files, GError **error)
{
  gboolean within = pent_files_has (files, "tokenizer/tokenizer.json") || pent_files_has (files, "tokenizer/vocab.json");
  g_autoptr (PentFiles) own = within ? pent_files_subset (files, "tokenizer") : g_object_ref (files);
  g_autoptr (GError) local = NULL;

  self->tokenizer = pent_tokenizer_load (own, error);
  if (self->tokenizer == NULL)
    return FALSE;

  self->chat_template = pent_chat_template_load (own, &local);
  if (local != NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  return TRUE;
}

PentLanguage *
pent_language_load (PentVkContext *context, PentFiles *files, PentNnPrecision precision, GError **error)
{
  g_autoptr (PentLanguage) self = g_object_new (PENT_TYPE_LANGUAGE, NULL);
  gboolean within = pent_files_has (files, "text_encoder/config.json");
  g_autoptr (PentFiles) own = within ? pent_files_subset (files, "text_encoder") : g_object_ref (files);
  g_autoptr (PentNnWeights) weights = NULL;

  if (!pent_files_has (own, "config.json"))
    return g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL,
                        "%s is not a language model: it has no config.json; give the model's folder",
                        pent_files_get_label (files)), NULL;
  if (!pent_decoder_config_read (&self->config, own, "config.json", error) || !load_words (self, files, error))
    return NULL;
  weights = pent_nn_weights_open (own, NULL, error);
  if (weights == NULL)
    return NULL;

  pent_decoder_config_settle (&self->config, weights);
  self->config.context = MIN (self->config.context, MAX_CONTEXT);
  find_ends (self, own);
  self->module = pent_nn_module_new (context, weights, precision);
  self->cache = pent_nn_state_new (self->module);
  self->graphs = pent_graph_cache_new (MAX_GRAPHS, make_graph, self);
  return g_steal_pointer (&self);
}

PentTokenizer *
pent_language_get_tokenizer (PentLanguage *self)
{
  return self->tokenizer;
}

PentChatTemplate *
pent_language_get_template (PentLanguage *self)
{
  return self->chat_template;
}

guint
pent_language_get_context_length (PentLanguage *self)
{
  return self->config.context;
}

guint
pent_language_get_vocab_size (PentLanguage *self)
{
  return self->config.vocab;
}

/* ---- running ---- */

void
pent_language_reset (PentLanguage *self)
{
  self->position = 0;
}

static gboolean
feed_chunk (PentLanguage *self, const guint32 *ids, guint n, gboolean want_logits, float *logits, GCancellable *cancellable,
            GError **error)
{
  PentNnGraph *graph = pent_graph_cache_get (self->graphs, &(PentGraphKey) { { n } }, error);
  gint32 position = self->position;

  if (graph == NULL)
    return FALSE;
  pent_nn_graph_set (graph, "ids", ids, n * sizeof (gint32));
  pent_nn_graph_set (graph, "pos", &position, sizeof position);
  if (!pent_nn_graph_run (graph, cancellable, error))
    return FALSE;

  if (want_logits)
    pent_nn_graph_get (graph, "logits", logits, self->config.vocab * sizeof (float));
  self->position += n;
  return TRUE;
}

gboolean
pent_language_feed (PentLanguage *self, const guint32 *ids, gsize n, float *logits, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (n > 0, FALSE);

  if (n > self->config.context - self->position)
    return g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID,
                        "The conversation is %" G_GSIZE_FORMAT " tokens long, and at most %u fit; shorten it",
                        self->position + n, self->config.context), FALSE;
  for (gsize i = 0; i < n; i++)
    if (ids[i] >= self->config.vocab)
      return g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "Token %u is beyond the vocabulary of %u", ids[i],
                          self->config.vocab), FALSE;

  while (n > 0)
    {
      guint chunk = MAX_CHUNK;

      while (chunk > n)
        chunk /= 2;
      if (!feed_chunk (self, ids, chunk, chunk == n, logits, cancellable, error))
        return FALSE;
      ids += chunk;
      n -= chunk;
    }
  return TRUE;
}

gboolean
pent_language_is_end (PentLanguage *self, guint32 id)
{
  for (guint i = 0; i < self->ends->len; i++)
    if (g_array_index (self->ends, guint32, i) == id)
      return TRUE;
  return FALSE;
}
