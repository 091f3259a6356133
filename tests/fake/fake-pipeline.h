/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-engine-private.h"

G_BEGIN_DECLS

/* A picture model that needs no device and no weights: a latent is four channels at an eighth of the size, words are a
 * hash, the model pulls the latent towards a colour that the hash gives, and pictures are the latent's pixels enlarged.
 * Everything that operations, the engine, the wire and the command line do with a model can be seen on it, in
 * microseconds, and some prompts make it misbehave:
 *   "wait …"    a step waits until the job is cancelled
 *   "crash …"   a step ends the process by a signal
 *   "leave …"   a step ends the process with status 3
 *   "lost …"    a step fails with PENT_ERROR_DEVICE_LOST
 *   "full …"    encoding fails with PENT_ERROR_MEMORY
 *   "nan …"     the velocity is not a number
 * Its prompts hold 64 words. */
#define FAKE_TYPE_PIPELINE (fake_pipeline_get_type ())
G_DECLARE_FINAL_TYPE (FakePipeline, fake_pipeline, FAKE, PIPELINE, PentPipeline)

#define FAKE_CHANNELS 4
#define FAKE_FACTOR 8
#define FAKE_MULTIPLE 16
#define FAKE_WORDS 64

/* Any folder or file; what is missing it does not miss. */
PentPipeline *fake_pipeline_new (void);

/* What it was asked for since it was made. */
typedef struct {
  guint n_encoded, n_denoised, n_decoded, n_images, n_previews;
} FakeCounts;

const FakeCounts *fake_pipeline_get_counts (PentPipeline *pipeline);

/* Its guidance convention; see PentPipelineInfo. */
void fake_pipeline_set_guidance_base (PentPipeline *pipeline, double base);

extern const PentEngineBackend fake_backend;

/* How often fake_backend has loaded a pipeline. */
guint fake_backend_n_loaded (void);

G_END_DECLS
