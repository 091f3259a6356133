/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-private.h"

/* Neighbours that one kernel does together.  An operation takes the place of the one that makes its operand if nobody
 * else uses that; the value in between then never exists.  The later node remains, so that the order stays right.
 *
 *   act (linear), act (conv)                    act (group norm) if silu
 *   act (affine)
 *   residual + gate * linear, sum + conv        act (a) * b  = glu (a, b)
 *   modulate (norm)                             residual + gate * norm, residual + gate * modulate
 *   rope (rms norm) per head
 */

static gboolean
is_norm (const PentNnTensor *t)
{
  return t->op == NN_OP_RMS_NORM || t->op == NN_OP_LAYER_NORM;
}

static gboolean
is_product (const PentNnTensor *t)
{
  return t->op == NN_OP_LINEAR || t->op == NN_OP_CONV;
}

/* Nobody else uses x; being an output or traced is a use. */
static gboolean
is_private (const PentNnTensor *x)
{
  return x->uses == 1;
}

/* t becomes what `from` is, with its own operands added; from vanishes. */
static void
swallow (PentNnTensor *t, PentNnTensor *from)
{
  for (guint i = 0; i < NN_MAX_IN; i++)
    if (from->in[i] != NULL)
      t->in[i] = from->in[i];
  t->op = from->op;
  t->eps = from->eps;
  t->groups = from->groups;
  t->kernel = from->kernel;
  t->stride = from->stride;
  t->pad_before = from->pad_before;
  t->pad_after = from->pad_after;
  from->live = FALSE;
  from->uses = 0;
}

static gboolean
fuse_act (PentNnTensor *t)
{
  PentNnTensor *x = t->in[NN_X];
  NnAct act = t->act;
  gboolean fits = is_product (x) ? x->act == NN_ACT_NONE && x->in[NN_RESIDUAL] == NULL
                                 : x->op == NN_OP_GROUP_NORM && x->act == NN_ACT_NONE && act == NN_ACT_SILU;

  if (!is_private (x))
    return FALSE;
  if (x->op == NN_OP_AFFINE)
    {
      t->in[NN_X] = x->in[NN_X];
      t->scale = x->scale;
      t->offset = x->offset;
      x->live = FALSE;
      return TRUE;
    }
  if (!fits)
    return FALSE;
  swallow (t, x);
  t->act = act;
  return TRUE;
}

static gboolean
fuse_modulate (PentNnTensor *t)
{
  PentNnTensor *x = t->in[NN_X];

  if (!is_norm (x) || x->in[NN_SCALE] != NULL || x->in[NN_RESIDUAL] != NULL || !is_private (x))
    return FALSE;
  swallow (t, x);
  return TRUE;
}

/* t is residual + gate * x, or a plain sum where `sum` is. */
static gboolean
fuse_into_residual (PentNnTensor *t, PentNnTensor *x, PentNnTensor *residual)
{
  guint every = t->every;
  gboolean fits;

  if (x == residual || !is_private (x) || x->in[NN_RESIDUAL] != NULL)
    return FALSE;
  /* A product takes one row of gates for all. */
  if (is_product (x))
    fits = t->in[NN_GATE] == NULL || (x->op == NN_OP_LINEAR && nn_rows (t->in[NN_GATE]) == 1);
  else
    fits = (is_norm (x) || x->op == NN_OP_MODULATE) &&
           (x->in[NN_SCALE] == NULL || t->in[NN_GATE] == NULL || x->every == every);
  if (!fits)
    return FALSE;

  if (x->in[NN_SCALE] != NULL && t->in[NN_GATE] == NULL)
    every = x->every;
  t->act = x->act;
  t->in[NN_X] = t->in[NN_OTHER] = NULL;
  t->in[NN_RESIDUAL] = residual;
  t->every = every;
  swallow (t, x);
  return TRUE;
}

static gboolean
fuse_add (PentNnTensor *t)
{
  PentNnTensor *a = t->in[NN_X], *b = t->in[NN_OTHER];

  if (t->every != 0)
    return FALSE;
  return (is_product (b) && fuse_into_residual (t, b, a)) || (is_product (a) && fuse_into_residual (t, a, b));
}

static gboolean
fuse_mul (PentNnTensor *t)
{
  for (guint i = 0; i < 2 && t->every == 0; i++)
    {
      PentNnTensor *x = t->in[i], *other = t->in[1 - i];

      if (x->op != NN_OP_ACT || x == other || !is_private (x))
        continue;
      t->op = NN_OP_GLU;
      t->act = x->act;
      t->in[NN_X] = x->in[NN_X];
      t->in[NN_OTHER] = other;
      x->live = FALSE;
      return TRUE;
    }
  return FALSE;
}

static gboolean
fuse_rope (PentNnTensor *t)
{
  PentNnTensor *x = t->in[NN_X];

  if (x->op != NN_OP_RMS_NORM || x->in[NN_W] == NULL || x->in[NN_B] != NULL || x->in[NN_SCALE] != NULL ||
      x->in[NN_RESIDUAL] != NULL || !is_private (x))
    return FALSE;
  t->in[NN_X] = x->in[NN_X];
  t->in[NN_W] = x->in[NN_W];
  t->eps = x->eps;
  x->live = FALSE;
  return TRUE;
}

static gboolean
fuse_node (PentNnTensor *t)
{
  switch ((int) t->op)
    {
    case NN_OP_ACT:
      return fuse_act (t);
    case NN_OP_MODULATE:
      return fuse_modulate (t);
    case NN_OP_RESIDUAL:
      return fuse_into_residual (t, t->in[NN_X], t->in[NN_RESIDUAL]);
    case NN_OP_ADD:
      return fuse_add (t);
    case NN_OP_MUL:
      return fuse_mul (t);
    case NN_OP_ROPE:
      return fuse_rope (t);
    default:
      return FALSE;
    }
}

void
nn_fuse (PentNnGraph *g)
{
  if (g->disable & NN_DISABLE_FUSION)
    return;
  for (guint i = 0; i < g->tensors->len; i++)
    {
      PentNnTensor *t = g->tensors->pdata[i];

      if (t->live)
        fuse_node (t);
    }
}
