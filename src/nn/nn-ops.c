/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-private.h"

#include <math.h>
#include <string.h>
#include "pent-error.h"

/* Operations that compute, and the shapes they take.  Those that only rearrange are in nn-rearrange.c. */

/* ---- weights ---- */

static gboolean
is_weight_type (PentDtype dtype)
{
  return pent_dtype_is_float (dtype);
}

static gboolean
shape_is (const PentNnWeight *weight, const guint *shape, guint n_dims)
{
  /* Trailing axes of 1 say nothing: a 1x1 convolution's weight is a matrix. */
  for (guint i = 0; i < MAX (n_dims, weight->n_dims); i++)
    if ((i < weight->n_dims ? weight->shape[i] : 1) != (i < n_dims ? shape[i] : 1))
      return FALSE;
  return TRUE;
}

/* A node for the weight of that full name, checked. */
static PentNnTensor *
weight_node (PentNnGraph *g, const char *name, NnForm form, const guint *shape, guint n_dims)
{
  PentNnWeights *weights = pent_nn_module_get_weights (g->module);
  const PentNnWeight *weight = pent_nn_weights_get (weights, name);
  g_autofree char *what = NULL;
  PentNnTensor *t;

  if (weight == NULL)
    {
      nn_fail (g, PENT_ERROR_MODEL, "the tensor “%s” is missing in %s; the file is incomplete or of another kind of model",
               name, nn_weights_where (weights));
      return g->inert;
    }

  what = nn_weights_describe (weights, name);
  if (!shape_is (weight, shape, n_dims))
    {
      g_autofree char *have = nn_shape_to_string (weight->shape, weight->n_dims);
      g_autofree char *want = nn_shape_text (shape, n_dims);

      nn_fail (g, PENT_ERROR_MODEL, "%s has the shape %s, expected %s", what, have, want);
      return g->inert;
    }
  if (!is_weight_type (weight->dtype))
    {
      nn_fail (g, PENT_ERROR_MODEL, "%s has the type %s, which is no type for weights", what,
               pent_dtype_name (weight->dtype));
      return g->inert;
    }

  t = nn_node (g, NN_OP_WEIGHT, shape, n_dims);
  if (t != g->inert)
    t->resident = nn_module_weight (g->module, name, form);
  return t;
}

/* "prefix" + ".weight" within the scope. */
static const char *
member (PentNnGraph *g, const char *prefix, const char *suffix)
{
  g_autofree char *name = g_strconcat (prefix, suffix, NULL);

  return nn_scoped (g, name);
}

static PentNnTensor *
optional_vector (PentNnGraph *g, const char *prefix, const char *suffix, guint n)
{
  const char *name = member (g, prefix, suffix);

  if (!pent_nn_weights_has (pent_nn_module_get_weights (g->module), name))
    return NULL;
  return weight_node (g, name, NN_FORM_VECTOR, &n, 1);
}

PentNnTensor *
nn_weight (PentNnGraph *g, const char *name, const guint *shape)
{
  guint n_dims = 0;

  if (!nn_ready (g, NULL))
    return g->inert;
  while (n_dims < 4 && shape[n_dims] != 0)
    n_dims++;
  return weight_node (g, nn_scoped (g, name), NN_FORM_VECTOR, shape, n_dims);
}

gboolean
nn_has_weight (PentNnGraph *g, const char *name)
{
  return pent_nn_weights_has (pent_nn_module_get_weights (g->module), nn_scoped (g, name));
}

/* ---- helpers for shapes ---- */

static PentNnTensor *
unary (PentNnGraph *g, NnOp op, PentNnTensor *x)
{
  PentNnTensor *t = nn_node (g, op, x->shape, x->n_dims);

  t->in[NN_X] = x;
  return t;
}

static gboolean
same_shapes (PentNnGraph *g, const char *what, PentNnTensor *a, PentNnTensor *b)
{
  g_autofree char *left = NULL, *right = NULL;

  if (nn_same_shape (a, b))
    return TRUE;
  left = nn_shape_text (a->shape, a->n_dims);
  right = nn_shape_text (b->shape, b->n_dims);
  nn_fail (g, PENT_ERROR_MODEL, "%s of %s and %s is not possible at “%s”", what, left, right, g->scope->str);
  return FALSE;
}

/* b as a row operand of a: how many rows of a share a row of b.  FALSE if the shapes do not go together. */
static gboolean
row_operand (PentNnTensor *a, PentNnTensor *b, guint *every)
{
  guint rows = nn_rows (b);

  if (nn_width (a) != nn_width (b))
    return FALSE;
  if (rows > 1)
    {
      if (b->n_dims > a->n_dims || b->shape[0] != rows || a->shape[0] != rows)
        return FALSE;
    }
  *every = nn_rows (a) / rows;
  return TRUE;
}

static gboolean
need_row_operand (PentNnGraph *g, const char *what, PentNnTensor *a, PentNnTensor *b, guint *every)
{
  g_autofree char *left = NULL, *right = NULL;

  if (row_operand (a, b, every))
    return TRUE;
  left = nn_shape_text (a->shape, a->n_dims);
  right = nn_shape_text (b->shape, b->n_dims);
  nn_fail (g, PENT_ERROR_MODEL, "%s of %s by %s is not possible at “%s”", what, left, right, g->scope->str);
  return FALSE;
}

static void
fail_shape (PentNnGraph *g, const char *what, PentNnTensor *x, const char *want)
{
  g_autofree char *have = nn_shape_text (x->shape, x->n_dims);

  nn_fail (g, PENT_ERROR_MODEL, "%s of a value of shape %s at “%s”, expected %s", what, have, g->scope->str, want);
}

/* ---- products ---- */

PentNnTensor *
nn_linear (PentNnGraph *g, PentNnTensor *x, const char *name, guint n_out)
{
  guint shape[4];
  PentNnTensor *t, *w, *b;

  if (!nn_ready (g, x, NULL))
    return g->inert;
  w = weight_node (g, member (g, name, ".weight"), NN_FORM_MATRIX, (const guint[]) { n_out, nn_width (x) }, 2);
  b = optional_vector (g, name, ".bias", n_out);
  memcpy (shape, x->shape, sizeof shape);
  shape[x->n_dims - 1] = n_out;
  if (!nn_ready (g, NULL))
    return g->inert;

  t = nn_node (g, NN_OP_LINEAR, shape, x->n_dims);
  t->in[NN_X] = x;
  t->in[NN_W] = w;
  t->in[NN_B] = b;
  return t;
}

PentNnTensor *
nn_embedding (PentNnGraph *g, PentNnTensor *ids, const char *name, guint n_rows, guint width)
{
  PentNnTensor *t, *w;

  if (!nn_ready (g, ids, NULL))
    return g->inert;
  if (ids->n_dims != 1 || ids->op != NN_OP_INPUT || ids->dtype != PENT_DTYPE_I32)
    {
      fail_shape (g, "the embedding", ids, "an i32 input [t]");
      return g->inert;
    }
  w = weight_node (g, member (g, name, ".weight"), NN_FORM_MATRIX, (const guint[]) { n_rows, width }, 2);
  if (!nn_ready (g, NULL))
    return g->inert;

  t = nn_node (g, NN_OP_EMBEDDING, NN_SHAPE (ids->shape[0], width), 2);
  t->in[NN_X] = ids;
  t->in[NN_W] = w;
  return t;
}

/* A 1x1 convolution is a linear layer. */
static gboolean
conv_is_linear (guint kernel, guint stride, guint before, guint after)
{
  return kernel == 1 && stride == 1 && before == 0 && after == 0;
}

PentNnTensor *
nn_conv2d (PentNnGraph *g, PentNnTensor *x, const char *name, guint n_out, guint kernel, guint stride, guint pad_before,
           guint pad_after)
{
  guint shape[4], c, first;
  PentNnTensor *t, *w, *b;

  if (!nn_ready (g, x, NULL))
    return g->inert;
  if (conv_is_linear (kernel, stride, pad_before, pad_after))
    return nn_linear (g, x, name, n_out);
  first = x->n_dims == 4;
  if (x->n_dims < 3 || x->shape[first] + pad_before + pad_after < kernel ||
      x->shape[first + 1] + pad_before + pad_after < kernel)
    {
      fail_shape (g, "a convolution", x, "a picture [h, w, c] not smaller than the kernel");
      return g->inert;
    }

  c = nn_width (x);
  w = weight_node (g, member (g, name, ".weight"), NN_FORM_CONV, (const guint[]) { n_out, c, kernel, kernel }, 4);
  b = optional_vector (g, name, ".bias", n_out);
  memcpy (shape, x->shape, sizeof shape);
  for (guint i = first; i < first + 2; i++)
    shape[i] = (x->shape[i] + pad_before + pad_after - kernel) / stride + 1;
  shape[first + 2] = n_out;
  if (!nn_ready (g, NULL))
    return g->inert;

  t = nn_node (g, NN_OP_CONV, shape, x->n_dims);
  t->in[NN_X] = x;
  t->in[NN_W] = w;
  t->in[NN_B] = b;
  t->kernel = kernel;
  t->stride = stride;
  t->pad_before = pad_before;
  t->pad_after = pad_after;
  return t;
}

static gboolean
attention_fits (PentNnTensor *q, PentNnTensor *k, PentNnTensor *v)
{
  guint n = q->n_dims, heads, kv_heads;

  if ((n != 3 && n != 4) || k->n_dims != n || !nn_same_shape (k, v))
    return FALSE;
  heads = q->shape[n - 2];
  kv_heads = k->shape[n - 2];
  return q->shape[n - 1] == k->shape[n - 1] && heads % kv_heads == 0 && (n == 3 || q->shape[0] == k->shape[0]);
}

static gboolean
is_position (PentNnTensor *pos)
{
  return pos->op == NN_OP_INPUT && pos->dtype == PENT_DTYPE_I32 && nn_elements (pos) == 1;
}

PentNnTensor *
nn_attention (PentNnGraph *g, PentNnTensor *q, PentNnTensor *k, PentNnTensor *v, const PentNnAttention *options)
{
  static const PentNnAttention defaults = { 0 };
  PentNnTensor *t;
  guint shape[4], n;

  if (!nn_ready (g, q, k, v, NULL))
    return g->inert;
  if (options == NULL)
    options = &defaults;
  if (!attention_fits (q, k, v) || (options->pos != NULL && !is_position (options->pos)))
    {
      g_autofree char *a = nn_shape_text (q->shape, q->n_dims), *b = nn_shape_text (k->shape, k->n_dims);
      g_autofree char *c = nn_shape_text (v->shape, v->n_dims);

      nn_fail (g, PENT_ERROR_MODEL, "attention of q %s, k %s and v %s is not possible at “%s”", a, b, c, g->scope->str);
      return g->inert;
    }

  n = q->n_dims;
  memcpy (shape, q->shape, sizeof shape);
  shape[n - 2] = q->shape[n - 2] * q->shape[n - 1];
  t = nn_node (g, NN_OP_ATTENTION, shape, n - 1);
  t->in[NN_X] = q;
  t->in[NN_K] = k;
  t->in[NN_V] = v;
  t->in[NN_POS] = options->pos;
  t->causal = options->causal;
  t->scale = options->scale != 0 ? options->scale : 1.0 / sqrt (q->shape[n - 1]);
  return t;
}

/* ---- norms ---- */

static PentNnTensor *
norm (PentNnGraph *g, NnOp op, PentNnTensor *x, const char *name, double eps)
{
  PentNnTensor *t, *w = NULL, *b = NULL;
  guint width = nn_width (x);

  if (!nn_ready (g, x, NULL))
    return g->inert;
  if (name != NULL)
    {
      w = weight_node (g, member (g, name, ".weight"), NN_FORM_VECTOR, &width, 1);
      b = optional_vector (g, name, ".bias", width);
    }
  if (!nn_ready (g, NULL))
    return g->inert;
  t = unary (g, op, x);
  t->in[NN_W] = w;
  t->in[NN_B] = b;
  t->eps = eps;
  return t;
}

PentNnTensor *
nn_rms_norm (PentNnGraph *g, PentNnTensor *x, const char *name, double eps)
{
  return norm (g, NN_OP_RMS_NORM, x, name, eps);
}

PentNnTensor *
nn_layer_norm (PentNnGraph *g, PentNnTensor *x, const char *name, double eps)
{
  return norm (g, NN_OP_LAYER_NORM, x, name, eps);
}

PentNnTensor *
nn_group_norm (PentNnGraph *g, PentNnTensor *x, const char *name, guint groups, double eps)
{
  PentNnTensor *t;

  if (!nn_ready (g, x, NULL))
    return g->inert;
  if (x->n_dims < 3 || groups == 0 || nn_width (x) % groups != 0)
    {
      fail_shape (g, "a group norm", x, "a picture [h, w, c] whose channels divide by the groups");
      return g->inert;
    }
  t = norm (g, NN_OP_GROUP_NORM, x, name, eps);
  t->groups = groups;
  return t;
}

/* ---- element by element ---- */

PentNnTensor *
nn_act (PentNnGraph *g, PentNnTensor *x, PentNnActivation kind)
{
  PentNnTensor *t;

  if (!nn_ready (g, x, NULL))
    return g->inert;
  t = unary (g, NN_OP_ACT, x);
  t->act = (NnAct) kind + 1;
  t->scale = 1;
  return t;
}

PentNnTensor *
nn_glu (PentNnGraph *g, PentNnTensor *gate, PentNnTensor *up, PentNnActivation kind)
{
  PentNnTensor *t;

  if (!nn_ready (g, gate, up, NULL) || !same_shapes (g, "the gated product", gate, up))
    return g->inert;
  t = unary (g, NN_OP_GLU, gate);
  t->in[NN_OTHER] = up;
  t->act = (NnAct) kind + 1;
  return t;
}

static PentNnTensor *
binary (PentNnGraph *g, NnOp op, const char *what, PentNnTensor *a, PentNnTensor *b)
{
  PentNnTensor *t;
  guint every = 0;

  if (!nn_ready (g, a, b, NULL))
    return g->inert;
  /* The operand with more rows is the one whose shape remains. */
  if (!nn_same_shape (a, b) && nn_elements (a) < nn_elements (b))
    {
      PentNnTensor *swap = a;

      a = b;
      b = swap;
    }
  if (!nn_same_shape (a, b) && !need_row_operand (g, what, a, b, &every))
    return g->inert;
  t = unary (g, op, a);
  t->in[NN_OTHER] = b;
  t->every = every;
  return t;
}

PentNnTensor *
nn_add (PentNnGraph *g, PentNnTensor *a, PentNnTensor *b)
{
  return binary (g, NN_OP_ADD, "the sum", a, b);
}

PentNnTensor *
nn_mul (PentNnGraph *g, PentNnTensor *a, PentNnTensor *b)
{
  return binary (g, NN_OP_MUL, "the product", a, b);
}

PentNnTensor *
nn_affine (PentNnGraph *g, PentNnTensor *x, double scale, double offset)
{
  PentNnTensor *t;

  if (!nn_ready (g, x, NULL))
    return g->inert;
  t = unary (g, NN_OP_AFFINE, x);
  t->scale = scale;
  t->offset = offset;
  return t;
}

PentNnTensor *
nn_modulate (PentNnGraph *g, PentNnTensor *x, PentNnTensor *scale, PentNnTensor *shift)
{
  PentNnTensor *t;
  guint every, other;

  if (!nn_ready (g, x, scale, shift, NULL) || !need_row_operand (g, "the modulation", x, scale, &every))
    return g->inert;
  if (shift != NULL && (!need_row_operand (g, "the modulation", x, shift, &other) ||
                        !same_shapes (g, "the modulation", scale, shift)))
    return g->inert;
  t = unary (g, NN_OP_MODULATE, x);
  t->in[NN_SCALE] = scale;
  t->in[NN_SHIFT] = shift;
  t->every = every;
  return t;
}

PentNnTensor *
nn_residual (PentNnGraph *g, PentNnTensor *residual, PentNnTensor *x, PentNnTensor *gate)
{
  PentNnTensor *t;
  guint every = 0;

  if (!nn_ready (g, residual, x, gate, NULL) || !same_shapes (g, "the sum", residual, x) ||
      (gate != NULL && !need_row_operand (g, "the gate", x, gate, &every)))
    return g->inert;
  t = unary (g, NN_OP_RESIDUAL, x);
  t->in[NN_RESIDUAL] = residual;
  t->in[NN_GATE] = gate;
  t->every = every;
  return t;
}

PentNnTensor *
nn_rope (PentNnGraph *g, PentNnTensor *x, PentNnTensor *table, PentNnTensor *pos, PentNnRopeKind kind)
{
  PentNnTensor *t;
  guint n = x->n_dims;

  if (!nn_ready (g, x, table, pos, NULL))
    return g->inert;
  if ((n != 3 && n != 4) || nn_width (x) % 2 != 0 || table->n_dims != 3 || table->shape[1] != nn_width (x) / 2 ||
      table->shape[2] != 2 || (pos == NULL && table->shape[0] < x->shape[n - 3]) || (pos != NULL && !is_position (pos)))
    {
      g_autofree char *shape = nn_shape_text (table->shape, table->n_dims);
      g_autofree char *want = g_strdup_printf ("[t, heads, h] that goes with a table of shape %s", shape);

      fail_shape (g, "the rotary embedding", x, want);
      return g->inert;
    }
  t = unary (g, NN_OP_ROPE, x);
  t->in[NN_TABLE] = table;
  t->in[NN_POS] = pos;
  t->interleaved = kind == PENT_NN_ROPE_INTERLEAVED;
  return t;
}

PentNnTensor *
nn_softmax (PentNnGraph *g, PentNnTensor *x)
{
  return nn_ready (g, x, NULL) ? unary (g, NN_OP_SOFTMAX, x) : g->inert;
}

PentNnTensor *
nn_argmax (PentNnGraph *g, PentNnTensor *x)
{
  PentNnTensor *t;

  if (!nn_ready (g, x, NULL))
    return g->inert;
  t = x->n_dims == 1 ? nn_node (g, NN_OP_ARGMAX, NN_SHAPE (1), 1) : nn_node (g, NN_OP_ARGMAX, x->shape, x->n_dims - 1);
  t->in[NN_X] = x;
  return t;
}

PentNnTensor *
nn_upsample2 (PentNnGraph *g, PentNnTensor *x)
{
  PentNnTensor *t;
  guint shape[4], first = x->n_dims == 4;

  if (!nn_ready (g, x, NULL))
    return g->inert;
  if (x->n_dims < 3)
    {
      fail_shape (g, "upsampling", x, "a picture [h, w, c]");
      return g->inert;
    }
  memcpy (shape, x->shape, sizeof shape);
  shape[first] *= 2;
  shape[first + 1] *= 2;
  t = nn_node (g, NN_OP_UPSAMPLE, shape, x->n_dims);
  t->in[NN_X] = x;
  return t;
}

/* ---- states ---- */

PentNnTensor *
nn_state (PentNnGraph *g, PentNnState *state, const char *name, const guint *shape)
{
  PentNnTensor *t;

  if (!nn_ready (g, NULL))
    return g->inert;
  t = nn_node (g, NN_OP_STATE, shape, 0);
  if (t == g->inert)
    return t;
  t->name = g_string_chunk_insert_const (g->strings, name);
  t->state = nn_state_find (state, name, t->shape, t->n_dims);
  if (t->state == NULL || nn_state_get_module (state) != g->module)
    nn_fail (g, PENT_ERROR_FAILED, "the state “%s” exists with another shape or belongs to another model", name);
  if (!g_ptr_array_find (g->states, state, NULL))
    g_ptr_array_add (g->states, nn_state_ref (state));
  return t;
}

PentNnTensor *
nn_state_write (PentNnGraph *g, PentNnTensor *cache, PentNnTensor *x, PentNnTensor *pos)
{
  PentNnTensor *t;

  if (!nn_ready (g, cache, x, pos, NULL))
    return g->inert;
  if ((cache->op != NN_OP_STATE && cache->op != NN_OP_STATE_WRITE) || !is_position (pos) ||
      cache->n_dims != x->n_dims || x->shape[0] > cache->shape[0] ||
      memcmp (cache->shape + 1, x->shape + 1, (x->n_dims - 1) * sizeof *x->shape) != 0)
    {
      fail_shape (g, "the state", x, "rows of the state");
      return g->inert;
    }
  t = unary (g, NN_OP_STATE_WRITE, cache);
  t->in[NN_OTHER] = x;
  t->in[NN_POS] = pos;
  return t;
}
