/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-sql"

#include "pent-sql-private.h"

#include <string.h>

#include "pent-error.h"

#define PATIENCE 10000            /* ms */
#define PROGRESS_OPS 20000        /* virtual machine steps between two looks at the cancellable */

struct _PentSql {
  char         *path;
  char         *name;
  sqlite3      *db;
  GHashTable   *statements;       /* text -> sqlite3_stmt */
  int           flags;
  char         *set_up;           /* pragmas of this connection */
  guint         n_queries;        /* that are not cleared */
  gboolean      stale;            /* the disk failed */
  GCancellable *cancellable;      /* borrowed for the length of one job */
  GError       *error;
  gboolean      busy;             /* what error is about */
  int           damaged;          /* atomic */
};

/* ---- errors ---- */

static void
describe (PentSql *self, int rc, int extended)
{
  const char *name = self->name;

  switch (rc)
    {
    case SQLITE_INTERRUPT:
      g_set_error_literal (&self->error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Cancelled");
      return;
    case SQLITE_FULL:
      g_set_error (&self->error, PENT_ERROR, PENT_ERROR_FAILED,
                   "There is no room left for “%s”; nothing saved earlier is lost: free some space and try again", name);
      return;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      self->busy = TRUE;
      g_set_error (&self->error, PENT_ERROR, PENT_ERROR_FAILED,
                   "“%s” is being written by another program; try again when it is done", name);
      return;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      g_set_error (&self->error, PENT_ERROR, PENT_ERROR_FILE, "“%s” may only be read here", name);
      return;
    case SQLITE_CANTOPEN:
      g_set_error (&self->error, PENT_ERROR, PENT_ERROR_FILE, "“%s” cannot be opened; is it still there?", name);
      return;
    case SQLITE_NOTADB:
      g_set_error (&self->error, PENT_ERROR, PENT_ERROR_FILE, "“%s” is not a Pentimento document", name);
      return;
    case SQLITE_CORRUPT:
      pent_sql_set_damaged (self);
      g_set_error (&self->error, PENT_ERROR, PENT_ERROR_FILE,
                   "“%s” is damaged; it will not be written to. Restore a copy of it from a backup", name);
      return;
    case SQLITE_NOMEM:
      g_set_error (&self->error, PENT_ERROR, PENT_ERROR_MEMORY, "There is not enough memory to read “%s”", name);
      return;
    case SQLITE_IOERR:
      g_set_error (&self->error, PENT_ERROR, PENT_ERROR_FAILED, "The disk failed while “%s” was in use (%d); "
                   "nothing saved earlier is lost: check the disk and try again", name, extended);
      return;
    default:
      g_set_error (&self->error, PENT_ERROR, PENT_ERROR_FAILED, "“%s”: %s", name, sqlite3_errmsg (self->db));
    }
}

/* The full-text index says so in words only. */
static gboolean
is_damage (PentSql *self, int rc)
{
  const char *message = sqlite3_errmsg (self->db);

  return (rc & 0xff) == SQLITE_ERROR && (g_str_has_prefix (message, "invalid fts5 file format") ||
                                         g_str_has_prefix (message, "vtable constructor failed"));
}

static void
fail (PentSql *self, int rc)
{
  if (self->error != NULL)
    return;
  if (is_damage (self, rc))
    rc = SQLITE_CORRUPT;
  self->stale |= (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_FULL || (rc & 0xff) == SQLITE_CANTOPEN;
  describe (self, rc & 0xff, sqlite3_extended_errcode (self->db));
}

void
pent_sql_fail (PentSql *self, int code, const char *format, ...)
{
  va_list args;

  g_return_if_fail (self != NULL);

  if (self->error != NULL)
    return;
  va_start (args, format);
  self->error = g_error_new_valist (PENT_ERROR, code, format, args);
  va_end (args);
}

void
pent_sql_take_error (PentSql *self, GError *error)
{
  g_return_if_fail (self != NULL && error != NULL);

  if (self->error == NULL)
    self->error = error;
  else
    g_error_free (error);
}

gboolean
pent_sql_failed (PentSql *self)
{
  return self->error != NULL;
}

gboolean
pent_sql_is_busy (PentSql *self)
{
  return self->error != NULL && self->busy;
}

void
pent_sql_set_damaged (PentSql *self)
{
  g_atomic_int_set (&self->damaged, TRUE);
}

gboolean
pent_sql_is_damaged (PentSql *self)
{
  return g_atomic_int_get (&self->damaged);
}

gboolean
pent_sql_check (PentSql *self, GError **error)
{
  g_return_val_if_fail (self != NULL, FALSE);

  self->busy = FALSE;
  if (self->error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&self->error));
  return FALSE;
}

/* ---- opening ---- */

static int
on_progress (gpointer data)
{
  PentSql *self = data;

  return self->cancellable != NULL && g_cancellable_is_cancelled (self->cancellable);
}

static void
finalize_statement (gpointer data)
{
  sqlite3_finalize (data);
}

static gboolean
connect (PentSql *self)
{
  int rc = sqlite3_open_v2 (self->path, &self->db, self->flags | SQLITE_OPEN_EXRESCODE, NULL);

  if (rc != SQLITE_OK)
    {
      fail (self, rc);
      return FALSE;
    }
  sqlite3_busy_timeout (self->db, PATIENCE);
  sqlite3_progress_handler (self->db, PROGRESS_OPS, on_progress, self);
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
  return TRUE;
}

/* SQLite keeps some failures of the disk in mind for as long as the connection lives, even when the disk is well again
 * and the file was recovered: so the connection is made anew. */
static void
reconnect (PentSql *self)
{
  self->stale = FALSE;
  g_hash_table_remove_all (self->statements);
  sqlite3_close (self->db);
  self->db = NULL;
  if (!connect (self))
    return;
  self->flags &= ~SQLITE_OPEN_CREATE;
  if (self->set_up != NULL)
    pent_sql_exec (self, self->set_up);
}

PentSql *
pent_sql_open (const char *path, int flags, GError **error)
{
  g_autoptr (PentSql) self = g_new0 (PentSql, 1);

  g_return_val_if_fail (path != NULL, NULL);

  self->path = g_strdup (path);
  self->name = g_path_get_basename (path);
  self->flags = flags;
  self->statements = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, finalize_statement);
  if (connect (self))
    return g_steal_pointer (&self);
  pent_sql_check (self, error);
  return NULL;
}

void
pent_sql_set_up (PentSql *self, const char *pragmas)
{
  g_set_str (&self->set_up, pragmas);
  pent_sql_exec (self, pragmas);
}

void
pent_sql_close (PentSql *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->statements, g_hash_table_unref);
  /* A statement that is still out would keep the file open unseen. */
  if (sqlite3_close (self->db) != SQLITE_OK)
    g_critical ("A query on “%s” was not cleared", self->path);
  g_clear_error (&self->error);
  g_clear_pointer (&self->path, g_free);
  g_clear_pointer (&self->name, g_free);
  g_clear_pointer (&self->set_up, g_free);
  g_free (self);
}

const char *
pent_sql_get_path (PentSql *self)
{
  return self->path;
}

const char *
pent_sql_get_name (PentSql *self)
{
  return self->name;
}

sqlite3 *
pent_sql_get_handle (PentSql *self)
{
  return self->db;
}

void
pent_sql_set_patience (PentSql *self, int milliseconds)
{
  sqlite3_busy_timeout (self->db, milliseconds);
}

void
pent_sql_set_cancellable (PentSql *self, GCancellable *cancellable)
{
  self->cancellable = cancellable;
}

/* ---- raw ---- */

static sqlite3_file *
get_file (PentSql *self)
{
  sqlite3_file *file = NULL;

  sqlite3_file_control (self->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  return file != NULL && file->pMethods != NULL ? file : NULL;
}

gboolean
pent_sql_read_raw (PentSql *self, gpointer buffer, int n, gint64 offset)
{
  sqlite3_file *file = get_file (self);

  return file != NULL && file->pMethods->xRead (file, buffer, n, offset) == SQLITE_OK;
}

gint64
pent_sql_get_file_size (PentSql *self)
{
  sqlite3_file *file = get_file (self);
  sqlite3_int64 size;

  return file != NULL && file->pMethods->xFileSize (file, &size) == SQLITE_OK ? size : -1;
}

/* ---- transactions ---- */

void
pent_sql_exec (PentSql *self, const char *sql)
{
  int rc;

  if (self->error != NULL)
    return;
  rc = sqlite3_exec (self->db, sql, NULL, NULL, NULL);
  if (rc != SQLITE_OK)
    fail (self, rc);
}

void
pent_sql_begin_read (PentSql *self)
{
  pent_sql_run (self, "BEGIN", "");
}

void
pent_sql_begin (PentSql *self)
{
  if (pent_sql_is_damaged (self))
    describe (self, SQLITE_CORRUPT, 0);
  pent_sql_run (self, "BEGIN IMMEDIATE", "");
}

void
pent_sql_rollback (PentSql *self)
{
  g_clear_error (&self->error);
  self->busy = FALSE;
  if (!sqlite3_get_autocommit (self->db))
    sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
}

gboolean
pent_sql_commit (PentSql *self, GError **error)
{
  pent_sql_run (self, "COMMIT", "");
  /* A failed COMMIT may leave the transaction open; some failures have rolled it back already. */
  if (self->error != NULL && !sqlite3_get_autocommit (self->db))
    sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
  return pent_sql_check (self, error);
}

/* ---- queries ---- */

static PentQuery
prepare (PentSql *self, const char *text)
{
  PentQuery query = { .sql = self };
  int rc;

  if (self->error != NULL)
    return query;
  if (self->cancellable != NULL && g_cancellable_set_error_if_cancelled (self->cancellable, &self->error))
    return query;
  if (self->stale && self->n_queries == 0 && sqlite3_get_autocommit (self->db))
    reconnect (self);
  if (self->error != NULL)
    return query;

  query.statement = g_hash_table_lookup (self->statements, text);
  query.kept = TRUE;
  if (query.statement != NULL && !sqlite3_stmt_busy (query.statement))
    {
      self->n_queries++;
      return query;
    }

  /* The same query inside itself gets a statement of its own. */
  query.kept = query.statement == NULL;
  rc = sqlite3_prepare_v3 (self->db, text, -1, query.kept ? SQLITE_PREPARE_PERSISTENT : 0, &query.statement, NULL);
  if (rc != SQLITE_OK)
    {
      fail (self, rc);
      query.statement = NULL;
    }
  else if (query.kept)
    {
      g_hash_table_insert (self->statements, g_strdup (text), query.statement);
    }
  self->n_queries += query.statement != NULL;
  return query;
}

static int
bind_one (sqlite3_stmt *statement, int n, char type, va_list *args)
{
  switch (type)
    {
    case 'i':
      return sqlite3_bind_int64 (statement, n, va_arg (*args, gint64));
    case 'd':
      return sqlite3_bind_double (statement, n, va_arg (*args, double));
    case 's':
      return sqlite3_bind_text (statement, n, va_arg (*args, const char *), -1, SQLITE_STATIC);
    case 'h':
      return sqlite3_bind_blob (statement, n, va_arg (*args, const guint8 *), 32, SQLITE_STATIC);
    case 'b':
      {
        GBytes *bytes = va_arg (*args, GBytes *);

        if (bytes == NULL)
          return sqlite3_bind_null (statement, n);
        if (g_bytes_get_size (bytes) == 0)
          return sqlite3_bind_zeroblob (statement, n, 0);
        return sqlite3_bind_blob64 (statement, n, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes),
                                    SQLITE_STATIC);
      }
    default:
      g_assert_not_reached ();
    }
}

static void
bind_all (PentQuery *query, const char *types, va_list *args)
{
  if (query->statement == NULL)
    return;
  for (int n = 0; types[n] != '\0'; n++)
    {
      int rc = bind_one (query->statement, n + 1, types[n], args);

      if (rc != SQLITE_OK)
        fail (query->sql, rc);
    }
}

PentQuery
pent_sql_query (PentSql *self, const char *text, const char *types, ...)
{
  PentQuery query = prepare (self, text);
  va_list args;

  va_start (args, types);
  bind_all (&query, types, &args);
  va_end (args);
  return query;
}

PentQuery
pent_sql_query_variant (PentSql *self, const char *text, GPtrArray *values)
{
  PentQuery query = prepare (self, text);

  for (guint i = 0; query.statement != NULL && i < values->len; i++)
    {
      GVariant *value = g_ptr_array_index (values, i);

      if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
        {
          sqlite3_bind_int64 (query.statement, i + 1, g_variant_get_int64 (value));
        }
      else if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
        {
          sqlite3_bind_text (query.statement, i + 1, g_variant_get_string (value, NULL), -1, SQLITE_STATIC);
        }
      else
        {
          gsize n;
          const guint8 *bytes = g_variant_get_fixed_array (value, &n, 1);

          sqlite3_bind_blob (query.statement, i + 1, bytes, n, SQLITE_STATIC);
        }
    }
  return query;
}

gboolean
pent_query_next (PentQuery *self)
{
  int rc;

  if (self->statement == NULL || self->sql->error != NULL)
    return FALSE;
  rc = sqlite3_step (self->statement);
  if (rc == SQLITE_ROW)
    return TRUE;
  if (rc != SQLITE_DONE)
    fail (self->sql, rc);
  return FALSE;
}

void
pent_query_clear (PentQuery *self)
{
  if (self->statement == NULL)
    return;
  if (self->kept)
    {
      sqlite3_reset (self->statement);
      sqlite3_clear_bindings (self->statement);
    }
  else
    {
      sqlite3_finalize (self->statement);
    }
  self->statement = NULL;
  self->sql->n_queries--;
}

gint64
pent_query_int (PentQuery *self, int column)
{
  return sqlite3_column_int64 (self->statement, column);
}

double
pent_query_double (PentQuery *self, int column)
{
  return sqlite3_column_double (self->statement, column);
}

const char *
pent_query_text (PentQuery *self, int column)
{
  const char *text = (const char *) sqlite3_column_text (self->statement, column);

  return text != NULL ? text : "";
}

const guint8 *
pent_query_hash (PentQuery *self, int column)
{
  const guint8 *bytes = sqlite3_column_blob (self->statement, column);

  return sqlite3_column_bytes (self->statement, column) == 32 ? bytes : NULL;
}

GBytes *
pent_query_bytes (PentQuery *self, int column)
{
  const guint8 *bytes = sqlite3_column_blob (self->statement, column);

  if (sqlite3_column_type (self->statement, column) == SQLITE_NULL)
    return NULL;
  return g_bytes_new (bytes, sqlite3_column_bytes (self->statement, column));
}

void
pent_sql_run (PentSql *self, const char *text, const char *types, ...)
{
  g_auto (PentQuery) query = prepare (self, text);
  va_list args;

  va_start (args, types);
  bind_all (&query, types, &args);
  va_end (args);
  while (pent_query_next (&query))
    ;
}

gint64
pent_sql_get_int (PentSql *self, const char *text, const char *types, ...)
{
  g_auto (PentQuery) query = prepare (self, text);
  va_list args;

  va_start (args, types);
  bind_all (&query, types, &args);
  va_end (args);
  return pent_query_next (&query) ? pent_query_int (&query, 0) : 0;
}
