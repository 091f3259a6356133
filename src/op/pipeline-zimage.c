/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The Z-Image family: prompt -> chat template -> byte-level BPE -> Qwen3 (the hidden states before its last layer) -> caption;
 * S3-DiT denoiser; AutoencoderKL with 16 channels.  A folder as the hub has it (model_index.json), or the files that ComfyUI
 * users have: a diffusion model, a text encoder, a VAE and a tokenizer folder apart, or all three in one checkpoint. */

#include <math.h>
#include <string.h>
#include "pent-autoencoder-kl.h"
#include "pent-chat-template.h"
#include "pent-decoder.h"
#include "pent-error.h"
#include "pent-zimage.h"
#include "pipeline-private.h"

#define MAX_TOKENS 512
#define TOKEN_STEP 32                   /* encoder graphs are kept per multiple of this many tokens */
#define PREVIEW_LATENT 32               /* previews decode at most this many latent pixels a side */
#define FLUX_SCALING 0.3611             /* of the VAE that single files come without a config for */
#define FLUX_SHIFT 0.1159

/* The turn that all Qwen3 files end a user's prompt with, for tokenizer folders without a chat template. */
#define PLAIN_TEMPLATE "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}" \
                       "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"

#define PENT_TYPE_PIPELINE_ZIMAGE (pent_pipeline_zimage_get_type ())
G_DECLARE_FINAL_TYPE (PentPipelineZimage, pent_pipeline_zimage, PENT, PIPELINE_ZIMAGE, PentPipeline)

struct _PentPipelineZimage {
  PentPipeline          parent_instance;
  PentChatTemplate     *chat_template;
  PentDecoderConfig     text;
  PentZimageConfig      denoiser;
  PentAutoencoderConfig vae;
  PentNnModule         *text_module, *denoiser_module, *vae_module;
  PentGraphCache       *text_graphs, *denoiser_graphs, *decode_graphs, *encode_graphs;
};

G_DEFINE_FINAL_TYPE (PentPipelineZimage, pent_pipeline_zimage, PENT_TYPE_PIPELINE)

typedef struct {
  PentConditioning parent;
  guint            tokens;
  float           *caption;             /* [tokens, caption_width] */
} ZimageConditioning;

/* ---- graphs ---- */

static PentNnGraph *
make_text_graph (gpointer data, const PentGraphKey *key)
{
  PentPipelineZimage *self = data;
  PentNnGraph *g = pent_nn_graph_new (self->text_module, "text encoder");
  PentNnTensor *ids = nn_input (g, "ids", PENT_DTYPE_I32, NN_SHAPE (key->shape[0]));

  nn_output (g, "caption", pent_decoder_hidden (g, &self->text, ids, self->text.layers - 1, NULL, NULL));
  return g;
}

/* key: height and width of the latent, tokens of the caption. */
static PentNnGraph *
make_denoiser_graph (gpointer data, const PentGraphKey *key)
{
  PentPipelineZimage *self = data;
  const PentZimageConfig *c = &self->denoiser;
  PentNnGraph *g = pent_nn_graph_new (self->denoiser_module, "denoiser");
  PentNnTensor *latent = nn_input (g, "latent", PENT_DTYPE_F32, NN_SHAPE (key->shape[0], key->shape[1], c->channels));
  PentNnTensor *caption = nn_input (g, "caption", PENT_DTYPE_F32, NN_SHAPE (key->shape[2], c->caption_width));
  PentNnTensor *time = nn_input (g, "time", PENT_DTYPE_F32, NN_SHAPE (1, PENT_ZIMAGE_FREQUENCIES));

  nn_output (g, "direction", pent_zimage_forward (g, c, latent, caption, time));
  return g;
}

static PentNnGraph *
make_decode_graph (gpointer data, const PentGraphKey *key)
{
  PentPipelineZimage *self = data;
  PentNnGraph *g = pent_nn_graph_new (self->vae_module, "decoder");
  PentNnTensor *latent = nn_input (g, "latent", PENT_DTYPE_F32, NN_SHAPE (1, key->shape[0], key->shape[1], self->vae.latent));

  nn_output (g, "picture", pent_autoencoder_decode (g, &self->vae, latent));
  return g;
}

static PentNnGraph *
make_encode_graph (gpointer data, const PentGraphKey *key)
{
  PentPipelineZimage *self = data;
  PentNnGraph *g = pent_nn_graph_new (self->vae_module, "encoder");
  PentNnTensor *picture = nn_input (g, "picture", PENT_DTYPE_F32, NN_SHAPE (1, key->shape[0], key->shape[1], 3));

  nn_output (g, "posterior", pent_autoencoder_encode (g, &self->vae, picture));
  return g;
}

/* ---- loading ---- */

static gboolean
class_name_is (PentFiles *files, const char *name, const char *class_name)
{
  g_auto (PentJson) j = PENT_JSON_INIT;

  if (!pent_files_has (files, name))
    return FALSE;
  pent_json_load (&j, files, name);
  return g_str_equal (pent_json_string (&j, "_class_name", ""), class_name);
}

static gboolean
has_any (PentNnWeights *weights, const char *const *markers)
{
  for (; *markers != NULL; markers++)
    if (pent_nn_weights_has (weights, *markers))
      return TRUE;
  return FALSE;
}

static const char *const denoiser_markers[] = {
  "context_refiner.0.attention_norm1.weight", "model.diffusion_model.context_refiner.0.attention_norm1.weight", NULL
};
static const char *const text_markers[] = {
  "model.layers.0.self_attn.q_norm.weight", "text_encoders.qwen3_4b.transformer.model.layers.0.self_attn.q_norm.weight", NULL
};
static const char *const vae_markers[] = {
  "decoder.conv_in.weight", "vae.decoder.conv_in.weight", "first_stage_model.decoder.conv_in.weight", NULL
};

/* The weight file of one of these files that holds a marker, or NULL; files that cannot be read are passed over, since the
 * artist's folder may hold anything. */
static PentNnWeights *
find_weights (PentFiles *files, const char *const *markers)
{
  const char *const *names = pent_files_get_names (files);

  for (; *names != NULL; names++)
    {
      g_autoptr (PentNnWeights) weights = NULL;

      if (!g_str_has_suffix (*names, ".safetensors"))
        continue;
      weights = pent_nn_weights_open (files, (const char *const[]) { *names, NULL }, NULL);
      if (weights != NULL && has_any (weights, markers))
        return g_steal_pointer (&weights);
    }
  return NULL;
}

static int
pent_pipeline_zimage_probe (PentFiles *files)
{
  g_autoptr (PentNnWeights) weights = NULL;

  if (class_name_is (files, "model_index.json", "ZImagePipeline"))
    return 100;
  if (class_name_is (files, "transformer/config.json", "ZImageTransformer2DModel"))
    return 90;
  if (pent_files_has (files, "model_index.json"))
    return 0;

  weights = find_weights (files, denoiser_markers);
  return weights != NULL ? 80 : 0;
}

/* The part in its own folder of a diffusers tree, with its config, or anywhere in the sources by its tensors. */
static PentNnWeights *
open_part (PentPipelineZimage *self, const char *folder, const char *const *markers, const char *what, PentFiles **with_config,
           GError **error)
{
  PentFiles *const *sources = pent_pipeline_get_sources (PENT_PIPELINE (self));
  g_autofree char *config = g_strconcat (folder, "/config.json", NULL);

  for (guint i = 0; sources[i] != NULL; i++)
    {
      PentNnWeights *weights;

      if (pent_files_has (sources[i], config))
        {
          *with_config = pent_files_subset (sources[i], folder);
          return pent_nn_weights_open (*with_config, NULL, error);
        }
      weights = find_weights (sources[i], markers);
      if (weights != NULL)
        return weights;
    }

  g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL,
               "%s holds no %s; put its .safetensors file into the same folder or name it as a further part",
               pent_files_get_label (sources[0]), what);
  return NULL;
}

static gboolean
load_text_encoder (PentPipelineZimage *self, GError **error)
{
  static const PentNnRename rules[] = { { "text_encoders.qwen3_4b.transformer.*", "*" }, { NULL } };
  g_autoptr (PentFiles) files = NULL;
  g_autoptr (PentNnWeights) weights = open_part (self, "text_encoder", text_markers, "text encoder (Qwen3)", &files, error);

  if (weights == NULL || !pent_nn_weights_rename (weights, rules, error))
    return FALSE;
  if (files != NULL ? !pent_decoder_config_read (&self->text, files, "config.json", error)
                    : !pent_decoder_config_infer (&self->text, weights, error))
    return FALSE;
  pent_decoder_config_settle (&self->text, weights);

  self->text_module = pent_nn_module_new (pent_pipeline_get_context (PENT_PIPELINE (self)), weights,
                                          pent_pipeline_get_precision (PENT_PIPELINE (self)));
  self->text_graphs = pent_graph_cache_new (2, make_text_graph, self);
  return TRUE;
}

static gboolean
load_denoiser (PentPipelineZimage *self, GError **error)
{
  g_autoptr (PentFiles) files = NULL;
  g_autoptr (PentNnWeights) weights = open_part (self, "transformer", denoiser_markers, "denoiser", &files, error);

  if (weights == NULL || !pent_zimage_rename (weights, error))
    return FALSE;
  if (files != NULL ? !pent_zimage_config_read (&self->denoiser, files, "config.json", error)
                    : !pent_zimage_config_infer (&self->denoiser, weights, error))
    return FALSE;

  self->denoiser_module = pent_nn_module_new (pent_pipeline_get_context (PENT_PIPELINE (self)), weights,
                                              pent_pipeline_get_precision (PENT_PIPELINE (self)));
  self->denoiser_graphs = pent_graph_cache_new (2, make_denoiser_graph, self);
  return TRUE;
}

static gboolean
load_vae (PentPipelineZimage *self, GError **error)
{
  g_autoptr (PentFiles) files = NULL;
  g_autoptr (PentNnWeights) weights = open_part (self, "vae", vae_markers, "VAE", &files, error);

  if (weights == NULL)
    return FALSE;
  if (files != NULL ? !pent_autoencoder_config_read (&self->vae, files, "config.json", error)
                    : !pent_autoencoder_config_infer (&self->vae, weights, FLUX_SCALING, FLUX_SHIFT, error))
    return FALSE;
  if (!pent_autoencoder_rename (&self->vae, weights, error))
    return FALSE;

  self->vae_module = pent_nn_module_new (pent_pipeline_get_context (PENT_PIPELINE (self)), weights,
                                         pent_pipeline_get_precision (PENT_PIPELINE (self)));
  self->decode_graphs = pent_graph_cache_new (2, make_decode_graph, self);
  self->encode_graphs = pent_graph_cache_new (1, make_encode_graph, self);
  return TRUE;
}

static gboolean
load_tokenizer (PentPipelineZimage *self, GError **error)
{
  PentFiles *const *sources = pent_pipeline_get_sources (PENT_PIPELINE (self));

  for (guint i = 0; sources[i] != NULL; i++)
    {
      gboolean apart = pent_files_has (sources[i], "tokenizer/tokenizer.json") ||
                       pent_files_has (sources[i], "tokenizer/vocab.json");
      g_autoptr (PentFiles) files = apart ? pent_files_subset (sources[i], "tokenizer") : g_object_ref (sources[i]);
      g_autoptr (PentTokenizer) tokenizer = NULL;
      g_autoptr (GError) local = NULL;

      if (!pent_files_has (files, "tokenizer.json") && !pent_files_has (files, "vocab.json"))
        continue;
      tokenizer = pent_tokenizer_load (files, error);
      if (tokenizer == NULL)
        return FALSE;
      self->chat_template = pent_chat_template_load (files, &local);
      if (local != NULL)
        return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
      if (self->chat_template == NULL)
        self->chat_template = pent_chat_template_new (PLAIN_TEMPLATE, "the built-in template", NULL);
      pent_pipeline_set_tokenizer (PENT_PIPELINE (self), tokenizer);
      return TRUE;
    }

  g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL,
               "%s comes without a tokenizer; put tokenizer.json of Qwen3 into the same folder or name it as a further part",
               pent_files_get_label (sources[0]));
  return FALSE;
}

/* Defaults: what the model says of itself ("pentimento" in model_index.json), else by its schedule: the distilled Turbo is
 * published with shift 3, the base model with 6. */
static gboolean
load_defaults (PentPipelineZimage *self, PentFiles *files, GError **error)
{
  PentPipelineInfo *info = pent_pipeline_edit_info (PENT_PIPELINE (self));
  guint multiple = (1u << (self->vae.levels - 1)) * self->denoiser.patch;
  gboolean turbo;

  *info = (PentPipelineInfo) {
    .family = "z-image",
    .latent_channels = self->denoiser.channels,
    .factor = 1u << (self->vae.levels - 1),
    .multiple = multiple,
    .width = self->vae.sample_size / multiple * multiple,
    .height = self->vae.sample_size / multiple * multiple,
    .has_negative = TRUE,
    .max_tokens = MAX_TOKENS,
    .schedule = PENT_FLOW_SCHEDULE_INIT,
  };

  info->schedule.shift = 3;
  if (pent_files_has (files, "scheduler/scheduler_config.json") &&
      !pent_flow_schedule_read (&info->schedule, files, "scheduler/scheduler_config.json", error))
    return FALSE;
  info->schedule.trailing = TRUE;
  turbo = info->schedule.shift <= 3;
  info->steps = turbo ? 8 : 30;
  info->guidance = turbo ? 0 : 4;

  if (pent_files_has (files, "model_index.json"))
    {
      g_auto (PentJson) index = PENT_JSON_INIT;
      JsonObject *own;

      pent_json_load (&index, files, "model_index.json");
      own = pent_json_object (&index, "pentimento");
      if (own != NULL)
        {
          g_auto (PentJson) j = PENT_JSON_INIT;

          pent_json_wrap (&j, own, index.where);
          info->width = pent_json_int (&j, "width", info->width, multiple, 1 << 14);
          info->height = pent_json_int (&j, "height", info->height, multiple, 1 << 14);
          info->steps = pent_json_int (&j, "steps", info->steps, 1, 1000);
          info->guidance = pent_json_float (&j, "guidance_scale", info->guidance, 0, 100);
          if (!pent_json_finish (&j, error))
            return FALSE;
        }
      if (!pent_json_finish (&index, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
parts_fit (PentPipelineZimage *self, GError **error)
{
  const char *label = pent_files_get_label (pent_pipeline_get_sources (PENT_PIPELINE (self))[0]);

  if (self->text.width != self->denoiser.caption_width)
    return g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL,
                        "%s: the text encoder gives %u values a token and the denoiser expects %u; they are not of one model",
                        label, self->text.width, self->denoiser.caption_width), FALSE;
  if (self->vae.latent != self->denoiser.channels)
    return g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL,
                        "%s: the VAE has %u latent channels and the denoiser %u; they are not of one model", label,
                        self->vae.latent, self->denoiser.channels), FALSE;
  return TRUE;
}

static gboolean
pent_pipeline_zimage_load (PentPipeline *pipeline, PentFiles *files, GError **error)
{
  PentPipelineZimage *self = PENT_PIPELINE_ZIMAGE (pipeline);

  return load_tokenizer (self, error) && load_text_encoder (self, error) && load_denoiser (self, error) &&
         load_vae (self, error) && parts_fit (self, error) && load_defaults (self, files, error);
}

/* ---- words ---- */

static GArray *
tokenize (PentPipelineZimage *self, const char *prompt, GError **error)
{
  g_autofree char *text = pent_chat_template_apply_prompt (self->chat_template, prompt, TRUE, error);
  g_autoptr (GArray) ids = NULL;

  if (text == NULL)
    return NULL;
  ids = pent_tokenizer_encode (pent_pipeline_get_tokenizer (PENT_PIPELINE (self)), text, -1, TRUE, NULL);
  if (ids->len == 0 || ids->len > MAX_TOKENS)
    return g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID,
                        "The prompt is %u tokens long, and this model takes at most %u; shorten it", ids->len, MAX_TOKENS),
           NULL;

  for (guint i = 0; i < ids->len; i++)
    if (g_array_index (ids, guint32, i) >= self->text.vocab)
      return g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL,
                          "The tokenizer gives token %u and the text encoder knows only %u; they are not of one model",
                          g_array_index (ids, guint32, i), self->text.vocab), NULL;
  return g_steal_pointer (&ids);
}

static PentConditioning *
pent_pipeline_zimage_encode (PentPipeline *pipeline, const char *prompt, GCancellable *cancellable, GError **error)
{
  PentPipelineZimage *self = PENT_PIPELINE_ZIMAGE (pipeline);
  g_autoptr (GArray) ids = tokenize (self, prompt, error);
  g_autofree float *hidden = NULL;
  PentNnGraph *graph;
  ZimageConditioning *conditioning;
  guint tokens, rows;

  if (ids == NULL)
    return NULL;

  /* Attention is causal: what pads the row behind cannot change it. */
  tokens = ids->len;
  rows = (tokens + TOKEN_STEP - 1) / TOKEN_STEP * TOKEN_STEP;
  g_array_set_size (ids, rows);

  graph = pent_graph_cache_get (self->text_graphs, &(PentGraphKey) { { rows } }, error);
  if (graph == NULL)
    return NULL;
  pent_nn_graph_set (graph, "ids", ids->data, rows * sizeof (gint32));
  if (!pent_nn_graph_run (graph, cancellable, error))
    return NULL;

  hidden = g_new (float, (gsize) rows * self->text.width);
  pent_nn_graph_get (graph, "caption", hidden, (gsize) rows * self->text.width * sizeof (float));

  conditioning = (ZimageConditioning *) pent_conditioning_alloc (pipeline, sizeof *conditioning);
  conditioning->tokens = tokens;
  conditioning->caption = g_memdup2 (hidden, (gsize) tokens * self->text.width * sizeof (float));
  return &conditioning->parent;
}

static void
pent_pipeline_zimage_free_conditioning (PentConditioning *conditioning)
{
  g_free (((ZimageConditioning *) conditioning)->caption);
}

/* ---- picture ---- */

static gboolean
pent_pipeline_zimage_denoise (PentPipeline *pipeline, PentConditioning *conditioning, const float *latent, guint height,
                              guint width, double sigma, float *velocity, GCancellable *cancellable, GError **error)
{
  PentPipelineZimage *self = PENT_PIPELINE_ZIMAGE (pipeline);
  ZimageConditioning *words = (ZimageConditioning *) conditioning;
  guint channels = self->denoiser.channels;
  gsize n = (gsize) height * width;
  g_autofree float *pixels = g_new (float, n * channels);
  float frequencies[PENT_ZIMAGE_FREQUENCIES];
  PentNnGraph *graph;

  graph = pent_graph_cache_get (self->denoiser_graphs, &(PentGraphKey) { { height, width, words->tokens } }, error);
  if (graph == NULL)
    return FALSE;

  pent_planes_to_pixels (latent, pixels, n, channels);
  pent_zimage_frequencies (&self->denoiser, 1 - sigma, frequencies);
  pent_nn_graph_set (graph, "latent", pixels, n * channels * sizeof (float));
  pent_nn_graph_set (graph, "caption", words->caption, (gsize) words->tokens * self->text.width * sizeof (float));
  pent_nn_graph_set (graph, "time", frequencies, sizeof frequencies);
  if (!pent_nn_graph_run (graph, cancellable, error))
    return FALSE;

  pent_nn_graph_get (graph, "direction", pixels, n * channels * sizeof (float));
  for (gsize i = 0; i < n * channels; i++)
    pixels[i] = -pixels[i];
  pent_pixels_to_planes (pixels, velocity, n, channels);
  return TRUE;
}

static gboolean
pent_pipeline_zimage_decode (PentPipeline *pipeline, const float *latent, guint height, guint width, float *planes,
                             GCancellable *cancellable, GError **error)
{
  PentPipelineZimage *self = PENT_PIPELINE_ZIMAGE (pipeline);
  guint factor = 1u << (self->vae.levels - 1);
  gsize n = (gsize) height * width, n_picture = n * factor * factor;
  g_autofree float *pixels = g_new (float, n * self->vae.latent);
  g_autofree float *picture = g_new (float, n_picture * 3);
  PentNnGraph *graph = pent_graph_cache_get (self->decode_graphs, &(PentGraphKey) { { height, width } }, error);

  if (graph == NULL)
    return FALSE;

  pent_planes_to_pixels (latent, pixels, n, self->vae.latent);
  for (gsize i = 0; i < n * self->vae.latent; i++)
    pixels[i] = pixels[i] / self->vae.scaling + self->vae.shift;
  pent_nn_graph_set (graph, "latent", pixels, n * self->vae.latent * sizeof (float));
  if (!pent_nn_graph_run (graph, cancellable, error))
    return FALSE;

  pent_nn_graph_get (graph, "picture", picture, n_picture * 3 * sizeof (float));
  pent_pixels_to_planes (picture, planes, n_picture, 3);
  return TRUE;
}

static gboolean
pent_pipeline_zimage_encode_image (PentPipeline *pipeline, const float *planes, guint height, guint width, float *latent,
                                   GCancellable *cancellable, GError **error)
{
  PentPipelineZimage *self = PENT_PIPELINE_ZIMAGE (pipeline);
  guint factor = 1u << (self->vae.levels - 1), channels = self->vae.latent;
  gsize n = (gsize) (height / factor) * (width / factor), n_picture = (gsize) height * width;
  g_autofree float *picture = g_new (float, n_picture * 3);
  g_autofree float *posterior = g_new (float, n * 2 * channels);
  PentNnGraph *graph = pent_graph_cache_get (self->encode_graphs, &(PentGraphKey) { { height, width } }, error);

  if (graph == NULL)
    return FALSE;

  pent_planes_to_pixels (planes, picture, n_picture, 3);
  pent_nn_graph_set (graph, "picture", picture, n_picture * 3 * sizeof (float));
  if (!pent_nn_graph_run (graph, cancellable, error))
    return FALSE;

  pent_nn_graph_get (graph, "posterior", posterior, n * 2 * channels * sizeof (float));
  for (gsize i = 0; i < n; i++)
    for (guint c = 0; c < channels; c++)
      latent[c * n + i] = (posterior[i * 2 * channels + c] - self->vae.shift) * self->vae.scaling;
  return TRUE;
}

/* The picture that the latent is heading for, decoded from a smaller copy of it. */
static PentImage *
pent_pipeline_zimage_preview (PentPipeline *pipeline, const float *latent, const float *velocity, double sigma, guint height,
                              guint width)
{
  PentPipelineZimage *self = PENT_PIPELINE_ZIMAGE (pipeline);
  guint factor = 1u << (self->vae.levels - 1);
  guint shrink = (MAX (height, width) + PREVIEW_LATENT - 1) / PREVIEW_LATENT;
  guint h = MAX (height / shrink, 1), w = MAX (width / shrink, 1);
  g_autofree float *small = g_new0 (float, (gsize) self->vae.latent * h * w);
  g_autofree float *planes = g_new (float, (gsize) 3 * h * factor * w * factor);

  for (guint c = 0; c < self->vae.latent; c++)
    for (guint y = 0; y < h * shrink; y++)
      for (guint x = 0; x < w * shrink; x++)
        {
          gsize i = ((gsize) c * height + y) * width + x;

          small[((gsize) c * h + y / shrink) * w + x / shrink] += (latent[i] - sigma * velocity[i]) / (shrink * shrink);
        }

  if (!pent_pipeline_zimage_decode (pipeline, small, h, w, planes, NULL, NULL))
    return NULL;
  return pent_image_new_from_planes (planes, w * factor, h * factor);
}

/* The largest values that live at once, roughly: the feed-forward of the joint sequence, or the last level of the VAE's decoder. */
static guint64
pent_pipeline_zimage_estimate (PentPipeline *pipeline, guint height, guint width)
{
  PentPipelineZimage *self = PENT_PIPELINE_ZIMAGE (pipeline);
  guint64 tokens = (guint64) height * width / (self->denoiser.patch * self->denoiser.patch) + MAX_TOKENS;
  guint64 factor = 1u << (self->vae.levels - 1);
  guint64 size = pent_pipeline_get_precision (pipeline) == PENT_NN_PRECISION_F32 ? 4 : 2;
  guint64 denoiser = tokens * self->denoiser.width * (4 + 8 * size);
  guint64 vae = height * factor * width * factor * self->vae.widths[MIN (1, self->vae.levels - 1)] * (4 + 2 * size);

  return MAX (denoiser, vae);
}

/* ---- the class ---- */

static void
pent_pipeline_zimage_finalize (GObject *object)
{
  PentPipelineZimage *self = PENT_PIPELINE_ZIMAGE (object);

  g_clear_pointer (&self->text_graphs, pent_graph_cache_free);
  g_clear_pointer (&self->denoiser_graphs, pent_graph_cache_free);
  g_clear_pointer (&self->decode_graphs, pent_graph_cache_free);
  g_clear_pointer (&self->encode_graphs, pent_graph_cache_free);
  g_clear_pointer (&self->text_module, pent_nn_module_unref);
  g_clear_pointer (&self->denoiser_module, pent_nn_module_unref);
  g_clear_pointer (&self->vae_module, pent_nn_module_unref);
  g_clear_pointer (&self->chat_template, pent_chat_template_free);

  G_OBJECT_CLASS (pent_pipeline_zimage_parent_class)->finalize (object);
}

static void
pent_pipeline_zimage_class_init (PentPipelineZimageClass *klass)
{
  PentPipelineClass *pipeline_class = PENT_PIPELINE_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = pent_pipeline_zimage_finalize;

  pipeline_class->name = "z-image";
  pipeline_class->probe = pent_pipeline_zimage_probe;
  pipeline_class->load = pent_pipeline_zimage_load;
  pipeline_class->encode = pent_pipeline_zimage_encode;
  pipeline_class->free_conditioning = pent_pipeline_zimage_free_conditioning;
  pipeline_class->denoise = pent_pipeline_zimage_denoise;
  pipeline_class->decode = pent_pipeline_zimage_decode;
  pipeline_class->encode_image = pent_pipeline_zimage_encode_image;
  pipeline_class->preview = pent_pipeline_zimage_preview;
  pipeline_class->estimate = pent_pipeline_zimage_estimate;
}

static void
pent_pipeline_zimage_init (PentPipelineZimage *self)
{
}
