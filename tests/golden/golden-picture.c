/* SPDX-License-Identifier: GPL-3.0-or-later */

/* One forward pass of a denoiser, and both halves of an autoencoder. */

#include <math.h>
#include <string.h>
#include "golden.h"
#include "pent-autoencoder-kl.h"
#include "pent-zimage.h"

/* [c, n] -> [n, c] and back. */
static void
transpose (const float *from, float *to, gsize rows, gsize columns)
{
  for (gsize i = 0; i < rows; i++)
    for (gsize j = 0; j < columns; j++)
      to[j * rows + i] = from[i * columns + j];
}

/* The checkpoint in the original layout, or the diffusers folder. */
static PentNnWeights *
open_checkpoint (GoldenCase *c, const char *folder, GError **error)
{
  g_autofree char *diffusers = g_strconcat (folder, "/diffusion_pytorch_model.safetensors", NULL);
  gboolean has_folder = pent_files_has (c->files, diffusers);
  const char *name = has_folder ? diffusers : "single_file.safetensors";

  return pent_nn_weights_open (c->files, (const char *const[]) { name, NULL }, error);
}

static gboolean
run_zimage_item (GoldenCase *c, PentNnModule *module, const PentZimageConfig *config, guint item, GError **error)
{
  guint height = golden_dim (c, "input.x", 3), width = golden_dim (c, "input.x", 4), channels = config->channels;
  gsize n = (gsize) height * width * channels;
  g_autofree char *caption_name = g_strdup_printf ("input.cap_feats.%u", item);
  g_autofree char *name = g_strdup_printf ("sample.%u", item);
  g_autofree char *alone = g_strdup_printf ("output.sample_alone.%u", item);
  g_autofree float *x = golden_floats (c, "input.x", NULL);
  g_autofree float *t = golden_floats (c, "input.t", NULL);
  g_autofree float *caption = golden_floats (c, caption_name, NULL);
  g_autofree float *pixels = g_new (float, n);
  g_autofree float *planes = g_new (float, n);
  guint tokens = golden_dim (c, caption_name, 0);
  g_autoptr (PentNnGraph) g = pent_nn_graph_new (module, "denoiser");
  float frequencies[PENT_ZIMAGE_FREQUENCIES];

  nn_output (g, "sample",
             pent_zimage_forward (g, config, nn_input (g, "x", PENT_DTYPE_F32, NN_SHAPE (height, width, channels)),
                                  nn_input (g, "caption", PENT_DTYPE_F32, NN_SHAPE (tokens, config->caption_width)),
                                  nn_input (g, "time", PENT_DTYPE_F32, NN_SHAPE (1, PENT_ZIMAGE_FREQUENCIES))));
  if (!pent_nn_graph_compile (g, error))
    return FALSE;

  transpose (x + item * n, pixels, channels, (gsize) height * width);
  pent_zimage_frequencies (config, t[item], frequencies);
  pent_nn_graph_set (g, "x", pixels, n * sizeof (float));
  pent_nn_graph_set (g, "caption", caption, (gsize) tokens * config->caption_width * sizeof (float));
  pent_nn_graph_set (g, "time", frequencies, sizeof frequencies);
  if (!pent_nn_graph_run (g, NULL, error))
    return FALSE;

  pent_nn_graph_get (g, "sample", pixels, n * sizeof (float));
  transpose (pixels, planes, (gsize) height * width, channels);
  golden_compare (c, name, planes, n);
  if (golden_has (c, alone))
    golden_compare (c, alone + strlen ("output."), planes, n);
  return TRUE;
}

gboolean
golden_run_zimage (GoldenCase *c, GError **error)
{
  g_autoptr (PentNnWeights) weights = open_checkpoint (c, "transformer", error);
  g_autoptr (PentFiles) files = golden_config (c, NULL);
  g_autoptr (PentNnModule) module = NULL;
  PentZimageConfig config;

  if (weights == NULL || !pent_zimage_rename (weights, error) ||
      !pent_zimage_config_read (&config, files, "config.json", error))
    return FALSE;

  module = pent_nn_module_new (c->context, weights, PENT_NN_PRECISION_F32);
  for (guint item = 0; item < golden_dim (c, "input.x", 0); item++)
    if (!run_zimage_item (c, module, &config, item, error))
      return FALSE;
  return TRUE;
}

/* ---- autoencoder ---- */

/* Runs a graph of one input and one output over a batch of planes; returns planes. */
static float *
run_planes (PentNnGraph *g, const float *planes, guint batch, guint channels, gsize n, guint out_channels, gsize n_out,
            GError **error)
{
  g_autofree float *in = g_new (float, batch * channels * n);
  g_autofree float *out = g_new (float, batch * out_channels * n_out);
  float *result;

  if (!pent_nn_graph_compile (g, error))
    return NULL;
  for (guint b = 0; b < batch; b++)
    transpose (planes + b * channels * n, in + b * channels * n, channels, n);
  pent_nn_graph_set (g, "in", in, batch * channels * n * sizeof (float));
  if (!pent_nn_graph_run (g, NULL, error))
    return NULL;

  pent_nn_graph_get (g, "out", out, batch * out_channels * n_out * sizeof (float));
  result = g_new (float, batch * out_channels * n_out);
  for (guint b = 0; b < batch; b++)
    transpose (out + b * out_channels * n_out, result + b * out_channels * n_out, n_out, out_channels);
  return result;
}

static gboolean
run_encoder (GoldenCase *c, PentNnModule *module, const PentAutoencoderConfig *config, GError **error)
{
  guint batch = golden_dim (c, "input.image", 0), h = golden_dim (c, "input.image", 2), w = golden_dim (c, "input.image", 3);
  guint lh = golden_dim (c, "output.mean", 2), lw = golden_dim (c, "output.mean", 3), channels = config->latent;
  gsize n = (gsize) lh * lw * channels;
  g_autoptr (PentNnGraph) g = pent_nn_graph_new (module, "encoder");
  g_autofree float *image = golden_floats (c, "input.image", NULL);
  g_autofree float *noise = golden_floats (c, "input.noise", NULL);
  g_autofree float *mean = g_new (float, batch * n);
  g_autofree float *logvar = g_new (float, batch * n);
  g_autofree float *latents = g_new (float, batch * n);
  g_autofree float *posterior = NULL;

  nn_output (g, "out", pent_autoencoder_encode (g, config, nn_input (g, "in", PENT_DTYPE_F32, NN_SHAPE (batch, h, w, 3))));
  posterior = run_planes (g, image, batch, 3, (gsize) h * w, 2 * channels, (gsize) lh * lw, error);
  if (posterior == NULL)
    return FALSE;

  for (gsize i = 0; i < batch * n; i++)
    {
      gsize b = i / n, at = b * 2 * n + i % n;

      mean[i] = posterior[at];
      logvar[i] = CLAMP (posterior[at + n], -30, 20);
      latents[i] = (mean[i] + exp (logvar[i] / 2) * noise[i] - config->shift) * config->scaling;
    }
  golden_compare (c, "mean", mean, batch * n);
  golden_compare (c, "logvar", logvar, batch * n);
  golden_compare (c, "latents", latents, batch * n);
  return TRUE;
}

static gboolean
run_decoder (GoldenCase *c, PentNnModule *module, const PentAutoencoderConfig *config, GError **error)
{
  guint batch = golden_dim (c, "input.latents", 0), h = golden_dim (c, "input.latents", 2), w = golden_dim (c, "input.latents", 3);
  guint factor = 1u << (config->levels - 1);
  gsize n = (gsize) h * w, n_latents, n_out = n * factor * factor;
  g_autoptr (PentNnGraph) g = pent_nn_graph_new (module, "decoder");
  g_autofree float *latents = golden_floats (c, "input.latents", &n_latents);
  g_autofree float *picture = NULL;

  for (gsize i = 0; i < n_latents; i++)
    latents[i] = latents[i] / config->scaling + config->shift;
  nn_output (g, "out", pent_autoencoder_decode (g, config, nn_input (g, "in", PENT_DTYPE_F32, NN_SHAPE (batch, h, w, config->latent))));
  picture = run_planes (g, latents, batch, config->latent, n, 3, n_out, error);
  if (picture == NULL)
    return FALSE;

  golden_compare (c, "image", picture, batch * 3 * n_out);
  return TRUE;
}

/* Every checkpoint of the case: the folder and the single file hold the same weights under other names. */
gboolean
golden_run_vae (GoldenCase *c, GError **error)
{
  static const char *const names[] = { "vae/diffusion_pytorch_model.safetensors", "single_file.safetensors" };
  g_autoptr (PentFiles) files = golden_config (c, NULL);
  PentAutoencoderConfig config;

  if (!pent_autoencoder_config_read (&config, files, "config.json", error))
    return FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (PentNnWeights) weights = NULL;
      g_autoptr (PentNnModule) module = NULL;

      if (!pent_files_has (c->files, names[i]))
        continue;
      weights = pent_nn_weights_open (c->files, (const char *const[]) { names[i], NULL }, error);
      if (weights == NULL || !pent_autoencoder_rename (&config, weights, error))
        return FALSE;
      module = pent_nn_module_new (c->context, weights, PENT_NN_PRECISION_F32);
      if (!run_encoder (c, module, &config, error) || !run_decoder (c, module, &config, error))
        return FALSE;
    }
  return TRUE;
}
