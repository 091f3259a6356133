/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include "pent-nn-weights.h"
#include "pent-vk-context.h"

G_BEGIN_DECLS

/* The operations a paper's equations need.  A model file says what is computed; how (dtype, kernels, memory, fusion,
 * residency) is decided here.
 *
 *   PentNnGraph   one forward pass for one set of shapes: built once, compiled once, run many times
 *   PentNnTensor  a value in it, written once; a handle owned by the graph
 *   PentNnModule  weights on the device, shared by the graphs of one model component
 *
 * Building never fails at the call: the first error (a missing or mis-shaped weight, shapes that do not fit) is kept
 * and reported by pent_nn_graph_compile (), naming the file and the tensor; after it every operation returns an inert
 * tensor.
 *
 * Shapes are row-major, at most four axes, last axis fastest ("[t, d]" is t rows of d).  Pictures are [h, w, c] or
 * [n, h, w, c]: channels last, so that a 1x1 convolution and a linear layer are the same thing.  Operations on rows
 * treat all leading axes as rows.
 *
 * Thread-safety: like the context's. */
typedef struct _PentNnModule PentNnModule;
typedef struct _PentNnGraph  PentNnGraph;
typedef struct _PentNnTensor PentNnTensor;

/* What activations are stored as.  Sums along a residual stream are always stored as F32 and every product accumulates
 * in F32.  With F16, values that can leave its range (the product in a gated feed-forward, attention logits) are kept
 * within it by exact powers of two that the next product takes out again. */
typedef enum { PENT_NN_PRECISION_F32, PENT_NN_PRECISION_F16, PENT_NN_PRECISION_BF16 } PentNnPrecision;

/* ---- module ---- */

PentNnModule    *pent_nn_module_new (PentVkContext *context, PentNnWeights *weights, PentNnPrecision precision);
PentNnModule    *pent_nn_module_ref (PentNnModule *self);
void             pent_nn_module_unref (PentNnModule *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentNnModule, pent_nn_module_unref)

PentVkContext   *pent_nn_module_get_context (PentNnModule *self);
PentNnWeights   *pent_nn_module_get_weights (PentNnModule *self);
guint64          pent_nn_module_get_device_bytes (PentNnModule *self);       /* weights now on the device */
/* Gives the device memory of the weights back; they are uploaded again when next used. */
void             pent_nn_module_evict (PentNnModule *self);

/* ---- graph: build ---- */

PentNnGraph     *pent_nn_graph_new (PentNnModule *module, const char *label);
PentNnGraph     *pent_nn_graph_ref (PentNnGraph *self);
void             pent_nn_graph_unref (PentNnGraph *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentNnGraph, pent_nn_graph_unref)

/* Names of weights below are relative to the scope: nn_push (g, "layers.%u.", i); … nn_pop (g).  Those of inputs,
 * outputs, states and traced values are not. */
void             nn_push (PentNnGraph *g, const char *format, ...) G_GNUC_PRINTF (2, 3);
void             nn_pop (PentNnGraph *g);

guint            nn_dim (PentNnTensor *x, int axis);                   /* negative counts from the end: -1 = width */
guint            nn_n_dims (PentNnTensor *x);

/* Shapes as arguments: NN_SHAPE (t, d); every axis > 0. */
#define NN_SHAPE(...) ((const guint[5]) { __VA_ARGS__ })

/* Values from outside.  dtype F32 or I32 as the host gives it. */
PentNnTensor    *nn_input (PentNnGraph *g, const char *name, PentDtype dtype, const guint *shape);
/* A constant computed on the host (rope tables …): n f32 values, copied. */
PentNnTensor    *nn_constant (PentNnGraph *g, const float *values, const guint *shape);
/* Memory that outlives a run and is shared by graphs with the same state object: a KV cache.  F16 or F32 by precision. */
typedef struct _PentNnState PentNnState;
PentNnState     *pent_nn_state_new (PentNnModule *module);
void             pent_nn_state_free (PentNnState *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentNnState, pent_nn_state_free)
PentNnTensor    *nn_state (PentNnGraph *g, PentNnState *state, const char *name, const guint *shape);
/* cache[pos + i] = x[i]; pos is an I32 input [1].  Returns the cache as it is after the write. */
PentNnTensor    *nn_state_write (PentNnGraph *g, PentNnTensor *cache, PentNnTensor *x, PentNnTensor *pos);

/* A weight as a tensor (position embeddings, pad tokens).  The shape is checked. */
PentNnTensor    *nn_weight (PentNnGraph *g, const char *name, const guint *shape);
gboolean         nn_has_weight (PentNnGraph *g, const char *name);

/* Results for the host, as F32.  nn_name () marks a value so that tracing can show it; it costs nothing unless
 * pent_nn_graph_trace () asked for the name before compiling. */
void             nn_output (PentNnGraph *g, const char *name, PentNnTensor *x);
PentNnTensor    *nn_name (PentNnGraph *g, PentNnTensor *x, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* ---- operations; `name` is the module's prefix: name.weight, name.bias (bias used if it is there) ---- */

PentNnTensor    *nn_linear (PentNnGraph *g, PentNnTensor *x, const char *name, guint n_out);     /* [.., k] -> [.., n] */
PentNnTensor    *nn_embedding (PentNnGraph *g, PentNnTensor *ids, const char *name,
                               guint n_rows, guint width);                                       /* i32 [t] -> [t, d] */
PentNnTensor    *nn_conv2d (PentNnGraph *g, PentNnTensor *x, const char *name, guint n_out, guint kernel, guint stride,
                            guint pad_before, guint pad_after);             /* [n,h,w,c] -> [n,h',w',n_out]; square */

PentNnTensor    *nn_rms_norm (PentNnGraph *g, PentNnTensor *x, const char *name, double eps);    /* name NULL: no weight */
PentNnTensor    *nn_layer_norm (PentNnGraph *g, PentNnTensor *x, const char *name, double eps);
PentNnTensor    *nn_group_norm (PentNnGraph *g, PentNnTensor *x, const char *name, guint groups, double eps);

typedef enum { PENT_NN_SILU, PENT_NN_GELU_ERF, PENT_NN_GELU_TANH, PENT_NN_GELU_QUICK, PENT_NN_TANH, PENT_NN_SIGMOID,
               PENT_NN_RELU } PentNnActivation;
PentNnTensor    *nn_act (PentNnGraph *g, PentNnTensor *x, PentNnActivation kind);
PentNnTensor    *nn_glu (PentNnGraph *g, PentNnTensor *gate, PentNnTensor *up, PentNnActivation kind);  /* act (gate) * up */

/* b has a's shape, or is a row [d] (one leading axis of 1 is fine), or [n, 1, …, d] for a batch; broadcast over the rest. */
PentNnTensor    *nn_add (PentNnGraph *g, PentNnTensor *a, PentNnTensor *b);
PentNnTensor    *nn_mul (PentNnGraph *g, PentNnTensor *a, PentNnTensor *b);
PentNnTensor    *nn_affine (PentNnGraph *g, PentNnTensor *x, double scale, double offset);       /* x*scale + offset */
PentNnTensor    *nn_modulate (PentNnGraph *g, PentNnTensor *x, PentNnTensor *scale,
                              PentNnTensor *shift);                                  /* x*(1+scale) + shift; shift or NULL */
/* residual + gate * x, the sum kept as a residual stream (F32); gate NULL = 1. */
PentNnTensor    *nn_residual (PentNnGraph *g, PentNnTensor *residual, PentNnTensor *x, PentNnTensor *gate);

/* Rotary embedding of x [t, heads, h] (or [n, t, heads, h]) by table [rows, h/2, 2] of (cos, sin).  Row i of x takes
 * row i of the table, or pos + i with pos an I32 input [1].  HALF pairs (j, j + h/2), INTERLEAVED pairs (2j, 2j+1). */
typedef enum { PENT_NN_ROPE_HALF, PENT_NN_ROPE_INTERLEAVED } PentNnRopeKind;
PentNnTensor    *nn_rope (PentNnGraph *g, PentNnTensor *x, PentNnTensor *table, PentNnTensor *pos, PentNnRopeKind kind);

/* q [tq, H, h], k and v [tk, Hkv, h] (a leading batch axis allowed) -> [tq, H*h].  H is a multiple of Hkv.
 * scale 0 = 1/sqrt (h).  causal: query i sees keys up to i + (past), past = pos if given, else tk - tq.
 * With pos (I32 input [1]) only the first pos + tq keys are valid (a cache). */
typedef struct {
  double        scale;
  gboolean      causal;
  PentNnTensor *pos;
} PentNnAttention;
PentNnTensor    *nn_attention (PentNnGraph *g, PentNnTensor *q, PentNnTensor *k, PentNnTensor *v,
                               const PentNnAttention *options);

PentNnTensor    *nn_softmax (PentNnGraph *g, PentNnTensor *x);                                   /* over the last axis */
PentNnTensor    *nn_argmax (PentNnGraph *g, PentNnTensor *x);                                    /* [.., d] -> i32 [..] */

PentNnTensor    *nn_reshape (PentNnGraph *g, PentNnTensor *x, const guint *shape);
PentNnTensor    *nn_slice (PentNnGraph *g, PentNnTensor *x, int axis, guint first, guint count);
PentNnTensor    *nn_concat (PentNnGraph *g, int axis, PentNnTensor *a, PentNnTensor *b);
PentNnTensor    *nn_repeat_rows (PentNnGraph *g, PentNnTensor *row, guint count);                /* [1, d] -> [count, d] */
PentNnTensor    *nn_transpose (PentNnGraph *g, PentNnTensor *x, const guint axes[4]);            /* out axis i = in axis axes[i] */
PentNnTensor    *nn_upsample2 (PentNnGraph *g, PentNnTensor *x);                    /* nearest; [n,h,w,c] -> [n,2h,2w,c] */
/* [h, w, c] -> [(h/p)*(w/p), p*p*c] with channels in the order (py, px, c), and back. */
PentNnTensor    *nn_patchify (PentNnGraph *g, PentNnTensor *x, guint p);
PentNnTensor    *nn_unpatchify (PentNnGraph *g, PentNnTensor *x, guint h, guint w, guint p);

/* ---- graph: run ---- */

/* name: what nn_name () gave, or an output.  Before compile. */
void             pent_nn_graph_trace (PentNnGraph *self, const char *name);

/* Fuses, plans memory, uploads weights not yet there, builds pipelines and records.  After it nothing can be added, and
 * after a failure nothing can be run.  Errors: the first of building; PENT_ERROR_MEMORY with what it needs and what there
 * is, before anything is allocated; the context's.
 *
 * PENT_NN_DISABLE in the environment (names joined by commas) switches off, for tests: "fusion"; "views" (they become
 * copies); "arena" (every value has memory of its own); "import" (weights are uploaded even where the device could read the
 * file's memory); "guard" (the powers of two that keep F16 in range). */
gboolean         pent_nn_graph_compile (PentNnGraph *self, GError **error);

/* All elements of an input, in the dtype it was declared with. */
void             pent_nn_graph_set (PentNnGraph *self, const char *name, gconstpointer data, gsize size);

/* One submission series.  G_IO_ERROR_CANCELLED between submissions. */
gboolean         pent_nn_graph_run (PentNnGraph *self, GCancellable *cancellable, GError **error);

/* An output or traced value after run (): f32, or i32 for argmax.  size in bytes must be exact. */
void             pent_nn_graph_get (PentNnGraph *self, const char *name, gpointer data, gsize size);
/* Shape of an output or traced value: number of axes. */
guint            pent_nn_graph_shape (PentNnGraph *self, const char *name, guint shape[4]);

/* After compile: what the arena holds, what the sum of all values would be, the weights it reads as they lie on the
 * device (imported ones included), the recorded dispatches, and the floating-point operations of its products. */
typedef struct {
  guint64 arena_bytes, sum_bytes, weight_bytes;
  guint   n_dispatches, n_barriers, n_parts;
  double  flops;
} PentNnStats;
void             pent_nn_graph_get_stats (PentNnGraph *self, PentNnStats *stats);

G_END_DECLS
