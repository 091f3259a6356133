/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weights on the device, and everything that goes wrong: mistakes in models, memory, a lost device, cancelling. */
#include "nn-random.h"

#include <string.h>
#include "pent-error.h"

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
  g_assert_cmpmem (before->data, before->len * sizeof (float), after->data, after->len * sizeof (float));
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
nn_test_device (void)
{
  g_test_add_func ("/nn/device/evict", test_evict);
  g_test_add_func ("/nn/device/shared", test_shared);
  g_test_add_func ("/nn/device/stored-types", test_stored_types);
  g_test_add_func ("/nn/device/mistakes", test_mistakes);
  g_test_add_func ("/nn/device/memory-refusal", test_memory_refusal);
  g_test_add_func ("/nn/device/injected", test_injected);
  g_test_add_func ("/nn/device/cancel", test_cancel);
}
