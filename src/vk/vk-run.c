/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-command.h"

/* Submitting, waiting, and what the timestamps say afterwards. */

/* Parts handed to the device before the first of them is done: it never idles, and cancelling waits for no more. */
#define AHEAD 2

static double
segment_seconds (PentVkCommand *self, const guint64 *ticks, guint from, guint to)
{
  guint bits = self->context->physical->timestamp_bits;
  guint64 mask = bits >= 64 ? G_MAXUINT64 : (G_GUINT64_CONSTANT (1) << bits) - 1;

  return ((ticks[to] - ticks[from]) & mask) * self->context->physical->timestamp_period;
}

static PentVkPace *
pace_of (PentVkCommand *self, const PentVkCut *cut)
{
  const PentVkStep *step = VK_STEP (self, cut->task);

  return step->kind == PENT_VK_STEP_DISPATCH ? &step->pipeline->pace : &self->context->copy_pace;
}

/* The cuts of one part are [first, end). */
static void
learn_part (PentVkCommand *self, const PentVkPart *part, guint first, guint end, double seconds)
{
  for (guint i = first; i < end; i++)
    pace_of (self, VK_CUT (self, i))->share += VK_CUT (self, i)->seconds / part->expected;

  for (guint i = first; i < end; i++)
    {
      PentVkPace *pace = pace_of (self, VK_CUT (self, i));

      if (pace->share > 0)
        vk_pace_learn (pace, part->expected, seconds, pace->share);
      pace->share = 0;
    }
}

static void
learn (PentVkCommand *self, const guint64 *ticks)
{
  guint first = 0;

  for (guint i = 0; i < self->parts->len; i++)
    {
      const PentVkPart *part = VK_PART (self, i);
      guint end = first;

      while (end < self->cuts->len && VK_CUT (self, end)->part == i)
        end++;
      learn_part (self, part, first, end,
                  segment_seconds (self, ticks, part->first_query, part->first_query + part->n_queries - 1));
      first = end;
    }
}

/* Reads the timestamps of the last run, once, if it has finished. */
void
vk_command_collect (PentVkCommand *self)
{
  PentVkContext *context = self->context;
  g_autofree guint64 *ticks = NULL;

  if (self->collected || !self->complete || self->queries == VK_NULL_HANDLE || self->parts->len == 0
      || !vk_context_reached (context, self->value))
    return;

  const PentVkPart *last = VK_PART (self, self->parts->len - 1);
  guint n = last->first_query + last->n_queries;

  self->collected = TRUE;
  ticks = g_new0 (guint64, n);
  if (!VK (&context->fault, vkGetQueryPoolResults, context->device, self->queries, 0, n, n * sizeof *ticks, ticks,
           sizeof *ticks, VK_QUERY_RESULT_64_BIT))
    return;

  for (guint i = 0; i < self->stretches->len; i++)
    g_array_index (self->stretches, PentVkStretch, i).seconds = 0;
  for (guint i = 0; i < self->segments->len; i++)
    {
      const PentVkSegment *s = &g_array_index (self->segments, PentVkSegment, i);

      g_array_index (self->stretches, PentVkStretch, s->stretch).seconds
        += segment_seconds (self, ticks, s->query, s->query + 1);
    }

  learn (self, ticks);
}

/* Ready for the first part to be submitted: the previous run is over, the parts are encoded. */
static gboolean
prepare (PentVkCommand *self)
{
  g_return_val_if_fail (self != NULL, FALSE);

  vk_context_sweep (self->context);
  if (pent_vk_context_failed (self->context))
    return FALSE;
  g_return_val_if_fail (self->ended, FALSE);

  if (!vk_context_wait (self->context, self->value))
    return FALSE;
  vk_command_collect (self);
  vk_command_plan (self);
  self->complete = FALSE;
  self->collected = FALSE;
  return vk_command_encode (self);
}

static guint64
submit_part (PentVkCommand *self, guint i)
{
  guint64 value = vk_context_submit (self->context, VK_PART (self, i)->buffer);

  if (value > 0)
    self->value = value;
  self->complete = value > 0 && i + 1 == self->parts->len;
  return value;
}

guint64
pent_vk_command_submit (PentVkCommand *self)
{
  guint64 value;

  if (!prepare (self))
    return 0;

  value = self->context->submitted;
  for (guint i = 0; i < self->parts->len; i++)
    {
      value = submit_part (self, i);
      if (value == 0)
        return 0;
    }

  return value;
}

gboolean
pent_vk_command_run (PentVkCommand *self, GCancellable *cancellable, GError **error)
{
  PentVkContext *context = self->context;
  gboolean cancelled = g_cancellable_is_cancelled (cancellable);
  guint64 value[AHEAD] = { 0 };

  if (prepare (self))
    for (guint i = 0; i < self->parts->len && !cancelled; i++)
      {
        if (!vk_context_wait (context, value[i % AHEAD]))
          break;
        cancelled = g_cancellable_is_cancelled (cancellable);
        if (!cancelled && (value[i % AHEAD] = submit_part (self, i)) == 0)
          break;
      }

  vk_context_wait (context, self->value);
  vk_command_collect (self);
  vk_context_sweep (context);

  if (!vk_fault_report (&context->fault, error))
    return FALSE;
  if (cancelled)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Cancelled");
      return FALSE;
    }

  return TRUE;
}
