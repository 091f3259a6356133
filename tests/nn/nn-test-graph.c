/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the graph does around its operations: fusion, memory, replay, tracing, states, ranges. */
#include "nn-private.h"
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

  for (guint i = 0; i < 16; i++)
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

/* The largest piece of memory that a compiled graph holds in its arena. */
static guint64
largest_block (PentNnGraph *g)
{
  guint64 largest = 256;

  for (guint i = 0; i < g->schedule->len; i++)
    {
      PentNnTensor *t = g->schedule->pdata[i];

      if (t->op != NN_OP_READ)
        largest = MAX (largest, MAX (t->root->size, t->scratch_size));
    }
  return (largest + 255) / 256 * 256;
}

/* An arena that no single allocation can hold. */
static void
test_chunks (void)
{
  g_autoptr (PentVkContext) context = nn_test_context ();
  g_autoptr (PentNnWeights) weights = nn_random_weights (PENT_DTYPE_F32);
  guint several = 0;

  for (guint i = 0; i < 6; i++)
    {
      guint32 seed = g_test_rand_int ();
      g_autoptr (Ref) whole = ref_new (context, weights, PENT_NN_PRECISION_F32, seed);
      g_autoptr (Ref) cut = ref_new (context, weights, PENT_NN_PRECISION_F32, seed);
      g_autoptr (GArray) one = NULL;
      g_autoptr (GArray) other = NULL;

      nn_random_graph (whole, 25);
      ref_check (whole, NULL, 0.05);
      one = ref_results (whole);
      nn_random_graph (cut, 25);
      cut->g->chunk_size = largest_block (whole->g);
      ref_check (cut, NULL, 0.05);
      other = ref_results (cut);
      several += cut->g->arena->len > 1;
      assert_same (one, other);
    }
  g_assert_cmpuint (several, >, 0);
  nn_test_context_check (context);
}

/* Where a value seen in another shape needs no copy, every element is where it was. */
static void
test_reshape_strides (void)
{
  guint without = 0;

  for (guint round = 0; round < 2000; round++)
    {
      guint from[4], to[4] = { 1, 1, 1, 1 }, axes[4] = { 0, 1, 2, 3 }, total = 1;
      guint64 strides[4], result[4], stride = 1;

      for (guint i = 0; i < 4; i++)
        total *= from[i] = g_test_rand_int_range (1, 5);
      for (guint i = 0; i < 3; i++)
        {
          guint k = g_test_rand_int_range (i, 4), swap = axes[i];

          axes[i] = axes[k];
          axes[k] = swap;
        }
      for (guint i = 4; i-- > 0; stride *= from[axes[i]])
        strides[axes[i]] = stride * (round % 3 == 0 ? 2 : 1);
      for (guint rest = total, i = 0; rest > 1; i = (i + 1) % 4)
        for (guint p = 2; p <= rest; p++)
          if (rest % p == 0)
            {
              to[g_test_rand_int_range (0, 4)] *= p;
              rest /= p;
              break;
            }
      if (!nn_reshape_strides (from, strides, 4, to, 4, result))
        continue;
      without++;
      for (guint n = 0; n < total; n++)
        {
          guint left = n, right = n;
          guint64 a = 0, b = 0;

          for (guint i = 4; i-- > 0; left /= from[i], right /= to[i])
            {
              a += left % from[i] * strides[i];
              b += right % to[i] * result[i];
            }
          g_assert_cmpuint (a, ==, b);
        }
    }
  g_assert_cmpuint (without, >, 200);
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

  for (guint i = 0; i < 6; i++)
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

      ref_output (r, y);
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
  RefValue *z = ref_glu (r, x, y, PENT_NN_SIGMOID);

  ref_output (r, ref_linear (r, y, "linear", 16));
  ref_output (r, ref_norm (r, y, "layer", TRUE));
  ref_output (r, ref_act (r, z, PENT_NN_TANH));
  ref_output (r, ref_linear (r, z, "linear", 16));
  ref_output (r, ref_linear (r, ref_reshape (r, ref_glu (r, x, y, PENT_NN_RELU), NN_SHAPE (24, 16)), "linear", 4));
  ref_check (r, NULL, 1e-2);
  nn_test_context_check (context);
}

void
nn_test_graph (void)
{
  g_test_add_func ("/nn/graph/arena", test_arena);
  g_test_add_func ("/nn/graph/chunks", test_chunks);
  g_test_add_func ("/nn/graph/reshape-strides", test_reshape_strides);
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
}
