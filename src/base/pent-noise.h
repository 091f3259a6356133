/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Counter-based noise: Philox 4x32-10 (Salmon et al., SC 2011), mapped to N(0,1).
 * The value depends on (seed, stream, index) alone: the same on every machine, at every batch size and whatever was
 * drawn before.  Only + - * / and sqrt in IEEE double are used after the integer part, so it is the same bit for bit.
 *
 * stream separates uses of one seed: see the PentNoiseStream values.  Thread-safety: pure functions. */
typedef enum {
  PENT_NOISE_LATENT = 0,      /* the starting latent */
  PENT_NOISE_STEP = 1,        /* noise that an ancestral or stochastic sampler adds; + step << 8 */
  PENT_NOISE_ENCODE = 2,      /* sampling the VAE's posterior */
  PENT_NOISE_TEXT = 3,        /* choosing tokens */
} PentNoiseStream;

/* dst[i] = normal (seed, stream, first + i) for i in [0, n). */
void   pent_noise_normal (float *dst, gsize n, guint64 seed, guint32 stream, guint64 first);

/* Uniform in [0, 1), 53 bits. */
double pent_noise_uniform (guint64 seed, guint32 stream, guint64 index);

G_END_DECLS
