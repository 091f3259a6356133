/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-device.h"

/* Listing the devices of the machine, and choosing one by what the user typed. */

static int
compare_kind (gconstpointer a, gconstpointer b)
{
  static const int rank[] = {
    [PENT_VK_DISCRETE] = 0, [PENT_VK_INTEGRATED] = 1, [PENT_VK_OTHER] = 2, [PENT_VK_CPU] = 3,
  };
  const PentVkDevice *one = *(PentVkDevice *const *) a, *other = *(PentVkDevice *const *) b;

  return rank[one->info->kind] - rank[other->info->kind];
}

GPtrArray *
vk_devices_probe (VkInstance instance, PentVkFault *fault)
{
  g_autoptr (GPtrArray) devices = g_ptr_array_new_with_free_func ((GDestroyNotify) vk_device_free);
  g_autoptr (GString) reasons = g_string_new (NULL);
  g_autofree VkPhysicalDevice *list = NULL;
  guint32 n = 0;

  if (!VK (fault, vkEnumeratePhysicalDevices, instance, &n, NULL))
    return NULL;
  list = g_new0 (VkPhysicalDevice, n + 1);
  if (!VK (fault, vkEnumeratePhysicalDevices, instance, &n, list))
    return NULL;

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *why = NULL;
      PentVkDevice *device = vk_device_probe (instance, list[i], &why, fault);

      if (vk_fault_is_set (fault))
        return NULL;
      if (device != NULL)
        g_ptr_array_add (devices, device);
      else
        g_string_append_printf (reasons, "; %s", why);
    }

  if (devices->len == 0)
    {
      vk_fault_set (fault, PENT_ERROR_DEVICE, "There is no device that speaks Vulkan 1.3 with what is needed%s",
                    reasons->str);
      return NULL;
    }

  g_ptr_array_sort (devices, compare_kind);      /* stable since GLib 2.32 */
  return g_steal_pointer (&devices);
}

static gboolean
matches (const PentVkDevice *self, const char *wanted)
{
  g_autofree char *name = NULL;
  g_autofree char *part = NULL;

  if (g_ascii_strcasecmp (wanted, "cpu") == 0)
    return self->info->kind == PENT_VK_CPU;
  if (g_ascii_strcasecmp (wanted, "gpu") == 0)
    return self->info->kind != PENT_VK_CPU;

  name = g_utf8_casefold (self->info->name, -1);
  part = g_utf8_casefold (wanted, -1);
  return strstr (name, part) != NULL;
}

static PentVkDevice *
refuse (GPtrArray *devices, const char *wanted, GError **error)
{
  g_autoptr (GString) list = g_string_new (NULL);

  for (guint i = 0; i < devices->len; i++)
    {
      const PentVkDevice *device = g_ptr_array_index (devices, i);

      g_string_append_printf (list, "%s%u “%s”", i > 0 ? ", " : "", i, device->info->name);
    }

  g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "There is no device “%s”; the devices are %s", wanted, list->str);
  return NULL;
}

PentVkDevice *
vk_devices_choose (GPtrArray *devices, const char *wanted, GError **error)
{
  guint64 index;

  if (wanted == NULL || *wanted == '\0')
    wanted = g_getenv ("PENT_DEVICE");
  if (wanted == NULL || *wanted == '\0')
    return g_ptr_array_steal_index (devices, 0);

  if (!g_utf8_validate (wanted, -1, NULL))
    return refuse (devices, "�", error);
  if (g_ascii_string_to_unsigned (wanted, 10, 0, devices->len - 1, &index, NULL))
    return g_ptr_array_steal_index (devices, index);

  for (guint i = 0; i < devices->len; i++)
    if (matches (g_ptr_array_index (devices, i), wanted))
      return g_ptr_array_steal_index (devices, i);

  return refuse (devices, wanted, error);
}

GPtrArray *
pent_vk_list_devices (GError **error)
{
  g_autoptr (GPtrArray) infos = g_ptr_array_new_with_free_func (vk_info_free);
  g_autoptr (GPtrArray) devices = NULL;
  PentVkInstance instance = { 0 };
  PentVkFault fault;

  vk_fault_init (&fault);
  if (vk_instance_init (&instance, &fault))
    devices = vk_devices_probe (instance.instance, &fault);

  for (guint i = 0; devices != NULL && i < devices->len; i++)
    {
      PentVkDevice *device = g_ptr_array_index (devices, i);

      g_ptr_array_add (infos, g_steal_pointer (&device->info));
    }

  vk_instance_finish (&instance);
  if (!vk_fault_report (&fault, error))
    g_clear_pointer (&infos, g_ptr_array_unref);
  vk_fault_finish (&fault);
  return g_steal_pointer (&infos);
}
