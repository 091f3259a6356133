/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-nn-weights.h"

G_BEGIN_DECLS

/* What the readers of weight files share. */

/* One tensor as the component has it. */
typedef struct {
  PentNnWeight  weight;         /* weight.name is `name` */
  char         *name;           /* after renaming */
  char         *stored_name;    /* as the file has it */
  char         *file;           /* the file's name within the set; a GRefString */
  char         *where;          /* that file as messages call it; a GRefString */
} NnWeightEntry;

void        nn_weight_entry_free (NnWeightEntry *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (NnWeightEntry, nn_weight_entry_free)

/* Adds a tensor while opening.  `file` is its file within the set, `where` the same for messages; only name, dtype,
 * shape and bytes of `weight` are looked at, and copied.  PENT_ERROR_MODEL if the name is taken. */
gboolean    nn_weights_add (PentNnWeights *self, const char *file, const char *where, const PentNnWeight *weight,
                            GError **error);
void        nn_weights_add_metadata (PentNnWeights *self, const char *name, const char *value);

/* "“NAME” in FILE", with the stored name where it differs; for messages; free it. */
char       *nn_weights_describe (PentNnWeights *self, const char *name);
/* The one file of the component, or its label if there are several; for messages. */
const char *nn_weights_where (PentNnWeights *self);
/* "[3, 4]"; free it. */
char       *nn_shape_to_string (const gint64 *shape, guint n_dims);

/* A file format.  nn-weights-NAME.c defines `const NnWeightsFormat nn_weights_NAME`; meson.build lists the names. */
typedef struct {
  const char *name;
  const char *suffix;           /* ".safetensors" */
  /* Adds all tensors of file `name` whose contents are `map`.  what: the file for messages.  PENT_ERROR_FILE. */
  gboolean  (*read) (PentNnWeights *self, const char *name, const char *what, GBytes *map, GError **error);
} NnWeightsFormat;

extern const NnWeightsFormat *const nn_weights_formats[];      /* ended by NULL; generated */

const NnWeightsFormat *nn_weights_format_for (const char *file);

/* Reads one file by its format. */
gboolean    nn_weights_read_file (PentNnWeights *self, PentFiles *files, const char *name, GError **error);

/* Reads "….safetensors.index.json" and the shards it names. */
gboolean    nn_weights_read_index (PentNnWeights *self, PentFiles *files, const char *name, GError **error);

/* The entries by name; for the index and renaming. */
GHashTable *nn_weights_get_entries (PentNnWeights *self);      /* char * (entry->name) -> NnWeightEntry */
void        nn_weights_set_entries (PentNnWeights *self, GHashTable *entries);     /* takes it */

G_END_DECLS
