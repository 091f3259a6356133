/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-private.h"

#include <string.h>

/* Where each value lies.  A value that work makes is a root: an allocation of its own.  Reshaped, cut, transposed and
 * repeated values are views: the same root seen with other strides.  A concatenation is a root into which its parts are
 * written directly where they can be.  Operations that need rows side by side, or another type, get a copy. */

/* ---- layouts ---- */

static void
set_contiguous (PentNnTensor *t)
{
  guint64 stride = 1;

  t->root = t;
  t->at = 0;
  for (guint i = t->n_dims; i-- > 0;)
    {
      t->strides[i] = stride;
      stride *= t->shape[i];
    }
}

gboolean
nn_is_contiguous (const PentNnTensor *x)
{
  guint64 stride = 1;

  for (guint i = x->n_dims; i-- > 0;)
    {
      if (x->shape[i] != 1 && x->strides[i] != stride)
        return FALSE;
      stride *= x->shape[i];
    }
  return TRUE;
}

/* The axes before `end` as one: `stride` apart.  FALSE if they are not evenly spaced. */
static gboolean
collapse (const PentNnTensor *x, guint end, guint64 *stride)
{
  guint64 next = 0, count = 1;

  for (guint i = end; i-- > 0;)
    {
      if (x->shape[i] == 1)
        continue;
      if (count == 1)
        *stride = x->strides[i];
      else if (x->strides[i] != next)
        return FALSE;
      count *= x->shape[i];
      next = x->strides[i] * x->shape[i];
    }
  return TRUE;
}

gboolean
nn_row_stride (const PentNnTensor *x, guint64 *stride)
{
  guint last = x->n_dims - 1;

  *stride = x->shape[last];
  return (x->shape[last] == 1 || x->strides[last] == 1) && collapse (x, last, stride) && *stride >= x->shape[last];
}

/* [.., heads, h] with the heads of a row side by side. */
static gboolean
heads_together (const PentNnTensor *x)
{
  guint last = x->n_dims - 1;

  return (x->shape[last] == 1 || x->strides[last] == 1) &&
         (x->shape[last - 1] == 1 || x->strides[last - 1] == x->shape[last]) &&
         (x->n_dims < 3 || x->shape[last - 2] == 1 || x->strides[last - 2] > 0);
}

gboolean
nn_head_stride (const PentNnTensor *x, guint64 *stride)
{
  guint last = x->n_dims - 1;

  *stride = (guint64) x->shape[last] * x->shape[last - 1];
  return heads_together (x) && collapse (x, last - 1, stride) && *stride > 0;
}

gboolean
nn_reshape_strides (const guint *from, const guint64 *strides, guint n_from, const guint *to, guint n_to,
                    guint64 *result)
{
  guint old[4], n_old = 0, i = 0, k = 0;
  guint64 steps[4], last;

  for (guint a = 0; a < n_from; a++)
    if (from[a] != 1)
      {
        old[n_old] = from[a];
        steps[n_old++] = strides[a];
      }

  /* Runs of old and new axes with equal products; within one the old ones must lie evenly. */
  while (i < n_old && k < n_to)
    {
      guint i1 = i + 1, k1 = k + 1;
      guint64 left = old[i], right = to[k];

      while (left != right)
        if (left < right)
          left *= old[i1++];
        else
          right *= to[k1++];
      for (guint a = i; a + 1 < i1; a++)
        if (steps[a] != old[a + 1] * steps[a + 1])
          return FALSE;
      result[k1 - 1] = steps[i1 - 1];
      for (guint b = k1 - 1; b > k; b--)
        result[b - 1] = result[b] * to[b];
      i = i1;
      k = k1;
    }
  last = k > 0 ? result[k - 1] : 1;
  for (; k < n_to; k++)
    result[k] = last;
  return TRUE;
}

/* ---- copies ---- */

static void
schedule (PentNnGraph *g, PentNnTensor *t)
{
  g_ptr_array_add (g->schedule, t);
}

/* x side by side in that type; made once. */
static PentNnTensor *
copy_of (PentNnGraph *g, PentNnTensor *x, PentDtype dtype)
{
  PentNnTensor *copy = dtype < G_N_ELEMENTS (x->copies) ? x->copies[dtype] : NULL;

  if (copy != NULL)
    return copy;
  copy = nn_node_raw (g, NN_OP_COPY, x);
  copy->in[NN_X] = x;
  copy->dtype = dtype;
  set_contiguous (copy);
  schedule (g, copy);
  if (dtype < G_N_ELEMENTS (x->copies))
    x->copies[dtype] = copy;
  return copy;
}

typedef gboolean (*Layout) (const PentNnTensor *x);

/* Operand `slot` of t, in `dtype` (PENT_N_DTYPES: as it is) and lying as `layout` asks. */
static void
need (PentNnGraph *g, PentNnTensor *t, guint slot, PentDtype dtype, Layout layout)
{
  PentNnTensor *x = t->in[slot];

  if (x == NULL)
    return;
  if (dtype == PENT_N_DTYPES)
    dtype = x->dtype;
  if (x->dtype != dtype || (x->exponent != 0 && t->op != NN_OP_LINEAR) || !layout (x))
    t->in[slot] = copy_of (g, x, dtype);
}

static gboolean
in_rows (const PentNnTensor *x)
{
  guint64 stride;

  return nn_row_stride (x, &stride);
}

static gboolean
in_heads (const PentNnTensor *x)
{
  guint64 stride;

  return nn_head_stride (x, &stride);
}

/* Operands that share one row stride: all as they are, or all side by side. */
static void
need_equal_rows (PentNnGraph *g, PentNnTensor *t, const guint *slots, guint n, PentDtype dtype)
{
  guint64 common = 0, stride = 0;
  gboolean equal = TRUE;

  for (guint i = 0; i < n; i++)
    {
      need (g, t, slots[i], dtype, in_rows);
      if (t->in[slots[i]] == NULL || nn_rows (t->in[slots[i]]) == 1)
        continue;
      nn_row_stride (t->in[slots[i]], &stride);
      equal &= common == 0 || stride == common;
      common = stride;
    }
  for (guint i = 0; i < n && !equal; i++)
    need (g, t, slots[i], dtype, nn_is_contiguous);
}

/* ---- what each operation can read ---- */

static void
need_product (PentNnGraph *g, PentNnTensor *t)
{
  PentNnTensor *x = t->in[NN_X];
  PentDtype dtype = x->dtype;

  if (dtype == PENT_DTYPE_BF16 && t->in[NN_W]->dtype != PENT_DTYPE_BF16)
    dtype = PENT_DTYPE_F32;
  need (g, t, NN_X, dtype, t->op == NN_OP_LINEAR ? in_rows : nn_is_contiguous);
  need (g, t, NN_RESIDUAL, PENT_DTYPE_F32, nn_is_contiguous);
  need (g, t, NN_GATE, PENT_DTYPE_F32, nn_is_contiguous);
}

static gboolean
attention_takes (PentDtype q, PentDtype kv, PentDtype y)
{
  static const PentDtype known[][3] = {
    { PENT_DTYPE_F32, PENT_DTYPE_F32, PENT_DTYPE_F32 },   { PENT_DTYPE_F16, PENT_DTYPE_F16, PENT_DTYPE_F16 },
    { PENT_DTYPE_BF16, PENT_DTYPE_BF16, PENT_DTYPE_BF16 }, { PENT_DTYPE_F32, PENT_DTYPE_F16, PENT_DTYPE_F32 },
    { PENT_DTYPE_F16, PENT_DTYPE_F16, PENT_DTYPE_F32 },   { PENT_DTYPE_BF16, PENT_DTYPE_BF16, PENT_DTYPE_F32 },
    { PENT_DTYPE_F16, PENT_DTYPE_F32, PENT_DTYPE_F16 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (known[i][0] == q && known[i][1] == kv && known[i][2] == y)
      return TRUE;
  return FALSE;
}

static void
need_attention (PentNnGraph *g, PentNnTensor *t)
{
  PentNnTensor *k = t->in[NN_K], *v = t->in[NN_V];
  PentDtype q = t->in[NN_X]->dtype, kv = k->dtype == v->dtype ? k->dtype : q;

  if (!attention_takes (q, kv, t->dtype))
    q = kv;
  if (!attention_takes (q, kv, t->dtype))
    q = kv = t->dtype;
  need (g, t, NN_X, q, heads_together);
  need (g, t, NN_K, kv, heads_together);
  need (g, t, NN_V, kv, heads_together);
}

static void
need_norm (PentNnGraph *g, PentNnTensor *t)
{
  static const guint rows[] = { NN_SCALE, NN_SHIFT, NN_GATE };

  need (g, t, NN_X, PENT_N_DTYPES, nn_is_contiguous);
  need (g, t, NN_RESIDUAL, PENT_DTYPE_F32, nn_is_contiguous);
  need_equal_rows (g, t, rows, G_N_ELEMENTS (rows), PENT_DTYPE_F32);
}

static void
need_pair (PentNnGraph *g, PentNnTensor *t)
{
  PentNnTensor *a = t->in[NN_X], *b = t->in[NN_OTHER];

  if (t->every == 0 && a->dtype != t->dtype && b->dtype == t->dtype)
    {
      t->in[NN_X] = b;
      t->in[NN_OTHER] = a;
    }
  need (g, t, NN_X, t->dtype, nn_is_contiguous);
  b = t->in[NN_OTHER];
  need (g, t, NN_OTHER, b->dtype == PENT_DTYPE_F32 || t->dtype == PENT_DTYPE_F32 ? b->dtype : t->dtype, in_rows);
}

static void
need_glu (PentNnGraph *g, PentNnTensor *t)
{
  static const guint rows[] = { NN_X, NN_OTHER };
  PentDtype a = t->in[NN_X]->dtype, b = t->in[NN_OTHER]->dtype;
  gboolean wide = a != b || t->dtype == PENT_DTYPE_F32;

  need_equal_rows (g, t, rows, 2, wide ? PENT_DTYPE_F32 : a);
}

static void
need_operands (PentNnGraph *g, PentNnTensor *t)
{
  switch ((int) t->op)
    {
    case NN_OP_LINEAR:
    case NN_OP_CONV:
      need_product (g, t);
      break;
    case NN_OP_ATTENTION:
      need_attention (g, t);
      break;
    case NN_OP_RMS_NORM:
    case NN_OP_LAYER_NORM:
    case NN_OP_MODULATE:
    case NN_OP_RESIDUAL:
      need_norm (g, t);
      break;
    case NN_OP_ADD:
    case NN_OP_MUL:
      need_pair (g, t);
      break;
    case NN_OP_GLU:
      need_glu (g, t);
      break;
    case NN_OP_ROPE:
      need (g, t, NN_X, PENT_N_DTYPES, in_heads);
      need (g, t, NN_TABLE, PENT_DTYPE_F32, nn_is_contiguous);
      break;
    case NN_OP_STATE_WRITE:
      break;
    default:
      need (g, t, NN_X, PENT_N_DTYPES, nn_is_contiguous);
    }
}

/* ---- views ---- */

static void
see (PentNnTensor *t, PentNnTensor *x)
{
  t->root = x->root;
  t->at = x->at;
  t->exponent = x->exponent;
  memcpy (t->strides, x->strides, sizeof t->strides);
}

static void
lower_view (PentNnGraph *g, PentNnTensor *t)
{
  PentNnTensor *x = t->in[NN_X];
  guint64 strides[4] = { 0 };

  switch ((int) t->op)
    {
    case NN_OP_RESHAPE:
      if (!nn_reshape_strides (x->shape, x->strides, x->n_dims, t->shape, t->n_dims, strides))
        {
          x = t->in[NN_X] = copy_of (g, x, x->dtype);
          nn_reshape_strides (x->shape, x->strides, x->n_dims, t->shape, t->n_dims, strides);
        }
      see (t, x);
      memcpy (t->strides, strides, sizeof strides);
      break;
    case NN_OP_SLICE:
      see (t, x);
      t->at += t->first * x->strides[t->axis];
      break;
    case NN_OP_TRANSPOSE:
      see (t, x);
      for (guint i = 0; i < t->n_dims; i++)
        t->strides[i] = x->strides[t->axes[i]];
      break;
    case NN_OP_REPEAT:
      see (t, x);
      t->strides[0] = 0;
      t->strides[1] = x->strides[x->n_dims - 1];
      break;
    }
}

/* For tests: the view becomes a value of its own. */
static void
materialise (PentNnGraph *g, PentNnTensor *t)
{
  PentNnTensor *view = nn_node_raw (g, t->op, t);

  see (view, t);
  view->dtype = t->dtype;
  view->in[NN_X] = t->in[NN_X];
  t->op = NN_OP_COPY;
  t->in[NN_X] = view;
  t->exponent = 0;
  set_contiguous (t);
  schedule (g, t);
}

/* ---- concatenation ---- */

/* The value that work writes and that becomes part of t, looking through reshapes. */
static PentNnTensor *
writer_of (PentNnTensor *part)
{
  while (part->op == NN_OP_RESHAPE && part->uses == 1)
    part = part->in[NN_X];
  return part;
}

/* Whether the writer can put its rows `stride` apart. */
static gboolean
writes_rows (const PentNnTensor *t)
{
  return t->op == NN_OP_LINEAR || t->op == NN_OP_ATTENTION;
}

static gboolean
can_place (PentNnTensor *t, PentNnTensor *part, PentNnTensor *writer, gboolean contiguous)
{
  if (writer->uses != 1 || writer->placed || nn_is_source (writer) ||
      (nn_is_view (writer) && writer->op != NN_OP_CONCAT) || writer->op == NN_OP_STATE_WRITE ||
      writer->dtype != t->dtype || writer->exponent != 0)
    return FALSE;
  return contiguous || (writer == part && writes_rows (writer) && t->axis == t->n_dims - 1);
}

/* Gives the parts of t their places in it, before their turn comes: t's own place is known. */
static void
place_parts (PentNnTensor *t)
{
  guint64 first = 0, outer = 1;

  for (guint i = 0; i < t->axis; i++)
    outer *= t->shape[i];
  for (guint k = 0; k < 2; k++)
    {
      PentNnTensor *part = t->in[k], *writer = writer_of (part);
      gboolean contiguous = outer == 1 && nn_is_contiguous (t);

      if (can_place (t, part, writer, contiguous))
        {
          set_contiguous (writer);
          if (!contiguous)
            memcpy (writer->strides, t->strides, sizeof writer->strides);
          writer->root = t->root;
          writer->at = t->at + first * t->strides[t->axis];
          writer->placed = TRUE;
        }
      first += part->shape[t->axis];
    }
}

static void
lower_concat (PentNnGraph *g, PentNnTensor *t)
{
  guint64 first = 0;

  for (guint k = 0; k < 2; k++)
    {
      PentNnTensor *part = t->in[k], *copy;

      if (!writer_of (part)->placed || writer_of (part)->root != t->root)
        {
          copy = nn_node_raw (g, NN_OP_COPY, part);
          copy->in[NN_X] = part;
          copy->dtype = t->dtype;
          copy->root = t->root;
          copy->at = t->at + first * t->strides[t->axis];
          memcpy (copy->strides, t->strides, sizeof copy->strides);
          schedule (g, copy);
        }
      first += part->shape[t->axis];
    }
}

/* From the outside in: a concatenation that is itself a part has its place before its own parts get theirs. */
static void
place_concats (PentNnGraph *g)
{
  for (guint i = g->tensors->len; i-- > 0;)
    {
      PentNnTensor *t = g->tensors->pdata[i];

      if (!t->live || t->op != NN_OP_CONCAT)
        continue;
      if (!t->placed)
        set_contiguous (t);
      if (!(g->disable & NN_DISABLE_VIEWS))
        place_parts (t);
    }
}

/* ---- everything ---- */

/* Outputs are copied out as soon as they exist, so that their memory can be used again. */
static void
lower_outputs (PentNnGraph *g, PentNnTensor *t)
{
  for (guint i = 0; i < g->outputs->len; i++)
    {
      NnPort *port = &g_array_index (g->outputs, NnPort, i);
      PentDtype dtype = t->dtype == PENT_DTYPE_I32 ? t->dtype : PENT_DTYPE_F32;
      PentNnTensor *read;

      if (port->tensor != t)
        continue;
      read = nn_node_raw (g, NN_OP_READ, t);
      read->in[NN_X] = t;
      read->first = i;
      need (g, read, NN_X, dtype, nn_is_contiguous);
      schedule (g, read);
    }
}

static void
lower_node (PentNnGraph *g, PentNnTensor *t)
{
  if (nn_is_source (t))
    set_contiguous (t);
  else if (t->op == NN_OP_CONCAT)
    lower_concat (g, t);
  else if (nn_is_view (t))
    {
      lower_view (g, t);
      if (g->disable & NN_DISABLE_VIEWS)
        materialise (g, t);
    }
  else
    {
      need_operands (g, t);
      if (t->op == NN_OP_STATE_WRITE)
        see (t, t->in[NN_X]);
      else if (!t->placed)
        set_contiguous (t);
      schedule (g, t);
    }
  if (t->wanted)
    lower_outputs (g, t);
}

void
nn_lower (PentNnGraph *g)
{
  guint n = g->tensors->len;

  g->schedule = g_ptr_array_new ();
  place_concats (g);
  for (guint i = 0; i < n; i++)
    {
      PentNnTensor *t = g->tensors->pdata[i];

      if (t->live)
        lower_node (g, t);
    }
}
