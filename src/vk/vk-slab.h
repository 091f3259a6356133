/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Which bytes of one allocation are taken.  Pure bookkeeping: no device is involved. */
typedef struct {
  guint64 size, used;      /* bytes */
  GArray *holes;           /* what is free: sorted by offset, never adjacent to one another */
} PentVkSlab;

void     vk_slab_init (PentVkSlab *self, guint64 size);
void     vk_slab_finish (PentVkSlab *self);

/* Best fit.  size > 0, align a power of two.  FALSE if no hole is large enough. */
gboolean vk_slab_alloc (PentVkSlab *self, guint64 size, guint64 align, guint64 *offset);

/* Exactly a range that alloc () returned. */
void     vk_slab_free (PentVkSlab *self, guint64 offset, guint64 size);

G_END_DECLS
