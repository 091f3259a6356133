/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Z-Image (arXiv:2511.22699), a single-stream diffusion transformer of width d with H heads.
 * latent [h, w, c], caption [n, e] (hidden states of a Qwen3), time t in [0, 1] (1 = clean) -> [h, w, c].
 *
 *   a = W2 silu (W1 sinusoid (1000 t))                                               [1, min (d, 256)]
 *   p = patches of 2x2, embedded, padded to a multiple of 32 tokens;                 [P, d]
 *   k = We (rms (caption)), padded likewise                                          [C, d]
 *   p = noise refiners (p | a);   k = context refiners (k);   x = layers (p then k | a)
 *   out = Wf (layernorm (x) * (1 + Ws silu (a)))
 *   each block:  s1, g1, s2, g2 = Wm a   (refiners of the caption have none: s = 0, g = 1)
 *                x += tanh (g1) * rms (attention (rms (x) * (1 + s1)))
 *                x += tanh (g2) * rms (W2 (silu (W1 n) * W3 n)),   n = rms (x) * (1 + s2)
 *
 *   t_embedder.mlp.0 [1024, 256]  .2 [min (d, 256), 1024]    cap_embedder.0 [e] (norm)  .1 [d, e]
 *   all_x_embedder.2-1 [d, 4c]    x_pad_token, cap_pad_token [1, d]
 *   noise_refiner.N. context_refiner.N. layers.N.   attention_norm1/2, ffn_norm1/2 [d]   adaLN_modulation.0 [4d, min (d, 256)]
 *     attention.to_q/k/v, .to_out.0 [d, d]   .norm_q/k [d/H]   feed_forward.w1/w3 [8d/3, d]   .w2 [d, 8d/3]
 *   all_final_layer.2-1.adaLN_modulation.1 [d, min (d, 256)]   .linear [4c, d]
 *
 * Easy to get wrong: a patch is (y, x, channel); rope pairs neighbours (2j, 2j+1) and has three axes: caption token i
 * (padding included) stands at (1 + i, 0, 0), picture token (y, x) at (1 + C, y, x), padding of the picture at (0, 0, 0);
 * padding tokens take part in attention; the q/k norm has its own epsilon; s1, g1, s2, g2 in that order. */

#include "pent-zimage.h"

#include <math.h>
#include "pent-error.h"

#define QK_EPS 1e-5
#define FINAL_EPS 1e-6

gboolean
pent_zimage_config_read (PentZimageConfig *config, PentFiles *files, const char *name, GError **error)
{
  g_auto (PentJson) j = PENT_JSON_INIT;
  guint patch[8] = { 2 }, frames[8] = { 1 };
  guint head;

  pent_json_load (&j, files, name);
  *config = (PentZimageConfig) {
    .width = pent_json_int (&j, "dim", PENT_JSON_REQUIRED, 2, 1 << 16),
    .layers = pent_json_int (&j, "n_layers", PENT_JSON_REQUIRED, 1, 1024),
    .refiners = pent_json_int (&j, "n_refiner_layers", 2, 0, 1024),
    .heads = pent_json_int (&j, "n_heads", PENT_JSON_REQUIRED, 1, 1024),
    .channels = pent_json_int (&j, "in_channels", 16, 1, 1024),
    .caption_width = pent_json_int (&j, "cap_feat_dim", PENT_JSON_REQUIRED, 1, 1 << 16),
    .eps = pent_json_float (&j, "norm_eps", 1e-5, 0, 1),
    .rope_theta = pent_json_float (&j, "rope_theta", 256, 1, 1e12),
    .t_scale = pent_json_float (&j, "t_scale", 1000, 1e-3, 1e9),
  };

  if (pent_json_has (&j, "all_patch_size"))
    pent_json_ints (&j, "all_patch_size", patch, G_N_ELEMENTS (patch), 1, 16);
  if (pent_json_has (&j, "all_f_patch_size"))
    pent_json_ints (&j, "all_f_patch_size", frames, G_N_ELEMENTS (frames), 1, 1);
  config->patch = patch[0];

  head = config->width / config->heads;
  if (j.error == NULL && config->width % config->heads != 0)
    pent_json_fail (&j, "n_heads", "is %u, which does not divide dim %u", config->heads, config->width);
  if (j.error == NULL && pent_json_int (&j, "n_kv_heads", config->heads, 1, 1024) != config->heads)
    pent_json_fail (&j, "n_kv_heads", "differs from n_heads, which is not supported");
  if (j.error == NULL && !pent_json_bool (&j, "qk_norm", TRUE))
    pent_json_fail (&j, "qk_norm", "is false, which is not supported");
  if (pent_json_ints (&j, "axes_dims", config->axes, 3, 2, 1024) != 3 ||
      config->axes[0] + config->axes[1] + config->axes[2] != head ||
      (config->axes[0] | config->axes[1] | config->axes[2]) % 2 != 0)
    pent_json_fail (&j, "axes_dims", "must be three even numbers that add up to the head size %u", head);

  return pent_json_finish (&j, error);
}

/* A weight's shape along one axis, or 0. */
static guint
dim_of (PentNnWeights *weights, const char *name, guint axis)
{
  const PentNnWeight *weight = pent_nn_weights_get (weights, name);

  return weight != NULL && axis < weight->n_dims ? weight->shape[axis] : 0;
}

static guint
count_blocks (PentNnWeights *weights, const char *stem)
{
  guint n = 0;

  for (;; n++)
    {
      g_autofree char *name = g_strdup_printf ("%s.%u.attention_norm1.weight", stem, n);

      if (!pent_nn_weights_has (weights, name))
        return n;
    }
}

gboolean
pent_zimage_config_infer (PentZimageConfig *config, PentNnWeights *weights, GError **error)
{
  guint head = dim_of (weights, "layers.0.attention.norm_q.weight", 0);
  guint patch_values = dim_of (weights, "all_x_embedder.2-1.weight", 1);

  *config = (PentZimageConfig) {
    .width = dim_of (weights, "all_x_embedder.2-1.weight", 0),
    .layers = count_blocks (weights, "layers"),
    .refiners = count_blocks (weights, "noise_refiner"),
    .heads = head > 0 ? dim_of (weights, "layers.0.attention.to_q.weight", 0) / head : 0,
    .channels = patch_values / 4,
    .patch = 2,
    .caption_width = dim_of (weights, "cap_embedder.1.weight", 1),
    .eps = 1e-5, .rope_theta = 256, .t_scale = 1000,
    .axes = { 32, 48, 48 },
  };

  if (config->width == 0 || config->layers == 0 || config->caption_width == 0 || config->channels == 0)
    return g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL, "%s is not a Z-Image denoiser: it lacks its embedders or layers",
                        pent_nn_weights_get_label (weights)), FALSE;
  if (head != 128)
    return g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL,
                        "%s has attention heads of size %u; without a config.json only Z-Image's own 128 can be run",
                        pent_nn_weights_get_label (weights), head), FALSE;
  return TRUE;
}

gboolean
pent_zimage_rename (PentNnWeights *weights, GError **error)
{
  static const PentNnRename prefix[] = { { "model.diffusion_model.*", "*" }, { NULL } };
  static const PentNnRename names[] = {
    { "*.attention.qkv.weight", "*.attention.to_q.weight", 3, 0 },
    { "*.attention.qkv.weight", "*.attention.to_k.weight", 3, 1 },
    { "*.attention.qkv.weight", "*.attention.to_v.weight", 3, 2 },
    { "*.attention.out.weight", "*.attention.to_out.0.weight" },
    { "*.attention.q_norm.weight", "*.attention.norm_q.weight" },
    { "*.attention.k_norm.weight", "*.attention.norm_k.weight" },
    { "x_embedder.*", "all_x_embedder.2-1.*" },
    { "final_layer.*", "all_final_layer.2-1.*" },
    { NULL }
  };

  return pent_nn_weights_rename (weights, prefix, error) && pent_nn_weights_rename (weights, names, error);
}

void
pent_zimage_frequencies (const PentZimageConfig *config, double t, float *frequencies)
{
  guint half = PENT_ZIMAGE_FREQUENCIES / 2;

  for (guint i = 0; i < half; i++)
    {
      double angle = t * config->t_scale * exp (-log (10000.0) * i / half);

      frequencies[i] = cos (angle);
      frequencies[half + i] = sin (angle);
    }
}

/* ---- positions ---- */

typedef struct { guint axis[3]; } Position;

static PentNnTensor *
rope_table (PentNnGraph *g, const PentZimageConfig *c, const Position *positions, guint n)
{
  guint half = c->width / c->heads / 2;
  g_autofree float *table = g_new (float, (gsize) n * half * 2);
  float *out = table;

  for (guint i = 0; i < n; i++)
    for (guint a = 0; a < 3; a++)
      for (guint j = 0; j < c->axes[a] / 2; j++)
        {
          double angle = positions[i].axis[a] * pow (c->rope_theta, -2.0 * j / c->axes[a]);

          *out++ = cos (angle);
          *out++ = sin (angle);
        }

  return nn_constant (g, table, NN_SHAPE (n, half, 2));
}

static guint
padded (guint n)
{
  return (n + PENT_ZIMAGE_TOKENS - 1) / PENT_ZIMAGE_TOKENS * PENT_ZIMAGE_TOKENS;
}

/* Positions of the picture's tokens, padded, then the caption's: the order of the joint sequence. */
static Position *
joint_positions (guint rows, guint columns, guint caption)
{
  guint n_picture = padded (rows * columns), n_caption = padded (caption);
  Position *positions = g_new0 (Position, n_picture + n_caption);

  for (guint i = 0; i < rows * columns; i++)
    positions[i] = (Position) { { n_caption + 1, i / columns, i % columns } };
  for (guint i = 0; i < n_caption; i++)
    positions[n_picture + i] = (Position) { { 1 + i, 0, 0 } };

  return positions;
}

static PentNnTensor *
pad (PentNnGraph *g, const PentZimageConfig *c, PentNnTensor *x, const char *token)
{
  guint n = nn_dim (x, 0);

  if (padded (n) == n)
    return x;
  return nn_concat (g, 0, x, nn_repeat_rows (g, nn_weight (g, token, NN_SHAPE (1, c->width)), padded (n) - n));
}

/* ---- blocks ---- */

static PentNnTensor *
attention (PentNnGraph *g, const PentZimageConfig *c, PentNnTensor *x, PentNnTensor *table)
{
  const guint *shape = NN_SHAPE (nn_dim (x, 0), c->heads, c->width / c->heads);
  PentNnTensor *q = nn_reshape (g, nn_linear (g, x, "attention.to_q", c->width), shape);
  PentNnTensor *k = nn_reshape (g, nn_linear (g, x, "attention.to_k", c->width), shape);
  PentNnTensor *v = nn_reshape (g, nn_linear (g, x, "attention.to_v", c->width), shape);

  q = nn_rope (g, nn_rms_norm (g, q, "attention.norm_q", QK_EPS), table, NULL, PENT_NN_ROPE_INTERLEAVED);
  k = nn_rope (g, nn_rms_norm (g, k, "attention.norm_k", QK_EPS), table, NULL, PENT_NN_ROPE_INTERLEAVED);

  return nn_linear (g, nn_attention (g, q, k, v, &(PentNnAttention) { 0 }), "attention.to_out.0", c->width);
}

static PentNnTensor *
feed_forward (PentNnGraph *g, const PentZimageConfig *c, PentNnTensor *x)
{
  guint ffn = (guint) ((double) c->width / 3 * 8);
  PentNnTensor *gate = nn_linear (g, x, "feed_forward.w1", ffn);
  PentNnTensor *up = nn_linear (g, x, "feed_forward.w3", ffn);

  return nn_linear (g, nn_glu (g, gate, up, PENT_NN_SILU), "feed_forward.w2", c->width);
}

/* One quarter of the modulation row [1, 4d]. */
static PentNnTensor *
quarter (PentNnGraph *g, const PentZimageConfig *c, PentNnTensor *modulation, guint i)
{
  return modulation != NULL ? nn_slice (g, modulation, -1, i * c->width, c->width) : NULL;
}

static PentNnTensor *
block (PentNnGraph *g, const PentZimageConfig *c, PentNnTensor *x, PentNnTensor *table, PentNnTensor *time)
{
  PentNnTensor *m = time != NULL ? nn_linear (g, time, "adaLN_modulation.0", 4 * c->width) : NULL;
  PentNnTensor *gate_attention = m != NULL ? nn_act (g, quarter (g, c, m, 1), PENT_NN_TANH) : NULL;
  PentNnTensor *gate_ffn = m != NULL ? nn_act (g, quarter (g, c, m, 3), PENT_NN_TANH) : NULL;
  PentNnTensor *n;

  n = nn_rms_norm (g, x, "attention_norm1", c->eps);
  n = m != NULL ? nn_modulate (g, n, quarter (g, c, m, 0), NULL) : n;
  x = nn_residual (g, x, nn_rms_norm (g, attention (g, c, n, table), "attention_norm2", c->eps), gate_attention);

  n = nn_rms_norm (g, x, "ffn_norm1", c->eps);
  n = m != NULL ? nn_modulate (g, n, quarter (g, c, m, 2), NULL) : n;
  return nn_residual (g, x, nn_rms_norm (g, feed_forward (g, c, n), "ffn_norm2", c->eps), gate_ffn);
}

static PentNnTensor *
blocks (PentNnGraph *g, const PentZimageConfig *c, const char *stem, guint n, PentNnTensor *x, PentNnTensor *table,
        PentNnTensor *time)
{
  for (guint i = 0; i < n; i++)
    {
      nn_push (g, "%s.%u.", stem, i);
      x = block (g, c, x, table, time);
      nn_pop (g);
      x = nn_name (g, x, "%s.%u", stem, i);
    }
  return x;
}

static PentNnTensor *
final_layer (PentNnGraph *g, const PentZimageConfig *c, PentNnTensor *x, PentNnTensor *time)
{
  PentNnTensor *scale;

  nn_push (g, "all_final_layer.%u-1.", c->patch);
  scale = nn_linear (g, nn_act (g, time, PENT_NN_SILU), "adaLN_modulation.1", c->width);
  x = nn_modulate (g, nn_layer_norm (g, x, NULL, FINAL_EPS), scale, NULL);
  x = nn_linear (g, x, "linear", c->patch * c->patch * c->channels);
  nn_pop (g);
  return x;
}

PentNnTensor *
pent_zimage_forward (PentNnGraph *g, const PentZimageConfig *c, PentNnTensor *latent, PentNnTensor *caption,
                     PentNnTensor *frequencies)
{
  guint rows = nn_dim (latent, 0) / c->patch, columns = nn_dim (latent, 1) / c->patch;
  guint n_picture = padded (rows * columns), n_caption = padded (nn_dim (caption, 0));
  g_autofree Position *positions = joint_positions (rows, columns, nn_dim (caption, 0));
  g_autofree char *embedder = g_strdup_printf ("all_x_embedder.%u-1", c->patch);
  PentNnTensor *time, *picture, *joint;

  time = nn_act (g, nn_linear (g, frequencies, "t_embedder.mlp.0", 1024), PENT_NN_SILU);
  time = nn_linear (g, time, "t_embedder.mlp.2", MIN (c->width, 256));
  time = nn_name (g, time, "time");

  picture = pad (g, c, nn_linear (g, nn_patchify (g, latent, c->patch), embedder, c->width), "x_pad_token");
  picture = blocks (g, c, "noise_refiner", c->refiners, picture, rope_table (g, c, positions, n_picture), time);

  caption = nn_linear (g, nn_rms_norm (g, caption, "cap_embedder.0", c->eps), "cap_embedder.1", c->width);
  caption = pad (g, c, caption, "cap_pad_token");
  caption = blocks (g, c, "context_refiner", c->refiners, caption, rope_table (g, c, positions + n_picture, n_caption), NULL);

  joint = nn_concat (g, 0, picture, caption);
  joint = blocks (g, c, "layers", c->layers, joint, rope_table (g, c, positions, n_picture + n_caption), time);

  picture = final_layer (g, c, nn_slice (g, joint, 0, 0, rows * columns), time);
  return nn_unpatchify (g, picture, rows * c->patch, columns * c->patch, c->patch);
}
