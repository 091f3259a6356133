/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-pipeline.h"

#include <string.h>
#include "family-list.h"
#include "pent-error.h"
#include "pent-json.h"
#include "pipeline-private.h"

#define PENT_FAMILY(name) GType pent_pipeline_ ## name ## _get_type (void);
PENT_FAMILY_LIST
#undef PENT_FAMILY

#define MAX_CACHED_PROMPTS 8
#define MAX_HEADER_BYTES (100 << 20)

typedef struct {
  char             *prompt;
  PentConditioning *conditioning;
} CachedPrompt;

typedef struct {
  PentVkContext    *context;
  PentNnPrecision   precision;
  PentPipelineInfo  info;
  PentTokenizer    *tokenizer;
  GPtrArray        *sources;            /* PentFiles, NULL-terminated */
  char             *id;
  GQueue            prompts;            /* CachedPrompt, most recent first */
} PentPipelinePrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (PentPipeline, pent_pipeline, G_TYPE_OBJECT)

static void
cached_prompt_free (gpointer data)
{
  CachedPrompt *cached = data;

  g_free (cached->prompt);
  pent_conditioning_unref (cached->conditioning);
  g_free (cached);
}

static void
pent_pipeline_finalize (GObject *object)
{
  PentPipelinePrivate *priv = pent_pipeline_get_instance_private (PENT_PIPELINE (object));

  g_queue_clear_full (&priv->prompts, cached_prompt_free);
  g_clear_object (&priv->tokenizer);
  g_clear_pointer (&priv->sources, g_ptr_array_unref);
  g_clear_pointer (&priv->context, pent_vk_context_unref);
  g_free (priv->id);

  G_OBJECT_CLASS (pent_pipeline_parent_class)->finalize (object);
}

static void
pent_pipeline_class_init (PentPipelineClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = pent_pipeline_finalize;
}

static void
pent_pipeline_init (PentPipeline *self)
{
  PentPipelinePrivate *priv = pent_pipeline_get_instance_private (self);

  g_queue_init (&priv->prompts);
}

/* ---- loading ---- */

/* Sizes and headers of all weight files: another precision or architecture gives another id, and only the headers
 * are read. */
static char *
identify (PentFiles *files, GError **error)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  const char *const *names = pent_files_get_names (files);

  for (guint i = 0; names[i] != NULL; i++)
    {
      g_autoptr (GBytes) bytes = NULL;
      const guint8 *data;
      gsize size, header;

      if (!g_str_has_suffix (names[i], ".safetensors"))
        continue;
      bytes = pent_files_map (files, names[i], error);
      if (bytes == NULL)
        return NULL;

      data = g_bytes_get_data (bytes, &size);
      header = size >= 8 ? 8 + MIN (GUINT64_FROM_LE (*(const guint64 *) data), MAX_HEADER_BYTES) : size;
      g_checksum_update (sum, (const guchar *) &size, sizeof size);
      g_checksum_update (sum, data, MIN (header, size));
    }

  return g_strdup (g_checksum_get_string (sum));
}

static GType
choose_family (PentFiles *files)
{
#define PENT_FAMILY(name) pent_pipeline_ ## name ## _get_type,
  static GType (*const families[]) (void) = { PENT_FAMILY_LIST };
#undef PENT_FAMILY
  GType best = G_TYPE_INVALID;
  int best_score = 0;

  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    {
      GType type = families[i] ();
      g_autoptr (GTypeClass) klass = g_type_class_ref (type);
      int score = ((PentPipelineClass *) klass)->probe (files);

      if (score > best_score)
        {
          best = type;
          best_score = score;
        }
    }

  return best;
}

PentPipeline *
pent_pipeline_load_as (GType family, PentVkContext *context, PentFiles *files, PentFiles *const *extra,
                       PentNnPrecision precision, GError **error)
{
  g_autoptr (PentPipeline) self = g_object_new (family, NULL);
  PentPipelinePrivate *priv = pent_pipeline_get_instance_private (self);

  priv->context = context != NULL ? pent_vk_context_ref (context) : NULL;
  priv->precision = precision;
  priv->id = identify (files, error);
  if (priv->id == NULL)
    return NULL;

  priv->sources = g_ptr_array_new_null_terminated (4, g_object_unref, TRUE);
  g_ptr_array_add (priv->sources, g_object_ref (files));
  for (guint i = 0; extra != NULL && extra[i] != NULL; i++)
    g_ptr_array_add (priv->sources, g_object_ref (extra[i]));

  if (!PENT_PIPELINE_GET_CLASS (self)->load (self, files, error))
    return NULL;
  return g_steal_pointer (&self);
}

PentPipeline *
pent_pipeline_load (PentVkContext *context, PentFiles *files, PentFiles *const *extra, PentNnPrecision precision,
                    GError **error)
{
  GType family = choose_family (files);

  if (family == G_TYPE_INVALID)
    return g_set_error (error, PENT_ERROR, PENT_ERROR_UNSUPPORTED,
                        "%s is not a picture model of a family that can be run here (Z-Image, as a folder with "
                        "model_index.json or as a .safetensors file)", pent_files_get_label (files)), NULL;
  return pent_pipeline_load_as (family, context, files, extra, precision, error);
}

PentVkContext *
pent_pipeline_get_context (PentPipeline *self)
{
  return ((PentPipelinePrivate *) pent_pipeline_get_instance_private (self))->context;
}

PentNnPrecision
pent_pipeline_get_precision (PentPipeline *self)
{
  return ((PentPipelinePrivate *) pent_pipeline_get_instance_private (self))->precision;
}

const PentPipelineInfo *
pent_pipeline_get_info (PentPipeline *self)
{
  return pent_pipeline_edit_info (self);
}

PentPipelineInfo *
pent_pipeline_edit_info (PentPipeline *self)
{
  return &((PentPipelinePrivate *) pent_pipeline_get_instance_private (self))->info;
}

PentTokenizer *
pent_pipeline_get_tokenizer (PentPipeline *self)
{
  return ((PentPipelinePrivate *) pent_pipeline_get_instance_private (self))->tokenizer;
}

void
pent_pipeline_set_tokenizer (PentPipeline *self, PentTokenizer *tokenizer)
{
  g_set_object (&((PentPipelinePrivate *) pent_pipeline_get_instance_private (self))->tokenizer, tokenizer);
}

PentFiles *const *
pent_pipeline_get_sources (PentPipeline *self)
{
  return (PentFiles *const *) ((PentPipelinePrivate *) pent_pipeline_get_instance_private (self))->sources->pdata;
}

const char *
pent_pipeline_get_id (PentPipeline *self)
{
  return ((PentPipelinePrivate *) pent_pipeline_get_instance_private (self))->id;
}

/* ---- conditioning ---- */

PentConditioning *
pent_conditioning_alloc (PentPipeline *self, gsize size)
{
  PentConditioning *conditioning = g_malloc0 (size);

  g_atomic_ref_count_init (&conditioning->ref_count);
  conditioning->klass = PENT_PIPELINE_GET_CLASS (self);
  return conditioning;
}

static PentConditioning *
conditioning_ref (PentConditioning *conditioning)
{
  g_atomic_ref_count_inc (&conditioning->ref_count);
  return conditioning;
}

void
pent_conditioning_unref (PentConditioning *conditioning)
{
  if (!g_atomic_ref_count_dec (&conditioning->ref_count))
    return;
  conditioning->klass->free_conditioning (conditioning);
  g_free (conditioning);
}

PentConditioning *
pent_pipeline_encode (PentPipeline *self, const char *prompt, GCancellable *cancellable, GError **error)
{
  PentPipelinePrivate *priv = pent_pipeline_get_instance_private (self);
  PentConditioning *conditioning;
  CachedPrompt *cached;

  for (GList *l = priv->prompts.head; l != NULL; l = l->next)
    {
      cached = l->data;
      if (g_str_equal (cached->prompt, prompt))
        {
          g_queue_unlink (&priv->prompts, l);
          g_queue_push_head_link (&priv->prompts, l);
          return conditioning_ref (cached->conditioning);
        }
    }

  conditioning = PENT_PIPELINE_GET_CLASS (self)->encode (self, prompt, cancellable, error);
  if (conditioning == NULL)
    return NULL;

  cached = g_new (CachedPrompt, 1);
  *cached = (CachedPrompt) { g_strdup (prompt), conditioning_ref (conditioning) };
  g_queue_push_head (&priv->prompts, cached);
  if (priv->prompts.length > MAX_CACHED_PROMPTS)
    cached_prompt_free (g_queue_pop_tail (&priv->prompts));

  return conditioning;
}

/* ---- the family's steps ---- */

gboolean
pent_pipeline_denoise (PentPipeline *self, PentConditioning *conditioning, const float *latent, guint height, guint width,
                       double sigma, float *velocity, GCancellable *cancellable, GError **error)
{
  return PENT_PIPELINE_GET_CLASS (self)->denoise (self, conditioning, latent, height, width, sigma, velocity, cancellable,
                                                  error);
}

gboolean
pent_pipeline_decode (PentPipeline *self, const float *latent, guint height, guint width, float *planes,
                      GCancellable *cancellable, GError **error)
{
  return PENT_PIPELINE_GET_CLASS (self)->decode (self, latent, height, width, planes, cancellable, error);
}

gboolean
pent_pipeline_encode_image (PentPipeline *self, const float *planes, guint height, guint width, float *latent,
                            GCancellable *cancellable, GError **error)
{
  return PENT_PIPELINE_GET_CLASS (self)->encode_image (self, planes, height, width, latent, cancellable, error);
}

PentImage *
pent_pipeline_preview (PentPipeline *self, const float *latent, const float *velocity, double sigma, guint height,
                       guint width)
{
  PentPipelineClass *klass = PENT_PIPELINE_GET_CLASS (self);

  return klass->preview != NULL ? klass->preview (self, latent, velocity, sigma, height, width) : NULL;
}

guint64
pent_pipeline_estimate (PentPipeline *self, guint height, guint width)
{
  return PENT_PIPELINE_GET_CLASS (self)->estimate (self, height, width);
}

/* ---- for the families ---- */

gboolean
pent_flow_schedule_read (PentFlowSchedule *schedule, PentFiles *files, const char *name, GError **error)
{
  g_auto (PentJson) j = PENT_JSON_INIT;
  PentFlowSchedule s = PENT_FLOW_SCHEDULE_INIT;

  pent_json_load (&j, files, name);
  if (strstr (pent_json_string (&j, "_class_name", "FlowMatch"), "FlowMatch") == NULL)
    pent_json_fail (&j, "_class_name", "is \"%s\", and a flow-matching scheduler is needed",
                    pent_json_string (&j, "_class_name", ""));

  s.train_steps = pent_json_int (&j, "num_train_timesteps", s.train_steps, 1, 1000000);
  s.shift = pent_json_float (&j, "shift", s.shift, 1e-3, 1e3);
  s.dynamic = pent_json_bool (&j, "use_dynamic_shifting", FALSE);
  s.dynamic_linear = g_str_equal (pent_json_string (&j, "time_shift_type", "exponential"), "linear");
  s.base_shift = pent_json_float (&j, "base_shift", s.base_shift, -100, 100);
  s.max_shift = pent_json_float (&j, "max_shift", s.max_shift, -100, 100);
  s.base_tokens = pent_json_int (&j, "base_image_seq_len", s.base_tokens, 1, G_MAXINT);
  s.max_tokens = pent_json_int (&j, "max_image_seq_len", s.max_tokens, 1, G_MAXINT);
  s.shift_terminal = pent_json_float (&j, "shift_terminal", 0, 0, 1);
  s.sigma_min = 1.0 / s.train_steps;
  if (pent_json_bool (&j, "use_karras_sigmas", FALSE))
    s.spacing = PENT_SPACING_KARRAS;
  else if (pent_json_bool (&j, "use_exponential_sigmas", FALSE))
    s.spacing = PENT_SPACING_EXPONENTIAL;
  else if (pent_json_bool (&j, "use_beta_sigmas", FALSE))
    s.spacing = PENT_SPACING_BETA;

  *schedule = s;
  return pent_json_finish (&j, error);
}

void
pent_planes_to_pixels (const float *planes, float *pixels, gsize n, guint channels)
{
  for (gsize i = 0; i < n; i++)
    for (guint c = 0; c < channels; c++)
      pixels[i * channels + c] = planes[c * n + i];
}

void
pent_pixels_to_planes (const float *pixels, float *planes, gsize n, guint channels)
{
  for (gsize i = 0; i < n; i++)
    for (guint c = 0; c < channels; c++)
      planes[c * n + i] = pixels[i * channels + c];
}
