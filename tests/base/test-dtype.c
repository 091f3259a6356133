/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "pent-dtype.h"
#include "tests.h"

/* The compiler's own half type is the reference. */
static void
test_f16_widen (void)
{
  for (guint32 bits = 0; bits <= 0xffff; bits++)
    {
      guint16 h = bits;
      _Float16 reference;
      float expected, got = pent_f16_to_f32 (h);

      memcpy (&reference, &h, sizeof reference);
      expected = (float) reference;
      if (isnan (expected))
        {
          g_assert_true (isnan (got));
          continue;
        }
      g_assert_cmpmem (&got, sizeof got, &expected, sizeof expected);
      g_assert_cmphex (pent_f32_to_f16 (got), ==, h);
    }
}

/* Every half, the middles between neighbours and the floats beside them: where rounding can go wrong. */
static void
test_f16_narrow (void)
{
  for (guint32 bits = 0; bits < 0x7c00; bits++)
    {
      float low = pent_f16_to_f32 (bits), high = pent_f16_to_f32 (bits + 1);
      float middle = isinf (high) ? 65520.0f : (low + high) / 2;
      float samples[] = { low, nextafterf (middle, -INFINITY), middle, nextafterf (middle, INFINITY) };

      for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
        {
          _Float16 reference = (_Float16) samples[i];
          guint16 expected;

          memcpy (&expected, &reference, sizeof expected);
          g_assert_cmphex (pent_f32_to_f16 (samples[i]), ==, expected);
          g_assert_cmphex (pent_f32_to_f16 (-samples[i]), ==, expected | 0x8000);
        }
    }
  g_assert_cmphex (pent_f32_to_f16 (INFINITY), ==, 0x7c00);
  g_assert_cmphex (pent_f32_to_f16 (0x1p-149f), ==, 0);
  g_assert_true (isnan (pent_f16_to_f32 (pent_f32_to_f16 (NAN))));
}

static void
test_bf16 (void)
{
  for (guint32 bits = 0; bits < 0x7f80; bits++)
    {
      float low = pent_bf16_to_f32 (bits);
      guint32 raw = bits << 16;
      float expected, middle;

      memcpy (&expected, &raw, sizeof expected);
      g_assert_cmpfloat (low, ==, expected);
      g_assert_cmphex (pent_f32_to_bf16 (low), ==, bits);

      raw |= 0x8000;
      memcpy (&middle, &raw, sizeof middle);
      g_assert_cmphex (pent_f32_to_bf16 (middle), ==, bits + (bits & 1));
      g_assert_cmphex (pent_f32_to_bf16 (nextafterf (middle, INFINITY)), ==, bits + 1);
      g_assert_cmphex (pent_f32_to_bf16 (nextafterf (middle, 0)), ==, bits);
    }
  g_assert_true (isnan (pent_bf16_to_f32 (pent_f32_to_bf16 (NAN))));
  g_assert_cmphex (pent_f32_to_bf16 (3.4e38f), ==, 0x7f80);
}

/* Known values of both 8-bit formats (Micikevicius et al. 2022). */
static void
test_f8 (void)
{
  g_assert_cmpfloat (pent_f8_e4m3_to_f32 (0x7e), ==, 448);
  g_assert_cmpfloat (pent_f8_e4m3_to_f32 (0xfe), ==, -448);
  g_assert_cmpfloat (pent_f8_e4m3_to_f32 (0x08), ==, 0x1p-6f);
  g_assert_cmpfloat (pent_f8_e4m3_to_f32 (0x01), ==, 0x1p-9f);
  g_assert_cmpfloat (pent_f8_e4m3_to_f32 (0x38), ==, 1);
  g_assert_true (isnan (pent_f8_e4m3_to_f32 (0x7f)));
  g_assert_true (signbit (pent_f8_e4m3_to_f32 (0x80)) != 0);
  g_assert_cmpfloat (pent_f8_e5m2_to_f32 (0x7b), ==, 57344);
  g_assert_cmpfloat (pent_f8_e5m2_to_f32 (0x01), ==, 0x1p-16f);
  g_assert_cmpfloat (pent_f8_e5m2_to_f32 (0x3c), ==, 1);
  g_assert_true (isinf (pent_f8_e5m2_to_f32 (0x7c)));
}

static void
test_arrays (void)
{
  guint8 raw[1 + 4 * 8];
  float out[4], in[4] = { 0, -1.5f, 3, 65504 };
  gint64 wide[4] = { -1, 0, 1, 1ll << 40 };
  guint8 truth[4] = { 0, 1, 2, 255 };

  /* On an odd address: files do not align. */
  for (PentDtype dtype = PENT_DTYPE_F32; dtype <= PENT_DTYPE_BF16; dtype++)
    {
      pent_dtype_from_f32 (raw + 1, in, dtype, 4);
      pent_dtype_to_f32 (out, raw + 1, dtype, 4);
      g_assert_cmpfloat (out[1], ==, -1.5f);
      g_assert_cmpfloat (out[2], ==, 3);
    }
  memcpy (raw + 1, wide, sizeof wide);
  pent_dtype_to_f32 (out, raw + 1, PENT_DTYPE_I64, 4);
  g_assert_cmpfloat (out[0], ==, -1);
  g_assert_cmpfloat (out[3], ==, 0x1p40f);
  pent_dtype_to_f32 (out, truth, PENT_DTYPE_BOOL, 4);
  g_assert_cmpfloat (out[0] + out[1] + out[2] + out[3], ==, 3);
  pent_dtype_to_f32 (out, NULL, PENT_DTYPE_F32, 0);

  for (PentDtype dtype = 0; dtype < PENT_N_DTYPES; dtype++)
    {
      g_assert_cmpuint (pent_dtype_size (dtype), >, 0);
      g_assert_nonnull (pent_dtype_name (dtype));
    }
}

void
add_dtype_tests (void)
{
  g_test_add_func ("/dtype/f16/widen", test_f16_widen);
  g_test_add_func ("/dtype/f16/narrow", test_f16_narrow);
  g_test_add_func ("/dtype/bf16", test_bf16);
  g_test_add_func ("/dtype/f8", test_f8);
  g_test_add_func ("/dtype/arrays", test_arrays);
}
