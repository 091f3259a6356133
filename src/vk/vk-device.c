/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "vk-device.h"

/* What no device is used without. */
#define REQUIRED(X) \
  X (core.features, shaderInt64) \
  X (core.features, shaderInt16) \
  X (v11, storageBuffer16BitAccess) \
  X (v12, bufferDeviceAddress) \
  X (v12, timelineSemaphore) \
  X (v12, scalarBlockLayout) \
  X (v13, synchronization2) \
  X (v13, maintenance4) \
  X (v13, subgroupSizeControl) \
  X (v13, computeFullSubgroups)

/* Switched on where they are there, and seen by nobody but the shaders: not worth a name. */
#define WELCOME(X) \
  X (v12, vulkanMemoryModel) \
  X (v12, vulkanMemoryModelDeviceScope) \
  X (v12, shaderSubgroupExtendedTypes)

#define COOPMAT2(X) \
  X (coopmat2, cooperativeMatrixWorkgroupScope) \
  X (coopmat2, cooperativeMatrixFlexibleDimensions) \
  X (coopmat2, cooperativeMatrixReductions) \
  X (coopmat2, cooperativeMatrixConversions) \
  X (coopmat2, cooperativeMatrixPerElementOperations) \
  X (coopmat2, cooperativeMatrixTensorAddressing) \
  X (coopmat2, cooperativeMatrixBlockLoads)

typedef struct {
  VkPhysicalDeviceProperties2                        core;
  VkPhysicalDeviceVulkan11Properties                 v11;
  VkPhysicalDeviceVulkan12Properties                 v12;
  VkPhysicalDeviceVulkan13Properties                 v13;
  VkPhysicalDeviceExternalMemoryHostPropertiesEXT    host;
  VkPhysicalDeviceShaderSMBuiltinsPropertiesNV       sm;
  VkPhysicalDeviceShaderCorePropertiesAMD            amd;
} Properties;

typedef struct {
  VkExtensionProperties *list;
  guint32                n;
} Extensions;

static void
extensions_clear (Extensions *self)
{
  g_free (self->list);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Extensions, extensions_clear)

void
vk_info_free (gpointer data)
{
  PentVkInfo *info = data;

  g_free (info->name);
  g_free (info->driver);
  g_free (info->uuid);
  g_free (info);
}

void
vk_device_free (PentVkDevice *self)
{
  g_clear_pointer (&self->info, vk_info_free);
  g_clear_pointer (&self->extensions, g_ptr_array_unref);
  g_free (self);
}

static gboolean
has_extension (const Extensions *extensions, const char *name)
{
  for (guint i = 0; i < extensions->n; i++)
    if (g_str_equal (extensions->list[i].extensionName, name))
      return TRUE;

  return FALSE;
}

#define CHAIN(head, next, type) G_STMT_START { \
  (next)->sType = (type); (next)->pNext = (head)->pNext; (head)->pNext = (next); } G_STMT_END

static void
chain_features (PentVkDevice *self, gboolean coopmat, gboolean coopmat2)
{
  self->core.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  self->core.pNext = NULL;
  CHAIN (&self->core, &self->v11, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
  CHAIN (&self->core, &self->v12, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  CHAIN (&self->core, &self->v13, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES);
  if (coopmat)
    CHAIN (&self->core, &self->coopmat, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR);
  if (coopmat2)
    CHAIN (&self->core, &self->coopmat2, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV);
}

static void
query_properties (VkPhysicalDevice physical, const Extensions *extensions, Properties *p)
{
  p->core.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  CHAIN (&p->core, &p->v11, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES);
  CHAIN (&p->core, &p->v12, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES);
  CHAIN (&p->core, &p->v13, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES);
  if (has_extension (extensions, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME))
    CHAIN (&p->core, &p->host, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT);
  if (has_extension (extensions, VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME))
    CHAIN (&p->core, &p->sm, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV);
  if (has_extension (extensions, VK_AMD_SHADER_CORE_PROPERTIES_EXTENSION_NAME))
    CHAIN (&p->core, &p->amd, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_PROPERTIES_AMD);

  vkGetPhysicalDeviceProperties2 (physical, &p->core);
}

/* The largest fragment that multiplies f16 into f32 within a subgroup.  Asked only where the extension is there: the
 * loader of Vulkan 1.4.309 crashes on devices without it. */
static gboolean
query_coopmat_shape (VkInstance instance, PentVkDevice *self)
{
  PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR query = (PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)
    vkGetInstanceProcAddr (instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
  g_autofree VkCooperativeMatrixPropertiesKHR *shapes = NULL;
  PentVkInfo *info = self->info;
  guint32 n = 0;

  if (query == NULL || query (self->physical, &n, NULL) < 0)
    return FALSE;

  shapes = g_new0 (VkCooperativeMatrixPropertiesKHR, n + 1);
  for (guint i = 0; i < n; i++)
    shapes[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
  if (query (self->physical, &n, shapes) < 0)
    return FALSE;

  for (guint i = 0; i < n; i++)
    {
      const VkCooperativeMatrixPropertiesKHR *s = &shapes[i];

      if (s->AType != VK_COMPONENT_TYPE_FLOAT16_KHR || s->BType != VK_COMPONENT_TYPE_FLOAT16_KHR
          || s->CType != VK_COMPONENT_TYPE_FLOAT32_KHR || s->ResultType != VK_COMPONENT_TYPE_FLOAT32_KHR
          || s->scope != VK_SCOPE_SUBGROUP_KHR)
        continue;
      if (s->MSize * s->NSize * s->KSize <= info->coop_m * info->coop_n * info->coop_k)
        continue;
      info->coop_m = s->MSize;
      info->coop_n = s->NSize;
      info->coop_k = s->KSize;
    }

  return info->coop_m > 0;
}

/* llvmpipe folds eight subgroup-uniform loads into one vector load, also inside loops; before Mesa 26 a kernel shaped
 * for that takes a minute to compile and runs at a hundredth of the speed. */
static gboolean
has_lanes (const Properties *p)
{
  guint major = 0;

  if (p->v12.driverID != VK_DRIVER_ID_MESA_LLVMPIPE)
    return FALSE;
  if (sscanf (p->v12.driverInfo, "Mesa %u", &major) != 1)
    major = VK_API_VERSION_MAJOR (p->core.properties.driverVersion);

  return major >= 26;
}

static gboolean
has_coopmat2 (const PentVkDevice *self)
{
#define IS_ON(s, f) && self->s.f
  return TRUE COOPMAT2 (IS_ON);
#undef IS_ON
}

static PentVkFeatures
probe_features (VkInstance instance, PentVkDevice *self, const Extensions *extensions, const Properties *p)
{
  PentVkKind kind = self->info->kind;
  gboolean shares_memory = kind == PENT_VK_CPU || kind == PENT_VK_INTEGRATED;
  PentVkFeatures f = 0;

  if (self->v12.shaderFloat16)
    f |= PENT_VK_F16;
  if (self->v12.shaderInt8 && self->v12.storageBuffer8BitAccess)
    f |= PENT_VK_INT8;
  if (self->v13.shaderIntegerDotProduct && p->v13.integerDotProduct4x8BitPackedSignedAccelerated)
    f |= PENT_VK_INT_DOT;
  if ((f & PENT_VK_F16) && self->coopmat.cooperativeMatrix && self->v12.vulkanMemoryModel
      && query_coopmat_shape (instance, self))
    f |= PENT_VK_COOPMAT;
  if ((f & PENT_VK_COOPMAT) && has_coopmat2 (self))
    f |= PENT_VK_COOPMAT2;
  if (has_lanes (p))
    f |= PENT_VK_LANES;
  if (shares_memory && has_extension (extensions, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME))
    f |= PENT_VK_IMPORT;
  if (has_extension (extensions, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME))
    f |= PENT_VK_BUDGET;
  if (shares_memory)
    f |= PENT_VK_MAPPED;

  return f;
}

/* Leaves TRUE in the feature structs exactly what is wanted, and lists the extensions. */
static void
select_features (PentVkDevice *self)
{
  PentVkFeatures f = self->info->features;
  PentVkDevice *on = g_new0 (PentVkDevice, 1);

#define SWITCH_ON(s, feature) on->s.feature = self->s.feature;
  REQUIRED (SWITCH_ON)
  WELCOME (SWITCH_ON)
  if (f & PENT_VK_F16)
    on->v12.shaderFloat16 = TRUE;
  if (f & PENT_VK_INT8)
    on->v12.shaderInt8 = on->v12.storageBuffer8BitAccess = TRUE;
  if (f & PENT_VK_INT_DOT)
    on->v13.shaderIntegerDotProduct = TRUE;
  if (f & PENT_VK_COOPMAT)
    on->coopmat.cooperativeMatrix = TRUE;
  if (f & PENT_VK_COOPMAT2)
    {
      COOPMAT2 (SWITCH_ON)
    }
#undef SWITCH_ON

  self->core = on->core;
  self->v11 = on->v11;
  self->v12 = on->v12;
  self->v13 = on->v13;
  self->coopmat = on->coopmat;
  self->coopmat2 = on->coopmat2;
  g_free (on);
  chain_features (self, (f & PENT_VK_COOPMAT) != 0, (f & PENT_VK_COOPMAT2) != 0);

  self->extensions = g_ptr_array_new ();
  if (f & PENT_VK_COOPMAT)
    g_ptr_array_add (self->extensions, (gpointer) VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
  if (f & PENT_VK_COOPMAT2)
    g_ptr_array_add (self->extensions, (gpointer) VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME);
  if (f & PENT_VK_IMPORT)
    g_ptr_array_add (self->extensions, (gpointer) VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  if (f & PENT_VK_BUDGET)
    g_ptr_array_add (self->extensions, (gpointer) VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
}

static PentVkKind
device_kind (VkPhysicalDeviceType type)
{
  switch (type)
    {
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return PENT_VK_CPU;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return PENT_VK_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return PENT_VK_DISCRETE;
    default:
      return PENT_VK_OTHER;
    }
}

static char *
device_uuid (const Properties *p)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  g_checksum_update (sum, p->v11.deviceUUID, VK_UUID_SIZE);
  g_checksum_update (sum, p->v11.driverUUID, VK_UUID_SIZE);
  g_checksum_update (sum, p->core.properties.pipelineCacheUUID, VK_UUID_SIZE);
  g_checksum_update (sum, (const guchar *) &p->core.properties.driverVersion, sizeof (guint32));
  g_checksum_update (sum, (const guchar *) p->v12.driverInfo, -1);
  return g_strndup (g_checksum_get_string (sum), 32);
}

static guint
count_cores (const Properties *p)
{
  if (p->core.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU)
    return g_get_num_processors ();
  if (p->sm.shaderSMCount > 0)
    return p->sm.shaderSMCount;
  return p->amd.shaderEngineCount * p->amd.shaderArraysPerEngineCount * p->amd.computeUnitsPerShaderArray;
}

static guint64
largest_local_heap (const VkPhysicalDeviceMemoryProperties *memory)
{
  guint64 size = 0;

  for (guint i = 0; i < memory->memoryHeapCount; i++)
    if (memory->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
      size = MAX (size, memory->memoryHeaps[i].size);

  return size;
}

static void
fill_info (PentVkDevice *self, const Properties *p)
{
  const VkPhysicalDeviceLimits *limits = &p->core.properties.limits;
  PentVkInfo *info = self->info;

  info->name = g_strdup (p->core.properties.deviceName);
  info->driver = g_strdup_printf ("%s %s", p->v12.driverName, p->v12.driverInfo);
  info->uuid = device_uuid (p);
  info->kind = device_kind (p->core.properties.deviceType);
  info->vendor_id = p->core.properties.vendorID;
  info->device_id = p->core.properties.deviceID;
  info->api_version = p->core.properties.apiVersion;
  info->subgroup_size = p->v11.subgroupSize;
  info->max_invocations = limits->maxComputeWorkGroupInvocations;
  info->max_shared = limits->maxComputeSharedMemorySize;
  info->cores = count_cores (p);
  info->max_allocation = MIN (p->v11.maxMemoryAllocationSize, p->v13.maxBufferSize);
  info->heap_size = largest_local_heap (&self->memory);
  info->import_alignment = p->host.minImportedHostPointerAlignment;

  self->can_require_subgroup_size = (p->v13.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0;
  info->subgroup_min = self->can_require_subgroup_size ? p->v13.minSubgroupSize : info->subgroup_size;
  info->subgroup_max = self->can_require_subgroup_size ? p->v13.maxSubgroupSize : info->subgroup_size;

  self->properties = p->core.properties;
  self->timestamp_period = limits->timestampPeriod * 1e-9;
  self->max_buffer = p->v13.maxBufferSize;
  memcpy (self->max_groups, limits->maxComputeWorkGroupCount, sizeof self->max_groups);
}

/* A family without graphics if there is one: the desktop stays smooth beside it. */
static gboolean
choose_family (PentVkDevice *self)
{
  g_autofree VkQueueFamilyProperties *families = NULL;
  guint32 n = 0;
  int best = -1;

  vkGetPhysicalDeviceQueueFamilyProperties (self->physical, &n, NULL);
  families = g_new0 (VkQueueFamilyProperties, n + 1);
  vkGetPhysicalDeviceQueueFamilyProperties (self->physical, &n, families);

  for (guint i = 0; i < n; i++)
    {
      if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) || families[i].queueCount == 0)
        continue;
      if (best < 0 || !(families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT))
        best = i;
      if (!(families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT))
        break;
    }

  if (best < 0)
    return FALSE;

  self->family = best;
  self->timestamp_bits = families[best].timestampValidBits;
  return TRUE;
}

/* Names what the device lacks of the required features; free it. */
static char *
list_missing (const PentVkDevice *self)
{
  g_autoptr (GString) missing = g_string_new (NULL);

#define CHECK(s, f) if (!self->s.f) g_string_append_printf (missing, "%s" #f, missing->len > 0 ? ", " : "");
  REQUIRED (CHECK)
#undef CHECK

  return missing->len > 0 ? g_string_free (g_steal_pointer (&missing), FALSE) : NULL;
}

static gboolean
list_extensions (VkPhysicalDevice physical, Extensions *extensions, PentVkFault *fault)
{
  if (!VK (fault, vkEnumerateDeviceExtensionProperties, physical, NULL, &extensions->n, NULL))
    return FALSE;

  extensions->list = g_new0 (VkExtensionProperties, extensions->n + 1);
  return VK (fault, vkEnumerateDeviceExtensionProperties, physical, NULL, &extensions->n, extensions->list);
}

PentVkDevice *
vk_device_probe (VkInstance instance, VkPhysicalDevice physical, char **why, PentVkFault *fault)
{
  g_autoptr (PentVkDevice) self = g_new0 (PentVkDevice, 1);
  g_auto (Extensions) extensions = { 0 };
  g_autofree char *missing = NULL;
  Properties p = { 0 };

  vkGetPhysicalDeviceProperties (physical, &self->properties);
  if (self->properties.apiVersion < VK_API_VERSION_1_3)
    {
      *why = g_strdup_printf ("%s speaks Vulkan %u.%u only", self->properties.deviceName,
                              VK_API_VERSION_MAJOR (self->properties.apiVersion),
                              VK_API_VERSION_MINOR (self->properties.apiVersion));
      return NULL;
    }

  self->physical = physical;
  self->info = g_new0 (PentVkInfo, 1);
  if (!list_extensions (physical, &extensions, fault))
    return NULL;
  chain_features (self, has_extension (&extensions, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME),
                  has_extension (&extensions, VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME));
  vkGetPhysicalDeviceFeatures2 (physical, &self->core);
  vkGetPhysicalDeviceMemoryProperties (physical, &self->memory);
  query_properties (physical, &extensions, &p);
  fill_info (self, &p);

  missing = list_missing (self);
  if (missing != NULL || !choose_family (self))
    {
      *why = g_strdup_printf ("%s lacks %s", self->info->name, missing ? missing : "a compute queue");
      return NULL;
    }

  self->info->features = probe_features (instance, self, &extensions, &p) & ~vk_features_masked ();
  select_features (self);
  return g_steal_pointer (&self);
}
