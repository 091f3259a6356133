/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the graph does around its operations: fusion, memory, replay, tracing, states, errors. */
#include "nn-random.h"

#include <math.h>
#include <string.h>
#include "pent-error.h"

static void
assert_same (GArray *a, GArray *b)
{
  g_assert_cmpmem (a->data, a->len * sizeof (float), b->data, b->len * sizeof (float));
}

static void
assert_close (GArray *a, GArray *b, double bound)
{
  g_assert_cmpuint (a->len, ==, b->len);
  for (guint i = 0; i < a->len; i++)
    {
      double left = g_array_index (a, float, i), right = g_array_index (b, float, i);

      if (!(fabs (left - right) <= bound * MAX (1, fabs (right))))
        g_error ("value %u is %g in one and %g in the other", i, left, right);
    }
}

/* The same graph again, made from the same seed. */
static GArray *
run_random (PentVkContext *context, PentNnWeights *weights, PentNnPrecision precision, guint32 seed, guint n,
            const char *disable, double bound, PentNnStats *stats)
{
  g_autoptr (Ref) r = ref_new (context, weights, precision, seed);

  nn_random_graph (r, n);
  g_test_message ("seed %u, %u operations", seed, n);
  ref_check (r, disable, bound);
  if (stats != NULL)
    pent_nn_graph_get_stats (r->g, stats);
  return ref_results (r);
}

/* ---- memory ---- */

/* With an arena and with memory of its own for every value the results are equal bit for bit: no two values that are
 * alive at once share memory.  (Long chains of norms may amplify rounding: the bound against the truth is wide.) */
static void
test_arena (void)
{
  g_autoptr (PentVkContext) context = nn_test_context ();
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F32);
  double shared = 0, apart = 0;

  for (guint i = 0; i < 24; i++)
    {
      guint32 seed = g_test_rand_int ();
      PentNnStats one, other;
      g_autoptr (GArray) a = run_random (context, weights, PENT_NN_PRECISION_F32, seed, 4 + 3 * i, NULL, 0.05, &one);
      g_autoptr (GArray) b = run_random (context, weights, PENT_NN_PRECISION_F32, seed, 4 + 3 * i, "arena", 0.05, &other);

      g_test_message ("seed %u: arena %" G_GUINT64_FORMAT ", apart %" G_GUINT64_FORMAT, seed, one.arena_bytes,
                      other.arena_bytes);
      assert_same (a, b);
      g_assert_cmpuint (one.arena_bytes, <=, other.arena_bytes);
      shared += one.arena_bytes;
      apart += other.arena_bytes;
    }
  g_assert_cmpfloat (shared, <, 0.6 * apart);
  nn_test_context_check (context);
}

/* Views and fusion change how, not what. */
static void
test_disabled (void)
{
  static const char *const disable[] = { "fusion", "views", "fusion,views,arena" };
  g_autoptr (PentVkContext) context = nn_test_context ();
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F16);

  for (guint i = 0; i < 12; i++)
    {
      guint32 seed = g_test_rand_int ();
      PentNnStats plain, other;
      g_autoptr (GArray) a = run_random (context, weights, PENT_NN_PRECISION_F32, seed, 20, NULL, 1e-3, &plain);
      g_autoptr (GArray) b = run_random (context, weights, PENT_NN_PRECISION_F32, seed, 20, disable[i % 3], 1e-3, &other);

      g_test_message ("seed %u: %u dispatches, without %s %u", seed, plain.n_dispatches, disable[i % 3], other.n_dispatches);
      assert_close (a, b, 1e-3);
      g_assert_cmpuint (plain.n_dispatches, <=, other.n_dispatches);
    }
  nn_test_context_check (context);
}

/* In 16 bits too, within what 16 bits can. */
static void
test_precisions (void)
{
  g_autoptr (PentVkContext) context = nn_test_context ();

  for (guint i = 0; i < 12; i++)
    {
      guint32 seed = g_test_rand_int ();
      gboolean half = i % 2 == 0;
      g_autoptr (PentNnWeights) weights = nn_random_weights (half ? PENT_DTYPE_F16 : PENT_DTYPE_BF16);
      g_autoptr (GArray) results = run_random (context, weights, half ? PENT_NN_PRECISION_F16 : PENT_NN_PRECISION_BF16, seed,
                                               8, NULL, half ? 0.05 : 0.4, NULL);

      g_assert_cmpuint (results->len, >, 0);
    }
  nn_test_context_check (context);
}

/* ---- fusion, one by one ---- */

typedef RefValue *(*Pattern) (Ref *r);

static RefValue *
pattern_linear_act (Ref *r)
{
  return ref_act (r, ref_linear (r, ref_input (r, NN_SHAPE (9, 16), 1), "linear", 32), PENT_NN_GELU_ERF);
}

static RefValue *
pattern_linear_residual (Ref *r)
{
  RefValue *x = ref_act (r, ref_input (r, NN_SHAPE (9, 16), 1), PENT_NN_TANH);

  return ref_residual (r, x, ref_linear (r, ref_input (r, NN_SHAPE (9, 32), 1), "linear", 16),
                       ref_input (r, NN_SHAPE (1, 16), 1));
}

static RefValue *
pattern_norm_modulate (Ref *r)
{
  RefValue *x = ref_norm (r, ref_input (r, NN_SHAPE (9, 16), 1), "layer", FALSE);

  return ref_modulate (r, x, ref_input (r, NN_SHAPE (16), 1), ref_input (r, NN_SHAPE (16), 1));
}

static RefValue *
pattern_norm_residual (Ref *r)
{
  RefValue *x = ref_norm (r, ref_input (r, NN_SHAPE (9, 16), 1), "rms", TRUE);

  return ref_residual (r, ref_input (r, NN_SHAPE (9, 16), 1), x, ref_input (r, NN_SHAPE (16), 1));
}

static RefValue *
pattern_norm_rope (Ref *r)
{
  RefValue *x = ref_norm (r, ref_input (r, NN_SHAPE (9, 2, 16), 1), "rms", TRUE);

  return ref_rope (r, x, ref_constant (r, NN_SHAPE (9, 8, 2), 1), NULL, PENT_NN_ROPE_HALF);
}

static RefValue *
pattern_group_norm_silu (Ref *r)
{
  return ref_act (r, ref_group_norm (r, ref_input (r, NN_SHAPE (4, 3, 16), 1), 4), PENT_NN_SILU);
}

static RefValue *
pattern_glu (Ref *r)
{
  RefValue *x = ref_act (r, ref_input (r, NN_SHAPE (9, 16), 1), PENT_NN_SILU);

  return ref_mul (r, x, ref_input (r, NN_SHAPE (9, 16), 1));
}

static RefValue *
pattern_conv_residual (Ref *r)
{
  RefValue *x = ref_input (r, NN_SHAPE (5, 4, 16), 1);

  return ref_residual (r, x, ref_conv (r, x, 16, 3, 1, 1, 1), NULL);
}

static const struct { const char *name; Pattern make; } patterns[] = {
  { "linear-act", pattern_linear_act },         { "linear-residual", pattern_linear_residual },
  { "norm-modulate", pattern_norm_modulate },   { "norm-residual", pattern_norm_residual },
  { "norm-rope", pattern_norm_rope },           { "group-norm-silu", pattern_group_norm_silu },
  { "glu", pattern_glu },                       { "conv-residual", pattern_conv_residual },
};

/* Each pattern takes one dispatch less, and gives the same. */
static void
test_fusion (void)
{
  g_autoptr (PentVkContext) context = nn_test_context ();
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F32);

  for (guint i = 0; i < G_N_ELEMENTS (patterns); i++)
    {
      g_autoptr (Ref) fused = ref_new (context, weights, PENT_NN_PRECISION_F32, i);
      g_autoptr (Ref) plain = ref_new (context, weights, PENT_NN_PRECISION_F32, i);
      PentNnStats one, two;

      ref_output (fused, patterns[i].make (fused));
      ref_output (plain, patterns[i].make (plain));
      ref_check (fused, NULL, 2e-5);
      ref_check (plain, "fusion", 2e-5);
      pent_nn_graph_get_stats (fused->g, &one);
      pent_nn_graph_get_stats (plain->g, &two);
      g_test_message ("%s: %u dispatches instead of %u", patterns[i].name, one.n_dispatches, two.n_dispatches);
      g_assert_cmpuint (one.n_dispatches, <, two.n_dispatches);
    }
  nn_test_context_check (context);
}

/* What is used twice, or asked for, is not swallowed. */
static void
test_fusion_uses (void)
{
  g_autoptr (PentVkContext) context = nn_test_context ();
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F32);
  g_autoptr (Ref) r = ref_new (context, weights, PENT_NN_PRECISION_F32, 1);
  RefValue *x = ref_input (r, NN_SHAPE (3, 16), 1), *y = ref_linear (r, x, "linear", 16), *n = ref_norm (r, x, "rms", TRUE);

  ref_output (r, ref_act (r, y, PENT_NN_SILU));
  ref_output (r, ref_residual (r, x, y, NULL));
  ref_output (r, n);
  ref_output (r, ref_modulate (r, n, ref_input (r, NN_SHAPE (16), 1), NULL));
  ref_output (r, ref_residual (r, y, y, NULL));
  ref_check (r, NULL, 2e-5);
  nn_test_context_check (context);
}

/* ---- replay ---- */

static void
test_replay (void)
{
  g_autoptr (PentVkContext) context = nn_test_context ();
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F32);
  g_autoptr (Ref) r = ref_new (context, weights, PENT_NN_PRECISION_F32, 5), fresh = NULL;
  g_autoptr (GArray) first = NULL, again = NULL, other = NULL, expected = NULL;

  nn_random_graph (r, 30);
  ref_compile (r, NULL);
  ref_run (r);
  first = ref_results (r);
  ref_fill (r);
  ref_run (r);
  other = ref_results (r);
  ref_run (r);
  again = ref_results (r);
  assert_same (other, again);
  g_assert_true (memcmp (first->data, other->data, first->len * sizeof (float)) != 0);

  fresh = ref_new (context, weights, PENT_NN_PRECISION_F32, 5);
  nn_random_graph (fresh, 30);
  ref_copy_inputs (fresh, r);
  ref_compile (fresh, NULL);
  ref_run (fresh);
  expected = ref_results (fresh);
  assert_same (other, expected);
  nn_test_context_check (context);
}

/* ---- tracing ---- */

static void
build_traced (Ref *r, RefValue **middle)
{
  RefValue *x = ref_input (r, NN_SHAPE (3, 16), 1), *y = ref_linear (r, x, "linear", 32);

  nn_name (r->g, y->t, "layer.%u.y", 0);
  *middle = y;
  ref_output (r, ref_linear (r, ref_act (r, y, PENT_NN_SILU), "linear", 4));
}

static void
test_trace (void)
{
  g_autoptr (PentVkContext) context = nn_test_context ();
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F32);
  g_autoptr (Ref) plain = ref_new (context, weights, PENT_NN_PRECISION_F32, 3);
  g_autoptr (Ref) r = ref_new (context, weights, PENT_NN_PRECISION_F32, 3);
  PentNnStats one, two;
  RefValue *middle;
  float values[96];
  guint shape[4];

  build_traced (plain, &middle);
  ref_check (plain, NULL, 2e-5);
  build_traced (r, &middle);
  pent_nn_graph_trace (r->g, "layer.0.y");
  pent_nn_graph_trace (r->g, "out.0");
  ref_check (r, NULL, 2e-5);

  g_assert_cmpuint (pent_nn_graph_shape (r->g, "layer.0.y", shape), ==, 2);
  g_assert_cmpuint (shape[1], ==, 32);
  pent_nn_graph_get (r->g, "layer.0.y", values, sizeof values);
  for (guint i = 0; i < 96; i++)
    g_assert_cmpfloat_with_epsilon (values[i], middle->v[i], 1e-4);
  pent_nn_graph_get_stats (plain->g, &one);
  pent_nn_graph_get_stats (r->g, &two);
  g_assert_cmpuint (one.n_dispatches, <, two.n_dispatches);
  nn_test_context_check (context);
}

/* ---- states ---- */

static void
test_state (void)
{
  g_autoptr (PentVkContext) context = nn_test_context ();
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F32);
  g_autoptr (Ref) r = ref_new (context, weights, PENT_NN_PRECISION_F32, 3);
  g_autoptr (PentNnState) state = pent_nn_state_new (r->module);
  g_autofree double *before = NULL;
  RefValue *x, *y, *pos;

  x = ref_input (r, NN_SHAPE (3, 2, 4), 1);
  y = ref_state (r, state, "cache", 8, x, ref_position (r, 2));
  ref_output (r, y);
  ref_check (r, NULL, 0);
  before = g_memdup2 (y->v, y->n * sizeof *y->v);

  /* Another graph on the same state adds a row and reads all. */
  ref_restart (r);
  x = ref_input (r, NN_SHAPE (1, 2, 4), 1);
  pos = ref_position (r, 5);
  y = ref_state (r, state, "cache", 8, x, pos);
  memcpy (y->v + 16, before + 16, 24 * sizeof *y->v);
  ref_output (r, y);
  ref_output (r, ref_attention (r, ref_input (r, NN_SHAPE (1, 2, 4), 1), y, y, TRUE, pos));
  ref_check (r, NULL, 2e-5);
  nn_test_context_check (context);
}

/* Token by token with a cache as all at once. */
static void
test_cache (void)
{
  g_autoptr (PentVkContext) context = nn_test_context ();
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F32);
  g_autoptr (Ref) all = ref_new (context, weights, PENT_NN_PRECISION_F32, 3);
  g_autoptr (PentNnModule) module = pent_nn_module_new (context, weights, PENT_NN_PRECISION_F32);
  g_autoptr (PentNnState) state = pent_nn_state_new (module);
  g_autoptr (PentNnGraph) g = pent_nn_graph_new (module, "step");
  RefValue *q = ref_input (all, NN_SHAPE (6, 2, 4), 1), *k = ref_input (all, NN_SHAPE (6, 1, 4), 1);
  RefValue *y = ref_attention (all, q, k, k, TRUE, NULL);
  PentNnTensor *pos = nn_input (g, "pos", PENT_DTYPE_I32, NN_SHAPE (1)), *query, *cache;
  g_autoptr (GError) error = NULL;

  query = nn_input (g, "q", PENT_DTYPE_F32, NN_SHAPE (1, 2, 4));
  cache = nn_state_write (g, nn_state (g, state, "k", NN_SHAPE (6, 1, 4)),
                          nn_input (g, "k", PENT_DTYPE_F32, NN_SHAPE (1, 1, 4)), pos);
  nn_output (g, "y", nn_attention (g, query, cache, cache, &(PentNnAttention) { .causal = TRUE, .pos = pos }));
  g_assert_true (pent_nn_graph_compile (g, &error));

  for (gint32 i = 0; i < 6; i++)
    {
      float one[8], row[4], result[8];

      for (guint j = 0; j < 8; j++)
        one[j] = q->v[i * 8 + j];
      for (guint j = 0; j < 4; j++)
        row[j] = k->v[i * 4 + j];
      pent_nn_graph_set (g, "q", one, sizeof one);
      pent_nn_graph_set (g, "k", row, sizeof row);
      pent_nn_graph_set (g, "pos", &i, sizeof i);
      g_assert_true (pent_nn_graph_run (g, NULL, &error));
      pent_nn_graph_get (g, "y", result, sizeof result);
      for (guint j = 0; j < 8; j++)
        g_assert_cmpfloat_with_epsilon (result[j], y->v[i * 8 + j], 1e-5);
    }
  nn_test_context_check (context);
}

/* ---- the range of F16 ---- */

/* Gate and up near 1000: the product is near a million, far beyond 65504, and the next layer brings it back. */
static void
test_guard (void)
{
  g_autoptr (PentVkContext) context = nn_test_context ();
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F16);

  if (!(pent_vk_context_get_info (context)->features & PENT_VK_F16))
    {
      g_test_skip ("the device has no 16-bit storage");
      return;
    }
  for (guint guarded = 0; guarded < 2; guarded++)
    {
      g_autoptr (Ref) r = ref_new (context, weights, PENT_NN_PRECISION_F16, 11);
      RefValue *gate = ref_affine (r, ref_norm (r, ref_input (r, NN_SHAPE (12, 32), 1), "rms", FALSE), 600, 0);
      RefValue *up = ref_affine (r, ref_norm (r, ref_input (r, NN_SHAPE (12, 32), 1), "rms", FALSE), 600, 0);
      RefValue *y = ref_linear (r, ref_glu (r, gate, up, PENT_NN_SILU), "linear", 16);
      g_autoptr (GArray) results = NULL;
      gboolean finite = TRUE;

      ref_output (r, ref_norm (r, y, "rms", TRUE));
      ref_compile (r, guarded ? NULL : "guard");
      ref_run (r);
      results = ref_results (r);
      for (guint i = 0; i < results->len; i++)
        finite &= isfinite (g_array_index (results, float, i)) != 0;
      g_assert_true (finite == (guarded == 1));
      if (guarded)
        ref_compare (r, 1e-2);
    }
  nn_test_context_check (context);
}

/* A gated product that someone else reads too is right as well. */
static void
test_guard_other_uses (void)
{
  g_autoptr (PentVkContext) context = nn_test_context ();
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F16);
  g_autoptr (Ref) r = ref_new (context, weights, PENT_NN_PRECISION_F16, 11);
  RefValue *x = ref_norm (r, ref_input (r, NN_SHAPE (12, 32), 1), "rms", FALSE), *y = ref_glu (r, x, x, PENT_NN_SILU);

  ref_output (r, ref_linear (r, y, "linear", 16));
  ref_output (r, ref_norm (r, y, "layer", TRUE));
  ref_output (r, ref_linear (r, ref_reshape (r, ref_glu (r, x, y, PENT_NN_RELU), NN_SHAPE (24, 16)), "linear", 4));
  ref_check (r, NULL, 1e-2);
  nn_test_context_check (context);
}

/* ---- weights on the device ---- */

static void
test_evict (void)
{
  g_autoptr (PentVkContext) context = nn_test_context ();
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F32);
  g_autoptr (Ref) r = ref_new (context, weights, PENT_NN_PRECISION_F32, 5);
  g_autoptr (GArray) before = NULL, after = NULL;
  guint64 bytes;

  nn_random_graph (r, 20);
  ref_output (r, ref_conv (r, ref_input (r, NN_SHAPE (4, 4, 6), 1), 6, 3, 1, 1, 1));
  ref_check (r, NULL, 1e-3);
  before = ref_results (r);
  bytes = pent_nn_module_get_device_bytes (r->module);
  g_assert_cmpuint (bytes, >, 0);
  pent_nn_module_evict (r->module);
  g_assert_cmpuint (pent_nn_module_get_device_bytes (r->module), ==, 0);
  ref_run (r);
  after = ref_results (r);
  assert_same (before, after);
  g_assert_cmpuint (pent_nn_module_get_device_bytes (r->module), ==, bytes);
  nn_test_context_check (context);
}

/* Two graphs share weights and equal constants. */
static void
test_shared (void)
{
  g_autoptr (PentVkContext) context = nn_test_context ();
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F32);
  g_autoptr (Ref) r = ref_new (context, weights, PENT_NN_PRECISION_F32, 5);
  static const float table[32] = { 1, 2, 3 };
  guint64 bytes = 0;

  for (guint i = 0; i < 3; i++)
    {
      RefValue *x;

      ref_restart (r);
      x = ref_linear (r, ref_input (r, NN_SHAPE (3, 16), 1), "linear", 32);
      nn_output (r->g, "y", nn_add (r->g, x->t, nn_constant (r->g, table, NN_SHAPE (1, 32))));
      ref_compile (r, NULL);
      if (i == 0)
        bytes = pent_nn_module_get_device_bytes (r->module);
      g_assert_cmpuint (pent_nn_module_get_device_bytes (r->module), ==, bytes);
    }
  g_assert_cmpuint (bytes, ==, (16 * 32 + 32 + 32) * 4);
}

static PentNnWeights *
weights_of_type (PentDtype dtype, guint rows, const void *values)
{
  NnTestFile *file = nn_test_file_new ();
  g_autoptr (PentFiles) files = NULL;
  g_autoptr (GError) error = NULL;
  PentNnWeights *weights;

  nn_test_file_add (file, "w.weight", dtype, (gint64[]) { rows, 256, -1 }, values);
  files = nn_test_files ("one", "one.safetensors", nn_test_file_finish (file), NULL);
  weights = pent_nn_weights_open (files, NULL, &error);
  g_assert_no_error (error);
  return weights;
}

/* Every stored type gives the same product: uploaded, widened, and as the file's own memory. */
static void
test_stored_types (void)
{
  static const PentDtype types[] = { PENT_DTYPE_F32, PENT_DTYPE_F16, PENT_DTYPE_BF16, PENT_DTYPE_F64, PENT_DTYPE_F8_E4M3,
                                     PENT_DTYPE_F8_E5M2 };
  g_autoptr (PentVkContext) context = nn_test_context ();
  g_autofree float *values = g_new0 (float, 512 * 256);
  g_autofree double *wide = g_new0 (double, 512 * 256);
  g_autofree guint8 *narrow = g_new0 (guint8, 512 * 256);

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    for (guint import = 0; import < 2; import++)
      {
        gboolean tiny = pent_dtype_size (types[i]) == 1;
        g_autoptr (PentNnWeights) weights = NULL;
        g_autoptr (Ref) r = NULL;
        g_autoptr (GError) error = NULL;
        PentNnTensor *x;
        float one[256], y[512];

        for (guint k = 0; k < 512 * 256; k++)
          {
            guint8 byte = 0x30 + k % 7 + (k / 256 % 3 == 0 ? 0x80 : 0);

            narrow[k] = byte;
            values[k] = tiny ? (types[i] == PENT_DTYPE_F8_E4M3 ? pent_f8_e4m3_to_f32 (byte) : pent_f8_e5m2_to_f32 (byte))
                             : ((int) (k % 13) - 6) / 8.0f;
            wide[k] = values[k];
          }
        weights = weights_of_type (types[i], 512, tiny ? (void *) narrow : types[i] == PENT_DTYPE_F64 ? (void *) wide : values);
        r = ref_new (context, weights, PENT_NN_PRECISION_F32, 1);
        x = nn_input (r->g, "x", PENT_DTYPE_F32, NN_SHAPE (1, 256));
        nn_output (r->g, "y", nn_linear (r->g, x, "w", 512));
        ref_compile (r, import ? NULL : "import");
        for (guint k = 0; k < 256; k++)
          one[k] = (k % 5) - 2.0f;
        pent_nn_graph_set (r->g, "x", one, sizeof one);
        g_assert_true (pent_nn_graph_run (r->g, NULL, &error));
        pent_nn_graph_get (r->g, "y", y, sizeof y);
        for (guint n = 0; n < 512; n++)
          {
            double sum = 0;

            for (guint k = 0; k < 256; k++)
              sum += one[k] * values[n * 256 + k];
            g_assert_cmpfloat_with_epsilon (y[n], sum, 1e-3);
          }
      }
  nn_test_context_check (context);
}

/* ---- errors ---- */

typedef void (*Mistake) (PentNnGraph *g, PentNnTensor *x);

static void
mistake_missing (PentNnGraph *g, PentNnTensor *x)
{
  nn_push (g, "layers.%u.", 3);
  nn_output (g, "y", nn_linear (g, nn_act (g, nn_linear (g, x, "gone", 4), PENT_NN_SILU), "gone too", 4));
  nn_pop (g);
}

static void
mistake_shape (PentNnGraph *g, PentNnTensor *x)
{
  nn_output (g, "y", nn_linear (g, x, "linear.6.32", 32));
}

static void
mistake_sum (PentNnGraph *g, PentNnTensor *x)
{
  PentNnTensor *y = nn_linear (g, x, "linear.16.6", 6);

  nn_push (g, "block.");
  nn_output (g, "y", nn_add (g, x, y));
  nn_pop (g);
}

static void
mistake_rope (PentNnGraph *g, PentNnTensor *x)
{
  nn_output (g, "y", nn_rope (g, nn_reshape (g, x, NN_SHAPE (3, 2, 8)), x, NULL, PENT_NN_ROPE_HALF));
}

static void
mistake_reshape (PentNnGraph *g, PentNnTensor *x)
{
  nn_output (g, "y", nn_reshape (g, x, NN_SHAPE (7, 7)));
}

static void
mistake_slice (PentNnGraph *g, PentNnTensor *x)
{
  nn_output (g, "y", nn_slice (g, x, 0, 2, 2));
}

static void
mistake_trace (PentNnGraph *g, PentNnTensor *x)
{
  nn_output (g, "y", nn_act (g, x, PENT_NN_SILU));
  pent_nn_graph_trace (g, "nobody");
}

static void
mistake_large (PentNnGraph *g, PentNnTensor *x)
{
  nn_output (g, "y", nn_repeat_rows (g, nn_slice (g, x, 0, 0, 1), 1u << 31));
}

static void
mistake_scope (PentNnGraph *g, PentNnTensor *x)
{
  nn_push (g, "left.open.");
  nn_output (g, "y", nn_act (g, x, PENT_NN_SILU));
}

static const struct { Mistake make; int code; const char *parts[4]; } mistakes[] = {
  { mistake_missing, PENT_ERROR_MODEL, { "layers.3.gone.weight", "random.safetensors", "test" } },
  { mistake_shape, PENT_ERROR_MODEL, { "linear.6.32.weight", "random.safetensors", "[32, 6]", "[32, 16]" } },
  { mistake_sum, PENT_ERROR_MODEL, { "[3, 16]", "[3, 6]", "block." } },
  { mistake_rope, PENT_ERROR_MODEL, { "[3, 2, 8]", "[3, 16]" } },
  { mistake_reshape, PENT_ERROR_MODEL, { "[3, 16]", "[7, 7]" } },
  { mistake_slice, PENT_ERROR_MODEL, { "2 to 4", "3" } },
  { mistake_trace, PENT_ERROR_INVALID, { "nobody" } },
  { mistake_large, PENT_ERROR_MEMORY, { "[2147483648, 16]" } },
  { mistake_scope, PENT_ERROR_FAILED, { "left.open." } },
};

static void
test_mistakes (void)
{
  g_autoptr (PentVkContext) context = nn_test_context ();
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F32);

  for (guint i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_autoptr (Ref) r = ref_new (context, weights, PENT_NN_PRECISION_F32, 1);
      g_autoptr (GError) error = NULL;

      mistakes[i].make (r->g, nn_input (r->g, "x", PENT_DTYPE_F32, NN_SHAPE (3, 16)));
      g_assert_false (pent_nn_graph_compile (r->g, &error));
      g_assert_error (error, PENT_ERROR, mistakes[i].code);
      g_test_message ("%s", error->message);
      for (guint k = 0; k < 4 && mistakes[i].parts[k] != NULL; k++)
        g_assert_nonnull (strstr (error->message, mistakes[i].parts[k]));
    }
  nn_test_context_check (context);
}

/* Refused before anything is allocated, with both numbers. */
static void
test_memory_refusal (void)
{
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F32);
  g_autoptr (PentVkContext) context = NULL;
  g_autoptr (Ref) r = NULL;
  g_autoptr (GError) error = NULL;
  guint64 before;
  RefValue *x;

  g_setenv ("PENT_VK_BUDGET", "512M", TRUE);
  context = nn_test_context ();
  r = ref_new (context, weights, PENT_NN_PRECISION_F32, 1);
  x = ref_input (r, NN_SHAPE (1, 16), 1);
  nn_output (r->g, "y", nn_act (r->g, nn_repeat_rows (r->g, x->t, 4 << 20), PENT_NN_SILU));
  before = pent_vk_context_get_allocated (context);
  g_assert_false (pent_nn_graph_compile (r->g, &error));
  g_unsetenv ("PENT_VK_BUDGET");
  g_assert_error (error, PENT_ERROR, PENT_ERROR_MEMORY);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, "0.0"));
  g_assert_cmpuint (pent_vk_context_get_allocated (context), ==, before);

  /* The context is none the worse for it. */
  ref_restart (r);
  ref_output (r, ref_act (r, ref_input (r, NN_SHAPE (3, 16), 1), PENT_NN_SILU));
  ref_check (r, NULL, 1e-5);
  nn_test_context_check (context);
}

static void
test_injected (void)
{
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F32);

  for (guint i = 1; i < 10; i++)
    {
      g_autoptr (PentVkContext) context = nn_test_context ();
      g_autoptr (Ref) r = ref_new (context, weights, PENT_NN_PRECISION_F32, 1);
      g_autoptr (GError) error = NULL, later = NULL;
      gboolean lose = i % 2 == 0;
      int code = lose ? PENT_ERROR_DEVICE_LOST : PENT_ERROR_MEMORY;

      nn_random_graph (r, 6);
      ref_output (r, ref_conv (r, ref_input (r, NN_SHAPE (4, 4, 6), 1), 6, 3, 1, 1, 1));
      pent_vk_context_inject (context, lose ? 0 : (i + 1) / 2, lose ? i / 2 : 0);
      if (pent_nn_graph_compile (r->g, &error) && pent_nn_graph_run (r->g, NULL, &error))
        continue;
      g_assert_error (error, PENT_ERROR, code);
      g_assert_false (pent_vk_context_check (context, &later));
    }
}

/* Cancelled before the first submission; the graph can be run again. */
static void
test_cancel (void)
{
  g_autoptr (PentVkContext) context = nn_test_context ();
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F32);
  g_autoptr (Ref) r = ref_new (context, weights, PENT_NN_PRECISION_F32, 5);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  nn_random_graph (r, 10);
  ref_compile (r, NULL);
  g_cancellable_cancel (cancellable);
  g_assert_false (pent_nn_graph_run (r->g, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  ref_run (r);
  ref_compare (r, 1e-3);
  nn_test_context_check (context);
}

void
nn_test_graph (void)
{
  g_test_add_func ("/nn/graph/arena", test_arena);
  g_test_add_func ("/nn/graph/disabled", test_disabled);
  g_test_add_func ("/nn/graph/precisions", test_precisions);
  g_test_add_func ("/nn/graph/fusion", test_fusion);
  g_test_add_func ("/nn/graph/fusion-uses", test_fusion_uses);
  g_test_add_func ("/nn/graph/replay", test_replay);
  g_test_add_func ("/nn/graph/trace", test_trace);
  g_test_add_func ("/nn/graph/state", test_state);
  g_test_add_func ("/nn/graph/cache", test_cache);
  g_test_add_func ("/nn/graph/guard", test_guard);
  g_test_add_func ("/nn/graph/guard-other-uses", test_guard_other_uses);
  g_test_add_func ("/nn/graph/evict", test_evict);
  g_test_add_func ("/nn/graph/shared", test_shared);
  g_test_add_func ("/nn/graph/stored-types", test_stored_types);
  g_test_add_func ("/nn/graph/mistakes", test_mistakes);
  g_test_add_func ("/nn/graph/memory-refusal", test_memory_refusal);
  g_test_add_func ("/nn/graph/injected", test_injected);
  g_test_add_func ("/nn/graph/cancel", test_cancel);
}
