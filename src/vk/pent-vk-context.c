/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-private.h"

/* Waits are cut into slices: some drivers overflow on endless ones. */
#define WAIT_SLICE_NS (1000 * 1000 * 1000ull)

static gboolean
create_device (PentVkContext *self)
{
  const float priority = 1.0f;
  VkDeviceQueueCreateInfo queue = {
    .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
    .queueFamilyIndex = self->physical->family,
    .queueCount = 1,
    .pQueuePriorities = &priority,
  };
  VkDeviceCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
    .pNext = &self->physical->core,
    .queueCreateInfoCount = 1,
    .pQueueCreateInfos = &queue,
    .enabledExtensionCount = self->physical->extensions->len,
    .ppEnabledExtensionNames = (const char *const *) self->physical->extensions->pdata,
  };

  if (!VK (&self->fault, vkCreateDevice, self->physical->physical, &info, NULL, &self->device))
    return FALSE;

  vkGetDeviceQueue (self->device, self->physical->family, 0, &self->queue);
  if (self->instance.messenger != VK_NULL_HANDLE)
    self->set_name = (PFN_vkSetDebugUtilsObjectNameEXT)
      vkGetDeviceProcAddr (self->device, "vkSetDebugUtilsObjectNameEXT");
  if (vk_context_has (self, PENT_VK_IMPORT))
    self->get_host_properties = (PFN_vkGetMemoryHostPointerPropertiesEXT)
      vkGetDeviceProcAddr (self->device, "vkGetMemoryHostPointerPropertiesEXT");
  return TRUE;
}

static gboolean
create_timeline (PentVkContext *self)
{
  VkSemaphoreTypeCreateInfo type = {
    .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
    .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
  };
  VkSemaphoreCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
    .pNext = &type,
  };

  if (!VK (&self->fault, vkCreateSemaphore, self->device, &info, NULL, &self->timeline))
    return FALSE;

  vk_context_set_name (self, VK_OBJECT_TYPE_SEMAPHORE, (guint64) self->timeline, "timeline");
  return TRUE;
}

static gboolean
set_up (PentVkContext *self, const char *device, GError **error)
{
  g_autoptr (GPtrArray) devices = NULL;

  if (!vk_instance_init (&self->instance, &self->fault))
    return vk_fault_report (&self->fault, error);
  devices = vk_devices_probe (self->instance.instance, &self->fault);
  if (devices == NULL)
    return vk_fault_report (&self->fault, error);
  self->physical = vk_devices_choose (devices, device, error);
  if (self->physical == NULL)
    return FALSE;

  if (create_device (self) && create_timeline (self) && vk_memory_init (self))
    vk_pipelines_init (self);
  return vk_fault_report (&self->fault, error);
}

PentVkContext *
pent_vk_context_new (const char *device, GError **error)
{
  g_autoptr (PentVkContext) self = g_new0 (PentVkContext, 1);

  g_atomic_int_set (&self->refs, 1);
  g_atomic_int_set (&self->holds, 1);
  vk_fault_init (&self->fault);
  g_queue_init (&self->retired);
  vk_pace_init (&self->copy_pace);

  if (!set_up (self, device, error))
    return NULL;

  return g_steal_pointer (&self);
}

static void
context_free (PentVkContext *self)
{
  if (self->device != VK_NULL_HANDLE)
    {
      vk_pipelines_finish (self);
      vk_memory_finish (self);
      vkDestroySemaphore (self->device, self->timeline, NULL);
      vkDestroyDevice (self->device, NULL);
    }

  g_clear_pointer (&self->physical, vk_device_free);
  vk_instance_finish (&self->instance);
  vk_fault_finish (&self->fault);
  g_free (self);
}

PentVkContext *
vk_context_hold (PentVkContext *self)
{
  g_atomic_int_inc (&self->holds);
  return self;
}

void
vk_context_release (PentVkContext *self)
{
  if (g_atomic_int_dec_and_test (&self->holds))
    context_free (self);
}

PentVkContext *
pent_vk_context_ref (PentVkContext *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_int_inc (&self->refs);
  return self;
}

void
pent_vk_context_unref (PentVkContext *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_int_dec_and_test (&self->refs))
    return;

  vk_context_sweep (self);
  vk_context_release (self);
}

const PentVkInfo *
pent_vk_context_get_info (PentVkContext *self)
{
  return self->physical->info;
}

gboolean
pent_vk_context_check (PentVkContext *self, GError **error)
{
  return vk_fault_report (&self->fault, error);
}

gboolean
pent_vk_context_failed (PentVkContext *self)
{
  return vk_fault_is_set (&self->fault);
}

guint
pent_vk_context_get_n_messages (PentVkContext *self)
{
  return g_atomic_int_get (&self->instance.n_messages);
}

gboolean
vk_context_has (PentVkContext *self, PentVkFeatures features)
{
  return (self->physical->info->features & features) == features;
}

void
vk_context_set_name (PentVkContext *self, VkObjectType type, guint64 handle, const char *name)
{
  VkDebugUtilsObjectNameInfoEXT info = {
    .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
    .objectType = type,
    .objectHandle = handle,
    .pObjectName = name,
  };

  if (self->set_name != NULL)
    self->set_name (self->device, &info);
}

void
pent_vk_context_inject (PentVkContext *self, guint fail_allocation, guint lose_device)
{
  self->fail_allocation = fail_allocation;
  self->lose_device = lose_device;
}

gboolean
vk_inject (guint *countdown)
{
  return *countdown > 0 && --*countdown == 0;
}

guint64
vk_context_submit (PentVkContext *self, VkCommandBuffer buffer)
{
  VkCommandBufferSubmitInfo command = {
    .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
    .commandBuffer = buffer,
  };
  VkSemaphoreSubmitInfo signal = {
    .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
    .semaphore = self->timeline,
    .value = self->submitted + 1,
    .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
  };
  VkSubmitInfo2 info = {
    .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
    .commandBufferInfoCount = 1,
    .pCommandBufferInfos = &command,
    .signalSemaphoreInfoCount = 1,
    .pSignalSemaphoreInfos = &signal,
  };

  if (vk_inject (&self->lose_device))
    VK_AS (&self->fault, "vkQueueSubmit2", VK_ERROR_DEVICE_LOST);
  if (!VK (&self->fault, vkQueueSubmit2, self->queue, 1, &info, VK_NULL_HANDLE))
    return 0;

  return ++self->submitted;
}

gboolean
vk_context_reached (PentVkContext *self, guint64 value)
{
  if (value > self->completed)
    VK (&self->fault, vkGetSemaphoreCounterValue, self->device, self->timeline, &self->completed);

  return value <= self->completed;
}

gboolean
vk_context_wait (PentVkContext *self, guint64 value)
{
  VkSemaphoreWaitInfo info = {
    .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
    .semaphoreCount = 1,
    .pSemaphores = &self->timeline,
    .pValues = &value,
  };

  while (!vk_context_reached (self, value))
    if (!VK (&self->fault, vkWaitSemaphores, self->device, &info, WAIT_SLICE_NS))
      return FALSE;

  return !vk_fault_is_set (&self->fault);
}

gboolean
pent_vk_wait (PentVkContext *context, guint64 value, GError **error)
{
  g_return_val_if_fail (value <= context->submitted, FALSE);

  vk_context_wait (context, value);
  vk_context_sweep (context);
  return vk_fault_report (&context->fault, error);
}

/* With no caller left nobody would sweep again: then everything goes now, and the device is waited for (also a lost
 * one: the specification lets that return at once). */
void
vk_context_sweep (PentVkContext *self)
{
  gboolean last = g_atomic_int_get (&self->refs) == 0;
  PentVkCommand *command;

  vk_context_hold (self);
  if (last && self->device != VK_NULL_HANDLE)
    vkDeviceWaitIdle (self->device);

  while ((command = g_queue_peek_head (&self->retired)) != NULL
         && (last || vk_context_reached (self, vk_command_get_value (command))))
    vk_command_free (g_queue_pop_head (&self->retired));

  if (last)
    g_clear_pointer (&self->staging, pent_vk_buffer_unref);
  vk_context_release (self);
}
