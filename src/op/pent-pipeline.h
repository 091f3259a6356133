/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include "pent-files.h"
#include "pent-image.h"
#include "pent-nn.h"
#include "pent-schedule.h"
#include "pent-tokenizer.h"
#include "pent-chat-template.h"

G_BEGIN_DECLS

/* PentPipeline: a loaded model as an operation sees it: words to conditioning, latent to velocity, latent to picture.
 * One subclass a family (pipeline-zimage.c …), which knows how that family's parts fit together; operations know none.
 *
 * Latents are F32 on the host, [latent_channels, height/factor, width/factor], already in the denoiser's scale.
 * All calls block; GError codes as in pent-error.h; cancellation is G_IO_ERROR_CANCELLED between submissions.
 * Thread-safety: like the context's. */
#define PENT_TYPE_PIPELINE (pent_pipeline_get_type ())
G_DECLARE_DERIVABLE_TYPE (PentPipeline, pent_pipeline, PENT, PIPELINE, GObject)

typedef struct {
  const char      *family;              /* "z-image" */
  guint            latent_channels;
  guint            factor;              /* picture pixels a latent pixel: sizes are multiples of `multiple` */
  guint            multiple;            /* factor * patch */
  guint            width, height;       /* default size */
  guint            steps;               /* default */
  double           guidance;            /* default */
  double           guidance_base;       /* guided = positive + (guidance - base) * (positive - negative): 1 in most
                                           families, 0 for Z-Image; at or below 1 the negative is not run in either */
  gboolean         has_negative;
  guint            max_tokens;          /* of a prompt */
  PentFlowSchedule schedule;
} PentPipelineInfo;

/* What the words became; opaque to operations.  Cached by the pipeline for the last few prompts. */
typedef struct _PentConditioning PentConditioning;

struct _PentPipelineClass {
  GObjectClass parent_class;
  const char *name;
  /* How sure the family is that these files are its own: 0 … 100, by tensor names and configs, never by file names. */
  int               (*probe)    (PentFiles *files);
  gboolean          (*load)     (PentPipeline *self, PentFiles *files, GError **error);
  PentConditioning *(*encode)   (PentPipeline *self, const char *prompt, GCancellable *cancellable, GError **error);
  void              (*free_conditioning) (PentConditioning *conditioning);
  /* velocity = model (latent, sigma | conditioning), without guidance. */
  gboolean          (*denoise)  (PentPipeline *self, PentConditioning *conditioning, const float *latent, guint height,
                                 guint width, double sigma, float *velocity, GCancellable *cancellable, GError **error);
  /* Picture planes [3, h*factor, w*factor] in about [-1, 1] from a latent [c, h, w], and back (the posterior's mean). */
  gboolean          (*decode)   (PentPipeline *self, const float *latent, guint height, guint width, float *planes,
                                 GCancellable *cancellable, GError **error);
  gboolean          (*encode_image) (PentPipeline *self, const float *planes, guint height, guint width, float *latent,
                                     GCancellable *cancellable, GError **error);
  /* A quick look at a latent at sigma: any size; may be NULL (then no previews). */
  PentImage        *(*preview)  (PentPipeline *self, const float *latent, const float *velocity, double sigma,
                                 guint height, guint width);
  /* Device bytes that a run of this size needs beyond the weights, for the message before starting. */
  guint64           (*estimate) (PentPipeline *self, guint height, guint width);
};

/* The fields of a scheduler_config.json for flow matching. */
gboolean                pent_flow_schedule_read (PentFlowSchedule *schedule, PentFiles *files, const char *name,
                                                 GError **error);

/* Finds the family and loads it (weights are mapped, and uploaded on first use).  A folder in the hub's diffusers layout or a single
 * file; `extra` (may be NULL) are further files in which a single file's missing parts are looked for. */
PentPipeline           *pent_pipeline_load (PentVkContext *context, PentFiles *files, PentFiles *const *extra,
                                            PentNnPrecision precision, GError **error);

PentVkContext          *pent_pipeline_get_context (PentPipeline *self);
PentNnPrecision         pent_pipeline_get_precision (PentPipeline *self);
const PentPipelineInfo *pent_pipeline_get_info (PentPipeline *self);
PentTokenizer          *pent_pipeline_get_tokenizer (PentPipeline *self);          /* transfer none */
/* SHA-256 over the weight files' headers and sizes, hex: tells two models apart without reading all of them. */
const char             *pent_pipeline_get_id (PentPipeline *self);

PentConditioning       *pent_pipeline_encode (PentPipeline *self, const char *prompt, GCancellable *cancellable,
                                              GError **error);
void                    pent_conditioning_unref (PentConditioning *conditioning);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentConditioning, pent_conditioning_unref)
gboolean                pent_pipeline_denoise (PentPipeline *self, PentConditioning *conditioning, const float *latent,
                                               guint height, guint width, double sigma, float *velocity,
                                               GCancellable *cancellable, GError **error);
gboolean                pent_pipeline_decode (PentPipeline *self, const float *latent, guint height, guint width,
                                              float *planes, GCancellable *cancellable, GError **error);
gboolean                pent_pipeline_encode_image (PentPipeline *self, const float *planes, guint height, guint width,
                                                    float *latent, GCancellable *cancellable, GError **error);
PentImage              *pent_pipeline_preview (PentPipeline *self, const float *latent, const float *velocity,
                                               double sigma, guint height, guint width);
guint64                 pent_pipeline_estimate (PentPipeline *self, guint height, guint width);

/* PentLanguage: the language path: a causal decoder with its tokenizer and template.  The same files as a text encoder
 * of the same architecture, or a model of its own. */
#define PENT_TYPE_LANGUAGE (pent_language_get_type ())
G_DECLARE_FINAL_TYPE (PentLanguage, pent_language, PENT, LANGUAGE, GObject)

PentLanguage     *pent_language_load (PentVkContext *context, PentFiles *files, PentNnPrecision precision, GError **error);
PentTokenizer    *pent_language_get_tokenizer (PentLanguage *self);
PentChatTemplate *pent_language_get_template (PentLanguage *self);                  /* or NULL */
guint             pent_language_get_context_length (PentLanguage *self);
guint             pent_language_get_vocab_size (PentLanguage *self);

/* Starts over, then feeds tokens; logits (F32 [vocab]) are those after the last of them. */
void              pent_language_reset (PentLanguage *self);
gboolean          pent_language_feed (PentLanguage *self, const guint32 *ids, gsize n, float *logits,
                                      GCancellable *cancellable, GError **error);
gboolean          pent_language_is_end (PentLanguage *self, guint32 id);

G_END_DECLS
