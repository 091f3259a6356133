/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-dtype.h"
#include "pent-files.h"

G_BEGIN_DECLS

/* PentNnWeights: the tensors of one component of a model by name, memory-mapped, whatever files they lie in.
 *
 * Formats describe themselves in nn-weights-*.c (safetensors now; a list in meson.build is the registry).  Headers are
 * checked completely on opening: no tensor reaches outside its file, overlaps another, or has a size that its shape
 * contradicts.  Data is read when used.
 *
 * Renaming makes one architecture's files in several layouts look alike, so that a model file knows one set of names.
 *
 * Thread-safety: immutable after opening and renaming. */
typedef struct _PentNnWeights PentNnWeights;

#define PENT_NN_MAX_DIMS 6

typedef struct {
  const char *name;                       /* the name asked for */
  PentDtype   dtype;
  guint       n_dims;
  gint64      shape[PENT_NN_MAX_DIMS];    /* row-major, last axis fastest */
  GBytes     *bytes;                      /* of exactly this tensor (a slice of the map); owned by the weights */
} PentNnWeight;

/* names: the weight files in `files` (NULL-terminated), e.g. { "text_encoder/model.safetensors", NULL }; or NULL: the
 * component is found by itself ("model.safetensors.index.json" with its shards, else the one *.safetensors there is).
 * A tensor that occurs twice is PENT_ERROR_MODEL; a malformed file PENT_ERROR_FILE naming file and field. */
PentNnWeights      *pent_nn_weights_open (PentFiles *files, const char *const *names, GError **error);
PentNnWeights      *pent_nn_weights_ref (PentNnWeights *self);
void                pent_nn_weights_unref (PentNnWeights *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentNnWeights, pent_nn_weights_unref)

const char         *pent_nn_weights_get_label (PentNnWeights *self);          /* for messages */
GPtrArray          *pent_nn_weights_get_names (PentNnWeights *self);          /* sorted, after renaming; owned by self */
gboolean            pent_nn_weights_has (PentNnWeights *self, const char *name);
/* NULL if absent.  Owned by the weights. */
const PentNnWeight *pent_nn_weights_get (PentNnWeights *self, const char *name);
GHashTable         *pent_nn_weights_get_metadata (PentNnWeights *self);       /* "__metadata__", string -> string */

/* Renaming rules, tried in order on every tensor; the first that matches wins; a tensor that none matches keeps its
 * name.  '*' in `from` matches any run of characters within one name and is put in place of '*' in `to`, in order.
 * With parts > 1 the tensor's first axis is cut in that many equal parts and this rule is part `part` of them (fused
 * qkv); then all rules with the same `from` apply.  to NULL drops the tensor.  Ended by from NULL. */
typedef struct {
  const char *from;
  const char *to;
  guint8      parts, part;
} PentNnRename;

/* PENT_ERROR_MODEL if two tensors get one name, or an axis does not divide. */
gboolean            pent_nn_weights_rename (PentNnWeights *self, const PentNnRename *rules, GError **error);

G_END_DECLS
