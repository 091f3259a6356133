/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where a barrier is needed, derived from declared access and from nothing else.  No device is involved, so that the
 * rule can be tested by itself: a missing barrier shows neither on lavapipe nor in the validation layers.
 *
 * Ranges are of device addresses, [begin, end): two buffers never share one, unless one page of host memory was
 * imported twice, and then they do alias. */
typedef struct {
  guint64  begin, end;
  gboolean write;
} PentVkRange;

typedef struct {
  GArray *reads, *writes;      /* PentVkRange, since the last barrier */
} PentVkHazards;

void     vk_hazards_init (PentVkHazards *self);
void     vk_hazards_finish (PentVkHazards *self);

/* One command that touches these ranges.  TRUE if a barrier has to stand before it; the sets then begin anew with it.
 * Ranges of the same command do not conflict with one another. */
gboolean vk_hazards_add (PentVkHazards *self, const PentVkRange *ranges, guint n_ranges);

/* A barrier stands here for another reason. */
void     vk_hazards_reset (PentVkHazards *self);

G_END_DECLS
