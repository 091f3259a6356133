/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gstdio.h>
#include <vulkan/vulkan.h>

#include "vk-test.h"

/* One pipeline for a shader and its constants, however often it is asked for. */
static void
test_keyed (void)
{
  PentVkContext *context = test_context_new ();
  guint32 a[] = { 64, 1, 0 }, b[] = { 64, 1, 1 };
  guint32 same_hash[2][3] = { { 64, 1, 0x9e3779b1 }, { 64, 2, 0 } };
  PentVkPipeline *first = pent_vk_pipeline_get (context, &test_saxpy, a, 3);
  double seconds;

  g_assert_true (pent_vk_pipeline_get (context, &test_saxpy, a, 3) == first);
  g_assert_true (pent_vk_pipeline_get (context, &test_saxpy, b, 3) != first);
  g_assert_true (pent_vk_pipeline_get (context, &test_saxpy, a, 2) != first);
  g_assert_true (pent_vk_pipeline_get (context, &test_saxpy, same_hash[0], 3)
                 != pent_vk_pipeline_get (context, &test_saxpy, same_hash[1], 3));
  g_assert_cmpuint (pent_vk_pipeline_count (context, &seconds), ==, 5);
  g_assert_cmpfloat (seconds, >, 0);
  test_context_end (context);
}

/* Every set of constants is its own program. */
static void
test_constants (void)
{
  PentVkContext *context = test_context_new ();
  g_autofree guint32 *words = test_words (256, 11);

  for (guint a = 0; a < 3; a++)
    for (guint b = 0; b < 3; b++)
      for (guint block = 1; block <= 64; block *= 8)
        {
          g_autofree guint32 *expected = g_memdup2 (words, 1024);
          g_autoptr (PentVkBuffer) x = test_buffer_new (context, words, 256, "x");
          g_autoptr (PentVkBuffer) y = test_buffer_new (context, words, 256, "y");
          g_autoptr (PentVkCommand) command = pent_vk_command_new (context, "constants");
          TestSaxpy call = { .x = x, .y = y, .groups = { 2, 1, 2 }, .spec = { block, a, b } };

          test_saxpy_record (command, &call);
          pent_vk_command_end (command);
          g_assert_true (pent_vk_command_run (command, NULL, NULL));
          test_saxpy_apply (&call, words, expected);
          test_assert_words (y, 0, expected, 256);
        }
  test_context_end (context);
}

/* The size that a shader asks for is the size that it gets; one that is not there is a named error. */
static void
test_subgroup_size (void)
{
  g_autoptr (PentVkContext) context = test_context_new ();
  const PentVkInfo *info = pent_vk_context_get_info (context);
  PentVkShader shader = test_saxpy, absent = test_saxpy;
  guint32 spec[] = { info->subgroup_max, 1, 0 };
  g_autoptr (GError) error = NULL;

  shader.subgroup_size = info->subgroup_max;
  pent_vk_pipeline_get (context, &shader, spec, 3);
  g_assert_true (pent_vk_context_check (context, NULL));

  absent.subgroup_size = info->subgroup_max * 2;
  absent.name = "wide";
  pent_vk_pipeline_get (context, &absent, spec, 3);
  g_assert_false (pent_vk_context_check (context, &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "wide"));
}

static void
test_needs (void)
{
  g_autoptr (PentVkContext) context = NULL;
  PentVkShader shader = test_saxpy;
  g_autoptr (GError) error = NULL;

  test_env_set ("PENT_VK_DISABLE", "lanes");
  context = test_context_new ();
  test_env_reset ("PENT_VK_DISABLE");
  shader.needs = PENT_VK_LANES;
  g_assert_nonnull (pent_vk_pipeline_get (context, &shader, NULL, 0));
  g_assert_false (pent_vk_context_check (context, &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "lanes"));
}

static char *
find_cache (void)
{
  g_autofree char *folder = g_build_filename (g_get_user_cache_dir (), "pentimento", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name = dir != NULL ? g_dir_read_name (dir) : NULL;

  if (name == NULL)
    return NULL;

  g_assert_true (g_str_has_prefix (name, "pipelines-"));
  g_assert_null (g_dir_read_name (dir));       /* no temporary file is left */
  return g_build_filename (folder, name, NULL);
}

/* A context that builds one pipeline; TRUE if it then wrote the cache file anew. */
static gboolean
build_writes (const char *path)
{
  PentVkContext *context = test_context_new ();
  GStatBuf before = { 0 }, after;
  guint32 spec[] = { 32, 5, 6 };

  g_stat (path, &before);
  pent_vk_pipeline_get (context, &test_saxpy, spec, 3);
  test_context_end (context);
  g_assert_cmpint (g_stat (path, &after), ==, 0);
  return before.st_ino != after.st_ino;
}

static void
damage (const char *path, const char *text, gsize size)
{
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, size, &error);
  g_assert_no_error (error);
  g_assert_true (build_writes (path));      /* ignored, hence replaced */
  g_assert_false (build_writes (path));     /* by one that is sound */
}

/* A header that is right in itself, of another device. */
static void
make_foreign (char *text, gsize size)
{
  char *data = text + 48;
  g_autofree char *sum = NULL;

  data[G_STRUCT_OFFSET (VkPipelineCacheHeaderVersionOne, deviceID)] ^= 1;
  sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (guchar *) data, size - 48);
  memcpy (text + 16, sum, 32);
}

static void
test_cache (void)
{
  PentVkContext *context;
  guint32 spec[] = { 32, 5, 6 };
  g_autofree char *path = NULL, *text = NULL, *broken = NULL;
  gsize size;

  test_cache_clear ();
  g_assert_null (find_cache ());
  context = test_context_new ();
  pent_vk_pipeline_get (context, &test_saxpy, spec, 3);
  test_context_end (context);
  path = find_cache ();
  g_assert_nonnull (path);
  g_assert_true (g_file_get_contents (path, &text, &size, NULL));
  g_test_message ("the cache has %" G_GSIZE_FORMAT " bytes", size);
  g_assert_cmpuint (size, >=, 48 + sizeof (VkPipelineCacheHeaderVersionOne));
  g_assert_false (build_writes (path));

  for (guint i = 0; i < 8; i++)
    {
      int at = i < 4 ? (int) i * 15 : g_test_rand_int_range (0, size);

      broken = g_memdup2 (text, size + 1);
      broken[at] ^= 1 << g_test_rand_int_range (0, 8);
      damage (path, broken, size);
      g_clear_pointer (&broken, g_free);
    }
  damage (path, text, size - 1);
  damage (path, text, 20);
  damage (path, "", 0);
  broken = g_malloc0 (size + 1);
  memcpy (broken, text, size);
  damage (path, broken, size + 1);
  make_foreign (broken, size);
  damage (path, broken, size);
}

/* Nothing is built: nothing is written.  Nowhere to write: no harm. */
static void
test_cache_unwritable (void)
{
  g_autofree char *folder = g_build_filename (g_get_user_cache_dir (), "pentimento", NULL);
  guint32 spec[] = { 32, 5, 6 };
  PentVkContext *context;

  test_cache_clear ();
  test_context_end (test_context_new ());
  g_assert_null (find_cache ());

  g_mkdir_with_parents (g_get_user_cache_dir (), 0700);
  g_assert_true (g_file_set_contents (folder, "a file", -1, NULL));
  context = test_context_new ();
  pent_vk_pipeline_get (context, &test_saxpy, spec, 3);
  test_context_end (context);
  g_unlink (folder);
}

void
test_pipeline_add (void)
{
  g_test_add_func ("/vk/pipeline/keyed", test_keyed);
  g_test_add_func ("/vk/pipeline/constants", test_constants);
  g_test_add_func ("/vk/pipeline/subgroup-size", test_subgroup_size);
  g_test_add_func ("/vk/pipeline/needs", test_needs);
  g_test_add_func ("/vk/pipeline/cache", test_cache);
  g_test_add_func ("/vk/pipeline/cache-unwritable", test_cache_unwritable);
}
