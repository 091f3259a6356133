/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-random.h"

/* Random graphs over values [t, width], with everything that makes memory planning hard: views, joined values, sums in
 * place, values used late. */

static const guint widths[] = { 4, 6, 16, 32, 0 };

typedef struct {
  Ref       *r;
  GPtrArray *pool;              /* RefValue of shape [t, width] */
  RefValue  *table;             /* rope for heads of 6 or 16 */
  RefValue  *rows[4];           /* [1, width] for each width */
  guint      t;
} Maker;

static RefValue *
pick (Maker *m)
{
  /* Mostly the last ones, sometimes one of long ago. */
  guint n = m->pool->len;

  return m->pool->pdata[ref_int (m->r, ref_int (m->r, 0, 2) > 0 && n > 4 ? n - 4 : 0, n - 1)];
}

static RefValue *
pick_width (Maker *m, guint width)
{
  for (guint tries = 0; tries < 8; tries++)
    {
      RefValue *x = pick (m);

      if (x->shape[1] == width)
        return x;
    }
  return ref_linear (m->r, pick (m), "linear", width);
}

static guint
index_of (guint width)
{
  guint i = 0;

  while (widths[i] != width)
    i++;
  return i;
}

static RefValue *
calm (Maker *m, RefValue *x)
{
  return ref_norm (m->r, x, ref_int (m->r, 0, 1) ? "rms" : "layer", ref_int (m->r, 0, 1));
}

static RefValue *
make_attention (Maker *m)
{
  guint h = 4 << (ref_int (m->r, 0, 1) * 2);      /* 4 or 16 */
  RefValue *q = pick_width (m, 32), *k = pick_width (m, 16), *v = pick_width (m, 16);

  q = ref_reshape (m->r, q, NN_SHAPE (m->t, 32 / h, h));
  k = ref_reshape (m->r, k, NN_SHAPE (m->t, 16 / h, h));
  v = ref_reshape (m->r, v, NN_SHAPE (m->t, 16 / h, h));
  if (h == 16)
    {
      q = ref_rope (m->r, ref_norm (m->r, q, "rms", TRUE), m->table, NULL, PENT_NN_ROPE_HALF);
      k = ref_rope (m->r, k, m->table, NULL, PENT_NN_ROPE_INTERLEAVED);
    }
  return ref_attention (m->r, q, k, v, ref_int (m->r, 0, 1), NULL);
}

static RefValue *
make_joined_rows (Maker *m)
{
  RefValue *x = pick (m), *y = pick_width (m, x->shape[1]);
  guint cut = ref_int (m->r, 1, m->t), width = x->shape[1];

  if (cut == m->t)
    return x;
  return ref_concat (m->r, 0, ref_act (m->r, ref_slice (m->r, x, 0, 0, cut), PENT_NN_TANH),
                     ref_linear (m->r, ref_slice (m->r, y, 0, cut, m->t - cut), "linear", width));
}

static RefValue *
make_one (Maker *m)
{
  Ref *r = m->r;
  RefValue *x = pick (m), *row = m->rows[index_of (x->shape[1])];
  guint width = x->shape[1], other = widths[ref_int (r, 0, 3)];

  switch (ref_int (r, 0, 15))
    {
    case 0:
    case 1:
      return ref_linear (r, x, "linear", other);
    case 2:
      return ref_act (r, ref_linear (r, x, "plain", other), PENT_NN_GELU_TANH);
    case 3:
      return ref_residual (r, pick_width (m, other), ref_linear (r, x, "linear", other), m->rows[index_of (other)]);
    case 4:
      return ref_residual (r, x, calm (m, pick_width (m, width)), row);
    case 5:
      return ref_residual (r, x, pick_width (m, width), NULL);
    case 6:
      return ref_modulate (r, calm (m, x), row, ref_int (r, 0, 1) ? row : NULL);
    case 7:
      return ref_glu (r, x, pick_width (m, width), PENT_NN_SILU);
    case 8:
      return ref_mul (r, ref_act (r, x, PENT_NN_SIGMOID), pick_width (m, width));
    case 9:
      return ref_add (r, x, ref_linear (r, pick (m), "linear", width));
    case 10:
      return ref_affine (r, ref_softmax (r, x), 2, -0.5);
    case 11:
      return make_joined_rows (m);
    case 12:
      return ref_slice (r, ref_concat (r, 1, x, ref_linear (r, pick (m), "linear", other)), 1, width, other);
    case 13:
      return ref_linear (r, ref_concat (r, 1, ref_linear (r, x, "plain", 16), ref_act (r, pick_width (m, 16), PENT_NN_RELU)),
                         "linear", other);
    case 14:
      return make_attention (m);
    default:
      return ref_add (r, ref_slice (r, ref_linear (r, x, "linear", 32), 1, ref_int (r, 0, 32 - width), width), row);
    }
}

PentNnWeights *
nn_random_weights (PentDtype dtype)
{
  return ref_weights_new (widths, dtype, 7);
}

void
nn_random_graph (Ref *r, guint n)
{
  Maker m = { .r = r, .pool = g_ptr_array_new (), .t = ref_int (r, 1, 12) };

  m.table = ref_constant (r, NN_SHAPE (12, 8, 2), 1);
  for (guint i = 0; i < 4; i++)
    {
      m.rows[i] = ref_input (r, NN_SHAPE (1, widths[i]), 0.5);
      g_ptr_array_add (m.pool, ref_input (r, NN_SHAPE (m.t, widths[i]), 1));
    }
  for (guint i = 0; i < n; i++)
    {
      RefValue *x = make_one (&m);

      /* Products of products would leave every range. */
      g_ptr_array_add (m.pool, ref_int (r, 0, 2) == 0 ? calm (&m, x) : x);
    }
  for (guint i = 1; i <= 3; i++)
    ref_output (r, calm (&m, m.pool->pdata[m.pool->len - i]));
  ref_output (r, calm (&m, m.pool->pdata[ref_int (r, 0, m.pool->len - 1)]));
  g_ptr_array_unref (m.pool);
}
