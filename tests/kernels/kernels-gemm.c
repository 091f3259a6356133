/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "kernels-gemm.h"
#include "nn-emit.h"

/* Linear, attention and convolution as nn emits them, against plain C in double. */

typedef struct {
  PentVkContext *context;
  GRand         *rand;
  GPtrArray     *buffers;
  guint          passed, failed;
} Bed;

static const char *const variant_names[] = { "auto", "tile", "coopmat", "gemv", "decode", "lanes", "gemv-lanes", "plain" };

static PentSpan
span_new (Bed *bed, guint64 size)
{
  PentVkBuffer *buffer = pent_vk_buffer_new (bed->context, PENT_VK_MEMORY_DEVICE, MAX (size, 4), "test");

  g_ptr_array_add (bed->buffers, buffer);
  return (PentSpan) { buffer, 0, size };
}

/* Rounds values to a type, in place, and puts them into a new buffer `lead` elements from its beginning. */
static PentSpan
upload (Bed *bed, float *values, gsize n, PentDtype type, guint lead)
{
  const gsize size = pent_dtype_size (type);
  PentSpan span = span_new (bed, (n + lead) * size);
  g_autofree guint8 *bytes = g_malloc0 ((n + lead) * size);

  pent_dtype_from_f32 (bytes + lead * size, values, type, n);
  pent_dtype_to_f32 (values, bytes + lead * size, type, n);
  pent_vk_buffer_write (span.buffer, 0, bytes, (n + lead) * size);
  return (PentSpan) { span.buffer, lead * size, n * size };
}

static float *
download (PentSpan span, PentDtype type, gsize n)
{
  g_autofree guint8 *bytes = g_malloc (n * pent_dtype_size (type));
  float *values = g_new (float, n);

  pent_vk_buffer_read (span.buffer, span.offset, bytes, n * pent_dtype_size (type));
  pent_dtype_to_f32 (values, bytes, type, n);
  return values;
}

static float *
random_values (Bed *bed, gsize n, float size)
{
  float *values = g_new (float, MAX (n, 1));

  for (gsize i = 0; i < n; i++)
    values[i] = size * (float) g_rand_double_range (bed->rand, -1, 1);
  return values;
}

static double
double_act (NnAct act, double v)
{
  switch (act)
    {
    case NN_ACT_SILU:
      return v / (1 + exp (-v));
    case NN_ACT_GELU_ERF:
      return v * 0.5 * erfc (-v * M_SQRT1_2);
    case NN_ACT_GELU_TANH:
      return 0.5 * v * (1 + tanh (sqrt (2 / M_PI) * (v + 0.044715 * v * v * v)));
    case NN_ACT_GELU_QUICK:
      return v / (1 + exp (-1.702 * v));
    case NN_ACT_TANH:
      return tanh (v);
    case NN_ACT_SIGMOID:
      return 1 / (1 + exp (-v));
    case NN_ACT_RELU:
      return MAX (v, 0);
    default:
      return v;
    }
}

/* Squared error over squared size of what should be there.  An f32 sum of k products in any order has a relative error
 * near sqrt (k) 2^-24 each (k up to 10^4: squared 4e-11, and activations add a few ulp); rounding the result to f16
 * adds (2^-12)^2 / 3 at most and to bf16 (2^-9)^2 / 3 on average over a binade, doubled for safety.  Narrowing an
 * operand to f16 on the way (matrix units) adds what f16 results add. */
static double
bound_of (PentDtype y_type, gboolean narrowed)
{
  return y_type == PENT_DTYPE_BF16 ? 5e-6 : y_type == PENT_DTYPE_F16 || narrowed ? 2e-7 : 1e-10;
}

static gboolean
judge (Bed *bed, const char *what, const float *got, const double *want, gsize n, double bound)
{
  double error = 0, size = 0;
  gsize odd = G_MAXSIZE;

  for (gsize i = 0; i < n; i++)
    {
      const double d = got[i] - want[i];

      if (!isfinite (got[i]) && got[i] != want[i] && odd == G_MAXSIZE)
        odd = i;
      if (isfinite (want[i]) && isfinite (got[i]))
        {
          error += d * d;
          size += want[i] * want[i];
        }
    }

  if (odd == G_MAXSIZE && error <= bound * size)
    {
      bed->passed++;
      return TRUE;
    }
  if (odd != G_MAXSIZE)
    printf ("FAIL %s: element %" G_GSIZE_FORMAT " is %g instead of %g\n", what, odd, got[odd], want[odd]);
  else
    printf ("FAIL %s: NMSE %.3g > %.3g\n", what, size > 0 ? error / size : INFINITY, bound);
  bed->failed++;
  return FALSE;
}

static gboolean
run_emitted (Bed *bed, PentVkCommand *command)
{
  g_autoptr (GError) error = NULL;

  pent_vk_command_end (command);
  if (pent_vk_command_run (command, NULL, &error))
    return TRUE;
  printf ("FAIL: %s\n", error->message);
  bed->failed++;
  return FALSE;
}

static void
forget (Bed *bed)
{
  g_ptr_array_set_size (bed->buffers, 0);
}

/* ---- linear ---- */

typedef struct {
  guint     m, n, k, pad_x, pad_y, lead;
  PentDtype x, w, y;
  NnAct     act;
  gboolean  bias, gate, residual, in_place;
  float     alpha, size;
  NnVariant force;
} LinearCase;

static double *
linear_truth (const LinearCase *c, const float *x, const float *w, const float *bias, const float *gate, const float *residual)
{
  double *want = g_new (double, (gsize) c->m * c->n);

  for (gsize i = 0; i < c->m; i++)
    for (gsize j = 0; j < c->n; j++)
      {
        double sum = 0;

        for (gsize l = 0; l < c->k; l++)
          sum += (double) x[i * (c->k + c->pad_x) + l] * w[j * c->k + l];
        sum = double_act (c->act, c->alpha * sum + (c->bias ? bias[j] : 0));
        want[i * c->n + j] = (c->residual ? residual[i * c->n + j] : 0) + (c->gate ? gate[j] : 1) * sum;
      }
  return want;
}

static void
test_linear (Bed *bed, const LinearCase *c)
{
  const guint ldx = c->k + c->pad_x, ldy = c->n + c->pad_y;
  const gsize n_x = (gsize) (c->m - 1) * ldx + c->k, n_y = (gsize) (c->m - 1) * ldy + c->n;
  const PentVkInfo *info = pent_vk_context_get_info (bed->context);
  g_autofree float *x = random_values (bed, n_x, c->size), *w = random_values (bed, (gsize) c->n * c->k, 1);
  g_autofree float *bias = random_values (bed, c->n, 1), *gate = random_values (bed, c->n, 1);
  g_autofree float *residual = random_values (bed, (gsize) c->m * c->n, 1), *y = random_values (bed, n_y, 1);
  NnLinear op = { .x_type = c->x, .w_type = c->w, .y_type = c->y, .m = c->m, .n = c->n, .k = c->k, .ldx = ldx, .ldy = ldy,
                  .alpha = c->alpha, .act = c->act, .force = c->force };
  g_autofree char *what = g_strdup_printf ("linear %s m %u n %u k %u ldx +%u ldy +%u lead %u %s,%s,%s act %u alpha %g "
                                           "bias %d gate %d residual %d in place %d", variant_names[c->force], c->m, c->n,
                                           c->k, c->pad_x, c->pad_y, c->lead, pent_dtype_name (c->x),
                                           pent_dtype_name (c->w), pent_dtype_name (c->y), c->act, c->alpha, c->bias,
                                           c->gate, c->residual, c->in_place);
  g_autoptr (PentVkCommand) command = pent_vk_command_new (bed->context, what);

  op.x = upload (bed, x, n_x, c->x, c->lead);
  op.w = upload (bed, w, (gsize) c->n * c->k, c->w, c->lead);
  if (c->bias)
    op.bias = upload (bed, bias, c->n, PENT_DTYPE_F32, c->lead);
  if (c->gate)
    op.gate = upload (bed, gate, c->n, PENT_DTYPE_F32, 0);
  if (c->residual)
    op.residual = upload (bed, residual, (gsize) c->m * c->n, PENT_DTYPE_F32, 0);
  op.y = c->in_place ? op.residual : upload (bed, y, n_y, c->y, c->lead);

  g_autofree double *want = linear_truth (c, x, w, bias, gate, residual);
  nn_linear_emit (command, info, &op, span_new (bed, nn_linear_scratch (info, &op)));
  if (run_emitted (bed, command))
    {
      g_autofree float *got = download (op.y, c->y, n_y), *rows = g_new (float, (gsize) c->m * c->n);
      gboolean kept = TRUE;

      for (gsize i = 0; i < c->m; i++)
        {
          memcpy (rows + i * c->n, got + i * ldy, c->n * sizeof (float));
          for (gsize j = c->n; j < ldy && i + 1 < c->m; j++)
            kept &= c->in_place || got[i * ldy + j] == y[i * ldy + j];
        }
      judge (bed, what, rows, want, (gsize) c->m * c->n,
             bound_of (c->y, c->force == NN_VARIANT_COOPMAT && (c->x == PENT_DTYPE_F32 || c->w != PENT_DTYPE_F16)));
      if (!kept)
        {
          printf ("FAIL %s: wrote between the rows\n", what);
          bed->failed++;
        }
    }
  forget (bed);
}

static const PentDtype combos[][3] = {
  { PENT_DTYPE_F32, PENT_DTYPE_F32, PENT_DTYPE_F32 },    { PENT_DTYPE_F32, PENT_DTYPE_F16, PENT_DTYPE_F32 },
  { PENT_DTYPE_F32, PENT_DTYPE_BF16, PENT_DTYPE_F32 },   { PENT_DTYPE_F16, PENT_DTYPE_F16, PENT_DTYPE_F16 },
  { PENT_DTYPE_F16, PENT_DTYPE_BF16, PENT_DTYPE_F16 },   { PENT_DTYPE_F16, PENT_DTYPE_F32, PENT_DTYPE_F16 },
  { PENT_DTYPE_F16, PENT_DTYPE_F16, PENT_DTYPE_F32 },    { PENT_DTYPE_F16, PENT_DTYPE_BF16, PENT_DTYPE_F32 },
  { PENT_DTYPE_F16, PENT_DTYPE_F32, PENT_DTYPE_F32 },    { PENT_DTYPE_BF16, PENT_DTYPE_BF16, PENT_DTYPE_BF16 },
  { PENT_DTYPE_BF16, PENT_DTYPE_BF16, PENT_DTYPE_F32 },
};

static guint
pick (Bed *bed, const guint *from, guint n)
{
  return from[g_rand_int_range (bed->rand, 0, n)];
}
#define PICK(...) pick (bed, (const guint[]) { __VA_ARGS__ }, G_N_ELEMENTS (((const guint[]) { __VA_ARGS__ })))

static void
test_linears (Bed *bed, NnVariant force)
{
  const gboolean few = force == NN_VARIANT_GEMV || force == NN_VARIANT_GEMV_LANES;

  for (guint i = 0; i < 44; i++)
    {
      LinearCase c = { .alpha = 1, .size = 1, .force = force };

      memcpy (&c.x, combos[i % G_N_ELEMENTS (combos)], sizeof combos[0]);
      c.m = few ? PICK (1, 2, 3, 4, 5, 6, 7, 8) : PICK (1, 2, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 129);
      c.n = PICK (1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 63, 64, 65, 97, 127, 128, 129, 200);
      c.k = PICK (1, 2, 3, 4, 7, 8, 9, 16, 31, 63, 64, 65, 85, 128, 129, 320, 1031);
      c.pad_x = PICK (0, 0, 1, 4, 8);
      c.pad_y = PICK (0, 0, 1, 4, 8);
      c.lead = PICK (0, 0, 1, 2, 4);
      c.act = g_rand_int_range (bed->rand, 0, NN_ACT_RELU + 1);
      c.bias = g_rand_boolean (bed->rand);
      c.gate = g_rand_boolean (bed->rand);
      if (c.y == PENT_DTYPE_F32)
        {
          c.residual = g_rand_boolean (bed->rand);
          c.in_place = c.residual && g_rand_boolean (bed->rand);
        }
      if (c.in_place)
        c.pad_y = 0;
      c.alpha = i % 3 == 0 ? 0.125f : 1;
      test_linear (bed, &c);
    }
  /* a large k; values at the edge of f16; every activation */
  test_linear (bed, &(LinearCase) { .m = few ? 3 : 40, .n = 33, .k = 10007, .alpha = 1, .size = 1, .force = force });
  test_linear (bed, &(LinearCase) { .m = few ? 8 : 24, .n = 48, .k = 64, .alpha = 1 / 1024.f, .size = 60000, .force = force,
                                    .x = PENT_DTYPE_F16, .w = PENT_DTYPE_F16, .y = PENT_DTYPE_F16 });
  for (NnAct act = NN_ACT_NONE; act <= NN_ACT_RELU; act++)
    test_linear (bed, &(LinearCase) { .m = few ? 4 : 20, .n = 20, .k = 16, .alpha = 1, .size = 4, .act = act, .bias = TRUE,
                                      .residual = TRUE, .gate = TRUE, .force = force });
}

void
kernels_gemm_test (PentVkContext *context, guint32 seed, guint *passed, guint *failed)
{
  Bed bed = { context, g_rand_new_with_seed (seed), g_ptr_array_new_with_free_func ((GDestroyNotify) pent_vk_buffer_unref) };
  const PentVkFeatures features = pent_vk_context_get_info (context)->features;

  test_linears (&bed, NN_VARIANT_TILE);
  test_linears (&bed, NN_VARIANT_GEMV);
  if (features & PENT_VK_LANES)
    {
      test_linears (&bed, NN_VARIANT_LANES);
      test_linears (&bed, NN_VARIANT_GEMV_LANES);
    }

  *passed += bed.passed;
  *failed += bed.failed;
  g_rand_free (bed.rand);
  g_ptr_array_unref (bed.buffers);
}
