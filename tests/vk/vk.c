/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-kernel.h"
#include <stdint.h>

#include "saxpy.h"

static const PentVkShader saxpy = { "saxpy", saxpy_spv, sizeof saxpy_spv, 28, 0, 0 };

typedef struct { guint64 x, y; guint32 n, width, height; } __attribute__((packed)) Push;

static void
test_smoke (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PentVkContext) ctx = pent_vk_context_new (NULL, &error);
  g_assert_no_error (error);
  guint32 n = 64 * 10 * 3 * 2, *x = g_new (guint32, n), *y = g_new0 (guint32, n);
  g_autoptr (PentVkBuffer) bx = pent_vk_buffer_new (ctx, PENT_VK_MEMORY_DEVICE, n * 4, "x");
  g_autoptr (PentVkBuffer) by = pent_vk_buffer_new (ctx, PENT_VK_MEMORY_DEVICE, n * 4, "y");
  for (guint i = 0; i < n; i++) x[i] = i;
  pent_vk_buffer_write (bx, 0, x, n * 4);
  g_autoptr (PentVkCommand) cmd = pent_vk_command_new (ctx, "smoke");
  Push push = { pent_vk_buffer_get_address (bx), pent_vk_buffer_get_address (by), n, 10, 3 };
  pent_vk_command_fill (cmd, by, 0, n * 4, 7);
  guint32 spec[] = { 64, 3, 2 };
  PentVkAccess acc[] = { { bx, 0, n * 4, FALSE }, { by, 0, n * 4, TRUE } };
  pent_vk_command_dispatch (cmd, pent_vk_pipeline_get (ctx, &saxpy, spec, 3), &push, 10, 3, 2, acc, 2, n * 4, n * 12);
  pent_vk_command_end (cmd);
  g_assert_true (pent_vk_command_run (cmd, NULL, &error));
  g_assert_true (pent_vk_command_run (cmd, NULL, &error));
  pent_vk_buffer_read (by, 0, y, n * 4);
  for (guint i = 0; i < n; i++) g_assert_cmpuint (y[i], ==, 3 * i + 14 + i / 1920);
  g_assert_cmpuint (pent_vk_context_get_n_messages (ctx), ==, 0);
  g_test_message ("%u parts %u barriers", pent_vk_command_n_parts (cmd), pent_vk_command_n_barriers (cmd));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vk/smoke", test_smoke);
  return g_test_run ();
}
