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

#define COOP_BK 32

static const NnCoopTile coop_tiles[] = {
  { 128, 128, 2, 4 },
  { 64, 64, 2, 2 },
  { 32, 32, 2, 2 },
};

gboolean
nn_coop_worth (const PentVkInfo *info, PentDtype x_type)
{
  return (info->features & PENT_VK_COOPMAT) != 0 && info->kind != PENT_VK_CPU && x_type == PENT_DTYPE_F16;
}

/* Two buffers of both operands in f16, rows 8 elements further apart than they are long, and a fragment a subgroup. */
static guint
coop_shared (const PentVkInfo *info, const NnCoopTile *tile)
{
  return 2 * (tile->bm + tile->bn) * (COOP_BK + 8) * 2 + tile->wm * tile->wn * info->coop_m * info->coop_n * 4;
}

const NnCoopTile *
nn_coop_choose (const PentVkInfo *info, guint64 m, guint64 n)
{
  const guint cores = info->cores > 0 ? info->cores : 32;

  for (guint i = 0; i + 1 < G_N_ELEMENTS (coop_tiles); i++)
    {
      const NnCoopTile *tile = &coop_tiles[i];

      if (coop_shared (info, tile) <= info->max_shared
          && tile->wm * tile->wn * info->subgroup_size <= info->max_invocations
          && nn_cdiv (m, tile->bm) * nn_cdiv (n, tile->bn) >= cores)
        return tile;
    }

  return &coop_tiles[G_N_ELEMENTS (coop_tiles) - 1];
}
