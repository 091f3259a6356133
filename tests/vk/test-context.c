/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-command.h"
#include "vk-test.h"

static void
test_list (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) devices = pent_vk_list_devices (&error);

  g_assert_no_error (error);
  g_assert_cmpuint (devices->len, >, 0);
  for (guint i = 0; i < devices->len; i++)
    {
      const PentVkInfo *info = g_ptr_array_index (devices, i);
      g_autofree char *features = pent_vk_feature_names (info->features);

      g_test_message ("%u: %s; %s; %s; %u cores; heap %" G_GUINT64_FORMAT "; allocation %" G_GUINT64_FORMAT
                      "; subgroup %u", i, info->name, info->driver, features, info->cores, info->heap_size, info->max_allocation,
                      info->subgroup_size);
      g_assert_true (g_utf8_validate (info->name, -1, NULL));
      g_assert_cmpuint (strlen (info->uuid), ==, 32);
      g_assert_cmpuint (strspn (info->uuid, "0123456789abcdef"), ==, 32);
      g_assert_cmpuint (info->api_version >> 22, >=, 1);
      g_assert_cmpuint (info->subgroup_min, <=, info->subgroup_size);
      g_assert_cmpuint (info->subgroup_max, >=, info->subgroup_size);
      g_assert_cmpuint (info->max_invocations, >=, 128);
      g_assert_cmpuint (info->max_shared, >=, 16384);
      g_assert_cmpuint (info->max_allocation, >=, 1 << 30);
      g_assert_cmpuint (info->heap_size, >, 0);
      if (info->features & PENT_VK_COOPMAT)
        g_assert_cmpuint (info->coop_m * info->coop_n * info->coop_k, >, 0);
      if (info->kind == PENT_VK_CPU)
        g_assert_cmpuint (info->cores, >, 0);
      if (info->features & PENT_VK_IMPORT)
        g_assert_cmpuint (info->import_alignment, >, 0);
    }
}

static void
assert_chosen (const char *wanted, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PentVkContext) context = pent_vk_context_new (wanted, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (pent_vk_context_get_info (context)->name, ==, name);
}

static void
assert_refused (const char *wanted)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (pent_vk_context_new (wanted, &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "the devices are 0 “"));
}

static void
test_choose (void)
{
  g_autoptr (GPtrArray) devices = pent_vk_list_devices (NULL);
  const PentVkInfo *first = g_ptr_array_index (devices, 0), *last = g_ptr_array_index (devices, devices->len - 1);
  g_autofree char *upper = g_ascii_strup (first->name, 6);

  test_env_set ("PENT_DEVICE", "");
  assert_chosen (NULL, first->name);
  assert_chosen ("", first->name);
  assert_chosen ("0", first->name);
  assert_chosen (upper, first->name);
  if (last->kind == PENT_VK_CPU)
    assert_chosen ("cpu", last->name);
  if (first->kind != PENT_VK_CPU)
    assert_chosen ("gpu", first->name);
  else
    assert_refused ("gpu");
  assert_refused ("no such device");
  assert_refused ("77");
  assert_refused ("-1");
  assert_refused ("\xff");
  test_env_reset ("PENT_DEVICE");

  test_env_set ("PENT_DEVICE", "no such device");
  assert_refused (NULL);
  assert_chosen ("0", first->name);
  test_env_reset ("PENT_DEVICE");
}

static PentVkFeatures
features_without (const char *masked)
{
  PentVkContext *context;
  PentVkFeatures features;

  test_env_set ("PENT_VK_DISABLE", masked);
  context = test_context_new ();
  test_env_reset ("PENT_VK_DISABLE");
  features = pent_vk_context_get_info (context)->features;
  test_context_end (context);
  return features;
}

/* Each one alone, and all of them: the device is still one that works. */
static void
test_masks (void)
{
  g_autofree char *all = pent_vk_feature_names (~0);
  g_auto (GStrv) names = g_strsplit (all, ",", -1);
  PentVkFeatures before = features_without ("");

  g_assert_cmpuint (g_strv_length (names), ==, 9);
  for (guint i = 0; names[i] != NULL; i++)
    {
      g_autofree char *one = pent_vk_feature_names (1 << i);
      PentVkFeatures after;

      g_assert_cmpstr (one, ==, names[i]);
      after = features_without (names[i]);
      g_assert_cmphex (after & (1 << i), ==, 0);
      g_assert_cmphex (after & ~before, ==, 0);
    }

  g_assert_cmphex (features_without (all), ==, 0);
  g_assert_cmphex (features_without (""), ==, before);
}

/* Without f16 there is nothing for cooperative matrices to multiply. */
static void
test_mask_implies (void)
{
  g_assert_cmphex (features_without (" F16 , ") & (PENT_VK_F16 | PENT_VK_COOPMAT | PENT_VK_COOPMAT2), ==, 0);
}

static void
test_mask_unknown (void)
{
  g_autoptr (GPtrArray) devices = NULL;

  test_env_set ("PENT_VK_DISABLE", "f16,coopmat3,foo");
  g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_WARNING,
                         "*“coopmat3”, “foo”*f16,int8,dot,coopmat,coopmat2,lanes,import,budget,mapped");
  devices = pent_vk_list_devices (NULL);
  g_test_assert_expected_messages ();
  test_env_reset ("PENT_VK_DISABLE");
  g_assert_cmphex (features_without ("f16,coopmat3,foo") & PENT_VK_F16, ==, 0);      /* warned of already */
}

/* The layer is there and is heard: else every other test here proves less. */
static void
test_validation (void)
{
  PentVkContext *context = test_context_new ();
  VkBufferCreateInfo nothing = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = 16 };
  VkBuffer buffer = VK_NULL_HANDLE;

  if (context->instance.messenger == VK_NULL_HANDLE)
    {
      test_context_end (context);
      g_test_skip ("PENT_VK_VALIDATE is not set");
      return;
    }

  g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_CRITICAL, "*vkCreateBuffer*usage*");
  vkCreateBuffer (context->device, &nothing, NULL, &buffer);
  g_test_assert_expected_messages ();
  g_assert_cmpuint (pent_vk_context_get_n_messages (context), ==, 1);
  vkDestroyBuffer (context->device, buffer, NULL);
  pent_vk_context_unref (context);
}

/* Two writes without a barrier between them are noticed: synchronization is validated too. */
static void
test_validation_sync (void)
{
  PentVkContext *context = test_context_new ();
  PentVkBuffer *buffer = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 64, "hazard");
  PentVkCommand *command = pent_vk_command_new (context, "hazard");
  gboolean validates = context->instance.messenger != VK_NULL_HANDLE;

  pent_vk_command_fill (command, buffer, 0, 64, 1);
  pent_vk_command_fill (command, buffer, 0, 64, 2);
  VK_STEP (command, 1)->barrier = FALSE;
  pent_vk_command_end (command);
  if (validates)
    g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_CRITICAL, "*WRITE?AFTER?WRITE*");
  pent_vk_command_run (command, NULL, NULL);
  g_test_assert_expected_messages ();
  g_assert_cmpuint (pent_vk_context_get_n_messages (context), ==, validates);
  pent_vk_command_unref (command);
  pent_vk_buffer_unref (buffer);
  pent_vk_context_unref (context);
}

static void
test_references (void)
{
  PentVkContext *context = test_context_new ();

  g_assert_true (pent_vk_context_ref (context) == context);
  pent_vk_context_unref (context);
  g_assert_false (pent_vk_context_failed (context));
  test_context_end (context);
}

void
test_context_add (void)
{
  g_test_add_func ("/vk/context/list", test_list);
  g_test_add_func ("/vk/context/choose", test_choose);
  g_test_add_func ("/vk/context/masks", test_masks);
  g_test_add_func ("/vk/context/mask-implies", test_mask_implies);
  g_test_add_func ("/vk/context/mask-unknown", test_mask_unknown);
  g_test_add_func ("/vk/context/validation", test_validation);
  g_test_add_func ("/vk/context/validation-sync", test_validation_sync);
  g_test_add_func ("/vk/context/references", test_references);
}
