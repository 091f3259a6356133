/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include <sqlite3.h>

G_BEGIN_DECLS

/* PentSql: one connection to one SQLite file, with its prepared statements kept.
 *
 * Errors are sticky, so that code that writes reads straight: after the first failure every further query of the same
 * transaction does nothing and gives no row; pent_sql_check () and pent_sql_commit () report it, once.  Messages are
 * sentences for the artist that name the file.  A file found damaged while it is read stays refused for writing for the
 * life of the connection.
 *
 * Never open and close such a file by other means while this process has it open: POSIX gives up all locks of a
 * process on a file when it closes any descriptor of it.  That is why even the header is read through SQLite.
 *
 * Thread-safety: one thread at a time; the owner guards it. */
typedef struct _PentSql PentSql;

/* flags: SQLITE_OPEN_… .  Waits up to 10 s where another connection holds the file. */
PentSql  *pent_sql_open (const char *path, int flags, GError **error);
void      pent_sql_close (PentSql *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentSql, pent_sql_close)

/* Pragmas for this connection, now and whenever it is made anew after the disk failed. */
void        pent_sql_set_up (PentSql *self, const char *pragmas);

const char *pent_sql_get_path (PentSql *self);
const char *pent_sql_get_name (PentSql *self);           /* the file's name, for messages */
sqlite3    *pent_sql_get_handle (PentSql *self);
void        pent_sql_set_patience (PentSql *self, int milliseconds);
gboolean    pent_sql_is_damaged (PentSql *self);         /* any thread */
void        pent_sql_set_damaged (PentSql *self);
gboolean    pent_sql_is_busy (PentSql *self);            /* the sticky error is only that another one holds the file */
/* Work on this connection ends with G_IO_ERROR_CANCELLED at the next query once cancellable is; NULL for never. */
void        pent_sql_set_cancellable (PentSql *self, GCancellable *cancellable);

/* Bytes straight from the file, without locks and without recovering anything; FALSE where they are not there. */
gboolean    pent_sql_read_raw (PentSql *self, gpointer buffer, int n, gint64 offset);
gint64      pent_sql_get_file_size (PentSql *self);      /* -1 on error */

/* ---- transactions ---- */
void        pent_sql_begin_read (PentSql *self);         /* one snapshot for several queries */
void        pent_sql_begin (PentSql *self);              /* the write lock, at once */
gboolean    pent_sql_commit (PentSql *self, GError **error);        /* rolls back instead after a failure */
void        pent_sql_rollback (PentSql *self);           /* forgets the sticky error too */
gboolean    pent_sql_check (PentSql *self, GError **error);         /* outside transactions: TRUE, or the sticky error */
gboolean    pent_sql_failed (PentSql *self);
void        pent_sql_fail (PentSql *self, int code, const char *format, ...) G_GNUC_PRINTF (3, 4);
void        pent_sql_take_error (PentSql *self, GError *error);
void        pent_sql_exec (PentSql *self, const char *sql);         /* several statements, not kept */

/* ---- queries ----
 * g_auto (PentQuery) q = pent_sql_query (sql, "SELECT … WHERE id = ?1 AND n > ?2", "hi", id, (gint64) 3);
 * while (pent_query_next (&q)) …
 * types: i gint64, d double, s string or NULL, h 32 bytes or NULL, b GBytes or NULL.  What is bound has to stay until
 * the query is cleared. */
typedef struct {
  PentSql      *sql;
  sqlite3_stmt *statement;        /* NULL after a failure */
  gboolean      kept;
} PentQuery;

PentQuery     pent_sql_query (PentSql *self, const char *text, const char *types, ...);
PentQuery     pent_sql_query_variant (PentSql *self, const char *text, GPtrArray *values);   /* of GVariant x, s, ay */
gboolean      pent_query_next (PentQuery *self);
void          pent_query_clear (PentQuery *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PentQuery, pent_query_clear)

gint64        pent_query_int (PentQuery *self, int column);
double        pent_query_double (PentQuery *self, int column);
const char   *pent_query_text (PentQuery *self, int column);        /* "" for NULL; until the next step */
const guint8 *pent_query_hash (PentQuery *self, int column);        /* 32 bytes or NULL; until the next step */
GBytes       *pent_query_bytes (PentQuery *self, int column);       /* a copy, or NULL */

/* A statement that gives no rows; one that gives one number. */
void          pent_sql_run (PentSql *self, const char *text, const char *types, ...);
gint64        pent_sql_get_int (PentSql *self, const char *text, const char *types, ...);

G_END_DECLS
