/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-nn-weights.h"

#include <string.h>
#include "nn-weights.h"
#include "pent-error.h"

struct _PentNnWeights {
  gatomicrefcount ref_count;
  char           *label;
  GHashTable     *entries;      /* name -> NnWeightEntry */
  GHashTable     *metadata;
  GPtrArray      *names;        /* sorted; the strings are the entries' */
};

void
nn_weight_entry_free (NnWeightEntry *self)
{
  g_clear_pointer (&self->weight.bytes, g_bytes_unref);
  g_free (self->name);
  g_free (self->stored_name);
  g_clear_pointer (&self->file, g_ref_string_release);
  g_clear_pointer (&self->where, g_ref_string_release);
  g_free (self);
}

char *
nn_shape_to_string (const gint64 *shape, guint n_dims)
{
  GString *text = g_string_new ("[");

  for (guint i = 0; i < n_dims; i++)
    g_string_append_printf (text, "%s%" G_GINT64_FORMAT, i == 0 ? "" : ", ", shape[i]);
  g_string_append_c (text, ']');
  return g_string_free_and_steal (text);
}

/* ---- filling ---- */

gboolean
nn_weights_add (PentNnWeights *self, const char *file, const char *where, const PentNnWeight *weight, GError **error)
{
  NnWeightEntry *entry = g_hash_table_lookup (self->entries, weight->name);

  if (entry != NULL)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL,
                   "The tensor “%s” is both in %s and in %s; remove one of the two files", weight->name, entry->where,
                   where);
      return FALSE;
    }

  entry = g_new0 (NnWeightEntry, 1);
  entry->weight = *weight;
  entry->weight.name = entry->name = g_strdup (weight->name);
  entry->weight.bytes = g_bytes_ref (weight->bytes);
  entry->stored_name = g_strdup (weight->name);
  entry->file = g_ref_string_new_intern (file);
  entry->where = g_ref_string_new_intern (where);
  g_hash_table_insert (self->entries, entry->name, entry);
  return TRUE;
}

void
nn_weights_add_metadata (PentNnWeights *self, const char *name, const char *value)
{
  g_hash_table_insert (self->metadata, g_strdup (name), g_strdup (value));
}

GHashTable *
nn_weights_get_entries (PentNnWeights *self)
{
  return self->entries;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
collect_names (PentNnWeights *self)
{
  g_clear_pointer (&self->names, g_ptr_array_unref);
  self->names = g_hash_table_get_keys_as_ptr_array (self->entries);
  g_ptr_array_sort (self->names, compare_names);
}

void
nn_weights_set_entries (PentNnWeights *self, GHashTable *entries)
{
  g_hash_table_unref (self->entries);
  self->entries = entries;
  collect_names (self);
}

/* ---- opening ---- */

const NnWeightsFormat *
nn_weights_format_for (const char *file)
{
  for (guint i = 0; nn_weights_formats[i] != NULL; i++)
    if (g_str_has_suffix (file, nn_weights_formats[i]->suffix))
      return nn_weights_formats[i];
  return NULL;
}

gboolean
nn_weights_read_file (PentNnWeights *self, PentFiles *files, const char *name, GError **error)
{
  const NnWeightsFormat *format = nn_weights_format_for (name);
  g_autofree char *what = pent_files_describe (files, name);
  g_autoptr (GBytes) map = pent_files_map (files, name, error);

  if (map == NULL)
    return FALSE;
  /* A weight file under another name: its contents decide, and the first format is the one people have. */
  if (format == NULL)
    format = nn_weights_formats[0];
  return format->read (self, name, what, map, error);
}

static gboolean
read_named (PentNnWeights *self, PentFiles *files, const char *const *names, GError **error)
{
  for (guint i = 0; names[i] != NULL; i++)
    {
      gboolean index = g_str_has_suffix (names[i], ".index.json");

      if (!(index ? nn_weights_read_index : nn_weights_read_file) (self, files, names[i], error))
        return FALSE;
    }
  return TRUE;
}

/* The one file among `found` that is the component, or NULL with the error. */
static const char *
choose_file (PentNnWeights *self, GPtrArray *found, GError **error)
{
  static const char *const usual[] = { "model.safetensors", "diffusion_pytorch_model.safetensors" };
  g_autofree char *list = NULL;

  if (found->len == 1)
    return found->pdata[0];
  if (found->len == 0)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "There is no weight file (*.safetensors) in %s", self->label);
      return NULL;
    }

  /* The hub keeps half-precision copies ("model.fp16.safetensors") beside the file everyone means. */
  for (guint i = 0; i < G_N_ELEMENTS (usual); i++)
    for (guint j = 0; j < found->len; j++)
      if (strcmp (found->pdata[j], usual[i]) == 0)
        return found->pdata[j];

  g_ptr_array_add (found, NULL);
  list = g_strjoinv (", ", (char **) found->pdata);
  g_set_error (error, PENT_ERROR, PENT_ERROR_FILE,
               "There are several weight files in %s (%s); name the one to use", self->label, list);
  return NULL;
}

static gboolean
read_found (PentNnWeights *self, PentFiles *files, GError **error)
{
  const char *const *names = pent_files_get_names (files);
  g_autoptr (GPtrArray) found = g_ptr_array_new ();
  const char *name;

  for (guint i = 0; names[i] != NULL; i++)
    if (strchr (names[i], '/') == NULL && g_str_has_suffix (names[i], ".safetensors.index.json"))
      return nn_weights_read_index (self, files, names[i], error);

  for (guint i = 0; names[i] != NULL; i++)
    if (strchr (names[i], '/') == NULL && nn_weights_format_for (names[i]) != NULL)
      g_ptr_array_add (found, (gpointer) names[i]);

  name = choose_file (self, found, error);
  return name != NULL && nn_weights_read_file (self, files, name, error);
}

PentNnWeights *
pent_nn_weights_open (PentFiles *files, const char *const *names, GError **error)
{
  g_autoptr (PentNnWeights) self = g_new0 (PentNnWeights, 1);

  g_return_val_if_fail (PENT_IS_FILES (files), NULL);

  g_atomic_ref_count_init (&self->ref_count);
  self->label = g_strdup (pent_files_get_label (files));
  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) nn_weight_entry_free);
  self->metadata = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  if (!(names != NULL ? read_named (self, files, names, error) : read_found (self, files, error)))
    return NULL;
  collect_names (self);
  return g_steal_pointer (&self);
}

PentNnWeights *
pent_nn_weights_ref (PentNnWeights *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
pent_nn_weights_unref (PentNnWeights *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_clear_pointer (&self->names, g_ptr_array_unref);
  g_clear_pointer (&self->entries, g_hash_table_unref);
  g_clear_pointer (&self->metadata, g_hash_table_unref);
  g_free (self->label);
  g_free (self);
}

/* ---- asking ---- */

const char *
pent_nn_weights_get_label (PentNnWeights *self)
{
  return self->label;
}

GPtrArray *
pent_nn_weights_get_names (PentNnWeights *self)
{
  return self->names;
}

gboolean
pent_nn_weights_has (PentNnWeights *self, const char *name)
{
  return g_hash_table_contains (self->entries, name);
}

const PentNnWeight *
pent_nn_weights_get (PentNnWeights *self, const char *name)
{
  NnWeightEntry *entry = g_hash_table_lookup (self->entries, name);

  return entry != NULL ? &entry->weight : NULL;
}

GHashTable *
pent_nn_weights_get_metadata (PentNnWeights *self)
{
  return self->metadata;
}

const char *
nn_weights_where (PentNnWeights *self)
{
  const char *where = NULL;

  for (guint i = 0; i < self->names->len; i++)
    {
      NnWeightEntry *entry = g_hash_table_lookup (self->entries, self->names->pdata[i]);

      if (where != NULL && strcmp (where, entry->where) != 0)
        return self->label;
      where = entry->where;
    }
  return where != NULL ? where : self->label;
}

char *
nn_weights_describe (PentNnWeights *self, const char *name)
{
  NnWeightEntry *entry = g_hash_table_lookup (self->entries, name);

  if (entry == NULL)
    return g_strdup_printf ("“%s” in %s", name, self->label);
  if (strcmp (entry->name, entry->stored_name) == 0)
    return g_strdup_printf ("“%s” in %s", name, entry->where);
  return g_strdup_printf ("“%s” (“%s” in %s)", name, entry->stored_name, entry->where);
}
