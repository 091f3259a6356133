/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Generate: words to a picture, or a picture and words to another picture.
 *
 *   c = encode (prompt),  u = encode (negative)
 *   x = noise (seed)                              image to image: x = (1 - s) encode (image) + s noise, s by strength
 *   at each sigma:  v = model (x, c),  guided by model (x, u);  x = sampler (x, v)
 *   picture = decode (x)
 *
 * Picture i of several has the seed of the first plus i, and the recipe that its file carries makes it alone. */
#define G_LOG_DOMAIN "pent-op"

#include "pent-op.h"

#include <math.h>
#include <string.h>

#include <glib/gi18n.h>

#include "pent-error.h"
#include "pent-guidance.h"
#include "pent-noise.h"
#include "pent-sampler.h"

#define PREVIEW_SHARE 0.15      /* of the time at most goes into previews */

static const char *const precisions[] = { "auto", "f32", "f16", "bf16", NULL };

static const PentParam params[] = {
  { "prompt", PENT_PARAM_STRING, PENT_PARAM_REQUIRED, N_("Prompt"),
    N_("What the picture shows, in words; how many fit depends on the model"), "", .max = 1 << 20 },
  { "negative", PENT_PARAM_STRING, 0, N_("Negative prompt"),
    N_("What the picture should not show; only used where guidance is above 1"), "", .max = 1 << 20, .text = "" },
  { "size", PENT_PARAM_SIZE, PENT_PARAM_FROM_MODEL, N_("Size"),
    N_("Width and height; a multiple of what the model works in, usually 16"), "px",
    .min = 16, .max = 8192, .soft_min = 64, .soft_max = 2048 },
  { "seed", PENT_PARAM_SEED, 0, N_("Seed"),
    N_("Which of all possible pictures; the same seed makes the same picture. Drawn at random if absent"), "" },
  { "count", PENT_PARAM_INT, 0, N_("Number of pictures"),
    N_("How many pictures to make, with the seed counting up"), "pictures",
    .min = 1, .max = 1000, .soft_min = 1, .soft_max = 9, .value = 1 },
  { "steps", PENT_PARAM_INT, PENT_PARAM_FROM_MODEL, N_("Steps"),
    N_("In how many steps noise becomes a picture; more take longer and can be finer"), "steps",
    .min = 1, .max = 1000, .soft_min = 4, .soft_max = 50 },
  { "guidance", PENT_PARAM_FLOAT, PENT_PARAM_FROM_MODEL, N_("Guidance"),
    N_("How closely the picture follows the words; at 1 and below the negative prompt is not used and a step takes "
       "half the time"), "", .max = 100, .soft_max = 12, .step = 0.1 },
  { "image", PENT_PARAM_IMAGE, 0, N_("Starting picture"),
    N_("A picture to start from; it is scaled and cropped to the size"), "" },
  { "strength", PENT_PARAM_FLOAT, 0, N_("Strength"),
    N_("How far the result may leave the starting picture: near 0 it stays, at 1 only the words count"), "",
    .min = 0.01, .max = 1, .soft_min = 0.2, .soft_max = 0.9, .step = 0.01, .value = 0.6 },
  { "model", PENT_PARAM_MODEL, 0, N_("Model"),
    N_("A model by its name or by the path of its folder or file; further files of it after commas"), "",
    .max = 16384, .text = "sketch" },
  { "sampler", PENT_PARAM_CHOICE, PENT_PARAM_ADVANCED, N_("Sampler"),
    N_("The method that walks from noise to picture"), "", .text = "euler", .choices = pent_sampler_names },
  { "guidance-limit", PENT_PARAM_FLOAT, PENT_PARAM_ADVANCED, N_("Guidance limit"),
    N_("Shortens the guided direction to this multiple of the unguided one's length; 0 leaves it as it is"), "",
    .max = 100, .soft_max = 2, .step = 0.05 },
  { "guidance-until", PENT_PARAM_FLOAT, PENT_PARAM_ADVANCED, N_("Guidance until"),
    N_("The share of the way from noise to picture after which guidance stops"), "",
    .max = 1, .soft_max = 1, .step = 0.05, .value = 1 },
  { "precision", PENT_PARAM_CHOICE, PENT_PARAM_ADVANCED, N_("Precision"),
    N_("How numbers between the layers are stored; auto takes f16 on a graphics card and f32 on a processor"), "",
    .text = "auto", .choices = precisions },
  { NULL }
};

/* One run; everything below works on it. */
typedef struct {
  PentOpRun              *run;
  const PentPipelineInfo *info;
  PentConditioning       *positive, *negative;      /* negative: NULL without guidance */
  guint                   width, height;            /* picture */
  guint                   rows, columns;            /* latent */
  gsize                   n;                        /* floats of a latent */
  guint                   steps;                    /* intervals that are really walked */
  double                 *sigmas;                   /* [steps + 1] */
  double                  guidance, guidance_limit, guidance_until;
  float                  *origin;                   /* [n] the starting picture's latent, or NULL */
  float                  *x, *v, *u;                /* [n] each */
  gint64                  preview_cost, preview_end;      /* µs; when the last one was ready */
} Generate;

static void
generate_clear (Generate *self)
{
  g_clear_pointer (&self->positive, pent_conditioning_unref);
  g_clear_pointer (&self->negative, pent_conditioning_unref);
  g_free (self->sigmas);
  g_free (self->origin);
  g_free (self->x);
  g_free (self->v);
  g_free (self->u);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Generate, generate_clear)

static void
report (Generate *self, const char *phase, guint step, guint n_steps)
{
  if (self->run->progress != NULL)
    self->run->progress (self->run->data, phase, step, n_steps);
}

/* ---- settling what was left open ---- */

static PentImage *
find_image (Generate *self, GError **error)
{
  GVariant *hash = pent_recipe_get (self->run->recipe, "image");
  GString *hex;
  PentImage *image;
  const guint8 *bytes;
  gsize n;

  hex = g_string_new (NULL);
  bytes = g_variant_get_fixed_array (hash, &n, 1);
  for (gsize i = 0; i < n; i++)
    g_string_append_printf (hex, "%02x", bytes[i]);
  image = self->run->images != NULL ? g_hash_table_lookup (self->run->images, hex->str) : NULL;
  if (image == NULL)
    g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID,
                 "The starting picture is missing; its pixels have the SHA-256 %s", hex->str);
  g_string_free (hex, TRUE);
  return image;
}

static guint
round_to (guint value, guint multiple)
{
  return MAX ((value + multiple / 2) / multiple, 1) * multiple;
}

static gboolean
settle_size (Generate *self, PentImage *image, GError **error)
{
  PentRecipe *recipe = self->run->recipe;
  guint m = self->info->multiple;

  if (pent_recipe_get (recipe, "size") != NULL)
    {
      pent_recipe_get_size (recipe, "size", &self->width, &self->height);
    }
  else if (image != NULL)
    {
      self->width = round_to (pent_image_get_width (image), m);
      self->height = round_to (pent_image_get_height (image), m);
    }
  else
    {
      self->width = self->info->width;
      self->height = self->info->height;
    }

  if (self->width % m != 0 || self->height % m != 0)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID,
                   "A size of %ux%u cannot be made: this model works in multiples of %u px; try %ux%u",
                   self->width, self->height, m, round_to (self->width, m), round_to (self->height, m));
      return FALSE;
    }
  pent_recipe_set (recipe, "size", g_variant_new ("(uu)", self->width, self->height));
  self->rows = self->height / self->info->factor;
  self->columns = self->width / self->info->factor;
  self->n = (gsize) self->info->latent_channels * self->rows * self->columns;
  return TRUE;
}

static void
settle_numbers (Generate *self)
{
  PentRecipe *recipe = self->run->recipe;

  if (pent_recipe_get (recipe, "steps") == NULL)
    pent_recipe_set (recipe, "steps", g_variant_new_int64 (self->info->steps));
  if (pent_recipe_get (recipe, "guidance") == NULL)
    pent_recipe_set (recipe, "guidance", g_variant_new_double (self->info->guidance));
  if (pent_recipe_get (recipe, "seed") == NULL)
    pent_recipe_set (recipe, "seed", g_variant_new_uint64 (g_random_int ()));

  self->guidance = pent_recipe_get_float (recipe, "guidance");
  self->guidance_limit = pent_recipe_get_float (recipe, "guidance-limit");
  self->guidance_until = pent_recipe_get_float (recipe, "guidance-until");
}

/* Said before anything is computed: what it would need, what there is, and a size that would do. */
static gboolean
check_memory (Generate *self, GError **error)
{
  PentPipeline *pipeline = self->run->pipeline;
  guint64 needed = pent_pipeline_estimate (pipeline, self->rows, self->columns);
  guint64 available = self->run->context != NULL ? pent_vk_context_get_available (self->run->context) : G_MAXUINT64;
  g_autofree char *needed_text = NULL, *available_text = NULL;
  guint width = self->width, height = self->height, m = self->info->multiple;

  if (needed <= available)
    return TRUE;

  while (width > m && height > m &&
         pent_pipeline_estimate (pipeline, height / self->info->factor, width / self->info->factor) > available)
    {
      width = MAX (width * 3 / 4 / m, 1) * m;
      height = MAX (height * 3 / 4 / m, 1) * m;
    }
  needed_text = g_format_size_full (needed, G_FORMAT_SIZE_IEC_UNITS);
  available_text = g_format_size_full (available, G_FORMAT_SIZE_IEC_UNITS);
  g_set_error (error, PENT_ERROR, PENT_ERROR_MEMORY,
               "A picture of %ux%u needs %s of device memory beside the model, and %s are free; try %ux%u",
               self->width, self->height, needed_text, available_text, width, height);
  return FALSE;
}

/* With a starting picture only the last `strength` of the way is walked. */
static void
settle_sigmas (Generate *self, gboolean from_image)
{
  guint steps = (guint) pent_recipe_get_int (self->run->recipe, "steps");
  guint patch = self->info->multiple / self->info->factor;
  g_autofree double *all = g_new (double, steps + 1);
  double mu = pent_flow_mu (&self->info->schedule, (self->rows / patch) * (self->columns / patch));

  pent_flow_sigmas (&self->info->schedule, steps, NULL, mu, all);
  self->steps = steps;
  if (from_image)
    {
      double walked = floor (steps * pent_recipe_get_float (self->run->recipe, "strength") + 1e-9);

      self->steps = CLAMP ((guint) walked, 1, steps);
    }
  self->sigmas = g_memdup2 (all + (steps - self->steps), (self->steps + 1) * sizeof (double));
}

/* ---- the starting picture ---- */

/* Scaled to cover the size, then the middle of it. */
static PentImage *
fit_image (PentImage *image, guint width, guint height)
{
  guint w = pent_image_get_width (image), h = pent_image_get_height (image), c = pent_image_get_channels (image);
  double scale = MAX ((double) width / w, (double) height / h);
  guint scaled_w = MAX ((guint) lround (w * scale), width), scaled_h = MAX ((guint) lround (h * scale), height);
  g_autoptr (PentImage) scaled = pent_image_resize (image, scaled_w, scaled_h);
  PentImage *fitted = pent_image_new (width, height, c);
  const guint8 *from = pent_image_get_pixels (scaled);
  guint8 *to = pent_image_edit_pixels (fitted);
  gsize left = (scaled_w - width) / 2, top = (scaled_h - height) / 2;

  for (gsize y = 0; y < height; y++)
    memcpy (to + y * width * c, from + ((y + top) * scaled_w + left) * c, (gsize) width * c);
  return fitted;
}

static gboolean
encode_image (Generate *self, PentImage *image, GError **error)
{
  g_autoptr (PentImage) fitted = fit_image (image, self->width, self->height);
  g_autofree float *planes = g_new (float, 3 * (gsize) self->width * self->height);

  report (self, "encode-image", 0, 1);
  pent_image_to_planes (fitted, planes);
  self->origin = g_new (float, self->n);
  return pent_pipeline_encode_image (self->run->pipeline, planes, self->height, self->width, self->origin,
                                     self->run->cancellable, error);
}

/* ---- one picture ---- */

static gboolean
encode_words (Generate *self, GError **error)
{
  PentOpRun *run = self->run;

  report (self, "encode", 0, 1);
  self->positive = pent_pipeline_encode (run->pipeline, pent_recipe_get_string (run->recipe, "prompt"),
                                         run->cancellable, error);
  if (self->positive == NULL)
    return FALSE;
  if (self->guidance <= 1 || !self->info->has_negative)
    return TRUE;
  self->negative = pent_pipeline_encode (run->pipeline, pent_recipe_get_string (run->recipe, "negative"),
                                         run->cancellable, error);
  return self->negative != NULL;
}

static void
start_latent (Generate *self, guint64 seed)
{
  float sigma = (float) self->sigmas[0];

  pent_noise_normal (self->x, self->n, seed, PENT_NOISE_LATENT, 0);
  if (self->origin != NULL)
    for (gsize i = 0; i < self->n; i++)
      self->x[i] = (1 - sigma) * self->origin[i] + sigma * self->x[i];
}

static gboolean
guided_velocity (Generate *self, double sigma, GError **error)
{
  PentOpRun *run = self->run;

  if (!pent_pipeline_denoise (run->pipeline, self->positive, self->x, self->rows, self->columns, sigma, self->v,
                              run->cancellable, error))
    return FALSE;
  if (self->negative == NULL || 1 - sigma > self->guidance_until)
    return TRUE;
  if (!pent_pipeline_denoise (run->pipeline, self->negative, self->x, self->rows, self->columns, sigma, self->u,
                              run->cancellable, error))
    return FALSE;
  pent_guidance_apply (self->v, self->u, self->n, self->guidance - self->info->guidance_base, self->guidance_limit);
  return TRUE;
}

/* Before x is stepped: x, v and sigma together tell what the picture will be.  A preview that was slow to make is
 * followed by a longer pause, so that previews never take more than their share. */
static void
maybe_preview (Generate *self, double sigma, guint step, guint n_steps)
{
  g_autoptr (PentImage) image = NULL;
  gint64 now = g_get_monotonic_time ();

  if (self->run->preview == NULL || now - self->preview_end < self->preview_cost * (1 / PREVIEW_SHARE - 1))
    return;
  image = pent_pipeline_preview (self->run->pipeline, self->x, self->v, sigma, self->rows, self->columns);
  if (image != NULL)
    self->run->preview (self->run->data, image, step, n_steps);
  self->preview_end = g_get_monotonic_time ();
  self->preview_cost = self->preview_end - now;
}

static gboolean
walk (Generate *self, guint64 seed, guint first_step, guint n_steps, GError **error)
{
  const PentSamplerClass *klass = pent_sampler_find (pent_recipe_get_string (self->run->recipe, "sampler"));
  g_autoptr (PentSampler) sampler = pent_sampler_new (klass, self->sigmas, self->steps, seed);

  while (!pent_sampler_done (sampler))
    {
      double sigma = pent_sampler_get_sigma (sampler);

      if (g_cancellable_set_error_if_cancelled (self->run->cancellable, error))
        return FALSE;
      report (self, "denoise", first_step + pent_sampler_get_index (sampler), n_steps);
      if (!guided_velocity (self, sigma, error))
        return FALSE;
      if (pent_sampler_get_index (sampler) + 1 < self->steps)
        maybe_preview (self, sigma, first_step + pent_sampler_get_index (sampler), n_steps);
      pent_sampler_step (sampler, self->x, self->v, self->n);
    }
  return TRUE;
}

static gboolean
is_finite (const float *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (!isfinite (x[i]))
      return FALSE;
  return TRUE;
}

static gboolean
make_picture (Generate *self, guint index, guint count, guint64 seed, GError **error)
{
  PentOpRun *run = self->run;
  g_autofree float *planes = NULL;
  g_autoptr (PentRecipe) recipe = NULL;
  g_autoptr (PentImage) image = NULL;
  guint n_steps = count * self->steps;

  start_latent (self, seed);
  if (!walk (self, seed, index * self->steps, n_steps, error) ||
      g_cancellable_set_error_if_cancelled (run->cancellable, error))
    return FALSE;
  if (!is_finite (self->x, self->n))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FAILED, "The model gave numbers beyond all bounds (NaN) at precision "
                   "%s; try another precision", pent_recipe_get_string (run->recipe, "precision"));
      return FALSE;
    }

  report (self, "decode", (index + 1) * self->steps, n_steps);
  planes = g_new (float, 3 * (gsize) self->width * self->height);
  if (!pent_pipeline_decode (run->pipeline, self->x, self->rows, self->columns, planes, run->cancellable, error))
    return FALSE;

  image = pent_image_new_from_planes (planes, self->width, self->height);
  recipe = pent_recipe_copy (run->recipe);
  pent_recipe_set (recipe, "seed", g_variant_new_uint64 (seed));
  pent_recipe_set (recipe, "count", g_variant_new_int64 (1));
  if (run->result != NULL)
    run->result (run->data, image, recipe);
  return TRUE;
}

static gboolean
generate_run (PentOpRun *run, GError **error)
{
  g_auto (Generate) self = { .run = run, .info = pent_pipeline_get_info (run->pipeline) };
  PentImage *image = NULL;
  guint count = (guint) pent_recipe_get_int (run->recipe, "count");
  guint64 seed;

  if (pent_recipe_get (run->recipe, "image") != NULL)
    {
      image = find_image (&self, error);
      if (image == NULL)
        return FALSE;
    }
  if (!settle_size (&self, image, error) || !check_memory (&self, error))
    return FALSE;
  settle_numbers (&self);
  settle_sigmas (&self, image != NULL);

  if (!encode_words (&self, error) || (image != NULL && !encode_image (&self, image, error)))
    return FALSE;
  self.x = g_new (float, self.n);
  self.v = g_new (float, self.n);
  self.u = self.negative != NULL ? g_new (float, self.n) : NULL;

  seed = pent_recipe_get_seed (run->recipe, "seed");
  for (guint i = 0; i < count; i++)
    if (!make_picture (&self, i, count, seed + i, error))
      return FALSE;
  return TRUE;
}

const PentOpClass pent_op_generate = {
  .name = "generate",
  .label = N_("Generate"),
  .blurb = N_("Makes a picture from words, or from a picture and words"),
  .needs = PENT_OP_NEEDS_PICTURE_MODEL,
  .params = params,
  .run = generate_run,
};
