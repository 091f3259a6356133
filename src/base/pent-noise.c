/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-noise.h"

#include <math.h>
#include <string.h>

#include "pent-noise-private.h"

/* Philox 4x32 with ten rounds: the counter goes through a bijection chosen by the key. */
void
pent_philox (const guint32 counter[4], const guint32 key[2], guint32 out[4])
{
  guint32 c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  guint32 k0 = key[0], k1 = key[1];

  for (guint round = 0; round < 10; round++)
    {
      guint64 p0 = (guint64) 0xD2511F53u * c0;
      guint64 p1 = (guint64) 0xCD9E8D57u * c2;

      c0 = (guint32) (p1 >> 32) ^ c1 ^ k0;
      c1 = (guint32) p1;
      c2 = (guint32) (p0 >> 32) ^ c3 ^ k1;
      c3 = (guint32) p0;
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }

  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/* Values 2i and 2i + 1 are the halves of block i. */
static guint64
noise_bits (guint64 seed, guint32 stream, guint64 index)
{
  guint64 block = index >> 1;
  const guint32 counter[4] = { (guint32) block, (guint32) (block >> 32), stream, 0 };
  const guint32 key[2] = { (guint32) seed, (guint32) (seed >> 32) };
  guint32 out[4];

  pent_philox (counter, key, out);
  return index & 1 ? (guint64) out[3] << 32 | out[2] : (guint64) out[1] << 32 | out[0];
}

double
pent_noise_uniform (guint64 seed, guint32 stream, guint64 index)
{
  return (double) (noise_bits (seed, stream, index) >> 11) * 0x1p-53;
}

/* Natural logarithm of a normal number > 0 to about an ulp.  The C library's differs between machines in the last
 * bit; this one is + - * / alone:  x = m 2^e,  s = (m - 1)/(m + 1),  log m = 2 (s + s^3/3 + s^5/5 + ...). */
static double
noise_log (double x)
{
  const double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
  guint64 bits;
  double m, s, z, sum = 0;
  int e;

  memcpy (&bits, &x, sizeof bits);
  e = (int) (bits >> 52) - 1023;
  bits = (bits & 0xfffffffffffffull) | 1023ull << 52;
  memcpy (&m, &bits, sizeof m);
  if (m > 0x1.6a09e667f3bcdp+0)
    {
      m *= 0.5;
      e++;
    }

  s = (m - 1) / (m + 1);
  z = s * s;
  for (int k = 23; k >= 3; k -= 2)
    sum = sum * z + 1.0 / k;
  return e * ln2_high + (e * ln2_low + 2 * (s + s * z * sum));
}

static double
ratio (const double a[8], const double b[8], double r)
{
  double p = a[7], q = b[7];

  for (int i = 6; i >= 0; i--)
    {
      p = p * r + a[i];
      q = q * r + b[i];
    }
  return p / q;
}

/* The inverse of the normal distribution: Wichura, algorithm AS 241 (PPND16), relative error about 1e-16. */
double
pent_noise_quantile (double p)
{
  static const double a[8] = { 3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
    1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4,
    2.5090809287301226727e3 };
  static const double b[8] = { 1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
    2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3 };
  static const double c[8] = { 1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
    3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2,
    7.74545014278341407640e-4 };
  static const double d[8] = { 1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
    1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9 };
  static const double e[8] = { 6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
    2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5,
    2.01033439929228813265e-7 };
  static const double f[8] = { 1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
    7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15 };
  double q = p - 0.5;
  double r, x;

  if (q >= -0.425 && q <= 0.425)
    return q * ratio (a, b, 0.180625 - q * q);

  r = sqrt (-noise_log (q < 0 ? p : 1 - p));
  x = r <= 5 ? ratio (c, d, r - 1.6) : ratio (e, f, r - 5);
  return q < 0 ? -x : x;
}

void
pent_noise_normal (float *dst, gsize n, guint64 seed, guint32 stream, guint64 first)
{
  for (gsize i = 0; i < n; i++)
    {
      /* 52 bits and a half: symmetric, exact, never 0 or 1. */
      double k = (double) (noise_bits (seed, stream, first + i) >> 12);

      dst[i] = (float) pent_noise_quantile ((k + 0.5) * 0x1p-52);
    }
}
