/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-tile.h"
#include "pent-kernels.h"

/* Query rows of a workgroup: 64 where the sums fit into registers and every core gets work. */
static guint
rows_of (const PentVkInfo *info, const NnAttention *op)
{
  const guint64 groups = nn_cdiv (op->tq, 64) * op->heads * op->batch;

  return op->head_size <= 128 && groups >= MAX (info->cores, 1) ? 64 : 16;
}

static NnVariant
choose (const PentVkInfo *info, const NnAttention *op)
{
  if (op->force != NN_VARIANT_AUTO)
    return op->force;
  if (info->features & PENT_VK_LANES)
    return NN_VARIANT_LANES;

  return NN_VARIANT_TILE;
}

/* Panels of 16 queries, each with its scaled q, its unfinished y and the weights of 64 keys, all in rows of 16 f32. */
static guint64
lanes_scratch (const NnAttention *op)
{
  const guint64 rows = (guint64) op->tq * (op->heads / op->kv_heads);

  return op->batch * op->kv_heads * nn_round_up (rows, 64) / 16 * (2 * op->head_size + 64) * 16 * 4;
}

guint64
nn_attention_scratch (const PentVkInfo *info, const NnAttention *op)
{
  return choose (info, op) == NN_VARIANT_LANES ? lanes_scratch (op) : 0;
}

static void
emit_tile (PentVkCommand *command, const PentVkInfo *info, const NnAttention *op)
{
  pent_kernel_attention_tile (command, &(PentKernelAttentionTile) {
    .q = op->q, .k = op->k, .v = op->v, .y = op->y, .pos = op->pos, .X = op->type, .W = op->kv_type, .Y = op->y_type,
    .batch = op->batch, .tq = op->tq, .tk = op->tk, .heads = op->heads, .kv_heads = op->kv_heads, .head = op->head_size,
    .ldq = op->ldq, .ldk = op->ldk, .ldv = op->ldv, .ldy = op->ldy, .batch_q = op->batch_q, .batch_k = op->batch_k,
    .batch_v = op->batch_v, .batch_y = op->batch_y, .scale = op->scale, .CAUSAL = op->causal, .BR = rows_of (info, op) });
}

static void
emit_lanes (PentVkCommand *command, const NnAttention *op, PentSpan scratch)
{
  pent_kernel_attention_lanes (command, &(PentKernelAttentionLanes) {
    .q = op->q, .k = op->k, .v = op->v, .y = op->y, .pos = op->pos, .scratch = scratch,
    .X = op->type, .W = op->kv_type, .Y = op->y_type,
    .batch = op->batch, .tq = op->tq, .tk = op->tk, .heads = op->heads, .kv_heads = op->kv_heads, .head = op->head_size,
    .ldq = op->ldq, .ldk = op->ldk, .ldv = op->ldv, .ldy = op->ldy, .batch_q = op->batch_q, .batch_k = op->batch_k,
    .batch_v = op->batch_v, .batch_y = op->batch_y, .scale = op->scale, .CAUSAL = op->causal });
}

void
nn_attention_emit (PentVkCommand *command, const PentVkInfo *info, const NnAttention *op, PentSpan scratch)
{
  switch (choose (info, op))
    {
    case NN_VARIANT_LANES:
      emit_lanes (command, op, scratch);
      break;
    default:
      emit_tile (command, info, op);
    }
}
