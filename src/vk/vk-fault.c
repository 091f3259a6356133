/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-fault.h"

void
vk_fault_init (PentVkFault *self)
{
  g_mutex_init (&self->lock);
  self->error = NULL;
  g_atomic_int_set (&self->failed, FALSE);
}

void
vk_fault_finish (PentVkFault *self)
{
  g_clear_error (&self->error);
  g_mutex_clear (&self->lock);
}

gboolean
vk_fault_is_set (PentVkFault *self)
{
  return g_atomic_int_get (&self->failed);
}

gboolean
vk_fault_report (PentVkFault *self, GError **error)
{
  g_autoptr (GMutexLocker) locker = NULL;

  if (!vk_fault_is_set (self))
    return TRUE;

  locker = g_mutex_locker_new (&self->lock);
  if (error != NULL)
    *error = g_error_copy (self->error);
  return FALSE;
}

static void
remember (PentVkFault *self, GError *error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->error != NULL)
    {
      g_error_free (error);
      return;
    }

  self->error = error;
  g_atomic_int_set (&self->failed, TRUE);
}

void
vk_fault_set (PentVkFault *self, PentError code, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  remember (self, g_error_new_valist (PENT_ERROR, code, format, args));
  va_end (args);
}

void
vk_fault_explain (PentVkFault *self, const char *format, ...)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  g_autofree char *text = NULL;
  g_autofree char *message = NULL;
  va_list args;

  g_assert (self->error != NULL);

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  message = g_steal_pointer (&self->error->message);
  self->error->message = g_strconcat (message, ": ", text, NULL);
}

static const char *
result_name (VkResult result)
{
#define NAME(r) case r: return #r
  switch ((int) result)
    {
      NAME (VK_TIMEOUT);
      NAME (VK_NOT_READY);
      NAME (VK_INCOMPLETE);
      NAME (VK_ERROR_OUT_OF_HOST_MEMORY);
      NAME (VK_ERROR_OUT_OF_DEVICE_MEMORY);
      NAME (VK_ERROR_INITIALIZATION_FAILED);
      NAME (VK_ERROR_DEVICE_LOST);
      NAME (VK_ERROR_MEMORY_MAP_FAILED);
      NAME (VK_ERROR_LAYER_NOT_PRESENT);
      NAME (VK_ERROR_EXTENSION_NOT_PRESENT);
      NAME (VK_ERROR_FEATURE_NOT_PRESENT);
      NAME (VK_ERROR_INCOMPATIBLE_DRIVER);
      NAME (VK_ERROR_TOO_MANY_OBJECTS);
      NAME (VK_ERROR_FRAGMENTED_POOL);
      NAME (VK_ERROR_UNKNOWN);
      NAME (VK_ERROR_OUT_OF_POOL_MEMORY);
      NAME (VK_ERROR_INVALID_EXTERNAL_HANDLE);
      NAME (VK_ERROR_FRAGMENTATION);
      NAME (VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS);
      NAME (VK_ERROR_VALIDATION_FAILED_EXT);
      NAME (VK_ERROR_INVALID_SHADER_NV);
      NAME (VK_ERROR_NOT_PERMITTED_KHR);
    default:
      return NULL;
    }
#undef NAME
}

static PentError
result_code (VkResult result)
{
  switch ((int) result)
    {
    case VK_ERROR_DEVICE_LOST:
      return PENT_ERROR_DEVICE_LOST;
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_TOO_MANY_OBJECTS:
    case VK_ERROR_FRAGMENTED_POOL:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
    case VK_ERROR_FRAGMENTATION:
    case VK_ERROR_MEMORY_MAP_FAILED:
      return PENT_ERROR_MEMORY;
    default:
      return PENT_ERROR_DEVICE;
    }
}

gboolean
vk_fault_check (PentVkFault *self, VkResult result, const char *call, const char *file, int line)
{
  static const char *const sentences[] = {
    [PENT_ERROR_DEVICE] = "The device failed", [PENT_ERROR_DEVICE_LOST] = "The device was lost",
    [PENT_ERROR_MEMORY] = "Memory is exhausted",
  };
  PentError code = result_code (result);
  const char *name;
  char number[32];

  if (result >= 0)
    return TRUE;

  name = result_name (result);
  if (name == NULL)
    g_snprintf (number, sizeof number, "VkResult %d", (int) result);
  vk_fault_set (self, code, "%s: %s returned %s (%s:%d)", sentences[code], call, name ? name : number, file, line);
  return FALSE;
}
