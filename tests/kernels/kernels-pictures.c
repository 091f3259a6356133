/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kernels.h"

static const PentDtype pairs[][2] = { PENT_KERNEL_GROUP_NORM_TYPES };

/* The three kernels of group norm in a row. */
static void
record_group_norm (PentVkCommand *command, PentSpan x, PentSpan part, PentSpan stats, PentSpan w, PentSpan b,
                   PentSpan y, const guint shape[4], guint slab, guint act, const PentDtype types[2], gboolean lanes)
{
  const guint n = shape[0], hw = shape[1], c = shape[2], groups = shape[3];

  pent_kernel_group_norm_part (command, &(PentKernelGroupNormPart) { .x = x, .part = part, .n = n, .hw = hw, .c = c,
    .slab = slab, .T = types[0], .LANES = lanes });
  pent_kernel_group_norm_join (command, &(PentKernelGroupNormJoin) { .part = part, .stats = stats, .n = n, .hw = hw,
    .c = c, .groups = groups, .slab = slab, .eps = 1e-6 });
  pent_kernel_group_norm (command, &(PentKernelGroupNorm) { .x = x, .stats = stats, .w = w, .b = b, .y = y, .n = n,
    .hw = hw, .c = c, .groups = groups, .ACT = act, .T = types[0], .U = types[1], .LANES = lanes });
}

static void
check_group_norm (KtRun *run)
{
  for (guint t = 0; t < G_N_ELEMENTS (pairs); t++)
    kt_cases (i, t, 7)
      {
        static const guint channels[][2] = {
          { 1, 1 }, { 32, 32 }, { 128, 32 }, { 320, 32 }, { 30, 5 }, { 36, 4 }, { 64, 1 }
        };
        static const KtFill fills[] = { KT_NORMAL, KT_OFFSET, KT_TINY, KT_ZERO };
        const guint c = channels[(i + t) % 7][0], groups = channels[(i + t) % 7][1], n = kt_uint (run, 1, 2);
        const guint hw = i == 0 ? 1 : kt_uint (run, 1, 700), slab = kt_uint (run, 1, 100), act = kt_coin (run);
        const guint slabs = (hw + slab - 1) / slab, size = c / groups;
        const KtFill fill = fills[kt_uint (run, 0, 3)];

        if (!kt_has (run, &pent_kernel_group_norm_info, pairs[t]))
          continue;
        kt_case (run, "group norm types %u act %u [%u, %u, %u] groups %u slab %u fill %u", t, act, n, hw, c, groups,
                 slab, fill);
        KtTensor *x = kt_input (run, pairs[t][0], (gsize) n * hw * c, fill);
        KtTensor *y = kt_output (run, pairs[t][1], (gsize) n * hw * c);
        KtTensor *part = kt_output (run, PENT_DTYPE_F32, (gsize) n * slabs * 2 * c);
        KtTensor *stats = kt_output (run, PENT_DTYPE_F32, (gsize) n * groups * 2);
        KtTensor *w = kt_coin (run) ? kt_input (run, PENT_DTYPE_F32, c, KT_NORMAL) : NULL;
        KtTensor *b = kt_coin (run) ? kt_input (run, PENT_DTYPE_F32, c, KT_NORMAL) : NULL;

        g_autofree double *want = g_new (double, y->n);
        double least = INFINITY;
        for (guint g = 0; g < n * groups; g++)
          {
            const float *in = x->v + (gsize) (g / groups) * hw * c + g % groups * size;
            double *out = want + (in - x->v), mean = 0, square = 0;
            for (gsize k = 0; k < (gsize) hw * size; k++)
              mean += in[k / size * c + k % size];
            mean /= (double) hw * size;
            for (gsize k = 0; k < (gsize) hw * size; k++)
              square += pow (in[k / size * c + k % size] - mean, 2);
            square /= (double) hw * size;
            least = MIN (least, sqrt (square + 1e-6));
            for (gsize k = 0; k < (gsize) hw * size; k++)
              {
                const gsize channel = g % groups * size + k % size, at = k / size * c + k % size;
                double v = (in[at] - mean) / sqrt (square + 1e-6);
                v = v * (w ? w->v[channel] : 1) + (b ? b->v[channel] : 0);
                out[at] = act ? v / (1 + exp (-v)) : v;
              }
          }
        record_group_norm (run->command, x->span, part->span, stats->span, KT_SPAN (w), KT_SPAN (b), y->span,
                           (guint[]) { n, hw, c, groups }, slab, act, pairs[t], run->lanes);
        kt_submit (run);
        /* A mean of 100 is rounded to 100 * 2^-24, and so are the few steps by which it came about; divided by the
         * least deviation that is what the result is off by.  8e-6: sums and exp, as elsewhere. */
        kt_check (run, y, want, (KtBound) { .abs = fill == KT_OFFSET ? 4 * 100 * 0x1p-24 / least * 4 : 0, .rel = 8e-6,
                                            .scale = 20 });
      }
}

static void
bench_group_norm (KtBench *bench)
{
  static const guint shapes[][4] = { { 1, 256 * 256, 128, 32 }, { 1, 64 * 64, 512, 32 } };

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    if (kt_row (bench, "group-norm", "silu f32 [%u, %u, %u]", shapes[i][0], shapes[i][1], shapes[i][2]))
      {
        const guint *s = shapes[i], slab = MAX (64, s[1] / 512);
        const gsize n = (gsize) s[0] * s[1] * s[2];
        record_group_norm (bench->command, kt_span (bench, PENT_DTYPE_F32, n),
                           kt_span (bench, PENT_DTYPE_F32, n / slab * 2 + 2 * s[2]),
                           kt_span (bench, PENT_DTYPE_F32, s[0] * s[3] * 2), kt_span (bench, PENT_DTYPE_F32, s[2]),
                           kt_span (bench, PENT_DTYPE_F32, s[2]), kt_span (bench, PENT_DTYPE_F32, n), s, slab, 1,
                           (PentDtype[]) { PENT_DTYPE_F32, PENT_DTYPE_F32 }, bench->lanes);
      }
}

static const PentDtype same[][2] = { PENT_KERNEL_UPSAMPLE2_TYPES };

static void
check_resample (KtRun *run, gboolean up)
{
  for (guint t = 0; t < G_N_ELEMENTS (same); t++)
    for (guint i = 0; i < 6; i++)
      {
        const guint n = kt_uint (run, 1, 2), h = kt_uint (run, 1, 9), w = kt_uint (run, 1, 9);
        const guint c = i == 0 ? 3 : i == 1 ? 64 : kt_width (run, 300);
        const gsize small = (gsize) n * h * w * c;

        if (!kt_has (run, &pent_kernel_upsample2_info, same[t]))
          continue;
        kt_case (run, "%s types %u [%u, %u, %u, %u]", up ? "upsample2" : "downsample2", t, n, h, w, c);
        KtTensor *x = kt_input (run, same[t][0], up ? small : small * 4, up && i == 2 ? KT_SPECIAL : KT_NORMAL);
        KtTensor *y = kt_output (run, same[t][1], up ? small * 4 : small);
        g_autofree double *want = g_new0 (double, y->n);
        for (gsize k = 0; k < small * 4; k++)
          {
            const gsize channel = k % c, column = k / c % (2 * w), row = k / c / (2 * w);   /* row of all pictures */
            const gsize at = (row / 2 * w + column / 2) * c + channel;
            if (up)
              want[k] = x->v[at];
            else
              want[at] += x->v[k] / 4.0;
          }
        if (up)
          pent_kernel_upsample2 (run->command, &(PentKernelUpsample2) { .x = x->span, .y = y->span, .n = n, .h = h,
            .w = w, .c = c, .T = same[t][0], .U = same[t][1], .LANES = run->lanes });
        else
          pent_kernel_downsample2 (run->command, &(PentKernelDownsample2) { .x = x->span, .y = y->span, .n = n, .h = h,
            .w = w, .c = c, .T = same[t][0], .U = same[t][1], .LANES = run->lanes });
        kt_submit (run);
        kt_check (run, y, want, (KtBound) { .rel = up ? 0 : 5e-7, .scale = up ? 0 : 4 });
      }
}

static void
check_upsample2 (KtRun *run)
{
  check_resample (run, TRUE);
}

static void
check_downsample2 (KtRun *run)
{
  check_resample (run, FALSE);
}

static void
bench_upsample2 (KtBench *bench)
{
  const guint h = 128, w = 128, c = 256;

  if (kt_row (bench, "upsample2", "f32 [1, %u, %u, %u]", h, w, c))
    pent_kernel_upsample2 (bench->command, &(PentKernelUpsample2) { .x = kt_span (bench, PENT_DTYPE_F32, h * w * c),
      .y = kt_span (bench, PENT_DTYPE_F32, 4 * h * w * c), .n = 1, .h = h, .w = w, .c = c, .LANES = bench->lanes });
}

static void
bench_downsample2 (KtBench *bench)
{
  const guint h = 128, w = 128, c = 256;

  if (kt_row (bench, "downsample2", "f32 [1, %u, %u, %u]", 2 * h, 2 * w, c))
    pent_kernel_downsample2 (bench->command, &(PentKernelDownsample2) {
      .x = kt_span (bench, PENT_DTYPE_F32, 4 * h * w * c),
      .y = kt_span (bench, PENT_DTYPE_F32, h * w * c), .n = 1, .h = h, .w = w, .c = c, .LANES = bench->lanes });
}

const KtKernel kt_pictures[] = {
  { "group-norm", check_group_norm, bench_group_norm },
  { "group-norm-part", NULL, NULL },   /* with group-norm */
  { "group-norm-join", NULL, NULL },
  { "upsample2", check_upsample2, bench_upsample2 },
  { "downsample2", check_downsample2, bench_downsample2 },
  { NULL }
};
