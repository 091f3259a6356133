/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* PentSampler: integrates from noise to a latent.  One file per sampler, describing itself; the list in meson.build is
 * the registry.  The sampler sees latents as flat arrays of n floats and never the model.
 *
 * The caller's loop, the same for every sampler, however often it asks the model in one interval of the schedule:
 *   while (!pent_sampler_done (s))
 *     { velocity = model (x, pent_sampler_get_sigma (s));  pent_sampler_step (s, x, velocity, n); }
 *
 * Prediction convention: `velocity` is d x / d sigma (flow matching); families with another convention convert before.
 * Thread-safety: a sampler object belongs to one thread. */
typedef struct _PentSampler PentSampler;

/* dst[0 … n) := elements first … first + n of the N(0,1) noise of interval `index`.  The built-in source is
 * pent_noise_normal (seed, PENT_NOISE_STEP + (index << 8)). */
typedef void (*PentSamplerNoise) (float *dst, gsize n, guint64 seed, guint index, gsize first, gpointer data);

/* What a sampler's step is told. */
typedef struct {
  const double    *sigmas;                /* [steps + 1] */
  guint            steps;
  guint            index;                 /* the interval: from sigmas[index] to sigmas[index + 1] */
  guint            stage;                 /* 0 for the first velocity in this interval, then 1, … */
  double           sigma;                 /* at which the velocity was taken; a step that returns FALSE sets the next */
  guint64          seed;
  PentSamplerNoise noise;
  gpointer         noise_data;
} PentSamplerStep;

typedef struct {
  const char *name;                       /* "euler": also how --sampler takes it */
  const char *label;                      /* N_("Euler") */
  const char *const *aliases;             /* as other programs spell it; NULL-terminated */
  gsize       state_size;
  /* Takes one velocity.  TRUE: x is now at sigmas[index + 1].  FALSE: one more velocity is needed in this interval, at
   * the x and at->sigma left behind.  state is zeroed before the first step; n never changes. */
  gboolean  (*step) (gpointer state, PentSamplerStep *at, float *x, const float *velocity, gsize n);
  void      (*clear) (gpointer state);    /* may be NULL */
} PentSamplerClass;

extern const PentSamplerClass *const pent_samplers[];            /* NULL-terminated */
extern const char *const pent_sampler_names[];                   /* theirs, in the same order; NULL-terminated */
const PentSamplerClass *pent_sampler_find (const char *name);    /* by name or alias, ASCII case ignored; or NULL */

/* sigmas[0 … steps]; copied. */
PentSampler *pent_sampler_new (const PentSamplerClass *klass, const double *sigmas, guint steps, guint64 seed);
void         pent_sampler_free (PentSampler *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentSampler, pent_sampler_free)

/* Another source of noise for samplers that add some (tests, replays); NULL: the built-in one. */
void         pent_sampler_set_noise (PentSampler *self, PentSamplerNoise noise, gpointer data);

guint        pent_sampler_get_steps (PentSampler *self);
guint        pent_sampler_get_index (PentSampler *self);         /* intervals finished, 0 … steps: for progress */
double       pent_sampler_get_sigma (PentSampler *self);         /* at which the model is asked next */
gboolean     pent_sampler_done (PentSampler *self);
void         pent_sampler_step (PentSampler *self, float *x, const float *velocity, gsize n);

G_END_DECLS
