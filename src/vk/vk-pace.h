/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How long work will take, and how to cut it so that no submission takes longer than wanted.  Pure functions. */

/* What one pipeline has shown: seconds taken for each second that was assumed before anything was known. */
typedef struct {
  double factor;
  double share;              /* scratch of who sums the shares up; else 0 */
} PentVkPace;

/* The speed assumed of a device nothing is known of. */
typedef struct {
  double flops, bytes;       /* a second */
} PentVkSpeed;

void   vk_pace_init (PentVkPace *self);
double vk_pace_estimate (const PentVkPace *self, const PentVkSpeed *speed, double flops, double bytes);

/* A part took `seconds` where `expected` were estimated, `share` (0 … 1) of them for this pace.  Believes bad news
 * quickly, and good news only as far as this pace was responsible for it. */
void   vk_pace_learn (PentVkPace *self, double expected, double seconds, double share);

typedef struct {
  guint32 groups[3];         /* all 0: cannot be cut */
  double  seconds;
} PentVkTask;

typedef struct {
  guint   task, part;
  guint32 base[3], count[3];
  double  seconds;
} PentVkCut;

/* Packs tasks in order into parts of about `target` seconds (returned as PentVkCut, each task at least once, together
 * covering its groups exactly); a task that is longer by itself is cut along z, then y, then x. */
GArray *vk_plan (const PentVkTask *tasks, guint n_tasks, double target, guint *n_parts);

G_END_DECLS
