/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-private.h"

#include "pent-kernels.h"

/* What each value is stored as.
 *
 * The precision is for activations.  Kept as F32 in any precision:
 *   - residual streams: sums of many layers, which lose small terms in 16 bits;
 *   - modulation (scale, shift, gate), constants and what the host gives and gets;
 *   - values of a few rows, where 16 bits save nothing (embeddings of the time step, a single token).
 * And with F16, whose largest number is 65504:
 *   - what goes back into a stream, until it is there, and what a norm reads (a norm takes out any scale; before it a
 *     value may be anything);
 *   - the product in a gated feed-forward is stored times 2^-6, which the next linear layer takes out again exactly;
 *     where anything else reads it, it is F32. */

#define FEW_ROWS 8
#define GUARD_EXPONENT (-6)

static gboolean
is_norm (const PentNnTensor *t)
{
  return t->op == NN_OP_RMS_NORM || t->op == NN_OP_LAYER_NORM || t->op == NN_OP_GROUP_NORM;
}

/* ---- who must be F32: from the end to the beginning ---- */

static void
keep (PentNnTensor *t)
{
  if (t != NULL)
    t->keep_f32 = TRUE;
}

static void
mark_operands (PentNnGraph *g, PentNnTensor *t)
{
  gboolean narrow = g->precision == PENT_NN_PRECISION_F16;

  keep (t->in[NN_RESIDUAL]);
  keep (t->in[NN_GATE]);
  if (t->op == NN_OP_MODULATE || is_norm (t))
    {
      keep (t->in[NN_SCALE]);
      keep (t->in[NN_SHIFT]);
    }
  if (narrow && (is_norm (t) || (t->op == NN_OP_ROPE && t->in[NN_W] != NULL) || t->op == NN_OP_RESIDUAL ||
                 (t->op == NN_OP_MODULATE && t->in[NN_RESIDUAL] != NULL)))
    keep (t->in[NN_X]);
  if (t->keep_f32 && (nn_is_view (t) || t->op == NN_OP_UPSAMPLE))
    {
      keep (t->in[NN_X]);
      if (t->op == NN_OP_CONCAT)
        keep (t->in[NN_OTHER]);
    }
}

static void
mark (PentNnGraph *g)
{
  for (guint i = g->tensors->len; i-- > 0;)
    {
      PentNnTensor *t = g->tensors->pdata[i];

      if (!t->live)
        continue;
      if (t->wanted || nn_rows (t) <= FEW_ROWS)
        t->keep_f32 = TRUE;
      mark_operands (g, t);
    }
}

/* ---- what each is: from the beginning to the end ---- */

static PentDtype
activation_type (PentNnGraph *g)
{
  return g->precision == PENT_NN_PRECISION_F16    ? PENT_DTYPE_F16
         : g->precision == PENT_NN_PRECISION_BF16 ? PENT_DTYPE_BF16
                                                  : PENT_DTYPE_F32;
}

/* The products read F32 and give F32, read F16 with any weight, and BF16 with BF16 weights. */
static PentDtype
product_type (PentNnGraph *g, PentNnTensor *t)
{
  PentNnTensor *x = t->in[NN_X];

  if (t->keep_f32 || x->dtype == PENT_DTYPE_F32 || x->exponent != 0 ||
      (x->dtype == PENT_DTYPE_BF16 && t->in[NN_W]->dtype != PENT_DTYPE_BF16))
    return PENT_DTYPE_F32;
  return activation_type (g);
}

static PentDtype
pair_type (PentNnGraph *g, PentNnTensor *t)
{
  PentNnTensor *a = t->in[NN_X], *b = t->in[NN_OTHER];

  /* A product of two activations has twice their exponents. */
  if (t->op == NN_OP_MUL && t->every == 0 && g->precision == PENT_NN_PRECISION_F16)
    return PENT_DTYPE_F32;
  if (t->every != 0 || a->dtype == b->dtype)
    return a->dtype;
  return PENT_DTYPE_F32;
}

static PentDtype
embedding_type (PentNnGraph *g, PentNnTensor *t)
{
  PentDtype types[] = { t->in[NN_W]->dtype, activation_type (g) };

  if (t->keep_f32 || !pent_kernel_available (&pent_kernel_embedding_info,
                                             pent_vk_context_get_info (pent_nn_module_get_context (g->module)), types, 2))
    return PENT_DTYPE_F32;
  return types[1];
}

static PentDtype
choose (PentNnGraph *g, PentNnTensor *t)
{
  switch (t->op)
    {
    case NN_OP_INPUT:
      return t->dtype;
    case NN_OP_CONSTANT:
    case NN_OP_WEIGHT:
      return t->resident->dtype;
    case NN_OP_STATE:
      return t->state->dtype;
    case NN_OP_RESHAPE:
    case NN_OP_SLICE:
    case NN_OP_TRANSPOSE:
    case NN_OP_REPEAT:
    case NN_OP_UPSAMPLE:
    case NN_OP_STATE_WRITE:
      return t->in[NN_X]->dtype;
    case NN_OP_CONCAT:
      return t->in[NN_X]->dtype == t->in[NN_OTHER]->dtype ? t->in[NN_X]->dtype : PENT_DTYPE_F32;
    case NN_OP_ARGMAX:
      return PENT_DTYPE_I32;
    case NN_OP_EMBEDDING:
      return embedding_type (g, t);
    case NN_OP_LINEAR:
    case NN_OP_CONV:
      return t->in[NN_RESIDUAL] != NULL ? PENT_DTYPE_F32 : product_type (g, t);
    case NN_OP_RMS_NORM:
    case NN_OP_LAYER_NORM:
    case NN_OP_GROUP_NORM:
    case NN_OP_GLU:
    case NN_OP_ROPE:
    case NN_OP_ATTENTION:
      return t->keep_f32 || t->in[NN_RESIDUAL] != NULL ? PENT_DTYPE_F32 : activation_type (g);
    case NN_OP_ADD:
    case NN_OP_MUL:
      return t->keep_f32 ? PENT_DTYPE_F32 : pair_type (g, t);
    case NN_OP_ACT:
    case NN_OP_AFFINE:
    case NN_OP_MODULATE:
    case NN_OP_SOFTMAX:
      return t->keep_f32 || t->in[NN_RESIDUAL] != NULL ? PENT_DTYPE_F32 : t->in[NN_X]->dtype;
    case NN_OP_RESIDUAL:
    case NN_OP_NONE:
    case NN_OP_COPY:
    case NN_OP_READ:
      return PENT_DTYPE_F32;
    }
  return PENT_DTYPE_F32;
}

/* ---- the exponents of gated products ---- */

static void
guard (PentNnGraph *g)
{
  if (g->precision != PENT_NN_PRECISION_F16 || (g->disable & NN_DISABLE_GUARD))
    return;

  for (guint i = 0; i < g->tensors->len; i++)
    {
      PentNnTensor *t = g->tensors->pdata[i];

      if (t->live && t->op == NN_OP_GLU && !t->keep_f32)
        t->exponent = GUARD_EXPONENT;
    }

  /* Only a linear layer takes it out again. */
  for (guint i = 0; i < g->tensors->len; i++)
    {
      PentNnTensor *t = g->tensors->pdata[i];

      if (!t->live)
        continue;
      NN_EACH_IN (t, k)
        if (t->in[k]->exponent != 0 && (t->op != NN_OP_LINEAR || k != NN_X))
          {
            t->in[k]->exponent = 0;
            t->in[k]->keep_f32 = TRUE;
          }
    }
}

void
nn_types (PentNnGraph *g)
{
  mark (g);
  guard (g);
  for (guint i = 0; i < g->tensors->len; i++)
    {
      PentNnTensor *t = g->tensors->pdata[i];

      if (t->live)
        t->dtype = choose (g, t);
    }
}
