/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Heun's second-order method: a step to sigma' with v, then half of what the velocity v' found there differs from v.
 *   x' = x + dt v;   x := x' + dt (v' - v) / 2  =  x + dt (v + v') / 2
 * Two velocities an interval; one where sigma' is 0, where a flow model has nothing more to say. */
#include "pent-sampler.h"

#include <glib/gi18n.h>
#include <string.h>

typedef struct {
  float *velocity;     /* [n] of stage 0 */
} Heun;

static const char *const aliases[] = { "heun_flow", "flow_heun", "FlowMatchHeunDiscreteScheduler", NULL };

static gboolean
heun_step (gpointer state, PentSamplerStep *at, float *x, const float *velocity, gsize n)
{
  Heun *heun = state;
  double next = at->sigmas[at->index + 1];
  float dt = (float) (next - at->sigmas[at->index]);

  if (at->stage == 1)
    {
      for (gsize i = 0; i < n; i++)
        x[i] += 0.5f * dt * (velocity[i] - heun->velocity[i]);
      return TRUE;
    }

  for (gsize i = 0; i < n; i++)
    x[i] += dt * velocity[i];
  if (next <= 0)
    return TRUE;

  if (heun->velocity == NULL)
    heun->velocity = g_new (float, n);
  memcpy (heun->velocity, velocity, n * sizeof (float));
  at->sigma = next;
  return FALSE;
}

static void
heun_clear (gpointer state)
{
  Heun *heun = state;

  g_clear_pointer (&heun->velocity, g_free);
}

const PentSamplerClass pent_sampler_heun = {
  .name = "heun",
  .label = N_("Heun"),
  .aliases = aliases,
  .state_size = sizeof (Heun),
  .step = heun_step,
  .clear = heun_clear,
};
