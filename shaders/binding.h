/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the generated bindings compute sizes with.  Sums and products saturate, so that no shape wraps around to a small
 * size, and nothing divides by 0. */

#include <math.h>
#include <string.h>
#include "pent-kernel.h"

static inline guint64
times (guint64 a, guint64 b)
{
  guint64 r;
  return __builtin_mul_overflow (a, b, &r) ? G_MAXUINT64 : r;
}

static inline guint64
plus (guint64 a, guint64 b)
{
  guint64 r;
  return __builtin_add_overflow (a, b, &r) ? G_MAXUINT64 : r;
}

static inline guint64
over (guint64 a, guint64 b)
{
  return b ? a / b : 0;
}

static inline guint64
rest (guint64 a, guint64 b)
{
  return b ? a % b : 0;
}

static inline guint64
cdiv (guint64 a, guint64 b)
{
  return over (a, b) + (rest (a, b) != 0);
}

/* The largest power of two up to 64 that divides the address; 64 of what is absent. */
static inline guint64
align (const PentSpan *span)
{
  guint64 address = span->buffer ? pent_vk_buffer_get_address (span->buffer) + span->offset : 0;
  return (address | 64) & -(address | 64);
}
