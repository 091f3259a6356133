/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-weights.h"

#include <string.h>
#include "pent-error.h"

#define MAX_STARS 8

typedef struct {
  const char *text;
  gsize       length;
} Run;

/* Matches name against pattern; runs gets what each '*' took, the shortest that fits first. */
static gboolean
match (const char *pattern, const char *name, Run *runs)
{
  for (; *pattern != '\0' && *pattern != '*'; pattern++, name++)
    if (*pattern != *name)
      return FALSE;
  if (*pattern == '\0')
    return *name == '\0';

  for (gsize length = 0;; length++)
    {
      if (match (pattern + 1, name + length, runs + 1))
        {
          *runs = (Run) { name, length };
          return TRUE;
        }
      if (name[length] == '\0')
        return FALSE;
    }
}

static guint
count_stars (const char *pattern)
{
  guint n = 0;

  for (; *pattern != '\0'; pattern++)
    n += *pattern == '*';
  return n;
}

static char *
substitute (const char *to, const Run *runs)
{
  GString *name = g_string_new (NULL);

  for (; *to != '\0'; to++)
    if (*to == '*')
      {
        g_string_append_len (name, runs->text, runs->length);
        runs++;
      }
    else
      g_string_append_c (name, *to);
  return g_string_free_and_steal (name);
}

/* The part of entry that rule names, or all of it, under the new name; NULL with the error. */
static NnWeightEntry *
make_part (PentNnWeights *self, NnWeightEntry *entry, const PentNnRename *rule, const Run *runs, GError **error)
{
  guint parts = MAX (rule->parts, 1);
  NnWeightEntry *part;
  gsize size;

  if (parts > 1 && (entry->weight.n_dims == 0 || entry->weight.shape[0] % parts != 0))
    {
      g_autofree char *what = nn_weights_describe (self, entry->name);
      g_autofree char *shape = nn_shape_to_string (entry->weight.shape, entry->weight.n_dims);

      g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL,
                   "The tensor %s has shape %s, whose first axis cannot be cut in %u equal parts", what, shape, parts);
      return NULL;
    }

  part = g_new0 (NnWeightEntry, 1);
  part->weight = entry->weight;
  part->name = substitute (rule->to, runs);
  part->stored_name = g_strdup (entry->stored_name);
  part->file = g_ref_string_acquire (entry->file);
  part->where = g_ref_string_acquire (entry->where);
  part->weight.name = part->name;
  if (parts > 1)
    part->weight.shape[0] /= parts;
  /* Rows lie one after the other: a part of the first axis is a run of bytes. */
  size = g_bytes_get_size (entry->weight.bytes) / parts;
  part->weight.bytes = g_bytes_new_from_bytes (entry->weight.bytes, rule->part * size, size);
  return part;
}

static gboolean
insert (PentNnWeights *self, GHashTable *renamed, NnWeightEntry *entry, GError **error)
{
  NnWeightEntry *other = g_hash_table_lookup (renamed, entry->name);

  if (other != NULL)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL,
                   "Two tensors of %s are both “%s”: “%s” in %s and “%s” in %s", pent_nn_weights_get_label (self),
                   entry->name, other->stored_name, other->where, entry->stored_name, entry->where);
      nn_weight_entry_free (entry);
      return FALSE;
    }
  g_hash_table_insert (renamed, entry->name, entry);
  return TRUE;
}

static gboolean
apply (PentNnWeights *self, GHashTable *renamed, NnWeightEntry *entry, const PentNnRename *rule, const Run *runs,
       GError **error)
{
  NnWeightEntry *part;

  if (rule->to == NULL)
    return TRUE;
  part = make_part (self, entry, rule, runs, error);
  return part != NULL && insert (self, renamed, part, error);
}

static gboolean
rename_entry (PentNnWeights *self, GHashTable *renamed, NnWeightEntry *entry, const PentNnRename *rules, GError **error)
{
  static const PentNnRename keep = { "*", "*" };
  const PentNnRename *first = rules;
  Run runs[MAX_STARS];

  while (first->from != NULL && !match (first->from, entry->name, runs))
    first++;
  if (first->from == NULL)
    {
      runs[0] = (Run) { entry->name, strlen (entry->name) };
      return apply (self, renamed, entry, &keep, runs, error);
    }
  if (first->parts <= 1)
    return apply (self, renamed, entry, first, runs, error);

  for (const PentNnRename *rule = first; rule->from != NULL; rule++)
    if (strcmp (rule->from, first->from) == 0 && !apply (self, renamed, entry, rule, runs, error))
      return FALSE;
  return TRUE;
}

static void
check_rules (const PentNnRename *rules)
{
  for (; rules->from != NULL; rules++)
    {
      g_assert (count_stars (rules->from) <= MAX_STARS);
      g_assert (rules->to == NULL || count_stars (rules->to) <= count_stars (rules->from));
      g_assert (rules->part < MAX (rules->parts, 1));
    }
}

gboolean
pent_nn_weights_rename (PentNnWeights *self, const PentNnRename *rules, GError **error)
{
  GHashTable *entries = nn_weights_get_entries (self);
  g_autoptr (GHashTable) renamed = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
                                                          (GDestroyNotify) nn_weight_entry_free);
  GPtrArray *names = pent_nn_weights_get_names (self);

  check_rules (rules);
  /* In the order of names, so that a message does not depend on the hash. */
  for (guint i = 0; i < names->len; i++)
    if (!rename_entry (self, renamed, g_hash_table_lookup (entries, names->pdata[i]), rules, error))
      return FALSE;

  nn_weights_set_entries (self, g_steal_pointer (&renamed));
  return TRUE;
}
