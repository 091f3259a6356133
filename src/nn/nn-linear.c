/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-tile.h"
#include "pent-kernels.h"

/* Bytes of weights widened at a time on a CPU: a part of its last-level cache. */
#define SLAB (8 << 20)

static NnVariant
choose (const PentVkInfo *info, const NnLinear *op)
{
  const gboolean lanes = (info->features & PENT_VK_LANES) != 0;

  if (op->force != NN_VARIANT_AUTO)
    return op->force;
  if (op->m <= 8)
    return lanes ? NN_VARIANT_GEMV_LANES : NN_VARIANT_GEMV;
  if (lanes)
    return NN_VARIANT_LANES;
  if (nn_coop_worth (info, op->x_type))
    return NN_VARIANT_COOPMAT;

  return NN_VARIANT_TILE;
}

static void
emit_tile (PentVkCommand *command, const PentVkInfo *info, const NnLinear *op)
{
  const NnTile *tile = nn_tile_choose (info, op->m, op->n);

  pent_kernel_linear_tile (command, &(PentKernelLinearTile) {
    .x = op->x, .w = op->w, .y = op->y, .bias = op->bias, .residual = op->residual, .gate = op->gate,
    .X = op->x_type, .W = op->w_type, .Y = op->y_type, .m = op->m, .n = op->n, .k = op->k, .ldx = op->ldx, .ldy = op->ldy,
    .alpha = op->alpha, .ACT = op->act, .BM = tile->bm, .BN = tile->bn, .BK = tile->bk, .TM = tile->tm, .TN = tile->tn });
}

static void
emit_coopmat (PentVkCommand *command, const PentVkInfo *info, const NnLinear *op)
{
  const NnCoopTile *tile = nn_coop_choose (info, op->m, op->n);

  pent_kernel_linear_coopmat (command, &(PentKernelLinearCoopmat) {
    .x = op->x, .w = op->w, .y = op->y, .bias = op->bias, .residual = op->residual, .gate = op->gate,
    .X = op->x_type, .W = op->w_type, .Y = op->y_type, .m = op->m, .n = op->n, .k = op->k, .ldx = op->ldx, .ldy = op->ldy,
    .alpha = op->alpha, .ACT = op->act, .BM = tile->bm, .BN = tile->bn, .WM = tile->wm, .WN = tile->wn,
    .CM = info->coop_m, .CN = info->coop_n, .CK = info->coop_k, .THREADS = tile->wm * tile->wn * info->subgroup_size });
}

static void
emit_gemv (PentVkCommand *command, const NnLinear *op)
{
  pent_kernel_linear_gemv (command, &(PentKernelLinearGemv) {
    .x = op->x, .w = op->w, .y = op->y, .bias = op->bias, .residual = op->residual, .gate = op->gate,
    .X = op->x_type, .W = op->w_type, .Y = op->y_type, .m = op->m, .n = op->n, .k = op->k, .ldx = op->ldx, .ldy = op->ldy,
    .alpha = op->alpha, .ACT = op->act, .ROWS = op->m });
}

static void
emit_gemv_lanes (PentVkCommand *command, const NnLinear *op)
{
  pent_kernel_linear_gemv_lanes (command, &(PentKernelLinearGemvLanes) {
    .x = op->x, .w = op->w, .y = op->y, .bias = op->bias, .residual = op->residual, .gate = op->gate,
    .X = op->x_type, .W = op->w_type, .Y = op->y_type, .m = op->m, .n = op->n, .k = op->k, .ldx = op->ldx, .ldy = op->ldy,
    .alpha = op->alpha, .ACT = op->act, .ROWS = op->m });
}

/* ---- lanes: x in panels, weights as scalars ---- */

static gboolean
widens (const NnLinear *op)
{
  return op->w_type != PENT_DTYPE_F32 && op->m >= 64;
}

/* Rows of w that are widened at a time, a multiple of 16. */
static guint
slab_rows (const NnLinear *op)
{
  const guint64 rows = MAX (SLAB / (4 * (guint64) op->k) / 16 * 16, 16);

  return MIN (rows, op->n);
}

static guint64
panels_size (const NnLinear *op)
{
  return nn_round_up (op->m, 16) * op->k * 4;
}

static void
emit_lanes (PentVkCommand *command, const NnLinear *op, PentSpan scratch)
{
  const PentSpan panels = nn_span (scratch, 0, panels_size (op));
  const guint rows = widens (op) ? slab_rows (op) : op->n;
  const guint64 row_size = op->k * (guint64) pent_dtype_size (op->w_type);
  /* Panels that are taken in turn with one set of weights: as many as stay in the second-level cache. */
  const guint inner = CLAMP (4096 / op->k, 1, 8);

  pent_kernel_lanes_panels (command, &(PentKernelLanesPanels) {
    .x = op->x, .panels = panels, .m = op->m, .k = op->k, .ldx = op->ldx, .scale = 1, .X = op->x_type });

  for (guint first = 0; first < op->n; first += rows)
    {
      const guint columns = MIN (rows, op->n - first);
      PentSpan w = nn_span (op->w, first * row_size, columns * row_size);

      if (widens (op))
        {
          const PentSpan wide = nn_span (scratch, panels_size (op), (guint64) columns * op->k * 4);

          pent_kernel_lanes_widen (command, &(PentKernelLanesWiden) {
            .w = w, .y = wide, .n = columns * op->k, .W = op->w_type });
          w = wide;
        }
      pent_kernel_linear_lanes (command, &(PentKernelLinearLanes) {
        .x = panels, .w = w, .y = op->y, .bias = op->bias, .residual = op->residual, .gate = op->gate,
        .W = widens (op) ? PENT_DTYPE_F32 : op->w_type, .Y = op->y_type, .m = op->m, .n = op->n, .k = op->k, .ldy = op->ldy,
        .first = first, .columns = columns, .inner = inner, .alpha = op->alpha, .ACT = op->act });
    }
}

guint64
nn_linear_scratch (const PentVkInfo *info, const NnLinear *op)
{
  if (choose (info, op) != NN_VARIANT_LANES)
    return 0;

  return panels_size (op) + (widens (op) ? (guint64) slab_rows (op) * op->k * 4 : 0);
}

void
nn_linear_emit (PentVkCommand *command, const PentVkInfo *info, const NnLinear *op, PentSpan scratch)
{
  switch (choose (info, op))
    {
    case NN_VARIANT_COOPMAT:
      emit_coopmat (command, info, op);
      break;
    case NN_VARIANT_GEMV:
      emit_gemv (command, op);
      break;
    case NN_VARIANT_GEMV_LANES:
      emit_gemv_lanes (command, op);
      break;
    case NN_VARIANT_LANES:
      emit_lanes (command, op, scratch);
      break;
    default:
      emit_tile (command, info, op);
    }
}
