/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kernels.h"

static const PentDtype pairs[][2] = { PENT_KERNEL_COPY_TYPES };

/* Random axes of x in random order, some repeated (step 0), into a y that may be larger than what is written. */
static void
check_copy (KtRun *run)
{
  for (guint t = 0; t < G_N_ELEMENTS (pairs); t++)
    for (guint i = 0; i < 16; i++)
      {
        PentKernelCopy call = { .T = pairs[t][0], .U = pairs[t][1], .LANES = run->lanes };
        const gboolean with_pos = i % 4 == 3, dense = kt_coin (run);
        const guint limit = with_pos ? kt_uint (run, 1, 6) : 0;
        guint order[6] = { 0, 1, 2, 3, 4, 5 };
        gsize n_x = 1, n_y = 1;

        if (!kt_has (run, &pent_kernel_copy_info, pairs[t]))
          continue;
        for (guint a = 0; a < 6; a++)
          call.size[a] = kt_coin (run) ? 1 : kt_uint (run, 1, 4);
        call.size[5] = i == 0 ? 1 : i == 1 ? 1000 : kt_coin (run) ? 4 * kt_uint (run, 1, 20) : kt_uint (run, 1, 70);
        for (guint a = 5; a > 0 && !dense; a--)
          {
            const guint b = kt_uint (run, 0, a), swap = order[a];
            order[a] = order[b];
            order[b] = swap;
          }
        for (int a = 5; a >= 0; a--)
          {
            const gboolean repeat = order[a] < 5 && kt_uint (run, 0, 5) == 0;
            call.ldx[order[a]] = repeat ? 0 : n_x;
            n_x *= repeat ? 1 : call.size[order[a]];
          }
        for (int a = 5; a >= 0; a--)
          {
            call.ldy[a] = n_y;
            n_y *= a == 0 && with_pos ? limit : call.size[a];
            if (a == 3)   /* a gap, as when y is a slice of something larger */
              n_y += 4 * kt_uint (run, 0, 2);
          }
        call.limit = limit;
        kt_case (run, "copy types %u size %u %u %u %u %u %u order %u%u%u%u%u%u limit %u", t, call.size[0], call.size[1],
                 call.size[2], call.size[3], call.size[4], call.size[5], order[0], order[1], order[2],
                 order[3], order[4], order[5], limit);
        KtTensor *x = kt_input (run, pairs[t][0], n_x, i == 2 ? KT_SPECIAL : KT_NORMAL);
        KtTensor *y = kt_inout (run, pairs[t][1], n_y, KT_NORMAL);
        KtTensor *pos = with_pos ? kt_ids (run, 1, -2, 7) : NULL;

        g_autofree double *want = g_new (double, n_y);
        for (gsize k = 0; k < n_y; k++)
          want[k] = y->v[k];
        const guint total = call.size[0] * call.size[1] * call.size[2] * call.size[3] * call.size[4] * call.size[5];
        for (guint k = 0; k < total; k++)
          {
            gsize from = 0, to = 0;
            gint64 rest = k, first;
            for (guint a = 5; a > 0; a--)
              {
                from += rest % call.size[a] * call.ldx[a];
                to += rest % call.size[a] * call.ldy[a];
                rest /= call.size[a];
              }
            first = rest + (pos ? pos->i[0] : 0);
            if (!pos || (first >= 0 && first < limit))
              want[to + first * call.ldy[0]] = kt_round (x->v[from + rest * call.ldx[0]], y->type);
          }
        call.x = x->span;
        call.y = y->span;
        call.pos = KT_SPAN (pos);
        pent_kernel_copy (run->command, &call);
        kt_submit (run);
        kt_check (run, y, want, (KtBound) { 0 });
      }
}

static void
bench_copy (KtBench *bench)
{
  static const struct { const char *what; guint size[6], ldx[6], ldy[6]; } shapes[] = {
    { "half of each row of [4096, 7680] f32", { 1, 1, 1, 1, 4096, 3840 }, { 0, 0, 0, 0, 7680, 1 },
      { 0, 0, 0, 0, 3840, 1 } },
    { "patches of 2 x 2 of [512, 512, 64] f32", { 1, 256, 256, 2, 1, 128 }, { 0, 2 * 512 * 64, 128, 512 * 64, 0, 1 },
      { 0, 256 * 256, 256, 128, 0, 1 } },
    { "transpose of [2048, 2048] f32", { 1, 1, 1, 1, 2048, 2048 }, { 0, 0, 0, 0, 1, 2048 }, { 0, 0, 0, 0, 2048, 1 } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    if (kt_row (bench, "copy", "%s", shapes[i].what))
      {
        PentKernelCopy call = { .x = kt_span (bench, PENT_DTYPE_F32, 4096 * 7680), .LANES = bench->lanes,
                                .y = kt_span (bench, PENT_DTYPE_F32, 4096 * 7680) };
        for (guint a = 0; a < 6; a++)
          {
            call.size[a] = shapes[i].size[a];
            call.ldx[a] = shapes[i].ldx[a];
            call.ldy[a] = shapes[i].ldy[a];
          }
        pent_kernel_copy (bench->command, &call);
      }
}

static void
check_embedding (KtRun *run)
{
  static const PentDtype types[][2] = { PENT_KERNEL_EMBEDDING_TYPES };

  for (guint t = 0; t < G_N_ELEMENTS (types); t++)
    for (guint i = 0; i < 6; i++)
      {
        const guint rows = kt_uint (run, 1, 40), vocabulary = kt_uint (run, 1, 50);
        const guint width = i == 0 ? 1 : kt_width (run, 3000);

        if (!kt_has (run, &pent_kernel_embedding_info, types[t]))
          continue;
        kt_case (run, "embedding types %u [%u] of [%u, %u]", t, rows, vocabulary, width);
        KtTensor *ids = kt_ids (run, rows, -3, vocabulary + 3);
        KtTensor *table = kt_input (run, types[t][0], (gsize) vocabulary * width, KT_NORMAL);
        KtTensor *y = kt_output (run, types[t][1], (gsize) rows * width);
        ids->i[0] = kt_coin (run) ? G_MAXINT32 : G_MININT32;
        kt_upload (run, ids);

        g_autofree double *want = g_new0 (double, y->n);
        for (gsize k = 0; k < y->n; k++)
          if (ids->i[k / width] >= 0 && ids->i[k / width] < (int) vocabulary)
            want[k] = table->v[(gsize) ids->i[k / width] * width + k % width];
        pent_kernel_embedding (run->command, &(PentKernelEmbedding) { .ids = ids->span, .table = table->span,
          .y = y->span, .rows = rows, .width = width, .vocabulary = vocabulary, .T = types[t][0], .U = types[t][1],
          .LANES = run->lanes });
        kt_submit (run);
        kt_check (run, y, want, (KtBound) { 0 });
      }
}

static void
bench_embedding (KtBench *bench)
{
  const guint rows = 4096, width = 2560, vocabulary = 4096;

  if (kt_row (bench, "embedding", "bf16 -> f32 [%u, %u]", rows, width))
    pent_kernel_embedding (bench->command, &(PentKernelEmbedding) { .ids = kt_span (bench, PENT_DTYPE_I32, rows),
      .table = kt_span (bench, PENT_DTYPE_BF16, vocabulary * width), .y = kt_span (bench, PENT_DTYPE_F32, rows * width),
      .rows = rows, .width = width, .vocabulary = vocabulary, .T = PENT_DTYPE_BF16, .LANES = bench->lanes });
}

const KtKernel kt_moves[] = {
  { "copy", check_copy, bench_copy },
  { "embedding", check_embedding, bench_embedding },
  { NULL }
};
