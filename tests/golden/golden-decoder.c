/* SPDX-License-Identifier: GPL-3.0-or-later */

/* decoder_lm: hidden states and logits of the unpadded positions, and greedy generation through the cache. */

#include <string.h>
#include "golden.h"
#include "pent-decoder.h"

typedef struct {
  PentDecoderConfig config;
  PentNnModule     *module;
} Decoder;

static guint
real_tokens (GoldenCase *c, guint row)
{
  gsize n;
  g_autofree gint32 *mask = golden_ints (c, "input.attention_mask", &n);
  guint width = golden_dim (c, "input.attention_mask", 1), count = 0;

  for (guint i = 0; i < width; i++)
    count += mask[row * width + i];
  return count;
}

static float *
fetch (PentNnGraph *g, const char *name, gsize n)
{
  float *values = g_new (float, n);

  pent_nn_graph_get (g, name, values, n * sizeof (float));
  return values;
}

/* hidden_states[1], [2], [3] side by side. */
static void
compare_stacked (GoldenCase *c, Decoder *d, PentNnGraph *g, guint row, guint tokens)
{
  g_autofree char *name = g_strdup_printf ("stacked.%u", row);
  g_autofree char *full = g_strconcat ("output.", name, NULL);
  g_autofree float *all = NULL;
  guint width = d->config.width;

  if (!golden_has (c, full))
    return;
  all = g_new (float, (gsize) tokens * width * 3);
  for (guint k = 0; k < 3; k++)
    {
      g_autofree char *layer = g_strdup_printf ("hidden.%u", k + 1);
      g_autofree float *hidden = fetch (g, layer, (gsize) tokens * width);

      for (guint t = 0; t < tokens; t++)
        memcpy (all + ((gsize) t * 3 + k) * width, hidden + (gsize) t * width, width * sizeof (float));
    }
  golden_compare (c, name, all, (gsize) tokens * width * 3);
}

static void
compare_output (GoldenCase *c, PentNnGraph *g, const char *output, const char *stem, guint row, gsize n)
{
  g_autofree char *name = g_strdup_printf ("%s.%u", stem, row);
  g_autofree char *full = g_str_has_prefix (name, "inter.") ? g_strdup (name) : g_strconcat ("output.", name, NULL);
  g_autofree float *values = NULL;

  if (!golden_has (c, full))
    return;
  values = fetch (g, output, n);
  golden_compare (c, name, values, n);
}

static gboolean
run_row (GoldenCase *c, Decoder *d, guint row, GError **error)
{
  guint tokens = real_tokens (c, row), width = d->config.width, layers = d->config.layers;
  g_autofree gint32 *ids = golden_ints (c, "input.input_ids", NULL);
  g_autofree char *before_last = g_strdup_printf ("hidden.%u", layers - 1);
  g_autoptr (PentNnGraph) g = pent_nn_graph_new (d->module, "decoder");
  PentNnTensor *x;

  x = pent_decoder_hidden (g, &d->config, nn_input (g, "ids", PENT_DTYPE_I32, NN_SHAPE (tokens)), layers, NULL, NULL);
  x = pent_decoder_norm (g, &d->config, x);
  nn_output (g, "normed", x);
  nn_output (g, "logits", pent_decoder_logits (g, &d->config, x));
  for (guint k = 0; k < layers; k++)
    {
      g_autofree char *name = g_strdup_printf ("hidden.%u", k);

      pent_nn_graph_trace (g, name);
    }
  if (!pent_nn_graph_compile (g, error))
    return FALSE;

  pent_nn_graph_set (g, "ids", ids + row * golden_dim (c, "input.input_ids", 1), tokens * sizeof (gint32));
  if (!pent_nn_graph_run (g, NULL, error))
    return FALSE;

  compare_output (c, g, "hidden.1", "inter.layer0", row, (gsize) tokens * width);
  compare_output (c, g, before_last, "hidden-2", row, (gsize) tokens * width);
  compare_output (c, g, "normed", "hidden-1", row, (gsize) tokens * width);
  compare_output (c, g, "logits", "logits", row, (gsize) tokens * d->config.vocab);
  if (layers > 3)
    compare_stacked (c, d, g, row, tokens);
  return TRUE;
}

static PentNnGraph *
cached_graph (Decoder *d, PentNnState *cache, guint n, GError **error)
{
  g_autoptr (PentNnGraph) g = pent_nn_graph_new (d->module, "cached decoder");
  PentNnTensor *ids = nn_input (g, "ids", PENT_DTYPE_I32, NN_SHAPE (n));
  PentNnTensor *pos = nn_input (g, "pos", PENT_DTYPE_I32, NN_SHAPE (1));
  PentNnTensor *x = pent_decoder_hidden (g, &d->config, ids, d->config.layers, cache, pos);
  PentNnTensor *logits = pent_decoder_logits (g, &d->config, pent_decoder_norm (g, &d->config, nn_slice (g, x, 0, n - 1, 1)));

  nn_output (g, "logits", logits);
  nn_output (g, "token", nn_argmax (g, logits));
  return pent_nn_graph_compile (g, error) ? g_steal_pointer (&g) : NULL;
}

static gboolean
run_greedy (GoldenCase *c, Decoder *d, GError **error)
{
  guint prompt = golden_dim (c, "input.greedy_prompt", 1), steps = golden_dim (c, "output.greedy_tokens", 1);
  guint vocab = d->config.vocab;
  g_autofree gint32 *ids = golden_ints (c, "input.greedy_prompt", NULL);
  g_autofree gint32 *tokens = g_new0 (gint32, steps);
  g_autofree float *logits = g_new (float, (gsize) steps * vocab);
  g_autoptr (PentNnState) cache = pent_nn_state_new (d->module);
  g_autoptr (PentNnGraph) first = NULL;
  g_autoptr (PentNnGraph) next = NULL;

  d->config.context = prompt + steps;
  first = cached_graph (d, cache, prompt, error);
  next = first != NULL ? cached_graph (d, cache, 1, error) : NULL;
  if (next == NULL)
    return FALSE;

  for (guint i = 0; i < steps; i++)
    {
      PentNnGraph *g = i == 0 ? first : next;
      gint32 pos = i == 0 ? 0 : prompt + i - 1;

      if (i == 0)
        pent_nn_graph_set (g, "ids", ids, prompt * sizeof (gint32));
      else
        pent_nn_graph_set (g, "ids", &tokens[i - 1], sizeof (gint32));
      pent_nn_graph_set (g, "pos", &pos, sizeof pos);
      if (!pent_nn_graph_run (g, NULL, error))
        return FALSE;
      pent_nn_graph_get (g, "token", &tokens[i], sizeof (gint32));
      pent_nn_graph_get (g, "logits", logits + (gsize) i * vocab, vocab * sizeof (float));
    }

  golden_compare_ints (c, "greedy_tokens", tokens, steps);
  golden_compare (c, "greedy_logits", logits, (gsize) steps * vocab);
  return TRUE;
}

gboolean
golden_run_decoder (GoldenCase *c, GError **error)
{
  g_autoptr (PentNnWeights) weights = pent_nn_weights_open (c->files, (const char *const[]) { "model.safetensors", NULL }, NULL);
  g_autoptr (PentNnModule) module = NULL;
  Decoder d;

  if (weights == NULL)                  /* sharded, by its index */
    weights = pent_nn_weights_open (c->files, NULL, error);
  if (weights == NULL || !pent_decoder_config_read (&d.config, c->files, "config.json", error))
    return FALSE;

  pent_decoder_config_settle (&d.config, weights);
  d.module = module = pent_nn_module_new (c->context, weights, PENT_NN_PRECISION_F32);
  for (guint row = 0; row < golden_dim (c, "input.input_ids", 0); row++)
    if (!run_row (c, &d, row, error))
      return FALSE;
  return !golden_has (c, "input.greedy_prompt") || run_greedy (c, &d, error);
}
