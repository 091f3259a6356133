/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-command.h"

/* From the list of steps to Vulkan command buffers. */

#define WORK_STAGES (VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_2_ALL_TRANSFER_BIT)
#define WORK_WRITES (VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT | VK_ACCESS_2_TRANSFER_WRITE_BIT)
#define WORK_READS (VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_TRANSFER_READ_BIT)

/* Seconds that one submission is to take, and the speed to begin with.  On a GPU ten such submissions fit below the
 * watchdog, so a kernel ten times slower than assumed is still safe; on a CPU the target is how long cancelling
 * takes. */
static const struct {
  double      target;
  PentVkSpeed speed;
} kinds[] = {
  [PENT_VK_CPU] = { 0.35, { 1e9, 1e9 } },
  [PENT_VK_INTEGRATED] = { 0.2, { 50e9, 10e9 } },
  [PENT_VK_DISCRETE] = { 0.2, { 500e9, 50e9 } },
  [PENT_VK_OTHER] = { 0.2, { 50e9, 10e9 } },
};

static double
estimate (PentVkCommand *self, const PentVkStep *step)
{
  PentVkContext *context = self->context;
  const PentVkSpeed *speed = &kinds[context->physical->info->kind].speed;
  const PentVkPace *pace = step->kind == PENT_VK_STEP_DISPATCH ? &step->pipeline->pace : &context->copy_pace;

  return vk_pace_estimate (pace, speed, step->flops, step->bytes);
}

static GArray *
list_tasks (PentVkCommand *self)
{
  GArray *tasks = g_array_sized_new (FALSE, TRUE, sizeof (PentVkTask), self->steps->len);

  for (guint i = 0; i < self->steps->len; i++)
    {
      const PentVkStep *step = VK_STEP (self, i);
      PentVkTask task = { .seconds = estimate (self, step) };

      memcpy (task.groups, step->groups, sizeof task.groups);
      g_array_append_val (tasks, task);
    }

  return tasks;
}

/* What the parts would take by what is known now, and whether that will do. */
static gboolean
is_still_good (PentVkCommand *self, const GArray *tasks, double target)
{
  double total = 0;

  for (guint i = 0; i < self->parts->len; i++)
    VK_PART (self, i)->expected = 0;

  for (guint i = 0; i < self->cuts->len; i++)
    {
      PentVkCut *cut = VK_CUT (self, i);
      const PentVkTask *task = &g_array_index (tasks, PentVkTask, cut->task);
      double volume = (double) task->groups[0] * task->groups[1] * task->groups[2];
      double share = volume > 0 ? (double) cut->count[0] * cut->count[1] * cut->count[2] / volume : 1;

      cut->seconds = task->seconds * share;
      VK_PART (self, cut->part)->expected += cut->seconds;
      total += cut->seconds;
    }

  for (guint i = 0; i < self->parts->len; i++)
    if (VK_PART (self, i)->expected > 1.5 * target)
      return FALSE;

  return self->parts->len <= 2 + 2 * total / target;
}

void
vk_command_plan (PentVkCommand *self)
{
  double target = kinds[self->context->physical->info->kind].target;
  g_autoptr (GArray) tasks = list_tasks (self);
  guint n_parts;

  if (self->cuts != NULL && is_still_good (self, tasks, target))
    return;

  g_clear_pointer (&self->cuts, g_array_unref);
  self->cuts = vk_plan ((PentVkTask *) tasks->data, tasks->len, target, &n_parts);
  g_array_set_size (self->parts, 0);
  g_array_set_size (self->parts, n_parts);
  for (guint i = 0; i < self->cuts->len; i++)
    VK_PART (self, VK_CUT (self, i)->part)->expected += VK_CUT (self, i)->seconds;

  if (self->pool != VK_NULL_HANDLE)
    vkDestroyCommandPool (self->context->device, self->pool, NULL);
  self->pool = VK_NULL_HANDLE;
}

static void
barrier (VkCommandBuffer buffer, VkPipelineStageFlags2 src_stage, VkAccessFlags2 src, VkPipelineStageFlags2 dst_stage,
         VkAccessFlags2 dst)
{
  VkMemoryBarrier2 memory = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
    .srcStageMask = src_stage,
    .srcAccessMask = src,
    .dstStageMask = dst_stage,
    .dstAccessMask = dst,
  };
  VkDependencyInfo info = {
    .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
    .memoryBarrierCount = 1,
    .pMemoryBarriers = &memory,
  };

  vkCmdPipelineBarrier2 (buffer, &info);
}

static void
encode_copy (VkCommandBuffer buffer, const PentVkStep *step)
{
  VkBufferCopy2 region = {
    .sType = VK_STRUCTURE_TYPE_BUFFER_COPY_2,
    .srcOffset = step->src_offset,
    .dstOffset = step->dst_offset,
    .size = step->size,
  };
  VkCopyBufferInfo2 info = {
    .sType = VK_STRUCTURE_TYPE_COPY_BUFFER_INFO_2,
    .srcBuffer = step->src->buffer,
    .dstBuffer = step->dst->buffer,
    .regionCount = 1,
    .pRegions = &region,
  };

  vkCmdCopyBuffer2 (buffer, &info);
}

static void
encode_cut (PentVkCommand *self, VkCommandBuffer buffer, const PentVkStep *step, const PentVkCut *cut,
            PentVkPipeline **bound)
{
  switch (step->kind)
    {
    case PENT_VK_STEP_COPY:
      encode_copy (buffer, step);
      break;
    case PENT_VK_STEP_FILL:
      vkCmdFillBuffer (buffer, step->dst->buffer, step->dst_offset, step->size, step->word);
      break;
    case PENT_VK_STEP_DISPATCH:
      if (*bound != step->pipeline)
        vkCmdBindPipeline (buffer, VK_PIPELINE_BIND_POINT_COMPUTE, step->pipeline->pipeline);
      *bound = step->pipeline;
      if (step->pipeline->shader->push_size > 0)
        vkCmdPushConstants (buffer, self->context->pipelines.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                            step->pipeline->shader->push_size, self->push->data + step->push);
      vkCmdDispatchBase (buffer, cut->base[0], cut->base[1], cut->base[2], cut->count[0], cut->count[1], cut->count[2]);
      break;
    }
}

/* How many timestamps the parts take: one where each part and each stretch within it begins, one where it ends. */
static guint
number_queries (PentVkCommand *self)
{
  guint n = 0, previous = G_MAXUINT, stretch = G_MAXUINT;

  g_array_set_size (self->segments, 0);
  for (guint i = 0; i < self->cuts->len; i++)
    {
      const PentVkCut *cut = VK_CUT (self, i);
      PentVkSegment segment = { cut->part, VK_STEP (self, cut->task)->stretch, n };

      if (cut->part == previous && segment.stretch == stretch)
        continue;
      if (cut->part != previous)
        {
          n += previous != G_MAXUINT;
          segment.query = n;
          VK_PART (self, cut->part)->first_query = n;
        }
      previous = cut->part;
      stretch = segment.stretch;
      g_array_append_val (self->segments, segment);
      VK_PART (self, cut->part)->n_queries = ++n - VK_PART (self, cut->part)->first_query + 1;
    }

  return n + 1;
}

static gboolean
create_queries (PentVkCommand *self)
{
  VkQueryPoolCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
    .queryType = VK_QUERY_TYPE_TIMESTAMP,
    .queryCount = number_queries (self),
  };
  PentVkContext *context = self->context;

  if (context->physical->timestamp_bits == 0)
    return TRUE;
  if (self->queries != VK_NULL_HANDLE && info.queryCount <= self->n_queries)
    return TRUE;

  if (self->queries != VK_NULL_HANDLE)
    vkDestroyQueryPool (context->device, self->queries, NULL);
  self->queries = VK_NULL_HANDLE;
  self->n_queries = info.queryCount;
  return VK (&context->fault, vkCreateQueryPool, context->device, &info, NULL, &self->queries);
}

static void
timestamp (PentVkCommand *self, VkCommandBuffer buffer, guint query)
{
  if (self->queries != VK_NULL_HANDLE)
    vkCmdWriteTimestamp2 (buffer, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, self->queries, query);
}

/* Whatever was submitted before is seen by this part, and what it writes by the host: so parts and commands need no
 * knowledge of each other. */
static guint
encode_part (PentVkCommand *self, guint index, guint first)
{
  const PentVkPart *part = VK_PART (self, index);
  guint query = part->first_query, stretch = VK_STEP (self, VK_CUT (self, first)->task)->stretch, i;
  PentVkPipeline *bound = NULL;

  if (self->queries != VK_NULL_HANDLE)
    vkCmdResetQueryPool (part->buffer, self->queries, part->first_query, part->n_queries);
  barrier (part->buffer, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, VK_ACCESS_2_MEMORY_WRITE_BIT,
           WORK_STAGES, WORK_READS | WORK_WRITES);
  timestamp (self, part->buffer, query++);

  for (i = first; i < self->cuts->len && VK_CUT (self, i)->part == index; i++)
    {
      const PentVkCut *cut = VK_CUT (self, i);
      const PentVkStep *step = VK_STEP (self, cut->task);
      gboolean begins = i == 0 || VK_CUT (self, i - 1)->task != cut->task;

      if (step->barrier && begins && i > first)
        barrier (part->buffer, WORK_STAGES, WORK_WRITES, WORK_STAGES, WORK_READS | WORK_WRITES);
      if (step->stretch != stretch)
        timestamp (self, part->buffer, query++);
      stretch = step->stretch;
      encode_cut (self, part->buffer, step, cut, &bound);
    }

  timestamp (self, part->buffer, query);
  barrier (part->buffer, WORK_STAGES, WORK_WRITES, VK_PIPELINE_STAGE_2_HOST_BIT, VK_ACCESS_2_HOST_READ_BIT);
  return i;
}

static gboolean
allocate_buffers (PentVkCommand *self)
{
  PentVkContext *context = self->context;
  VkCommandPoolCreateInfo pool = {
    .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
    .queueFamilyIndex = context->physical->family,
  };
  VkCommandBufferAllocateInfo info = {
    .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
    .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
    .commandBufferCount = self->parts->len,
  };
  g_autofree VkCommandBuffer *buffers = g_new0 (VkCommandBuffer, self->parts->len);

  if (!VK (&context->fault, vkCreateCommandPool, context->device, &pool, NULL, &self->pool))
    return FALSE;
  info.commandPool = self->pool;
  if (!VK (&context->fault, vkAllocateCommandBuffers, context->device, &info, buffers))
    return FALSE;

  for (guint i = 0; i < self->parts->len; i++)
    {
      VK_PART (self, i)->buffer = buffers[i];
      vk_context_set_name (context, VK_OBJECT_TYPE_COMMAND_BUFFER, (guint64) buffers[i], self->label);
    }

  return TRUE;
}

gboolean
vk_command_encode (PentVkCommand *self)
{
  VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
  PentVkContext *context = self->context;
  guint cut = 0;

  if (self->pool != VK_NULL_HANDLE || self->parts->len == 0)
    return TRUE;
  if (!create_queries (self) || !allocate_buffers (self))
    return FALSE;

  for (guint i = 0; i < self->parts->len; i++)
    {
      if (!VK (&context->fault, vkBeginCommandBuffer, VK_PART (self, i)->buffer, &begin))
        return FALSE;
      cut = encode_part (self, i, cut);
      if (!VK (&context->fault, vkEndCommandBuffer, VK_PART (self, i)->buffer))
        return FALSE;
    }

  return TRUE;
}
