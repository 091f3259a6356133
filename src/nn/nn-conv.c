/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-tile.h"
#include "pent-kernels.h"

/* Weights lie as [n, s, s, c], so that the elements of one tap follow one another. */
guint64
nn_conv_packed_size (const PentVkInfo *info, PentDtype w_type, guint n, guint c, guint size)
{
  return (guint64) n * c * size * size * pent_dtype_size (w_type);
}

void
nn_conv_pack (PentVkCommand *command, const PentVkInfo *info, PentDtype w_type, guint n, guint c, guint size,
              PentSpan from, PentSpan to)
{
  pent_kernel_conv_pack (command, &(PentKernelConvPack) {
    .from = from, .to = to, .W = w_type, .U = w_type, .n = n, .c = c, .taps = size * size, .WIDTH = 1 });
}

guint64
nn_conv_scratch (const PentVkInfo *info, const NnConv *op)
{
  return 0;
}

void
nn_conv_emit (PentVkCommand *command, const PentVkInfo *info, const NnConv *op, PentSpan scratch)
{
  const guint oh = (op->h + op->pad_before + op->pad_after - op->size) / op->stride + 1;
  const guint ow = (op->w_in + op->pad_before + op->pad_after - op->size) / op->stride + 1;
  const NnTile *tile = nn_tile_choose (info, (guint64) op->batch * oh * ow, op->n);

  pent_kernel_conv_tile (command, &(PentKernelConvTile) {
    .x = op->x, .w = op->w, .y = op->y, .bias = op->bias, .residual = op->residual,
    .X = op->x_type, .W = op->w_type, .Y = op->y_type, .batch = op->batch, .h = op->h, .w_in = op->w_in, .c = op->c,
    .n = op->n, .oh = oh, .ow = ow, .size = op->size, .stride = op->stride, .before = op->pad_before, .ACT = op->act,
    .BM = tile->bm, .BN = tile->bn, .BK = tile->bk, .TM = tile->tm, .TN = tile->tn });
}
