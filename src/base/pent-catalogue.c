/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-catalogue"

#include "config.h"

#include "pent-catalogue.h"

#include <string.h>
#include <sys/stat.h>

#include "pent-error.h"
#include "pent-json.h"

static void
entry_free (gpointer data)
{
  PentModelEntry *entry = data;

  g_free (entry->name);
  g_free (entry->path);
  g_free (entry->family);
  g_free (entry);
}

/* Where models lie, the first to be asked first; NULL-terminated. */
static char **
model_folders (void)
{
  const char *data = g_getenv ("PENT_DATA_DIR");
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  g_strv_builder_take (builder, g_build_filename (data != NULL ? data : PKGDATADIR, "models", NULL));
  g_strv_builder_take (builder, g_build_filename (g_get_user_data_dir (), "pentimento", "models", NULL));
  return g_strv_builder_end (builder);
}

/* What the model says it is: "_class_name" of a pipeline, or the first of a transformer's "architectures". */
static char *
read_family (PentFiles *files)
{
  g_auto (PentJson) json = PENT_JSON_INIT;
  JsonNode *node;

  if (pent_files_has (files, "model_index.json"))
    {
      pent_json_load (&json, files, "model_index.json");
      return g_strdup (pent_json_string (&json, "_class_name", ""));
    }
  if (!pent_files_has (files, "config.json"))
    return g_strdup ("");

  pent_json_load (&json, files, "config.json");
  node = json.object != NULL ? json_object_get_member (json.object, "architectures") : NULL;
  if (node != NULL && JSON_NODE_HOLDS_ARRAY (node) && json_array_get_length (json_node_get_array (node)) > 0)
    {
      node = json_array_get_element (json_node_get_array (node), 0);
      if (json_node_get_value_type (node) == G_TYPE_STRING)
        return json_node_dup_string (node);
    }
  return g_strdup ("");
}

static guint64
sum_sizes (PentFiles *files, const char *path)
{
  const char *const *names = pent_files_get_names (files);
  gboolean folder = g_file_test (path, G_FILE_TEST_IS_DIR);
  guint64 sum = 0;

  for (gsize i = 0; names[i] != NULL; i++)
    {
      g_autofree char *full = folder ? g_build_filename (path, names[i], NULL) : g_strdup (path);
      struct stat info;

      if (stat (full, &info) == 0)
        sum += info.st_size;
    }
  return sum;
}

static void
list_folder (const char *folder, GHashTable *seen, GPtrArray *entries)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_autoptr (PentFiles) files = NULL;
      PentModelEntry *entry;

      if (name[0] == '.' || !g_utf8_validate (name, -1, NULL) || g_hash_table_contains (seen, name))
        continue;
      if (!g_file_test (path, G_FILE_TEST_IS_DIR) && !g_str_has_suffix (name, ".safetensors"))
        continue;
      files = pent_files_new_for_path (path, NULL);
      if (files == NULL)
        continue;

      entry = g_new0 (PentModelEntry, 1);
      entry->name = g_strdup (name);
      entry->path = g_steal_pointer (&path);
      entry->family = read_family (files);
      entry->size = sum_sizes (files, entry->path);
      g_hash_table_add (seen, entry->name);
      g_ptr_array_add (entries, entry);
    }
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(PentModelEntry *const *) a)->name, (*(PentModelEntry *const *) b)->name);
}

GPtrArray *
pent_catalogue_list (void)
{
  g_auto (GStrv) folders = model_folders ();
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *entries = g_ptr_array_new_with_free_func (entry_free);

  for (gsize i = 0; folders[i] != NULL; i++)
    list_folder (folders[i], seen, entries);
  g_ptr_array_sort (entries, compare_entries);
  return entries;
}

/* A name with a slash is a path; any other is looked for in the model folders first, then here. */
static PentFiles *
open_one (const char *name, GError **error)
{
  g_auto (GStrv) folders = NULL;
  g_autofree char *places = NULL;

  if (strchr (name, '/') != NULL)
    return pent_files_new_for_path (name, error);

  folders = model_folders ();
  for (gsize i = 0; folders[i] != NULL; i++)
    {
      g_autofree char *path = g_build_filename (folders[i], name, NULL);

      if (g_file_test (path, G_FILE_TEST_EXISTS))
        return pent_files_new_for_path (path, error);
    }
  if (g_file_test (name, G_FILE_TEST_EXISTS))
    return pent_files_new_for_path (name, error);

  places = g_strjoinv (", ", folders);
  g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "There is no model “%s”: it is neither here nor in %s", name,
               places);
  return NULL;
}

GPtrArray *
pent_catalogue_open (const char *name, GError **error)
{
  g_autoptr (GPtrArray) models = g_ptr_array_new_with_free_func (g_object_unref);
  g_auto (GStrv) parts = NULL;

  g_return_val_if_fail (name != NULL, NULL);

  /* A path may hold a comma itself. */
  if (g_file_test (name, G_FILE_TEST_EXISTS))
    parts = g_strdupv ((char *[]) { (char *) name, NULL });
  else
    parts = g_strsplit (name, ",", 32);
  if (parts[0] == NULL || *parts[0] == '\0')
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "The name of the model is empty");
      return NULL;
    }
  for (gsize i = 0; parts[i] != NULL; i++)
    {
      PentFiles *files = open_one (parts[i], error);

      if (files == NULL)
        return NULL;
      g_ptr_array_add (models, files);
    }
  return g_steal_pointer (&models);
}
