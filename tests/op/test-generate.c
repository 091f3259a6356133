/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "fake-pipeline.h"
#include "pent-error.h"
#include "tests.h"

/* One run of the operation on the fake model, and what came of it. */
typedef struct {
  PentPipeline *pipeline;
  PentRecipe   *recipe;
  GHashTable   *images;
  GCancellable *cancellable;
  GPtrArray    *pictures, *recipes;
  GString      *phases;                  /* "encode denoise×8 decode" */
  guint         n_previews, last_step, last_n_steps, cancel_at;
  GError       *error;
} Fixture;

static void
on_progress (gpointer data, const char *phase, guint step, guint n_steps)
{
  Fixture *self = data;

  g_string_append_printf (self->phases, "%c", phase[0]);
  self->last_step = step;
  self->last_n_steps = n_steps;
  if (g_str_equal (phase, "denoise") && step == self->cancel_at)
    g_cancellable_cancel (self->cancellable);
}

static void
on_preview (gpointer data, PentImage *image, guint step, guint n_steps)
{
  Fixture *self = data;

  g_assert_cmpuint (pent_image_get_width (image), >, 0);
  self->n_previews++;
}

static void
on_result (gpointer data, PentImage *image, PentRecipe *recipe)
{
  Fixture *self = data;

  g_ptr_array_add (self->pictures, pent_image_ref (image));
  g_ptr_array_add (self->recipes, pent_recipe_copy (recipe));
}

static void
set_up (Fixture *self, gconstpointer data)
{
  *self = (Fixture) { .cancel_at = G_MAXUINT };
  self->pipeline = fake_pipeline_new ();
  self->recipe = pent_recipe_new ("generate");
  self->images = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) pent_image_unref);
  self->cancellable = g_cancellable_new ();
  self->pictures = g_ptr_array_new_with_free_func ((GDestroyNotify) pent_image_unref);
  self->recipes = g_ptr_array_new_with_free_func ((GDestroyNotify) pent_recipe_unref);
  self->phases = g_string_new (NULL);
  pent_recipe_set (self->recipe, "prompt", g_variant_new_string ("a pink cloud at sunset"));
  pent_recipe_set (self->recipe, "seed", g_variant_new_uint64 (42));
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  g_object_unref (self->pipeline);
  g_object_unref (self->cancellable);
  pent_recipe_unref (self->recipe);
  g_hash_table_unref (self->images);
  g_ptr_array_unref (self->pictures);
  g_ptr_array_unref (self->recipes);
  g_string_free (self->phases, TRUE);
  g_clear_error (&self->error);
}

static gboolean
run (Fixture *self)
{
  const PentOpClass *op = pent_op_find ("generate");
  g_autoptr (PentRecipe) recipe = pent_recipe_copy (self->recipe);
  PentOpRun op_run = {
    .pipeline = self->pipeline, .recipe = recipe, .images = self->images, .cancellable = self->cancellable,
    .progress = on_progress, .preview = on_preview, .result = on_result, .data = self,
  };
  gboolean success;

  g_clear_error (&self->error);
  g_ptr_array_set_size (self->pictures, 0);
  g_ptr_array_set_size (self->recipes, 0);
  g_string_truncate (self->phases, 0);
  success = pent_recipe_resolve (recipe, op->params, &self->error) && op->run (&op_run, &self->error);
  g_assert_true (success == (self->error == NULL));
  return success;
}

static PentImage *
picture (Fixture *self, guint i)
{
  g_assert_cmpuint (i, <, self->pictures->len);
  return g_ptr_array_index (self->pictures, i);
}

static gboolean
same (PentImage *a, PentImage *b)
{
  return g_bytes_equal (pent_image_get_bytes (a), pent_image_get_bytes (b));
}

static void
test_defaults (Fixture *self, gconstpointer data)
{
  PentRecipe *recipe;
  guint width, height;

  g_assert_true (run (self));
  g_assert_cmpuint (self->pictures->len, ==, 1);
  g_assert_cmpuint (pent_image_get_width (picture (self, 0)), ==, 64);
  g_assert_cmpstr (self->phases->str, ==, "eddddddddd");      /* encode, eight steps, decode */
  g_assert_cmpuint (self->last_step, ==, 8);
  g_assert_cmpuint (self->last_n_steps, ==, 8);
  g_assert_cmpuint (self->n_previews, >=, 1);

  /* Everything that was left open is in the recipe. */
  recipe = g_ptr_array_index (self->recipes, 0);
  g_assert_cmpint (pent_recipe_get_int (recipe, "steps"), ==, 8);
  g_assert_cmpfloat (pent_recipe_get_float (recipe, "guidance"), ==, 3);
  g_assert_cmpuint (pent_recipe_get_seed (recipe, "seed"), ==, 42);
  pent_recipe_get_size (recipe, "size", &width, &height);
  g_assert_cmpuint (width, ==, 64);
  g_assert_cmpuint (height, ==, 64);

  /* With guidance two velocities a step and two texts, without it one. */
  g_assert_cmpuint (fake_pipeline_get_counts (self->pipeline)->n_denoised, ==, 16);
  g_assert_cmpuint (fake_pipeline_get_counts (self->pipeline)->n_encoded, ==, 2);
  pent_recipe_set (self->recipe, "guidance", g_variant_new_double (1));
  g_assert_true (run (self));
  g_assert_cmpuint (fake_pipeline_get_counts (self->pipeline)->n_denoised, ==, 24);
}

/* The recipe that a picture carries makes it again, and everything in it matters. */
static void
test_remake (Fixture *self, gconstpointer data)
{
  g_autoptr (PentImage) first = NULL;
  g_autoptr (PentRecipe) carried = NULL;
  static const struct { const char *name, *value; } changes[] = {
    { "seed", "uint64 43" }, { "prompt", "'a blue cloud'" }, { "negative", "'grey'" }, { "steps", "int64 7" },
    { "guidance", "2.5" }, { "sampler", "'heun'" }, { "guidance-limit", "0.5" }, { "guidance-until", "0.3" },
  };

  g_assert_true (run (self));
  first = pent_image_ref (picture (self, 0));
  carried = pent_recipe_ref (g_ptr_array_index (self->recipes, 0));

  pent_recipe_unref (self->recipe);
  self->recipe = pent_recipe_copy (carried);
  g_assert_true (run (self));
  g_assert_true (same (first, picture (self, 0)));

  for (guint i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      pent_recipe_unref (self->recipe);
      self->recipe = pent_recipe_copy (carried);
      pent_recipe_set (self->recipe, changes[i].name, g_variant_new_parsed (changes[i].value));
      g_assert_true (run (self));
      if (same (first, picture (self, 0)))
        g_error ("%s makes no difference", changes[i].name);
    }
}

/* Each of several pictures is the one that its own recipe makes alone. */
static void
test_count (Fixture *self, gconstpointer data)
{
  g_autoptr (PentImage) third = NULL;
  g_autoptr (PentRecipe) recipe = NULL;

  pent_recipe_set (self->recipe, "count", g_variant_new_int64 (3));
  g_assert_true (run (self));
  g_assert_cmpuint (self->pictures->len, ==, 3);
  g_assert_false (same (picture (self, 0), picture (self, 1)));
  g_assert_cmpuint (self->last_n_steps, ==, 24);
  g_assert_cmpuint (self->last_step, ==, 24);
  recipe = pent_recipe_ref (g_ptr_array_index (self->recipes, 2));
  g_assert_cmpuint (pent_recipe_get_seed (recipe, "seed"), ==, 44);
  g_assert_cmpint (pent_recipe_get_int (recipe, "count"), ==, 1);

  third = pent_image_ref (picture (self, 2));
  pent_recipe_unref (self->recipe);
  self->recipe = pent_recipe_ref (recipe);
  g_assert_true (run (self));
  g_assert_true (same (third, picture (self, 0)));
}

static void
test_seed_drawn (Fixture *self, gconstpointer data)
{
  guint64 first;

  pent_recipe_set (self->recipe, "seed", NULL);
  g_assert_true (run (self));
  first = pent_recipe_get_seed (g_ptr_array_index (self->recipes, 0), "seed");
  g_assert_true (run (self));
  g_assert_cmpuint (first, !=, pent_recipe_get_seed (g_ptr_array_index (self->recipes, 0), "seed"));
}

/* The guided direction in both conventions, on one Euler step from sigma 1 to 0 with the fake model's velocity
 * v = 0.8 (x - colour): x' = x - guided. */
static void
test_guidance (Fixture *self, gconstpointer data)
{
  double means[2][3];

  pent_recipe_set (self->recipe, "steps", g_variant_new_int64 (1));
  pent_recipe_set (self->recipe, "guidance", g_variant_new_double (2));
  for (guint base = 0; base < 2; base++)
    {
      const guint8 *pixels;

      fake_pipeline_set_guidance_base (self->pipeline, base);
      g_assert_true (run (self));
      pixels = pent_image_get_pixels (picture (self, 0));
      for (guint c = 0; c < 3; c++)
        {
          means[base][c] = 0;
          for (guint i = 0; i < 64 * 64; i++)
            means[base][c] += pixels[3 * i + c] / (64.0 * 64);
        }
    }
  for (guint c = 0; c < 3; c++)
    {
      double positive = (g_str_hash ("a pink cloud at sunset") >> 8 * c & 255) / 127.5 - 1;
      double negative = (g_str_hash ("") >> 8 * c & 255) / 127.5 - 1;

      for (guint base = 0; base < 2; base++)
        {
          double expected = 0.8 * (positive + (2.0 - base) * (positive - negative));

          if (fabs (expected) < 0.6)      /* else clamping moves the mean */
            g_assert_cmpfloat_with_epsilon (means[base][c] / 127.5 - 1, expected, 0.1);
        }
    }
}

static void
add_image (Fixture *self, guint width, guint height, guint8 value)
{
  PentImage *image = pent_image_new (width, height, 3);
  g_autofree char *hash = NULL;
  guint8 bytes[32];

  memset (pent_image_edit_pixels (image), value, (gsize) width * height * 3);
  hash = pent_image_get_hash (image);
  for (guint i = 0; i < 32; i++)
    bytes[i] = g_ascii_xdigit_value (hash[2 * i]) << 4 | g_ascii_xdigit_value (hash[2 * i + 1]);
  pent_recipe_set (self->recipe, "image", g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, 32, 1));
  g_hash_table_replace (self->images, g_steal_pointer (&hash), image);
}

static double
mean (PentImage *image)
{
  const guint8 *pixels = pent_image_get_pixels (image);
  gsize n = g_bytes_get_size (pent_image_get_bytes (image));
  double sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += pixels[i];
  return sum / n;
}

static void
test_image (Fixture *self, gconstpointer data)
{
  double far, near;

  add_image (self, 100, 70, 250);
  pent_recipe_set (self->recipe, "strength", g_variant_new_double (0.125));
  g_assert_true (run (self));
  g_assert_cmpuint (fake_pipeline_get_counts (self->pipeline)->n_images, ==, 1);
  g_assert_cmpuint (fake_pipeline_get_counts (self->pipeline)->n_denoised, ==, 2);      /* one step, guided */
  g_assert_cmpuint (pent_image_get_width (picture (self, 0)), ==, 96);      /* rounded to what the model can */
  g_assert_cmpuint (pent_image_get_height (picture (self, 0)), ==, 64);
  near = mean (picture (self, 0));

  pent_recipe_set (self->recipe, "strength", g_variant_new_double (1));
  g_assert_true (run (self));
  g_assert_cmpuint (fake_pipeline_get_counts (self->pipeline)->n_denoised, ==, 18);
  far = mean (picture (self, 0));
  g_assert_cmpfloat (fabs (near - 250), <, fabs (far - 250));

  g_hash_table_remove_all (self->images);
  g_assert_false (run (self));
  g_assert_error (self->error, PENT_ERROR, PENT_ERROR_INVALID);
}

static void
test_bad_size (Fixture *self, gconstpointer data)
{
  pent_recipe_set (self->recipe, "size", g_variant_new ("(uu)", 70, 64));
  g_assert_false (run (self));
  g_assert_error (self->error, PENT_ERROR, PENT_ERROR_INVALID);
  g_assert_nonnull (strstr (self->error->message, "try 64x64"));
  pent_recipe_set (self->recipe, "size", g_variant_new ("(uu)", 70, 9000));
  g_assert_false (run (self));
  g_assert_error (self->error, PENT_ERROR, PENT_ERROR_INVALID);
}

static void
test_long_prompt (Fixture *self, gconstpointer data)
{
  GString *prompt = g_string_new (NULL);

  for (guint i = 0; i < 20000; i++)
    g_string_append (prompt, "word ");
  pent_recipe_set (self->recipe, "prompt", g_variant_new_take_string (g_string_free_and_steal (prompt)));
  g_assert_false (run (self));
  g_assert_error (self->error, PENT_ERROR, PENT_ERROR_INVALID);
  g_assert_nonnull (strstr (self->error->message, "20000"));
  g_assert_nonnull (strstr (self->error->message, "64"));
}

/* At every step: nothing is computed after it, and nothing comes out. */
static void
test_cancel (Fixture *self, gconstpointer data)
{
  for (guint step = 0; step < 8; step++)
    {
      guint before = fake_pipeline_get_counts (self->pipeline)->n_denoised;

      g_cancellable_reset (self->cancellable);
      self->cancel_at = step;
      g_assert_false (run (self));
      g_assert_error (self->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_assert_cmpuint (self->pictures->len, ==, 0);
      g_assert_cmpuint (fake_pipeline_get_counts (self->pipeline)->n_denoised - before, ==, 2 * (step + 1));
    }
}

static void
test_not_a_number (Fixture *self, gconstpointer data)
{
  pent_recipe_set (self->recipe, "prompt", g_variant_new_string ("nan"));
  g_assert_false (run (self));
  g_assert_error (self->error, PENT_ERROR, PENT_ERROR_FAILED);
  g_assert_cmpuint (self->pictures->len, ==, 0);
}

/* What every operation says of itself is complete and consistent. */
static void
test_descriptions (void)
{
  for (gsize i = 0; pent_ops[i] != NULL; i++)
    {
      const PentOpClass *op = pent_ops[i];

      g_assert_true (pent_op_find (op->name) == op);
      g_assert_nonnull (op->label);
      g_assert_nonnull (op->blurb);
      for (const PentParam *param = op->params; param->name != NULL; param++)
        {
          GVariant *value = pent_param_get_default (param);
          g_autoptr (GVariant) owned = value != NULL ? g_variant_ref_sink (value) : NULL;
          g_autoptr (GError) error = NULL;

          g_test_message ("%s.%s", op->name, param->name);
          g_assert_nonnull (param->label);
          g_assert_nonnull (param->blurb);
          g_assert_nonnull (param->unit);
          g_assert_cmpfloat (param->min, <=, param->soft_min);
          g_assert_true (param->soft_max == 0 || param->soft_max <= param->max);
          g_assert_true ((param->kind == PENT_PARAM_CHOICE) == (param->choices != NULL));
          if (owned != NULL)
            pent_param_check (param, owned, &error);
          g_assert_no_error (error);
          for (const PentParam *other = op->params; other != param; other++)
            g_assert_cmpstr (other->name, !=, param->name);
        }
    }
  g_assert_null (pent_op_find ("nothing"));
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

void
add_generate_tests (void)
{
  ADD ("/generate/defaults", test_defaults);
  ADD ("/generate/remake", test_remake);
  ADD ("/generate/count", test_count);
  ADD ("/generate/seed-drawn", test_seed_drawn);
  ADD ("/generate/guidance", test_guidance);
  ADD ("/generate/image", test_image);
  ADD ("/generate/bad-size", test_bad_size);
  ADD ("/generate/long-prompt", test_long_prompt);
  ADD ("/generate/cancel", test_cancel);
  ADD ("/generate/not-a-number", test_not_a_number);
  g_test_add_func ("/op/descriptions", test_descriptions);
}
