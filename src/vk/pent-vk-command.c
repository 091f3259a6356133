/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-command.h"

static void
stretch_clear (gpointer data)
{
  g_free (((PentVkStretch *) data)->label);
}

static void
add_stretch (PentVkCommand *self, const char *label)
{
  PentVkStretch stretch = { .label = g_strdup (label) };

  g_array_append_val (self->stretches, stretch);
}

PentVkCommand *
pent_vk_command_new (PentVkContext *context, const char *label)
{
  PentVkCommand *self;

  g_return_val_if_fail (context != NULL, NULL);

  self = g_new0 (PentVkCommand, 1);
  g_atomic_ref_count_init (&self->refs);
  self->context = vk_context_hold (context);
  self->label = g_strdup (label != NULL ? label : "command");
  self->steps = g_array_new (FALSE, TRUE, sizeof (PentVkStep));
  self->push = g_byte_array_new ();
  self->buffers = g_hash_table_new_full (NULL, NULL, (GDestroyNotify) pent_vk_buffer_unref, NULL);
  self->stretches = g_array_new (FALSE, TRUE, sizeof (PentVkStretch));
  g_array_set_clear_func (self->stretches, stretch_clear);
  self->segments = g_array_new (FALSE, TRUE, sizeof (PentVkSegment));
  self->parts = g_array_new (FALSE, TRUE, sizeof (PentVkPart));
  vk_hazards_init (&self->hazards);
  add_stretch (self, self->label);
  return self;
}

PentVkCommand *
pent_vk_command_ref (PentVkCommand *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
vk_command_free (PentVkCommand *self)
{
  PentVkContext *context = self->context;

  if (self->pool != VK_NULL_HANDLE)
    vkDestroyCommandPool (context->device, self->pool, NULL);
  if (self->queries != VK_NULL_HANDLE)
    vkDestroyQueryPool (context->device, self->queries, NULL);

  vk_hazards_finish (&self->hazards);
  g_clear_pointer (&self->cuts, g_array_unref);
  g_array_unref (self->parts);
  g_array_unref (self->segments);
  g_array_unref (self->stretches);
  g_hash_table_unref (self->buffers);
  g_byte_array_unref (self->push);
  g_array_unref (self->steps);
  g_free (self->label);
  g_free (self);
  vk_context_release (context);
}

void
pent_vk_command_unref (PentVkCommand *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  g_queue_push_tail (&self->context->retired, self);
  vk_context_sweep (self->context);
}

PentVkContext *
pent_vk_command_get_context (PentVkCommand *self)
{
  return self->context;
}

guint64
vk_command_get_value (PentVkCommand *self)
{
  return self->value;
}

static gboolean
is_recording (PentVkCommand *self)
{
  g_return_val_if_fail (self != NULL && !self->ended, FALSE);

  return !pent_vk_context_failed (self->context);
}

static void
keep_buffer (PentVkCommand *self, PentVkBuffer *buffer)
{
  if (!g_hash_table_contains (self->buffers, buffer))
    g_hash_table_add (self->buffers, pent_vk_buffer_ref (buffer));
}

static gboolean
is_within (PentVkBuffer *buffer, guint64 offset, guint64 size)
{
  return buffer != NULL && buffer->buffer != VK_NULL_HANDLE && offset <= buffer->size && size <= buffer->size - offset;
}

static PentVkRange
range_of (const PentVkAccess *access)
{
  guint64 begin = access->buffer->address + access->offset;

  return (PentVkRange) { begin, begin + access->size, access->write };
}

/* Appends a step, with the barrier that its access asks for. */
static void
add_step (PentVkCommand *self, PentVkStep *step, const char *name, const PentVkAccess *access, guint n_access)
{
  g_autofree PentVkRange *ranges = g_new (PentVkRange, n_access);
  PentVkStretch *stretch;

  for (guint i = 0; i < n_access; i++)
    {
      ranges[i] = range_of (&access[i]);
      keep_buffer (self, access[i].buffer);
    }

  step->barrier = vk_hazards_add (&self->hazards, ranges, n_access);
  if (self->every_dispatch && self->steps->len > 0)
    {
      step->barrier = TRUE;
      add_stretch (self, name);
    }
  else if (self->every_dispatch)
    {
      g_array_set_size (self->stretches, 0);
      add_stretch (self, name);
    }

  self->n_barriers += step->barrier;
  step->stretch = self->stretches->len - 1;
  stretch = &g_array_index (self->stretches, PentVkStretch, step->stretch);
  stretch->n_steps++;
  stretch->flops += step->flops;
  stretch->bytes += step->bytes;
  g_array_append_val (self->steps, *step);
}

static gboolean
check_groups (PentVkCommand *self, PentVkPipeline *pipeline, const guint32 *groups)
{
  const guint32 *most = self->context->physical->max_groups;

  if (groups[0] <= most[0] && groups[1] <= most[1] && groups[2] <= most[2])
    return TRUE;

  g_critical ("%s: %u × %u × %u workgroups, and the device allows %u × %u × %u", pipeline->shader->name,
              groups[0], groups[1], groups[2], most[0], most[1], most[2]);
  vk_fault_set (&self->context->fault, PENT_ERROR_UNSUPPORTED,
                "The kernel %s would need %u × %u × %u workgroups, and %s allows %u × %u × %u", pipeline->shader->name,
                groups[0], groups[1], groups[2], self->context->physical->info->name, most[0], most[1], most[2]);
  return FALSE;
}

static gboolean
check_access (PentVkCommand *self, const char *name, const PentVkAccess *access, guint n_access)
{
  for (guint i = 0; i < n_access; i++)
    if (!is_within (access[i].buffer, access[i].offset, access[i].size))
      {
        g_critical ("%s: access %u is beyond its buffer", name, i);
        vk_fault_set (&self->context->fault, PENT_ERROR_FAILED, "%s: access %u is beyond its buffer", name, i);
        return FALSE;
      }

  return TRUE;
}

void
pent_vk_command_dispatch (PentVkCommand *self, PentVkPipeline *pipeline, gconstpointer push,
                          guint groups_x, guint groups_y, guint groups_z,
                          const PentVkAccess *access, guint n_access, double flops, double bytes)
{
  PentVkStep step = {
    .kind = PENT_VK_STEP_DISPATCH,
    .pipeline = pipeline,
    .groups = { groups_x, groups_y, groups_z },
    .flops = flops,
    .bytes = bytes,
  };

  if (!is_recording (self) || pipeline->pipeline == VK_NULL_HANDLE)
    return;
  if (!check_groups (self, pipeline, step.groups) || !check_access (self, pipeline->shader->name, access, n_access))
    return;
  if (groups_x == 0 || groups_y == 0 || groups_z == 0)
    return;

  step.push = self->push->len;
  g_byte_array_append (self->push, push, pipeline->shader->push_size);
  add_step (self, &step, pipeline->shader->name, access, n_access);
}

void
pent_vk_command_copy (PentVkCommand *self, PentVkBuffer *dst, guint64 dst_offset, PentVkBuffer *src,
                      guint64 src_offset, guint64 size)
{
  PentVkAccess access[] = { { src, src_offset, size, FALSE }, { dst, dst_offset, size, TRUE } };
  PentVkStep step = {
    .kind = PENT_VK_STEP_COPY,
    .dst = dst,
    .src = src,
    .dst_offset = dst_offset,
    .src_offset = src_offset,
    .size = size,
    .bytes = 2.0 * size,
  };

  if (!is_recording (self) || size == 0 || !check_access (self, "copy", access, G_N_ELEMENTS (access)))
    return;

  step.src_offset += src->start;
  add_step (self, &step, "copy", access, G_N_ELEMENTS (access));
}

void
pent_vk_command_fill (PentVkCommand *self, PentVkBuffer *dst, guint64 offset, guint64 size, guint32 word)
{
  PentVkAccess access = { dst, offset, size, TRUE };
  PentVkStep step = {
    .kind = PENT_VK_STEP_FILL,
    .dst = dst,
    .dst_offset = offset,
    .size = (size + 3) / 4 * 4,
    .word = word,
    .bytes = size,
  };

  if (!is_recording (self) || size == 0 || !check_access (self, "fill", &access, 1))
    return;

  /* The last word of an odd-sized buffer lies in its padding. */
  g_return_if_fail (offset % 4 == 0 && (size % 4 == 0 || offset + size == dst->size));
  add_step (self, &step, "fill", &access, 1);
}

void
pent_vk_command_mark (PentVkCommand *self, const char *label)
{
  if (is_recording (self) && !self->every_dispatch)
    add_stretch (self, label);
}

void
pent_vk_command_time_every_dispatch (PentVkCommand *self)
{
  g_return_if_fail (self != NULL && self->steps->len == 0);

  self->every_dispatch = TRUE;
}

void
pent_vk_command_end (PentVkCommand *self)
{
  if (!is_recording (self))
    return;

  self->ended = TRUE;
  vk_hazards_reset (&self->hazards);
  vk_command_plan (self);
}

guint
pent_vk_command_n_dispatches (PentVkCommand *self)
{
  guint n = 0;

  for (guint i = 0; i < self->steps->len; i++)
    n += VK_STEP (self, i)->kind == PENT_VK_STEP_DISPATCH;

  return n;
}

guint
pent_vk_command_n_barriers (PentVkCommand *self)
{
  return self->n_barriers;
}

guint
pent_vk_command_n_parts (PentVkCommand *self)
{
  return self->parts->len;
}

GArray *
pent_vk_command_get_timings (PentVkCommand *self)
{
  GArray *timings = g_array_new (FALSE, TRUE, sizeof (PentVkTiming));

  vk_command_collect (self);
  for (guint i = 0; i < self->stretches->len; i++)
    {
      const PentVkStretch *stretch = &g_array_index (self->stretches, PentVkStretch, i);
      PentVkTiming timing = { stretch->label, stretch->seconds, stretch->flops, stretch->bytes };

      if (stretch->n_steps > 0)
        g_array_append_val (timings, timing);
    }

  return timings;
}
