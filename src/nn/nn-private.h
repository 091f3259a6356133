/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "nn-emit.h"
#include "nn-weights.h"
#include "pent-nn.h"

G_BEGIN_DECLS

/* The graph inside: what the files nn-*.c share.
 *
 * Building makes a list of nodes, each of one operation and one value (PentNnTensor), in an order that is already
 * right for execution.  Compiling goes over it five times:
 *
 *   nn-live.c      what is needed, and how often each value is used
 *   nn-fuse.c      an operation swallows the one that makes its input, if nobody else wants that
 *   nn-types.c     what each value is stored as
 *   nn-lower.c     where each value lies: an allocation of its own (a root) or a view of one; copies where an
 *                  operation cannot read what is there.  Result: the schedule
 *   nn-plan.c      roots get offsets in one arena by their lifetimes
 *
 * and nn-record.c writes the schedule into a command, as often as the weights are loaded anew. */

typedef enum {
  NN_OP_NONE,          /* the inert value after an error */
  /* values that are there */
  NN_OP_INPUT, NN_OP_CONSTANT, NN_OP_WEIGHT, NN_OP_STATE,
  /* other names for the same memory, where the layout allows */
  NN_OP_RESHAPE, NN_OP_SLICE, NN_OP_TRANSPOSE, NN_OP_REPEAT, NN_OP_CONCAT,
  /* work */
  NN_OP_STATE_WRITE, NN_OP_LINEAR, NN_OP_EMBEDDING, NN_OP_CONV, NN_OP_RMS_NORM, NN_OP_LAYER_NORM, NN_OP_GROUP_NORM,
  NN_OP_ACT, NN_OP_GLU, NN_OP_ADD, NN_OP_MUL, NN_OP_AFFINE, NN_OP_MODULATE, NN_OP_RESIDUAL, NN_OP_ROPE,
  NN_OP_ATTENTION, NN_OP_SOFTMAX, NN_OP_ARGMAX, NN_OP_UPSAMPLE,
  NN_OP_COPY,          /* made by lowering: another type, layout or exponent */
  NN_OP_READ,          /* made by lowering: to the host, as output `first` */
} NnOp;

/* What each operation reads, by place in `in`. */
enum {
  NN_X, NN_W, NN_B, NN_SCALE, NN_SHIFT, NN_RESIDUAL, NN_GATE, NN_POS, NN_MAX_IN,
  NN_OTHER = NN_W,     /* the second operand of add, mul, glu (up), concat and state write (what is written) */
  NN_K = NN_W, NN_V = NN_B,
  NN_TABLE = NN_SCALE, /* of rope, whose W is the weight of a norm per head */
};

/* How a weight lies on the device. */
typedef enum {
  NN_FORM_MATRIX,      /* as stored */
  NN_FORM_VECTOR,      /* widened to F32 */
  NN_FORM_CONV,        /* packed by nn_conv_pack () */
  NN_FORM_CONSTANT,    /* values of nn_constant () */
} NnForm;

/* A weight or constant of a module, on the device or not.  Lives as long as the module. */
typedef struct {
  char         *name;
  NnForm        form;
  PentDtype     stored;         /* as the file has it */
  PentDtype     dtype;          /* as the device has it */
  GBytes       *bytes;          /* host data */
  guint         n, c, size;     /* of a convolution */
  guint64       n_elements;
  PentVkBuffer *buffer;         /* NULL while not resident */
  gboolean      imported;       /* the buffer is the file itself */
} NnResident;

struct _PentNnTensor {
  PentNnGraph  *graph;
  NnOp          op;
  guint         id;                     /* order of making */
  guint         n_dims;
  guint         shape[4];
  PentNnTensor *in[NN_MAX_IN];

  /* what the operation is told */
  NnAct         act;
  float         eps, scale, offset;     /* affine: x*scale + offset; attention: scale */
  guint         groups, kernel, stride, pad_before, pad_after;
  guint         axis, first;            /* slice, concat */
  guint         axes[4];                /* transpose */
  guint         every;                  /* rows of x for each row of the row operands; 0 = they have x's shape */
  gboolean      interleaved, causal;
  const char   *name;                   /* input, state */
  GBytes       *bytes;                  /* constant */
  NnResident   *resident;               /* weight, constant */
  struct _NnStateBuffer *state;

  /* nn-live.c, nn-fuse.c */
  gboolean      live;
  guint         uses;
  gboolean      wanted;                 /* an output or traced: it must exist as itself */

  /* nn-types.c */
  PentDtype     dtype;
  int           exponent;               /* what is stored is the value times 2^exponent */
  gboolean      keep_f32;

  /* nn-lower.c: element i, j, … lies at root[at + i*strides[0] + j*strides[1] …] */
  PentNnTensor *root;
  guint64       at;                     /* elements */
  guint64       strides[4];
  gboolean      placed;                 /* in a concatenation, before it was its turn */
  PentNnTensor *copies[3];              /* contiguous copies already made, by PentDtype F32, F16, BF16 */

  /* nn-plan.c, of roots: steps of the schedule, bytes */
  gboolean      planned;
  PentNnTensor *same;                   /* written over this root, whose last reader made it */
  guint         begin, end;
  guint64       size, place;
  guint64       scratch_place, scratch_size;
};

typedef struct {
  const char   *name;
  PentNnTensor *tensor;                 /* as named; after lowering the F32 or I32 value to copy out */
  guint         n_dims, shape[4];
  guint64       place, size;            /* in the upload or readback buffer */
} NnPort;

typedef enum {
  NN_DISABLE_FUSION = 1 << 0,           /* "fusion" */
  NN_DISABLE_ARENA = 1 << 1,            /* "arena": every value has memory of its own */
  NN_DISABLE_VIEWS = 1 << 2,            /* "views": reshape, slice, concat … are copies */
  NN_DISABLE_IMPORT = 1 << 3,           /* "import": weights are uploaded */
  NN_DISABLE_GUARD = 1 << 4,            /* "guard": no exponents */
} NnDisable;

struct _PentNnGraph {
  gatomicrefcount  ref_count;
  PentNnModule    *module;
  char            *label;
  GError          *error;               /* the first */
  GStringChunk    *strings;
  GPtrArray       *blocks;              /* of tensors */
  GPtrArray       *tensors;             /* in order of making */
  PentNnTensor    *inert;
  GString         *scope;
  GArray          *scopes;              /* gsize: lengths of the outer ones */
  GArray          *inputs, *outputs;    /* NnPort */
  GHashTable      *names;               /* nn_name (): name -> tensor */
  GPtrArray       *traces;
  GPtrArray       *states;              /* PentNnState references */

  /* after compile */
  gboolean         compiled;            /* or tried */
  gboolean         ready;               /* its memory is there */
  NnDisable        disable;
  PentNnPrecision  precision;           /* F32 where the device has no 16-bit storage */
  GPtrArray       *schedule;            /* tensors that are work */
  GPtrArray       *residents;           /* NnResident that the schedule reads */
  guint64          arena_size;
  guint64          chunk_size;          /* the arena's buffers are this large at most; tests set it before */
  GPtrArray       *arena;               /* PentVkBuffer */
  PentVkBuffer    *upload, *input_buffer, *readback;
  guint64          input_bytes, readback_bytes;
  PentVkCommand   *command;             /* NULL when weights were evicted */
  PentNnStats      stats;
};

/* ---- nn-graph.c ---- */

/* Keeps the first error; the message is prefixed with the graph's label and the scope. */
void          nn_fail (PentNnGraph *g, PentError code, const char *format, ...) G_GNUC_PRINTF (3, 4);
/* A new node; `shape` ends with 0 or after four.  Checks the number of elements. */
PentNnTensor *nn_node (PentNnGraph *g, NnOp op, const guint *shape, guint n_dims);
/* A node made while compiling, with x's shape; not in g->tensors. */
PentNnTensor *nn_node_raw (PentNnGraph *g, NnOp op, const PentNnTensor *like);
/* TRUE if the graph is without error and the tensors (ended by NULL) belong to it. */
gboolean      nn_ready (PentNnGraph *g, ...) G_GNUC_NULL_TERMINATED;
const char   *nn_scoped (PentNnGraph *g, const char *name);
char         *nn_shape_text (const guint *shape, guint n_dims);

static inline guint64
nn_elements (const PentNnTensor *x)
{
  guint64 n = 1;

  for (guint i = 0; i < x->n_dims; i++)
    n *= x->shape[i];
  return n;
}

static inline guint
nn_width (const PentNnTensor *x)
{
  return x->shape[x->n_dims - 1];
}

static inline guint
nn_rows (const PentNnTensor *x)
{
  return nn_elements (x) / nn_width (x);
}

static inline gboolean
nn_same_shape (const PentNnTensor *a, const PentNnTensor *b)
{
  if (a->n_dims != b->n_dims)
    return FALSE;
  for (guint i = 0; i < a->n_dims; i++)
    if (a->shape[i] != b->shape[i])
      return FALSE;
  return TRUE;
}

static inline gboolean
nn_is_source (const PentNnTensor *x)
{
  return x->op == NN_OP_INPUT || x->op == NN_OP_CONSTANT || x->op == NN_OP_WEIGHT || x->op == NN_OP_STATE;
}

static inline gboolean
nn_is_view (const PentNnTensor *x)
{
  return x->op >= NN_OP_RESHAPE && x->op <= NN_OP_CONCAT;
}

/* ---- compiling ---- */

gboolean      nn_live (PentNnGraph *g);          /* FALSE with g->error: a traced name that is not there */
void          nn_fuse (PentNnGraph *g);
void          nn_types (PentNnGraph *g);
void          nn_lower (PentNnGraph *g);
void          nn_plan (PentNnGraph *g);
void          nn_record (PentNnGraph *g);
/* Bytes of temporary memory a node needs while it runs. */
guint64       nn_scratch_size (PentNnGraph *g, const PentNnTensor *t);
/* The root that holds x after planning. */
PentNnTensor *nn_root (const PentNnTensor *x);

/* nn-lower.c: rows of width elements side by side, `stride` elements apart; FALSE if x does not lie like that. */
gboolean      nn_row_stride (const PentNnTensor *x, guint64 *stride);
/* [.., heads, h]: the heads of a row side by side, rows `stride` apart. */
gboolean      nn_head_stride (const PentNnTensor *x, guint64 *stride);
gboolean      nn_is_contiguous (const PentNnTensor *x);
/* Strides that see x, lying with `strides`, under another shape of as many elements; FALSE if it takes a copy. */
gboolean      nn_reshape_strides (const guint *from, const guint64 *strides, guint n_from, const guint *to, guint n_to,
                                  guint64 *result);
/* One walk over the operands that count as reading memory. */
#define NN_EACH_IN(t, i) for (guint i = 0; i < NN_MAX_IN; i++) if ((t)->in[i] != NULL)

/* ---- nn-module.c ---- */

PentNnPrecision   nn_module_get_precision (PentNnModule *self);
/* The record of a weight; it is uploaded by nn_module_load ().  Known to exist in the weights. */
NnResident       *nn_module_weight (PentNnModule *self, const char *name, NnForm form);
NnResident       *nn_module_constant (PentNnModule *self, GBytes *bytes);
/* Device bytes that loading these (NnResident) would allocate. */
guint64           nn_module_missing (PentNnModule *self, GPtrArray *residents, gboolean import);
gboolean          nn_module_load (PentNnModule *self, GPtrArray *residents, gboolean import, GError **error);
void              nn_module_add_graph (PentNnModule *self, PentNnGraph *graph);
void              nn_module_remove_graph (PentNnModule *self, PentNnGraph *graph);
/* Called on eviction, so that the recorded command lets go of the weights. */
void              nn_graph_drop_command (PentNnGraph *g);

/* ---- nn-state.c ---- */

typedef struct _NnStateBuffer {
  char         *name;
  guint         n_dims, shape[4];
  PentDtype     dtype;
  PentVkBuffer *buffer;                 /* NULL until a graph that uses it is compiled */
} NnStateBuffer;

PentNnState      *nn_state_ref (PentNnState *self);
PentNnModule     *nn_state_get_module (PentNnState *self);
/* The buffer of that name; NULL if it exists with another shape. */
NnStateBuffer    *nn_state_find (PentNnState *self, const char *name, const guint *shape, guint n_dims);
void              nn_state_buffer_allocate (NnStateBuffer *self, PentVkContext *context, const char *label);
guint64           nn_state_buffer_size (const NnStateBuffer *self);

G_END_DECLS
