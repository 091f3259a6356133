/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kernels.h"

/* Element by element.  Bounds: the f32 arithmetic of a few operations, each rounded once, costs a few 2^-24; an exp of
 * Vulkan 1.3 is within 3 + 2 |x| units, which for the arguments that matter (|x| < 16: beyond it the result has
 * saturated) is 35 * 2^-23 = 4e-6 of the term it is in. */
#define FEW_ULPS 1e-6
#define EXP_ULPS 4.2e-6

static const PentDtype pairs[][2] = { PENT_KERNEL_CAST_TYPES };

static void
check_cast (KtRun *run)
{
  for (guint t = 0; t < G_N_ELEMENTS (pairs); t++)
    for (guint i = 0; i < 8; i++)
      {
        const guint folded = 4097 * 512 + 5;   /* into a second line of groups */
        const guint n = i == 0 ? 1 : i == 1 && t == 0 ? folded : kt_width (run, 5000);
        const KtFill fill = i < KT_N_FILLS ? i : KT_SPECIAL;

        if (!kt_has (run, &pent_kernel_cast_info, pairs[t]))
          continue;
        kt_case (run, "cast types %u n %u fill %u", t, n, fill);
        KtTensor *x = kt_input (run, pairs[t][0], n, fill), *y = kt_output (run, pairs[t][1], n);
        g_autofree double *want = g_new (double, n);
        for (guint k = 0; k < n; k++)
          want[k] = kt_round (x->v[k], y->type);
        pent_kernel_cast (run->command, &(PentKernelCast) { .x = x->span, .y = y->span, .n = n, .T = x->type,
                                                            .U = y->type, .LANES = run->lanes });
        kt_submit (run);
        kt_check (run, y, want, (KtBound) { 0 });
      }
}

static void
bench_cast (KtBench *bench)
{
  const guint n = 4096 * 3840;

  for (guint t = 0; t < 5; t++)
    if (kt_row (bench, "cast", "%s -> %s [4096, 3840]", pent_dtype_name (pairs[t][0]), pent_dtype_name (pairs[t][1])))
      pent_kernel_cast (bench->command, &(PentKernelCast) {
        .x = kt_span (bench, pairs[t][0], n), .y = kt_span (bench, pairs[t][1], n), .n = n,
        .T = pairs[t][0], .U = pairs[t][1], .LANES = bench->lanes });
}

static double
activation (guint act, double x)
{
  switch (act)
    {
    case 1:
      return x / (1 + exp (-x));
    case 2:
      return x * 0.5 * erfc (-x * M_SQRT1_2);
    case 3:
      return x / (1 + exp (-2 * sqrt (2 / M_PI) * (x + 0.044715 * x * x * x)));
    case 4:
      return x / (1 + exp (-1.702 * x));
    case 5:
      return tanh (x);
    case 6:
      return 1 / (1 + exp (-x));
    case 7:
      return x < 0 ? 0 : x;
    default:
      return x;
    }
}

/* The arguments of exp: gelu's cubic one grows faster than x, and rounding it costs as much again. */
#define ACT_BOUND ((KtBound) { .abs = 1e-9, .rel = 2 * EXP_ULPS })

static void
check_act (KtRun *run)
{
  static const guint acts[] = { PENT_KERNEL_ACT_ACT_VALUES };

  for (guint t = 0; t < G_N_ELEMENTS (pairs); t++)
    for (guint a = 0; a < (t == 0 ? G_N_ELEMENTS (acts) : 1); a++)   /* all with one type, some with the others */
      for (guint i = 0; i < 3; i++)
        {
          static const KtFill fills[] = { KT_NORMAL, KT_LARGE, KT_TINY, KT_ZERO, KT_SPECIAL };
          const guint n = i == 0 ? 1 + t : kt_width (run, 4100);
          const KtFill fill = fills[kt_uint (run, 0, 4)];
          const guint act = t == 0 ? acts[a] : acts[kt_uint (run, 0, G_N_ELEMENTS (acts) - 1)];
          const float scale = kt_coin (run) ? 1 : 0.5, offset = kt_coin (run) ? 0 : 0.25;

          if (!kt_has (run, &pent_kernel_act_info, pairs[t]))
            continue;
          kt_case (run, "act types %u act %u n %u fill %u scale %g offset %g", t, act, n, fill, scale, offset);
          KtTensor *x = kt_input (run, pairs[t][0], n, fill), *y = kt_output (run, pairs[t][1], n);
          g_autofree double *want = g_new (double, n);
          for (guint k = 0; fill == KT_NORMAL && k < n; k++)
            x->v[k] *= 4;
          kt_upload (run, x);
          for (guint k = 0; k < n; k++)
            want[k] = activation (act, x->v[k] * scale + offset);
          pent_kernel_act (run->command, &(PentKernelAct) { .x = x->span, .y = y->span, .n = n, .scale = scale,
            .offset = offset, .ACT = act, .T = x->type, .U = y->type, .LANES = run->lanes });
          kt_submit (run);
          kt_check (run, y, want, ACT_BOUND);
        }
}

static void
bench_act (KtBench *bench)
{
  static const char *const names[] = { "affine", "silu", "gelu_erf", "gelu_tanh", "quick", "tanh" };
  const guint n = 1024 * 10240;

  for (guint a = 0; a < G_N_ELEMENTS (names); a++)
    if (kt_row (bench, "act", "%s f32 [1024, 10240]", names[a]))
      pent_kernel_act (bench->command, &(PentKernelAct) {
        .x = kt_span (bench, PENT_DTYPE_F32, n), .y = kt_span (bench, PENT_DTYPE_F32, n), .n = n, .scale = 1, .ACT = a,
        .LANES = bench->lanes });
}


static void
check_glu (KtRun *run)
{
  static const guint acts[] = { PENT_KERNEL_GLU_ACT_VALUES };
  static const PentDtype types[][2] = { PENT_KERNEL_GLU_TYPES };

  for (guint t = 0; t < G_N_ELEMENTS (types); t++)
    kt_cases (i, t, 7)
      {
        const guint width = i == 0 ? 1 : kt_width (run, 3000), rows = kt_uint (run, 1, 5);
        const gboolean fused = kt_coin (run);
        const guint ldx = fused ? 2 * width : width + kt_uint (run, 0, 4), act = acts[(i + t) % G_N_ELEMENTS (acts)];

        if (!kt_has (run, &pent_kernel_glu_info, types[t]))
          continue;
        kt_case (run, "glu types %u act %u [%u, %u] ldx %u fused %d", t, act, rows, width, ldx, fused);
        KtTensor *gate = kt_input (run, types[t][0], (gsize) rows * ldx, i == 1 ? KT_LARGE : KT_NORMAL);
        KtTensor *up = fused ? gate : kt_input (run, types[t][0], (gsize) rows * ldx, KT_NORMAL);
        KtTensor *y = kt_output (run, types[t][1], (gsize) rows * width);
        PentSpan up_span = up->span;
        g_autofree double *want = g_new (double, y->n);

        if (fused)
          {
            up_span.offset += width * pent_dtype_size (up->type);
            up_span.size = 0;
          }
        for (guint r = 0; r < rows; r++)
          for (guint k = 0; k < width; k++)
            want[r * width + k] = activation (act, gate->v[r * ldx + k]) * up->v[r * ldx + k + fused * width] * 0.125;
        pent_kernel_glu (run->command, &(PentKernelGlu) { .gate = gate->span, .up = up_span, .y = y->span, .rows = rows,
          .width = width, .ldx = ldx, .scale = 0.125, .ACT = act, .T = types[t][0], .U = types[t][1],
          .LANES = run->lanes });
        kt_submit (run);
        /* gelu's tail is off by 1e-9 (beyond 4 sqrt 2 deviations), times what it is multiplied by */
        float largest = 1;
        for (gsize k = 0; k < up->n; k++)
          largest = MAX (largest, fabsf (up->v[k]));
        kt_check (run, y, want, (KtBound) { .abs = 1e-9 * largest, .rel = 2 * EXP_ULPS });
      }
}

static void
bench_glu (KtBench *bench)
{
  const guint rows = 1024, width = 10240;

  for (guint t = 0; t < 2; t++)
    if (kt_row (bench, "glu", "silu %s [%u, 2 * %u]", t ? "f16" : "f32", rows, width))
      {
        const PentDtype type = t ? PENT_DTYPE_F16 : PENT_DTYPE_F32;
        PentSpan gate = kt_span (bench, type, (gsize) rows * 2 * width), up = gate;
        up.offset += width * pent_dtype_size (type);
        up.size = 0;
        pent_kernel_glu (bench->command, &(PentKernelGlu) { .gate = gate, .up = up,
          .y = kt_span (bench, type, (gsize) rows * width), .rows = rows, .width = width, .ldx = 2 * width, .scale = 1,
          .ACT = 1, .T = type, .U = type, .LANES = bench->lanes });
      }
}

static void
check_binary (KtRun *run)
{
  static const PentDtype types[][3] = { PENT_KERNEL_BINARY_TYPES };

  for (guint t = 0; t < G_N_ELEMENTS (types); t++)
    kt_cases (i, t, 8)
      {
        const guint width = i < 2 ? 1 + i : kt_width (run, 3000), each = kt_uint (run, 1, 4);
        const guint rows = each * kt_uint (run, 1, 3), every = i % 3 == 0 ? 1 : i % 3 == 1 ? rows : each;
        const guint rows_b = (rows + every - 1) / every, ldb = width + (kt_coin (run) ? kt_uint (run, 0, 8) : 0);
        const gboolean multiply = kt_coin (run), in_place = types[t][0] == types[t][2] && kt_coin (run);

        if (!kt_has (run, &pent_kernel_binary_info, types[t]))
          continue;
        kt_case (run, "binary types %u multiply %d [%u, %u] every %u ldb %u in place %d", t, multiply, rows, width,
                 every, ldb, in_place);
        KtTensor *a = in_place ? kt_inout (run, types[t][0], (gsize) rows * width, KT_NORMAL)
                               : kt_input (run, types[t][0], (gsize) rows * width, i == 3 ? KT_SPECIAL : KT_NORMAL);
        KtTensor *b = kt_input (run, types[t][1], (gsize) rows_b * ldb, KT_NORMAL);
        KtTensor *y = in_place ? a : kt_output (run, types[t][2], (gsize) rows * width);
        g_autofree double *want = g_new (double, y->n);
        for (guint r = 0; r < rows; r++)
          for (guint k = 0; k < width; k++)
            {
              const double p = a->v[r * width + k], q = b->v[r / every * ldb + k];
              want[r * width + k] = multiply ? p * q : p + q;
            }
        pent_kernel_binary (run->command, &(PentKernelBinary) { .a = a->span, .b = b->span, .y = y->span, .rows = rows,
          .width = width, .every = every, .ldb = ldb, .MULTIPLY = multiply, .T = types[t][0], .V = types[t][1],
          .U = types[t][2], .LANES = run->lanes });
        kt_submit (run);
        kt_check (run, y, want, (KtBound) { 0 });
      }
}

static void
bench_binary (KtBench *bench)
{
  const guint rows = 4096, width = 3840;

  for (guint row = 0; row < 2; row++)
    if (kt_row (bench, "binary", "add f32 [%u, %u] + [%u, %u]", rows, width, row ? 1 : rows, width))
      pent_kernel_binary (bench->command, &(PentKernelBinary) {
        .a = kt_span (bench, PENT_DTYPE_F32, rows * width), .b = kt_span (bench, PENT_DTYPE_F32, rows * width),
        .y = kt_span (bench, PENT_DTYPE_F32, rows * width), .rows = rows, .width = width, .every = row ? rows : 1,
        .ldb = width, .LANES = bench->lanes });
}

static void
check_modulate (KtRun *run)
{
  for (guint t = 0; t < G_N_ELEMENTS (pairs); t++)
    kt_cases (i, t, 8)
      {
        const guint width = i == 0 ? 1 : kt_width (run, 3000), batch = kt_uint (run, 1, 3), each = kt_uint (run, 1, 3);
        const guint rows = batch * each, every = kt_coin (run) ? rows : each, mods = rows / every, ldm = width * 3;
        KtTensor *scale = NULL, *shift = NULL, *gate = NULL, *residual = NULL;

        if (!kt_has (run, &pent_kernel_modulate_info, pairs[t]))
          continue;
        kt_case (run, "modulate types %u [%u, %u] every %u parts %u", t, rows, width, every, i);
        KtTensor *x = kt_input (run, pairs[t][0], (gsize) rows * width, KT_NORMAL);
        KtTensor *y = kt_output (run, pairs[t][1], (gsize) rows * width);
        if (i & 1)
          scale = kt_input (run, PENT_DTYPE_F32, mods * ldm, KT_NORMAL);
        if (i & 2)
          shift = kt_input (run, PENT_DTYPE_F32, mods * ldm, KT_NORMAL);
        if (i & 4)
          gate = kt_input (run, PENT_DTYPE_F32, mods * ldm, KT_NORMAL);
        if (kt_coin (run))
          residual = pairs[t][1] == PENT_DTYPE_F32 && kt_coin (run)
                     ? (y = kt_inout (run, PENT_DTYPE_F32, (gsize) rows * width, KT_NORMAL))
                     : kt_input (run, PENT_DTYPE_F32, (gsize) rows * width, KT_NORMAL);
        g_autofree double *want = g_new (double, y->n);
        for (guint r = 0; r < rows; r++)
          for (guint k = 0; k < width; k++)
            {
              const gsize at = r * width + k, mod = r / every * ldm + k;
              double v = x->v[at];
              v = v * (scale ? 1 + scale->v[mod] : 1) + (shift ? shift->v[mod] : 0);
              want[at] = v * (gate ? gate->v[mod] : 1) + (residual ? residual->v[at] : 0);
            }
        pent_kernel_modulate (run->command, &(PentKernelModulate) { .x = x->span, .scale = KT_SPAN (scale),
          .shift = KT_SPAN (shift), .gate = KT_SPAN (gate), .residual = KT_SPAN (residual), .y = y->span, .rows = rows,
          .width = width, .every = every, .ldm = ldm, .T = pairs[t][0], .U = pairs[t][1], .LANES = run->lanes });
        kt_submit (run);
        /* sums cancel: what counts is the size of their terms */
        kt_check (run, y, want, (KtBound) { .rel = FEW_ULPS, .scale = 20 });
      }
}

static void
bench_modulate (KtBench *bench)
{
  const guint rows = 4096, width = 3840;

  if (kt_row (bench, "modulate", "residual + gate * x, f32 [%u, %u]", rows, width))
    {
      const PentSpan y = kt_span (bench, PENT_DTYPE_F32, rows * width);
      pent_kernel_modulate (bench->command, &(PentKernelModulate) {
        .x = kt_span (bench, PENT_DTYPE_F32, rows * width), .gate = kt_span (bench, PENT_DTYPE_F32, width),
        .residual = y, .y = y, .rows = rows, .width = width, .every = rows, .ldm = width, .LANES = bench->lanes });
    }
}

const KtKernel kt_pointwise[] = {
  { "cast", check_cast, bench_cast },
  { "act", check_act, bench_act },
  { "glu", check_glu, bench_glu },
  { "binary", check_binary, bench_binary },
  { "modulate", check_modulate, bench_modulate },
  { NULL }
};
