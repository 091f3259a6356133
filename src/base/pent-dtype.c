/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-dtype.h"

#include <math.h>
#include <string.h>

static const struct {
  const char *name;
  guint8      size;
  gboolean    is_float;
} dtypes[PENT_N_DTYPES] = {
  [PENT_DTYPE_F32]     = { "f32", 4, TRUE },
  [PENT_DTYPE_F16]     = { "f16", 2, TRUE },
  [PENT_DTYPE_BF16]    = { "bf16", 2, TRUE },
  [PENT_DTYPE_F8_E4M3] = { "f8_e4m3", 1, TRUE },
  [PENT_DTYPE_F8_E5M2] = { "f8_e5m2", 1, TRUE },
  [PENT_DTYPE_F64]     = { "f64", 8, TRUE },
  [PENT_DTYPE_I8]      = { "i8", 1, FALSE },
  [PENT_DTYPE_U8]      = { "u8", 1, FALSE },
  [PENT_DTYPE_I16]     = { "i16", 2, FALSE },
  [PENT_DTYPE_I32]     = { "i32", 4, FALSE },
  [PENT_DTYPE_U32]     = { "u32", 4, FALSE },
  [PENT_DTYPE_I64]     = { "i64", 8, FALSE },
  [PENT_DTYPE_BOOL]    = { "bool", 1, FALSE },
};

static inline guint32
bits_of (float f)
{
  guint32 u;

  memcpy (&u, &f, sizeof u);
  return u;
}

static inline float
float_of (guint32 u)
{
  float f;

  memcpy (&f, &u, sizeof f);
  return f;
}

gsize
pent_dtype_size (PentDtype dtype)
{
  g_return_val_if_fail (dtype < PENT_N_DTYPES, 0);
  return dtypes[dtype].size;
}

const char *
pent_dtype_name (PentDtype dtype)
{
  g_return_val_if_fail (dtype < PENT_N_DTYPES, "?");
  return dtypes[dtype].name;
}

gboolean
pent_dtype_is_float (PentDtype dtype)
{
  g_return_val_if_fail (dtype < PENT_N_DTYPES, FALSE);
  return dtypes[dtype].is_float;
}

float
pent_f16_to_f32 (guint16 h)
{
  guint32 sign = (guint32) (h & 0x8000) << 16;
  guint32 exponent = (h >> 10) & 31;
  guint32 mantissa = h & 0x3ff;

  if (exponent == 31)
    return float_of (sign | 0x7f800000 | mantissa << 13);
  if (exponent != 0)
    return float_of (sign | (exponent + 112) << 23 | mantissa << 13);

  /* Subnormal: mantissa * 2^-24, which F32 holds exactly. */
  float magnitude = (float) mantissa * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

guint16
pent_f32_to_f16 (float f)
{
  guint32 u = bits_of (f);
  guint16 sign = u >> 16 & 0x8000;
  guint32 magnitude = u & 0x7fffffff;

  if (magnitude > 0x7f800000)
    return sign | 0x7e00 | (magnitude >> 13 & 0x3ff);       /* NaN: made quiet, payload kept */
  if (magnitude >= 0x477ff000)                              /* 65520 and above round to infinity */
    return sign | 0x7c00;
  if (magnitude < 0x38800000)                               /* below 2^-14: subnormal, or zero */
    {
      /* Adding 2^-1 aligns the last kept bit (2^-24) with that of the sum, so that the addition rounds to even. */
      float sum = float_of (magnitude) + 0.5f;
      return sign | (bits_of (sum) - 0x3f000000);
    }

  guint32 odd = magnitude >> 13 & 1;
  return sign | ((magnitude - (112u << 23) + 0xfff + odd) >> 13);
}

float
pent_bf16_to_f32 (guint16 b)
{
  return float_of ((guint32) b << 16);
}

guint16
pent_f32_to_bf16 (float f)
{
  guint32 u = bits_of (f);

  if ((u & 0x7fffffff) > 0x7f800000)
    return u >> 16 | 0x40;
  return (u + 0x7fff + (u >> 16 & 1)) >> 16;
}

float
pent_f8_e4m3_to_f32 (guint8 b)
{
  guint32 exponent = b >> 3 & 15, mantissa = b & 7;
  float magnitude;

  if ((b & 0x7f) == 0x7f)
    return float_of ((guint32) (b & 0x80) << 24 | 0x7fc00000);
  if (exponent == 0)
    magnitude = (float) mantissa * 0x1p-9f;
  else
    magnitude = float_of ((exponent + 120) << 23 | mantissa << 20);
  return b & 0x80 ? -magnitude : magnitude;
}

float
pent_f8_e5m2_to_f32 (guint8 b)
{
  return pent_f16_to_f32 ((guint16) (b << 8));              /* it is the upper half of an F16 */
}

/* One loop per type; memcpy because neither side need be aligned. */
#define WIDEN(type, expression)                                  \
  for (gsize i = 0; i < n; i++)                                  \
    {                                                            \
      type v;                                                    \
      memcpy (&v, (const guint8 *) src + i * sizeof v, sizeof v); \
      dst[i] = (expression);                                     \
    }                                                            \
  break

void
pent_dtype_to_f32 (float *dst, gconstpointer src, PentDtype dtype, gsize n)
{
  switch (dtype)
    {
    case PENT_DTYPE_F32:
      if (n > 0)
        memcpy (dst, src, n * sizeof *dst);
      break;
    case PENT_DTYPE_F16:     WIDEN (guint16, pent_f16_to_f32 (v));
    case PENT_DTYPE_BF16:    WIDEN (guint16, pent_bf16_to_f32 (v));
    case PENT_DTYPE_F8_E4M3: WIDEN (guint8, pent_f8_e4m3_to_f32 (v));
    case PENT_DTYPE_F8_E5M2: WIDEN (guint8, pent_f8_e5m2_to_f32 (v));
    case PENT_DTYPE_F64:     WIDEN (double, (float) v);
    case PENT_DTYPE_I8:      WIDEN (gint8, v);
    case PENT_DTYPE_U8:      WIDEN (guint8, v);
    case PENT_DTYPE_I16:     WIDEN (gint16, v);
    case PENT_DTYPE_I32:     WIDEN (gint32, (float) v);
    case PENT_DTYPE_U32:     WIDEN (guint32, (float) v);
    case PENT_DTYPE_I64:     WIDEN (gint64, (float) v);
    case PENT_DTYPE_BOOL:    WIDEN (guint8, v != 0);
    case PENT_N_DTYPES:
    default:
      g_return_if_reached ();
    }
}

void
pent_dtype_from_f32 (gpointer dst, const float *src, PentDtype dtype, gsize n)
{
  guint8 *out = dst;

  g_return_if_fail (dtype == PENT_DTYPE_F32 || dtype == PENT_DTYPE_F16 || dtype == PENT_DTYPE_BF16);

  if (dtype == PENT_DTYPE_F32)
    {
      if (n > 0)
        memcpy (dst, src, n * sizeof *src);
      return;
    }
  for (gsize i = 0; i < n; i++)
    {
      guint16 v = dtype == PENT_DTYPE_F16 ? pent_f32_to_f16 (src[i]) : pent_f32_to_bf16 (src[i]);

      memcpy (out + 2 * i, &v, sizeof v);
    }
}
