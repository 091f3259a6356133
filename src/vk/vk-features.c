/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-device.h"

/* Everything that can be masked.  A feature that stands on others is gone with them. */
static const struct {
  PentVkFeatures feature;
  const char    *name;
  PentVkFeatures needs;
} names[] = {
  { PENT_VK_F16, "f16", 0 },
  { PENT_VK_INT8, "int8", 0 },
  { PENT_VK_INT_DOT, "dot", 0 },
  { PENT_VK_COOPMAT, "coopmat", PENT_VK_F16 },
  { PENT_VK_COOPMAT2, "coopmat2", PENT_VK_COOPMAT },
  { PENT_VK_LANES, "lanes", 0 },
  { PENT_VK_IMPORT, "import", 0 },
  { PENT_VK_BUDGET, "budget", 0 },
  { PENT_VK_MAPPED, "mapped", 0 },
};

char *
pent_vk_feature_names (PentVkFeatures features)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (features & names[i].feature)
      g_string_append_printf (text, "%s%s", text->len > 0 ? "," : "", names[i].name);

  return g_string_free (text, FALSE);
}

static PentVkFeatures
feature_from_name (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (name, names[i].name) == 0)
      return names[i].feature;

  return 0;
}

/* Once for each value: a context and a list of devices ask separately. */
static void
warn_about (const char *value, const char *unknown)
{
  static GMutex lock;
  static char *warned;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&lock);
  g_autofree char *known = NULL;

  if (g_strcmp0 (warned, value) == 0)
    return;

  g_free (warned);
  warned = g_strdup (value);
  known = pent_vk_feature_names (~0);
  g_warning ("PENT_VK_DISABLE names what is not a feature: %s; the features are %s", unknown, known);
}

PentVkFeatures
vk_features_masked (void)
{
  const char *value = g_getenv ("PENT_VK_DISABLE");
  g_auto (GStrv) words = g_strsplit_set (value ? value : "", ", ", -1);
  g_autoptr (GString) unknown = g_string_new (NULL);
  PentVkFeatures masked = 0;

  for (guint i = 0; words[i] != NULL; i++)
    {
      PentVkFeatures feature = feature_from_name (words[i]);

      masked |= feature;
      if (feature == 0 && words[i][0] != '\0')
        g_string_append_printf (unknown, "%s“%s”", unknown->len > 0 ? ", " : "", words[i]);
    }

  if (unknown->len > 0)
    warn_about (value, unknown->str);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (masked & names[i].needs)
      masked |= names[i].feature;

  return masked;
}
