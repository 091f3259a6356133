/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-row"

#include "pent-revision-private.h"

#include <string.h>

#include "pent-error.h"

#define MIN_SHORT_ID 4            /* digits */

/* ---- hashes ---- */

gboolean
pent_hash_from_hex (const char *hex, guint8 hash[32])
{
  if (hex == NULL || strlen (hex) != 64)
    return FALSE;
  for (guint i = 0; i < 64; i++)
    if (!g_ascii_isxdigit (hex[i]) || g_ascii_isupper (hex[i]))
      return FALSE;
  for (guint i = 0; i < 32; i++)
    hash[i] = (guint8) (g_ascii_xdigit_value (hex[2 * i]) << 4 | g_ascii_xdigit_value (hex[2 * i + 1]));
  return TRUE;
}

char *
pent_hash_to_hex (const guint8 *hash)
{
  static const char digits[] = "0123456789abcdef";
  char *hex = g_malloc (65);

  for (guint i = 0; i < 32; i++)
    {
      hex[2 * i] = digits[hash[i] >> 4];
      hex[2 * i + 1] = digits[hash[i] & 15];
    }
  hex[64] = '\0';
  return hex;
}

char *
pent_revision_digest (const char *recipe, const char *const *parents, const char *pixels)
{
  g_autoptr (GString) bytes = g_string_new ("pentimento revision 1\n");

  g_string_append_printf (bytes, "recipe %" G_GSIZE_FORMAT "\n%s\n", strlen (recipe), recipe);
  g_string_append_printf (bytes, "parents %u\n", g_strv_length ((char **) parents));
  for (; *parents != NULL; parents++)
    g_string_append_printf (bytes, "%s\n", *parents);
  g_string_append_printf (bytes, "pixels %s\n", pixels != NULL ? pixels : "-");
  return g_compute_checksum_for_string (G_CHECKSUM_SHA256, bytes->str, bytes->len);
}

/* ---- the tables revision, parent, picture_use ---- */

gint64
pent_row_find (PentSql *sql, const char *id)
{
  guint8 hash[32];

  if (!pent_hash_from_hex (id, hash))
    return 0;
  return pent_sql_get_int (sql, "SELECT seq FROM revision WHERE id = ?1", "h", hash);
}

gint64
pent_row_find_short (PentSql *sql, const char *prefix)
{
  char low[65], high[65];
  guint8 first[32], last[32];
  gint64 seq;

  if (strlen (prefix) < MIN_SHORT_ID || strlen (prefix) > 64)
    return 0;
  memset (low, '0', 64);
  memset (high, 'f', 64);
  low[64] = high[64] = '\0';
  memcpy (low, prefix, strlen (prefix));
  memcpy (high, prefix, strlen (prefix));
  if (!pent_hash_from_hex (low, first) || !pent_hash_from_hex (high, last))
    return 0;

  g_auto (PentQuery) query =
    pent_sql_query (sql, "SELECT seq FROM revision WHERE id BETWEEN ?1 AND ?2 LIMIT 2", "hh", first, last);
  if (!pent_query_next (&query))
    return 0;
  seq = pent_query_int (&query, 0);
  return pent_query_next (&query) ? 0 : seq;
}

static char **
load_parents (PentSql *sql, gint64 seq)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (PentQuery) query =
    pent_sql_query (sql, "SELECT revision.id FROM parent JOIN revision ON revision.seq = parent.parent"
                    " WHERE parent.child = ?1 ORDER BY parent.place", "i", seq);

  while (pent_query_next (&query))
    g_strv_builder_take (builder, pent_hash_to_hex (pent_query_hash (&query, 0)));
  return g_strv_builder_end (builder);
}

PentRow *
pent_row_load (PentSql *sql, gint64 seq)
{
  g_autoptr (PentRow) self = NULL;
  g_auto (PentQuery) query =
    pent_sql_query (sql, "SELECT id, recipe, pixels FROM revision WHERE seq = ?1", "i", seq);

  if (!pent_query_next (&query))
    return NULL;
  self = g_new0 (PentRow, 1);
  self->seq = seq;
  self->id = pent_hash_to_hex (pent_query_hash (&query, 0));
  self->recipe = g_strdup (pent_query_text (&query, 1));
  if (pent_query_hash (&query, 2) != NULL)
    self->pixels = pent_hash_to_hex (pent_query_hash (&query, 2));
  self->parents = load_parents (sql, seq);
  return g_steal_pointer (&self);
}

void
pent_row_free (PentRow *self)
{
  if (self == NULL)
    return;
  g_free (self->id);
  g_free (self->recipe);
  g_free (self->pixels);
  g_strfreev (self->parents);
  g_free (self);
}

static void
add_once (GPtrArray *hashes, char *hex)
{
  if (g_ptr_array_find_with_equal_func (hashes, hex, g_str_equal, NULL))
    g_free (hex);
  else
    g_ptr_array_add (hashes, hex);
}

char **
pent_row_list_pictures (const PentRow *row)
{
  g_autoptr (GPtrArray) hashes = g_ptr_array_new_null_terminated (0, g_free, TRUE);

  if (row->pixels != NULL)
    g_ptr_array_add (hashes, g_strdup (row->pixels));
  for (const char *p = row->recipe; (p = strchr (p, '"')) != NULL; p++)
    {
      guint8 hash[32];
      g_autofree char *hex = g_strndup (p + 1, 64);

      if (pent_hash_from_hex (hex, hash) && p[65] == '"')
        add_once (hashes, g_steal_pointer (&hex));
    }
  return (char **) g_ptr_array_free (g_steal_pointer (&hashes), FALSE);
}

static void
insert_parents (PentSql *sql, const PentRow *row, gint64 seq)
{
  for (guint i = 0; row->parents[i] != NULL; i++)
    {
      gint64 parent = pent_row_find (sql, row->parents[i]);

      if (parent == 0)
        pent_sql_fail (sql, PENT_ERROR_INVALID, "The revision %.12s has the parent %.12s, which is not in “%s”", row->id,
                       row->parents[i], pent_sql_get_name (sql));
      pent_sql_run (sql, "INSERT INTO parent (child, place, parent) VALUES (?1, ?2, ?3)", "iii", seq, (gint64) i, parent);
    }
}

static void
insert_uses (PentSql *sql, const PentRow *row, gint64 seq)
{
  g_auto (GStrv) pictures = pent_row_list_pictures (row);

  for (guint i = 0; pictures[i] != NULL; i++)
    {
      guint8 hash[32];

      pent_hash_from_hex (pictures[i], hash);
      pent_sql_run (sql, "INSERT INTO picture_use (pixels, revision) VALUES (?1, ?2)", "hi", hash, seq);
    }
}

gint64
pent_row_insert (PentSql *sql, const PentRow *row)
{
  gint64 seq = pent_row_find (sql, row->id);
  guint8 id[32], pixels[32];

  if (seq != 0)
    return seq;
  g_return_val_if_fail (pent_hash_from_hex (row->id, id), 0);
  g_return_val_if_fail (row->pixels == NULL || pent_hash_from_hex (row->pixels, pixels), 0);

  pent_sql_run (sql, "INSERT INTO revision (id, recipe, pixels) VALUES (?1, ?2, ?3)", "hsh", id, row->recipe,
                row->pixels != NULL ? pixels : NULL);
  seq = sqlite3_last_insert_rowid (pent_sql_get_handle (sql));
  insert_parents (sql, row, seq);
  insert_uses (sql, row, seq);
  return pent_sql_failed (sql) ? 0 : seq;
}
