/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "vk-pace.h"

/* Seconds that recording, launching and a barrier take whatever the work. */
#define OVERHEAD 10e-6

#define MAX_CUTS 65536

void
vk_pace_init (PentVkPace *self)
{
  self->factor = 1;
  self->share = 0;
}

double
vk_pace_estimate (const PentVkPace *self, const PentVkSpeed *speed, double flops, double bytes)
{
  return OVERHEAD + self->factor * (flops / speed->flops + bytes / speed->bytes);
}

void
vk_pace_learn (PentVkPace *self, double expected, double seconds, double share)
{
  double ratio;

  if (!(expected > 0) || !(seconds > 0))
    return;

  ratio = seconds / expected;
  if (ratio > 1)
    self->factor *= 1 + (ratio - 1) * MIN (1, 4 * share);
  else
    self->factor *= 1 - (1 - ratio) * share;

  self->factor = CLAMP (self->factor, 1e-7, 1e3);
}

static guint32
pieces_along (guint32 groups, double wanted)
{
  return CLAMP (ceil (wanted), 1, groups);
}

static void
add_cut (GArray *cuts, PentVkCut *cut, double target, double *filled)
{
  if (*filled > 0 && *filled + cut->seconds > target)
    {
      cut->part++;
      *filled = 0;
    }
  *filled += cut->seconds;
  g_array_append_val (cuts, *cut);
}

/* One range of groups of many along one axis. */
static void
set_axis (PentVkCut *cut, guint axis, guint32 groups, guint32 i, guint32 n)
{
  guint32 begin = (guint64) groups * i / n, end = (guint64) groups * (i + 1) / n;

  cut->base[axis] = begin;
  cut->count[axis] = end - begin;
}

static guint
cut_task (GArray *cuts, const PentVkTask *task, guint index, guint part, double target, double *filled)
{
  PentVkCut cut = { .task = index, .part = part, .seconds = task->seconds };
  double wanted = task->seconds > target ? MIN (task->seconds / target, MAX_CUTS) : 1;
  double volume = (double) task->groups[0] * task->groups[1] * task->groups[2];
  guint32 n[3];

  if (volume == 0)
    {
      add_cut (cuts, &cut, target, filled);
      return cut.part;
    }

  n[2] = pieces_along (task->groups[2], wanted);
  n[1] = pieces_along (task->groups[1], wanted / n[2]);
  n[0] = pieces_along (task->groups[0], wanted / n[2] / n[1]);

  for (guint32 z = 0; z < n[2]; z++)
    for (guint32 y = 0; y < n[1]; y++)
      for (guint32 x = 0; x < n[0]; x++)
        {
          set_axis (&cut, 0, task->groups[0], x, n[0]);
          set_axis (&cut, 1, task->groups[1], y, n[1]);
          set_axis (&cut, 2, task->groups[2], z, n[2]);
          cut.seconds = task->seconds * ((double) cut.count[0] * cut.count[1] * cut.count[2] / volume);
          add_cut (cuts, &cut, target, filled);
        }

  return cut.part;
}

GArray *
vk_plan (const PentVkTask *tasks, guint n_tasks, double target, guint *n_parts)
{
  GArray *cuts = g_array_new (FALSE, TRUE, sizeof (PentVkCut));
  double filled = 0;
  guint part = 0;

  for (guint i = 0; i < n_tasks; i++)
    part = cut_task (cuts, &tasks[i], i, part, target, &filled);

  *n_parts = cuts->len > 0 ? part + 1 : 0;
  return cuts;
}
