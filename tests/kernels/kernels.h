/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <math.h>
#include "pent-kernels.h"

G_BEGIN_DECLS

/* What kernels-*.c check and time kernels with.  A kernel is one row of such a file's table: its name, a function that
 * compares it with plain C, and a function that names the shapes worth timing.
 *
 * The check runs once for each mask of features (KtRun); everything random comes from run->rand, seeded by
 * $PENT_TEST_SEED or GLib's --seed, and a failure prints the seed and the words of kt_case (). */
typedef struct {
  PentVkContext    *context;
  const PentVkInfo *info;
  const char       *mask;            /* PENT_VK_DISABLE of this context */
  gboolean          lanes;           /* what kernels with a LANES constant get */
  GRand            *rand;
  guint32           seed;
  PentVkCommand    *command;         /* of the case at hand */
  char             *label;           /* of the case at hand */
  GPtrArray        *tensors;         /* KtTensor of the case at hand */
  guint             n_cases;
} KtRun;

/* An operand on both sides.  v holds the values as they are stored, so after rounding to the type. */
typedef struct {
  PentDtype type;
  gsize     n;
  gboolean  output;
  float    *v;                       /* [n]; I32 as numbers */
  gint32   *i;                       /* [n], I32 only */
  PentSpan  span;                    /* in every other case at an odd place; its surroundings are watched */
} KtTensor;

typedef enum {
  KT_NORMAL,          /* mean 0, deviation 1 */
  KT_OFFSET,          /* mean 100, deviation 1: what a naive variance drowns in */
  KT_LARGE,           /* up to 1e4 */
  KT_TINY,            /* around 1e-6, which is denormal in F16 */
  KT_ZERO,
  KT_SPECIAL,         /* normal with infinities and NaN among them */
  KT_N_FILLS
} KtFill;

/* How far a result may be off: abs + rel * |want| and, for having been stored, one unit in the last place of its type.
 * `scale` is a magnitude the caller puts in place of |want| where sums cancel; 0 = |want|. */
typedef struct { double abs, rel, scale; } KtBound;

void      kt_case (KtRun *run, const char *format, ...) G_GNUC_PRINTF (2, 3);   /* begins one */
KtTensor *kt_input (KtRun *run, PentDtype type, gsize n, KtFill fill);
KtTensor *kt_ids (KtRun *run, gsize n, gint32 low, gint32 high);                /* I32, low <= i < high */
KtTensor *kt_output (KtRun *run, PentDtype type, gsize n);
KtTensor *kt_inout (KtRun *run, PentDtype type, gsize n, KtFill fill);         /* v stays the input; kt_got () reads */
void      kt_upload (KtRun *run, KtTensor *tensor);                      /* after changing v (it is rounded) or i */
void      kt_submit (KtRun *run);                                         /* runs the command, reads outputs */
void      kt_check (KtRun *run, KtTensor *got, const double *want, KtBound bound);
void      kt_check_int (KtRun *run, KtTensor *got, const gint32 *want);
#define   KT_SPAN(tensor) ((tensor) ? (tensor)->span : (PentSpan) { 0 })

guint     kt_uint (KtRun *run, guint low, guint high);                           /* low <= x <= high */
gboolean  kt_coin (KtRun *run);
/* A width that leans on the extremes: 1, odd, around a power of two, or anything, at most `most`. */
guint     kt_width (KtRun *run, guint most);
float     kt_round (float v, PentDtype type);
/* TRUE if this device has kernel's variant of those types; checks skip others. */
gboolean  kt_has (KtRun *run, const PentKernel *kernel, const PentDtype *types);

/* The cases of the t-th type combination: all n with the first, a third of them, differing by t, with the others.  A
 * pipeline costs lavapipe a quarter of a second, and the types differ only in how they are loaded and stored. */
#define   kt_cases(i, t, n) for (guint i = (t) % 3; i < (n); i += (t) == 0 ? 1 : 3)

/* Timing.  kt_span () gives memory of that many elements with harmless contents; whatever is recorded to bench->command
 * between kt_row () and the next counts as that row. */
typedef struct _KtBench KtBench;
struct _KtBench {
  PentVkContext    *context;
  const PentVkInfo *info;
  gboolean          lanes;
  PentVkCommand    *command;
};
gboolean  kt_row (KtBench *bench, const char *kernel, const char *format, ...) G_GNUC_PRINTF (3, 4);   /* FALSE: skip */
PentSpan  kt_span (KtBench *bench, PentDtype type, gsize n);

typedef struct {
  const char *name;
  void      (*check) (KtRun *run);
  void      (*bench) (KtBench *bench);
} KtKernel;

/* Ended by a NULL name. */
extern const KtKernel kt_pointwise[], kt_rows[], kt_pictures[], kt_moves[], kt_gemm[];

G_END_DECLS
