/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-kernel.h"

G_BEGIN_DECLS

/* The heavy operations, where one of several kernels is chosen by device and shape.  Private to nn and its tests.
 * `scratch`: bytes of temporary memory the choice needs for this call, given back when it is done. */

/* Which kernel: AUTO = the best for device and shape.  The others are for tests and the bench; what a device or shape
 * cannot do is refused by the kernel's checks. */
typedef enum { NN_VARIANT_AUTO, NN_VARIANT_TILE, NN_VARIANT_COOPMAT, NN_VARIANT_GEMV, NN_VARIANT_DECODE, NN_VARIANT_LANES,
               NN_VARIANT_GEMV_LANES, NN_VARIANT_PLAIN } NnVariant;

/* y = act (alpha * x W^T + bias), then y = residual + gate * y.  x [m, k] with rows ldx apart, W [n, k], y [m, n] with
 * rows ldy apart (elements).  bias, gate: F32 [n]; residual: F32 [m, n] contiguous, may be y itself. */
typedef enum { NN_ACT_NONE, NN_ACT_SILU, NN_ACT_GELU_ERF, NN_ACT_GELU_TANH, NN_ACT_GELU_QUICK, NN_ACT_TANH,
               NN_ACT_SIGMOID, NN_ACT_RELU } NnAct;
typedef struct {
  PentSpan  x, w, y, bias, residual, gate;
  PentDtype x_type, w_type, y_type;
  guint     m, n, k, ldx, ldy;
  float     alpha;                      /* 1 unless x was stored scaled */
  NnAct     act;
  NnVariant force;
} NnLinear;
guint64 nn_linear_scratch (const PentVkInfo *info, const NnLinear *op);
void    nn_linear_emit (PentVkCommand *command, const PentVkInfo *info, const NnLinear *op, PentSpan scratch);

/* As the graph's nn_attention ().  q [batch, tq, H, h], k, v [batch, tk, Hkv, h], y [batch, tq, H, h]; row strides in
 * elements (so that fused qkv works).  pos: I32 [1] or absent. */
typedef struct {
  PentSpan  q, k, v, y, pos;
  PentDtype type, kv_type, y_type;      /* of q; of k and v; of y */
  guint     batch, tq, tk, heads, kv_heads, head_size;
  guint     ldq, ldk, ldv, ldy;
  guint64   batch_q, batch_k, batch_v, batch_y;   /* elements between batch items */
  float     scale;
  gboolean  causal;
  NnVariant force;
} NnAttention;
guint64 nn_attention_scratch (const PentVkInfo *info, const NnAttention *op);
void    nn_attention_emit (PentVkCommand *command, const PentVkInfo *info, const NnAttention *op, PentSpan scratch);

/* x [batch, h, w, c] -> y [batch, oh, ow, n] with square kernel `size`; oh = (h + before + after - size) / stride + 1.
 * w is the weight as nn_conv_pack () made it (once, at upload); bias F32 [n]; residual as in NnLinear. */
typedef struct {
  PentSpan  x, w, y, bias, residual;
  PentDtype x_type, w_type, y_type;
  guint     batch, h, w_in, c, n, size, stride, pad_before, pad_after;
  NnAct     act;
  NnVariant force;                      /* LANES, or any other: the weights are packed for one of the two */
} NnConv;
/* Weight layout for this device: bytes of the packed form, and the dispatch that makes it from the file's [n, c, s, s]. */
guint64 nn_conv_packed_size (const PentVkInfo *info, PentDtype w_type, guint n, guint c, guint size);
void    nn_conv_pack (PentVkCommand *command, const PentVkInfo *info, PentDtype w_type, guint n, guint c, guint size,
                      PentSpan from, PentSpan to);
guint64 nn_conv_scratch (const PentVkInfo *info, const NnConv *op);
void    nn_conv_emit (PentVkCommand *command, const PentVkInfo *info, const NnConv *op, PentSpan scratch);

G_END_DECLS
