/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-device.h"

#define VALIDATION_LAYER "VK_LAYER_KHRONOS_validation"

static VKAPI_ATTR VkBool32 VKAPI_CALL
on_message (VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT types,
            const VkDebugUtilsMessengerCallbackDataEXT *data, void *user_data)
{
  PentVkInstance *self = user_data;

  g_atomic_int_inc (&self->n_messages);
  g_critical ("%s", data->pMessage);
  return VK_FALSE;
}

static gboolean
has_layer (PentVkFault *fault, const char *name)
{
  g_autofree VkLayerProperties *layers = NULL;
  guint32 n = 0;

  if (!VK (fault, vkEnumerateInstanceLayerProperties, &n, NULL))
    return FALSE;
  layers = g_new0 (VkLayerProperties, n + 1);
  if (!VK (fault, vkEnumerateInstanceLayerProperties, &n, layers))
    return FALSE;

  for (guint i = 0; i < n; i++)
    if (g_str_equal (layers[i].layerName, name))
      return TRUE;

  return FALSE;
}

static gboolean
want_validation (PentVkFault *fault)
{
  const char *value = g_getenv ("PENT_VK_VALIDATE");

  if (value == NULL || !g_str_equal (value, "1"))
    return FALSE;
  if (has_layer (fault, VALIDATION_LAYER))
    return TRUE;

  g_warning ("PENT_VK_VALIDATE is set and the layer " VALIDATION_LAYER " is not installed");
  return FALSE;
}

static gboolean
create (PentVkInstance *self, PentVkFault *fault, gboolean validate)
{
  static const VkValidationFeatureEnableEXT enables[] = { VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT };
  static const char *const layers[] = { VALIDATION_LAYER };
  static const char *const extensions[] = {
    VK_EXT_DEBUG_UTILS_EXTENSION_NAME, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME,
  };
  VkDebugUtilsMessengerCreateInfoEXT messenger = {
    .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
    .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
    .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
    .pfnUserCallback = on_message,
    .pUserData = self,
  };
  VkValidationFeaturesEXT features = {
    .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
    .pNext = &messenger,
    .enabledValidationFeatureCount = G_N_ELEMENTS (enables),
    .pEnabledValidationFeatures = enables,
  };
  VkApplicationInfo application = {
    .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
    .pApplicationName = "pentimento",
    .apiVersion = VK_API_VERSION_1_3,
  };
  VkInstanceCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
    .pNext = validate ? &features : NULL,
    .pApplicationInfo = &application,
    .enabledLayerCount = validate ? G_N_ELEMENTS (layers) : 0,
    .ppEnabledLayerNames = layers,
    .enabledExtensionCount = validate ? G_N_ELEMENTS (extensions) : 0,
    .ppEnabledExtensionNames = extensions,
  };
  PFN_vkCreateDebugUtilsMessengerEXT create_messenger;

  if (!VK (fault, vkCreateInstance, &info, NULL, &self->instance))
    return FALSE;
  if (!validate)
    return TRUE;

  create_messenger = (PFN_vkCreateDebugUtilsMessengerEXT)
    vkGetInstanceProcAddr (self->instance, "vkCreateDebugUtilsMessengerEXT");
  return VK (fault, create_messenger, self->instance, &messenger, NULL, &self->messenger);
}

gboolean
vk_instance_init (PentVkInstance *self, PentVkFault *fault)
{
  guint32 version = 0;

  if (!VK (fault, vkEnumerateInstanceVersion, &version))
    return FALSE;
  if (version < VK_API_VERSION_1_3)
    {
      vk_fault_set (fault, PENT_ERROR_DEVICE, "The Vulkan loader speaks version %u.%u and 1.3 is needed",
                    VK_API_VERSION_MAJOR (version), VK_API_VERSION_MINOR (version));
      return FALSE;
    }

  return create (self, fault, want_validation (fault));
}

void
vk_instance_finish (PentVkInstance *self)
{
  PFN_vkDestroyDebugUtilsMessengerEXT destroy_messenger;

  if (self->messenger != VK_NULL_HANDLE)
    {
      destroy_messenger = (PFN_vkDestroyDebugUtilsMessengerEXT)
        vkGetInstanceProcAddr (self->instance, "vkDestroyDebugUtilsMessengerEXT");
      destroy_messenger (self->instance, self->messenger, NULL);
    }
  if (self->instance != VK_NULL_HANDLE)
    vkDestroyInstance (self->instance, NULL);
  self->messenger = VK_NULL_HANDLE;
  self->instance = VK_NULL_HANDLE;
}
