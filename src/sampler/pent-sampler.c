/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-sampler.h"
#include "sampler-list.h"

#include "pent-noise.h"

struct _PentSampler {
  const PentSamplerClass *klass;
  double                 *sigmas;     /* [steps + 1] */
  gpointer                state;
  PentSamplerStep         at;
};

#define PENT_SAMPLER(name) extern const PentSamplerClass pent_sampler_##name;
PENT_SAMPLER_LIST
#undef PENT_SAMPLER

#define PENT_SAMPLER(name) &pent_sampler_##name,
const PentSamplerClass *const pent_samplers[] = { PENT_SAMPLER_LIST NULL };
#undef PENT_SAMPLER

const char *const pent_sampler_names[] = { PENT_SAMPLER_NAMES NULL };

static void
draw_noise (float *dst, gsize n, guint64 seed, guint index, gsize first, gpointer data)
{
  pent_noise_normal (dst, n, seed, PENT_NOISE_STEP + ((guint32) index << 8), first);
}

static gboolean
answers_to (const PentSamplerClass *klass, const char *name)
{
  if (g_ascii_strcasecmp (klass->name, name) == 0)
    return TRUE;
  for (guint i = 0; klass->aliases != NULL && klass->aliases[i] != NULL; i++)
    if (g_ascii_strcasecmp (klass->aliases[i], name) == 0)
      return TRUE;
  return FALSE;
}

const PentSamplerClass *
pent_sampler_find (const char *name)
{
  g_return_val_if_fail (name != NULL, NULL);

  for (guint i = 0; pent_samplers[i] != NULL; i++)
    if (answers_to (pent_samplers[i], name))
      return pent_samplers[i];
  return NULL;
}

PentSampler *
pent_sampler_new (const PentSamplerClass *klass, const double *sigmas, guint steps, guint64 seed)
{
  PentSampler *self;

  g_return_val_if_fail (klass != NULL, NULL);
  g_return_val_if_fail (sigmas != NULL, NULL);
  g_return_val_if_fail (steps < G_MAXUINT, NULL);

  self = g_new0 (PentSampler, 1);
  self->klass = klass;
  self->sigmas = g_memdup2 (sigmas, ((gsize) steps + 1) * sizeof (double));
  self->state = klass->state_size > 0 ? g_malloc0 (klass->state_size) : NULL;
  self->at.sigmas = self->sigmas;
  self->at.steps = steps;
  self->at.sigma = sigmas[0];
  self->at.seed = seed;
  self->at.noise = draw_noise;
  return self;
}

void
pent_sampler_free (PentSampler *self)
{
  if (self == NULL)
    return;

  if (self->klass->clear != NULL)
    self->klass->clear (self->state);
  g_free (self->state);
  g_free (self->sigmas);
  g_free (self);
}

void
pent_sampler_set_noise (PentSampler *self, PentSamplerNoise noise, gpointer data)
{
  g_return_if_fail (self != NULL);

  self->at.noise = noise != NULL ? noise : draw_noise;
  self->at.noise_data = noise != NULL ? data : NULL;
}

guint
pent_sampler_get_steps (PentSampler *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->at.steps;
}

guint
pent_sampler_get_index (PentSampler *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->at.index;
}

double
pent_sampler_get_sigma (PentSampler *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->at.sigma;
}

gboolean
pent_sampler_done (PentSampler *self)
{
  g_return_val_if_fail (self != NULL, TRUE);

  return self->at.index >= self->at.steps;
}

void
pent_sampler_step (PentSampler *self, float *x, const float *velocity, gsize n)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (x != NULL);
  g_return_if_fail (velocity != NULL);
  g_return_if_fail (!pent_sampler_done (self));

  if (!self->klass->step (self->state, &self->at, x, velocity, n))
    {
      self->at.stage++;
      return;
    }
  self->at.stage = 0;
  self->at.index++;
  self->at.sigma = self->sigmas[self->at.index];
}
