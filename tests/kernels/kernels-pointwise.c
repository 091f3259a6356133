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
        const guint n = i == 0 ? 1 : i == 1 ? 9000000 / (1 + 20 * t) : kt_width (run, 5000);
        const KtFill fill = i < KT_N_FILLS ? i : KT_SPECIAL;

        if (!kt_has (run, &pent_kernel_cast_info, pairs[t]))
          continue;
        kt_case (run, "cast types %u n %u fill %u", t, n, fill);
        KtTensor *x = kt_input (run, pairs[t][0], n, fill), *y = kt_output (run, pairs[t][1], n);
        g_autofree double *want = g_new (double, n);
        for (guint k = 0; k < n; k++)
          want[k] = kt_round (x->v[k], y->type);
        pent_kernel_cast (run->command, &(PentKernelCast) { .x = x->span, .y = y->span, .n = n, .T = x->type, .U = y->type,
                                                            .LANES = run->lanes });
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
#define ACT_BOUND(X) ((KtBound) { .abs = 1e-9, .rel = EXP_ULPS * 2 })

static void
check_act (KtRun *run)
{
  static const guint acts[] = { PENT_KERNEL_ACT_ACT_VALUES };

  for (guint t = 0; t < G_N_ELEMENTS (pairs); t++)
    for (guint a = 0; a < G_N_ELEMENTS (acts); a++)
      for (guint i = 0; i < 3; i++)
        {
          static const KtFill fills[] = { KT_NORMAL, KT_LARGE, KT_TINY, KT_ZERO, KT_SPECIAL };
          const guint n = i == 0 ? 1 + t : kt_width (run, 4100);
          const KtFill fill = fills[kt_uint (run, 0, 4)];
          const float scale = kt_coin (run) ? 1 : 0.5, offset = kt_coin (run) ? 0 : 0.25;

          if (!kt_has (run, &pent_kernel_act_info, pairs[t]))
            continue;
          kt_case (run, "act types %u act %u n %u fill %u scale %g offset %g", t, acts[a], n, fill, scale, offset);
          KtTensor *x = kt_input (run, pairs[t][0], n, fill), *y = kt_output (run, pairs[t][1], n);
          g_autofree double *want = g_new (double, n);
          for (guint k = 0; fill == KT_NORMAL && k < n; k++)
            x->v[k] *= 4;
          kt_upload (run, x);
          for (guint k = 0; k < n; k++)
            want[k] = activation (acts[a], x->v[k] * scale + offset);
          pent_kernel_act (run->command, &(PentKernelAct) { .x = x->span, .y = y->span, .n = n, .scale = scale,
            .offset = offset, .ACT = acts[a], .T = x->type, .U = y->type, .LANES = run->lanes });
          kt_submit (run);
          kt_check (run, y, want, ACT_BOUND ());
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

const KtKernel kt_pointwise[] = {
  { "cast", check_cast, bench_cast },
  { "act", check_act, bench_act },
  { NULL }
};
const KtKernel kt_rows[] = { { NULL } };
const KtKernel kt_pictures[] = { { NULL } };
const KtKernel kt_moves[] = { { NULL } };
