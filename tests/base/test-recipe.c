/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "pent-error.h"
#include "pent-noise.h"
#include "pent-recipe.h"
#include "tests.h"

static const char *const samplers[] = { "euler", "heun", NULL };
static const PentParam params[] = {
  { "prompt", PENT_PARAM_STRING, PENT_PARAM_REQUIRED },
  { "negative", PENT_PARAM_STRING, 0, .text = "", .max = 10 },
  { "size", PENT_PARAM_SIZE, 0, .unit = "px", .min = 16, .max = 256, .step = 16, .value = 64 },
  { "seed", PENT_PARAM_SEED },
  { "steps", PENT_PARAM_INT, PENT_PARAM_FROM_MODEL, .min = 1, .max = 200 },
  { "guidance", PENT_PARAM_FLOAT, 0, .min = 0, .max = 30, .value = 4 },
  { "sampler", PENT_PARAM_CHOICE, 0, .text = "euler", .choices = samplers },
  { "tile", PENT_PARAM_BOOL, 0, .value = 1 },
  { "image", PENT_PARAM_IMAGE },
  { "model", PENT_PARAM_MODEL, 0, .text = "sketch" },
  { NULL },
};

static const PentParam *
param (const char *name)
{
  for (guint i = 0; params[i].name != NULL; i++)
    if (g_str_equal (params[i].name, name))
      return &params[i];
  g_assert_not_reached ();
}

static void
test_parse (void)
{
  static const struct { const char *name, *text, *shown; } good[] = {
    { "size", "64x128", "64x128" }, { "size", "48", "48x48" }, { "size", "32×16", "32x16" },
    { "seed", "18446744073709551615", "18446744073709551615" }, { "steps", "200", "200" },
    { "guidance", "3.5", "3.5" }, { "guidance", "0.1", "0.1" }, { "tile", "NO", "no" }, { "sampler", "heun", "heun" },
    { "image", "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF",
      "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" },
  };
  static const struct { const char *name, *text, *says; } bad[] = {
    { "size", "64x", "size" }, { "size", "x64", "size" }, { "size", "8x64", "between 16 and 256" },
    { "size", "40x64", "try 32 or 48" }, { "size", "99999999999999x64", "between" }, { "size", "-16x16", "size" },
    { "seed", "-1", "whole number" }, { "seed", "18446744073709551616", "whole number" }, { "steps", "0", "1 and 200" },
    { "steps", "3.5", "whole number" }, { "guidance", "nan", "number" }, { "guidance", "31", "30" },
    { "guidance", "", "number" }, { "tile", "maybe", "yes or no" }, { "sampler", "ddim", "euler, heun" },
    { "negative", "12345678901", "11 bytes" }, { "prompt", "\xff", "UTF-8" }, { "image", "12", "SHA-256" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      GVariant *value = pent_param_parse (param (good[i].name), good[i].text, &error);
      g_autoptr (GVariant) owned = NULL;
      g_autofree char *text = NULL;

      g_assert_no_error (error);
      owned = g_variant_ref_sink (value);
      text = pent_param_format (param (good[i].name), owned);
      g_assert_cmpstr (text, ==, good[i].shown);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (pent_param_parse (param (bad[i].name), bad[i].text, &error));
      g_assert_error (error, PENT_ERROR, PENT_ERROR_INVALID);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      if (strstr (error->message, bad[i].says) == NULL || !g_str_has_prefix (error->message, bad[i].name))
        g_error ("“%s” does not say “%s”", error->message, bad[i].says);
    }
}

static PentRecipe *
make_recipe (void)
{
  PentRecipe *recipe = pent_recipe_new ("generate");
  guint8 hash[32] = { 1, 2, 0xff };

  pent_recipe_set (recipe, "prompt", g_variant_new_string ("a \"pink\" cloud,\n☁ at sunset"));
  pent_recipe_set (recipe, "seed", g_variant_new_uint64 (G_MAXUINT64));
  pent_recipe_set (recipe, "guidance", g_variant_new_double (0.1 + 0.2));
  pent_recipe_set (recipe, "size", g_variant_new ("(uu)", 64, 128));
  pent_recipe_set (recipe, "image", g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, hash, sizeof hash, 1));
  pent_recipe_set (recipe, "device", g_variant_new_string ("llvmpipe"));
  return recipe;
}

static void
assert_same (PentRecipe *a, PentRecipe *b)
{
  g_autoptr (GVariant) x = g_variant_ref_sink (pent_recipe_to_variant (a));
  g_autoptr (GVariant) y = g_variant_ref_sink (pent_recipe_to_variant (b));
  g_autofree char *text_x = g_variant_print (x, TRUE), *text_y = g_variant_print (y, TRUE);

  g_assert_cmpstr (text_x, ==, text_y);
}

static void
test_resolve (void)
{
  g_autoptr (PentRecipe) recipe = make_recipe ();
  g_autoptr (GError) error = NULL;
  guint width, height;

  g_assert_true (pent_recipe_resolve (recipe, params, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (pent_recipe_get_string (recipe, "sampler"), ==, "euler");
  g_assert_cmpstr (pent_recipe_get_string (recipe, "device"), ==, "llvmpipe");
  g_assert_cmpstr (pent_recipe_get_string (recipe, "nothing"), ==, "");
  g_assert_true (pent_recipe_get_bool (recipe, "tile"));
  g_assert_null (pent_recipe_get (recipe, "steps"));
  pent_recipe_get_size (recipe, "size", &width, &height);
  g_assert_cmpuint (width, ==, 64);
  g_assert_cmpuint (height, ==, 128);

  /* Numbers of another type that say the same are taken, everything else is not. */
  pent_recipe_set (recipe, "steps", g_variant_new_int32 (9));
  pent_recipe_set (recipe, "guidance", g_variant_new_int64 (2));
  pent_recipe_set (recipe, "seed", g_variant_new_string ("77"));
  g_assert_true (pent_recipe_resolve (recipe, params, &error));
  g_assert_cmpint (pent_recipe_get_int (recipe, "steps"), ==, 9);
  g_assert_cmpfloat (pent_recipe_get_float (recipe, "guidance"), ==, 2);
  g_assert_cmpuint (pent_recipe_get_seed (recipe, "seed"), ==, 77);
}

static void
test_refuse (void)
{
  static const struct { const char *name, *value, *says; } bad[] = {
    { "steps", "'many'", "steps" }, { "steps", "int64 0", "between" }, { "steps", "2.0", "wrong type" },
    { "prompt", "int64 3", "prompt" }, { "prompt", "{'a': <1>}", "prompt" }, { "colour", "'red'", "no parameter" },
    { "seed", "int64 -1", "seed" }, { "size", "(uint32 0, uint32 64)", "between" }, { "size", "[1, 2]", "size" },
    { "image", "@ay []", "SHA-256" }, { "sampler", "'x'", "euler" }, { "guidance", "true", "guidance" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (PentRecipe) recipe = make_recipe ();
      g_autoptr (GError) error = NULL;

      pent_recipe_set (recipe, bad[i].name, g_variant_new_parsed (bad[i].value));
      g_assert_false (pent_recipe_resolve (recipe, params, &error));
      g_assert_error (error, PENT_ERROR, PENT_ERROR_INVALID);
      if (strstr (error->message, bad[i].says) == NULL)
        g_error ("“%s” does not say “%s”", error->message, bad[i].says);
    }

  {
    g_autoptr (PentRecipe) recipe = pent_recipe_new ("generate");
    g_autoptr (GError) error = NULL;

    g_assert_false (pent_recipe_resolve (recipe, params, &error));
    g_assert_nonnull (strstr (error->message, "prompt"));
  }
}

static void
test_json (void)
{
  g_autoptr (PentRecipe) recipe = make_recipe ();
  g_autoptr (GError) error = NULL;
  g_autofree char *json = NULL, *again = NULL;
  g_autoptr (PentRecipe) back = NULL;

  g_assert_true (pent_recipe_resolve (recipe, params, &error));
  json = pent_recipe_to_json (recipe);
  g_assert_cmpstr (json, ==, "{\"device\":\"llvmpipe\",\"guidance\":0.30000000000000004,"
                   "\"image\":\"0102ff0000000000000000000000000000000000000000000000000000000000\","
                   "\"model\":\"sketch\","
                   "\"negative\":\"\",\"op\":\"generate\",\"prompt\":\"a \\\"pink\\\" cloud,\\n☁ at sunset\","
                   "\"sampler\":\"euler\",\"seed\":\"18446744073709551615\",\"size\":[64,128],\"tile\":true}");
  back = pent_recipe_from_json (json, &error);
  g_assert_no_error (error);
  g_assert_true (pent_recipe_resolve (back, params, &error));
  g_assert_no_error (error);
  assert_same (recipe, back);
  again = pent_recipe_to_json (back);
  g_assert_cmpstr (json, ==, again);
}

/* Any double comes back as itself. */
static void
test_json_doubles (void)
{
  for (guint i = 0; i < 20000; i++)
    {
      guint64 bits = (guint64) (pent_noise_uniform (i, 5, 0) * 0x1p53) << 11 ^ i;
      g_autoptr (PentRecipe) recipe = pent_recipe_new ("x"), back = NULL;
      g_autofree char *json = NULL;
      double v, w;

      memcpy (&v, &bits, sizeof v);
      if (!isfinite (v))
        continue;
      pent_recipe_set (recipe, "v", g_variant_new_double (v));
      json = pent_recipe_to_json (recipe);
      back = pent_recipe_from_json (json, NULL);
      w = pent_recipe_get_float (back, "v");
      g_assert_cmpmem (&v, sizeof v, &w, sizeof w);
    }
}

static void
test_json_bad (void)
{
  static const char *const bad[] = {
    "", "null", "[]", "{", "{}", "{\"op\":1}", "{\"op\":\"\"}", "{\"op\":\"x\",\"a\":null}", "{\"op\":\"x\",\"a\":{}}",
    "{\"op\":\"x\",\"\":1}", "{\"op\":\"x\",\"a\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}",
    "{\"op\":\"x\",\"a\":1e999}",
    "\"text\"", "{\"op\":[]}",
  };
  g_autofree char *deep = g_strnfill (3 << 20, '[');
  g_autofree char *large = g_strnfill (17 << 20, ' ');
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_null (pent_recipe_from_json (bad[i], &error));
      g_assert_error (error, PENT_ERROR, PENT_ERROR_INVALID);
      g_clear_error (&error);
    }
  g_assert_null (pent_recipe_from_json (deep, &error));
  g_clear_error (&error);
  g_assert_null (pent_recipe_from_json (large, &error));
}

static void
test_variant (void)
{
  g_autoptr (PentRecipe) recipe = make_recipe (), back = NULL;
  g_autoptr (GVariant) variant = g_variant_ref_sink (pent_recipe_to_variant (recipe));
  static const char *const bad[] = {
    "'x'", "('', @a{sv} {})", "('generate', {'op': <'x'>})", "('generate', {'': <1>})",
    "('generate', {'a': <1>, 'a': <2>})", "('generate', {'a': <inf>})",
  };
  g_autoptr (GError) error = NULL;

  back = pent_recipe_from_variant (variant, &error);
  g_assert_no_error (error);
  assert_same (recipe, back);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (bad[i]));

      g_assert_null (pent_recipe_from_variant (value, &error));
      g_assert_error (error, PENT_ERROR, PENT_ERROR_INVALID);
      g_clear_error (&error);
    }
}

static void
test_parameters (void)
{
  g_autoptr (PentRecipe) recipe = pent_recipe_new ("generate");
  g_autofree char *text = NULL;

  pent_recipe_set (recipe, "prompt", g_variant_new_string ("a pink cloud"));
  pent_recipe_set (recipe, "negative", g_variant_new_string ("blurry"));
  pent_recipe_set (recipe, "steps", g_variant_new_int64 (8));
  pent_recipe_set (recipe, "sampler", g_variant_new_string ("euler"));
  pent_recipe_set (recipe, "guidance", g_variant_new_double (3.5));
  pent_recipe_set (recipe, "seed", g_variant_new_uint64 (42));
  pent_recipe_set (recipe, "size", g_variant_new ("(uu)", 128, 64));
  pent_recipe_set (recipe, "model", g_variant_new_string ("my, \"own\" one"));
  pent_recipe_set (recipe, "strength", g_variant_new_double (0.6));
  text = pent_recipe_to_parameters (recipe);
  g_assert_cmpstr (text, ==, "a pink cloud\nNegative prompt: blurry\nSteps: 8, Sampler: euler, CFG scale: 3.5, "
                   "Seed: 42, Size: 128x64, Model: \"my, \\\"own\\\" one\"");
}

void
add_recipe_tests (void)
{
  g_test_add_func ("/param/parse", test_parse);
  g_test_add_func ("/recipe/resolve", test_resolve);
  g_test_add_func ("/recipe/refuse", test_refuse);
  g_test_add_func ("/recipe/json", test_json);
  g_test_add_func ("/recipe/json/doubles", test_json_doubles);
  g_test_add_func ("/recipe/json/bad", test_json_bad);
  g_test_add_func ("/recipe/variant", test_variant);
  g_test_add_func ("/recipe/parameters", test_parameters);
}
