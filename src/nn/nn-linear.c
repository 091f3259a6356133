/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-emit.h"
#include "pent-kernels.h"

/* Tiles for devices with real shared memory: the largest that still gives every core work. */
typedef struct { guint bm, bn, bk, tm, tn; } Tile;
static const Tile tiles[] = {
  { 128, 128, 8, 8, 8 },
  { 64, 64, 16, 8, 4 },
  { 32, 32, 16, 4, 4 },
};

static guint64
cdiv (guint64 a, guint64 b)
{
  return (a + b - 1) / b;
}

static const Tile *
choose_tile (const PentVkInfo *info, guint m, guint n)
{
  const guint cores = info->cores ? info->cores : 32;
  for (guint i = 0; i + 1 < G_N_ELEMENTS (tiles); i++)
    if (cdiv (m, tiles[i].bm) * cdiv (n, tiles[i].bn) >= cores)
      return &tiles[i];
  return &tiles[G_N_ELEMENTS (tiles) - 1];
}
