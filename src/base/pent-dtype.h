/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Element types as they lie in files and in device memory.
 * F8_E4M3 is the "fn" kind (no infinities, 0x7f and 0xff are NaN).  BF16 is the upper half of an F32. */
typedef enum {
  PENT_DTYPE_F32,
  PENT_DTYPE_F16,
  PENT_DTYPE_BF16,
  PENT_DTYPE_F8_E4M3,
  PENT_DTYPE_F8_E5M2,
  PENT_DTYPE_F64,
  PENT_DTYPE_I8,
  PENT_DTYPE_U8,
  PENT_DTYPE_I16,
  PENT_DTYPE_I32,
  PENT_DTYPE_U32,
  PENT_DTYPE_I64,
  PENT_DTYPE_BOOL,
  PENT_N_DTYPES
} PentDtype;

gsize       pent_dtype_size (PentDtype dtype);   /* bytes an element */
const char *pent_dtype_name (PentDtype dtype);   /* "f32", "bf16" …; static */
gboolean    pent_dtype_is_float (PentDtype dtype);

/* Exact widening; narrowing rounds to nearest even, overflow becomes infinity as IEEE 754 says. */
float   pent_f16_to_f32 (guint16 h);
guint16 pent_f32_to_f16 (float f);
float   pent_bf16_to_f32 (guint16 b);
guint16 pent_f32_to_bf16 (float f);
float   pent_f8_e4m3_to_f32 (guint8 b);
float   pent_f8_e5m2_to_f32 (guint8 b);

/* n elements of any type -> f32 (integers by value, bool as 0 or 1).  src need not be aligned. */
void    pent_dtype_to_f32 (float *dst, gconstpointer src, PentDtype dtype, gsize n);
/* n elements f32 -> F32, F16 or BF16.  dst need not be aligned. */
void    pent_dtype_from_f32 (gpointer dst, const float *src, PentDtype dtype, gsize n);

G_END_DECLS
