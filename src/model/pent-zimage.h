/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-json.h"
#include "pent-nn.h"

G_BEGIN_DECLS

/* The denoiser of Z-Image: a single-stream transformer over caption and picture tokens ("S3-DiT"). */
typedef struct {
  guint  width, layers, refiners, heads, channels, patch, caption_width;
  guint  axes[3];                   /* rotary dimensions of (caption index or frame, y, x); they add up to the head */
  double eps, rope_theta, t_scale;
} PentZimageConfig;

#define PENT_ZIMAGE_TOKENS 32       /* both sequences are padded to multiples of it with learned tokens */
#define PENT_ZIMAGE_FREQUENCIES 256 /* width of the sinusoidal embedding of t */

/* From a diffusers config.json, or from the weights where a single file comes without one. */
gboolean      pent_zimage_config_read (PentZimageConfig *config, PentFiles *files, const char *name, GError **error);
gboolean      pent_zimage_config_infer (PentZimageConfig *config, PentNnWeights *weights, GError **error);

/* Makes the original layout's names (fused qkv, "model.diffusion_model." in front) those of the diffusers layout. */
gboolean      pent_zimage_rename (PentNnWeights *weights, GError **error);

/* latent [h, w, channels], caption [n, caption_width], frequencies [1, 256] -> [h, w, channels].
 * The result points from noise to picture: velocity = -result. */
PentNnTensor *pent_zimage_forward (PentNnGraph *g, const PentZimageConfig *config, PentNnTensor *latent,
                                   PentNnTensor *caption, PentNnTensor *frequencies);

/* The sinusoidal embedding of t = 1 - sigma, angles in double. */
void          pent_zimage_frequencies (const PentZimageConfig *config, double t, float *frequencies);

G_END_DECLS
