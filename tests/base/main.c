/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>

#include <glib.h>

#include "tests.h"

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "");
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  add_dtype_tests ();
  add_files_tests ();
  add_image_tests ();
  add_noise_tests ();
  add_recipe_tests ();
  return g_test_run ();
}
