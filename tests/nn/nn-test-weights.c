/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weight files: what is read, what is refused, renaming, shards. */
#include "nn-test.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>
#include "pent-error.h"

#define DIMS(...) ((const gint64[]) { __VA_ARGS__ __VA_OPT__ (, ) - 1 })

static PentNnWeights *
open_path (const char *path, GError **error)
{
  g_autofree char *full = g_build_filename (TEST_DATA, path, NULL);
  g_autoptr (PentFiles) files = pent_files_new_for_path (full, error);
  const char *names[] = { NULL, NULL };

  if (files == NULL)
    return NULL;
  names[0] = pent_files_get_names (files)[0];
  return pent_nn_weights_open (files, names, error);
}

static PentNnWeights *
open_good (const char *path)
{
  g_autoptr (GError) error = NULL;
  PentNnWeights *weights = open_path (path, &error);

  g_assert_no_error (error);
  return weights;
}

static void
assert_refused (PentFiles *files, const char *const *names, int code, const char *part1, const char *part2)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PentNnWeights) weights = pent_nn_weights_open (files, names, &error);

  g_assert_null (weights);
  g_assert_error (error, PENT_ERROR, code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, part1));
  g_assert_nonnull (strstr (error->message, part2));
}

/* ---- the element types ---- */

static gboolean
same_value (float a, float b)
{
  return (isnan (a) && isnan (b)) || a == b;
}

/* Expected values are F32 for floats and I32 for whole numbers and truth. */
static void
assert_tensor (const PentNnWeight *have, const PentNnWeight *want)
{
  gsize n = 1;
  g_autofree float *values = NULL, *expected = NULL;

  g_assert_nonnull (have);
  g_assert_nonnull (want);
  g_assert_cmpuint (have->n_dims, ==, want->n_dims);
  for (guint i = 0; i < have->n_dims; i++)
    {
      g_assert_cmpint (have->shape[i], ==, want->shape[i]);
      n *= have->shape[i];
    }
  g_assert_cmpuint (g_bytes_get_size (have->bytes), ==, n * pent_dtype_size (have->dtype));
  values = g_new0 (float, n + 1);
  expected = g_new0 (float, n + 1);
  pent_dtype_to_f32 (values, g_bytes_get_data (have->bytes, NULL), have->dtype, n);
  pent_dtype_to_f32 (expected, g_bytes_get_data (want->bytes, NULL), want->dtype, n);
  for (gsize i = 0; i < n; i++)
    if (!same_value (values[i], expected[i]))
      g_error ("%s[%" G_GSIZE_FORMAT "] is %g, not %g", have->name, i, values[i], expected[i]);
}

static void
test_types (void)
{
  g_autoptr (PentNnWeights) weights = open_good ("safetensors_types/types.safetensors");
  g_autoptr (PentNnWeights) expected = open_good ("safetensors_types/io.safetensors");
  GPtrArray *names = pent_nn_weights_get_names (weights);
  GHashTable *metadata = pent_nn_weights_get_metadata (weights);
  const PentNnWeight *large = pent_nn_weights_get (weights, "i64");
  static const gint64 i64[] = { 4611686018427387904, -5, 0, 7 };

  g_assert_cmpuint (names->len, ==, 18);
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *output = g_strconcat ("output.", names->pdata[i], NULL);

      g_assert_true (i == 0 || strcmp (names->pdata[i - 1], names->pdata[i]) < 0);
      if (!g_str_equal (names->pdata[i], "i64"))
        assert_tensor (pent_nn_weights_get (weights, names->pdata[i]), pent_nn_weights_get (expected, output));
    }

  /* Beyond what an f32 holds. */
  g_assert_nonnull (large);
  g_assert_cmpint (large->dtype, ==, PENT_DTYPE_I64);
  g_assert_cmpmem (g_bytes_get_data (large->bytes, NULL), g_bytes_get_size (large->bytes), i64, sizeof i64);

  g_assert_cmpstr (g_hash_table_lookup (metadata, "note"), ==, "Grüße 狐");
  g_assert_cmpstr (g_hash_table_lookup (metadata, "quote"), ==, "a\"b\\c\n");
  g_assert_cmpuint (g_hash_table_size (metadata), ==, 3);
}

static void
test_fp8_scaled (void)
{
  g_autoptr (PentNnWeights) weights = open_good ("safetensors_types/fp8_scaled.safetensors");
  g_autoptr (PentNnWeights) expected = open_good ("safetensors_types/io.safetensors");
  const PentNnWeight *weight = pent_nn_weights_get (weights, "layer.weight");
  const PentNnWeight *scale = pent_nn_weights_get (weights, "layer.scale_weight");
  const PentNnWeight *want = pent_nn_weights_get (expected, "output.fp8_scaled.layer");
  float values[60], factor;

  g_assert_cmpint (weight->dtype, ==, PENT_DTYPE_F8_E4M3);
  g_assert_cmpuint (scale->n_dims, ==, 0);
  pent_dtype_to_f32 (values, g_bytes_get_data (weight->bytes, NULL), weight->dtype, 60);
  pent_dtype_to_f32 (&factor, g_bytes_get_data (scale->bytes, NULL), scale->dtype, 1);
  for (guint i = 0; i < 60; i++)
    values[i] *= factor;
  g_assert_cmpmem (values, sizeof values, g_bytes_get_data (want->bytes, NULL), g_bytes_get_size (want->bytes));
}

/* ---- files that are refused, and odd ones that are not ---- */

static JsonArray *
malformed_list (JsonParser *parser, const char *which)
{
  g_autoptr (GError) error = NULL;

  json_parser_load_from_file (parser, TEST_DATA "/malformed/case.json", &error);
  g_assert_no_error (error);
  return json_object_get_array_member (json_node_get_object (json_parser_get_root (parser)), which);
}

static void
test_malformed (void)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonArray *list = malformed_list (parser, "malformed");
  guint n = 0;

  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonObject *entry = json_array_get_object_element (list, i);
      const char *file = json_object_get_string_member (entry, "file");
      g_autofree char *path = g_build_filename ("malformed", file, NULL);
      g_autoptr (PentNnWeights) weights = NULL;
      g_autoptr (GError) error = NULL;

      if (!g_str_has_suffix (file, ".safetensors"))
        continue;
      weights = open_path (path, &error);
      g_test_message ("%s (%s): %s", file, json_object_get_string_member (entry, "wrong"),
                      error != NULL ? error->message : "accepted");
      g_assert_null (weights);
      g_assert_error (error, PENT_ERROR, PENT_ERROR_FILE);
      g_assert_nonnull (strstr (error->message, file));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      n++;
    }
  g_assert_cmpuint (n, ==, 57);
}

static void
test_odd_but_valid (void)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonArray *list = malformed_list (parser, "valid");

  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      const char *file = json_object_get_string_member (json_array_get_object_element (list, i), "file");
      g_autofree char *path = g_build_filename ("malformed", file, NULL);
      g_autoptr (PentNnWeights) weights = NULL;

      if (!g_str_has_suffix (file, ".safetensors"))
        continue;
      weights = open_good (path);
      if (g_str_has_suffix (file, "escapes.safetensors"))
        g_assert_true (pent_nn_weights_has (weights, "a/🦊"));
      else if (g_str_has_suffix (file, "zero_size.safetensors"))
        g_assert_cmpuint (g_bytes_get_size (pent_nn_weights_get (weights, "z")->bytes), ==, 0);
      else if (strstr (file, "no_tensors") != NULL || strstr (file, "only_metadata") != NULL)
        g_assert_cmpuint (pent_nn_weights_get_names (weights)->len, ==, 0);
      else
        g_assert_true (pent_nn_weights_has (weights, "a"));
    }
}

static void
test_advice (void)
{
  static const struct { const char *path, *advice; } cases[] = {
    { "malformed/pickle.safetensors", ".safetensors version" },
    { "malformed/html_page.safetensors", "web page" },
    { "malformed/lfs_pointer.safetensors", "git lfs pull" },
    { "malformed/unknown_dtype.safetensors", "F12" },
    { "malformed/duplicate_key.safetensors", "twice" },
    { "malformed/deep_nesting.safetensors", "nested" },
    { "malformed/offsets_past_end.safetensors", "download it again" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (PentNnWeights) weights = open_path (cases[i].path, &error);

      g_assert_null (weights);
      g_assert_nonnull (strstr (error->message, cases[i].advice));
    }
}

/* Every byte of a good file, changed or cut off: an answer each time, and never a tensor that reaches outside. */
static void
test_mutations (void)
{
  g_autofree char *original = NULL;
  gsize size;

  g_file_get_contents (TEST_DATA "/safetensors_types/fp8_scaled.safetensors", &original, &size, NULL);
  g_assert_nonnull (original);
  for (gsize i = 0; i < size; i++)
    for (guint kind = 0; kind < 3; kind++)
      {
        g_autofree char *copy = g_memdup2 (original, size);
        g_autoptr (PentFiles) files = NULL;
        g_autoptr (PentNnWeights) weights = NULL;
        g_autoptr (GError) error = NULL;

        copy[i] = kind == 0 ? copy[i] ^ (1 << (i % 8)) : g_test_rand_int ();
        files = nn_test_files ("mutant", "m.safetensors", g_bytes_new (copy, kind == 2 ? i : size), NULL);
        weights = pent_nn_weights_open (files, NULL, &error);
        g_assert_true ((weights == NULL) == (error != NULL));
        for (guint j = 0; weights != NULL && j < pent_nn_weights_get_names (weights)->len; j++)
          {
            GBytes *bytes = pent_nn_weights_get (weights, pent_nn_weights_get_names (weights)->pdata[j])->bytes;
            g_autoptr (GBytes) touched = g_bytes_new (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));

            g_assert_cmpuint (g_bytes_get_size (touched), ==, g_bytes_get_size (bytes));
          }
      }
}

/* ---- finding the component ---- */

static GBytes *
one_tensor (const char *name, float value)
{
  NnTestFile *file = nn_test_file_new ();

  nn_test_file_add (file, name, PENT_DTYPE_F32, DIMS (1), &value);
  return nn_test_file_finish (file);
}

static GBytes *
text (const char *string)
{
  return g_bytes_new (string, strlen (string));
}

static float
value_of (PentNnWeights *weights, const char *name)
{
  float value = 0;

  g_assert_true (pent_nn_weights_has (weights, name));
  memcpy (&value, g_bytes_get_data (pent_nn_weights_get (weights, name)->bytes, NULL), sizeof value);
  return value;
}

static void
test_find (void)
{
  g_autoptr (PentFiles) usual = nn_test_files ("usual", "model.safetensors", one_tensor ("a", 1), "model.fp16.safetensors",
                                               one_tensor ("a", 2), "config.json", text ("{}"), NULL);
  g_autoptr (PentFiles) two = nn_test_files ("two", "x.safetensors", one_tensor ("a", 1), "y.safetensors",
                                             one_tensor ("b", 2), NULL);
  g_autoptr (PentFiles) none = nn_test_files ("none", "config.json", text ("{}"), NULL);
  const char *const both[] = { "x.safetensors", "y.safetensors", NULL }, *const absent[] = { "z.safetensors", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (PentNnWeights) weights = pent_nn_weights_open (usual, NULL, &error);
  g_autoptr (PentNnWeights) pair = NULL;

  g_assert_no_error (error);
  g_assert_cmpfloat (value_of (weights, "a"), ==, 1);
  pair = pent_nn_weights_open (two, both, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (value_of (pair, "b"), ==, 2);

  assert_refused (two, NULL, PENT_ERROR_FILE, "x.safetensors, y.safetensors", "two");
  assert_refused (none, NULL, PENT_ERROR_FILE, "no weight file", "none");
  assert_refused (two, absent, PENT_ERROR_FILE, "z.safetensors", "two");
}

#define INDEX "model.safetensors.index.json"
#define SHARD1 "model-00001-of-00002.safetensors"
#define SHARD2 "model-00002-of-00002.safetensors"

static void
test_shards (void)
{
  const char *map = "{\"metadata\":{\"total_size\":8},\"weight_map\":{\"a\":\"" SHARD1 "\",\"b\":\"" SHARD2 "\"}}";
  g_autoptr (PentFiles) good = nn_test_files ("m", INDEX, text (map), SHARD1, one_tensor ("a", 1), SHARD2,
                                              one_tensor ("b", 2), NULL);
  g_autoptr (PentFiles) missing = nn_test_files ("m", INDEX, text (map), SHARD1, one_tensor ("a", 1), NULL);
  g_autoptr (PentFiles) swapped = nn_test_files ("m", INDEX, text (map), SHARD1, one_tensor ("b", 1), SHARD2,
                                                 one_tensor ("a", 2), NULL);
  g_autoptr (PentFiles) twice = nn_test_files ("m", INDEX, text (map), SHARD1, one_tensor ("a", 1), SHARD2,
                                               one_tensor ("a", 2), NULL);
  g_autoptr (PentFiles) lacking = nn_test_files ("m", INDEX, text (map), SHARD1, one_tensor ("a", 1), SHARD2,
                                                 one_tensor ("c", 2), NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (PentNnWeights) weights = pent_nn_weights_open (good, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpfloat (value_of (weights, "a"), ==, 1);
  g_assert_cmpfloat (value_of (weights, "b"), ==, 2);
  assert_refused (missing, NULL, PENT_ERROR_FILE, SHARD2, INDEX);
  assert_refused (swapped, NULL, PENT_ERROR_MODEL, SHARD2, INDEX);
  assert_refused (twice, NULL, PENT_ERROR_MODEL, SHARD1, SHARD2);
  assert_refused (lacking, NULL, PENT_ERROR_MODEL, "“b”", SHARD2);
}

static void
test_bad_index (void)
{
  static const char *const bad[] = {
    "", "[]", "{}", "{\"weight_map\":[]}", "{\"weight_map\":{\"a\":1}}", "{\"weight_map\":{\"a\":\"x\",\"a\":\"x\"}}",
    "{\"weight_map\":{\"a\":\"../x.safetensors\"}}", "\xef\xbb\xbf{\"weight_map\":{}}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (PentFiles) files = nn_test_files ("m", INDEX, text (bad[i]), "x", one_tensor ("a", 1), NULL);

      assert_refused (files, NULL, PENT_ERROR_FILE, INDEX, INDEX);
    }
}

/* ---- renaming ---- */

static PentNnWeights *
weights_for_renaming (void)
{
  static const float qkv[12] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
  NnTestFile *file = nn_test_file_new ();
  g_autoptr (PentFiles) files = NULL;
  g_autoptr (GError) error = NULL;
  PentNnWeights *weights;

  nn_test_file_add (file, "blocks.7.attn.qkv.weight", PENT_DTYPE_F16, DIMS (6, 2), qkv);
  nn_test_file_add (file, "blocks.7.attn.qkv.bias", PENT_DTYPE_BF16, DIMS (6), qkv);
  nn_test_file_add (file, "blocks.7.mlp.weight", PENT_DTYPE_F32, DIMS (1), qkv);
  nn_test_file_add (file, "other", PENT_DTYPE_F32, DIMS (), qkv);
  nn_test_file_add (file, "junk.x", PENT_DTYPE_F32, DIMS (0), qkv);
  files = nn_test_files ("set", "file.safetensors", nn_test_file_finish (file), NULL);
  weights = pent_nn_weights_open (files, NULL, &error);
  g_assert_no_error (error);
  return weights;
}

static void
test_rename (void)
{
  static const PentNnRename rules[] = {
    { "blocks.*.attn.qkv.*", "layers.*.q.*", 3, 0 },
    { "blocks.*.attn.qkv.*", "layers.*.k.*", 3, 1 },
    { "blocks.*.attn.qkv.*", "layers.*.v.*", 3, 2 },
    { "blocks.*.mlp.weight", "layers.*.ffn.weight" },
    { "blocks.*", "never.*" },
    { "junk.*", NULL },
    { NULL },
  };
  g_autoptr (PentNnWeights) weights = weights_for_renaming ();
  g_autoptr (GError) error = NULL;
  const PentNnWeight *part;
  float values[4];

  g_assert_true (pent_nn_weights_rename (weights, rules, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (pent_nn_weights_get_names (weights)->len, ==, 8);
  part = pent_nn_weights_get (weights, "layers.7.k.weight");
  g_assert_nonnull (part);
  g_assert_cmpint (part->shape[0], ==, 2);
  g_assert_cmpint (part->shape[1], ==, 2);
  g_assert_cmpuint (g_bytes_get_size (part->bytes), ==, 8);
  pent_dtype_to_f32 (values, g_bytes_get_data (part->bytes, NULL), part->dtype, 4);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpfloat (values[i], ==, 4 + i);
  part = pent_nn_weights_get (weights, "layers.7.v.bias");
  pent_dtype_to_f32 (values, g_bytes_get_data (part->bytes, NULL), part->dtype, 2);
  g_assert_cmpfloat (values[1], ==, 5);
  g_assert_true (pent_nn_weights_has (weights, "layers.7.ffn.weight"));
  g_assert_true (pent_nn_weights_has (weights, "other"));
  g_assert_false (pent_nn_weights_has (weights, "junk.x"));
  g_assert_false (pent_nn_weights_has (weights, "blocks.7.attn.qkv.weight"));
}

static void
test_rename_errors (void)
{
  static const PentNnRename clash[] = { { "blocks.*.attn.qkv.*", "same" }, { NULL } };
  static const PentNnRename uneven[] = { { "*.mlp.weight", "*.a", 2, 0 }, { "*.mlp.weight", "*.b", 2, 1 }, { NULL } };
  static const PentNnRename scalar[] = { { "other", "a", 2, 0 }, { "other", "b", 2, 1 }, { NULL } };
  const PentNnRename *const all[] = { clash, uneven, scalar };
  const char *const names[] = { "blocks.7.attn.qkv.weight", "blocks.7.mlp.weight", "other" };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    {
      g_autoptr (PentNnWeights) weights = weights_for_renaming ();
      g_autoptr (GError) error = NULL;

      g_assert_false (pent_nn_weights_rename (weights, all[i], &error));
      g_assert_error (error, PENT_ERROR, PENT_ERROR_MODEL);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, names[i]));
      g_assert_nonnull (strstr (error->message, "file.safetensors"));
      /* Nothing has changed. */
      g_assert_cmpuint (pent_nn_weights_get_names (weights)->len, ==, 5);
      g_assert_true (pent_nn_weights_has (weights, names[i]));
    }
}

/* The shortest run first, and back again where that leads nowhere. */
static void
test_rename_patterns (void)
{
  static const PentNnRename rules[] = { { "*.b*.c", "[*|*]" }, { NULL } };
  NnTestFile *file = nn_test_file_new ();
  g_autoptr (PentFiles) files = NULL;
  g_autoptr (PentNnWeights) weights = NULL;
  static const float zero = 0;

  nn_test_file_add (file, "a.b.b.c.b1.c", PENT_DTYPE_F32, DIMS (1), &zero);
  nn_test_file_add (file, "a.bc", PENT_DTYPE_F32, DIMS (1), &zero);
  nn_test_file_add (file, ".b.c", PENT_DTYPE_F32, DIMS (1), &zero);
  files = nn_test_files ("set", "file.safetensors", nn_test_file_finish (file), NULL);
  weights = pent_nn_weights_open (files, NULL, NULL);
  g_assert_true (pent_nn_weights_rename (weights, rules, NULL));
  g_assert_true (pent_nn_weights_has (weights, "[a|.b.c.b1]"));
  g_assert_true (pent_nn_weights_has (weights, "a.bc"));
  g_assert_true (pent_nn_weights_has (weights, "[|]"));
}

void
nn_test_weights (void)
{
  g_test_add_func ("/nn/weights/types", test_types);
  g_test_add_func ("/nn/weights/fp8-scaled", test_fp8_scaled);
  g_test_add_func ("/nn/weights/malformed", test_malformed);
  g_test_add_func ("/nn/weights/odd-but-valid", test_odd_but_valid);
  g_test_add_func ("/nn/weights/advice", test_advice);
  g_test_add_func ("/nn/weights/mutations", test_mutations);
  g_test_add_func ("/nn/weights/find", test_find);
  g_test_add_func ("/nn/weights/shards", test_shards);
  g_test_add_func ("/nn/weights/bad-index", test_bad_index);
  g_test_add_func ("/nn/weights/rename", test_rename);
  g_test_add_func ("/nn/weights/rename-errors", test_rename_errors);
  g_test_add_func ("/nn/weights/rename-patterns", test_rename_patterns);
}
