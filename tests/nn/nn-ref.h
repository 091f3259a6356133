/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "nn-test.h"

G_BEGIN_DECLS

/* The truth: each function adds the operation to a graph and computes it at once in plain C with doubles.
 *
 * A Ref owns a module whose weights are all there are for a set of widths ("linear.8.12" is [12, 8] with a bias,
 * "plain.8.12" without; "norm.8", "conv.8.12.3", "table.8" …), the graph, and the values. */
typedef struct {
  PentNnTensor *t;
  guint         n_dims, shape[4];
  gsize         n;
  gboolean      integer;
  double       *v;
} RefValue;

typedef struct {
  PentVkContext *context;
  PentNnWeights *weights;
  PentNnModule  *module;
  PentNnGraph   *g;
  GRand         *rand;
  GPtrArray     *values;            /* RefValue */
  GPtrArray     *inputs;            /* RefInput */
  GPtrArray     *outputs;           /* RefOutput */
  guint          n_names;
} Ref;

#define REF_ROWS 40                 /* of every table */

PentNnWeights *ref_weights_new (const guint *widths, PentDtype dtype, guint32 seed);
Ref           *ref_new (PentVkContext *context, PentNnWeights *weights, PentNnPrecision precision, guint32 seed);
/* Another graph on the same module. */
void           ref_restart (Ref *r);
void           ref_free (Ref *r);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Ref, ref_free)

/* A value of that shape (n_dims 0: as NN_SHAPE ends), all zero; and a weight in doubles, NULL if there is none. */
RefValue      *ref_value (Ref *r, PentNnTensor *t, const guint *shape, guint n_dims);
double        *ref_weight_values (Ref *r, const char *name);

guint          ref_int (Ref *r, guint min, guint max);          /* both included */

RefValue      *ref_input (Ref *r, const guint *shape, double scale);
RefValue      *ref_constant (Ref *r, const guint *shape, double scale);
RefValue      *ref_ids (Ref *r, guint n);
RefValue      *ref_position (Ref *r, guint pos);
RefValue      *ref_weight (Ref *r, const char *name, const guint *shape);
RefValue      *ref_linear (Ref *r, RefValue *x, const char *kind, guint n);
RefValue      *ref_embedding (Ref *r, RefValue *ids, guint width);
RefValue      *ref_conv (Ref *r, RefValue *x, guint n, guint kernel, guint stride, guint before, guint after);
RefValue      *ref_norm (Ref *r, RefValue *x, const char *kind, gboolean weight);   /* "rms", "layer" */
RefValue      *ref_group_norm (Ref *r, RefValue *x, guint groups);
RefValue      *ref_act (Ref *r, RefValue *x, PentNnActivation kind);
RefValue      *ref_glu (Ref *r, RefValue *gate, RefValue *up, PentNnActivation kind);
RefValue      *ref_add (Ref *r, RefValue *a, RefValue *b);
RefValue      *ref_mul (Ref *r, RefValue *a, RefValue *b);
RefValue      *ref_affine (Ref *r, RefValue *x, double scale, double offset);
RefValue      *ref_modulate (Ref *r, RefValue *x, RefValue *scale, RefValue *shift);
RefValue      *ref_residual (Ref *r, RefValue *residual, RefValue *x, RefValue *gate);
RefValue      *ref_rope (Ref *r, RefValue *x, RefValue *table, RefValue *pos, PentNnRopeKind kind);
RefValue      *ref_attention (Ref *r, RefValue *q, RefValue *k, RefValue *v, gboolean causal, RefValue *pos);
RefValue      *ref_softmax (Ref *r, RefValue *x);
RefValue      *ref_argmax (Ref *r, RefValue *x);
RefValue      *ref_reshape (Ref *r, RefValue *x, const guint *shape);
RefValue      *ref_slice (Ref *r, RefValue *x, int axis, guint first, guint count);
RefValue      *ref_concat (Ref *r, int axis, RefValue *a, RefValue *b);
RefValue      *ref_repeat (Ref *r, RefValue *x, guint count);
RefValue      *ref_transpose (Ref *r, RefValue *x, const guint *axes);
RefValue      *ref_upsample (Ref *r, RefValue *x);
RefValue      *ref_patchify (Ref *r, RefValue *x, guint p);
RefValue      *ref_unpatchify (Ref *r, RefValue *x, guint h, guint w, guint p);
/* A state whose rows from `pos` are x and the others 0, as it is after one write into a new state. */
RefValue      *ref_state (Ref *r, PentNnState *state, const char *name, guint rows, RefValue *x, RefValue *pos);

void           ref_output (Ref *r, RefValue *x);
/* Compiles (with PENT_NN_DISABLE = disable), runs, and holds every output against the truth: the error may be `bound`
 * times the largest magnitude of that output (at least 1). */
void           ref_check (Ref *r, const char *disable, double bound);
void           ref_compile (Ref *r, const char *disable);
void           ref_run (Ref *r);
void           ref_compare (Ref *r, double bound);
/* New random values in all inputs; the truth of other values is then of the past. */
void           ref_fill (Ref *r);
/* The values of the other's inputs, which must be alike. */
void           ref_copy_inputs (Ref *r, Ref *other);
/* The outputs as the graph gave them, one after the other. */
GArray        *ref_results (Ref *r);

G_END_DECLS
