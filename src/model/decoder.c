/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Llama (arXiv:2302.13971, 2407.21783), Qwen2 (2407.10671), Qwen3 (2505.09388).
 * tokens [t] -> hidden [t, d].  H query heads share K key/value heads (H a multiple of K) of size h; H*h need not be d.
 *
 *   x = E[tokens]
 *   each layer:  n = rms (x) * w1;   q, k = rope (norm (Wq n)), rope (norm (Wk n));   x += Wo attention (q, k, Wv n)
 *                n = rms (x) * w2;   x += Wd (silu (Wg n) * Wu n)
 *   logits = Wout (rms (x) * w)
 *
 *   model.embed_tokens [vocab, d]                           model.norm [d]            lm_head [vocab, d] unless tied
 *   model.layers.L.input_layernorm [d]                      .post_attention_layernorm [d]
 *   .self_attn.q_proj [H*h, d]   .k_proj .v_proj [K*h, d]   .o_proj [d, H*h]          .q_norm .k_norm [h] (Qwen3)
 *   .mlp.gate_proj .up_proj [ffn, d]                        .down_proj [d, ffn]
 *
 * Easy to get wrong: the q/k norm is per head and before rope; rope pairs j with j + h/2; hidden state K is the input of
 * layer K, so the last one but one that picture models take skips the last layer and the final norm. */

#include "pent-decoder.h"

#include <math.h>
#include <string.h>
#include "pent-error.h"

static void
read_rope_scaling (PentDecoderConfig *config, PentJson *j)
{
  JsonObject *scaling = pent_json_object (j, pent_json_has (j, "rope_parameters") ? "rope_parameters" : "rope_scaling");
  g_auto (PentJson) s = PENT_JSON_INIT;
  const char *kind;

  if (scaling == NULL)
    return;

  pent_json_wrap (&s, scaling, j->where);
  config->rope_theta = pent_json_float (&s, "rope_theta", config->rope_theta, 1, 1e12);
  kind = pent_json_string (&s, "rope_type", pent_json_string (&s, "type", "default"));
  if (g_str_equal (kind, "llama3"))
    {
      config->rope_llama3.factor = pent_json_float (&s, "factor", PENT_JSON_REQUIRED, 1, 1e6);
      config->rope_llama3.low = pent_json_float (&s, "low_freq_factor", PENT_JSON_REQUIRED, 1e-3, 1e6);
      config->rope_llama3.high = pent_json_float (&s, "high_freq_factor", PENT_JSON_REQUIRED, 1e-3, 1e6);
      config->rope_llama3.context = pent_json_float (&s, "original_max_position_embeddings", PENT_JSON_REQUIRED, 1, 1e9);
      if (config->rope_llama3.high <= config->rope_llama3.low)
        pent_json_fail (&s, "high_freq_factor", "must be larger than low_freq_factor");
    }
  else if (!g_str_equal (kind, "default"))
    pent_json_fail (j, "rope_scaling", "is of the kind \"%s\", which is not supported (default and llama3 are)", kind);

  if (s.error != NULL && j->error == NULL)
    j->error = g_steal_pointer (&s.error);
}

gboolean
pent_decoder_config_read (PentDecoderConfig *config, PentFiles *files, const char *name, GError **error)
{
  static const char *const types[] = { "llama", "qwen2", "qwen3", NULL };
  g_auto (PentJson) j = PENT_JSON_INIT;
  const char *type;

  pent_json_load (&j, files, name);
  type = pent_json_string (&j, "model_type", "");
  if (j.object != NULL && !g_strv_contains (types, type))
    pent_json_fail (&j, "model_type", "is \"%s\", and must be one of llama, qwen2, qwen3", type);

  *config = (PentDecoderConfig) {
    .vocab = pent_json_int (&j, "vocab_size", PENT_JSON_REQUIRED, 1, 1 << 22),
    .width = pent_json_int (&j, "hidden_size", PENT_JSON_REQUIRED, 2, 1 << 16),
    .ffn = pent_json_int (&j, "intermediate_size", PENT_JSON_REQUIRED, 1, 1 << 18),
    .layers = pent_json_int (&j, "num_hidden_layers", PENT_JSON_REQUIRED, 1, 1024),
    .heads = pent_json_int (&j, "num_attention_heads", PENT_JSON_REQUIRED, 1, 1024),
    .context = pent_json_int (&j, "max_position_embeddings", 32768, 1, 1 << 24),
    .eps = pent_json_float (&j, "rms_norm_eps", 1e-6, 0, 1),
    .rope_theta = pent_json_float (&j, "rope_theta", 1e4, 1, 1e12),
  };
  config->kv_heads = pent_json_int (&j, "num_key_value_heads", config->heads, 1, 1024);
  config->head_size = pent_json_int (&j, "head_dim", config->width / config->heads, 2, 1024);
  read_rope_scaling (config, &j);

  if (j.error == NULL && config->heads % config->kv_heads != 0)
    pent_json_fail (&j, "num_key_value_heads", "is %u, which does not divide num_attention_heads %u", config->kv_heads,
                    config->heads);
  if (j.error == NULL && config->head_size % 2 != 0)
    pent_json_fail (&j, "head_dim", "is %u, and must be even", config->head_size);
  if (j.error == NULL && pent_json_bool (&j, "use_sliding_window", FALSE))
    pent_json_fail (&j, "use_sliding_window", "is true, which is not supported");

  return pent_json_finish (&j, error);
}

gboolean
pent_decoder_config_infer (PentDecoderConfig *config, PentNnWeights *weights, GError **error)
{
  const PentNnWeight *embedding = pent_nn_weights_get (weights, "model.embed_tokens.weight");
  const PentNnWeight *norm = pent_nn_weights_get (weights, "model.layers.0.self_attn.q_norm.weight");
  const PentNnWeight *q = pent_nn_weights_get (weights, "model.layers.0.self_attn.q_proj.weight");
  const PentNnWeight *k = pent_nn_weights_get (weights, "model.layers.0.self_attn.k_proj.weight");
  const PentNnWeight *gate = pent_nn_weights_get (weights, "model.layers.0.mlp.gate_proj.weight");
  guint layers = 0;

  if (embedding == NULL || norm == NULL || q == NULL || k == NULL || gate == NULL || embedding->n_dims != 2 ||
      norm->n_dims != 1 || norm->shape[0] < 2)
    return g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL,
                        "%s has no config.json beside it and is not a Qwen3 text model", pent_nn_weights_get_label (weights)),
           FALSE;

  for (;; layers++)
    {
      g_autofree char *name = g_strdup_printf ("model.layers.%u.input_layernorm.weight", layers);

      if (!pent_nn_weights_has (weights, name))
        break;
    }

  *config = (PentDecoderConfig) {
    .vocab = embedding->shape[0], .width = embedding->shape[1], .ffn = gate->shape[0], .layers = layers,
    .heads = q->shape[0] / norm->shape[0], .kv_heads = k->shape[0] / norm->shape[0], .head_size = norm->shape[0],
    .context = 32768, .eps = 1e-6, .rope_theta = 1e6,
  };
  return TRUE;
}

void
pent_decoder_config_settle (PentDecoderConfig *config, PentNnWeights *weights)
{
  gboolean tied = !pent_nn_weights_has (weights, "lm_head.weight");

  g_strlcpy (config->embedding, "model.embed_tokens", sizeof config->embedding);
  g_strlcpy (config->output, tied ? config->embedding : "lm_head", sizeof config->output);
}

/* Frequency of pair j of h/2: theta^(-2j/h); Llama 3 divides those of long wavelength by `factor` and blends between. */
static double
rope_frequency (const PentDecoderConfig *c, guint j)
{
  double frequency = pow (c->rope_theta, -2.0 * j / c->head_size);
  double wavelength = 2 * G_PI / frequency;
  double blend;

  if (c->rope_llama3.factor == 0)
    return frequency;

  blend = (c->rope_llama3.context / wavelength - c->rope_llama3.low) / (c->rope_llama3.high - c->rope_llama3.low);
  blend = CLAMP (blend, 0, 1);
  return (1 - blend) * frequency / c->rope_llama3.factor + blend * frequency;
}

static PentNnTensor *
rope_table (PentNnGraph *g, const PentDecoderConfig *c, guint positions)
{
  guint half = c->head_size / 2;
  g_autofree float *table = g_new (float, (gsize) positions * half * 2);

  for (guint j = 0; j < half; j++)
    {
      double frequency = rope_frequency (c, j);

      for (guint p = 0; p < positions; p++)
        {
          table[((gsize) p * half + j) * 2] = cos (p * frequency);
          table[((gsize) p * half + j) * 2 + 1] = sin (p * frequency);
        }
    }

  return nn_constant (g, table, NN_SHAPE (positions, half, 2));
}

/* [t, d] -> [t, n, h], normed per head where the weights say so. */
static PentNnTensor *
heads (PentNnGraph *g, const PentDecoderConfig *c, PentNnTensor *x, const char *projection, const char *norm, guint n)
{
  g_autofree char *norm_weight = g_strconcat (norm, ".weight", NULL);

  x = nn_linear (g, x, projection, n * c->head_size);
  x = nn_reshape (g, x, NN_SHAPE (nn_dim (x, 0), n, c->head_size));
  return nn_has_weight (g, norm_weight) ? nn_rms_norm (g, x, norm, c->eps) : x;
}

static PentNnTensor *
attention (PentNnGraph *g, const PentDecoderConfig *c, PentNnTensor *x, PentNnTensor *table, guint layer,
           PentNnState *cache, PentNnTensor *pos)
{
  PentNnTensor *q = heads (g, c, x, "self_attn.q_proj", "self_attn.q_norm", c->heads);
  PentNnTensor *k = heads (g, c, x, "self_attn.k_proj", "self_attn.k_norm", c->kv_heads);
  PentNnTensor *v = nn_linear (g, x, "self_attn.v_proj", c->kv_heads * c->head_size);

  v = nn_reshape (g, v, NN_SHAPE (nn_dim (v, 0), c->kv_heads, c->head_size));
  q = nn_rope (g, q, table, pos, PENT_NN_ROPE_HALF);
  k = nn_rope (g, k, table, pos, PENT_NN_ROPE_HALF);

  if (cache != NULL)
    {
      g_autofree char *keys = g_strdup_printf ("keys.%u", layer);
      g_autofree char *values = g_strdup_printf ("values.%u", layer);
      const guint *shape = NN_SHAPE (c->context, c->kv_heads, c->head_size);

      k = nn_state_write (g, nn_state (g, cache, keys, shape), k, pos);
      v = nn_state_write (g, nn_state (g, cache, values, shape), v, pos);
    }

  x = nn_attention (g, q, k, v, &(PentNnAttention) { .causal = TRUE, .pos = pos });
  return nn_linear (g, x, "self_attn.o_proj", c->width);
}

static PentNnTensor *
feed_forward (PentNnGraph *g, const PentDecoderConfig *c, PentNnTensor *x)
{
  PentNnTensor *gate = nn_linear (g, x, "mlp.gate_proj", c->ffn);
  PentNnTensor *up = nn_linear (g, x, "mlp.up_proj", c->ffn);

  return nn_linear (g, nn_glu (g, gate, up, PENT_NN_SILU), "mlp.down_proj", c->width);
}

PentNnTensor *
pent_decoder_hidden (PentNnGraph *g, const PentDecoderConfig *c, PentNnTensor *ids, guint layers, PentNnState *cache,
                     PentNnTensor *pos)
{
  PentNnTensor *table = rope_table (g, c, cache != NULL ? c->context : nn_dim (ids, 0));
  PentNnTensor *x = nn_embedding (g, ids, c->embedding, c->vocab, c->width);

  x = nn_name (g, x, "hidden.0");
  for (guint i = 0; i < layers; i++)
    {
      nn_push (g, "model.layers.%u.", i);
      x = nn_residual (g, x, attention (g, c, nn_rms_norm (g, x, "input_layernorm", c->eps), table, i, cache, pos), NULL);
      x = nn_residual (g, x, feed_forward (g, c, nn_rms_norm (g, x, "post_attention_layernorm", c->eps)), NULL);
      nn_pop (g);
      x = nn_name (g, x, "hidden.%u", i + 1);
    }

  return x;
}

PentNnTensor *
pent_decoder_norm (PentNnGraph *g, const PentDecoderConfig *c, PentNnTensor *hidden)
{
  return nn_rms_norm (g, hidden, "model.norm", c->eps);
}

PentNnTensor *
pent_decoder_logits (PentNnGraph *g, const PentDecoderConfig *c, PentNnTensor *normed)
{
  return nn_linear (g, normed, c->output, c->vocab);
}
