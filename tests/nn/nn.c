/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-test.h"

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  nn_test_weights ();
  return g_test_run ();
}
