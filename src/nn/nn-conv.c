/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-tile.h"
#include "pent-kernels.h"

static gboolean
is_lanes (const PentVkInfo *info)
{
  return (info->features & PENT_VK_LANES) != 0;
}

/* Weights lie as [n, s, s, c], so that the elements of one tap follow one another.  For lanes they lie as panels
 * [n / 16, s, s, c, 16], and a row of c zeros of any type follows: what pixels beyond the edge are read from. */
guint64
nn_conv_packed_size (const PentVkInfo *info, PentDtype w_type, guint n, guint c, guint size)
{
  const guint64 column = (guint64) c * size * size * pent_dtype_size (w_type);

  return is_lanes (info) ? nn_round_up (n, 16) * column + c * 4ul : n * column;
}

void
nn_conv_pack (PentVkCommand *command, const PentVkInfo *info, PentDtype w_type, guint n, guint c, guint size,
              PentSpan from, PentSpan to)
{
  pent_kernel_conv_pack (command, &(PentKernelConvPack) {
    .from = from, .to = to, .W = w_type, .U = w_type, .n = n, .c = c, .taps = size * size, .WIDTH = is_lanes (info) ? 16 : 1 });
  if (is_lanes (info))
    pent_vk_command_fill (command, to.buffer, to.offset + nn_conv_packed_size (info, w_type, n, c, size) - c * 4ul, c * 4ul, 0);
}

guint64
nn_conv_scratch (const PentVkInfo *info, const NnConv *op)
{
  return 0;
}

static void
emit_tile (PentVkCommand *command, const PentVkInfo *info, const NnConv *op, guint oh, guint ow)
{
  const NnTile *tile = nn_tile_choose (info, (guint64) op->batch * oh * ow, op->n);

  pent_kernel_conv_tile (command, &(PentKernelConvTile) {
    .x = op->x, .w = op->w, .y = op->y, .bias = op->bias, .residual = op->residual,
    .X = op->x_type, .W = op->w_type, .Y = op->y_type, .batch = op->batch, .h = op->h, .w_in = op->w_in, .c = op->c,
    .n = op->n, .oh = oh, .ow = ow, .size = op->size, .stride = op->stride, .before = op->pad_before, .ACT = op->act,
    .BM = tile->bm, .BN = tile->bn, .BK = tile->bk, .TM = tile->tm, .TN = tile->tn });
}

static void
emit_coopmat (PentVkCommand *command, const PentVkInfo *info, const NnConv *op, guint oh, guint ow)
{
  const NnCoopTile *tile = nn_coop_choose (info, (guint64) op->batch * oh * ow, op->n);

  pent_kernel_conv_coopmat (command, &(PentKernelConvCoopmat) {
    .x = op->x, .w = op->w, .y = op->y, .bias = op->bias, .residual = op->residual,
    .X = op->x_type, .W = op->w_type, .Y = op->y_type, .batch = op->batch, .h = op->h, .w_in = op->w_in, .c = op->c,
    .n = op->n, .oh = oh, .ow = ow, .size = op->size, .stride = op->stride, .before = op->pad_before, .ACT = op->act,
    .BM = tile->bm, .BN = tile->bn, .WM = tile->wm, .WN = tile->wn, .CM = info->coop_m, .CN = info->coop_n,
    .CK = info->coop_k, .THREADS = tile->wm * tile->wn * info->subgroup_size });
}

static void
emit_lanes (PentVkCommand *command, const NnConv *op, guint oh, guint ow)
{
  pent_kernel_conv_lanes (command, &(PentKernelConvLanes) {
    .x = op->x, .w = op->w, .y = op->y, .bias = op->bias, .residual = op->residual,
    .X = op->x_type, .W = op->w_type, .Y = op->y_type, .batch = op->batch, .h = op->h, .w_in = op->w_in, .c = op->c,
    .n = op->n, .oh = oh, .ow = ow, .size = op->size, .stride = op->stride, .before = op->pad_before, .ACT = op->act });
}

void
nn_conv_emit (PentVkCommand *command, const PentVkInfo *info, const NnConv *op, PentSpan scratch)
{
  const guint oh = (op->h + op->pad_before + op->pad_after - op->size) / op->stride + 1;
  const guint ow = (op->w_in + op->pad_before + op->pad_after - op->size) / op->stride + 1;

  if (is_lanes (info))
    emit_lanes (command, op, oh, ow);
  else if (op->force == NN_VARIANT_COOPMAT || (op->force == NN_VARIANT_AUTO && nn_coop_worth (info, op->x_type)))
    emit_coopmat (command, info, op, oh, ow);
  else
    emit_tile (command, info, op, oh, ow);
}
