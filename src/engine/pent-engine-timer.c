/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-engine-private.h"

typedef struct {
  const char *name;
  double      seconds;
} PentPhase;

void
pent_engine_timer_start (PentEngineTimer *self)
{
  *self = (PentEngineTimer) { .start = g_get_monotonic_time () };
  self->phases = g_array_new (FALSE, TRUE, sizeof (PentPhase));
}

void
pent_engine_timer_clear (PentEngineTimer *self)
{
  g_clear_pointer (&self->phases, g_array_unref);
}

static PentPhase *
find_phase (PentEngineTimer *self, const char *name)
{
  PentPhase added = { name, 0 };

  for (guint i = 0; i < self->phases->len; i++)
    {
      PentPhase *phase = &g_array_index (self->phases, PentPhase, i);

      if (phase->name == name)
        return phase;
    }
  g_array_append_val (self->phases, added);
  return &g_array_index (self->phases, PentPhase, self->phases->len - 1);
}

/* The step that was going on until now is over.  A phase may be left and come back, as for the second of several
 * pictures; what lies between belongs to neither step. */
static void
end_step (PentEngineTimer *self, gint64 now, guint steps)
{
  double seconds = (now - self->step_start) / 1e6;

  if (self->first_seconds == 0)
    self->first_seconds = seconds / MAX (steps, 1);
  else
    {
      self->other_seconds += seconds;
      self->n_others += MAX (steps, 1);
    }
}

static void
end_phase (PentEngineTimer *self, gint64 now, guint step)
{
  if (self->phase == NULL)
    return;
  find_phase (self, self->phase)->seconds += (now - self->phase_start) / 1e6;
  if (step > self->step)
    end_step (self, now, step - self->step);
}

double
pent_engine_timer_progress (PentEngineTimer *self, const char *phase, guint step, guint n_steps)
{
  gint64 now = g_get_monotonic_time ();

  phase = g_intern_string (phase);
  if (phase != self->phase)
    {
      end_phase (self, now, step);
      self->phase = phase;
      self->phase_start = now;
    }
  else if (step > self->step)
    {
      end_step (self, now, step - self->step);
    }
  self->step = step;
  self->step_start = now;

  if (n_steps <= step || self->first_seconds == 0)
    return -1;
  return (n_steps - step) * (self->n_others > 0 ? self->other_seconds / self->n_others : self->first_seconds);
}

void
pent_engine_timer_finish (PentEngineTimer *self, GVariantBuilder *builder)
{
  gint64 now = g_get_monotonic_time ();

  end_phase (self, now, self->step);
  self->phase = NULL;
  for (guint i = 0; i < self->phases->len; i++)
    {
      PentPhase *phase = &g_array_index (self->phases, PentPhase, i);

      g_variant_builder_add (builder, "{sv}", phase->name, g_variant_new_double (phase->seconds));
    }
  if (self->first_seconds > 0)
    g_variant_builder_add (builder, "{sv}", "first-step", g_variant_new_double (self->first_seconds));
  if (self->n_others > 0)
    g_variant_builder_add (builder, "{sv}", "step",
                           g_variant_new_double (self->other_seconds / self->n_others));
  g_variant_builder_add (builder, "{sv}", "total", g_variant_new_double ((now - self->start) / 1e6));
}
