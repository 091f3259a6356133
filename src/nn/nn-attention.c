/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-tile.h"
#include "pent-kernels.h"

guint64
nn_attention_scratch (const PentVkInfo *info, const NnAttention *op)
{
  return 0;
}

void
nn_attention_emit (PentVkCommand *command, const PentVkInfo *info, const NnAttention *op, PentSpan scratch)
{
  pent_kernel_attention_tile (command, &(PentKernelAttentionTile) {
    .q = op->q, .k = op->k, .v = op->v, .y = op->y, .pos = op->pos, .X = op->type, .W = op->kv_type, .Y = op->y_type,
    .batch = op->batch, .tq = op->tq, .tk = op->tk, .heads = op->heads, .kv_heads = op->kv_heads, .head = op->head_size,
    .ldq = op->ldq, .ldk = op->ldk, .ldv = op->ldv, .ldy = op->ldy, .batch_q = op->batch_q, .batch_k = op->batch_k,
    .batch_v = op->batch_v, .batch_y = op->batch_y, .scale = op->scale, .CAUSAL = op->causal,
    .BR = op->head_size <= 128 && op->tq > 16 ? 64 : 16 });
}
