/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* PentSampler: integrates from noise to a latent.  One file per sampler, describing itself; the list in meson.build is the
 * registry.  The sampler sees latents as flat arrays of n floats and never the model.
 *
 * Prediction convention: `velocity` is d x / d sigma (flow matching); families with another convention convert before.
 * Thread-safety: a sampler object belongs to one thread. */
typedef struct _PentSampler PentSampler;

typedef struct {
  const char *name;                       /* "euler": also how --sampler takes it */
  const char *label;                      /* N_("Euler") */
  const char *const *aliases;             /* as other programs spell it; NULL-terminated */
  gsize       state_size;
  /* x := x at sigmas[i + 1].  state is zeroed before step 0. */
  void      (*step) (gpointer state, float *x, const float *velocity, gsize n, const double *sigmas, guint i,
                     guint steps, guint64 seed);
  void      (*clear) (gpointer state);    /* may be NULL */
} PentSamplerClass;

extern const PentSamplerClass *const pent_samplers[];            /* NULL-terminated */
const PentSamplerClass *pent_sampler_find (const char *name);    /* by name or alias, ASCII case ignored; or NULL */

/* sigmas[0 … steps]; copied. */
PentSampler *pent_sampler_new (const PentSamplerClass *klass, const double *sigmas, guint steps, guint64 seed);
void         pent_sampler_free (PentSampler *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentSampler, pent_sampler_free)

guint        pent_sampler_get_steps (PentSampler *self);
double       pent_sampler_get_sigma (PentSampler *self);         /* at which the model is asked next */
gboolean     pent_sampler_done (PentSampler *self);
void         pent_sampler_step (PentSampler *self, float *x, const float *velocity, gsize n);

G_END_DECLS
