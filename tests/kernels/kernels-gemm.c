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

static PentSpan
nn_part (PentSpan span, guint64 offset)
{
  return (PentSpan) { span.buffer, span.offset + offset, span.size - offset };
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
      /* two epilogues, since each is a pipeline of its own */
      c.bias = c.gate = g_rand_boolean (bed->rand);
      c.act = c.bias ? NN_ACT_SILU : NN_ACT_NONE;
      c.residual = c.bias && c.y == PENT_DTYPE_F32;
      c.in_place = c.residual && g_rand_boolean (bed->rand);
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

/* ---- attention ---- */

typedef struct {
  guint     batch, tq, tk, heads, kv_heads, head;
  PentDtype type, kv_type, y_type;
  gboolean  causal, fused;      /* fused: q, k, v are parts of the same rows */
  int       pos;                /* -1: absent */
  float     size;
  NnVariant force;
} AttentionCase;

static double *
attention_truth (const NnAttention *op, int pos, const float *q, const float *k, const float *v)
{
  const gsize h = op->head_size;
  double *want = g_new0 (double, (gsize) op->batch * op->tq * op->heads * h), *p = g_new (double, op->tk);

  for (gsize b = 0; b < op->batch; b++)
    for (gsize i = 0; i < op->tq; i++)
      for (gsize a = 0; a < op->heads; a++)
        {
          const float *qi = q + b * op->batch_q + i * op->ldq + a * h;
          const gsize at = a / (op->heads / op->kv_heads) * h;
          double *out = want + ((b * op->tq + i) * op->heads + a) * h, sum = 0, largest = -INFINITY;
          const int past = pos >= 0 ? pos : (int) op->tk - (int) op->tq;
          int end = pos >= 0 ? MIN ((int) op->tk, pos + (int) op->tq) : (int) op->tk;

          if (op->causal)
            end = MIN (end, (int) i + past + 1);
          for (int j = 0; j < end; j++)
            {
              p[j] = 0;
              for (gsize l = 0; l < h; l++)
                p[j] += (double) qi[l] * k[b * op->batch_k + j * op->ldk + at + l];
              p[j] *= op->scale;
              largest = MAX (largest, p[j]);
            }
          for (int j = 0; j < end; j++)
            sum += p[j] = exp (p[j] - largest);
          for (int j = 0; j < end; j++)
            for (gsize l = 0; l < h; l++)
              out[l] += p[j] / sum * v[b * op->batch_v + j * op->ldv + at + l];
        }
  g_free (p);
  return want;
}

/* As bound_of (), with logits of a few units: an error of a logit is one of its weight, and exp () adds two ulp.  Logits
 * of 10^4 have an ulp of 10^-3, and that is what a weight then is off by. */
static double
attention_bound (const AttentionCase *c)
{
  return c->size > 100 ? 1e-5 : MAX (bound_of (c->y_type, c->force == NN_VARIANT_COOPMAT), 1e-10);
}

static void
test_attention (Bed *bed, const AttentionCase *c)
{
  const gsize nq = (gsize) c->heads * c->head, nkv = (gsize) c->kv_heads * c->head, n_y = c->batch * c->tq * nq;
  const PentVkInfo *info = pent_vk_context_get_info (bed->context);
  NnAttention op = { .type = c->type, .kv_type = c->kv_type, .y_type = c->y_type, .batch = c->batch, .tq = c->tq, .tk = c->tk,
                     .heads = c->heads, .kv_heads = c->kv_heads, .head_size = c->head, .causal = c->causal,
                     .ldq = nq, .ldk = nkv, .ldv = nkv, .ldy = nq, .scale = 1 / sqrtf (c->head), .force = c->force };
  g_autofree char *what = g_strdup_printf ("attention %s batch %u tq %u tk %u heads %u/%u of %u %s,%s,%s causal %d pos %d "
                                           "fused %d size %g", variant_names[c->force], c->batch, c->tq, c->tk, c->heads,
                                           c->kv_heads, c->head, pent_dtype_name (c->type), pent_dtype_name (c->kv_type),
                                           pent_dtype_name (c->y_type), c->causal, c->pos, c->fused, c->size);
  g_autoptr (PentVkCommand) command = pent_vk_command_new (bed->context, what);
  const gint32 pos = c->pos;
  gsize n_q, n_k;

  if (c->fused)
    op.ldq = op.ldk = op.ldv = nq + 2 * nkv;
  op.batch_q = c->tq * op.ldq;
  op.batch_k = c->tk * op.ldk;
  op.batch_v = c->tk * op.ldv;
  op.batch_y = c->tq * op.ldy;
  n_q = c->batch * op.batch_q;
  n_k = c->batch * op.batch_k;

  g_autofree float *q = random_values (bed, n_q, c->size), *k = random_values (bed, n_k, 1), *v = random_values (bed, n_k, 1);
  g_autofree float *y = random_values (bed, n_y, 1);
  float *ks = k, *vs = v;

  op.q = upload (bed, q, n_q, c->type, 0);
  if (c->fused)
    {
      op.k = nn_part (op.q, nq * pent_dtype_size (c->type));
      op.v = nn_part (op.q, (nq + nkv) * pent_dtype_size (c->type));
      ks = q + nq;
      vs = q + nq + nkv;
    }
  else
    {
      op.k = upload (bed, k, n_k, c->kv_type, 0);
      op.v = upload (bed, v, n_k, c->kv_type, 0);
    }
  op.y = upload (bed, y, n_y, c->y_type, 0);
  if (c->pos >= 0)
    {
      op.pos = span_new (bed, 4);
      pent_vk_buffer_write (op.pos.buffer, 0, &pos, 4);
    }

  g_autofree double *want = attention_truth (&op, c->pos, q, ks, vs);
  nn_attention_emit (command, info, &op, span_new (bed, nn_attention_scratch (info, &op)));
  if (run_emitted (bed, command))
    {
      g_autofree float *got = download (op.y, c->y_type, n_y);

      judge (bed, what, got, want, n_y, attention_bound (c));
    }
  forget (bed);
}

static const PentDtype attention_combos[][3] = {
  { PENT_DTYPE_F32, PENT_DTYPE_F32, PENT_DTYPE_F32 }, { PENT_DTYPE_F16, PENT_DTYPE_F16, PENT_DTYPE_F16 },
  { PENT_DTYPE_BF16, PENT_DTYPE_BF16, PENT_DTYPE_BF16 }, { PENT_DTYPE_F32, PENT_DTYPE_F16, PENT_DTYPE_F32 },
  { PENT_DTYPE_F16, PENT_DTYPE_F16, PENT_DTYPE_F32 }, { PENT_DTYPE_BF16, PENT_DTYPE_BF16, PENT_DTYPE_F32 },
  { PENT_DTYPE_F16, PENT_DTYPE_F32, PENT_DTYPE_F16 },
};

static void
test_attentions (Bed *bed, NnVariant force)
{
  const gboolean few = force == NN_VARIANT_DECODE;

  for (guint i = 0; i < 28; i++)
    {
      AttentionCase c = { .size = 1, .pos = -1, .force = force };

      memcpy (&c.type, attention_combos[i % G_N_ELEMENTS (attention_combos)], sizeof attention_combos[0]);
      c.batch = PICK (1, 1, 2);
      c.kv_heads = PICK (1, 2);
      c.heads = c.kv_heads * PICK (1, 2, 3);
      c.head = ((const guint[]) { 16, 40, 64, 80, 6, 128, 34 })[i / 4];
      c.tq = few ? PICK (1, 2, 3, 8) : PICK (1, 7, 16, 17, 63, 64, 65, 130);
      c.tk = PICK (1, 2, 15, 31, 32, 33, 64, 77, 200);
      c.causal = g_rand_boolean (bed->rand);
      c.fused = c.tk == c.tq && c.type == c.kv_type;
      if (g_rand_boolean (bed->rand))
        c.pos = g_rand_int_range (bed->rand, 0, c.tk);
      test_attention (bed, &c);
    }
  /* fused rows; no key for the first queries (tq > tk, causal); logits of about ten thousand; one head of 512 */
  test_attention (bed, &(AttentionCase) { 2, few ? 8 : 70, few ? 8 : 70, 4, 2, 16, .causal = TRUE, .fused = TRUE, .pos = -1, .size = 1,
                                          .force = force });
  test_attention (bed, &(AttentionCase) { 1, few ? 8 : 40, 5, 2, 1, 16, .causal = TRUE, .pos = -1, .size = 1, .force = force });
  test_attention (bed, &(AttentionCase) { 1, few ? 8 : 50, 100, 2, 1, 64, .pos = -1, .size = 2e4, .force = force });
  test_attention (bed, &(AttentionCase) { 1, few ? 4 : 50, 90, 1, 1, 512, .pos = -1, .size = 1, .force = force });
}

/* ---- convolution ---- */

typedef struct {
  guint     batch, h, w, c, n, size, stride, before, after;
  PentDtype x, weight, y;
  NnAct     act;
  gboolean  bias, residual;
  NnVariant force;
} ConvCase;

static double *
conv_truth (const ConvCase *c, guint oh, guint ow, const float *x, const float *w, const float *bias, const float *residual)
{
  double *want = g_new (double, (gsize) c->batch * oh * ow * c->n), *out = want;
  const guint s = c->size;

  for (guint b = 0; b < c->batch; b++)
    for (guint oy = 0; oy < oh; oy++)
      for (guint ox = 0; ox < ow; ox++)
        for (guint j = 0; j < c->n; j++, out++)
          {
            double sum = c->bias ? bias[j] : 0;

            for (guint t = 0; t < s * s; t++)
              {
                const int iy = (int) (oy * c->stride + t / s) - (int) c->before, ix = (int) (ox * c->stride + t % s) - (int) c->before;

                if (iy < 0 || ix < 0 || iy >= (int) c->h || ix >= (int) c->w)
                  continue;
                for (gsize l = 0; l < c->c; l++)
                  sum += (double) x[(((gsize) b * c->h + iy) * c->w + ix) * c->c + l] * w[((gsize) j * c->c + l) * s * s + t];
              }
            *out = double_act (c->act, sum) + (c->residual ? residual[out - want] : 0);
          }
  return want;
}

static void
test_conv (Bed *bed, const ConvCase *c)
{
  const guint oh = (c->h + c->before + c->after - c->size) / c->stride + 1, ow = (c->w + c->before + c->after - c->size) / c->stride + 1;
  const gsize n_x = (gsize) c->batch * c->h * c->w * c->c, n_w = (gsize) c->n * c->c * c->size * c->size;
  const gsize n_y = (gsize) c->batch * oh * ow * c->n;
  const PentVkInfo *info = pent_vk_context_get_info (bed->context);
  g_autofree float *x = random_values (bed, n_x, 1), *w = random_values (bed, n_w, 1), *bias = random_values (bed, c->n, 1);
  g_autofree float *residual = random_values (bed, n_y, 1), *y = random_values (bed, n_y, 1);
  NnConv op = { .x_type = c->x, .w_type = c->weight, .y_type = c->y, .batch = c->batch, .h = c->h, .w_in = c->w, .c = c->c,
                .n = c->n, .size = c->size, .stride = c->stride, .pad_before = c->before, .pad_after = c->after, .act = c->act,
                .force = c->force };
  g_autofree char *what = g_strdup_printf ("conv %s batch %u %ux%ux%u -> %u size %u stride %u pad %u %u %s,%s,%s act %u bias %d "
                                           "residual %d", variant_names[c->force], c->batch, c->h, c->w, c->c, c->n, c->size,
                                           c->stride, c->before, c->after, pent_dtype_name (c->x), pent_dtype_name (c->weight),
                                           pent_dtype_name (c->y), c->act, c->bias, c->residual);
  g_autoptr (PentVkCommand) command = pent_vk_command_new (bed->context, what);
  PentSpan raw;

  op.x = upload (bed, x, n_x, c->x, 0);
  raw = upload (bed, w, n_w, c->weight, 0);
  op.w = span_new (bed, nn_conv_packed_size (info, c->weight, c->n, c->c, c->size));
  if (c->bias)
    op.bias = upload (bed, bias, c->n, PENT_DTYPE_F32, 0);
  if (c->residual)
    op.residual = upload (bed, residual, n_y, PENT_DTYPE_F32, 0);
  op.y = upload (bed, y, n_y, c->y, 0);

  g_autofree double *want = conv_truth (c, oh, ow, x, w, bias, residual);
  nn_conv_pack (command, info, c->weight, c->n, c->c, c->size, raw, op.w);
  nn_conv_emit (command, info, &op, span_new (bed, nn_conv_scratch (info, &op)));
  if (run_emitted (bed, command))
    {
      g_autofree float *got = download (op.y, c->y, n_y);

      judge (bed, what, got, want, n_y, bound_of (c->y, c->force == NN_VARIANT_COOPMAT && (c->x == PENT_DTYPE_F32 || c->weight != PENT_DTYPE_F16)));
    }
  forget (bed);
}

static void
test_convs (Bed *bed, NnVariant force)
{
  for (guint i = 0; i < 33; i++)
    {
      ConvCase c = { .force = force };

      memcpy (&c.x, combos[i % G_N_ELEMENTS (combos)], sizeof combos[0]);
      c.size = PICK (1, 3, 3, 3, 5);
      c.batch = PICK (1, 1, 2);
      c.h = PICK (5, 6, 8, 11, 16, 17);
      c.w = PICK (5, 7, 8, 12, 16, 19);
      c.c = PICK (1, 3, 4, 7, 8, 16, 31, 32, 40);
      c.n = PICK (1, 3, 4, 8, 15, 16, 17, 32, 70);
      c.stride = PICK (1, 1, 2);
      c.before = g_rand_int_range (bed->rand, 0, c.size);
      c.after = g_rand_int_range (bed->rand, 0, c.size);
      c.act = PICK (NN_ACT_NONE, NN_ACT_SILU);
      c.bias = g_rand_boolean (bed->rand);
      c.residual = c.y == PENT_DTYPE_F32 && g_rand_boolean (bed->rand);
      test_conv (bed, &c);
    }
}

void
kernels_gemm_test (PentVkContext *context, guint32 seed, guint *passed, guint *failed)
{
  Bed bed = { context, g_rand_new_with_seed (seed), g_ptr_array_new_with_free_func ((GDestroyNotify) pent_vk_buffer_unref) };
  const gboolean lanes = (pent_vk_context_get_info (context)->features & PENT_VK_LANES) != 0;

  test_attentions (&bed, NN_VARIANT_TILE);
  test_convs (&bed, NN_VARIANT_TILE);
  test_linears (&bed, NN_VARIANT_TILE);
  test_linears (&bed, NN_VARIANT_GEMV);
  if (lanes)
    {
      test_linears (&bed, NN_VARIANT_LANES);
      test_linears (&bed, NN_VARIANT_GEMV_LANES);
    }

  *passed += bed.passed;
  *failed += bed.failed;
  g_rand_free (bed.rand);
  g_ptr_array_unref (bed.buffers);
}
