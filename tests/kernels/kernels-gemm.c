/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "kernels.h"
#include "nn-emit.h"

/* Linear, attention and convolution as nn emits them, each of its kernels forced in turn, against plain C in double. */

static const char *const variant_names[] = { "auto", "tile", "coopmat", "gemv", "decode", "lanes", "gemv-lanes", "plain" };

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
 * near sqrt (k) 2^-24 each (k up to 10^4: squared 4e-11, and activations add a few ulp); rounding the result is at most
 * half an ulp, 2^-11 of f16 and 2^-8 of bf16, where a value just above a power of two can be all that counts: 2.4e-7 and
 * 1.6e-5.  Narrowing an operand to f16 on the way (matrix units) adds what f16 results add. */
static double
bound_of (PentDtype y_type, gboolean narrowed)
{
  return y_type == PENT_DTYPE_BF16 ? 1.6e-5 : y_type == PENT_DTYPE_F16 || narrowed ? 2.4e-7 : 1e-10;
}

/* Matrix units take f16 operands. */
static gboolean
narrows (NnVariant force, PentDtype x, PentDtype w)
{
  return force == NN_VARIANT_COOPMAT && (x != PENT_DTYPE_F16 || w != PENT_DTYPE_F16);
}

static void
judge (KtRun *run, const float *got, const double *want, gsize n, double bound)
{
  double error = 0, size = 0;
  gsize worst = 0;

  for (gsize i = 0; i < n; i++)
    {
      if (fabs (got[i] - want[i]) > fabs (got[worst] - want[worst]))
        worst = i;
      if (!isfinite (got[i]))
        g_error ("%s [PENT_TEST_SEED=%u]: element %" G_GSIZE_FORMAT " is %g, not %g", run->label, run->seed, i, got[i], want[i]);
      error += (got[i] - want[i]) * (got[i] - want[i]);
      size += want[i] * want[i];
    }
  if (!(error <= bound * size))
    g_error ("%s [PENT_TEST_SEED=%u]: NMSE %.3g > %.3g; worst is element %" G_GSIZE_FORMAT ": %g, not %g", run->label, run->seed,
             error / size, bound, worst, got[worst], want[worst]);
}

/* Values of deviation 1 times `size`. */
static KtTensor *
values (KtRun *run, PentDtype type, gsize n, float size)
{
  KtTensor *t = kt_input (run, type, n, KT_NORMAL);

  for (gsize i = 0; i < n; i++)
    t->v[i] *= size;
  kt_upload (run, t);
  return t;
}

static PentSpan
scratch (KtRun *run, guint64 size)
{
  return size > 0 ? kt_output (run, PENT_DTYPE_F32, size / 4)->span : (PentSpan) { 0 };
}

static guint
pick (KtRun *run, const guint *from, guint n)
{
  return from[kt_uint (run, 0, n - 1)];
}
#define PICK(...) pick (run, (const guint[]) { __VA_ARGS__ }, G_N_ELEMENTS (((const guint[]) { __VA_ARGS__ })))

/* The device as it is, but with so many cores that the smallest tile is chosen (its pipelines are built soonest on a
 * CPU); every fourth case has few enough for the others. */
static PentVkInfo
device (KtRun *run)
{
  PentVkInfo info = *run->info;

  info.cores = run->n_cases % 8 == 0 ? 1 : run->n_cases % 8 == 4 ? 3 : 1000;
  return info;
}

/* ---- linear ---- */

typedef struct {
  guint     m, n, k, pad_x, pad_y;
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
test_linear (KtRun *run, const LinearCase *c)
{
  const guint ldx = c->k + c->pad_x, ldy = c->n + c->pad_y;
  const gsize n_y = (gsize) (c->m - 1) * ldy + c->n, n_xy = (gsize) c->m * c->n;

  kt_case (run, "linear %s m %u n %u k %u ldx +%u ldy +%u %s,%s,%s act %u alpha %g bias %d gate %d residual %d in place %d",
           variant_names[c->force], c->m, c->n, c->k, c->pad_x, c->pad_y, pent_dtype_name (c->x), pent_dtype_name (c->w),
           pent_dtype_name (c->y), c->act, c->alpha, c->bias, c->gate, c->residual, c->in_place);
  KtTensor *x = values (run, c->x, (gsize) (c->m - 1) * ldx + c->k, c->size), *w = values (run, c->w, (gsize) c->n * c->k, 1);
  KtTensor *bias = c->bias ? values (run, PENT_DTYPE_F32, c->n, 1) : NULL, *gate = c->gate ? values (run, PENT_DTYPE_F32, c->n, 1) : NULL;
  KtTensor *residual = c->residual ? kt_inout (run, PENT_DTYPE_F32, n_xy, KT_NORMAL) : NULL;
  KtTensor *y = c->in_place ? residual : kt_output (run, c->y, n_y);
  const NnLinear op = { .x = x->span, .w = w->span, .y = y->span, .bias = KT_SPAN (bias), .residual = KT_SPAN (residual),
                        .gate = KT_SPAN (gate), .x_type = c->x, .w_type = c->w, .y_type = c->y, .m = c->m, .n = c->n, .k = c->k,
                        .ldx = ldx, .ldy = ldy, .alpha = c->alpha, .act = c->act, .force = c->force };
  const PentVkInfo info = device (run);
  g_autofree double *want = linear_truth (c, x->v, w->v, bias ? bias->v : NULL, gate ? gate->v : NULL, residual ? residual->v : NULL);
  nn_linear_emit (run->command, &info, &op, scratch (run, nn_linear_scratch (&info, &op)));
  kt_submit (run);

  g_autofree float *rows = g_new (float, n_xy);
  float untouched;
  pent_dtype_to_f32 (&untouched, (guint8[]) { 0x5a, 0x5a, 0x5a, 0x5a }, c->y, 1);
  for (gsize i = 0; i < c->m; i++)
    {
      memcpy (rows + i * c->n, y->v + i * ldy, c->n * sizeof (float));
      for (gsize j = c->n; j < ldy && i + 1 < c->m; j++)
        if (y->v[i * ldy + j] != untouched)
          g_error ("%s [PENT_TEST_SEED=%u]: wrote between rows %" G_GSIZE_FORMAT " and the next", run->label, run->seed, i);
    }
  judge (run, rows, want, n_xy, bound_of (c->y, narrows (c->force, c->x, c->w)));
}

static const PentDtype combos[][3] = {
  { PENT_DTYPE_F32, PENT_DTYPE_F32, PENT_DTYPE_F32 },    { PENT_DTYPE_F32, PENT_DTYPE_F16, PENT_DTYPE_F32 },
  { PENT_DTYPE_F32, PENT_DTYPE_BF16, PENT_DTYPE_F32 },   { PENT_DTYPE_F16, PENT_DTYPE_F16, PENT_DTYPE_F16 },
  { PENT_DTYPE_F16, PENT_DTYPE_BF16, PENT_DTYPE_F16 },   { PENT_DTYPE_F16, PENT_DTYPE_F32, PENT_DTYPE_F16 },
  { PENT_DTYPE_F16, PENT_DTYPE_F16, PENT_DTYPE_F32 },    { PENT_DTYPE_F16, PENT_DTYPE_BF16, PENT_DTYPE_F32 },
  { PENT_DTYPE_F16, PENT_DTYPE_F32, PENT_DTYPE_F32 },    { PENT_DTYPE_BF16, PENT_DTYPE_BF16, PENT_DTYPE_BF16 },
  { PENT_DTYPE_BF16, PENT_DTYPE_BF16, PENT_DTYPE_F32 },
};

static void
test_linears (KtRun *run, NnVariant force)
{
  const gboolean few = force == NN_VARIANT_GEMV || force == NN_VARIANT_GEMV_LANES;

  for (guint i = 0; i < 2 * G_N_ELEMENTS (combos); i++)
    {
      LinearCase c = { .alpha = 1, .size = 1, .force = force };

      memcpy (&c.x, combos[i % G_N_ELEMENTS (combos)], sizeof combos[0]);
      if (force == NN_VARIANT_COOPMAT && (c.x != PENT_DTYPE_F16 || i >= G_N_ELEMENTS (combos)))
        continue;
      c.m = few ? PICK (1, 2, 3, 4, 5, 6, 7, 8) : PICK (1, 2, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 129);
      c.n = PICK (1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 63, 64, 65, 97, 127, 128, 129, 200);
      c.k = PICK (1, 2, 3, 4, 7, 8, 9, 16, 31, 63, 64, 65, 85, 128, 129, 320, 1031);
      c.pad_x = PICK (0, 0, 1, 4, 8);
      c.pad_y = PICK (0, 0, 1, 4, 8);
      /* two epilogues, since each is a pipeline of its own */
      c.bias = c.gate = kt_coin (run);
      c.act = c.bias ? NN_ACT_SILU : NN_ACT_NONE;
      c.residual = c.bias && c.y == PENT_DTYPE_F32;
      c.in_place = c.residual && kt_coin (run);
      if (c.in_place)
        c.pad_y = 0;
      c.alpha = i % 3 == 0 ? 0.125f : 1;
      test_linear (run, &c);
    }
  if (force == NN_VARIANT_COOPMAT)
    return;
  /* a large k; values at the edge of f16; every activation */
  test_linear (run, &(LinearCase) { .m = few ? 3 : 40, .n = 33, .k = 10007, .alpha = 1, .size = 1, .force = force });
  test_linear (run, &(LinearCase) { .m = few ? 8 : 24, .n = 48, .k = 64, .alpha = 1 / 1024.f, .size = 9000, .force = force,
                                    .x = PENT_DTYPE_F16, .w = PENT_DTYPE_F16, .y = PENT_DTYPE_F16 });
  for (NnAct act = NN_ACT_NONE; act <= NN_ACT_RELU; act++)
    test_linear (run, &(LinearCase) { .m = few ? 4 : 20, .n = 20, .k = 16, .alpha = 1, .size = 4, .act = act, .bias = TRUE,
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
test_attention (KtRun *run, const AttentionCase *c)
{
  const gsize nq = (gsize) c->heads * c->head, nkv = (gsize) c->kv_heads * c->head, n_y = c->batch * c->tq * nq;
  const gsize ld = nq + 2 * nkv, e = pent_dtype_size (c->type);
  NnAttention op = { .type = c->type, .kv_type = c->kv_type, .y_type = c->y_type, .batch = c->batch, .tq = c->tq, .tk = c->tk,
                     .heads = c->heads, .kv_heads = c->kv_heads, .head_size = c->head, .causal = c->causal,
                     .ldq = c->fused ? ld : nq, .ldk = c->fused ? ld : nkv, .ldv = c->fused ? ld : nkv, .ldy = nq,
                     .scale = 1 / sqrtf (c->head), .force = c->force };
  const float *ks, *vs;

  op.batch_q = c->tq * op.ldq;
  op.batch_k = c->tk * op.ldk;
  op.batch_v = c->tk * op.ldv;
  op.batch_y = c->tq * op.ldy;
  kt_case (run, "attention %s batch %u tq %u tk %u heads %u/%u of %u %s,%s,%s causal %d pos %d fused %d size %g",
           variant_names[c->force], c->batch, c->tq, c->tk, c->heads, c->kv_heads, c->head, pent_dtype_name (c->type),
           pent_dtype_name (c->kv_type), pent_dtype_name (c->y_type), c->causal, c->pos, c->fused, c->size);
  KtTensor *q = values (run, c->type, c->batch * op.batch_q, c->size), *y = kt_output (run, c->y_type, n_y);
  op.q = q->span;
  op.y = y->span;
  if (c->fused)
    {
      ks = q->v + nq;
      vs = q->v + nq + nkv;
      op.k = (PentSpan) { q->span.buffer, q->span.offset + nq * e, q->span.size - nq * e };
      op.v = (PentSpan) { q->span.buffer, q->span.offset + (nq + nkv) * e, q->span.size - (nq + nkv) * e };
    }
  else
    {
      KtTensor *k = values (run, c->kv_type, c->batch * op.batch_k, 1), *v = values (run, c->kv_type, c->batch * op.batch_v, 1);
      ks = k->v;
      vs = v->v;
      op.k = k->span;
      op.v = v->span;
    }
  if (c->pos >= 0)
    op.pos = kt_ids (run, 1, c->pos, c->pos + 1)->span;
  const PentVkInfo info = device (run);
  g_autofree double *want = attention_truth (&op, c->pos, q->v, ks, vs);
  nn_attention_emit (run->command, &info, &op, scratch (run, nn_attention_scratch (&info, &op)));
  kt_submit (run);
  judge (run, y->v, want, n_y, attention_bound (c));
}

static const PentDtype attention_combos[][3] = {
  { PENT_DTYPE_F32, PENT_DTYPE_F32, PENT_DTYPE_F32 }, { PENT_DTYPE_F16, PENT_DTYPE_F16, PENT_DTYPE_F16 },
  { PENT_DTYPE_BF16, PENT_DTYPE_BF16, PENT_DTYPE_BF16 }, { PENT_DTYPE_F32, PENT_DTYPE_F16, PENT_DTYPE_F32 },
  { PENT_DTYPE_F16, PENT_DTYPE_F16, PENT_DTYPE_F32 }, { PENT_DTYPE_BF16, PENT_DTYPE_BF16, PENT_DTYPE_F32 },
  { PENT_DTYPE_F16, PENT_DTYPE_F32, PENT_DTYPE_F16 },
};

static void
test_attentions (KtRun *run, NnVariant force)
{
  const gboolean few = force == NN_VARIANT_DECODE;

  for (guint i = 0; i < 2 * G_N_ELEMENTS (attention_combos); i++)
    {
      AttentionCase c = { .size = 1, .pos = -1, .force = force };

      memcpy (&c.type, attention_combos[i % G_N_ELEMENTS (attention_combos)], sizeof attention_combos[0]);
      c.batch = PICK (1, 1, 2);
      c.kv_heads = PICK (1, 2);
      c.heads = c.kv_heads * PICK (1, 2, 3);
      c.head = ((const guint[]) { 16, 40, 64, 80, 6, 128, 34 })[i / 2];
      c.tq = few ? PICK (1, 2, 3, 8) : PICK (1, 7, 16, 17, 63, 64, 65, 130);
      c.tk = PICK (1, 2, 15, 31, 32, 33, 64, 77, 200);
      c.causal = kt_coin (run);
      c.fused = c.tk == c.tq && c.type == c.kv_type;
      if (kt_coin (run))
        c.pos = kt_uint (run, 0, c.tk - 1);
      test_attention (run, &c);
    }
  /* fused rows; no key for the first queries (tq > tk, causal); logits of about ten thousand; one head of 512 */
  test_attention (run, &(AttentionCase) { 2, few ? 8 : 70, few ? 8 : 70, 4, 2, 16, .causal = TRUE, .fused = TRUE, .pos = -1, .size = 1,
                                          .force = force });
  test_attention (run, &(AttentionCase) { 1, few ? 8 : 40, 5, 2, 1, 16, .causal = TRUE, .pos = -1, .size = 1, .force = force });
  test_attention (run, &(AttentionCase) { 1, few ? 8 : 50, 100, 2, 1, 64, .pos = -1, .size = 2e4, .force = force });
  test_attention (run, &(AttentionCase) { 1, few ? 4 : 50, 90, 1, 1, 512, .pos = -1, .size = 1, .force = force });
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
test_conv (KtRun *run, const ConvCase *c)
{
  const guint oh = (c->h + c->before + c->after - c->size) / c->stride + 1, ow = (c->w + c->before + c->after - c->size) / c->stride + 1;
  const gsize n_y = (gsize) c->batch * oh * ow * c->n;
  PentVkInfo info = device (run);

  if (c->force != NN_VARIANT_LANES)
    info.features &= ~PENT_VK_LANES;      /* which decides how weights are packed */
  kt_case (run, "conv %s batch %u %ux%ux%u -> %u size %u stride %u pad %u %u %s,%s,%s act %u bias %d residual %d",
           variant_names[c->force], c->batch, c->h, c->w, c->c, c->n, c->size, c->stride, c->before, c->after,
           pent_dtype_name (c->x), pent_dtype_name (c->weight), pent_dtype_name (c->y), c->act, c->bias, c->residual);
  KtTensor *x = values (run, c->x, (gsize) c->batch * c->h * c->w * c->c, 1);
  KtTensor *w = values (run, c->weight, (gsize) c->n * c->c * c->size * c->size, 1);
  KtTensor *bias = c->bias ? values (run, PENT_DTYPE_F32, c->n, 1) : NULL;
  KtTensor *residual = c->residual ? values (run, PENT_DTYPE_F32, n_y, 1) : NULL, *y = kt_output (run, c->y, n_y);
  const NnConv op = { .x = x->span, .w = scratch (run, nn_conv_packed_size (&info, c->weight, c->n, c->c, c->size) + 3),
                      .y = y->span, .bias = KT_SPAN (bias), .residual = KT_SPAN (residual), .x_type = c->x, .w_type = c->weight,
                      .y_type = c->y, .batch = c->batch, .h = c->h, .w_in = c->w, .c = c->c, .n = c->n, .size = c->size,
                      .stride = c->stride, .pad_before = c->before, .pad_after = c->after, .act = c->act, .force = c->force };
  g_autofree double *want = conv_truth (c, oh, ow, x->v, w->v, bias ? bias->v : NULL, residual ? residual->v : NULL);
  nn_conv_pack (run->command, &info, c->weight, c->n, c->c, c->size, w->span, op.w);
  nn_conv_emit (run->command, &info, &op, scratch (run, nn_conv_scratch (&info, &op)));
  kt_submit (run);
  judge (run, y->v, want, n_y, bound_of (c->y, narrows (c->force, c->x, c->weight)));
}

static void
test_convs (KtRun *run, NnVariant force)
{
  for (guint i = 0; i < 2 * G_N_ELEMENTS (combos); i++)
    {
      ConvCase c = { .force = force };

      memcpy (&c.x, combos[i % G_N_ELEMENTS (combos)], sizeof combos[0]);
      if (force == NN_VARIANT_COOPMAT && (c.x != PENT_DTYPE_F16 || i >= G_N_ELEMENTS (combos)))
        continue;
      c.size = PICK (1, 3, 3, 3, 5);
      c.batch = PICK (1, 1, 2);
      c.h = PICK (5, 6, 8, 11, 16, 17);
      c.w = PICK (5, 7, 8, 12, 16, 19);
      c.c = PICK (1, 3, 4, 7, 8, 16, 31, 32, 40);
      c.n = PICK (1, 3, 4, 8, 15, 16, 17, 32, 70);
      c.stride = PICK (1, 1, 2);
      c.before = kt_uint (run, 0, c.size - 1);
      c.after = kt_uint (run, 0, c.size - 1);
      c.act = PICK (NN_ACT_NONE, NN_ACT_SILU);
      c.bias = kt_coin (run);
      c.residual = c.y == PENT_DTYPE_F32 && kt_coin (run);
      test_conv (run, &c);
    }
}


/* ---- the bench: what nn chooses, at shapes of the families ---- */

typedef struct { guint m, n, k; PentDtype x, w, y; const char *where; } LinearRow;

static void
bench_linear (KtBench *bench)
{
  static const LinearRow rows[] = {
    { 2048, 2048, 2048, 0, PENT_DTYPE_F32, 0, "square" },
    { 2048, 2048, 2048, 0, PENT_DTYPE_F16, 0, "square" },
    { 4096, 320, 320, 0, PENT_DTYPE_F16, 0, "SD 1.5 proj" },
    { 4096, 2560, 320, 0, PENT_DTYPE_F16, 0, "SD 1.5 ff" },
    { 1024, 10240, 1280, 0, PENT_DTYPE_F16, 0, "SDXL ff" },
    { 512, 3840, 3840, 0, PENT_DTYPE_BF16, 0, "Z-Image qkv" },
    { 256, 3072, 1024, 0, PENT_DTYPE_BF16, 0, "Qwen3-0.6B up, prefill" },
    { 1, 3072, 1024, 0, PENT_DTYPE_BF16, 0, "Qwen3-0.6B up, decode" },
    { 1, 151936, 1024, 0, PENT_DTYPE_BF16, 0, "Qwen3-0.6B head" },
    { 1, 4096, 4096, 0, PENT_DTYPE_F16, 0, "GEMV" },
    { 1, 4096, 4096, 0, PENT_DTYPE_F32, 0, "GEMV" },
    { 4, 4096, 4096, 0, PENT_DTYPE_F16, 0, "GEMV" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const LinearRow *r = &rows[i];

      if (!kt_row (bench, "linear", "%ux%u, k %u %s (%s)", r->m, r->n, r->k, pent_dtype_name (r->w), r->where))
        continue;
      NnLinear op = { .x = kt_span (bench, r->x, (gsize) r->m * r->k), .w = kt_span (bench, r->w, (gsize) r->n * r->k),
                      .y = kt_span (bench, r->y, (gsize) r->m * r->n), .x_type = r->x, .w_type = r->w, .y_type = r->y,
                      .m = r->m, .n = r->n, .k = r->k, .ldx = r->k, .ldy = r->n, .alpha = 1 };
      const guint64 size = nn_linear_scratch (bench->info, &op);
      nn_linear_emit (bench->command, bench->info, &op, size > 0 ? kt_span (bench, PENT_DTYPE_F32, size / 4) : (PentSpan) { 0 });
    }
}

static void
bench_attention (KtBench *bench)
{
  static const struct { guint tq, tk, heads, kv_heads, head; gboolean causal; const char *where; } rows[] = {
    { 4096, 4096, 8, 8, 40, FALSE, "SD 1.5 64^2" }, { 1024, 1024, 8, 8, 80, FALSE, "SD 1.5 32^2" },
    { 4096, 77, 8, 8, 40, FALSE, "SD 1.5 words" }, { 1024, 1024, 20, 20, 64, FALSE, "SDXL" },
    { 1280, 1280, 30, 30, 128, FALSE, "Z-Image 512^2" }, { 256, 256, 16, 8, 128, TRUE, "Qwen3-0.6B prefill" },
    { 1, 512, 16, 8, 128, TRUE, "Qwen3-0.6B decode" }, { 1024, 1024, 1, 1, 512, FALSE, "VAE 256^2" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const guint nq = rows[i].heads * rows[i].head, nkv = rows[i].kv_heads * rows[i].head;

      if (!kt_row (bench, "attention", "%ux%u, heads %u/%u of %u (%s)", rows[i].tq, rows[i].tk, rows[i].heads,
                   rows[i].kv_heads, rows[i].head, rows[i].where))
        continue;
      NnAttention op = { .q = kt_span (bench, PENT_DTYPE_F32, rows[i].tq * nq), .k = kt_span (bench, PENT_DTYPE_F32, rows[i].tk * nkv),
                         .v = kt_span (bench, PENT_DTYPE_F32, rows[i].tk * nkv), .y = kt_span (bench, PENT_DTYPE_F32, rows[i].tq * nq),
                         .batch = 1, .tq = rows[i].tq, .tk = rows[i].tk, .heads = rows[i].heads, .kv_heads = rows[i].kv_heads,
                         .head_size = rows[i].head, .ldq = nq, .ldk = nkv, .ldv = nkv, .ldy = nq, .scale = 0.1f,
                         .causal = rows[i].causal };
      const guint64 size = nn_attention_scratch (bench->info, &op);
      nn_attention_emit (bench->command, bench->info, &op, size > 0 ? kt_span (bench, PENT_DTYPE_F32, size / 4) : (PentSpan) { 0 });
    }
}

static void
bench_conv (KtBench *bench)
{
  static const struct { guint h, c, n, size, stride; PentDtype w; const char *where; } rows[] = {
    { 64, 320, 320, 3, 1, PENT_DTYPE_F16, "SD 1.5" }, { 32, 640, 640, 3, 1, PENT_DTYPE_F16, "SD 1.5" },
    { 16, 1280, 1280, 3, 1, PENT_DTYPE_F16, "SD 1.5" }, { 64, 320, 320, 3, 1, PENT_DTYPE_F32, "SD 1.5" },
    { 64, 320, 320, 3, 2, PENT_DTYPE_F16, "SD 1.5 down" }, { 64, 4, 320, 3, 1, PENT_DTYPE_F16, "SD 1.5 in" },
    { 64, 512, 512, 3, 1, PENT_DTYPE_F32, "VAE" }, { 256, 256, 256, 3, 1, PENT_DTYPE_F32, "VAE" },
    { 256, 128, 3, 3, 1, PENT_DTYPE_F32, "VAE out" }, { 64, 640, 320, 1, 1, PENT_DTYPE_F16, "SD 1.5 shortcut" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const guint o = rows[i].h / rows[i].stride, s = rows[i].size;

      if (!kt_row (bench, "conv", "%ux%u, %u -> %u, %ux%u /%u %s (%s)", rows[i].h, rows[i].h, rows[i].c, rows[i].n, s, s,
                   rows[i].stride, pent_dtype_name (rows[i].w), rows[i].where))
        continue;
      NnConv op = { .x = kt_span (bench, PENT_DTYPE_F32, rows[i].h * rows[i].h * rows[i].c),
                    .w = kt_span (bench, PENT_DTYPE_F32, nn_conv_packed_size (bench->info, rows[i].w, rows[i].n, rows[i].c, s) / 4 + 1),
                    .y = kt_span (bench, PENT_DTYPE_F32, o * o * rows[i].n), .w_type = rows[i].w, .batch = 1, .h = rows[i].h,
                    .w_in = rows[i].h, .c = rows[i].c, .n = rows[i].n, .size = s, .stride = rows[i].stride, .pad_before = s / 2,
                    .pad_after = s / 2 };
      nn_conv_emit (bench->command, bench->info, &op, (PentSpan) { 0 });
    }
}

/* ---- the tables ---- */

static void check_linear_tile (KtRun *run) { if (!*run->mask) test_linears (run, NN_VARIANT_TILE); }
static void check_linear_gemv (KtRun *run) { if (!*run->mask) test_linears (run, NN_VARIANT_GEMV); }
static void check_linear_lanes (KtRun *run) { if (run->lanes) test_linears (run, NN_VARIANT_LANES); }
static void check_linear_gemv_lanes (KtRun *run) { if (run->lanes) test_linears (run, NN_VARIANT_GEMV_LANES); }
static void check_attention_tile (KtRun *run) { if (!*run->mask) test_attentions (run, NN_VARIANT_TILE); }
static void check_attention_lanes (KtRun *run) { if (run->lanes) test_attentions (run, NN_VARIANT_LANES); }
static void check_conv_lanes (KtRun *run) { if (run->lanes) test_convs (run, NN_VARIANT_LANES); }
static gboolean has_coopmat (KtRun *run) { return !*run->mask && (run->info->features & PENT_VK_COOPMAT); }
static void check_linear_coopmat (KtRun *run) { if (has_coopmat (run)) test_linears (run, NN_VARIANT_COOPMAT); }
static void check_conv_coopmat (KtRun *run) { if (has_coopmat (run)) test_convs (run, NN_VARIANT_COOPMAT); }
static void check_conv_tile (KtRun *run) { if (!*run->mask) test_convs (run, NN_VARIANT_TILE); }

const KtKernel kt_gemm[] = {
  { "attention-lanes", check_attention_lanes, bench_attention },
  { "attention-tile", check_attention_tile, NULL },
  { "conv-coopmat", check_conv_coopmat, NULL },
  { "conv-lanes", check_conv_lanes, bench_conv },
  { "conv-pack", check_conv_tile, NULL },
  { "conv-tile", check_conv_tile, NULL },
  { "lanes-panels", check_linear_lanes, NULL },
  { "lanes-widen", check_linear_lanes, NULL },
  { "linear-coopmat", check_linear_coopmat, NULL },
  { "linear-gemv", check_linear_gemv, NULL },
  { "linear-gemv-lanes", check_linear_gemv_lanes, NULL },
  { "linear-lanes", check_linear_lanes, bench_linear },
  { "linear-tile", check_linear_tile, NULL },
  { NULL }
};
