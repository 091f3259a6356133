/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>
#include <signal.h>

#include "pent-ipc.h"
#include "tests.h"

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "");
  signal (SIGPIPE, SIG_IGN);
  if (argc > 1 && g_str_equal (argv[1], "3"))
    return evil_main ();

  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_setenv ("PENT_ENGINE", FAKE_ENGINE, TRUE);
  pent_ipc_register_errors ();
  add_client_tests ();
  add_worker_tests ();
  add_evil_tests ();
  return g_test_run ();
}
