/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_WIDTH 24

struct _CliProgress {
  PentJob *job;
  gulong   handler;
  gint64   step_start;      /* µs, of the first step counted */
  guint    first_step;
  char    *phase;
  gboolean shown;
};

static const char *
phase_label (const char *phase)
{
  static const struct { const char *phase, *label; } labels[] = {
    { "load", "Loading the model" }, { "encode", "Reading the words" }, { "encode-image", "Reading the picture" },
    { "denoise", "Painting" }, { "decode", "Developing" }, { "prompt", "Reading" }, { "text", "Writing" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (labels); i++)
    if (g_str_equal (labels[i].phase, phase))
      return labels[i].label;
  return phase;
}

static guint
terminal_width (void)
{
  struct winsize size;

  return ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void
show (CliProgress *self, const char *line)
{
  g_autofree char *cut = g_utf8_substring (line, 0, MIN (g_utf8_strlen (line, -1), terminal_width () - 1));

  fprintf (stderr, "\r\033[K%s", cut);
  fflush (stderr);
  self->shown = TRUE;
}

static void
append_bar (GString *line, guint step, guint n_steps)
{
  guint filled = (guint) ((guint64) step * BAR_WIDTH / n_steps);

  g_string_append (line, " [");
  for (guint i = 0; i < BAR_WIDTH; i++)
    g_string_append_c (line, i < filled ? '#' : '.');
  g_string_append_printf (line, "] %u/%u", step, n_steps);
}

/* Steps a second where they are quick, seconds a step where they are not. */
static void
append_speed (GString *line, double seconds_a_step)
{
  if (seconds_a_step <= 0)
    return;
  if (seconds_a_step < 1)
    g_string_append_printf (line, "  %.1f steps/s", 1 / seconds_a_step);
  else
    g_string_append_printf (line, "  %.1f s/step", seconds_a_step);
}

static void
on_progress (PentJob *job, const char *phase, guint step, guint n_steps, double seconds_left, CliProgress *self)
{
  g_autoptr (GString) line = g_string_new (phase_label (phase));
  gint64 now = g_get_monotonic_time ();

  if (g_strcmp0 (phase, self->phase) != 0)
    {
      g_set_str (&self->phase, phase);
      self->first_step = step;
      self->step_start = now;
    }
  if (n_steps > 1)
    {
      append_bar (line, MIN (step, n_steps), n_steps);
      if (step > self->first_step)
        append_speed (line, (now - self->step_start) / 1e6 / (step - self->first_step));
      if (seconds_left >= 0)
        g_string_append_printf (line, "  %.0f s left", seconds_left);
    }
  show (self, line->str);
}

CliProgress *
cli_progress_new (PentJob *job, gboolean quiet)
{
  CliProgress *self = g_new0 (CliProgress, 1);

  self->job = g_object_ref (job);
  if (!quiet && isatty (STDERR_FILENO))
    self->handler = g_signal_connect (job, "progress", G_CALLBACK (on_progress), self);
  return self;
}

void
cli_progress_hide (CliProgress *self)
{
  if (self->shown)
    fprintf (stderr, "\r\033[K");
  fflush (stderr);
  self->shown = FALSE;
}

void
cli_progress_free (CliProgress *self)
{
  if (self->handler != 0)
    g_signal_handler_disconnect (self->job, self->handler);
  cli_progress_hide (self);
  g_object_unref (self->job);
  g_free (self->phase);
  g_free (self);
}
