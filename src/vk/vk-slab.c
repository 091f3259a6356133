/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-slab.h"

typedef struct {
  guint64 begin, end;
} Hole;

#define HOLE(self, i) (&g_array_index ((self)->holes, Hole, (i)))

void
vk_slab_init (PentVkSlab *self, guint64 size)
{
  Hole all = { 0, size };

  self->size = size;
  self->used = 0;
  self->holes = g_array_new (FALSE, FALSE, sizeof (Hole));
  g_array_append_val (self->holes, all);
}

void
vk_slab_finish (PentVkSlab *self)
{
  g_clear_pointer (&self->holes, g_array_unref);
}

static guint64
align_up (guint64 value, guint64 align)
{
  return (value + align - 1) & ~(align - 1);
}

/* Cuts [begin, end) out of a hole: what is left before it, after it, both or nothing. */
static void
take (PentVkSlab *self, guint i, guint64 begin, guint64 end)
{
  Hole before = { HOLE (self, i)->begin, begin };
  Hole after = { end, HOLE (self, i)->end };

  g_array_remove_index (self->holes, i);
  if (after.begin < after.end)
    g_array_insert_val (self->holes, i, after);
  if (before.begin < before.end)
    g_array_insert_val (self->holes, i, before);
  self->used += end - begin;
}

gboolean
vk_slab_alloc (PentVkSlab *self, guint64 size, guint64 align, guint64 *offset)
{
  guint best = G_MAXUINT;

  g_assert (size > 0 && align > 0 && (align & (align - 1)) == 0);

  for (guint i = 0; i < self->holes->len; i++)
    {
      const Hole *hole = HOLE (self, i);
      guint64 begin = align_up (hole->begin, align);

      if (begin > hole->end || hole->end - begin < size)
        continue;
      if (best == G_MAXUINT || hole->end - hole->begin < HOLE (self, best)->end - HOLE (self, best)->begin)
        best = i;
    }

  if (best == G_MAXUINT)
    return FALSE;

  *offset = align_up (HOLE (self, best)->begin, align);
  take (self, best, *offset, *offset + size);
  return TRUE;
}

void
vk_slab_free (PentVkSlab *self, guint64 offset, guint64 size)
{
  Hole hole = { offset, offset + size };
  guint low = 0, high = self->holes->len;

  g_assert (self->used >= size && hole.end <= self->size);

  while (low < high)
    {
      guint middle = (low + high) / 2;

      if (HOLE (self, middle)->begin < offset)
        low = middle + 1;
      else
        high = middle;
    }

  g_assert (low == self->holes->len || hole.end <= HOLE (self, low)->begin);
  g_assert (low == 0 || HOLE (self, low - 1)->end <= hole.begin);

  if (low < self->holes->len && HOLE (self, low)->begin == hole.end)
    {
      hole.end = HOLE (self, low)->end;
      g_array_remove_index (self->holes, low);
    }
  if (low > 0 && HOLE (self, low - 1)->end == hole.begin)
    HOLE (self, low - 1)->end = hole.end;
  else
    g_array_insert_val (self->holes, low, hole);
  self->used -= size;
}
