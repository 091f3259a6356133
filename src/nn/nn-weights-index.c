/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-weights.h"

#include <string.h>
#include "nn-json.h"
#include "pent-error.h"

/* "model.safetensors.index.json": { "metadata": …, "weight_map": { TENSOR: FILE } }, files beside the index. */

#define MAX_INDEX (100u * 1000 * 1000)
#define MAX_DEPTH 8

static JsonNode *
parse_index (PentFiles *files, const char *name, const char *what, GError **error)
{
  g_autoptr (GBytes) map = pent_files_map (files, name, error);
  gsize size;
  const char *text;

  if (map == NULL)
    return NULL;
  text = g_bytes_get_data (map, &size);
  if (size > MAX_INDEX)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "%s is too large to be an index of weight files", what);
      return NULL;
    }
  return nn_json_parse (text, size, MAX_DEPTH, what, error);
}

static JsonObject *
find_weight_map (JsonNode *root, const char *what, GError **error)
{
  JsonNode *map = json_object_get_member (json_node_get_object (root), "weight_map");
  JsonObjectIter iter;
  const char *tensor;
  JsonNode *file;

  if (map == NULL || !JSON_NODE_HOLDS_OBJECT (map))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "%s is damaged: “weight_map” is missing or not an object", what);
      return NULL;
    }

  json_object_iter_init (&iter, json_node_get_object (map));
  while (json_object_iter_next (&iter, &tensor, &file))
    if (!JSON_NODE_HOLDS_VALUE (file) || json_node_get_value_type (file) != G_TYPE_STRING)
      {
        g_set_error (error, PENT_ERROR, PENT_ERROR_FILE,
                     "%s is damaged: “weight_map” does not give a file name for tensor “%s”", what, tensor);
        return NULL;
      }
  return json_node_get_object (map);
}

/* The shard's name within the set: beside the index. */
static char *
shard_path (const char *index, const char *shard)
{
  g_autofree char *folder = g_path_get_dirname (index);

  return strcmp (folder, ".") == 0 ? g_strdup (shard) : g_build_filename (folder, shard, NULL);
}

static gboolean
read_shards (PentNnWeights *self, PentFiles *files, const char *name, const char *what, JsonObject *map, GError **error)
{
  g_autoptr (GHashTable) done = g_hash_table_new (g_str_hash, g_str_equal);
  JsonObjectIter iter;
  const char *tensor;
  JsonNode *node;

  json_object_iter_init (&iter, map);
  while (json_object_iter_next (&iter, &tensor, &node))
    {
      const char *shard = json_node_get_string (node);
      g_autofree char *path = shard_path (name, shard);

      if (!g_hash_table_add (done, (gpointer) shard))
        continue;
      if (!pent_files_has (files, path))
        {
          g_set_error (error, PENT_ERROR, PENT_ERROR_FILE,
                       "%s is missing: %s says that tensor “%s” is in it; download it too", shard, what, tensor);
          return FALSE;
        }
      if (!nn_weights_read_file (self, files, path, error))
        return FALSE;
    }
  return TRUE;
}

/* Every tensor of the map is there, and in its shard.  Tensors that the map forgets do no harm. */
static gboolean
check_places (PentNnWeights *self, const char *name, const char *what, JsonObject *map, GError **error)
{
  JsonObjectIter iter;
  const char *tensor;
  JsonNode *node;

  json_object_iter_init (&iter, map);
  while (json_object_iter_next (&iter, &tensor, &node))
    {
      NnWeightEntry *entry = g_hash_table_lookup (nn_weights_get_entries (self), tensor);
      g_autofree char *path = shard_path (name, json_node_get_string (node));

      if (entry == NULL)
        g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL,
                     "The tensor “%s” is missing: %s says that it is in %s, and it is not; download that file again",
                     tensor, what, path);
      else if (strcmp (entry->file, path) != 0)
        g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL,
                     "The tensor “%s” is in %s, and %s says that it is in %s; the files are not of one model", tensor,
                     entry->where, what, path);
      else
        continue;
      return FALSE;
    }
  return TRUE;
}

gboolean
nn_weights_read_index (PentNnWeights *self, PentFiles *files, const char *name, GError **error)
{
  g_autofree char *what = pent_files_describe (files, name);
  g_autoptr (JsonNode) root = parse_index (files, name, what, error);
  JsonObject *map;

  if (root == NULL)
    return FALSE;
  map = find_weight_map (root, what, error);
  return map != NULL && read_shards (self, files, name, what, map, error) &&
         check_places (self, name, what, map, error);
}
