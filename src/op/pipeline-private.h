/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-pipeline.h"

G_BEGIN_DECLS

/* For the families, pipeline-*.c. */

/* A family's conditioning begins with this. */
struct _PentConditioning {
  gatomicrefcount        ref_count;
  PentPipelineClass     *klass;
};

/* size: of the family's struct, zeroed. */
PentConditioning  *pent_conditioning_alloc (PentPipeline *self, gsize size);

/* Loads files as this family, whichever would be chosen for them; context may be NULL where the family needs none. */
PentPipeline      *pent_pipeline_load_as (GType family, PentVkContext *context, PentFiles *files,
                                          PentFiles *const *extra, PentNnPrecision precision, GError **error);

PentPipelineInfo  *pent_pipeline_edit_info (PentPipeline *self);
void               pent_pipeline_set_tokenizer (PentPipeline *self, PentTokenizer *tokenizer);      /* keeps a reference */

/* The files in which missing parts are looked for, the model's own first; NULL-terminated. */
PentFiles *const  *pent_pipeline_get_sources (PentPipeline *self);

/* Graphs by shape: the last few are kept.  make () builds the graph for a shape not seen. */
typedef struct { guint shape[4]; } PentGraphKey;
typedef struct _PentGraphCache PentGraphCache;
typedef PentNnGraph *(*PentGraphMake) (gpointer data, const PentGraphKey *key);
PentGraphCache    *pent_graph_cache_new (guint size, PentGraphMake make, gpointer data);
void               pent_graph_cache_free (PentGraphCache *self);
/* Builds and compiles on a miss.  Owned by the cache, valid until the next call. */
PentNnGraph       *pent_graph_cache_get (PentGraphCache *self, const PentGraphKey *key, GError **error);

/* planes [c, n] <-> pixels [n, c]. */
void               pent_planes_to_pixels (const float *planes, float *pixels, gsize n, guint channels);
void               pent_pixels_to_planes (const float *pixels, float *planes, gsize n, guint channels);

G_END_DECLS
