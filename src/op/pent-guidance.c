/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-guidance.h"

#include <math.h>

static double
length (const float *x, gsize n)
{
  double sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += (double) x[i] * x[i];
  return sqrt (sum);
}

void
pent_guidance_apply (float *positive, const float *negative, gsize n, double scale, double renormalise)
{
  double before = renormalise > 0 ? length (positive, n) : 0;
  double after;

  for (gsize i = 0; i < n; i++)
    positive[i] += scale * (positive[i] - negative[i]);

  if (renormalise <= 0)
    return;
  after = length (positive, n);
  if (after > before * renormalise)
    for (gsize i = 0; i < n; i++)
      positive[i] *= before * renormalise / after;
}
