/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

void add_client_tests (void);
void add_worker_tests (void);
void add_evil_tests (void);

/* This program as a worker that does what $EVIL says. */
int  evil_main (void);

/* Runs the default main context until condition is true. */
#define RUN_UNTIL(condition) \
  while (!(condition)) \
    g_main_context_iteration (NULL, TRUE)
