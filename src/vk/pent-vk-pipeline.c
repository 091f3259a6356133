/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-private.h"

#define PUSH_SIZE 128

static guint
pipeline_hash (gconstpointer key)
{
  const PentVkPipeline *self = key;
  guint hash = g_direct_hash (self->shader) ^ self->n_spec;

  for (guint i = 0; i < self->n_spec; i++)
    hash = hash * 0x9e3779b1u + self->spec[i];

  return hash;
}

static gboolean
pipeline_equal (gconstpointer a, gconstpointer b)
{
  const PentVkPipeline *one = a, *other = b;

  return one->shader == other->shader && one->n_spec == other->n_spec
    && memcmp (one->spec, other->spec, one->n_spec * sizeof (guint32)) == 0;
}

gboolean
vk_pipelines_init (PentVkContext *self)
{
  PentVkPipelines *pipelines = &self->pipelines;
  g_autoptr (GBytes) kept = vk_cache_load (self->physical);
  VkPushConstantRange push = { VK_SHADER_STAGE_COMPUTE_BIT, 0, PUSH_SIZE };
  VkPipelineLayoutCreateInfo layout = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
    .pushConstantRangeCount = 1,
    .pPushConstantRanges = &push,
  };
  VkPipelineCacheCreateInfo cache = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
    .initialDataSize = kept != NULL ? g_bytes_get_size (kept) : 0,
    .pInitialData = kept != NULL ? g_bytes_get_data (kept, NULL) : NULL,
  };

  pipelines->table = g_hash_table_new (pipeline_hash, pipeline_equal);
  pipelines->cache_size = cache.initialDataSize;
  return VK (&self->fault, vkCreatePipelineLayout, self->device, &layout, NULL, &pipelines->layout)
    && VK (&self->fault, vkCreatePipelineCache, self->device, &cache, NULL, &pipelines->cache);
}

static void
save_cache (PentVkContext *self)
{
  g_autofree guint8 *data = NULL;
  gsize size = 0;

  if (self->pipelines.cache == VK_NULL_HANDLE
      || !VK (&self->fault, vkGetPipelineCacheData, self->device, self->pipelines.cache, &size, NULL)
      || size == self->pipelines.cache_size)
    return;

  data = g_malloc (size);
  if (VK (&self->fault, vkGetPipelineCacheData, self->device, self->pipelines.cache, &size, data))
    vk_cache_save (self->physical, data, size);
}

void
vk_pipelines_finish (PentVkContext *self)
{
  PentVkPipelines *pipelines = &self->pipelines;
  GHashTableIter iter;
  gpointer key;

  if (pipelines->table == NULL)
    return;

  if (g_hash_table_size (pipelines->table) > 0)
    save_cache (self);

  g_hash_table_iter_init (&iter, pipelines->table);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      PentVkPipeline *pipeline = key;

      vkDestroyPipeline (self->device, pipeline->pipeline, NULL);
      g_free (pipeline);
    }

  g_clear_pointer (&pipelines->table, g_hash_table_unref);
  vkDestroyPipelineCache (self->device, pipelines->cache, NULL);
  vkDestroyPipelineLayout (self->device, pipelines->layout, NULL);
}

static gboolean
build (PentVkContext *context, PentVkPipeline *self, VkShaderModule module)
{
  const PentVkShader *shader = self->shader;
  VkSpecializationMapEntry entries[PENT_VK_MAX_SPEC];
  VkSpecializationInfo spec = {
    .mapEntryCount = self->n_spec,
    .pMapEntries = entries,
    .dataSize = self->n_spec * sizeof (guint32),
    .pData = self->spec,
  };
  /* Kernels for matrix units count subgroups: they get the default size even where a driver would like another. */
  const guint size = shader->subgroup_size > 0 ? shader->subgroup_size
                     : (shader->needs & PENT_VK_COOPMAT) ? context->physical->info->subgroup_size : 0;
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfo subgroup = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
    .requiredSubgroupSize = size,
  };
  gboolean require = size > 0 && context->physical->can_require_subgroup_size;
  VkComputePipelineCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
    .flags = VK_PIPELINE_CREATE_DISPATCH_BASE_BIT,
    .stage = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
      .pNext = require ? &subgroup : NULL,
      .flags = size > 0 ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT : 0,
      .stage = VK_SHADER_STAGE_COMPUTE_BIT,
      .module = module,
      .pName = "main",
      .pSpecializationInfo = &spec,
    },
    .layout = context->pipelines.layout,
  };

  for (guint i = 0; i < self->n_spec; i++)
    entries[i] = (VkSpecializationMapEntry) { i, i * sizeof (guint32), sizeof (guint32) };

  if (!VK (&context->fault, vkCreateComputePipelines, context->device, context->pipelines.cache, 1, &info, NULL,
           &self->pipeline))
    {
      vk_fault_explain (&context->fault, "%s", shader->name);
      return FALSE;
    }

  vk_context_set_name (context, VK_OBJECT_TYPE_PIPELINE, (guint64) self->pipeline, shader->name);
  return TRUE;
}

static gboolean
is_possible (PentVkContext *context, const PentVkShader *shader)
{
  const PentVkInfo *info = context->physical->info;
  PentVkFeatures missing = shader->needs & ~info->features;
  g_autofree char *names = pent_vk_feature_names (missing);
  guint size = shader->subgroup_size;

  if (missing != 0)
    vk_fault_set (&context->fault, PENT_ERROR_UNSUPPORTED, "The kernel %s needs %s, which %s lacks", shader->name,
                  names, info->name);
  else if (size != 0 && (size < info->subgroup_min || size > info->subgroup_max))
    vk_fault_set (&context->fault, PENT_ERROR_UNSUPPORTED, "The kernel %s needs subgroups of %u, and %s has %u to %u",
                  shader->name, size, info->name, info->subgroup_min, info->subgroup_max);
  return !pent_vk_context_failed (context);
}

static void
create (PentVkContext *context, PentVkPipeline *self)
{
  VkShaderModuleCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
    .codeSize = self->shader->code_size,
    .pCode = self->shader->code,
  };
  gint64 begin = g_get_monotonic_time ();
  VkShaderModule module = VK_NULL_HANDLE;

  if (!is_possible (context, self->shader)
      || !VK (&context->fault, vkCreateShaderModule, context->device, &info, NULL, &module))
    return;

  build (context, self, module);
  vkDestroyShaderModule (context->device, module, NULL);
  context->pipelines.seconds += (g_get_monotonic_time () - begin) * 1e-6;
}

PentVkPipeline *
pent_vk_pipeline_get (PentVkContext *context, const PentVkShader *shader, const guint32 *spec, guint n_spec)
{
  PentVkPipeline key = { .shader = shader, .n_spec = n_spec };
  PentVkPipeline *self;

  g_return_val_if_fail (context != NULL && shader != NULL && n_spec <= PENT_VK_MAX_SPEC, NULL);
  g_return_val_if_fail (shader->push_size <= PUSH_SIZE, NULL);

  if (n_spec > 0)
    memcpy (key.spec, spec, n_spec * sizeof (guint32));

  self = g_hash_table_lookup (context->pipelines.table, &key);
  if (self != NULL)
    return self;

  self = g_memdup2 (&key, sizeof key);
  vk_pace_init (&self->pace);
  g_hash_table_add (context->pipelines.table, self);
  create (context, self);
  return self;
}

guint
pent_vk_pipeline_count (PentVkContext *context, double *seconds)
{
  if (seconds != NULL)
    *seconds = context->pipelines.seconds;
  return g_hash_table_size (context->pipelines.table);
}
