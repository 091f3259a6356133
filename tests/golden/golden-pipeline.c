/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Whole pipelines: words to ids, latents after every step, the decoded picture; several runs a case. */

#include <string.h>
#include "golden.h"
#include "pent-guidance.h"
#include "pent-pipeline.h"
#include "pent-sampler.h"

typedef struct {
  GoldenCase   *c;
  PentPipeline *pipeline;
  const char   *name;                   /* of the run */
  JsonObject   *call;
} Run;

static char *
tensor_name (Run *run, const char *prefix, const char *suffix)
{
  return g_strdup_printf ("%s%s.%s", prefix, run->name, suffix);
}

static double
number (Run *run, const char *key, double fallback)
{
  return json_object_get_double_member_with_default (run->call, key, fallback);
}

/* The ids of the real tokens. */
static gboolean
compare_ids (Run *run, const char *prompt, const char *ids_suffix, const char *mask_suffix, GError **error)
{
  g_autofree char *ids_name = tensor_name (run, "input.", ids_suffix);
  g_autofree char *mask_name = tensor_name (run, "input.", mask_suffix);
  g_autoptr (PentFiles) files = pent_files_subset (run->c->files, "tokenizer");
  g_autoptr (PentChatTemplate) chat = NULL;
  g_autofree char *text = NULL;
  g_autofree gint32 *want = NULL;
  g_autofree gint32 *mask = NULL;
  g_autoptr (GArray) ids = NULL;
  gsize n, real = 0, wrong = 0;

  if (!golden_has (run->c, ids_name))
    return TRUE;
  chat = pent_chat_template_load (files, error);
  text = chat != NULL ? pent_chat_template_apply_prompt (chat, prompt, TRUE, error) : NULL;
  if (text == NULL)
    return FALSE;

  ids = pent_tokenizer_encode (pent_pipeline_get_tokenizer (run->pipeline), text, -1, TRUE, NULL);
  want = golden_ints (run->c, ids_name, &n);
  mask = golden_ints (run->c, mask_name, NULL);
  for (gsize i = 0; i < n; i++)
    if (mask[i])
      {
        wrong += real >= ids->len || (gint32) g_array_index (ids, guint32, real) != want[i];
        real++;
      }
  golden_note (run->c, ids_name + strlen ("input."), wrong == 0 && real == ids->len,
               "%" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " ids differ", wrong, real);
  return TRUE;
}

/* The step that operations take too, written out: guided velocity at the sampler's sigma. */
static gboolean
guided_velocity (Run *run, PentConditioning *positive, PentConditioning *negative, const float *latent, guint h, guint w,
                 double sigma, float *velocity, GError **error)
{
  const PentPipelineInfo *info = pent_pipeline_get_info (run->pipeline);
  gsize n = (gsize) info->latent_channels * h * w;
  g_autofree float *other = g_new (float, n);

  if (!pent_pipeline_denoise (run->pipeline, positive, latent, h, w, sigma, velocity, NULL, error))
    return FALSE;
  if (negative == NULL || 1 - sigma > number (run, "cfg_truncation", 1))
    return TRUE;

  if (!pent_pipeline_denoise (run->pipeline, negative, latent, h, w, sigma, other, NULL, error))
    return FALSE;
  pent_guidance_apply (velocity, other, n, number (run, "guidance_scale", 0) - info->guidance_base,
                       json_object_get_boolean_member_with_default (run->call, "cfg_normalization", FALSE));
  return TRUE;
}

static void
compare_picture (Run *run, float *planes, gsize n)
{
  g_autofree char *decoded = tensor_name (run, "output.", "decoded");
  g_autofree char *image01 = tensor_name (run, "output.", "image01");

  if (golden_has (run->c, decoded))
    golden_compare (run->c, decoded + strlen ("output."), planes, n);
  for (gsize i = 0; i < n; i++)
    planes[i] = CLAMP (planes[i] / 2 + 0.5f, 0, 1);
  if (golden_has (run->c, image01))
    golden_compare (run->c, image01 + strlen ("output."), planes, n);
}

static gboolean
run_one (Run *run, GError **error)
{
  const PentPipelineInfo *info = pent_pipeline_get_info (run->pipeline);
  const char *prompt = json_object_get_string_member (run->call, "prompt");
  const char *negative_prompt = json_object_get_string_member_with_default (run->call, "negative_prompt", "");
  guint steps = number (run, "num_inference_steps", 8);
  guint h = number (run, "height", 64) / info->factor, w = number (run, "width", 64) / info->factor;
  gsize n = (gsize) info->latent_channels * h * w, n_picture = (gsize) 3 * h * w * info->factor * info->factor;
  g_autofree char *latents_name = tensor_name (run, "input.", "latents");
  g_autofree char *steps_name = tensor_name (run, "", "step_latents");
  g_autofree char *final_name = tensor_name (run, "", "latents");
  g_autofree float *latent = golden_floats (run->c, latents_name, NULL);
  g_autofree float *velocity = g_new (float, n);
  g_autofree float *all = g_new (float, n * steps);
  g_autofree float *planes = g_new (float, n_picture);
  g_autofree double *sigmas = g_new (double, steps + 1);
  g_autoptr (PentConditioning) positive = pent_pipeline_encode (run->pipeline, prompt, NULL, error);
  g_autoptr (PentConditioning) negative = NULL;
  g_autoptr (PentSampler) sampler = NULL;

  if (positive == NULL || !compare_ids (run, prompt, "prompt_ids", "prompt_mask", error))
    return FALSE;
  if (number (run, "guidance_scale", 0) > 1)
    {
      negative = pent_pipeline_encode (run->pipeline, negative_prompt, NULL, error);
      if (negative == NULL || !compare_ids (run, negative_prompt, "prompt_ids_negative", "prompt_mask_negative", error))
        return FALSE;
    }

  pent_flow_sigmas (&info->schedule, steps, NULL, pent_flow_mu (&info->schedule, h / 2 * (w / 2)), sigmas);
  sampler = pent_sampler_new (pent_sampler_find ("euler"), sigmas, steps, 0);
  while (!pent_sampler_done (sampler))
    {
      guint i = pent_sampler_get_index (sampler);

      if (!guided_velocity (run, positive, negative, latent, h, w, pent_sampler_get_sigma (sampler), velocity, error))
        return FALSE;
      pent_sampler_step (sampler, latent, velocity, n);
      memcpy (all + i * n, latent, n * sizeof (float));
    }
  golden_compare (run->c, steps_name, all, n * steps);
  golden_compare (run->c, final_name, latent, n);

  if (!pent_pipeline_decode (run->pipeline, latent, h, w, planes, NULL, error))
    return FALSE;
  compare_picture (run, planes, n_picture);
  return TRUE;
}

gboolean
golden_run_pipeline (GoldenCase *c, GError **error)
{
  g_autoptr (PentPipeline) pipeline = pent_pipeline_load (c->context, c->files, NULL, PENT_NN_PRECISION_F32, error);
  JsonArray *runs = json_object_get_array_member (c->json.object, "runs");

  if (pipeline == NULL)
    return FALSE;
  for (guint i = 0; i < json_array_get_length (runs); i++)
    {
      JsonObject *object = json_array_get_object_element (runs, i);
      Run run = { c, pipeline, json_object_get_string_member (object, "run"), json_object_get_object_member (object, "call") };

      if (!run_one (&run, error))
        return FALSE;
    }
  return TRUE;
}
