/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kernels.h"

/* Along rows.  Bounds: a sum of n terms in f32, taken in 8 or 128 parts of four, is off by less than n / 32 * 2^-24 of
 * the sum of their magnitudes, and in practice by its square root; results that cancel are held against the terms. */
#define SUM_BOUND 4e-6

static const PentDtype pairs[][2] = { PENT_KERNEL_NORM_TYPES };

static guint
row_count (KtRun *run, guint width)
{
  return width < 100 ? kt_uint (run, 1, 70) : kt_uint (run, 1, 5);
}

static void
check_norm (KtRun *run)
{
  for (guint t = 0; t < G_N_ELEMENTS (pairs); t++)
    kt_cases (i, t, 14)
      {
        static const KtFill fills[] = { KT_NORMAL, KT_OFFSET, KT_TINY, KT_ZERO, KT_LARGE };
        const guint width = i == 0 ? 1 : i == 1 ? 19999 : i == 2 ? 3840 : i == 3 ? 128 : kt_width (run, 5000);
        const guint each = row_count (run, width), rows = each * kt_uint (run, 1, 2);
        const guint every = kt_coin (run) ? rows : each;
        const guint parts = i % 4 == 0 ? 0 : kt_uint (run, 0, 63), ldm = width + (kt_coin (run) ? 0 : width);
        const gboolean layer = i & 1;
        const KtFill fill = fills[kt_uint (run, 0, 4)];
        const double eps = 1e-5;
        KtTensor *part[6] = { NULL };   /* w, b, scale, shift, gate, residual */

        if (!kt_has (run, &pent_kernel_norm_info, pairs[t]))
          continue;
        kt_case (run, "norm types %u layer %d [%u, %u] every %u ldm %u parts %u fill %u", t, layer, rows, width, every,
                 ldm, parts, fill);
        KtTensor *x = kt_input (run, pairs[t][0], (gsize) rows * width, fill);
        KtTensor *y = kt_output (run, pairs[t][1], (gsize) rows * width);
        for (guint k = 0; k < 6; k++)
          if (parts >> k & 1)
            part[k] = kt_input (run, PENT_DTYPE_F32, k < 2 ? width : k < 5 ? (gsize) rows / every * ldm : y->n,
                                KT_NORMAL);

        g_autofree double *want = g_new (double, y->n);
        for (guint r = 0; r < rows; r++)
          {
            const float *row = x->v + (gsize) r * width;
            double mean = 0, square = 0;
            for (guint k = 0; layer && k < width; k++)
              mean += row[k];
            mean /= width;
            for (guint k = 0; k < width; k++)
              square += (row[k] - mean) * (row[k] - mean);
            for (guint k = 0; k < width; k++)
              {
                const gsize mod = r / every * ldm + k;
                double v = (row[k] - mean) / sqrt (square / width + eps);
                v = v * (part[0] ? part[0]->v[k] : 1) + (part[1] ? part[1]->v[k] : 0);
                v = v * (part[2] ? 1 + part[2]->v[mod] : 1) + (part[3] ? part[3]->v[mod] : 0);
                want[(gsize) r * width + k] = v * (part[4] ? part[4]->v[mod] : 1)
                                              + (part[5] ? part[5]->v[(gsize) r * width + k] : 0);
              }
          }
        pent_kernel_norm (run->command, &(PentKernelNorm) { .x = x->span, .w = KT_SPAN (part[0]),
          .b = KT_SPAN (part[1]), .scale = KT_SPAN (part[2]), .shift = KT_SPAN (part[3]), .gate = KT_SPAN (part[4]),
          .residual = KT_SPAN (part[5]), .y = y->span, .rows = rows, .width = width, .every = every, .ldm = ldm,
          .eps = eps, .LAYER = layer, .T = pairs[t][0], .U = pairs[t][1], .LANES = run->lanes });
        kt_submit (run);
        kt_check (run, y, want, (KtBound) { .rel = SUM_BOUND, .scale = 20 });
      }
}

static void
bench_norm (KtBench *bench)
{
  static const struct { guint rows, width; gboolean layer, mod; const char *what; } shapes[] = {
    { 1024, 2560, FALSE, FALSE, "rms" }, { 4096, 3840, FALSE, TRUE, "rms, modulated" },
    { 4096, 3840, TRUE, TRUE, "layer, modulated" }, { 131072, 128, FALSE, FALSE, "rms of heads" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    if (kt_row (bench, "norm", "%s f32 [%u, %u]", shapes[i].what, shapes[i].rows, shapes[i].width))
      {
        const gsize n = (gsize) shapes[i].rows * shapes[i].width;
        pent_kernel_norm (bench->command, &(PentKernelNorm) {
          .x = kt_span (bench, PENT_DTYPE_F32, n), .y = kt_span (bench, PENT_DTYPE_F32, n),
          .w = kt_span (bench, PENT_DTYPE_F32, shapes[i].width),
          .scale = shapes[i].mod ? kt_span (bench, PENT_DTYPE_F32, shapes[i].width) : (PentSpan) { 0 },
          .rows = shapes[i].rows, .width = shapes[i].width, .every = shapes[i].rows, .eps = 1e-6,
          .LAYER = shapes[i].layer, .LANES = bench->lanes });
      }
}

static void
check_rope (KtRun *run)
{
  for (guint t = 0; t < G_N_ELEMENTS (pairs); t++)
    kt_cases (i, t, 12)
      {
        static const guint sizes[] = { 2, 64, 128, 40, 6, 256, 80 };
        const guint h = sizes[(i + t) % G_N_ELEMENTS (sizes)], heads = kt_uint (run, 1, 5), seq = kt_uint (run, 1, 9);
        const guint rows = seq * kt_uint (run, 1, 2), table_rows = seq + 5, past = kt_uint (run, 0, 5);
        const guint ldx = heads * h * kt_uint (run, 1, 3) + (kt_coin (run) ? 0 : 2), ldy = heads * h;
        const gboolean norm = i & 1, interleaved = i & 2, with_table = i != 5, with_w = norm && kt_coin (run);

        if (!kt_has (run, &pent_kernel_rope_info, pairs[t]))
          continue;
        kt_case (run, "rope types %u norm %d interleaved %d table %d rows %u seq %u heads %u h %u ldx %u past %u", t,
                 norm, interleaved, with_table, rows, seq, heads, h, ldx, past);
        KtTensor *x = kt_input (run, pairs[t][0], (gsize) rows * ldx, KT_NORMAL);
        KtTensor *y = kt_output (run, pairs[t][1], (gsize) rows * ldy);
        KtTensor *w = with_w ? kt_input (run, PENT_DTYPE_F32, h, KT_NORMAL) : NULL;
        KtTensor *table = with_table ? kt_input (run, PENT_DTYPE_F32, (gsize) table_rows * h, KT_NORMAL) : NULL;
        KtTensor *pos = past ? kt_ids (run, 1, past, past + 1) : NULL;

        g_autofree double *want = g_new (double, y->n);
        for (guint r = 0; r < rows; r++)
          for (guint head = 0; head < heads; head++)
            {
              const float *in = x->v + (gsize) r * ldx + head * h;
              double square = 0, v[256], *out = want + (gsize) r * ldy + head * h;
              for (guint k = 0; k < h; k++)
                square += (double) in[k] * in[k];
              for (guint k = 0; k < h; k++)
                v[k] = in[k] * (norm ? 1 / sqrt (square / h + 1e-6) : 1) * (w ? w->v[k] : 1);
              for (guint j = 0; j < h / 2; j++)
                {
                  const guint a = interleaved ? 2 * j : j, b = interleaved ? 2 * j + 1 : j + h / 2;
                  const gsize at = (gsize) (r % seq + past) * h + 2 * j;
                  const float *turn = table ? table->v + at : (const float[]) { 1, 0 };
                  out[a] = v[a] * turn[0] - v[b] * turn[1];
                  out[b] = v[b] * turn[0] + v[a] * turn[1];
                }
            }
        pent_kernel_rope (run->command, &(PentKernelRope) { .x = x->span, .w = KT_SPAN (w), .table = KT_SPAN (table),
          .pos = KT_SPAN (pos), .y = y->span, .h = h, .table_rows = table_rows, .rows = rows, .heads = heads,
          .ldx = ldx, .ldy = ldy, .seq = seq, .eps = 1e-6, .NORM = norm, .INTERLEAVED = interleaved, .T = pairs[t][0],
          .U = pairs[t][1], .LANES = run->lanes });
        kt_submit (run);
        kt_check (run, y, want, (KtBound) { .rel = SUM_BOUND, .scale = 10 });
      }
}

static void
bench_rope (KtBench *bench)
{
  const guint rows = 4096, heads = 30, h = 128;

  static const char *const kinds[] = { "half", "interleaved", "norm + half" };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (kt_row (bench, "rope", "%s f32 [%u, %u, %u]", kinds[i], rows, heads, h))
      pent_kernel_rope (bench->command, &(PentKernelRope) {
        .x = kt_span (bench, PENT_DTYPE_F32, rows * heads * h), .y = kt_span (bench, PENT_DTYPE_F32, rows * heads * h),
        .table = kt_span (bench, PENT_DTYPE_F32, rows * h),
        .w = i == 2 ? kt_span (bench, PENT_DTYPE_F32, h) : (PentSpan) { 0 },
        .h = h, .table_rows = rows, .rows = rows, .heads = heads, .ldx = heads * h, .ldy = heads * h, .seq = rows,
        .eps = 1e-6, .NORM = i == 2, .INTERLEAVED = i == 1, .LANES = bench->lanes });
}

static void
check_softmax (KtRun *run)
{
  for (guint t = 0; t < G_N_ELEMENTS (pairs); t++)
    kt_cases (i, t, 7)
      {
        static const KtFill fills[] = { KT_NORMAL, KT_OFFSET, KT_ZERO, KT_LARGE };
        const guint width = i == 0 ? 1 : i == 1 && t == 0 ? 200000 : kt_width (run, 5000);
        const guint rows = row_count (run, width);
        const KtFill fill = fills[kt_uint (run, 0, 3)];

        if (!kt_has (run, &pent_kernel_softmax_info, pairs[t]))
          continue;
        kt_case (run, "softmax types %u [%u, %u] fill %u", t, rows, width, fill);
        KtTensor *x = kt_input (run, pairs[t][0], (gsize) rows * width, fill);
        KtTensor *y = kt_output (run, pairs[t][1], (gsize) rows * width);
        for (gsize k = 0; i == 3 && k < x->n; k += 5)   /* masked; the first of each row is not */
          x->v[k] = k % width == 0 ? 0 : -INFINITY;
        kt_upload (run, x);

        g_autofree double *want = g_new (double, y->n);
        for (guint r = 0; r < rows; r++)
          {
            const float *row = x->v + (gsize) r * width;
            double top = -INFINITY, sum = 0;
            for (guint k = 0; k < width; k++)
              top = MAX (top, row[k]);
            for (guint k = 0; k < width; k++)
              sum += exp (row[k] - top);
            for (guint k = 0; k < width; k++)
              want[(gsize) r * width + k] = exp (row[k] - top) / sum;
          }
        pent_kernel_softmax (run->command, &(PentKernelSoftmax) { .x = x->span, .y = y->span, .rows = rows,
          .width = width, .T = pairs[t][0], .U = pairs[t][1], .LANES = run->lanes });
        kt_submit (run);
        /* exp of -16 is within 35 * 2^-23 of itself; what lies lower is small */
        kt_check (run, y, want, (KtBound) { .rel = 1e-5, .abs = 1e-9 });
      }
}

static void
bench_softmax (KtBench *bench)
{
  static const guint shapes[][2] = { { 4, 151936 }, { 4096, 512 }, { 1024, 4096 } };

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    if (kt_row (bench, "softmax", "f32 [%u, %u]", shapes[i][0], shapes[i][1]))
      pent_kernel_softmax (bench->command, &(PentKernelSoftmax) {
        .x = kt_span (bench, PENT_DTYPE_F32, shapes[i][0] * shapes[i][1]),
        .y = kt_span (bench, PENT_DTYPE_F32, shapes[i][0] * shapes[i][1]), .rows = shapes[i][0], .width = shapes[i][1],
        .LANES = bench->lanes });
}

static void
check_argmax (KtRun *run)
{
  static const PentDtype types[][1] = { PENT_KERNEL_ARGMAX_TYPES };

  for (guint t = 0; t < G_N_ELEMENTS (types); t++)
    kt_cases (i, t, 16)
      {
        const guint width = i == 0 ? 1 : i == 1 ? 151936 : kt_width (run, 5000), rows = row_count (run, width);

        if (!kt_has (run, &pent_kernel_argmax_info, types[t]))
          continue;
        kt_case (run, "argmax types %u [%u, %u] kind %u", t, rows, width, i % 5);
        KtTensor *x = kt_input (run, types[t][0], (gsize) rows * width, i % 5 == 1 ? KT_SPECIAL : KT_NORMAL);
        KtTensor *y = kt_output (run, PENT_DTYPE_I32, rows);
        for (gsize k = 0; k < x->n; k++)
          switch (i % 5)
            {
            case 2:   /* many equals */
              x->v[k] = kt_uint (run, 0, 3);
              break;
            case 3:   /* nothing but the lowest and NaN */
              x->v[k] = k % 3 ? -INFINITY : NAN;
              break;
            case 4:
              x->v[k] = NAN;
              break;
            default:
              break;
            }
        kt_upload (run, x);

        g_autofree gint32 *want = g_new0 (gint32, rows);
        for (guint r = 0; r < rows; r++)
          {
            int best = -1;
            for (guint k = 0; k < width; k++)
              {
                const float v = x->v[(gsize) r * width + k];
                if (!isnan (v) && (best < 0 || v > x->v[(gsize) r * width + best]))
                  best = k;
              }
            want[r] = MAX (best, 0);
          }
        pent_kernel_argmax (run->command, &(PentKernelArgmax) { .x = x->span, .y = y->span, .rows = rows,
          .width = width, .T = types[t][0], .LANES = run->lanes });
        kt_submit (run);
        kt_check_int (run, y, want);
      }
}

static void
bench_argmax (KtBench *bench)
{
  if (kt_row (bench, "argmax", "f32 [4, 151936]"))
    pent_kernel_argmax (bench->command, &(PentKernelArgmax) { .x = kt_span (bench, PENT_DTYPE_F32, 4 * 151936),
      .y = kt_span (bench, PENT_DTYPE_I32, 4), .rows = 4, .width = 151936, .LANES = bench->lanes });
}

const KtKernel kt_rows[] = {
  { "norm", check_norm, bench_norm },
  { "rope", check_rope, bench_rope },
  { "softmax", check_softmax, bench_softmax },
  { "argmax", check_argmax, bench_argmax },
  { NULL }
};
