/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-engine.h"

GVariant *
pent_engine_list_devices (GError **error)
{
  static const char *const kinds[] = { "cpu", "integrated", "discrete", "other" };
  g_autoptr (GPtrArray) devices = pent_vk_list_devices (error);
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  if (devices == NULL)
    return NULL;
  for (guint i = 0; i < devices->len; i++)
    {
      const PentVkInfo *info = g_ptr_array_index (devices, i);
      g_autofree char *features = pent_vk_feature_names (info->features);

      g_variant_builder_open (&builder, G_VARIANT_TYPE_VARDICT);
      g_variant_builder_add (&builder, "{sv}", "index", g_variant_new_uint32 (i));
      g_variant_builder_add (&builder, "{sv}", "name", g_variant_new_string (info->name));
      g_variant_builder_add (&builder, "{sv}", "driver", g_variant_new_string (info->driver));
      g_variant_builder_add (&builder, "{sv}", "uuid", g_variant_new_string (info->uuid));
      g_variant_builder_add (&builder, "{sv}", "kind", g_variant_new_string (kinds[info->kind]));
      g_variant_builder_add (&builder, "{sv}", "memory", g_variant_new_uint64 (info->heap_size));
      g_variant_builder_add (&builder, "{sv}", "features", g_variant_new_string (features));
      g_variant_builder_close (&builder);
    }
  return g_variant_builder_end (&builder);
}

GVariant *
pent_engine_describe (const PentOpClass *op)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_auto (GVariantBuilder) params = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (const PentParam *param = op->params; param->name != NULL; param++)
    g_variant_builder_add_value (&params, pent_param_to_variant (param));
  g_variant_builder_add (&builder, "{sv}", "name", g_variant_new_string (op->name));
  g_variant_builder_add (&builder, "{sv}", "label", g_variant_new_string (op->label));
  g_variant_builder_add (&builder, "{sv}", "blurb", g_variant_new_string (op->blurb));
  g_variant_builder_add (&builder, "{sv}", "needs", g_variant_new_uint32 (op->needs));
  g_variant_builder_add (&builder, "{sv}", "params", g_variant_builder_end (&params));
  return g_variant_builder_end (&builder);
}
