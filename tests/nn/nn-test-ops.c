/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every operation against plain C on random shapes, through the graph: views, broadcast, batches, all precisions. */
#include "nn-ref.h"

static const guint widths[] = { 1, 4, 6, 16, 34, 0 };

typedef struct {
  const char *name;
  void      (*build) (Ref *r);
  double      scale;        /* of the bounds in 16 bits; 0 = exact there too */
} Case;

static guint
some_width (Ref *r)
{
  return widths[ref_int (r, 0, G_N_ELEMENTS (widths) - 2)];
}

static guint
some_rows (Ref *r)
{
  static const guint rows[] = { 1, 2, 7, 9, 31 };

  return rows[ref_int (r, 0, G_N_ELEMENTS (rows) - 1)];
}

static RefValue *
some_matrix (Ref *r)
{
  return ref_input (r, NN_SHAPE (some_rows (r), some_width (r)), 1);
}

static PentNnActivation
some_activation (Ref *r)
{
  return ref_int (r, PENT_NN_SILU, PENT_NN_RELU);
}

/* A row for all, or one for each of n. */
static RefValue *
some_row (Ref *r, guint n, guint width)
{
  switch (ref_int (r, 0, 2))
    {
    case 0:
      return ref_input (r, NN_SHAPE (width), 1);
    case 1:
      return ref_input (r, NN_SHAPE (1, width), 1);
    default:
      return n > 0 ? ref_input (r, NN_SHAPE (n, 1, width), 1) : ref_input (r, NN_SHAPE (width), 1);
    }
}

static void
build_linear (Ref *r)
{
  RefValue *x = some_matrix (r);

  ref_output (r, ref_linear (r, x, ref_int (r, 0, 1) ? "linear" : "plain", some_width (r)));
  x = ref_input (r, NN_SHAPE (2, 3, 16), 1);
  ref_output (r, ref_linear (r, ref_slice (r, x, -1, 4, 6), "linear", 4));
  ref_output (r, ref_linear (r, ref_slice (r, x, 1, 1, 2), "linear", 34));
}

static void
build_embedding (Ref *r)
{
  ref_output (r, ref_embedding (r, ref_ids (r, some_rows (r)), some_width (r)));
}

static void
build_conv (Ref *r)
{
  guint stride = ref_int (r, 1, 2), before = ref_int (r, 0, 1), c = some_width (r);
  RefValue *x = ref_input (r, NN_SHAPE (ref_int (r, 3, 9), ref_int (r, 3, 9), c), 1);

  ref_output (r, ref_conv (r, x, some_width (r), 3, stride, before, 1));
  ref_output (r, ref_conv (r, x, 16, 1, 1, 0, 0));
  x = ref_input (r, NN_SHAPE (2, 5, 4, c), 1);
  ref_output (r, ref_conv (r, x, 6, 3, 1, 1, 1));
  ref_output (r, ref_conv (r, ref_slice (r, x, 0, 1, 1), 6, 3, 1, 1, 1));
}

static void
build_norms (Ref *r)
{
  RefValue *x = some_matrix (r), *y = ref_input (r, NN_SHAPE (3, 5, 16), 1);

  ref_output (r, ref_norm (r, x, "rms", TRUE));
  ref_output (r, ref_norm (r, x, "layer", TRUE));
  ref_output (r, ref_norm (r, x, "rms", FALSE));
  ref_output (r, ref_norm (r, x, "layer", FALSE));
  ref_output (r, ref_norm (r, ref_slice (r, y, -1, 3, 6), "rms", TRUE));
}

static void
build_group_norm (Ref *r)
{
  ref_output (r, ref_group_norm (r, ref_input (r, NN_SHAPE (ref_int (r, 1, 9), ref_int (r, 1, 9), 16), 1), 4));
  ref_output (r, ref_group_norm (r, ref_input (r, NN_SHAPE (2, 3, 5, 6), 1), ref_int (r, 0, 1) ? 6 : 3));
  ref_output (r, ref_act (r, ref_group_norm (r, ref_input (r, NN_SHAPE (2, 7, 4, 34), 1), 2), PENT_NN_SILU));
}

static void
build_act (Ref *r)
{
  RefValue *x = some_matrix (r);

  for (guint kind = PENT_NN_SILU; kind <= PENT_NN_RELU; kind++)
    ref_output (r, ref_act (r, x, kind));
}

static void
build_glu (Ref *r)
{
  guint rows = some_rows (r), d = some_width (r);
  RefValue *a = ref_input (r, NN_SHAPE (rows, d), 1), *b = ref_input (r, NN_SHAPE (rows, d), 1);
  RefValue *both = ref_input (r, NN_SHAPE (rows, 2 * d), 1);

  ref_output (r, ref_glu (r, a, b, some_activation (r)));
  ref_output (r, ref_glu (r, ref_slice (r, both, -1, 0, d), ref_slice (r, both, -1, d, d), some_activation (r)));
  ref_output (r, ref_glu (r, a, ref_slice (r, both, -1, d, d), some_activation (r)));
  ref_output (r, ref_mul (r, b, ref_act (r, a, some_activation (r))));
}

static void
build_pairs (Ref *r)
{
  guint d = some_width (r), n = ref_int (r, 1, 3);
  RefValue *a = ref_input (r, NN_SHAPE (n, some_rows (r), d), 1), *row = some_row (r, n, d);
  RefValue *b = ref_input (r, NN_SHAPE (n, a->shape[1], d), 1), *wide = ref_input (r, NN_SHAPE (n, 1, 3 * d), 1);

  ref_output (r, ref_add (r, a, b));
  ref_output (r, ref_mul (r, a, b));
  ref_output (r, ref_add (r, a, row));
  ref_output (r, ref_mul (r, row, a));
  ref_output (r, ref_mul (r, a, ref_slice (r, wide, -1, d, d)));
  ref_output (r, ref_add (r, ref_act (r, a, PENT_NN_TANH), ref_act (r, b, PENT_NN_SILU)));
  ref_output (r, ref_add (r, a, a));
}

static void
build_affine (Ref *r)
{
  RefValue *x = some_matrix (r);

  ref_output (r, ref_affine (r, x, 0.5, -2));
  ref_output (r, ref_affine (r, ref_act (r, x, PENT_NN_SILU), -3, 0.25));
}

static void
build_modulate (Ref *r)
{
  guint d = some_width (r), n = ref_int (r, 1, 3);
  RefValue *x = ref_input (r, NN_SHAPE (n, some_rows (r), d), 1), *wide = ref_input (r, NN_SHAPE (n, 1, 6 * d), 1);
  RefValue *scale = ref_slice (r, wide, -1, d, d), *shift = ref_slice (r, wide, -1, 4 * d, d);

  ref_output (r, ref_modulate (r, x, scale, shift));
  ref_output (r, ref_modulate (r, x, some_row (r, n, d), NULL));
  ref_output (r, ref_modulate (r, ref_norm (r, x, "layer", FALSE), scale, shift));
  ref_output (r, ref_modulate (r, ref_norm (r, x, "rms", TRUE), scale, NULL));
}

static void
build_residual (Ref *r)
{
  guint d = some_width (r), n = ref_int (r, 1, 3), rows = some_rows (r);
  RefValue *x = ref_input (r, NN_SHAPE (n, rows, d), 1), *y = ref_input (r, NN_SHAPE (n, rows, d), 1);
  RefValue *wide = ref_input (r, NN_SHAPE (n, 1, 2 * d), 1), *gate = ref_slice (r, wide, -1, d, d), *row = some_row (r, 0, d);

  ref_output (r, ref_residual (r, x, y, NULL));
  ref_output (r, ref_residual (r, x, y, gate));
  ref_output (r, ref_residual (r, x, ref_norm (r, y, "rms", TRUE), gate));
  ref_output (r, ref_residual (r, x, ref_linear (r, y, "linear", d), row));
  ref_output (r, ref_residual (r, x, ref_linear (r, y, "linear", d), gate));
  ref_output (r, ref_residual (r, x, ref_modulate (r, y, gate, NULL), gate));
  ref_output (r, ref_add (r, ref_linear (r, y, "plain", d), x));
}

static void
build_rope (Ref *r)
{
  guint heads = ref_int (r, 1, 3), h = ref_int (r, 0, 1) ? 6 : 16, t = some_rows (r);
  RefValue *table = ref_constant (r, NN_SHAPE (REF_ROWS, h / 2, 2), 1), *pos = ref_position (r, ref_int (r, 0, REF_ROWS - t));
  RefValue *wide = ref_input (r, NN_SHAPE (t, 3 * heads * h), 1);
  RefValue *x = ref_reshape (r, ref_slice (r, wide, -1, heads * h, heads * h), NN_SHAPE (t, heads, h));

  ref_output (r, ref_rope (r, x, table, NULL, PENT_NN_ROPE_HALF));
  ref_output (r, ref_rope (r, x, table, pos, PENT_NN_ROPE_INTERLEAVED));
  ref_output (r, ref_rope (r, ref_norm (r, x, "rms", TRUE), table, pos, PENT_NN_ROPE_HALF));
  ref_output (r, ref_rope (r, ref_norm (r, x, "rms", TRUE), table, NULL, PENT_NN_ROPE_INTERLEAVED));
  ref_output (r, ref_rope (r, ref_input (r, NN_SHAPE (2, t, heads, h), 1), table, NULL, PENT_NN_ROPE_HALF));
}

static void
build_attention (Ref *r)
{
  static const guint keys[] = { 1, 7, 33, 70 };
  guint kv = ref_int (r, 1, 2), heads = kv * ref_int (r, 1, 3), h = ref_int (r, 0, 1) ? 6 : 16;
  guint tk = keys[ref_int (r, 0, G_N_ELEMENTS (keys) - 1)], tq = ref_int (r, 1, tk), n = ref_int (r, 1, 2);
  RefValue *q = ref_input (r, NN_SHAPE (tq, heads, h), 1), *k = ref_input (r, NN_SHAPE (tk, kv, h), 1);
  RefValue *v = ref_input (r, NN_SHAPE (tk, kv, h), 1), *fused = ref_input (r, NN_SHAPE (n, tk, 3 * kv * h), 1);
  RefValue *parts[3];

  for (guint i = 0; i < 3; i++)
    parts[i] = ref_reshape (r, ref_slice (r, fused, -1, i * kv * h, kv * h), NN_SHAPE (n, tk, kv, h));
  ref_output (r, ref_attention (r, q, k, v, FALSE, NULL));
  ref_output (r, ref_attention (r, q, k, v, TRUE, NULL));
  ref_output (r, ref_attention (r, q, k, v, TRUE, ref_position (r, ref_int (r, 0, tk - tq))));
  ref_output (r, ref_attention (r, parts[0], parts[1], parts[2], ref_int (r, 0, 1), NULL));
}

static void
build_softmax (Ref *r)
{
  RefValue *x = ref_input (r, NN_SHAPE (some_rows (r), some_width (r)), 4);

  ref_output (r, ref_softmax (r, x));
  ref_output (r, ref_argmax (r, x));
  ref_output (r, ref_argmax (r, ref_input (r, NN_SHAPE (34), 1)));
}

static void
build_views (Ref *r)
{
  RefValue *x = ref_input (r, NN_SHAPE (4, 6, 2, 5), 1), *y = ref_act (r, x, PENT_NN_TANH);
  RefValue *a = ref_transpose (r, y, (const guint[]) { 2, 0, 3, 1 }), *b = ref_slice (r, y, 1, 2, 3);

  ref_output (r, ref_reshape (r, y, NN_SHAPE (24, 10)));
  ref_output (r, a);
  ref_output (r, ref_reshape (r, a, NN_SHAPE (8, 30)));
  ref_output (r, b);
  ref_output (r, ref_reshape (r, b, NN_SHAPE (12, 10)));
  ref_output (r, ref_act (r, ref_reshape (r, ref_slice (r, y, 0, 1, 2), NN_SHAPE (12, 10)), PENT_NN_SILU));
  ref_output (r, ref_repeat (r, ref_slice (r, ref_reshape (r, y, NN_SHAPE (24, 10)), 0, 3, 1), ref_int (r, 1, 9)));
  ref_output (r, ref_slice (r, x, -1, 1, 3));
}

static void
build_concat (Ref *r)
{
  RefValue *x = ref_input (r, NN_SHAPE (ref_int (r, 1, 12), 6), 1), *y = ref_input (r, NN_SHAPE (x->shape[0], 6), 1);
  RefValue *rows = ref_concat (r, 0, ref_act (r, x, PENT_NN_TANH), ref_concat (r, 0, ref_act (r, y, PENT_NN_SILU), x));
  RefValue *columns = ref_concat (r, -1, ref_linear (r, x, "linear", 16), ref_linear (r, y, "linear", 34));

  ref_output (r, ref_linear (r, rows, "linear", 4));
  ref_output (r, rows);
  ref_output (r, columns);
  ref_output (r, ref_concat (r, 1, ref_concat (r, 1, columns, ref_act (r, x, PENT_NN_RELU)), columns));
  ref_output (r, ref_concat (r, 0, x, x));
  ref_output (r, ref_norm (r, ref_concat (r, 1, ref_linear (r, x, "plain", 1), ref_slice (r, y, 1, 1, 3)), "rms", TRUE));
}

static void
build_pictures (Ref *r)
{
  guint p = ref_int (r, 1, 3), h = p * ref_int (r, 1, 4), w = p * ref_int (r, 1, 4);
  RefValue *x = ref_input (r, NN_SHAPE (h, w, 4), 1), *patches = ref_patchify (r, x, p);

  ref_output (r, patches);
  ref_output (r, ref_unpatchify (r, ref_act (r, patches, PENT_NN_TANH), h, w, p));
  ref_output (r, ref_upsample (r, ref_act (r, x, PENT_NN_SILU)));
  ref_output (r, ref_conv (r, ref_upsample (r, ref_input (r, NN_SHAPE (2, 3, 5, 6), 1)), 4, 3, 1, 1, 1));
}

static void
build_weights (Ref *r)
{
  RefValue *x = ref_input (r, NN_SHAPE (REF_ROWS, 16), 1);

  ref_output (r, ref_add (r, x, ref_weight (r, "table.16.weight", NN_SHAPE (REF_ROWS, 16))));
  ref_output (r, ref_mul (r, x, ref_weight (r, "norm.16.bias", NN_SHAPE (16))));
  ref_output (r, ref_weight (r, "rms.6.weight", NN_SHAPE (6)));
  ref_output (r, ref_add (r, ref_constant (r, NN_SHAPE (1, 16), 1), x));
}

static const Case cases[] = {
  { "linear", build_linear, 1 },       { "embedding", build_embedding, 1 }, { "conv", build_conv, 1 },
  { "norms", build_norms, 2 },         { "group-norm", build_group_norm, 2 }, { "act", build_act, 1 },
  { "glu", build_glu, 3 },             { "pairs", build_pairs, 2 },         { "affine", build_affine, 2 },
  { "modulate", build_modulate, 4 },   { "residual", build_residual, 3 },   { "rope", build_rope, 3 },
  { "attention", build_attention, 2 }, { "softmax", build_softmax, 1 },     { "views", build_views, 1 },
  { "concat", build_concat, 3 },       { "pictures", build_pictures, 1 },   { "weights", build_weights, 1 },
};

static void
test_case (gconstpointer data)
{
  const Case *one = data;
  static const PentDtype types[] = { PENT_DTYPE_F32, PENT_DTYPE_F16, PENT_DTYPE_BF16 };
  static const double bounds[] = { 2e-5, 4e-3, 3e-2 };
  g_autoptr (PentVkContext) context = nn_test_context ();

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (PentNnWeights) weights = ref_weights_new (widths, types[i], i);
      g_autoptr (Ref) r = ref_new (context, weights, (PentNnPrecision) i, g_test_rand_int ());

      for (guint round = 0; round < 4; round++)
        {
          ref_restart (r);
          one->build (r);
          ref_check (r, round % 2 == 0 ? NULL : "fusion,views,arena", bounds[i] * (i > 0 ? one->scale : 1));
        }
    }
  nn_test_context_check (context);
}

void
nn_test_ops (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/nn/ops/", cases[i].name, NULL);

      g_test_add_data_func (path, &cases[i], test_case);
    }
}
