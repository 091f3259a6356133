/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-private.h"

/* Host writes and reads of memory that is not mapped go through two halves of this, so that the host copies one while
 * the device copies the other. */
#define STAGING_SIZE (32 * 1024 * 1024ull)
#define STAGING_HALF (STAGING_SIZE / 2)

static const VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT
  | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;

static guint64
pad (guint64 size)
{
  return size > G_MAXUINT64 - PENT_VK_PADDING ? size : (size + PENT_VK_PADDING - 1) / PENT_VK_PADDING * PENT_VK_PADDING;
}

static PentVkBuffer *
buffer_alloc (PentVkContext *context, guint64 size)
{
  PentVkBuffer *self = g_new0 (PentVkBuffer, 1);

  g_atomic_ref_count_init (&self->refs);
  self->context = vk_context_hold (context);
  self->size = size;
  return self;
}

/* Gives back the device's side of it; what is left is inert. */
static void
buffer_clear (PentVkBuffer *self)
{
  PentVkContext *context = self->context;

  if (self->buffer != VK_NULL_HANDLE)
    vkDestroyBuffer (context->device, self->buffer, NULL);
  if (self->imported != VK_NULL_HANDLE)
    vkFreeMemory (context->device, self->imported, NULL);
  if (self->piece.block != NULL)
    vk_memory_free (context, &self->piece);

  self->buffer = VK_NULL_HANDLE;
  self->imported = VK_NULL_HANDLE;
  self->address = 0;
  self->data = NULL;
}

static gboolean
bind (PentVkBuffer *self, VkDeviceMemory memory, guint64 offset, const char *label)
{
  PentVkContext *context = self->context;
  VkBufferDeviceAddressInfo info = {
    .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
    .buffer = self->buffer,
  };

  if (!VK (&context->fault, vkBindBufferMemory, context->device, self->buffer, memory, offset))
    return FALSE;

  vk_context_set_name (context, VK_OBJECT_TYPE_BUFFER, (guint64) self->buffer, label);
  self->address = vkGetBufferDeviceAddress (context->device, &info) + self->start;
  return TRUE;
}

static gboolean
buffer_create (PentVkBuffer *self, PentVkMemory memory, const char *label)
{
  PentVkContext *context = self->context;
  VkBufferCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
    .size = pad (self->size),
    .usage = usage,
    .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
  };
  VkDeviceBufferMemoryRequirements query = {
    .sType = VK_STRUCTURE_TYPE_DEVICE_BUFFER_MEMORY_REQUIREMENTS,
    .pCreateInfo = &info,
  };
  VkMemoryRequirements2 needs = { .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2 };

  if (info.size <= context->physical->max_buffer)
    vkGetDeviceBufferMemoryRequirements (context->device, &query, &needs);
  else
    needs.memoryRequirements.size = info.size;      /* refused there, with the sizes */

  if (!vk_memory_alloc (context, memory, &needs.memoryRequirements, label, &self->piece))
    return FALSE;

  self->data = vk_piece_get_data (&self->piece);
  return VK (&context->fault, vkCreateBuffer, context->device, &info, NULL, &self->buffer)
    && bind (self, vk_piece_get_memory (&self->piece), self->piece.offset, label);
}

PentVkBuffer *
pent_vk_buffer_new (PentVkContext *context, PentVkMemory memory, guint64 size, const char *label)
{
  PentVkBuffer *self;

  g_return_val_if_fail (context != NULL && size > 0, NULL);

  self = buffer_alloc (context, size);
  vk_context_sweep (context);
  if (!pent_vk_context_failed (context) && !buffer_create (self, memory, label != NULL ? label : "buffer"))
    buffer_clear (self);
  return self;
}

PentVkBuffer *
pent_vk_buffer_ref (PentVkBuffer *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->refs);
  return self;
}

/* A command in flight holds a reference, and is itself kept until the timeline has passed it. */
void
pent_vk_buffer_unref (PentVkBuffer *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  buffer_clear (self);
  g_clear_pointer (&self->bytes, g_bytes_unref);
  vk_context_release (self->context);
  g_free (self);
}

guint64
pent_vk_buffer_get_size (PentVkBuffer *self)
{
  return self->size;
}

guint64
pent_vk_buffer_get_address (PentVkBuffer *self)
{
  return self->address;
}

gpointer
pent_vk_buffer_get_data (PentVkBuffer *self)
{
  return self->data;
}

gboolean
vk_pages_around (gconstpointer data, gsize size, guint64 align, guintptr *begin, guintptr *end)
{
  guintptr page = sysconf (_SC_PAGESIZE);

  *begin = (guintptr) data / page * page;
  *end = ((guintptr) data + size + page - 1) / page * page;
  return align > 0 && *begin % align == 0 && *end % align == 0;
}

static gboolean
import_memory (PentVkBuffer *self, guintptr begin, guint64 size)
{
  PentVkContext *context = self->context;
  VkMemoryHostPointerPropertiesEXT properties = { .sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT };
  VkImportMemoryHostPointerInfoEXT import = {
    .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
    .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
    .pHostPointer = (gpointer) begin,
  };
  VkMemoryAllocateFlagsInfo flags = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
    .pNext = &import,
    .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
  };
  VkMemoryAllocateInfo info = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
    .pNext = &flags,
    .allocationSize = size,
  };
  VkMemoryRequirements needs;

  vkGetBufferMemoryRequirements (context->device, self->buffer, &needs);
  if (needs.size > size
      || context->get_host_properties (context->device, import.handleType, import.pHostPointer, &properties) < 0)
    return FALSE;

  properties.memoryTypeBits &= needs.memoryTypeBits;
  if (properties.memoryTypeBits == 0)
    return FALSE;

  /* A refusal here is an answer, not an error: not every driver takes every kind of mapping. */
  info.memoryTypeIndex = __builtin_ctz (properties.memoryTypeBits);
  return vkAllocateMemory (context->device, &info, NULL, &self->imported) >= 0;
}

static gboolean
import_create (PentVkBuffer *self, guintptr begin, guintptr end, const char *label)
{
  PentVkContext *context = self->context;
  VkExternalMemoryBufferCreateInfo external = {
    .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
    .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
  };
  VkBufferCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
    .pNext = &external,
    .size = end - begin,
    .usage = usage,
    .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
  };

  return vkCreateBuffer (context->device, &info, NULL, &self->buffer) >= 0
    && import_memory (self, begin, end - begin)
    && bind (self, self->imported, 0, label);
}

PentVkBuffer *
pent_vk_buffer_import (PentVkContext *context, GBytes *bytes, const char *label)
{
  g_autoptr (PentVkBuffer) self = NULL;
  gconstpointer data;
  gsize size;
  guintptr begin, end;

  g_return_val_if_fail (context != NULL && bytes != NULL, NULL);

  data = g_bytes_get_data (bytes, &size);
  if (pent_vk_context_failed (context) || context->get_host_properties == NULL || size == 0
      || !vk_pages_around (data, size, context->physical->info->import_alignment, &begin, &end)
      || end - begin > context->physical->info->max_allocation)
    return NULL;

  self = buffer_alloc (context, size);
  self->start = (guintptr) data - begin;
  if (!import_create (self, begin, end, label != NULL ? label : "import"))
    return NULL;

  self->bytes = g_bytes_ref (bytes);
  self->data = (gpointer) data;
  return g_steal_pointer (&self);
}

/* With a reference: once the context has no callers left, it keeps none of its own. */
static PentVkBuffer *
ref_staging (PentVkContext *context)
{
  if (context->staging == NULL)
    context->staging = pent_vk_buffer_new (context, PENT_VK_MEMORY_READBACK, STAGING_SIZE, "staging");

  return pent_vk_buffer_ref (context->staging);
}

static guint64
submit_copy (PentVkContext *context, PentVkBuffer *dst, guint64 dst_offset, PentVkBuffer *src, guint64 src_offset,
             guint64 size)
{
  g_autoptr (PentVkCommand) command = pent_vk_command_new (context, "transfer");

  pent_vk_command_copy (command, dst, dst_offset, src, src_offset, size);
  pent_vk_command_end (command);
  return pent_vk_command_submit (command);
}

static void
write_staged (PentVkBuffer *self, guint64 offset, const guint8 *data, guint64 size)
{
  PentVkContext *context = self->context;
  g_autoptr (PentVkBuffer) staging = ref_staging (context);
  guint64 pending[2] = { 0, 0 };

  for (guint half = 0; size > 0 && !pent_vk_context_failed (context); half = !half)
    {
      guint64 n = MIN (size, STAGING_HALF), at = half * STAGING_HALF;

      if (!vk_context_wait (context, pending[half]))
        return;
      memcpy (staging->data + at, data, n);
      pending[half] = submit_copy (context, self, offset, staging, at, n);
      offset += n;
      data += n;
      size -= n;
    }

  vk_context_wait (context, context->submitted);
  vk_context_sweep (context);
}

static gboolean
read_staged (PentVkBuffer *self, guint64 offset, guint8 *data, guint64 size)
{
  PentVkContext *context = self->context;
  g_autoptr (PentVkBuffer) staging = ref_staging (context);
  guint64 ahead = MIN (size, STAGING_HALF), value = submit_copy (context, staging, 0, self, offset, ahead);

  for (guint half = 0; size > 0; half = !half)
    {
      guint64 n = ahead, previous = value;

      offset += n;
      size -= n;
      ahead = MIN (size, STAGING_HALF);
      if (ahead > 0)
        value = submit_copy (context, staging, !half * STAGING_HALF, self, offset, ahead);
      if (!vk_context_wait (context, previous))
        return FALSE;
      memcpy (data, staging->data + half * STAGING_HALF, n);
      data += n;
    }

  vk_context_sweep (context);
  return TRUE;
}

static gboolean
read_mapped (PentVkBuffer *self, guint64 offset, guint8 *data, guint64 size)
{
  if (!vk_context_wait (self->context, self->context->submitted))
    return FALSE;

  memcpy (data, self->data + offset, size);
  return TRUE;
}

static gboolean
is_within (PentVkBuffer *self, guint64 offset, guint64 size)
{
  return offset <= self->size && size <= self->size - offset;
}

void
pent_vk_buffer_write (PentVkBuffer *self, guint64 offset, gconstpointer data, guint64 size)
{
  g_return_if_fail (self != NULL && is_within (self, offset, size));
  g_return_if_fail (self->bytes == NULL);

  if (size == 0 || pent_vk_context_failed (self->context))
    return;
  if (self->data == NULL)
    write_staged (self, offset, data, size);
  else if (vk_context_wait (self->context, self->context->submitted))
    memcpy (self->data + offset, data, size);
}

void
pent_vk_buffer_read (PentVkBuffer *self, guint64 offset, gpointer data, guint64 size)
{
  g_return_if_fail (self != NULL && is_within (self, offset, size));

  if (size == 0)
    return;
  if (pent_vk_context_failed (self->context)
      || !(self->data != NULL ? read_mapped (self, offset, data, size) : read_staged (self, offset, data, size)))
    memset (data, 0, size);
}
