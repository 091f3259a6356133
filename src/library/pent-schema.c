/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-schema"

#include "pent-schema-private.h"

#include <string.h>

#include "pent-error.h"
#include "pent-fields-private.h"

#define HEADER 100                      /* bytes of SQLite's header */
#define N_TABLES 8
/* Up to here looking at every page costs less than a picture takes to load. */
#define SMALL_FILE (8 << 20)

/* ---- versions ----
 * migrations[v] makes version v + 1 of version v, in one transaction with all others.  Never change one that was
 * released: add the next.  tests/data/library keeps a document of every version. */

/* The document's own number, which its copies keep, is the first record "made" about the document itself.
 * revision, parent, record: the truth; rows are added and never changed nor removed, so that seq is also the log from
 *   which another process learns what is new.
 * pixels: the pictures, by the SHA-256 of their pixels; a row goes when only purged revisions use it.
 * picture_use: which revision needs which picture, as its result or as an input that its recipe names.
 * state, label, search: what follows from the truth, for queries.  fate: 0 in view, 1 in the trash, 2 purged. */
static const char version_1[] =
  "CREATE TABLE revision ("
  "  seq INTEGER PRIMARY KEY,"
  "  id BLOB NOT NULL UNIQUE CHECK (length (id) = 32),"
  "  recipe TEXT NOT NULL,"
  "  pixels BLOB CHECK (pixels IS NULL OR length (pixels) = 32)) STRICT;"
  "CREATE TABLE parent ("
  "  child INTEGER NOT NULL REFERENCES revision,"
  "  place INTEGER NOT NULL,"
  "  parent INTEGER NOT NULL REFERENCES revision CHECK (parent < child),"
  "  PRIMARY KEY (child, place)) STRICT, WITHOUT ROWID;"
  "CREATE INDEX parent_by_parent ON parent (parent);"
  "CREATE TABLE record ("
  "  seq INTEGER PRIMARY KEY,"
  "  target BLOB NOT NULL CHECK (length (target) IN (0, 32)),"
  "  field TEXT NOT NULL,"
  "  value TEXT NOT NULL,"
  "  time INTEGER NOT NULL CHECK (time BETWEEN 0 AND 4000000000000000000),"
  "  author TEXT NOT NULL,"
  "  UNIQUE (target, field, time, author, value)) STRICT;"
  "CREATE INDEX record_by_time ON record (time);"
  "CREATE TABLE pixels ("
  "  hash BLOB NOT NULL UNIQUE CHECK (length (hash) = 32),"
  "  width INTEGER NOT NULL,"
  "  height INTEGER NOT NULL,"
  "  thumbnail BLOB NOT NULL,"
  "  png BLOB NOT NULL) STRICT;"
  "CREATE TABLE picture_use ("
  "  pixels BLOB NOT NULL,"
  "  revision INTEGER NOT NULL REFERENCES revision,"
  "  PRIMARY KEY (pixels, revision)) STRICT, WITHOUT ROWID;"
  "CREATE INDEX picture_use_by_revision ON picture_use (revision);"
  "CREATE TABLE state ("
  "  seq INTEGER PRIMARY KEY REFERENCES revision,"
  "  created INTEGER NOT NULL,"
  "  rating INTEGER NOT NULL,"
  "  fate INTEGER NOT NULL,"
  "  op TEXT NOT NULL,"
  "  model TEXT NOT NULL) STRICT;"
  "CREATE INDEX state_by_time ON state (fate, created);"
  "CREATE INDEX state_by_rating ON state (fate, rating, created);"
  "CREATE INDEX state_by_model ON state (model);"
  "CREATE INDEX state_by_op ON state (op);"
  "CREATE TABLE label ("
  "  kind TEXT NOT NULL,"
  "  name TEXT NOT NULL,"
  "  seq INTEGER NOT NULL REFERENCES revision,"
  "  PRIMARY KEY (kind, name, seq)) STRICT, WITHOUT ROWID;"
  "CREATE INDEX label_by_revision ON label (seq);"
  "CREATE VIRTUAL TABLE search USING fts5 (prompt, negative, words, name, tags, model, notes, content='',"
  "  contentless_delete=1, tokenize='unicode61 remove_diacritics 2', prefix='2 3');";

static const char *const migrations[PENT_FORMAT] = { version_1 };

/* In the open transaction. */
static void
migrate (PentSql *sql)
{
  gint64 version;

  /* Another process may have been faster. */
  version = pent_sql_get_int (sql, "PRAGMA user_version", "");
  for (; version < PENT_FORMAT; version++)
    pent_sql_exec (sql, migrations[version]);
  pent_sql_exec (sql, "PRAGMA application_id = " G_STRINGIFY (PENT_APPLICATION_ID));
  pent_sql_exec (sql, "PRAGMA user_version = " G_STRINGIFY (PENT_FORMAT));
}

/* ---- looking before touching ---- */

static guint32
get_uint32 (const guint8 *at)
{
  return (guint32) at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static int
judge_header (PentSql *sql, GError **error)
{
  gint64 size = pent_sql_get_file_size (sql);
  const char *name = pent_sql_get_name (sql);
  guint8 header[HEADER];

  if (size == 0)
    return 0;
  if (size < HEADER || !pent_sql_read_raw (sql, header, HEADER, 0) || memcmp (header, "SQLite format 3", 16) != 0 ||
      get_uint32 (header + 68) != PENT_APPLICATION_ID)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” is not a Pentimento document; it was not touched", name);
      return -1;
    }
  if (get_uint32 (header + 60) > PENT_FORMAT)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” was made by a newer Pentimento (its format is %u, this "
                   "program knows up to %u); it was not touched. Update Pentimento to open it", name,
                   get_uint32 (header + 60), PENT_FORMAT);
      return -1;
    }
  if (get_uint32 (header + 60) == 0)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” is damaged: it says no format; it was not touched", name);
      return -1;
    }
  return (int) get_uint32 (header + 60);
}

int
pent_schema_examine (const char *path, GError **error)
{
  g_autoptr (PentSql) sql = NULL;
  g_autofree char *name = g_path_get_basename (path);

  g_return_val_if_fail (path != NULL, -1);

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "There is no document “%s”", name);
      return -1;
    }
  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” is not a file", name);
      return -1;
    }
  sql = pent_sql_open (path, SQLITE_OPEN_READONLY, error);
  return sql != NULL ? judge_header (sql, error) : -1;
}

/* What the header cannot tell.  Triggers and views are none of ours and would run with every write. */
static void
judge_content (PentSql *sql)
{
  gint64 pages, page_size;

  if (pent_sql_get_int (sql, "SELECT count (*) FROM sqlite_schema WHERE type = 'table' AND name IN ('revision', 'parent',"
                        " 'record', 'pixels', 'picture_use', 'state', 'label', 'search')", "") != N_TABLES ||
      pent_sql_get_int (sql, "SELECT count (*) FROM sqlite_schema WHERE type IN ('trigger', 'view')", "") != 0)
    pent_sql_fail (sql, PENT_ERROR_FILE, "“%s” is not laid out as a Pentimento document; it was not touched",
                   pent_sql_get_name (sql));

  pages = pent_sql_get_int (sql, "PRAGMA page_count", "");
  page_size = pent_sql_get_int (sql, "PRAGMA page_size", "");
  if (!pent_sql_failed (sql) && pages * page_size <= SMALL_FILE)
    {
      g_auto (PentQuery) query = pent_sql_query (sql, "PRAGMA quick_check (1)", "");

      if (pent_query_next (&query) && !g_str_equal (pent_query_text (&query, 0), "ok"))
        pent_sql_fail (sql, PENT_ERROR_FILE, "“%s” is damaged; it was not touched. Restore a copy of it from a backup",
                       pent_sql_get_name (sql));
    }
}

/* ---- opening ---- */

static void
set_up (PentSql *sql)
{
  pent_sql_set_up (sql, "PRAGMA synchronous = EXTRA; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;");
}

static PentSql *
open_existing (const char *path, PentSchemaMode mode, int version, GError **error)
{
  g_autoptr (PentSql) sql = NULL;

  sql = pent_sql_open (path, mode == PENT_SCHEMA_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE, error);
  if (sql == NULL)
    return NULL;
  set_up (sql);
  if (version < PENT_FORMAT && sqlite3_db_readonly (pent_sql_get_handle (sql), "main") == 1)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” is in an older format and may only be read here; copy it to "
                   "where it may be written and open the copy", pent_sql_get_name (sql));
      return NULL;
    }
  if (version < PENT_FORMAT)
    {
      pent_sql_begin (sql);
      migrate (sql);
      if (!pent_sql_commit (sql, error))
        return NULL;
    }
  pent_sql_begin_read (sql);
  judge_content (sql);
  return pent_sql_commit (sql, error) ? g_steal_pointer (&sql) : NULL;
}

/* All in one transaction, so that there is never a file that is not yet a document: setting auto_vacuum writes the first
 * page, and is only possible before it is there, which excludes BEGIN IMMEDIATE. */
static PentSql *
create (const char *path, GError **error)
{
  g_autoptr (PentSql) sql = pent_sql_open (path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
  g_autofree char *uuid = g_uuid_string_random ();

  if (sql == NULL)
    return NULL;
  set_up (sql);
  pent_sql_exec (sql, "PRAGMA page_size = 8192; BEGIN; PRAGMA auto_vacuum = INCREMENTAL;");
  if (pent_sql_get_int (sql, "PRAGMA user_version", "") == 0)
    {
      migrate (sql);
      pent_record_insert (sql, NULL, "made", uuid, g_get_real_time (), "");
    }
  return pent_sql_commit (sql, error) ? g_steal_pointer (&sql) : NULL;
}

/* What a crash while a document was being made left: SQLite takes it back to nothing when it first looks at it. */
static gboolean
is_empty_after_recovery (const char *path)
{
  g_autofree char *journal = g_strconcat (path, "-journal", NULL);
  g_autoptr (PentSql) sql = NULL;

  if (!g_file_test (journal, G_FILE_TEST_EXISTS))
    return FALSE;
  sql = pent_sql_open (path, SQLITE_OPEN_READWRITE, NULL);
  if (sql != NULL)
    pent_sql_get_int (sql, "SELECT count (*) FROM sqlite_schema", "");
  return sql != NULL && pent_sql_check (sql, NULL) && pent_sql_get_file_size (sql) == 0;
}

PentSql *
pent_schema_open (const char *path, PentSchemaMode mode, GError **error)
{
  int version;

  g_return_val_if_fail (path != NULL, NULL);

  if (mode == PENT_SCHEMA_CREATE && !g_file_test (path, G_FILE_TEST_EXISTS))
    return create (path, error);

  version = pent_schema_examine (path, error);
  if (version < 0)
    return NULL;
  if (mode == PENT_SCHEMA_CREATE && (version == 0 || is_empty_after_recovery (path)))
    return create (path, error);
  if (version == 0)
    {
      g_autofree char *name = g_path_get_basename (path);

      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” is empty and not a Pentimento document", name);
      return NULL;
    }
  return open_existing (path, mode, version, error);
}
