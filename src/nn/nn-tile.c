/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-tile.h"

static const NnTile tiles[] = {
  { 128, 128, 8, 8, 8 },
  { 64, 64, 16, 8, 4 },
  { 32, 32, 16, 4, 4 },
};

const NnTile *
nn_tile_choose (const PentVkInfo *info, guint64 m, guint64 n)
{
  const guint cores = info->cores > 0 ? info->cores : 32;

  for (guint i = 0; i + 1 < G_N_ELEMENTS (tiles); i++)
    if (nn_cdiv (m, tiles[i].bm) * nn_cdiv (n, tiles[i].bn) >= cores)
      return &tiles[i];

  return &tiles[G_N_ELEMENTS (tiles) - 1];
}
