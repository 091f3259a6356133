/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-test.h"

PentVkContext *
nn_test_context (void)
{
  const char *device = g_getenv ("PENT_TEST_DEVICE");
  g_autoptr (GError) error = NULL;
  PentVkContext *context = pent_vk_context_new (device != NULL ? device : "cpu", &error);

  g_assert_no_error (error);
  return context;
}

void
nn_test_context_check (PentVkContext *context)
{
  g_autoptr (GError) error = NULL;

  pent_vk_context_check (context, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (pent_vk_context_get_n_messages (context), ==, 0);
}

int
main (int argc, char **argv)
{
  g_setenv ("PENT_VK_VALIDATE", "1", FALSE);
  g_test_init (&argc, &argv, NULL);
  nn_test_weights ();
  nn_test_ops ();
  nn_test_graph ();
  nn_test_device ();
  return g_test_run ();
}
