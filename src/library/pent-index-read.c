/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-index"

#include "pent-index-private.h"

#include <glib/gstdio.h>

#include "pent-error.h"
#include "pent-fields-private.h"
#include "pent-schema-private.h"
#include "pent-state-private.h"

/* Documents only grow, so that what is new in one is what its logs have after the place that was read last.  The mark
 * says what stood at that place: if something else stands there now, it is another file by the same name, and is read
 * from the beginning. */

typedef struct {
  gint64 number;              /* in the index; 0: not there yet */
  gint64 revision, record;    /* of the logs, read up to here */
  char  *mark;
} Known;

static void
known_clear (Known *self)
{
  g_clear_pointer (&self->mark, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Known, known_clear)

static void
find_known (PentSql *index, const char *path, Known *known)
{
  g_auto (PentQuery) query =
    pent_sql_query (index, "SELECT number, seen_revision, seen_record, mark FROM document WHERE path = ?1", "s", path);

  if (!pent_query_next (&query))
    return;
  known->number = pent_query_int (&query, 0);
  known->revision = pent_query_int (&query, 1);
  known->record = pent_query_int (&query, 2);
  known->mark = g_strdup (pent_query_text (&query, 3));
}

static char *
get_mark (PentSql *document, gint64 revision, gint64 record)
{
  g_auto (PentQuery) query =
    pent_sql_query (document, "SELECT coalesce ((SELECT hex (id) FROM revision WHERE seq = ?1), '') || ' ' ||"
                    " coalesce ((SELECT time || ' ' || field || ' ' || author FROM record WHERE seq = ?2), '')", "ii",
                    revision, record);

  return g_strdup (pent_query_next (&query) ? pent_query_text (&query, 0) : "");
}

/* ---- entries ---- */

void
pent_index_forget (PentSql *index, gint64 number)
{
  pent_sql_run (index, "DELETE FROM search WHERE rowid IN (SELECT number FROM entry WHERE document = ?1)", "i", number);
  pent_sql_run (index, "DELETE FROM entry WHERE document = ?1", "i", number);
  pent_sql_run (index, "DELETE FROM document WHERE number = ?1", "i", number);
}

static void
forget_entry (PentSql *index, gint64 document, gint64 seq)
{
  pent_sql_run (index, "DELETE FROM search WHERE rowid IN (SELECT number FROM entry WHERE document = ?1 AND seq = ?2)",
                "ii", document, seq);
  pent_sql_run (index, "DELETE FROM entry WHERE document = ?1 AND seq = ?2", "ii", document, seq);
}

/* Numbers go by time, so that the newest hits come first without sorting all of them: microseconds, good until 2112, and
 * 11 bits that keep apart what was made in the same one. */
static gint64
choose_number (PentSql *index, gint64 created, gint64 document, gint64 seq)
{
  gint64 number = CLAMP (created, 0, (G_GINT64_CONSTANT (1) << 52) - 2) << 11 | ((document * 7919 + seq * 104729) & 0x7ff);

  while (pent_sql_get_int (index, "SELECT count (*) FROM entry WHERE number = ?1", "i", number) > 0)
    number++;
  return number;
}

static void
read_entry (PentSql *index, gint64 number, PentSql *document, gint64 seq)
{
  g_autoptr (PentRow) row = pent_row_load (document, seq);
  g_autoptr (PentFields) fields = NULL;
  g_autoptr (PentRecipe) recipe = NULL;
  g_autofree char *tags = NULL;
  gint64 entry;
  guint8 id[32];

  if (row == NULL || !pent_hash_from_hex (row->id, id))
    return;
  fields = pent_fields_load (document, id);
  recipe = pent_recipe_from_json (row->recipe, NULL);
  forget_entry (index, number, seq);
  if (recipe == NULL || pent_fields_get_fate (fields) != 0)
    return;

  entry = choose_number (index, fields->created, number, seq);
  tags = fields->tags->len > 0 ? g_strjoinv (" ", (char **) fields->tags->pdata) : g_strdup ("");
  pent_sql_run (index, "INSERT INTO entry (number, document, seq, id, created, title) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                "iiihis", entry, number, seq, id, fields->created,
                *fields->name != '\0' ? fields->name : pent_recipe_get_string (recipe, "prompt"));
  pent_sql_run (index, "INSERT INTO search (rowid, prompt, negative, words, name, tags, model, notes)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", "isssssss", entry, pent_recipe_get_string (recipe, "prompt"),
                pent_recipe_get_string (recipe, "negative"), fields->words, fields->name, tags,
                pent_state_model (recipe), fields->notes);
}

static GArray *
list_new (const Known *known, PentSql *document)
{
  GArray *seqs = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_auto (PentQuery) query =
    pent_sql_query (document, "SELECT seq FROM revision WHERE seq > ?1 UNION SELECT revision.seq FROM record"
                    " JOIN revision ON revision.id = record.target WHERE record.seq > ?2", "ii", known->revision,
                    known->record);

  while (pent_query_next (&query))
    {
      gint64 seq = pent_query_int (&query, 0);

      g_array_append_val (seqs, seq);
    }
  return seqs;
}

/* ---- the document ---- */

static GBytes *
choose_cover (PentSql *document)
{
  g_auto (PentQuery) query =
    pent_sql_query (document, "SELECT pixels.thumbnail FROM state JOIN revision ON revision.seq = state.seq"
                    " JOIN pixels ON pixels.hash = revision.pixels WHERE state.fate = 0"
                    " ORDER BY state.rating DESC, state.created DESC LIMIT 1", "");

  return pent_query_next (&query) ? pent_query_bytes (&query, 0) : NULL;
}

static void
write_document (PentSql *index, const Known *known, PentSql *document, const char *path, const GStatBuf *info)
{
  g_autoptr (GBytes) cover = choose_cover (document);
  gint64 revision = pent_sql_get_int (document, "SELECT max (seq) FROM revision", "");
  gint64 record = pent_sql_get_int (document, "SELECT max (seq) FROM record", "");
  g_autofree char *mark = get_mark (document, revision, record);
  g_autofree char *uuid = pent_record_get_first (document, NULL, "made");

  pent_sql_run (index, "UPDATE document SET path = ?2, uuid = ?3, size = ?4, mtime = ?5, seen_revision = ?6, seen_record = ?7,"
                " mark = ?8, n_revisions = ?9, changed = ?10, cover = ?11 WHERE number = ?1", "issiiiisiib",
                known->number, path, uuid != NULL ? uuid : "", (gint64) info->st_size,
                (gint64) info->st_mtim.tv_sec * G_USEC_PER_SEC + info->st_mtim.tv_nsec / 1000, revision, record, mark,
                pent_sql_get_int (document, "SELECT count (*) FROM state WHERE fate = 0", ""),
                pent_sql_get_int (document, "SELECT max (time) FROM record", ""), cover);
}

static gboolean
is_unchanged (PentSql *index, const char *path, const GStatBuf *info)
{
  return pent_sql_get_int (index, "SELECT count (*) FROM document WHERE path = ?1 AND size = ?2 AND mtime = ?3", "sii", path,
                           (gint64) info->st_size,
                           (gint64) info->st_mtim.tv_sec * G_USEC_PER_SEC + info->st_mtim.tv_nsec / 1000) > 0;
}

gboolean
pent_index_read_document (PentSql *index, const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr (PentSql) document = NULL;
  g_auto (Known) known = { 0 };
  g_autoptr (GArray) seqs = NULL;
  g_autofree char *mark = NULL;
  GStatBuf info;

  if (g_stat (path, &info) == 0 && is_unchanged (index, path, &info))
    return TRUE;
  document = pent_schema_open (path, PENT_SCHEMA_READ, error);
  if (document == NULL)
    return FALSE;
  pent_sql_set_cancellable (document, cancellable);

  pent_sql_begin_read (document);
  find_known (index, path, &known);
  mark = get_mark (document, known.revision, known.record);
  if (known.number != 0 && !g_str_equal (mark, known.mark))
    {
      pent_index_forget (index, known.number);
      known_clear (&known);
      known = (Known) { 0 };
    }
  if (known.number == 0)
    {
      pent_sql_run (index, "INSERT INTO document (path) VALUES (?1)", "s", path);
      known.number = sqlite3_last_insert_rowid (pent_sql_get_handle (index));
    }
  seqs = list_new (&known, document);
  write_document (index, &known, document, path, &info);
  if (!pent_sql_commit (document, error))
    return FALSE;
  /* One by one, so that who works on it does not wait; what is newer by now is read again the next time. */
  for (guint i = 0; i < seqs->len && !pent_sql_failed (document) && !pent_sql_failed (index); i++)
    read_entry (index, known.number, document, g_array_index (seqs, gint64, i));
  return pent_sql_check (document, error);
}
