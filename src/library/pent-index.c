/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-index"

#include "pent-index.h"

#include <unistd.h>

#include <glib/gstdio.h>

#include "pent-error.h"
#include "pent-fields-private.h"
#include "pent-index-private.h"
#include "pent-revision-private.h"
#include "pent-schema-private.h"
#include "pent-state-private.h"

#define VERSION 1
#define MAX_DEPTH 3
#define MAX_DOCUMENTS 10000

/* A cache may keep a write-ahead log, so that searching never waits for refreshing. */
struct _PentIndex {
  GObject  parent_instance;
  char    *path;
  PentSql *reader;
  PentSql *writer;
  GMutex   reader_lock;
  GMutex   writer_lock;
};

G_DEFINE_FINAL_TYPE (PentIndex, pent_index, G_TYPE_OBJECT)

static const char tables[] =
  "CREATE TABLE document ("
  "  number INTEGER PRIMARY KEY,"
  "  path TEXT NOT NULL UNIQUE,"
  "  uuid TEXT NOT NULL DEFAULT '',"
  "  size INTEGER NOT NULL DEFAULT -1,"
  "  mtime INTEGER NOT NULL DEFAULT 0,"
  "  seen_revision INTEGER NOT NULL DEFAULT 0,"
  "  seen_record INTEGER NOT NULL DEFAULT 0,"
  "  mark TEXT NOT NULL DEFAULT '',"
  "  n_revisions INTEGER NOT NULL DEFAULT 0,"
  "  changed INTEGER NOT NULL DEFAULT 0,"
  "  opened INTEGER NOT NULL DEFAULT 0,"
  "  cover BLOB) STRICT;"
  "CREATE TABLE entry ("
  "  number INTEGER PRIMARY KEY,"
  "  document INTEGER NOT NULL REFERENCES document,"
  "  seq INTEGER NOT NULL,"
  "  id BLOB NOT NULL,"
  "  created INTEGER NOT NULL,"
  "  title TEXT NOT NULL,"
  "  UNIQUE (document, seq)) STRICT;"
  "CREATE VIRTUAL TABLE search USING fts5 (prompt, negative, words, name, tags, model, notes, content='',"
  "  contentless_delete=1, tokenize='unicode61 remove_diacritics 2', prefix='2 3');"
  "PRAGMA user_version = " G_STRINGIFY (VERSION) ";";

/* ---- object ---- */

static void
remove_files (const char *path)
{
  g_autofree char *log = g_strconcat (path, "-wal", NULL);
  g_autofree char *memory = g_strconcat (path, "-shm", NULL);

  g_unlink (path);
  g_unlink (log);
  g_unlink (memory);
}

static void
pent_index_finalize (GObject *object)
{
  PentIndex *self = PENT_INDEX (object);
  gboolean damaged = (self->reader != NULL && pent_sql_is_damaged (self->reader)) ||
                     (self->writer != NULL && pent_sql_is_damaged (self->writer));

  g_clear_pointer (&self->reader, pent_sql_close);
  g_clear_pointer (&self->writer, pent_sql_close);
  if (damaged)
    remove_files (self->path);
  g_mutex_clear (&self->reader_lock);
  g_mutex_clear (&self->writer_lock);
  g_clear_pointer (&self->path, g_free);
  G_OBJECT_CLASS (pent_index_parent_class)->finalize (object);
}

static void
pent_index_class_init (PentIndexClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = pent_index_finalize;
}

static void
pent_index_init (PentIndex *self)
{
  g_mutex_init (&self->reader_lock);
  g_mutex_init (&self->writer_lock);
}

/* ---- opening ---- */

static PentSql *
try_open (const char *path, GError **error)
{
  g_autoptr (PentSql) sql = pent_sql_open (path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
  gint64 version;

  if (sql == NULL)
    return NULL;
  pent_sql_exec (sql, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
  pent_sql_begin (sql);
  version = pent_sql_get_int (sql, "PRAGMA user_version", "");
  if (version == 0)
    pent_sql_exec (sql, tables);
  else if (version != VERSION)
    pent_sql_fail (sql, PENT_ERROR_FILE, "The index is of version %" G_GINT64_FORMAT, version);
  return pent_sql_commit (sql, error) ? g_steal_pointer (&sql) : NULL;
}

PentIndex *
pent_index_open (const char *path, GError **error)
{
  g_autoptr (PentIndex) self = g_object_new (PENT_TYPE_INDEX, NULL);
  g_autofree char *folder = NULL;

  self->path = path != NULL ? g_strdup (path) : g_build_filename (g_get_user_cache_dir (), "pentimento", "index", NULL);
  folder = g_path_get_dirname (self->path);
  g_mkdir_with_parents (folder, 0700);

  self->writer = try_open (self->path, NULL);
  if (self->writer == NULL)
    {
      g_message ("The index over the documents is made anew");
      remove_files (self->path);
      self->writer = try_open (self->path, error);
    }
  if (self->writer != NULL)
    self->reader = pent_sql_open (self->path, SQLITE_OPEN_READWRITE, error);
  return self->reader != NULL ? g_steal_pointer (&self) : NULL;
}

/* ---- finding documents ---- */

static void
find_in (GHashTable *paths, const char *place, guint depth)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;

  if (g_hash_table_size (paths) >= MAX_DOCUMENTS)
    return;
  if (g_file_test (place, G_FILE_TEST_IS_REGULAR) && g_str_has_suffix (place, PENT_INDEX_SUFFIX))
    g_hash_table_add (paths, g_canonicalize_filename (place, NULL));
  dir = depth > 0 ? g_dir_open (place, 0, NULL) : NULL;
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (place, name, NULL);

      if (*name != '.')
        find_in (paths, path, depth - 1);
    }
}

/* What the index knew and is gone now: number and uuid. */
static GHashTable *
list_missing (PentSql *sql)
{
  GHashTable *missing = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_auto (PentQuery) query = pent_sql_query (sql, "SELECT number, path, uuid FROM document", "");

  while (pent_query_next (&query))
    {
      gint64 number = pent_query_int (&query, 0);

      if (!g_file_test (pent_query_text (&query, 1), G_FILE_TEST_EXISTS))
        g_hash_table_insert (missing, g_strdup (pent_query_text (&query, 2)), g_memdup2 (&number, sizeof number));
    }
  return missing;
}

static char *
read_uuid (const char *path)
{
  g_autoptr (PentSql) document = pent_schema_open (path, PENT_SCHEMA_READ, NULL);

  return document != NULL ? pent_record_get_first (document, NULL, "made") : NULL;
}

/* A path that is new, with the number of a document that is missing, is that document at another place. */
static void
follow_moves (PentSql *sql, GHashTable *paths, GHashTable *missing)
{
  GHashTableIter iter;
  gpointer path;

  g_hash_table_iter_init (&iter, paths);
  while (g_hash_table_size (missing) > 0 && g_hash_table_iter_next (&iter, &path, NULL))
    {
      g_autofree char *uuid = NULL;
      gint64 *number;

      if (pent_sql_get_int (sql, "SELECT count (*) FROM document WHERE path = ?1", "s", path) > 0)
        continue;
      uuid = read_uuid (path);
      number = uuid != NULL ? g_hash_table_lookup (missing, uuid) : NULL;
      if (number == NULL)
        continue;
      pent_sql_run (sql, "UPDATE document SET path = ?2, size = -1 WHERE number = ?1", "is", *number, path);
      g_hash_table_remove (missing, uuid);
    }
}

static void
forget_missing (PentSql *sql, GHashTable *missing)
{
  GHashTableIter iter;
  gpointer number;

  g_hash_table_iter_init (&iter, missing);
  while (g_hash_table_iter_next (&iter, NULL, &number))
    pent_index_forget (sql, *(gint64 *) number);
}

static void
add_known (PentSql *sql, GHashTable *paths)
{
  g_auto (PentQuery) query = pent_sql_query (sql, "SELECT path FROM document", "");

  while (pent_query_next (&query))
    g_hash_table_add (paths, g_strdup (pent_query_text (&query, 0)));
}

/* ---- refreshing ---- */

/* One transaction for one document, so that others can write in between. */
static gboolean
add_document (PentIndex *self, const char *path, GError **document_error, GCancellable *cancellable, GError **error)
{
  gboolean read;

  pent_sql_begin (self->writer);
  read = pent_index_read_document (self->writer, path, cancellable, document_error);
  if (!read)
    {
      pent_sql_rollback (self->writer);
      return TRUE;
    }
  return pent_sql_commit (self->writer, error);
}

gboolean
pent_index_refresh (PentIndex *self, const char *const *places, GCancellable *cancellable, GError **error)
{
  g_autoptr (GHashTable) paths = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) missing = NULL;
  g_autoptr (GMutexLocker) locker = NULL;
  GHashTableIter iter;
  gpointer path;

  g_return_val_if_fail (PENT_IS_INDEX (self), FALSE);

  for (; places != NULL && *places != NULL; places++)
    find_in (paths, *places, MAX_DEPTH);

  locker = g_mutex_locker_new (&self->writer_lock);
  pent_sql_begin (self->writer);
  missing = list_missing (self->writer);
  follow_moves (self->writer, paths, missing);
  forget_missing (self->writer, missing);
  add_known (self->writer, paths);
  if (!pent_sql_commit (self->writer, error))
    return FALSE;

  g_hash_table_iter_init (&iter, paths);
  while (g_hash_table_iter_next (&iter, &path, NULL))
    {
      g_autoptr (GError) document_error = NULL;

      if (g_cancellable_set_error_if_cancelled (cancellable, error) ||
          !add_document (self, path, &document_error, cancellable, error))
        return FALSE;
      if (document_error != NULL)
        g_message ("%s", document_error->message);
    }
  return TRUE;
}

gboolean
pent_index_add (PentIndex *self, const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr (GMutexLocker) locker = NULL;
  g_autoptr (GError) document_error = NULL;
  g_autofree char *canonical = NULL;

  g_return_val_if_fail (PENT_IS_INDEX (self), FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  canonical = g_canonicalize_filename (path, NULL);
  locker = g_mutex_locker_new (&self->writer_lock);
  if (!add_document (self, canonical, &document_error, cancellable, error))
    return FALSE;
  if (document_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&document_error));
  return FALSE;
}

gboolean
pent_index_note_opened (PentIndex *self, const char *path, GError **error)
{
  g_autoptr (GMutexLocker) locker = NULL;
  g_autofree char *canonical = NULL;

  g_return_val_if_fail (PENT_IS_INDEX (self), FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  canonical = g_canonicalize_filename (path, NULL);
  locker = g_mutex_locker_new (&self->writer_lock);
  pent_sql_run (self->writer, "UPDATE document SET opened = ?2 WHERE path = ?1", "si", canonical, g_get_real_time ());
  return pent_sql_check (self->writer, error);
}

/* ---- asking ---- */

GListModel *
pent_index_list_documents (PentIndex *self, GError **error)
{
  g_autoptr (GListStore) store = g_list_store_new (PENT_TYPE_INDEX_DOCUMENT);
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (PENT_IS_INDEX (self), NULL);

  locker = g_mutex_locker_new (&self->reader_lock);
  {
    g_auto (PentQuery) query =
      pent_sql_query (self->reader, "SELECT path, n_revisions, changed, opened, cover FROM document"
                      " ORDER BY max (changed, opened) DESC, path", "");

    while (pent_query_next (&query))
      {
        g_autoptr (PentIndexDocument) item =
          pent_index_document_new (pent_query_text (&query, 0), (guint) pent_query_int (&query, 1),
                                   pent_query_int (&query, 2), pent_query_int (&query, 3), pent_query_bytes (&query, 4));

        g_list_store_append (store, item);
      }
  }
  return pent_sql_check (self->reader, error) ? G_LIST_MODEL (g_steal_pointer (&store)) : NULL;
}

GListModel *
pent_index_search (PentIndex *self, const char *text, guint offset, guint limit, GCancellable *cancellable, GError **error)
{
  g_autoptr (GListStore) store = g_list_store_new (PENT_TYPE_INDEX_HIT);
  g_autoptr (GMutexLocker) locker = NULL;
  g_autofree char *expression = NULL;

  g_return_val_if_fail (PENT_IS_INDEX (self), NULL);
  g_return_val_if_fail (text != NULL, NULL);

  expression = pent_search_expression (text);
  if (expression == NULL)
    return G_LIST_MODEL (g_steal_pointer (&store));
  locker = g_mutex_locker_new (&self->reader_lock);
  pent_sql_set_cancellable (self->reader, cancellable);
  {
    g_auto (PentQuery) query =
      pent_sql_query (self->reader, "SELECT document.path, entry.id, entry.title, entry.created FROM"
                      " (SELECT rowid AS found FROM search WHERE search MATCH ?1 ORDER BY rowid DESC LIMIT ?2 OFFSET ?3)"
                      " JOIN entry ON entry.number = found JOIN document ON document.number = entry.document"
                      " ORDER BY found DESC", "sii", expression, (gint64) limit, (gint64) offset);

    while (pent_query_next (&query))
      {
        g_autoptr (PentIndexHit) item =
          pent_index_hit_new (pent_query_text (&query, 0), pent_hash_to_hex (pent_query_hash (&query, 1)),
                              pent_query_text (&query, 2), pent_query_int (&query, 3));

        g_list_store_append (store, item);
      }
  }
  pent_sql_set_cancellable (self->reader, NULL);
  return pent_sql_check (self->reader, error) ? G_LIST_MODEL (g_steal_pointer (&store)) : NULL;
}

/* ---- in another thread ---- */

static void
refresh_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;

  if (pent_index_refresh (source, data, cancellable, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
pent_index_refresh_async (PentIndex *self, const char *const *places, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (PENT_IS_INDEX (self));

  task = g_task_new (self, cancellable, callback, data);
  g_task_set_source_tag (task, pent_index_refresh_async);
  g_task_set_task_data (task, g_strdupv ((char **) places), (GDestroyNotify) g_strfreev);
  g_task_run_in_thread (task, refresh_thread);
}

gboolean
pent_index_refresh_finish (PentIndex *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

typedef struct {
  char *text;
  guint offset, limit;
} Search;

static void
search_free (Search *self)
{
  g_free (self->text);
  g_free (self);
}

static void
search_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Search *search = data;
  GError *error = NULL;
  GListModel *hits = pent_index_search (source, search->text, search->offset, search->limit, cancellable, &error);

  if (hits != NULL)
    g_task_return_pointer (task, hits, g_object_unref);
  else
    g_task_return_error (task, error);
}

void
pent_index_search_async (PentIndex *self, const char *text, guint offset, guint limit, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = NULL;
  Search *search;

  g_return_if_fail (PENT_IS_INDEX (self));
  g_return_if_fail (text != NULL);

  search = g_new0 (Search, 1);
  search->text = g_strdup (text);
  search->offset = offset;
  search->limit = limit;
  task = g_task_new (self, cancellable, callback, data);
  g_task_set_source_tag (task, pent_index_search_async);
  g_task_set_task_data (task, search, (GDestroyNotify) search_free);
  g_task_run_in_thread (task, search_thread);
}

GListModel *
pent_index_search_finish (PentIndex *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
