/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>

#include "pent-engine-client.h"
#include "pent-engine.h"

struct _CliRunner {
  PentEngine       *engine;           /* one of both */
  PentEngineClient *client;
  GCancellable     *cancellable;      /* of what is done just now */
  guint             interrupt, terminate;
};

/* Ctrl+C cancels; a second one while that is still acting ends the process. */
static gboolean
on_interrupt (gpointer data)
{
  CliRunner *self = data;

  if (g_cancellable_is_cancelled (self->cancellable))
    _exit (CLI_CANCELLED);
  g_cancellable_cancel (self->cancellable);
  return G_SOURCE_CONTINUE;
}

CliRunner *
cli_runner_new (const CliCommon *common)
{
  CliRunner *self = g_new0 (CliRunner, 1);

  if (common->in_process)
    self->engine = pent_engine_new (common->device);
  else
    self->client = pent_engine_client_new (common->device);
  self->cancellable = g_cancellable_new ();
  self->interrupt = g_unix_signal_add (SIGINT, on_interrupt, self);
  self->terminate = g_unix_signal_add (SIGTERM, on_interrupt, self);
  return self;
}

void
cli_runner_free (CliRunner *self)
{
  g_source_remove (self->interrupt);
  g_source_remove (self->terminate);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->engine);
  g_clear_object (&self->client);
  g_free (self);
}

/* ---- waiting for an answer ---- */

typedef struct {
  GMainLoop    *loop;
  GAsyncResult *result;
} Answer;

static void
on_answer (GObject *object, GAsyncResult *result, gpointer data)
{
  Answer *answer = data;

  answer->result = g_object_ref (result);
  g_main_loop_quit (answer->loop);
}

typedef struct {
  Answer      answer;
  CliConnect  connect;
  gpointer    data;
  PentJob    *job;
  GError     *error;
} Start;

/* The worker's events may be right behind its answer, so who wants them connects here. */
static void
on_started (GObject *object, GAsyncResult *result, gpointer data)
{
  Start *start = data;

  start->job = pent_engine_client_start_job_finish (PENT_ENGINE_CLIENT (object), result, &start->error);
  if (start->job != NULL)
    start->connect (start->job, start->data);
  g_main_loop_quit (start->answer.loop);
}

static void
cancel_job (GCancellable *cancellable, gpointer data)
{
  pent_job_cancel (data);
}

PentJob *
cli_runner_start (CliRunner *self, PentRecipe *recipe, GHashTable *images, GPtrArray *models, CliConnect connect,
                  gpointer data, GError **error)
{
  Start start = { .connect = connect, .data = data };

  if (self->engine != NULL)
    {
      start.job = pent_engine_start_job (self->engine, recipe, images, models, FALSE, error);
      if (start.job == NULL)
        return NULL;
      g_signal_connect_object (self->cancellable, "cancelled", G_CALLBACK (cancel_job), start.job, G_CONNECT_DEFAULT);
      if (g_cancellable_is_cancelled (self->cancellable))
        pent_job_cancel (start.job);
      connect (start.job, data);
      return start.job;
    }

  start.answer.loop = g_main_loop_new (NULL, FALSE);
  pent_engine_client_start_job_async (self->client, recipe, images, models, FALSE, self->cancellable, on_started,
                                      &start);
  g_main_loop_run (start.answer.loop);
  g_main_loop_unref (start.answer.loop);
  if (start.error != NULL)
    g_propagate_error (error, start.error);
  return start.job;
}

GVariant *
cli_runner_list_devices (CliRunner *self, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  Answer answer = { 0 };

  if (self->engine != NULL)
    {
      GVariant *devices = pent_engine_list_devices (error);

      return devices != NULL ? g_variant_ref_sink (devices) : NULL;
    }
  answer.loop = g_main_loop_new (NULL, FALSE);
  pent_engine_client_list_devices_async (self->client, self->cancellable, on_answer, &answer);
  g_main_loop_run (answer.loop);
  g_main_loop_unref (answer.loop);
  result = answer.result;
  return pent_engine_client_list_devices_finish (self->client, result, error);
}

void
cli_runner_wait (PentJob *job)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  gulong handler;

  if (pent_job_is_done (job))
    return;
  handler = g_signal_connect_swapped (job, "done", G_CALLBACK (g_main_loop_quit), loop);
  g_main_loop_run (loop);
  g_signal_handler_disconnect (job, handler);
}
