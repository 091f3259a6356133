/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-vk-context.h"
#include "vk-fault.h"

G_BEGIN_DECLS

/* A physical device: what it can, and what is to be switched on when a context is made of it. */
typedef struct {
  VkPhysicalDevice                                 physical;
  PentVkInfo                                      *info;
  guint32                                          family;             /* the compute queue family */
  guint                                            timestamp_bits;
  double                                           timestamp_period;   /* seconds a tick */
  guint32                                          max_groups[3];
  guint64                                          max_buffer;
  gboolean                                         can_require_subgroup_size;
  VkPhysicalDeviceProperties                       properties;
  VkPhysicalDeviceMemoryProperties                 memory;
  GPtrArray                                       *extensions;         /* device extensions to enable; static strings */

  /* Linked from core; only what we use is TRUE. */
  VkPhysicalDeviceFeatures2                        core;
  VkPhysicalDeviceVulkan11Features                 v11;
  VkPhysicalDeviceVulkan12Features                 v12;
  VkPhysicalDeviceVulkan13Features                 v13;
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR     coopmat;
  VkPhysicalDeviceCooperativeMatrix2FeaturesNV     coopmat2;
} PentVkDevice;

void          vk_info_free (gpointer info);
void          vk_device_free (PentVkDevice *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentVkDevice, vk_device_free)

/* An instance, and how many validation messages it has given. */
typedef struct {
  VkInstance               instance;
  VkDebugUtilsMessengerEXT messenger;
  gint                     n_messages;    /* atomic */
} PentVkInstance;

/* With the validation layer if PENT_VK_VALIDATE=1.  self must not move while the instance lives. */
gboolean      vk_instance_init (PentVkInstance *self, PentVkFault *fault);
void          vk_instance_finish (PentVkInstance *self);

/* NULL if the device will not do, and `why` then says so in words (free it), or if the fault is set. */
PentVkDevice *vk_device_probe (VkInstance instance, VkPhysicalDevice physical, char **why, PentVkFault *fault);

/* The usable devices, best first (PentVkDevice); at least one, else the fault says what is missing where. */
GPtrArray    *vk_devices_probe (VkInstance instance, PentVkFault *fault);

/* As pent_vk_context_new () takes it; steals the device out of the array.  NULL and PENT_ERROR_INVALID if none fits. */
PentVkDevice *vk_devices_choose (GPtrArray *devices, const char *wanted, GError **error);

/* What PENT_VK_DISABLE masks; warns once about names that mean nothing. */
PentVkFeatures vk_features_masked (void);

G_END_DECLS
