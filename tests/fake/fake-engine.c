/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pentimento-engine with the fake model behind it. */
#include "fake-pipeline.h"
#include "pent-worker.h"

static PentEngine *
make_engine (const char *device)
{
  return pent_engine_new_with_backend (device, &fake_backend);
}

int
main (int argc, char **argv)
{
  return pent_worker_main (argc, argv, make_engine);
}
