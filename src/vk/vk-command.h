/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "vk-private.h"

G_BEGIN_DECLS

/* A command is kept as a list of steps.  The Vulkan command buffers are encoded from it when it is first submitted,
 * one for each part, and again only if the parts turn out to be far too long or too short. */

typedef enum { PENT_VK_STEP_DISPATCH, PENT_VK_STEP_COPY, PENT_VK_STEP_FILL } PentVkStepKind;

typedef struct {
  PentVkStepKind  kind;
  gboolean        barrier;              /* one stands before it */
  guint           stretch;              /* index of the stretch it belongs to */
  double          flops, bytes;
  PentVkPipeline *pipeline;
  guint           push;                 /* where its push constants begin in `push` */
  guint32         groups[3];
  PentVkBuffer   *dst, *src;
  guint64         dst_offset, src_offset, size;
  guint32         word;
} PentVkStep;

typedef struct {
  char  *label;
  guint  n_steps;
  double flops, bytes, seconds;
} PentVkStretch;

/* From one timestamp to the next, within a part. */
typedef struct {
  guint part, stretch, query;           /* query and query + 1 */
} PentVkSegment;

typedef struct {
  VkCommandBuffer buffer;
  guint           first_query, n_queries;
  double          expected;             /* seconds */
} PentVkPart;

struct _PentVkCommand {
  gatomicrefcount refs;
  PentVkContext  *context;
  char           *label;
  gboolean        ended, every_dispatch;
  GArray         *steps;                /* PentVkStep */
  GByteArray     *push;
  GHashTable     *buffers;              /* a reference on each PentVkBuffer that a step touches */
  GArray         *stretches;            /* PentVkStretch */
  PentVkHazards   hazards;              /* while recording */
  guint           n_barriers;

  GArray         *cuts;                 /* PentVkCut; NULL before the first submission */
  GArray         *parts;                /* PentVkPart */
  GArray         *segments;             /* PentVkSegment */
  VkCommandPool   pool;
  VkQueryPool     queries;
  guint           n_queries;

  guint64         value;                /* of its last submission */
  gboolean        complete;             /* that submission was of all parts */
  gboolean        collected;            /* and its timestamps were read */
};

#define VK_STEP(self, i) (&g_array_index ((self)->steps, PentVkStep, (i)))
#define VK_PART(self, i) (&g_array_index ((self)->parts, PentVkPart, (i)))
#define VK_CUT(self, i) (&g_array_index ((self)->cuts, PentVkCut, (i)))

/* Cuts the steps into parts if they are not, or badly.  The device must not be working on the command. */
void vk_command_plan (PentVkCommand *self);
gboolean vk_command_encode (PentVkCommand *self);
void vk_command_collect (PentVkCommand *self);

G_END_DECLS
