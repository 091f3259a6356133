/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-worker.h"

int
main (int argc, char **argv)
{
  return pent_worker_main (argc, argv, pent_engine_new);
}
