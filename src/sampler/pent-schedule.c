/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flow-matching schedules.  Shifting: Esser et al. 2024 (arXiv:2403.03206), section 5.3.2; Karras spacing: Karras et
 * al. 2022 (arXiv:2206.00364), equation 5; beta spacing: arXiv:2407.12173.
 * Easy to get wrong:
 *   - with a static shift the smallest sigma is shifted once on its own, before the line from 1 down to it is drawn,
 *     and then again with all the others;
 *   - respacing comes last: it sees only the first and the last of the shifted sigmas. */
#include "pent-schedule.h"

#include <math.h>

#define KARRAS_RHO 7.0
#define BETA_SHAPE 0.6

static double
shift_static (double shift, double sigma)
{
  return shift * sigma / (1 + (shift - 1) * sigma);
}

/* 1/sigma - 1 is infinite at 0, and the quotient then 0: as it should be. */
static double
shift_dynamic (double scale, double sigma)
{
  return scale / (scale + (1 / sigma - 1));
}

/* The i-th of n numbers from first to last, both included; n = 1 gives first. */
static double
even (double first, double last, guint n, guint i)
{
  return n > 1 ? first + (last - first) * i / (n - 1) : first;
}

/* The continued fraction of the incomplete beta function with a = b (Abramowitz and Stegun 26.5.8), by Lentz's method;
 * converges quickly for x < 1/2. */
static double
beta_fraction (double a, double x)
{
  double c = 1, d = 1 - x * (2 * a) / (a + 1), f;

  d = 1 / d;
  f = d;
  for (guint m = 1; m < 200; m++)
    {
      double up = m * (a - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
      double down = -(a + m) * (2 * a + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
      double factor;

      d = 1 / (1 + up * d);
      c = 1 + up / c;
      f *= c * d;
      d = 1 / (1 + down * d);
      c = 1 + down / c;
      factor = c * d;
      f *= factor;
      if (fabs (factor - 1) < 1e-15)
        break;
    }
  return f;
}

/* The regularised incomplete beta function I_x (a, a), 0 <= x <= 1/2. */
static double
beta_cdf (double a, double x)
{
  int sign;
  double log_beta = 2 * lgamma_r (a, &sign) - lgamma_r (2 * a, &sign);

  if (x <= 0)
    return 0;
  return exp (a * (log (x) + log1p (-x)) - log_beta) * beta_fraction (a, x) / a;
}

/* x with I_x (a, a) = p. */
static double
beta_quantile (double a, double p)
{
  double low = 0, high = 0.5;

  if (p > 0.5)
    return 1 - beta_quantile (a, 1 - p);
  for (guint i = 0; i < 100 && low < high; i++)
    {
      double middle = (low + high) / 2;

      if (beta_cdf (a, middle) < p)
        low = middle;
      else
        high = middle;
    }
  return high;
}

static void
respace (const PentFlowSchedule *schedule, guint n, double *sigmas)
{
  double first = sigmas[0], last = sigmas[n - 1];

  switch (schedule->spacing)
    {
    case PENT_SPACING_PLAIN:
      break;
    case PENT_SPACING_KARRAS:
      for (guint i = 0; i < n; i++)
        sigmas[i] = pow (even (pow (first, 1 / KARRAS_RHO), pow (last, 1 / KARRAS_RHO), n, i), KARRAS_RHO);
      break;
    case PENT_SPACING_EXPONENTIAL:
      /* A geometric series cannot reach 0: it then ends at the smallest sigma of training. */
      last = MAX (last, 1.0 / MAX (schedule->train_steps, 1));
      for (guint i = 0; i < n; i++)
        sigmas[i] = exp (even (log (first), log (last), n, i));
      break;
    case PENT_SPACING_BETA:
      for (guint i = 0; i < n; i++)
        sigmas[i] = last + (first - last) * beta_quantile (BETA_SHAPE, even (1, 0, n, i));
      break;
    }
}

/* Moves the sigmas so that the last one is `terminal` and 1 stays 1.  Where all are 1 there is nothing to stretch. */
static void
stretch (double terminal, guint n, double *sigmas)
{
  double scale = (1 - sigmas[n - 1]) / (1 - terminal);

  if (terminal >= 1 || scale <= 0)
    return;
  for (guint i = 0; i < n; i++)
    sigmas[i] = 1 - (1 - sigmas[i]) / scale;
}

double
pent_flow_mu (const PentFlowSchedule *schedule, guint tokens)
{
  double slope = 0;

  g_return_val_if_fail (schedule != NULL, 0);

  if (schedule->max_tokens != schedule->base_tokens)
    slope = (schedule->max_shift - schedule->base_shift) /
            ((double) schedule->max_tokens - (double) schedule->base_tokens);
  return schedule->base_shift + slope * ((double) tokens - (double) schedule->base_tokens);
}

void
pent_flow_sigmas (const PentFlowSchedule *schedule, guint steps, const double *custom, double mu, double *sigmas)
{
  double scale = schedule->dynamic_linear ? mu : exp (mu);
  double smallest = schedule->dynamic ? schedule->sigma_min : shift_static (schedule->shift, schedule->sigma_min);

  if (schedule->trailing)
    smallest = 1.0 / MAX (steps, 1);
  g_return_if_fail (schedule != NULL);
  g_return_if_fail (sigmas != NULL);
  g_return_if_fail (steps > 0);

  for (guint i = 0; i < steps; i++)
    {
      double sigma = custom != NULL ? custom[i] : even (1, smallest, steps, i);

      sigmas[i] = schedule->dynamic ? shift_dynamic (scale, sigma) : shift_static (schedule->shift, sigma);
    }
  if (schedule->shift_terminal > 0)
    stretch (schedule->shift_terminal, steps, sigmas);
  respace (schedule, steps, sigmas);
  sigmas[steps] = 0;
}
