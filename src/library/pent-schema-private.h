/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-sql-private.h"

G_BEGIN_DECLS

/* The form of a document on disk: application id, version, tables, and the way from older versions.
 *
 * A document keeps SQLite's rollback journal (journal_mode DELETE, synchronous EXTRA) and not a write-ahead log: between
 * two steps the whole document is one file, which may be copied, mailed or lie on a network share (shared memory beside
 * a log works on neither); what was acknowledged is in that file and on the disk, the directory included.  The price is
 * that readers wait while a step is being written, which takes as long as the disk needs for a picture. */
#define PENT_APPLICATION_ID 0x50656e74          /* "Pent" */
#define PENT_FORMAT 1                           /* user_version */

typedef enum {
  PENT_SCHEMA_READ,         /* never writes; cannot recover after a crash nor migrate */
  PENT_SCHEMA_WRITE,        /* falls back to reading where the file may not be written: see sqlite3_db_readonly () */
  PENT_SCHEMA_CREATE,       /* WRITE, and a new document where there is no file or an empty one */
} PentSchemaMode;

/* PENT_ERROR_FILE for what is missing, from the future, foreign or damaged, which is found out before any write. */
PentSql *pent_schema_open (const char *path, PentSchemaMode mode, GError **error);

/* Looks at the header alone: the version, or -1 with an error.  0 is an empty file. */
int      pent_schema_examine (const char *path, GError **error);

G_END_DECLS
