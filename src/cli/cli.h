/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include "pent-image.h"
#include "pent-job.h"
#include "pent-op.h"

G_BEGIN_DECLS

/* Exit statuses. */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_CANCELLED = 130 };

/* What every command takes. */
typedef struct {
  char     *device;
  gboolean  in_process, json, quiet;
} CliCommon;

/* An entry of the table of commands.  argv[0] is the command's name. */
typedef struct {
  const char *name;
  const char *blurb;
  int       (*run) (int argc, char **argv);
} CliCommand;

int cli_describe (int argc, char **argv);
int cli_models   (int argc, char **argv);
int cli_devices  (int argc, char **argv);
int cli_bench    (int argc, char **argv);
/* Any operation; argv[0] is its name. */
int cli_op       (const PentOpClass *op, int argc, char **argv);

/* ---- main.c ---- */

/* Says it on standard error, in one line; returns the exit status that goes with it. */
int      cli_report (const GError *error);

/* Adds --device, --in-process, --json, --quiet; call cli_common_clear () at the end. */
void     cli_common_add (CliCommon *self, GOptionContext *context);
void     cli_common_clear (CliCommon *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CliCommon, cli_common_clear)

/* Parses argv; afterwards it holds what is no option.  A mistake becomes PENT_ERROR_INVALID. */
gboolean cli_parse (GOptionContext *context, int *argc, char ***argv, GError **error);

/* ---- cli-runner.c: the engine in this process or the worker, alike ---- */

typedef struct _CliRunner CliRunner;

/* From here on Ctrl+C and SIGTERM cancel what is being done; the second time the process ends. */
CliRunner *cli_runner_new (const CliCommon *common);
void       cli_runner_free (CliRunner *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliRunner, cli_runner_free)

/* Starts a job and waits until it was taken; connect is called with it before its first event.  NULL and the error
 * where it was refused. */
typedef void (*CliConnect) (PentJob *job, gpointer data);
PentJob   *cli_runner_start (CliRunner *self, PentRecipe *recipe, GHashTable *images, GPtrArray *models,
                             CliConnect connect, gpointer data, GError **error);
/* aa{sv} as pent_engine_list_devices (). */
GVariant  *cli_runner_list_devices (CliRunner *self, GError **error);

/* Runs the main context until the job is done. */
void       cli_runner_wait (PentJob *job);

/* ---- cli-options.c: command line options from an operation's parameters ---- */

/* One option a parameter into context; what is given lands in recipe and images.  Both must live as long as the
 * context. */
void       cli_options_add (GOptionContext *context, const PentParam *params, PentRecipe *recipe, GHashTable *images);

/* A picture from a file, with what its file says about it (texts may be NULL).  PENT_ERROR_FILE. */
PentImage *cli_load_image (const char *path, GHashTable **texts, GError **error);

/* ---- cli-output.c: where pictures go ---- */

typedef struct _CliOutput CliOutput;

/* path: what -o says, or NULL: a name made of the words, with a number so that nothing is overwritten.  count: how many
 * pictures will come.  Checks that they can be written there (PENT_ERROR_FILE). */
CliOutput *cli_output_new (const char *path, const char *words, guint count, GError **error);
void       cli_output_free (CliOutput *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliOutput, cli_output_free)

/* Writes the next picture with all that its file says; returns the path, to be freed. */
char      *cli_output_write (CliOutput *self, PentImage *image, PentRecipe *recipe, GError **error);

/* ---- cli-progress.c: one line on a terminal's standard error ---- */

typedef struct _CliProgress CliProgress;

/* Nothing is shown where standard error is no terminal, or quiet is set. */
CliProgress *cli_progress_new (PentJob *job, gboolean quiet);
void         cli_progress_free (CliProgress *self);      /* wipes the line */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliProgress, cli_progress_free)
void         cli_progress_hide (CliProgress *self);      /* until the next event: something else is being printed */

G_END_DECLS
