/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake-pipeline.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pent-error.h"
#include "pipeline-private.h"

struct _FakePipeline {
  PentPipeline parent_instance;
  FakeCounts   counts;
};

G_DEFINE_FINAL_TYPE (FakePipeline, fake_pipeline, PENT_TYPE_PIPELINE)

typedef struct {
  PentConditioning parent;
  char            *prompt;
  float            colour[FAKE_CHANNELS];
} FakeConditioning;

static int n_loaded;

/* ---- words ---- */

static guint
count_words (const char *text)
{
  g_auto (GStrv) words = g_strsplit_set (text, " \n\t", -1);
  guint n = 0;

  for (gsize i = 0; words[i] != NULL; i++)
    n += *words[i] != '\0';
  return n;
}

static PentConditioning *
fake_encode (PentPipeline *pipeline, const char *prompt, GCancellable *cancellable, GError **error)
{
  FakePipeline *self = FAKE_PIPELINE (pipeline);
  guint n = count_words (prompt), hash = g_str_hash (prompt);
  FakeConditioning *conditioning;

  self->counts.n_encoded++;
  if (n > FAKE_WORDS)
    return g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID,
                        "The prompt is %u tokens long, and this model takes at most %u; shorten it", n,
                        FAKE_WORDS), NULL;
  if (g_str_has_prefix (prompt, "full"))
    return g_set_error (error, PENT_ERROR, PENT_ERROR_MEMORY, "The fake device is full"), NULL;

  conditioning = (FakeConditioning *) pent_conditioning_alloc (pipeline, sizeof *conditioning);
  conditioning->prompt = g_strdup (prompt);
  for (guint c = 0; c < FAKE_CHANNELS; c++)
    conditioning->colour[c] = (float) (hash >> 8 * c & 255) / 127.5f - 1;
  return &conditioning->parent;
}

static void
fake_free_conditioning (PentConditioning *conditioning)
{
  g_free (((FakeConditioning *) conditioning)->prompt);
}

/* ---- pictures ---- */

/* Sleeps on the cancellable's descriptor. */
static gboolean
wait_for_cancel (GCancellable *cancellable, GError **error)
{
  GPollFD fd = { .events = G_IO_IN };

  if (cancellable != NULL && g_cancellable_make_pollfd (cancellable, &fd))
    {
      g_poll (&fd, 1, -1);
      g_cancellable_release_fd (cancellable);
    }
  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}

/* What the prompt makes every step but the model's first do. */
static gboolean
misbehave (const char *prompt, GCancellable *cancellable, GError **error)
{
  if (g_str_has_prefix (prompt, "crash"))
    {
      signal (SIGSEGV, SIG_DFL);      /* sanitizers would report it */
      raise (SIGSEGV);
    }
  if (g_str_has_prefix (prompt, "leave"))
    _exit (3);
  if (g_str_has_prefix (prompt, "wait"))
    return wait_for_cancel (cancellable, error);
  if (g_str_has_prefix (prompt, "lost"))
    return g_set_error (error, PENT_ERROR, PENT_ERROR_DEVICE_LOST, "The fake device is lost"), FALSE;
  return TRUE;
}

static gboolean
fake_denoise (PentPipeline *pipeline, PentConditioning *conditioning, const float *latent, guint height, guint width,
              double sigma, float *velocity, GCancellable *cancellable, GError **error)
{
  FakePipeline *self = FAKE_PIPELINE (pipeline);
  FakeConditioning *words = (FakeConditioning *) conditioning;
  gsize n = (gsize) height * width;

  if (self->counts.n_denoised++ > 0 && !misbehave (words->prompt, cancellable, error))
    return FALSE;
  /* The straight way from here to the colour, a little of the noise kept, so that the seed is seen in the end. */
  for (guint c = 0; c < FAKE_CHANNELS; c++)
    for (gsize i = 0; i < n; i++)
      {
        float x = latent[c * n + i];

        velocity[c * n + i] = g_str_has_prefix (words->prompt, "nan") ? NAN
                              : (float) ((x - words->colour[c]) * (0.6 + 0.2 * sigma));
      }
  return TRUE;
}

static gboolean
fake_decode (PentPipeline *pipeline, const float *latent, guint height, guint width, float *planes,
             GCancellable *cancellable, GError **error)
{
  gsize n = (gsize) height * width, w = (gsize) width * FAKE_FACTOR, h = (gsize) height * FAKE_FACTOR;

  FAKE_PIPELINE (pipeline)->counts.n_decoded++;
  for (guint c = 0; c < 3; c++)
    for (gsize y = 0; y < h; y++)
      for (gsize x = 0; x < w; x++)
        planes[c * h * w + y * w + x] = latent[c * n + y / FAKE_FACTOR * width + x / FAKE_FACTOR];
  return TRUE;
}

static gboolean
fake_encode_image (PentPipeline *pipeline, const float *planes, guint height, guint width, float *latent,
                   GCancellable *cancellable, GError **error)
{
  guint h = height / FAKE_FACTOR, w = width / FAKE_FACTOR;

  FAKE_PIPELINE (pipeline)->counts.n_images++;
  for (guint c = 0; c < FAKE_CHANNELS; c++)
    for (guint y = 0; y < h; y++)
      for (guint x = 0; x < w; x++)
        latent[((gsize) c * h + y) * w + x] =
          c == 3 ? 0 : planes[((gsize) c * height + y * FAKE_FACTOR) * width + x * FAKE_FACTOR];
  return TRUE;
}

static PentImage *
fake_preview (PentPipeline *pipeline, const float *latent, const float *velocity, double sigma, guint height,
              guint width)
{
  gsize n = (gsize) height * width;
  g_autofree float *planes = g_new (float, 3 * n);

  FAKE_PIPELINE (pipeline)->counts.n_previews++;
  for (gsize i = 0; i < 3 * n; i++)
    planes[i] = latent[i] - (float) sigma * velocity[i];
  return pent_image_new_from_planes (planes, width, height);
}

static guint64
fake_estimate (PentPipeline *pipeline, guint height, guint width)
{
  return (guint64) height * width * FAKE_CHANNELS * sizeof (float);
}

/* ---- object ---- */

static int
fake_probe (PentFiles *files)
{
  return 0;
}

static gboolean
fake_load (PentPipeline *pipeline, PentFiles *files, GError **error)
{
  PentPipelineInfo *info = pent_pipeline_edit_info (pipeline);

  if (pent_files_has (files, "broken.json"))
    return g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL, "%s is broken", pent_files_get_label (files)), FALSE;
  *info = (PentPipelineInfo) {
    .family = "fake", .latent_channels = FAKE_CHANNELS, .factor = FAKE_FACTOR, .multiple = FAKE_MULTIPLE,
    .width = 64, .height = 64, .steps = 8, .guidance = 3, .guidance_base = 1, .has_negative = TRUE,
    .max_tokens = FAKE_WORDS, .schedule = PENT_FLOW_SCHEDULE_INIT,
  };
  info->schedule.sigma_min = 0;
  return TRUE;
}

static void
fake_pipeline_class_init (FakePipelineClass *klass)
{
  PentPipelineClass *pipeline_class = PENT_PIPELINE_CLASS (klass);

  pipeline_class->name = "fake";
  pipeline_class->probe = fake_probe;
  pipeline_class->load = fake_load;
  pipeline_class->encode = fake_encode;
  pipeline_class->free_conditioning = fake_free_conditioning;
  pipeline_class->denoise = fake_denoise;
  pipeline_class->decode = fake_decode;
  pipeline_class->encode_image = fake_encode_image;
  pipeline_class->preview = fake_preview;
  pipeline_class->estimate = fake_estimate;
}

static void
fake_pipeline_init (FakePipeline *self)
{
}

PentPipeline *
fake_pipeline_new (void)
{
  g_autoptr (PentFiles) files = pent_files_new_for_fds ("fake", NULL, NULL, 0);
  PentPipeline *self = pent_pipeline_load_as (FAKE_TYPE_PIPELINE, NULL, files, NULL, PENT_NN_PRECISION_F32, NULL);

  g_assert_nonnull (self);
  return self;
}

const FakeCounts *
fake_pipeline_get_counts (PentPipeline *pipeline)
{
  return &FAKE_PIPELINE (pipeline)->counts;
}

void
fake_pipeline_set_guidance_base (PentPipeline *pipeline, double base)
{
  pent_pipeline_edit_info (pipeline)->guidance_base = base;
}

/* ---- behind the engine ---- */

static PentVkContext *
open_no_device (const char *device, GError **error)
{
  if (g_strcmp0 (device, "none") == 0)
    g_set_error (error, PENT_ERROR, PENT_ERROR_DEVICE, "There is no device “none”");
  return NULL;
}

static PentPipeline *
load_fake (PentVkContext *context, PentFiles *files, PentFiles *const *extra, PentNnPrecision precision, GError **error)
{
  g_atomic_int_inc (&n_loaded);
  return pent_pipeline_load_as (FAKE_TYPE_PIPELINE, context, files, extra, precision, error);
}

static PentLanguage *
load_no_language (PentVkContext *context, PentFiles *files, PentNnPrecision precision, GError **error)
{
  return g_set_error (error, PENT_ERROR, PENT_ERROR_UNSUPPORTED, "The fake model has no language"), NULL;
}

const PentEngineBackend fake_backend = { open_no_device, load_fake, load_no_language };

guint
fake_backend_n_loaded (void)
{
  return g_atomic_int_get (&n_loaded);
}
