/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-vk-buffer.h"
#include "pent-vk-pipeline.h"

G_BEGIN_DECLS

/* PentVkCommand: a recorded list of dispatches and copies, submitted as often as wanted.
 *
 * Barriers come from declared access: each dispatch names the ranges it reads and writes, and a barrier is recorded
 * before it exactly if one of them overlaps a range that an earlier dispatch since the last barrier wrote (or, for a
 * write, read).  Between two submissions of a command, and to the host, everything is visible.
 *
 * Watchdogs: the list is cut into several submissions by stated cost so that none comes near two seconds (the rate of
 * the device is learned from timestamps, starting cautiously), and a dispatch that is too large by itself is cut along
 * its z, then y, then x groups (vkCmdDispatchBase); kernels index by gl_WorkGroupID and need not know. */
typedef struct _PentVkCommand PentVkCommand;

typedef struct {
  PentVkBuffer *buffer;
  guint64       offset, size;      /* bytes */
  gboolean      write;             /* else read.  A range both read and written: write */
} PentVkAccess;

PentVkCommand *pent_vk_command_new (PentVkContext *context, const char *label);
PentVkCommand *pent_vk_command_ref (PentVkCommand *self);
void           pent_vk_command_unref (PentVkCommand *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentVkCommand, pent_vk_command_unref)

PentVkContext *pent_vk_command_get_context (PentVkCommand *self);

/* Groups beyond what the device allows along an axis (65535 at least) and ranges beyond their buffer are an error.
 * push: shader's push_size bytes.  flops, bytes: what the dispatch costs, for cutting and for the bench.
 * The command keeps references on the buffers. */
void           pent_vk_command_dispatch (PentVkCommand *self, PentVkPipeline *pipeline, gconstpointer push,
                                         guint groups_x, guint groups_y, guint groups_z,
                                         const PentVkAccess *access, guint n_access, double flops, double bytes);
void           pent_vk_command_copy (PentVkCommand *self, PentVkBuffer *dst, guint64 dst_offset,
                                     PentVkBuffer *src, guint64 src_offset, guint64 size);
void           pent_vk_command_fill (PentVkCommand *self, PentVkBuffer *dst, guint64 offset, guint64 size, guint32 word);

/* Begins a named stretch for timings; stretches end where the next begins. */
void           pent_vk_command_mark (PentVkCommand *self, const char *label);

/* Nothing can be recorded after it. */
void           pent_vk_command_end (PentVkCommand *self);

/* Submits all parts in order without waiting; returns the timeline value that is reached when the last is done (0 after
 * an error). */
guint64        pent_vk_command_submit (PentVkCommand *self);

/* Submits and waits, at most two parts ahead of the device, looking at cancellable between the parts
 * (G_IO_ERROR_CANCELLED, after what was already submitted has finished).  FALSE on the context's sticky error too. */
gboolean       pent_vk_command_run (PentVkCommand *self, GCancellable *cancellable, GError **error);

/* Waits for a timeline value of this context. */
gboolean       pent_vk_wait (PentVkContext *context, guint64 value, GError **error);

typedef struct {
  const char *label;               /* of mark (), or the shader's name for stretches of one dispatch */
  double      seconds;             /* device time of the last finished run */
  double      flops, bytes;
} PentVkTiming;

/* Stretches of the last finished run: a new GArray of PentVkTiming, whose labels live as long as the command.  With
 * every_dispatch set before anything is recorded, each dispatch is a stretch of its own, with a barrier between any
 * two: for the bench only. */
void           pent_vk_command_time_every_dispatch (PentVkCommand *self);
GArray        *pent_vk_command_get_timings (PentVkCommand *self);

guint          pent_vk_command_n_dispatches (PentVkCommand *self);
guint          pent_vk_command_n_barriers (PentVkCommand *self);
guint          pent_vk_command_n_parts (PentVkCommand *self);

G_END_DECLS
