/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "nn-emit.h"

/* What linear, attention and convolution share when they choose. */

/* A workgroup's tile of the result, the step along k, and an invocation's part of the tile. */
typedef struct { guint bm, bn, bk, tm, tn; } NnTile;

/* The largest tile that still gives every core of the device work, for a result of m x n. */
const NnTile *nn_tile_choose (const PentVkInfo *info, guint64 m, guint64 n);

/* The same for matrix units: wm x wn subgroups share the tile. */
typedef struct { guint bm, bn, wm, wn; } NnCoopTile;

/* TRUE if the device multiplies on matrix units what is f16 already.  A CPU device only emulates them. */
gboolean          nn_coop_worth (const PentVkInfo *info, PentDtype x_type);
const NnCoopTile *nn_coop_choose (const PentVkInfo *info, guint64 m, guint64 n);

static inline guint64
nn_cdiv (guint64 a, guint64 b)
{
  return (a + b - 1) / b;
}

static inline guint64
nn_round_up (guint64 a, guint64 b)
{
  return nn_cdiv (a, b) * b;
}

/* `size` bytes at `offset` of a span. */
static inline PentSpan
nn_span (PentSpan span, guint64 offset, guint64 size)
{
  return (PentSpan) { span.buffer, span.offset + offset, size };
}
