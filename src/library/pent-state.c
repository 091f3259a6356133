/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-state"

#include "pent-state-private.h"

#include <string.h>

const char *
pent_state_model (const PentRecipe *recipe)
{
  const char *name = pent_recipe_get_string (recipe, "model-name");

  return *name != '\0' ? name : pent_recipe_get_string (recipe, "model");
}

gboolean
pent_state_has_words (const char *field)
{
  return g_str_equal (field, "made") || g_str_equal (field, "name") || g_str_equal (field, "notes") ||
         g_str_equal (field, "purged") || g_str_equal (field, "trash") || g_str_has_prefix (field, "tag:");
}

/* ---- search ---- */

static gboolean
has_letter (const char *word)
{
  for (; *word != '\0'; word = g_utf8_next_char (word))
    if (g_unichar_isalnum (g_utf8_get_char (word)))
      return TRUE;
  return FALSE;
}

char *
pent_search_expression (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  g_autoptr (GString) out = g_string_new (NULL);
  g_auto (GStrv) words = NULL;

  for (char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    if (g_unichar_isspace (g_utf8_get_char (p)))
      memset (p, ' ', g_utf8_next_char (p) - p);
  words = g_strsplit (valid, " ", -1);
  for (guint i = 0; words[i] != NULL; i++)
    {
      g_auto (GStrv) parts = NULL;
      g_autofree char *quoted = NULL;

      /* A word of signs alone would be a phrase of nothing, which finds nothing. */
      if (!has_letter (words[i]))
        continue;
      parts = g_strsplit (words[i], "\"", -1);
      quoted = g_strjoinv ("\"\"", parts);
      g_string_append_printf (out, "%s\"%s\"*", out->len > 0 ? " " : "", quoted);
    }
  return out->len > 0 ? g_string_free_and_steal (g_steal_pointer (&out)) : NULL;
}

static void
update_search (PentSql *sql, gint64 seq, const PentRecipe *recipe, const PentFields *fields)
{
  g_autofree char *tags = fields->tags->len > 0 ? g_strjoinv (" ", (char **) fields->tags->pdata) : g_strdup ("");

  if (fields->purged)
    {
      pent_sql_run (sql, "DELETE FROM search WHERE rowid = ?1", "i", seq);
      return;
    }
  pent_sql_run (sql, "INSERT OR REPLACE INTO search (rowid, prompt, negative, words, name, tags, model, notes)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", "isssssss", seq, pent_recipe_get_string (recipe, "prompt"),
                pent_recipe_get_string (recipe, "negative"), fields->words, fields->name, tags,
                pent_state_model (recipe), fields->notes);
}

/* ---- state, label ---- */

static void
update_labels (PentSql *sql, gint64 seq, const char *kind, GPtrArray *names)
{
  for (guint i = 0; i < names->len; i++)
    pent_sql_run (sql, "INSERT INTO label (kind, name, seq) VALUES (?1, ?2, ?3)", "ssi", kind,
                  g_ptr_array_index (names, i), seq);
}

int
pent_state_update (PentSql *sql, gint64 seq, gboolean words)
{
  g_autoptr (PentRow) row = pent_row_load (sql, seq);
  g_autoptr (PentFields) fields = NULL;
  g_autoptr (PentRecipe) recipe = NULL;
  guint8 id[32];
  int fate;

  if (row == NULL)
    return 0;
  pent_hash_from_hex (row->id, id);
  fields = pent_fields_load (sql, id);
  fate = pent_fields_get_fate (fields);
  recipe = pent_recipe_from_json (row->recipe, NULL);
  if (recipe == NULL)
    recipe = pent_recipe_new ("unknown");

  pent_sql_run (sql, "INSERT OR REPLACE INTO state (seq, created, rating, fate, op, model) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                "iiiiss", seq, fields->created, (gint64) fields->rating, (gint64) fate, pent_recipe_get_op (recipe),
                pent_state_model (recipe));
  pent_sql_run (sql, "DELETE FROM label WHERE seq = ?1", "i", seq);
  update_labels (sql, seq, "tag", fields->tags);
  update_labels (sql, seq, "flag", fields->flags);
  if (words)
    update_search (sql, seq, recipe, fields);
  return fate;
}
