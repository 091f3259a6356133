/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Euler: x += (sigma' - sigma) v.  One velocity an interval. */
#include "pent-sampler.h"

#include <glib/gi18n.h>

static const char *const aliases[] = { "euler_flow", "flow_euler", "FlowMatchEulerDiscreteScheduler", NULL };

static gboolean
euler_step (gpointer state, PentSamplerStep *at, float *x, const float *velocity, gsize n)
{
  float dt = (float) (at->sigmas[at->index + 1] - at->sigmas[at->index]);

  for (gsize i = 0; i < n; i++)
    x[i] += dt * velocity[i];
  return TRUE;
}

const PentSamplerClass pent_sampler_euler = {
  .name = "euler",
  .label = N_("Euler"),
  .aliases = aliases,
  .step = euler_step,
};
