/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "pent-image.h"

/* Runs the command line program as a user would, and keeps what came of it. */
typedef struct {
  const char *engine;           /* the worker program */
  char       *folder;           /* the working directory of the runs */
  char       *data;             /* $PENT_DATA_DIR */
  int         status;
  char       *out, *err;
} CliFixture;

/* Fresh folders, and the worker that needs no weights. */
void         cli_set_up (CliFixture *self, gconstpointer data);
/* The worker that people run, with the source tree's data. */
void         cli_set_up_whole (CliFixture *self, gconstpointer data);
void         cli_tear_down (CliFixture *self, gconstpointer data);

void         cli_write_file (const char *folder, const char *name, const char *text);
guint        cli_count_files (CliFixture *self);

GSubprocess *cli_spawn (CliFixture *self, const char *const *arguments);
void         cli_collect (CliFixture *self, GSubprocess *process);
void         cli_run (CliFixture *self, const char *const *arguments);
#define run(self, ...) cli_run (self, (const char *const[]) { __VA_ARGS__, NULL })

/* A mistake: one line that says it on standard error, nothing on standard output. */
void         cli_assert_mistake (CliFixture *self, int status, const char *says);
void         cli_assert_success (CliFixture *self, const char *out);

PentImage   *cli_load (CliFixture *self, const char *name, GHashTable **texts);
void         cli_assert_pixels (CliFixture *self, const char *a, const char *b, gboolean same);
