/* SPDX-License-Identifier: GPL-3.0-or-later */

/* AutoencoderKL (arXiv:2112.10752 and its descendants).  Levels 0 … L-1 of widths W0 … W(L-1).
 *
 *   encode: conv_in 3 -> W0;  each level: N resnets to Wi, then but for the last a 3x3 convolution of stride 2;
 *           resnet, attention, resnet;  norm, silu, conv_out -> 2*latent;  quant_conv
 *   decode: post_quant_conv;  conv_in latent -> W(L-1);  resnet, attention, resnet;
 *           each level from the last to the first: N+1 resnets to Wi, then but for level 0 twice the size and a 3x3 convolution;
 *           norm, silu, conv_out -> 3
 *   resnet:    x + conv2 (silu (norm2 (conv1 (silu (norm1 x))))), x through a 1x1 convolution where the width changes
 *   attention: one head as wide as the picture's channels, over all pixels, with biases
 *
 *   encoder.down_blocks.I.resnets.J. (norm1 conv1 norm2 conv2 conv_shortcut)   .downsamplers.0.conv
 *   decoder.up_blocks.I.resnets.J.                                             .upsamplers.0.conv   (I counts from the narrow end)
 *   (en|de)coder.mid_block.resnets.0/1, .attentions.0. (group_norm to_q to_k to_v to_out.0)
 *   (en|de)coder.conv_in  .conv_norm_out  .conv_out      quant_conv  post_quant_conv
 *
 * Easy to get wrong: the convolution of stride 2 is padded below and right only; the original layout counts the decoder's
 * levels the other way round; the latent is scaled after the shift is taken off. */

#include "pent-autoencoder-kl.h"

#include <string.h>
#include "pent-error.h"

#define EPS 1e-6

gboolean
pent_autoencoder_config_read (PentAutoencoderConfig *config, PentFiles *files, const char *name, GError **error)
{
  g_auto (PentJson) j = PENT_JSON_INIT;

  pent_json_load (&j, files, name);
  *config = (PentAutoencoderConfig) {
    .resnets = pent_json_int (&j, "layers_per_block", 2, 1, 16),
    .groups = pent_json_int (&j, "norm_num_groups", 32, 1, 1024),
    .latent = pent_json_int (&j, "latent_channels", 4, 1, 256),
    .sample_size = pent_json_int (&j, "sample_size", 512, 1, 1 << 16),
    .quant = pent_json_bool (&j, "use_quant_conv", TRUE),
    .post_quant = pent_json_bool (&j, "use_post_quant_conv", TRUE),
    .scaling = pent_json_float (&j, "scaling_factor", 0.18215, 1e-6, 1e6),
    .shift = pent_json_float (&j, "shift_factor", 0, -1e6, 1e6),
  };
  config->levels = pent_json_ints (&j, "block_out_channels", config->widths, PENT_AUTOENCODER_MAX_LEVELS, 1, 1 << 14);

  if (j.error == NULL && config->levels == 0)
    pent_json_fail (&j, "block_out_channels", "is missing");
  for (guint i = 0; j.error == NULL && i < config->levels; i++)
    if (config->widths[i] % config->groups != 0)
      pent_json_fail (&j, "norm_num_groups", "is %u, which does not divide %u of block_out_channels", config->groups,
                      config->widths[i]);
  if (j.error == NULL && !pent_json_bool (&j, "mid_block_add_attention", TRUE))
    pent_json_fail (&j, "mid_block_add_attention", "is false, which is not supported");

  return pent_json_finish (&j, error);
}

/* First axis of the weight stem<index>tail behind one of the known prefixes, or 0.  A tail of NULL: stem is the name. */
static guint
rows_of (PentNnWeights *weights, const char *stem, guint index, const char *tail)
{
  static const char *const prefixes[] = { "", "first_stage_model.", "vae." };

  for (guint i = 0; i < G_N_ELEMENTS (prefixes); i++)
    {
      g_autofree char *name = tail != NULL ? g_strdup_printf ("%s%s%u%s", prefixes[i], stem, index, tail)
                                           : g_strconcat (prefixes[i], stem, NULL);
      const PentNnWeight *weight = pent_nn_weights_get (weights, name);

      if (weight != NULL && weight->n_dims > 0)
        return weight->shape[0];
    }
  return 0;
}

gboolean
pent_autoencoder_config_infer (PentAutoencoderConfig *config, PentNnWeights *weights, double scaling, double shift,
                               GError **error)
{
  static const struct { const char *level, *first, *resnet; } layouts[] = {
    { "encoder.down_blocks.", ".resnets.0.conv1.weight", "encoder.down_blocks.0.resnets." },
    { "encoder.down.", ".block.0.conv1.weight", "encoder.down.0.block." },
  };

  *config = (PentAutoencoderConfig) {
    .groups = 32, .sample_size = 1024, .scaling = scaling, .shift = shift,
    .latent = rows_of (weights, "encoder.conv_out.weight", 0, NULL) / 2,
    .quant = rows_of (weights, "quant_conv.weight", 0, NULL) > 0,
    .post_quant = rows_of (weights, "post_quant_conv.weight", 0, NULL) > 0,
  };

  for (guint l = 0; l < G_N_ELEMENTS (layouts) && config->levels == 0; l++)
    {
      while (config->levels < PENT_AUTOENCODER_MAX_LEVELS &&
             (config->widths[config->levels] = rows_of (weights, layouts[l].level, config->levels, layouts[l].first)) > 0)
        config->levels++;
      while (config->levels > 0 && rows_of (weights, layouts[l].resnet, config->resnets, ".conv1.weight") > 0)
        config->resnets++;
    }

  if (config->levels == 0 || config->latent == 0 || config->widths[0] % config->groups != 0)
    return g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL, "%s is not an autoencoder of a known layout",
                        pent_nn_weights_get_label (weights)), FALSE;
  return TRUE;
}

/* ---- names of other layouts ---- */

gboolean
pent_autoencoder_rename (const PentAutoencoderConfig *config, PentNnWeights *weights, GError **error)
{
  static const PentNnRename prefixes[] = { { "first_stage_model.*", "*" }, { "vae.*", "*" }, { NULL } };
  static const PentNnRename old_attention[] = {
    { "*.attentions.0.query.*", "*.attentions.0.to_q.*" },
    { "*.attentions.0.key.*", "*.attentions.0.to_k.*" },
    { "*.attentions.0.value.*", "*.attentions.0.to_v.*" },
    { "*.attentions.0.proj_attn.*", "*.attentions.0.to_out.0.*" },
    { NULL }
  };
  static const PentNnRename original[] = {
    { "*.mid.attn_1.norm.*", "*.mid_block.attentions.0.group_norm.*" },
    { "*.mid.attn_1.q.*", "*.mid_block.attentions.0.to_q.*" },
    { "*.mid.attn_1.k.*", "*.mid_block.attentions.0.to_k.*" },
    { "*.mid.attn_1.v.*", "*.mid_block.attentions.0.to_v.*" },
    { "*.mid.attn_1.proj_out.*", "*.mid_block.attentions.0.to_out.0.*" },
    { "*.mid.block_1.*", "*.mid_block.resnets.0.*" },
    { "*.mid.block_2.*", "*.mid_block.resnets.1.*" },
    { "*coder.norm_out.*", "*coder.conv_norm_out.*" },
    { "encoder.down.*.block.*.nin_shortcut.*", "encoder.down_blocks.*.resnets.*.conv_shortcut.*" },
    { "encoder.down.*.block.*", "encoder.down_blocks.*.resnets.*" },
    { "encoder.down.*.downsample.*", "encoder.down_blocks.*.downsamplers.0.*" },
    { NULL }
  };
  g_autoptr (GArray) levels = g_array_new (TRUE, TRUE, sizeof (PentNnRename));
  g_autoptr (GPtrArray) strings = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < config->levels; i++)
    {
      static const char *const parts[][2] = {
        { "block.*.nin_shortcut.*", "resnets.*.conv_shortcut.*" },
        { "block.*", "resnets.*" },
        { "upsample.*", "upsamplers.0.*" },
      };

      for (guint k = 0; k < G_N_ELEMENTS (parts); k++)
        {
          char *from = g_strdup_printf ("decoder.up.%u.%s", i, parts[k][0]);
          char *to = g_strdup_printf ("decoder.up_blocks.%u.%s", config->levels - 1 - i, parts[k][1]);

          g_ptr_array_add (strings, from);
          g_ptr_array_add (strings, to);
          g_array_append_val (levels, ((PentNnRename) { from, to }));
        }
    }

  return pent_nn_weights_rename (weights, prefixes, error) &&
         pent_nn_weights_rename (weights, old_attention, error) &&
         pent_nn_weights_rename (weights, original, error) &&
         pent_nn_weights_rename (weights, (const PentNnRename *) levels->data, error);
}

/* ---- blocks ---- */

static PentNnTensor *
norm_silu (PentNnGraph *g, const PentAutoencoderConfig *c, PentNnTensor *x, const char *name)
{
  return nn_act (g, nn_group_norm (g, x, name, c->groups, EPS), PENT_NN_SILU);
}

static PentNnTensor *
conv3 (PentNnGraph *g, PentNnTensor *x, const char *name, guint n_out)
{
  return nn_conv2d (g, x, name, n_out, 3, 1, 1, 1);
}

static PentNnTensor *
resnet (PentNnGraph *g, const PentAutoencoderConfig *c, PentNnTensor *x, guint n_out)
{
  PentNnTensor *y = conv3 (g, norm_silu (g, c, x, "norm1"), "conv1", n_out);

  y = conv3 (g, norm_silu (g, c, y, "norm2"), "conv2", n_out);
  if (nn_dim (x, -1) != n_out)
    x = nn_conv2d (g, x, "conv_shortcut", n_out, 1, 1, 0, 0);
  return nn_residual (g, x, y, NULL);
}

static PentNnTensor *
attention (PentNnGraph *g, const PentAutoencoderConfig *c, PentNnTensor *x)
{
  guint n = nn_dim (x, 0), h = nn_dim (x, 1), w = nn_dim (x, 2), width = nn_dim (x, 3);
  PentNnTensor *y = nn_reshape (g, nn_group_norm (g, x, "group_norm", c->groups, EPS), NN_SHAPE (n, h * w, width));
  PentNnTensor *q = nn_reshape (g, nn_linear (g, y, "to_q", width), NN_SHAPE (n, h * w, 1, width));
  PentNnTensor *k = nn_reshape (g, nn_linear (g, y, "to_k", width), NN_SHAPE (n, h * w, 1, width));
  PentNnTensor *v = nn_reshape (g, nn_linear (g, y, "to_v", width), NN_SHAPE (n, h * w, 1, width));

  y = nn_linear (g, nn_attention (g, q, k, v, &(PentNnAttention) { 0 }), "to_out.0", width);
  return nn_residual (g, x, nn_reshape (g, y, NN_SHAPE (n, h, w, width)), NULL);
}

static PentNnTensor *
resnets (PentNnGraph *g, const PentAutoencoderConfig *c, PentNnTensor *x, guint n, guint width)
{
  for (guint j = 0; j < n; j++)
    {
      nn_push (g, "resnets.%u.", j);
      x = resnet (g, c, x, width);
      nn_pop (g);
    }
  return x;
}

static PentNnTensor *
mid_block (PentNnGraph *g, const PentAutoencoderConfig *c, PentNnTensor *x)
{
  guint width = nn_dim (x, -1);

  nn_push (g, "mid_block.resnets.0.");
  x = resnet (g, c, x, width);
  nn_pop (g);
  nn_push (g, "mid_block.attentions.0.");
  x = attention (g, c, x);
  nn_pop (g);
  nn_push (g, "mid_block.resnets.1.");
  x = resnet (g, c, x, width);
  nn_pop (g);
  return x;
}

/* ---- the two halves ---- */

PentNnTensor *
pent_autoencoder_encode (PentNnGraph *g, const PentAutoencoderConfig *c, PentNnTensor *picture)
{
  PentNnTensor *x;

  nn_push (g, "encoder.");
  x = conv3 (g, picture, "conv_in", c->widths[0]);
  for (guint i = 0; i < c->levels; i++)
    {
      nn_push (g, "down_blocks.%u.", i);
      x = resnets (g, c, x, c->resnets, c->widths[i]);
      if (i + 1 < c->levels)
        x = nn_conv2d (g, x, "downsamplers.0.conv", c->widths[i], 3, 2, 0, 1);
      nn_pop (g);
    }
  x = nn_name (g, mid_block (g, c, x), "encoder.mid");
  x = conv3 (g, norm_silu (g, c, x, "conv_norm_out"), "conv_out", 2 * c->latent);
  nn_pop (g);

  return c->quant ? nn_conv2d (g, x, "quant_conv", 2 * c->latent, 1, 1, 0, 0) : x;
}

PentNnTensor *
pent_autoencoder_decode (PentNnGraph *g, const PentAutoencoderConfig *c, PentNnTensor *latent)
{
  PentNnTensor *x = c->post_quant ? nn_conv2d (g, latent, "post_quant_conv", c->latent, 1, 1, 0, 0) : latent;

  nn_push (g, "decoder.");
  x = nn_name (g, conv3 (g, x, "conv_in", c->widths[c->levels - 1]), "decoder.in");
  x = nn_name (g, mid_block (g, c, x), "decoder.mid");
  for (guint i = 0; i < c->levels; i++)
    {
      guint width = c->widths[c->levels - 1 - i];

      nn_push (g, "up_blocks.%u.", i);
      x = resnets (g, c, x, c->resnets + 1, width);
      if (i + 1 < c->levels)
        x = conv3 (g, nn_upsample2 (g, x), "upsamplers.0.conv", width);
      nn_pop (g);
      x = nn_name (g, x, "decoder.up.%u", i);
    }
  x = conv3 (g, norm_silu (g, c, x, "conv_norm_out"), "conv_out", 3);
  nn_pop (g);
  return x;
}
