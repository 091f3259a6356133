/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>

#include "tests.h"

const char *test_program;

int
main (int argc, char **argv)
{
  int status;

  if (argc > 1 && g_str_has_prefix (argv[1], "--child-"))
    return run_child (argc, argv);

  setlocale (LC_ALL, "");
  test_program = argv[0];
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  add_document_tests ();
  add_refuse_tests ();
  add_list_tests ();
  add_search_tests ();
  add_merge_tests ();
  add_verify_tests ();
  add_index_tests ();
  add_fault_tests ();
  add_process_tests ();
  add_scale_tests ();
  status = g_test_run ();
  remove_folders ();
  return status;
}
