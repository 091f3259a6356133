/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-json.h"
#include "pent-nn.h"

G_BEGIN_DECLS

/* The convolutional variational autoencoder of latent diffusion: SD, SDXL, SD3, FLUX.1, Z-Image. */
#define PENT_AUTOENCODER_MAX_LEVELS 6

typedef struct {
  guint    levels;                                    /* each but the last halves the picture */
  guint    widths[PENT_AUTOENCODER_MAX_LEVELS];
  guint    resnets;                                   /* a level of the encoder; the decoder has one more */
  guint    groups, latent, sample_size;
  gboolean quant, post_quant;                         /* 1x1 convolutions around the latent */
  double   scaling, shift;                            /* denoiser's latent = (vae's - shift) * scaling */
} PentAutoencoderConfig;

gboolean      pent_autoencoder_config_read (PentAutoencoderConfig *config, PentFiles *files, const char *name,
                                            GError **error);

/* Without a config.json: sizes from the weights in either layout, 32 groups, and the scale given. */
gboolean      pent_autoencoder_config_infer (PentAutoencoderConfig *config, PentNnWeights *weights, double scaling,
                                             double shift, GError **error);

/* Makes the names of the original single files (prefix "first_stage_model.", "vae." or none) and of older diffusers
 * attention layers those used here. */
gboolean      pent_autoencoder_rename (const PentAutoencoderConfig *config, PentNnWeights *weights, GError **error);

/* picture [n, h, w, 3] in [-1, 1] -> mean and log variance [n, h/f, w/f, 2*latent], f = 2^(levels - 1). */
PentNnTensor *pent_autoencoder_encode (PentNnGraph *g, const PentAutoencoderConfig *config, PentNnTensor *picture);

/* latent [n, h, w, latent] in the vae's own scale -> picture [n, h*f, w*f, 3], not clamped. */
PentNnTensor *pent_autoencoder_decode (PentNnGraph *g, const PentAutoencoderConfig *config, PentNnTensor *latent);

G_END_DECLS
