/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-ref.h"

#include <math.h>
#include <string.h>

#define EPS 1e-5

static RefValue *
like (Ref *r, PentNnTensor *t, const RefValue *x)
{
  return ref_value (r, t, x->shape, x->n_dims);
}

static guint
width_of (const RefValue *x)
{
  return x->shape[x->n_dims - 1];
}

static guint
rows_of (const RefValue *x)
{
  return x->n / width_of (x);
}

/* The row of operand b that row i of a uses. */
static const double *
operand_row (const RefValue *a, const RefValue *b, guint row)
{
  return b->v + (gsize) (row / (rows_of (a) / rows_of (b))) * width_of (b);
}

static double *
member_values (Ref *r, const char *prefix, const char *suffix)
{
  g_autofree char *name = g_strconcat (prefix, suffix, NULL);

  return ref_weight_values (r, name);
}

/* ---- products ---- */

static void
multiply (RefValue *y, const RefValue *x, const double *w, const double *bias)
{
  guint k = width_of (x), n = width_of (y);

  for (guint i = 0; i < rows_of (y); i++)
    for (guint j = 0; j < n; j++)
      {
        double sum = bias != NULL ? bias[j] : 0;

        for (guint l = 0; l < k; l++)
          sum += x->v[(gsize) i * k + l] * w[(gsize) j * k + l];
        y->v[(gsize) i * n + j] = sum;
      }
}

RefValue *
ref_linear (Ref *r, RefValue *x, const char *kind, guint n)
{
  g_autofree char *name = g_strdup_printf ("%s.%u.%u", kind, width_of (x), n);
  g_autofree double *w = member_values (r, name, ".weight"), *bias = member_values (r, name, ".bias");
  RefValue *y = like (r, nn_linear (r->g, x->t, name, n), x);

  y->n = y->n / width_of (x) * n;
  y->shape[y->n_dims - 1] = n;
  g_free (y->v);
  y->v = g_new (double, y->n);
  multiply (y, x, w, bias);
  return y;
}

RefValue *
ref_embedding (Ref *r, RefValue *ids, guint width)
{
  g_autofree char *name = g_strdup_printf ("table.%u", width);
  g_autofree double *table = member_values (r, name, ".weight");
  RefValue *y = ref_value (r, nn_embedding (r->g, ids->t, name, REF_ROWS, width), NN_SHAPE (ids->shape[0], width), 2);

  for (guint i = 0; i < ids->n; i++)
    memcpy (y->v + (gsize) i * width, table + (gsize) ids->v[i] * width, width * sizeof (double));
  return y;
}

RefValue *
ref_conv (Ref *r, RefValue *x, guint n, guint kernel, guint stride, guint before, guint after)
{
  guint first = x->n_dims == 4, batch = first ? x->shape[0] : 1, h = x->shape[first], w = x->shape[first + 1], c = width_of (x);
  guint oh = (h + before + after - kernel) / stride + 1, ow = (w + before + after - kernel) / stride + 1;
  g_autofree char *name = g_strdup_printf ("conv.%u.%u.%u", c, n, kernel);
  g_autofree double *k = member_values (r, name, ".weight"), *bias = member_values (r, name, ".bias");
  PentNnTensor *t = nn_conv2d (r->g, x->t, name, n, kernel, stride, before, after);
  RefValue *y = first ? ref_value (r, t, NN_SHAPE (batch, oh, ow, n), 4) : ref_value (r, t, NN_SHAPE (oh, ow, n), 3);

  for (gsize i = 0; i < y->n; i++)
    {
      guint o = i % n, px = i / n % ow, py = i / n / ow % oh, b = i / n / ow / oh;
      double sum = bias != NULL ? bias[o] : 0;

      for (guint dy = 0; dy < kernel; dy++)
        for (guint dx = 0; dx < kernel; dx++)
          {
            gint64 sy = (gint64) py * stride + dy - before, sx = (gint64) px * stride + dx - before;

            if (sy < 0 || sx < 0 || sy >= h || sx >= w)
              continue;
            for (guint l = 0; l < c; l++)
              sum += x->v[(((gsize) b * h + sy) * w + sx) * c + l] * k[(((gsize) o * c + l) * kernel + dy) * kernel + dx];
          }
      y->v[i] = sum;
    }
  return y;
}

RefValue *
ref_attention (Ref *r, RefValue *q, RefValue *k, RefValue *v, gboolean causal, RefValue *pos)
{
  guint first = q->n_dims == 4, batch = first ? q->shape[0] : 1, tq = q->shape[first], tk = k->shape[first];
  guint heads = q->shape[first + 1], kv = k->shape[first + 1], h = width_of (q);
  guint past = pos != NULL ? pos->v[0] : tk - tq, valid = pos != NULL ? past + tq : tk;
  PentNnTensor *t = nn_attention (r->g, q->t, k->t, v->t, &(PentNnAttention) { .causal = causal, .pos = pos ? pos->t : NULL });
  RefValue *y = first ? ref_value (r, t, NN_SHAPE (batch, tq, heads * h), 3) : ref_value (r, t, NN_SHAPE (tq, heads * h), 2);
  g_autofree double *p = g_new (double, tk);

  for (guint row = 0; row < batch * tq * heads; row++)
    {
      guint head = row % heads, i = row / heads % tq, b = row / heads / tq;
      const double *query = q->v + (gsize) row * h;
      gsize base = ((gsize) b * tk * kv + head / (heads / kv)) * h;
      guint n = causal ? MIN (valid, i + past + 1) : valid;
      double top = -INFINITY, sum = 0;

      for (guint j = 0; j < n; j++)
        {
          p[j] = 0;
          for (guint l = 0; l < h; l++)
            p[j] += query[l] * k->v[base + (gsize) j * kv * h + l] / sqrt (h);
          top = MAX (top, p[j]);
        }
      for (guint j = 0; j < n; j++)
        sum += p[j] = exp (p[j] - top);
      for (guint l = 0; l < h; l++)
        {
          double out = 0;

          for (guint j = 0; j < n; j++)
            out += p[j] / sum * v->v[base + (gsize) j * kv * h + l];
          y->v[(gsize) row * h + l] = out;
        }
    }
  return y;
}

/* ---- norms ---- */

RefValue *
ref_norm (Ref *r, RefValue *x, const char *kind, gboolean weight)
{
  gboolean layer = strcmp (kind, "layer") == 0;
  guint d = width_of (x);
  g_autofree char *name = g_strdup_printf ("%s.%u", layer ? "norm" : "rms", d);
  g_autofree double *w = weight ? member_values (r, name, ".weight") : NULL;
  g_autofree double *bias = weight ? member_values (r, name, ".bias") : NULL;
  RefValue *y = like (r, (layer ? nn_layer_norm : nn_rms_norm) (r->g, x->t, weight ? name : NULL, EPS), x);

  for (guint i = 0; i < rows_of (x); i++)
    {
      const double *from = x->v + (gsize) i * d;
      double mean = 0, square = 0;

      for (guint j = 0; j < d && layer; j++)
        mean += from[j] / d;
      for (guint j = 0; j < d; j++)
        square += (from[j] - mean) * (from[j] - mean) / d;
      for (guint j = 0; j < d; j++)
        y->v[(gsize) i * d + j] = (from[j] - mean) / sqrt (square + EPS) * (w != NULL ? w[j] : 1) + (bias != NULL ? bias[j] : 0);
    }
  return y;
}

RefValue *
ref_group_norm (Ref *r, RefValue *x, guint groups)
{
  guint first = x->n_dims == 4, batch = first ? x->shape[0] : 1, c = width_of (x), per = c / groups;
  gsize pixels = x->n / c / batch;
  g_autofree char *name = g_strdup_printf ("norm.%u", c);
  g_autofree double *w = member_values (r, name, ".weight"), *bias = member_values (r, name, ".bias");
  RefValue *y = like (r, nn_group_norm (r->g, x->t, name, groups, EPS), x);

  for (guint item = 0; item < batch * groups; item++)
    {
      gsize base = item / groups * pixels * c + item % groups * per;
      double mean = 0, square = 0;

      for (gsize p = 0; p < pixels; p++)
        for (guint j = 0; j < per; j++)
          mean += x->v[base + p * c + j] / (pixels * per);
      for (gsize p = 0; p < pixels; p++)
        for (guint j = 0; j < per; j++)
          square += pow (x->v[base + p * c + j] - mean, 2) / (pixels * per);
      for (gsize p = 0; p < pixels; p++)
        for (guint j = 0; j < per; j++)
          y->v[base + p * c + j] = (x->v[base + p * c + j] - mean) / sqrt (square + EPS) * w[item % groups * per + j] +
                                   bias[item % groups * per + j];
    }
  return y;
}

/* ---- element by element ---- */

static double
activate (PentNnActivation kind, double x)
{
  switch (kind)
    {
    case PENT_NN_SILU:
      return x / (1 + exp (-x));
    case PENT_NN_GELU_ERF:
      return 0.5 * x * (1 + erf (x / sqrt (2)));
    case PENT_NN_GELU_TANH:
      return 0.5 * x * (1 + tanh (sqrt (2 / G_PI) * (x + 0.044715 * x * x * x)));
    case PENT_NN_GELU_QUICK:
      return x / (1 + exp (-1.702 * x));
    case PENT_NN_TANH:
      return tanh (x);
    case PENT_NN_SIGMOID:
      return 1 / (1 + exp (-x));
    case PENT_NN_RELU:
      return MAX (x, 0);
    }
  return NAN;
}

RefValue *
ref_act (Ref *r, RefValue *x, PentNnActivation kind)
{
  RefValue *y = like (r, nn_act (r->g, x->t, kind), x);

  for (gsize i = 0; i < x->n; i++)
    y->v[i] = activate (kind, x->v[i]);
  return y;
}

RefValue *
ref_glu (Ref *r, RefValue *gate, RefValue *up, PentNnActivation kind)
{
  RefValue *y = like (r, nn_glu (r->g, gate->t, up->t, kind), gate);

  for (gsize i = 0; i < y->n; i++)
    y->v[i] = activate (kind, gate->v[i]) * up->v[i];
  return y;
}

static RefValue *
pair (Ref *r, PentNnTensor *t, RefValue *a, RefValue *b, gboolean product)
{
  RefValue *large = a->n >= b->n ? a : b, *small = large == a ? b : a;
  RefValue *y = like (r, t, large);

  for (guint i = 0; i < rows_of (large); i++)
    {
      const double *other = operand_row (large, small, i);

      for (guint j = 0; j < width_of (large); j++)
        {
          gsize at = (gsize) i * width_of (large) + j;

          y->v[at] = product ? large->v[at] * other[j] : large->v[at] + other[j];
        }
    }
  return y;
}

RefValue *
ref_add (Ref *r, RefValue *a, RefValue *b)
{
  return pair (r, nn_add (r->g, a->t, b->t), a, b, FALSE);
}

RefValue *
ref_mul (Ref *r, RefValue *a, RefValue *b)
{
  return pair (r, nn_mul (r->g, a->t, b->t), a, b, TRUE);
}

RefValue *
ref_affine (Ref *r, RefValue *x, double scale, double offset)
{
  RefValue *y = like (r, nn_affine (r->g, x->t, scale, offset), x);

  for (gsize i = 0; i < x->n; i++)
    y->v[i] = x->v[i] * scale + offset;
  return y;
}

RefValue *
ref_modulate (Ref *r, RefValue *x, RefValue *scale, RefValue *shift)
{
  RefValue *y = like (r, nn_modulate (r->g, x->t, scale->t, shift != NULL ? shift->t : NULL), x);

  for (gsize i = 0; i < x->n; i++)
    {
      guint row = i / width_of (x), j = i % width_of (x);

      y->v[i] = x->v[i] * (1 + operand_row (x, scale, row)[j]) + (shift != NULL ? operand_row (x, shift, row)[j] : 0);
    }
  return y;
}

RefValue *
ref_residual (Ref *r, RefValue *residual, RefValue *x, RefValue *gate)
{
  RefValue *y = like (r, nn_residual (r->g, residual->t, x->t, gate != NULL ? gate->t : NULL), x);

  for (gsize i = 0; i < x->n; i++)
    y->v[i] = residual->v[i] + x->v[i] * (gate != NULL ? operand_row (x, gate, i / width_of (x))[i % width_of (x)] : 1);
  return y;
}

RefValue *
ref_rope (Ref *r, RefValue *x, RefValue *table, RefValue *pos, PentNnRopeKind kind)
{
  guint h = width_of (x), half = h / 2, heads = x->shape[x->n_dims - 2], seq = x->shape[x->n_dims - 3];
  RefValue *y = like (r, nn_rope (r->g, x->t, table->t, pos != NULL ? pos->t : NULL, kind), x);

  for (guint row = 0; row < rows_of (x); row++)
    for (guint j = 0; j < half; j++)
      {
        guint at = row / heads % seq + (pos != NULL ? (guint) pos->v[0] : 0);
        const double *turn = table->v + ((gsize) at * half + j) * 2;
        gsize a = (gsize) row * h + (kind == PENT_NN_ROPE_HALF ? j : 2 * j);
        gsize b = (gsize) row * h + (kind == PENT_NN_ROPE_HALF ? j + half : 2 * j + 1);

        y->v[a] = x->v[a] * turn[0] - x->v[b] * turn[1];
        y->v[b] = x->v[b] * turn[0] + x->v[a] * turn[1];
      }
  return y;
}

RefValue *
ref_softmax (Ref *r, RefValue *x)
{
  RefValue *y = like (r, nn_softmax (r->g, x->t), x);
  guint d = width_of (x);

  for (guint i = 0; i < rows_of (x); i++)
    {
      double top = -INFINITY, sum = 0;

      for (guint j = 0; j < d; j++)
        top = MAX (top, x->v[(gsize) i * d + j]);
      for (guint j = 0; j < d; j++)
        sum += exp (x->v[(gsize) i * d + j] - top);
      for (guint j = 0; j < d; j++)
        y->v[(gsize) i * d + j] = exp (x->v[(gsize) i * d + j] - top) / sum;
    }
  return y;
}

RefValue *
ref_argmax (Ref *r, RefValue *x)
{
  RefValue *y = ref_value (r, nn_argmax (r->g, x->t), x->n_dims == 1 ? NN_SHAPE (1) : x->shape, MAX (x->n_dims - 1, 1));
  guint d = width_of (x);

  y->integer = TRUE;
  for (guint i = 0; i < y->n; i++)
    for (guint j = 1; j < d; j++)
      if (x->v[(gsize) i * d + j] > x->v[(gsize) i * d + (gsize) y->v[i]])
        y->v[i] = j;
  return y;
}

/* ---- rearranging ---- */

RefValue *
ref_reshape (Ref *r, RefValue *x, const guint *shape)
{
  RefValue *y = ref_value (r, nn_reshape (r->g, x->t, shape), shape, 0);

  memcpy (y->v, x->v, x->n * sizeof *x->v);
  return y;
}

/* Elements before and after an axis. */
static void
around (const RefValue *x, guint axis, gsize *outer, gsize *inner)
{
  *outer = *inner = 1;
  for (guint i = 0; i < x->n_dims; i++)
    if (i < axis)
      *outer *= x->shape[i];
    else if (i > axis)
      *inner *= x->shape[i];
}

RefValue *
ref_slice (Ref *r, RefValue *x, int axis, guint first, guint count)
{
  guint at = axis < 0 ? x->n_dims + axis : (guint) axis, shape[4];
  gsize outer, inner;
  RefValue *y;

  memcpy (shape, x->shape, sizeof shape);
  shape[at] = count;
  around (x, at, &outer, &inner);
  y = ref_value (r, nn_slice (r->g, x->t, axis, first, count), shape, x->n_dims);
  for (gsize o = 0; o < outer; o++)
    memcpy (y->v + o * count * inner, x->v + (o * x->shape[at] + first) * inner, count * inner * sizeof *y->v);
  return y;
}

RefValue *
ref_concat (Ref *r, int axis, RefValue *a, RefValue *b)
{
  guint at = axis < 0 ? a->n_dims + axis : (guint) axis, shape[4];
  gsize outer, inner, left, right;
  RefValue *y;

  memcpy (shape, a->shape, sizeof shape);
  shape[at] += b->shape[at];
  around (a, at, &outer, &inner);
  left = a->shape[at] * inner;
  right = b->shape[at] * inner;
  y = ref_value (r, nn_concat (r->g, axis, a->t, b->t), shape, a->n_dims);
  for (gsize o = 0; o < outer; o++)
    {
      memcpy (y->v + o * (left + right), a->v + o * left, left * sizeof *y->v);
      memcpy (y->v + o * (left + right) + left, b->v + o * right, right * sizeof *y->v);
    }
  return y;
}

RefValue *
ref_repeat (Ref *r, RefValue *x, guint count)
{
  RefValue *y = ref_value (r, nn_repeat_rows (r->g, x->t, count), NN_SHAPE (count, width_of (x)), 2);

  for (guint i = 0; i < count; i++)
    memcpy (y->v + (gsize) i * width_of (x), x->v, width_of (x) * sizeof *y->v);
  return y;
}

RefValue *
ref_transpose (Ref *r, RefValue *x, const guint *axes)
{
  gsize strides[4], stride = 1;
  guint shape[4];
  RefValue *y;

  for (guint i = x->n_dims; i-- > 0; stride *= x->shape[i])
    strides[i] = stride;
  for (guint i = 0; i < x->n_dims; i++)
    shape[i] = x->shape[axes[i]];
  y = ref_value (r, nn_transpose (r->g, x->t, axes), shape, x->n_dims);
  for (gsize i = 0; i < y->n; i++)
    {
      gsize rest = i, at = 0;

      for (guint k = y->n_dims; k-- > 0; rest /= y->shape[k])
        at += rest % y->shape[k] * strides[axes[k]];
      y->v[i] = x->v[at];
    }
  return y;
}

RefValue *
ref_upsample (Ref *r, RefValue *x)
{
  guint first = x->n_dims == 4, shape[4], c = width_of (x), w;
  RefValue *y;

  memcpy (shape, x->shape, sizeof shape);
  shape[first] *= 2;
  shape[first + 1] *= 2;
  w = shape[first + 1];
  y = ref_value (r, nn_upsample2 (r->g, x->t), shape, x->n_dims);
  for (gsize i = 0; i < y->n; i++)
    {
      gsize px = i / c % w, row = i / c / w;      /* the height doubles within each picture: rows pair up */

      y->v[i] = x->v[(row / 2 * (w / 2) + px / 2) * c + i % c];
    }
  return y;
}

/* Where channel (py, px, c) of patch (y, x) lies in the picture. */
static gsize
patch_index (guint w, guint c, guint p, gsize i)
{
  gsize channel = i % c, px = i / c % p, py = i / c / p % p, patch = i / c / p / p;
  gsize x = patch % (w / p), y = patch / (w / p);

  return ((y * p + py) * w + x * p + px) * c + channel;
}

RefValue *
ref_patchify (Ref *r, RefValue *x, guint p)
{
  guint h = x->shape[0], w = x->shape[1], c = x->shape[2];
  RefValue *y = ref_value (r, nn_patchify (r->g, x->t, p), NN_SHAPE (h / p * (w / p), p * p * c), 2);

  for (gsize i = 0; i < y->n; i++)
    y->v[i] = x->v[patch_index (w, c, p, i)];
  return y;
}

RefValue *
ref_unpatchify (Ref *r, RefValue *x, guint h, guint w, guint p)
{
  guint c = x->shape[1] / p / p;
  RefValue *y = ref_value (r, nn_unpatchify (r->g, x->t, h, w, p), NN_SHAPE (h, w, c), 3);

  for (gsize i = 0; i < y->n; i++)
    y->v[patch_index (w, c, p, i)] = x->v[i];
  return y;
}

RefValue *
ref_state (Ref *r, PentNnState *state, const char *name, guint rows, RefValue *x, RefValue *pos)
{
  guint shape[5] = { 0 };
  PentNnTensor *cache;
  RefValue *y;

  memcpy (shape, x->shape, x->n_dims * sizeof *shape);
  shape[0] = rows;
  cache = nn_state (r->g, state, name, shape);
  y = ref_value (r, nn_state_write (r->g, cache, x->t, pos->t), shape, x->n_dims);
  memcpy (y->v + (gsize) pos->v[0] * (x->n / x->shape[0]), x->v, x->n * sizeof *x->v);
  return y;
}
