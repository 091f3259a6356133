/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-private.h"

#include <string.h>
#include "pent-error.h"

/* Operations that only say where an element is found.  Most of them cost nothing (nn-lower.c). */

static gboolean
find_axis (PentNnGraph *g, PentNnTensor *x, int axis, guint *result)
{
  int at = axis < 0 ? (int) x->n_dims + axis : axis;

  if (at < 0 || at >= (int) x->n_dims)
    {
      nn_fail (g, PENT_ERROR_MODEL, "a value of %u axes has no axis %d at “%s”", x->n_dims, axis, g->scope->str);
      return FALSE;
    }
  *result = at;
  return TRUE;
}

static PentNnTensor *
view (PentNnGraph *g, NnOp op, PentNnTensor *x, const guint *shape, guint n_dims)
{
  PentNnTensor *t = nn_node (g, op, shape, n_dims);

  t->in[NN_X] = x;
  return t;
}

PentNnTensor *
nn_reshape (PentNnGraph *g, PentNnTensor *x, const guint *shape)
{
  PentNnTensor *t;

  if (!nn_ready (g, x, NULL))
    return g->inert;
  t = view (g, NN_OP_RESHAPE, x, shape, 0);
  if (t != g->inert && nn_elements (t) != nn_elements (x))
    {
      g_autofree char *from = nn_shape_text (x->shape, x->n_dims), *to = nn_shape_text (t->shape, t->n_dims);

      nn_fail (g, PENT_ERROR_MODEL, "%s cannot be seen as %s at “%s”", from, to, g->scope->str);
    }
  return t;
}

PentNnTensor *
nn_slice (PentNnGraph *g, PentNnTensor *x, int axis, guint first, guint count)
{
  PentNnTensor *t;
  guint shape[4], at;

  if (!nn_ready (g, x, NULL) || !find_axis (g, x, axis, &at))
    return g->inert;
  if (count == 0 || first > x->shape[at] || count > x->shape[at] - first)
    {
      nn_fail (g, PENT_ERROR_MODEL, "elements %u to %u of an axis of %u are asked for at “%s”", first, first + count,
               x->shape[at], g->scope->str);
      return g->inert;
    }
  memcpy (shape, x->shape, sizeof shape);
  shape[at] = count;
  t = view (g, NN_OP_SLICE, x, shape, x->n_dims);
  t->axis = at;
  t->first = first;
  return t;
}

PentNnTensor *
nn_concat (PentNnGraph *g, int axis, PentNnTensor *a, PentNnTensor *b)
{
  PentNnTensor *t;
  guint shape[4], at;
  gboolean fits;

  if (!nn_ready (g, a, b, NULL) || !find_axis (g, a, axis, &at))
    return g->inert;
  fits = a->n_dims == b->n_dims;
  for (guint i = 0; fits && i < a->n_dims; i++)
    fits = i == at || a->shape[i] == b->shape[i];
  if (!fits)
    {
      g_autofree char *left = nn_shape_text (a->shape, a->n_dims), *right = nn_shape_text (b->shape, b->n_dims);

      nn_fail (g, PENT_ERROR_MODEL, "%s and %s cannot be joined along axis %u at “%s”", left, right, at, g->scope->str);
      return g->inert;
    }
  memcpy (shape, a->shape, sizeof shape);
  shape[at] += b->shape[at];
  t = view (g, NN_OP_CONCAT, a, shape, a->n_dims);
  t->in[NN_OTHER] = b;
  t->axis = at;
  return t;
}

PentNnTensor *
nn_repeat_rows (PentNnGraph *g, PentNnTensor *row, guint count)
{
  if (!nn_ready (g, row, NULL))
    return g->inert;
  if (nn_rows (row) != 1)
    {
      nn_fail (g, PENT_ERROR_MODEL, "only a single row can be repeated at “%s”", g->scope->str);
      return g->inert;
    }
  return view (g, NN_OP_REPEAT, row, NN_SHAPE (count, nn_width (row)), 2);
}

PentNnTensor *
nn_transpose (PentNnGraph *g, PentNnTensor *x, const guint axes[4])
{
  PentNnTensor *t;
  guint shape[4], seen = 0;

  if (!nn_ready (g, x, NULL))
    return g->inert;
  for (guint i = 0; i < x->n_dims; i++)
    {
      g_return_val_if_fail (axes[i] < x->n_dims, g->inert);
      shape[i] = x->shape[axes[i]];
      seen |= 1u << axes[i];
    }
  g_return_val_if_fail (seen == (1u << x->n_dims) - 1, g->inert);
  t = view (g, NN_OP_TRANSPOSE, x, shape, x->n_dims);
  memcpy (t->axes, axes, x->n_dims * sizeof *axes);
  return t;
}

PentNnTensor *
nn_patchify (PentNnGraph *g, PentNnTensor *x, guint p)
{
  guint h, w, c;

  if (!nn_ready (g, x, NULL))
    return g->inert;
  if (x->n_dims != 3 || p == 0 || x->shape[0] % p != 0 || x->shape[1] % p != 0)
    {
      g_autofree char *shape = nn_shape_text (x->shape, x->n_dims);

      nn_fail (g, PENT_ERROR_MODEL, "%s cannot be cut in patches of %u at “%s”", shape, p, g->scope->str);
      return g->inert;
    }
  h = x->shape[0] / p;
  w = x->shape[1] / p;
  c = x->shape[2];
  x = nn_reshape (g, x, NN_SHAPE (h, p, w, p * c));
  x = nn_transpose (g, x, (const guint[]) { 0, 2, 1, 3 });
  return nn_reshape (g, x, NN_SHAPE (h * w, p * p * c));
}

PentNnTensor *
nn_unpatchify (PentNnGraph *g, PentNnTensor *x, guint h, guint w, guint p)
{
  guint c;

  if (!nn_ready (g, x, NULL))
    return g->inert;
  if (x->n_dims != 2 || p == 0 || h % p != 0 || w % p != 0 || (guint64) (h / p) * (w / p) != x->shape[0] ||
      x->shape[1] % (p * p) != 0)
    {
      g_autofree char *shape = nn_shape_text (x->shape, x->n_dims);

      nn_fail (g, PENT_ERROR_MODEL, "%s is no picture of %u x %u in patches of %u at “%s”", shape, h, w, p,
               g->scope->str);
      return g->inert;
    }
  c = x->shape[1] / (p * p);
  x = nn_reshape (g, x, NN_SHAPE (h / p, w / p, p, p * c));
  x = nn_transpose (g, x, (const guint[]) { 0, 2, 1, 3 });
  return nn_reshape (g, x, NN_SHAPE (h, w, c));
}
