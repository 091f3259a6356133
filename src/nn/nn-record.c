/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-private.h"

#include <math.h>
#include "pent-kernels.h"

/* Each scheduled node becomes the call of its kernel. */

/* ---- operands ---- */

/* Bytes from the first to behind the last element of x. */
static guint64
extent (const PentNnTensor *x)
{
  guint64 last = 0;

  for (guint i = 0; i < x->n_dims; i++)
    last += (guint64) (x->shape[i] - 1) * x->strides[i];
  return (last + 1) * pent_dtype_size (x->dtype);
}

static PentSpan
arena_span (PentNnGraph *g, guint64 place, guint64 size)
{
  return (PentSpan) { g->arena->pdata[place / g->chunk_size], place % g->chunk_size, size };
}

static PentSpan
span (PentNnGraph *g, const PentNnTensor *x)
{
  guint64 offset = x != NULL ? x->at * pent_dtype_size (x->dtype) : 0;
  const PentNnTensor *root;
  PentSpan result;

  if (x == NULL)
    return (PentSpan) { NULL };

  root = nn_root (x);
  switch ((int) root->op)
    {
    case NN_OP_INPUT:
      return (PentSpan) { g->input_buffer, root->place + offset, extent (x) };
    case NN_OP_CONSTANT:
    case NN_OP_WEIGHT:
      /* Packed weights are larger than their shape. */
      return (PentSpan) { root->resident->buffer, offset, root->resident->form == NN_FORM_CONV ? 0 : extent (x) };
    case NN_OP_STATE:
      return (PentSpan) { root->state->buffer, offset, extent (x) };
    default:
      result = arena_span (g, root->place, root->size);
      result.offset += offset;
      result.size = extent (x);
      return result;
    }
}

static PentSpan
in (PentNnGraph *g, const PentNnTensor *t, guint slot)
{
  return span (g, t->in[slot]);
}

static PentSpan
scratch (PentNnGraph *g, const PentNnTensor *t)
{
  return t->scratch_size > 0 ? arena_span (g, t->scratch_place, t->scratch_size) : (PentSpan) { NULL };
}

static guint64
row_stride (const PentNnTensor *x)
{
  guint64 stride = 0;

  nn_row_stride (x, &stride);
  return stride;
}

static gboolean
lanes (const PentVkInfo *info)
{
  return (info->features & PENT_VK_LANES) != 0;
}

/* The stride of the row operands of t that have several rows; any will do where all have one. */
static guint
operand_stride (const PentNnTensor *t)
{
  static const guint slots[] = { NN_SCALE, NN_SHIFT, NN_GATE };

  for (guint i = 0; i < G_N_ELEMENTS (slots); i++)
    if (t->in[slots[i]] != NULL && nn_rows (t->in[slots[i]]) > 1)
      return row_stride (t->in[slots[i]]);
  return nn_width (t);
}

/* ---- products ---- */

static NnLinear
linear (PentNnGraph *g, const PentNnTensor *t)
{
  const PentNnTensor *x = t->in[NN_X];

  return (NnLinear) {
    .x_type = x->dtype, .w_type = t->in[NN_W]->dtype, .y_type = t->dtype,
    .m = nn_rows (t), .n = nn_width (t), .k = nn_width (x), .ldx = row_stride (x), .ldy = row_stride (t),
    .alpha = ldexpf (1, -x->exponent), .act = t->act,
  };
}

static NnConv
conv (PentNnGraph *g, const PentNnTensor *t)
{
  const PentNnTensor *x = t->in[NN_X];
  guint first = x->n_dims == 4;

  return (NnConv) {
    .x_type = x->dtype, .w_type = t->in[NN_W]->dtype, .y_type = t->dtype, .batch = first ? x->shape[0] : 1,
    .h = x->shape[first], .w_in = x->shape[first + 1], .c = nn_width (x), .n = nn_width (t), .size = t->kernel,
    .stride = t->stride, .pad_before = t->pad_before, .pad_after = t->pad_after, .act = t->act,
  };
}

static NnAttention
attention (PentNnGraph *g, const PentNnTensor *t)
{
  const PentNnTensor *q = t->in[NN_X], *k = t->in[NN_K], *v = t->in[NN_V];
  guint first = q->n_dims == 4;

  return (NnAttention) {
    .type = q->dtype, .kv_type = k->dtype, .y_type = t->dtype, .batch = first ? q->shape[0] : 1,
    .tq = q->shape[first], .tk = k->shape[first], .heads = q->shape[first + 1], .kv_heads = k->shape[first + 1],
    .head_size = nn_width (q),
    .ldq = q->strides[first], .ldk = k->strides[first], .ldv = v->strides[first], .ldy = t->strides[t->n_dims - 2],
    .batch_q = first ? q->strides[0] : 0, .batch_k = first ? k->strides[0] : 0, .batch_v = first ? v->strides[0] : 0,
    .batch_y = first ? t->strides[0] : 0, .scale = t->scale, .causal = t->causal,
  };
}

/* ---- temporary memory ---- */

/* Pixels that are summed at a time: some hundred slabs keep a GPU busy, and the last step has little left to do. */
static guint
group_norm_slab (guint pixels)
{
  return MAX (pixels / 256, 16);
}

static guint
pictures (const PentNnTensor *x)
{
  return x->n_dims == 4 ? x->shape[0] : 1;
}

/* Scratch: partial sums [n, slabs, 2, c], then statistics [n, groups, 2]. */
static guint64
group_norm_part_size (const PentNnTensor *t)
{
  guint pixels = nn_rows (t) / pictures (t), slab = group_norm_slab (pixels);
  guint64 slabs = (pixels + slab - 1) / slab, size = pictures (t) * slabs * 2 * nn_width (t) * sizeof (float);

  return (size + 255) / 256 * 256;
}

static guint64
group_norm_scratch (const PentNnTensor *t)
{
  return group_norm_part_size (t) + (guint64) pictures (t) * t->groups * 2 * sizeof (float);
}

guint64
nn_scratch_size (PentNnGraph *g, const PentNnTensor *t)
{
  const PentVkInfo *info = pent_vk_context_get_info (pent_nn_module_get_context (g->module));

  switch ((int) t->op)
    {
    case NN_OP_LINEAR:
      return nn_linear_scratch (info, &(NnLinear[]) { linear (g, t) }[0]);
    case NN_OP_CONV:
      return nn_conv_scratch (info, &(NnConv[]) { conv (g, t) }[0]);
    case NN_OP_ATTENTION:
      return nn_attention_scratch (info, &(NnAttention[]) { attention (g, t) }[0]);
    case NN_OP_GROUP_NORM:
      return group_norm_scratch (t);
    default:
      return 0;
    }
}

static void
record_linear (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  NnLinear op = linear (g, t);

  op.x = in (g, t, NN_X);
  op.w = in (g, t, NN_W);
  op.bias = in (g, t, NN_B);
  op.residual = in (g, t, NN_RESIDUAL);
  op.gate = in (g, t, NN_GATE);
  op.y = span (g, t);
  nn_linear_emit (g->command, info, &op, scratch (g, t));
}

static void
record_conv (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  NnConv op = conv (g, t);

  op.x = in (g, t, NN_X);
  op.w = in (g, t, NN_W);
  op.bias = in (g, t, NN_B);
  op.residual = in (g, t, NN_RESIDUAL);
  op.y = span (g, t);
  nn_conv_emit (g->command, info, &op, scratch (g, t));
}

static void
record_attention (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  NnAttention op = attention (g, t);

  op.q = in (g, t, NN_X);
  op.k = in (g, t, NN_K);
  op.v = in (g, t, NN_V);
  op.pos = in (g, t, NN_POS);
  op.y = span (g, t);
  nn_attention_emit (g->command, info, &op, scratch (g, t));
}

static void
record_embedding (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  pent_kernel_embedding (g->command, &(PentKernelEmbedding) {
    .ids = in (g, t, NN_X), .table = in (g, t, NN_W), .y = span (g, t), .rows = t->shape[0], .width = nn_width (t),
    .vocabulary = t->in[NN_W]->shape[0], .T = t->in[NN_W]->dtype, .U = t->dtype, .LANES = lanes (info) });
}

/* ---- norms ---- */

static void
record_norm (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  pent_kernel_norm (g->command, &(PentKernelNorm) {
    .x = in (g, t, NN_X), .w = in (g, t, NN_W), .b = in (g, t, NN_B), .scale = in (g, t, NN_SCALE),
    .shift = in (g, t, NN_SHIFT), .gate = in (g, t, NN_GATE), .residual = in (g, t, NN_RESIDUAL), .y = span (g, t),
    .rows = nn_rows (t), .width = nn_width (t), .every = MAX (t->every, 1), .ldm = operand_stride (t), .eps = t->eps,
    .T = t->in[NN_X]->dtype, .U = t->dtype, .LAYER = t->op == NN_OP_LAYER_NORM, .LANES = lanes (info) });
}

static void
record_group_norm (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  const PentNnTensor *x = t->in[NN_X];
  guint n = pictures (t), pixels = nn_rows (t) / n, slab = group_norm_slab (pixels);
  PentSpan part = scratch (g, t), stats = part;

  part.size = group_norm_part_size (t);
  stats.offset += part.size;
  stats.size -= part.size;
  pent_kernel_group_norm_part (g->command, &(PentKernelGroupNormPart) {
    .x = in (g, t, NN_X), .part = part, .n = n, .hw = pixels, .c = nn_width (t), .slab = slab, .T = x->dtype,
    .LANES = lanes (info) });
  pent_kernel_group_norm_join (g->command, &(PentKernelGroupNormJoin) {
    .part = part, .stats = stats, .n = n, .groups = t->groups, .hw = pixels, .slab = slab, .c = nn_width (t),
    .eps = t->eps });
  pent_kernel_group_norm (g->command, &(PentKernelGroupNorm) {
    .x = in (g, t, NN_X), .stats = stats, .w = in (g, t, NN_W), .b = in (g, t, NN_B), .y = span (g, t), .n = n,
    .hw = pixels, .c = nn_width (t), .groups = t->groups, .T = x->dtype, .U = t->dtype, .ACT = t->act == NN_ACT_SILU,
    .LANES = lanes (info) });
}

/* Modulation and a plain residual sum are one kernel. */
static void
record_modulate (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  pent_kernel_modulate (g->command, &(PentKernelModulate) {
    .x = in (g, t, NN_X), .scale = in (g, t, NN_SCALE), .shift = in (g, t, NN_SHIFT), .gate = in (g, t, NN_GATE),
    .residual = in (g, t, NN_RESIDUAL), .y = span (g, t), .rows = nn_rows (t), .width = nn_width (t),
    .every = MAX (t->every, 1), .ldm = operand_stride (t), .T = t->in[NN_X]->dtype, .U = t->dtype,
    .LANES = lanes (info) });
}

static void
record_rope (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  const PentNnTensor *x = t->in[NN_X];
  guint heads = x->shape[x->n_dims - 2];
  guint64 ldx = 0;

  nn_head_stride (x, &ldx);
  pent_kernel_rope (g->command, &(PentKernelRope) {
    .x = in (g, t, NN_X), .w = in (g, t, NN_W), .table = in (g, t, NN_TABLE), .pos = in (g, t, NN_POS),
    .y = span (g, t), .rows = nn_rows (t) / heads, .heads = heads, .h = nn_width (t), .ldx = ldx,
    .ldy = heads * nn_width (t), .seq = x->shape[x->n_dims - 3], .table_rows = t->in[NN_TABLE]->shape[0], .eps = t->eps,
    .T = x->dtype, .U = t->dtype, .NORM = t->in[NN_W] != NULL, .INTERLEAVED = t->interleaved, .LANES = lanes (info) });
}

static void
record_softmax (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  pent_kernel_softmax (g->command, &(PentKernelSoftmax) {
    .x = in (g, t, NN_X), .y = span (g, t), .rows = nn_rows (t), .width = nn_width (t), .T = t->in[NN_X]->dtype,
    .U = t->dtype, .LANES = lanes (info) });
}

static void
record_argmax (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  pent_kernel_argmax (g->command, &(PentKernelArgmax) {
    .x = in (g, t, NN_X), .y = span (g, t), .rows = nn_rows (t->in[NN_X]), .width = nn_width (t->in[NN_X]),
    .T = t->in[NN_X]->dtype, .LANES = lanes (info) });
}

/* ---- element by element ---- */

/* act (x * scale + offset); an affine map alone has no act. */
static void
record_act (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  pent_kernel_act (g->command, &(PentKernelAct) {
    .x = in (g, t, NN_X), .y = span (g, t), .n = nn_elements (t), .scale = t->scale, .offset = t->offset, .ACT = t->act,
    .T = t->in[NN_X]->dtype, .U = t->dtype, .LANES = lanes (info) });
}

static void
record_glu (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  pent_kernel_glu (g->command, &(PentKernelGlu) {
    .gate = in (g, t, NN_X), .up = in (g, t, NN_OTHER), .y = span (g, t), .rows = nn_rows (t), .width = nn_width (t),
    .ldx = row_stride (t->in[NN_X]), .scale = ldexpf (1, t->exponent), .ACT = t->act, .T = t->in[NN_X]->dtype,
    .U = t->dtype, .LANES = lanes (info) });
}

static void
record_binary (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  const PentNnTensor *b = t->in[NN_OTHER];

  pent_kernel_binary (g->command, &(PentKernelBinary) {
    .a = in (g, t, NN_X), .b = in (g, t, NN_OTHER), .y = span (g, t), .rows = nn_rows (t), .width = nn_width (t),
    .every = MAX (t->every, 1), .ldb = row_stride (b), .T = t->in[NN_X]->dtype, .V = b->dtype, .U = t->dtype,
    .MULTIPLY = t->op == NN_OP_MUL, .LANES = lanes (info) });
}

/* ---- moving ---- */

static void
record_read (PentNnGraph *g, const PentNnTensor *t)
{
  PentSpan from = in (g, t, NN_X);
  NnPort *port = &g_array_index (g->outputs, NnPort, t->first);

  pent_vk_command_copy (g->command, g->readback, port->place, from.buffer, from.offset, port->size);
}

/* The axes of a copy from slow to fast, as few as there can be: neighbours that lie evenly in both become one.  The
 * first stays by itself where a position is added to it. */
static void
copy_axes (PentKernelCopy *copy, const PentNnTensor *x, const PentNnTensor *y, gboolean keep_first)
{
  guint size[4], ldx[4], ldy[4], n = 0;

  for (guint i = 0; i < x->n_dims; i++)
    {
      gboolean first = keep_first && i == 0, after_first = keep_first && n == 1;

      if (x->shape[i] == 1 && !first)
        continue;
      if (n > 0 && !after_first && ldx[n - 1] == x->strides[i] * x->shape[i] &&
          ldy[n - 1] == y->strides[i] * x->shape[i])
        {
          size[n - 1] *= x->shape[i];
          ldx[n - 1] = x->strides[i];
          ldy[n - 1] = y->strides[i];
          continue;
        }
      size[n] = x->shape[i];
      ldx[n] = x->strides[i];
      ldy[n++] = y->strides[i];
    }

  for (guint i = 0; i < 6; i++)
    {
      copy->size[i] = 1;
      copy->ldx[i] = copy->ldy[i] = i == 5;
    }
  for (guint i = 0; i < n; i++)
    {
      guint at = keep_first && i == 0 ? 0 : 6 - n + i;

      copy->size[at] = size[i];
      copy->ldx[at] = ldx[i];
      copy->ldy[at] = ldy[i];
    }
}

static void
record_copy (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  const PentNnTensor *x = t->in[NN_X];
  PentKernelCopy copy = { .x = span (g, x), .y = span (g, t), .T = x->dtype, .U = t->dtype, .LANES = lanes (info) };

  if (nn_is_contiguous (x) && nn_is_contiguous (t))
    {
      pent_kernel_cast (g->command, &(PentKernelCast) {
        .x = copy.x, .y = copy.y, .n = nn_elements (t), .T = x->dtype, .U = t->dtype, .LANES = lanes (info) });
      return;
    }
  copy_axes (&copy, x, t, FALSE);
  pent_kernel_copy (g->command, &copy);
}

static void
record_state_write (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  const PentNnTensor *x = t->in[NN_OTHER];
  PentKernelCopy copy = { .x = span (g, x), .y = span (g, t), .pos = in (g, t, NN_POS), .limit = t->shape[0], .T = x->dtype,
                          .U = t->dtype, .LANES = lanes (info) };

  copy_axes (&copy, x, t, TRUE);
  pent_kernel_copy (g->command, &copy);
}

static void
record_upsample (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  const PentNnTensor *x = t->in[NN_X];
  guint first = x->n_dims == 4;

  pent_kernel_upsample2 (g->command, &(PentKernelUpsample2) {
    .x = in (g, t, NN_X), .y = span (g, t), .n = first ? x->shape[0] : 1, .h = x->shape[first], .w = x->shape[first + 1],
    .c = nn_width (x), .T = x->dtype, .U = t->dtype, .LANES = lanes (info) });
}

/* ---- the schedule ---- */

/* Of the products, which is nearly all there is. */
static double
flops (PentNnGraph *g, const PentNnTensor *t)
{
  switch ((int) t->op)
    {
    case NN_OP_LINEAR:
      return 2.0 * nn_elements (t) * nn_width (t->in[NN_X]);
    case NN_OP_CONV:
      return 2.0 * nn_elements (t) * t->kernel * t->kernel * nn_width (t->in[NN_X]);
    case NN_OP_ATTENTION:
      return 4.0 * nn_elements (t) * t->in[NN_K]->shape[t->in[NN_K]->n_dims - 3] / (t->causal ? 2 : 1);
    default:
      return 0;
    }
}

static void
record_node (PentNnGraph *g, const PentVkInfo *info, const PentNnTensor *t)
{
  switch ((int) t->op)
    {
    case NN_OP_LINEAR:
      record_linear (g, info, t);
      break;
    case NN_OP_CONV:
      record_conv (g, info, t);
      break;
    case NN_OP_ATTENTION:
      record_attention (g, info, t);
      break;
    case NN_OP_EMBEDDING:
      record_embedding (g, info, t);
      break;
    case NN_OP_RMS_NORM:
    case NN_OP_LAYER_NORM:
      record_norm (g, info, t);
      break;
    case NN_OP_GROUP_NORM:
      record_group_norm (g, info, t);
      break;
    case NN_OP_MODULATE:
    case NN_OP_RESIDUAL:
      record_modulate (g, info, t);
      break;
    case NN_OP_ROPE:
      record_rope (g, info, t);
      break;
    case NN_OP_SOFTMAX:
      record_softmax (g, info, t);
      break;
    case NN_OP_ARGMAX:
      record_argmax (g, info, t);
      break;
    case NN_OP_ACT:
    case NN_OP_AFFINE:
      record_act (g, info, t);
      break;
    case NN_OP_GLU:
      record_glu (g, info, t);
      break;
    case NN_OP_ADD:
    case NN_OP_MUL:
      record_binary (g, info, t);
      break;
    case NN_OP_UPSAMPLE:
      record_upsample (g, info, t);
      break;
    case NN_OP_STATE_WRITE:
      record_state_write (g, info, t);
      break;
    case NN_OP_COPY:
      record_copy (g, info, t);
      break;
    case NN_OP_READ:
      record_read (g, t);
      break;
    default:
      g_assert_not_reached ();
    }
}

void
nn_record (PentNnGraph *g)
{
  PentVkContext *context = pent_nn_module_get_context (g->module);
  const PentVkInfo *info = pent_vk_context_get_info (context);

  g_clear_pointer (&g->command, pent_vk_command_unref);
  g->stats.flops = 0;
  g->command = pent_vk_command_new (context, g->label);
  if (g->input_bytes > 0)
    pent_vk_command_copy (g->command, g->input_buffer, 0, g->upload, 0, g->input_bytes);
  for (guint i = 0; i < g->schedule->len && !pent_vk_context_failed (context); i++)
    {
      record_node (g, info, g->schedule->pdata[i]);
      g->stats.flops += flops (g, g->schedule->pdata[i]);
    }
  pent_vk_command_end (g->command);
  g->stats.n_dispatches = pent_vk_command_n_dispatches (g->command);
  g->stats.n_barriers = pent_vk_command_n_barriers (g->command);
  g->stats.n_parts = pent_vk_command_n_parts (g->command);
}
