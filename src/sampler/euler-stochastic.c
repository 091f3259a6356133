/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stochastic Euler for flow matching: goes all the way to the picture that the velocity promises and mixes it with
 * fresh noise; what few-step distilled models were trained for.
 *   x0 = x - sigma v;   x := (1 - sigma') x0 + sigma' noise */
#include "pent-sampler.h"

#include <glib/gi18n.h>

#define CHUNK 512

static const char *const aliases[] = { "euler_ancestral_flow", "flow_euler_stochastic", "lcm", NULL };

static gboolean
euler_stochastic_step (gpointer state, PentSamplerStep *at, float *x, const float *velocity, gsize n)
{
  float sigma = (float) at->sigmas[at->index];
  float next = (float) at->sigmas[at->index + 1];
  float noise[CHUNK] = { 0 };

  for (gsize first = 0; first < n; first += CHUNK)
    {
      gsize count = MIN (n - first, (gsize) CHUNK);

      if (next > 0)
        at->noise (noise, count, at->seed, at->index, first, at->noise_data);
      for (gsize i = first; i < first + count; i++)
        x[i] = (1 - next) * (x[i] - sigma * velocity[i]) + next * noise[i - first];
    }
  return TRUE;
}

const PentSamplerClass pent_sampler_euler_stochastic = {
  .name = "euler-stochastic",
  .label = N_("Euler, stochastic"),
  .aliases = aliases,
  .step = euler_stochastic_step,
};
