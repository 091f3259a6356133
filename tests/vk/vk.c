/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <glib/gstdio.h>

#include "saxpy.h"
#include "vk-test.h"

const PentVkShader test_saxpy = { .name = "saxpy", .code = saxpy_spv, .code_size = sizeof saxpy_spv, .push_size = 28 };

typedef struct {
  guint64 x, y;
  guint32 n, width, height;
} Push;

G_STATIC_ASSERT (G_STRUCT_OFFSET (Push, height) + 4 == 28);

PentVkContext *
test_context_new (void)
{
  g_autoptr (GError) error = NULL;
  PentVkContext *context = pent_vk_context_new (NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (context);
  return context;
}

void
test_context_end (PentVkContext *context)
{
  g_autoptr (GError) error = NULL;

  pent_vk_context_check (context, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (pent_vk_context_get_n_messages (context), ==, 0);
  pent_vk_context_unref (context);
}

static char *
kept_name (const char *name)
{
  return g_strconcat ("KEPT_", name, NULL);
}

void
test_env_set (const char *name, const char *value)
{
  g_autofree char *kept = kept_name (name);

  g_assert_null (g_getenv (kept));
  g_setenv (kept, g_getenv (name) ? g_getenv (name) : "", TRUE);
  g_setenv (name, value, TRUE);
}

void
test_env_reset (const char *name)
{
  g_autofree char *kept = kept_name (name);

  g_setenv (name, g_getenv (kept), TRUE);
  g_unsetenv (kept);
}

guint
test_saxpy_n (const TestSaxpy *call)
{
  return call->groups[0] * call->groups[1] * call->groups[2] * call->spec.block;
}

void
test_saxpy_record (PentVkCommand *command, const TestSaxpy *call)
{
  guint n = test_saxpy_n (call);
  Push push = {
    .x = pent_vk_buffer_get_address (call->x) + call->x_offset,
    .y = pent_vk_buffer_get_address (call->y) + call->y_offset,
    .n = n,
    .width = call->groups[0],
    .height = call->groups[1],
  };
  PentVkAccess access[] = {
    { call->x, call->x_offset, n * 4ull, FALSE },
    { call->y, call->y_offset, n * 4ull, TRUE },
  };
  PentVkPipeline *pipeline = pent_vk_pipeline_get (pent_vk_command_get_context (command), &test_saxpy,
                                                   &call->spec.block, 3);

  pent_vk_command_dispatch (command, pipeline, &push, call->groups[0], call->groups[1], call->groups[2],
                            access, G_N_ELEMENTS (access), call->flops, 12.0 * n);
}

void
test_saxpy_apply (const TestSaxpy *call, const guint32 *x, guint32 *y)
{
  guint n = test_saxpy_n (call);

  for (guint i = 0; i < n; i++)
    y[i] = call->spec.a * x[i] + call->spec.b * y[i] + i / (n / call->groups[2]);
}

PentVkBuffer *
test_buffer_new (PentVkContext *context, const guint32 *words, guint n, const char *label)
{
  PentVkBuffer *buffer = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, n * 4ull, label);

  pent_vk_buffer_write (buffer, 0, words, n * 4ull);
  return buffer;
}

guint32 *
test_words (guint n, guint32 seed)
{
  guint32 *words = g_new (guint32, n);
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);

  for (guint i = 0; i < n; i++)
    words[i] = g_rand_int (rand);

  return words;
}

void
test_assert_words (PentVkBuffer *buffer, guint64 offset, const guint32 *words, guint n)
{
  g_autofree guint32 *found = g_new (guint32, n);

  pent_vk_buffer_read (buffer, offset, found, n * 4ull);
  for (guint i = 0; i < n; i++)
    if (found[i] != words[i])
      g_error ("word %u of %u is %u and should be %u", i, n, found[i], words[i]);
}

void
test_cache_clear (void)
{
  g_autofree char *folder = g_build_filename (g_get_user_cache_dir (), "pentimento", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      g_remove (path);
    }
  g_remove (folder);
}

int
main (int argc, char *argv[])
{
  g_autofree char *cache = g_dir_make_tmp ("vk-XXXXXX", NULL);
  int status;

  /* A cache folder of our own, in which the driver keeps nothing.  G_TEST_OPTION_ISOLATE_DIRS would hide drivers and
   * layers too. */
  g_setenv ("XDG_CACHE_HOME", cache, TRUE);
  if (g_getenv ("MESA_SHADER_CACHE_DIR") == NULL)
    g_setenv ("MESA_SHADER_CACHE_DISABLE", "true", TRUE);
  if (g_getenv ("PENT_TEST_DEVICE") != NULL)
    g_setenv ("PENT_DEVICE", g_getenv ("PENT_TEST_DEVICE"), TRUE);
  g_test_init (&argc, &argv, NULL);

  test_barrier_add ();
  test_slab_add ();
  test_pace_add ();
  test_context_add ();
  test_buffer_add ();
  test_pipeline_add ();
  test_command_add ();
  test_error_add ();
  test_kernel_add ();
  status = g_test_run ();

  test_cache_clear ();
  g_remove (cache);
  return status;
}
