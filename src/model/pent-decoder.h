/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-json.h"
#include "pent-nn.h"

G_BEGIN_DECLS

/* Pre-norm causal decoders: Llama, Qwen2, Qwen3.  They differ in data alone: a q/k norm (Qwen3) or biases on q, k, v
 * (Qwen2) are there if their weights are, and the frequencies of the rotary embedding may be rescaled (Llama 3). */
typedef struct {
  guint  vocab, width, ffn, layers, heads, kv_heads, head_size, context;
  double eps, rope_theta;
  struct { double factor, low, high, context; } rope_llama3;       /* factor 0: plain frequencies */
  char   embedding[64];                                            /* name of the token embedding */
  char   output[64];                                               /* name of the output layer; the embedding if tied */
} PentDecoderConfig;

/* From a transformers config.json.  Errors name the field. */
gboolean      pent_decoder_config_read (PentDecoderConfig *config, PentFiles *files, const char *name, GError **error);

/* Without a config.json: a Qwen3 (per-head q/k norm), whose sizes the weights tell and whose constants are known. */
gboolean      pent_decoder_config_infer (PentDecoderConfig *config, PentNnWeights *weights, GError **error);

/* Settles what only the weights tell: tied output or not. */
void          pent_decoder_config_settle (PentDecoderConfig *config, PentNnWeights *weights);

/* ids i32 [t] -> hidden [t, width] after `layers` layers (0 = the embeddings), without the final norm; named "hidden.K"
 * on the way.  With `cache` the keys and values are kept in it and ids stand at positions pos … pos + t - 1 (I32 input
 * [1]); without, at 0 … t-1. */
PentNnTensor *pent_decoder_hidden (PentNnGraph *g, const PentDecoderConfig *config, PentNnTensor *ids, guint layers,
                                   PentNnState *cache, PentNnTensor *pos);

/* hidden after all layers [t, width] -> final norm [t, width], and that -> logits [t, vocab]. */
PentNnTensor *pent_decoder_norm (PentNnGraph *g, const PentDecoderConfig *config, PentNnTensor *hidden);
PentNnTensor *pent_decoder_logits (PentNnGraph *g, const PentDecoderConfig *config, PentNnTensor *normed);

G_END_DECLS
