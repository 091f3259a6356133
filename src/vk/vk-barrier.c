/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-barrier.h"

void
vk_hazards_init (PentVkHazards *self)
{
  self->reads = g_array_new (FALSE, FALSE, sizeof (PentVkRange));
  self->writes = g_array_new (FALSE, FALSE, sizeof (PentVkRange));
}

void
vk_hazards_finish (PentVkHazards *self)
{
  g_clear_pointer (&self->reads, g_array_unref);
  g_clear_pointer (&self->writes, g_array_unref);
}

void
vk_hazards_reset (PentVkHazards *self)
{
  g_array_set_size (self->reads, 0);
  g_array_set_size (self->writes, 0);
}

/* Linear: between two barriers lie a handful of dispatches. */
static gboolean
overlaps_any (const GArray *set, const PentVkRange *range)
{
  for (guint i = 0; i < set->len; i++)
    {
      const PentVkRange *other = &g_array_index (set, PentVkRange, i);

      if (range->begin < other->end && other->begin < range->end)
        return TRUE;
    }

  return FALSE;
}

/* Read after write, write after write, write after read; reading twice is no conflict. */
static gboolean
conflicts (const PentVkHazards *self, const PentVkRange *range)
{
  if (range->begin >= range->end)
    return FALSE;

  return overlaps_any (self->writes, range) || (range->write && overlaps_any (self->reads, range));
}

gboolean
vk_hazards_add (PentVkHazards *self, const PentVkRange *ranges, guint n_ranges)
{
  gboolean barrier = FALSE;

  for (guint i = 0; i < n_ranges && !barrier; i++)
    barrier = conflicts (self, &ranges[i]);

  if (barrier)
    vk_hazards_reset (self);

  for (guint i = 0; i < n_ranges; i++)
    if (ranges[i].begin < ranges[i].end)
      g_array_append_val (ranges[i].write ? self->writes : self->reads, ranges[i]);

  return barrier;
}
