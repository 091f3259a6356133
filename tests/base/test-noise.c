/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pent-noise-private.h"
#include "pent-noise.h"
#include "tests.h"

/* The known answers that the authors of Random123 publish (kat_vectors, philox4x32 10). */
static void
test_philox (void)
{
  static const struct { guint32 counter[4], key[2], out[4]; } cases[] = {
    { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
    { { ~0u, ~0u, ~0u, ~0u }, { ~0u, ~0u }, { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
    { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 }, { 0xa4093822, 0x299f31d0 },
      { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      guint32 out[4];

      pent_philox (cases[i].counter, cases[i].key, out);
      g_assert_cmpmem (out, sizeof out, cases[i].out, sizeof out);
    }
}

/* The quantile is the inverse of the distribution, which the C library's erfc gives. */
static void
test_quantile (void)
{
  static const double points[] = { 1e-300, 1e-20, 1e-12, 1e-6, 0.001, 0.02425, 0.07, 0.075, 0.2, 0.4999, 0.5 };

  for (guint i = 0; i < G_N_ELEMENTS (points); i++)
    {
      double x = pent_noise_quantile (points[i]);
      double back = 0.5 * erfc (-x / M_SQRT2);

      g_assert_cmpfloat_with_epsilon (back / points[i], 1, 1e-12 * MAX (1, x * x));
    }
  g_assert_cmpfloat (pent_noise_quantile (0.75), ==, -pent_noise_quantile (0.25));
  g_assert_cmpfloat_with_epsilon (pent_noise_quantile (0.975), 1.959963984540054, 1e-15);
}

static int
compare_floats (gconstpointer a, gconstpointer b)
{
  float x = *(const float *) a, y = *(const float *) b;

  return (x > y) - (x < y);
}

static void
test_normal (void)
{
  enum { N = 1 << 18 };
  g_autofree float *x = g_new (float, N);
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0, lag = 0, ks = 0;

  pent_noise_normal (x, N, 42, PENT_NOISE_LATENT, 0);
  for (guint i = 0; i < N; i++)
    {
      m1 += x[i];
      m2 += (double) x[i] * x[i];
      m3 += pow (x[i], 3);
      m4 += pow (x[i], 4);
      lag += i > 0 ? (double) x[i] * x[i - 1] : 0;
    }
  /* Four standard errors each: 1, sqrt 2, sqrt 15, sqrt 96, 1 over sqrt N. */
  g_assert_cmpfloat (fabs (m1 / N), <, 4 / sqrt (N));
  g_assert_cmpfloat (fabs (m2 / N - 1), <, 4 * sqrt (2.0 / N));
  g_assert_cmpfloat (fabs (m3 / N), <, 4 * sqrt (15.0 / N));
  g_assert_cmpfloat (fabs (m4 / N - 3), <, 4 * sqrt (96.0 / N));
  g_assert_cmpfloat (fabs (lag / N), <, 4 / sqrt (N));

  /* Kolmogorov-Smirnov at the 0.1 % level. */
  qsort (x, N, sizeof *x, compare_floats);
  for (guint i = 0; i < N; i++)
    {
      double p = 0.5 * erfc (-x[i] / M_SQRT2);

      ks = MAX (ks, MAX (fabs (p - (double) i / N), fabs (p - (i + 1.0) / N)));
    }
  g_assert_cmpfloat (ks * sqrt (N), <, 1.95);
}

/* Fixed for all time: pictures are made again from their seeds. */
static void
test_fixed (void)
{
  static const float expected[6] = {
    0x1.28c83ap-3f, 0x1.6cca02p-4f, 0x1.784b86p+0f, -0x1.21f5c4p+1f, 0x1.16e34p-1f, 0x1.0f0314p-2f
  };
  float x[6], y[1];

  pent_noise_normal (x, 6, 1234567890123456789u, PENT_NOISE_LATENT, 0);
  for (guint i = 0; i < 6; i++)
    {
      g_test_message ("%a", x[i]);
      g_assert_cmpmem (&x[i], sizeof x[i], &expected[i], sizeof x[i]);
    }

  /* Any value by itself, and another stream or seed is other noise. */
  for (guint i = 0; i < 6; i++)
    {
      pent_noise_normal (y, 1, 1234567890123456789u, PENT_NOISE_LATENT, i);
      g_assert_cmpfloat (y[0], ==, x[i]);
    }
  pent_noise_normal (y, 1, 1234567890123456789u, PENT_NOISE_STEP, 0);
  g_assert_cmpfloat (y[0], !=, x[0]);
  pent_noise_normal (y, 1, 1234567890123456790u, PENT_NOISE_LATENT, 0);
  g_assert_cmpfloat (y[0], !=, x[0]);
}

static void
test_uniform (void)
{
  double sum = 0, low = 1, high = 0;

  for (guint i = 0; i < 100000; i++)
    {
      double u = pent_noise_uniform (7, PENT_NOISE_TEXT, i);

      sum += u;
      low = MIN (low, u);
      high = MAX (high, u);
    }
  g_assert_cmpfloat (fabs (sum / 100000 - 0.5), <, 4 * sqrt (1 / 12.0 / 100000));
  g_assert_cmpfloat (low, >=, 0);
  g_assert_cmpfloat (low, <, 1e-3);
  g_assert_cmpfloat (high, <, 1);
  g_assert_cmpfloat (high, >, 0.999);
}

void
add_noise_tests (void)
{
  g_test_add_func ("/noise/philox", test_philox);
  g_test_add_func ("/noise/quantile", test_quantile);
  g_test_add_func ("/noise/normal", test_normal);
  g_test_add_func ("/noise/fixed", test_fixed);
  g_test_add_func ("/noise/uniform", test_uniform);
}
