/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-fault.h"
#include "vk-test.h"

static guint n_calls;

static VkResult
count_call (VkResult result)
{
  n_calls++;
  return result;
}

/* The macro: names call, result and place, calls no more after a failure, and the first error stays. */
static void
test_fault (void)
{
  g_autoptr (GError) error = NULL, again = NULL;
  PentVkFault fault;

  vk_fault_init (&fault);
  g_assert_true (VK (&fault, count_call, VK_SUCCESS));
  g_assert_true (VK (&fault, count_call, VK_TIMEOUT));
  g_assert_true (vk_fault_report (&fault, &error));
  g_assert_no_error (error);
  g_assert_false (VK (&fault, count_call, VK_ERROR_FORMAT_NOT_SUPPORTED));
  g_assert_cmpuint (n_calls, ==, 3);
  vk_fault_explain (&fault, "%d of them", 7);
  g_assert_false (VK (&fault, count_call, VK_SUCCESS));
  g_assert_cmpuint (n_calls, ==, 3);

  vk_fault_set (&fault, PENT_ERROR_MEMORY, "another");
  g_assert_false (vk_fault_report (&fault, &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_DEVICE);
  g_assert_true (g_pattern_match_simple ("*count_call returned VkResult -11 (test-error.c:*): 7 of them",
                                         error->message));
  g_assert_false (vk_fault_report (&fault, &again));
  g_assert_cmpstr (again->message, ==, error->message);
  g_assert_false (vk_fault_report (&fault, NULL));
  vk_fault_finish (&fault);
}

/* What a program does, from buffers to results.  TRUE if it all went well. */
static gboolean
work (PentVkContext *context, guint32 *result)
{
  guint32 words[256] = { 1, 2, 3 };
  g_autoptr (PentVkBuffer) x = test_buffer_new (context, words, 256, "x");
  g_autoptr (PentVkBuffer) y = test_buffer_new (context, words, 256, "y");
  g_autoptr (PentVkBuffer) back = pent_vk_buffer_new (context, PENT_VK_MEMORY_READBACK, 1024, "back");
  g_autoptr (PentVkCommand) command = pent_vk_command_new (context, "work");
  g_autoptr (GBytes) bytes = g_bytes_new (words, sizeof words);
  g_autoptr (PentVkBuffer) import = pent_vk_buffer_import (context, bytes, "import");
  g_autoptr (GArray) timings = NULL;
  TestSaxpy call = { .x = x, .y = y, .groups = { 4, 1, 1 }, .spec = { 64, 2, 1 }, .flops = 4e9 };

  pent_vk_command_mark (command, "work");
  test_saxpy_record (command, &call);
  test_saxpy_record (command, &call);
  pent_vk_command_copy (command, back, 0, y, 0, 1024);
  pent_vk_command_fill (command, y, 0, 1024, 0);
  pent_vk_command_end (command);
  pent_vk_command_submit (command);
  pent_vk_command_run (command, NULL, NULL);
  timings = pent_vk_command_get_timings (command);
  pent_vk_buffer_read (back, 0, result, 12);
  pent_vk_context_get_available (context);
  return pent_vk_context_check (context, NULL);
}

static void
assert_sticky (PentVkContext *context, PentError code, const char *call, const char *result)
{
  g_autoptr (GError) error = NULL, again = NULL, third = NULL, fourth = NULL;
  g_autoptr (PentVkCommand) command = pent_vk_command_new (context, "afterwards");
  g_autoptr (PentVkBuffer) buffer = pent_vk_buffer_new (context, PENT_VK_MEMORY_UPLOAD, 16, "afterwards");
  guint32 words[4] = { 9, 9, 9, 9 };

  g_assert_true (pent_vk_context_failed (context));
  g_assert_false (pent_vk_context_check (context, &error));
  g_assert_error (error, PENT_ERROR, (int) code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, call));
  g_assert_nonnull (strstr (error->message, result));
  g_assert_nonnull (strstr (error->message, ".c:"));

  /* Whatever follows is harmless, and reports the same. */
  g_assert_null (pent_vk_buffer_get_data (buffer));
  pent_vk_buffer_write (buffer, 0, words, 16);
  pent_vk_buffer_read (buffer, 0, words, 16);
  g_assert_cmpuint (words[0] | words[3], ==, 0);
  g_assert_false (work (context, words));
  g_assert_cmpuint (pent_vk_command_submit (command), ==, 0);
  g_assert_false (pent_vk_command_run (command, NULL, &again));
  g_assert_false (pent_vk_wait (context, 0, &third));
  g_assert_false (pent_vk_context_check (context, &fourth));
  g_assert_cmpstr (again->message, ==, error->message);
  g_assert_cmpstr (third->message, ==, error->message);
  g_assert_cmpstr (fourth->message, ==, error->message);
  g_assert_cmpuint (pent_vk_context_get_available (context), ==, 0);
  g_assert_cmpuint (pent_vk_context_get_n_messages (context), ==, 0);
}

static void
check_allocations (void)
{
  gboolean done = FALSE;
  guint n;

  for (n = 1; !done; n++)
    {
      g_autoptr (PentVkContext) context = test_context_new ();
      guint32 result[3];

      pent_vk_context_inject (context, n, 0);
      done = work (context, result);
      if (!done)
        assert_sticky (context, PENT_ERROR_MEMORY, "vkAllocateMemory", "VK_ERROR_OUT_OF_DEVICE_MEMORY");
    }
  g_assert_cmpuint (n, >=, 4);
}

static void
test_allocation (void)
{
  check_allocations ();
}

/* Then staging is one of the allocations. */
static void
test_allocation_staged (void)
{
  test_env_set ("PENT_VK_DISABLE", "mapped");
  check_allocations ();
  test_env_reset ("PENT_VK_DISABLE");
}

static void
check_losses (void)
{
  gboolean done = FALSE;
  guint n;

  for (n = 1; !done; n++)
    {
      g_autoptr (PentVkContext) context = test_context_new ();
      guint32 result[3];

      pent_vk_context_inject (context, 0, n);
      done = work (context, result);
      if (!done)
        assert_sticky (context, PENT_ERROR_DEVICE_LOST, "vkQueueSubmit2", "VK_ERROR_DEVICE_LOST");
    }
  g_assert_cmpuint (n, >=, 3);
}

static void
test_loss (void)
{
  check_losses ();
}

static void
test_loss_staged (void)
{
  test_env_set ("PENT_VK_DISABLE", "mapped");
  check_losses ();
  test_env_reset ("PENT_VK_DISABLE");
}

/* Injection can be taken back, and is over after it struck. */
static void
test_injection (void)
{
  PentVkContext *context = test_context_new ();
  guint32 result[3];

  pent_vk_context_inject (context, 1, 1);
  pent_vk_context_inject (context, 0, 0);
  g_assert_true (work (context, result));
  g_assert_cmpuint (result[2], ==, 12);
  test_context_end (context);
}

/* The first error is the one that is told. */
static void
test_first_stays (void)
{
  g_autoptr (PentVkContext) context = test_context_new ();
  g_autoptr (PentVkBuffer) a = NULL, b = NULL;
  g_autoptr (GError) first = NULL, second = NULL;

  pent_vk_context_inject (context, 1, 1);
  a = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 16, "a");
  pent_vk_context_check (context, &first);
  b = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, G_MAXUINT64 / 2, "b");
  pent_vk_context_check (context, &second);
  g_assert_cmpstr (first->message, ==, second->message);
}

static gpointer
ask (gpointer data)
{
  g_autoptr (GError) error = NULL;

  while (pent_vk_context_check (data, NULL))
    g_thread_yield ();
  pent_vk_context_check (data, &error);
  g_assert_error (error, PENT_ERROR, PENT_ERROR_MEMORY);
  return NULL;
}

/* check () from other threads while one fails. */
static void
test_threads (void)
{
  g_autoptr (PentVkContext) context = test_context_new ();
  g_autoptr (PentVkBuffer) buffer = NULL;
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("ask", ask, context);
  pent_vk_context_inject (context, 1, 0);
  buffer = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 16, "a");
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

/* More groups than the device allows, and ranges beyond a buffer: said aloud, and sticky. */
static void
test_beyond (void)
{
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (PentVkContext) context = test_context_new ();
      g_autoptr (PentVkBuffer) buffer = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 4096, "small");
      g_autoptr (PentVkCommand) command = pent_vk_command_new (context, "beyond");
      TestSaxpy call = { .x = buffer, .y = buffer, .groups = { 16, 1, 1 }, .spec = { 64, 1, 1 } };

      if (i == 0)
        call.groups[2] = G_MAXUINT32;
      else
        call.y_offset = 4;
      g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_CRITICAL, i == 0 ? "*saxpy: 16*workgroups*" : "*saxpy*beyond*");
      test_saxpy_record (command, &call);
      g_test_assert_expected_messages ();
      g_assert_true (pent_vk_context_failed (context));
      g_assert_cmpuint (pent_vk_command_n_dispatches (command), ==, 0);
    }
}

void
test_error_add (void)
{
  g_test_add_func ("/vk/error/fault", test_fault);
  g_test_add_func ("/vk/error/allocation", test_allocation);
  g_test_add_func ("/vk/error/allocation-staged", test_allocation_staged);
  g_test_add_func ("/vk/error/loss", test_loss);
  g_test_add_func ("/vk/error/loss-staged", test_loss_staged);
  g_test_add_func ("/vk/error/injection", test_injection);
  g_test_add_func ("/vk/error/first-stays", test_first_stays);
  g_test_add_func ("/vk/error/threads", test_threads);
  g_test_add_func ("/vk/error/beyond", test_beyond);
}
