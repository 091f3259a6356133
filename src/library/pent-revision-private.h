/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-fields-private.h"
#include "pent-revision.h"

G_BEGIN_DECLS

gboolean pent_hash_from_hex (const char *hex, guint8 hash[32]);       /* exactly 64 lower-case digits */
char    *pent_hash_to_hex (const guint8 *hash);

/* parents NULL-terminated; pixels hex or NULL.  See pent-revision.h for the bytes. */
char    *pent_revision_digest (const char *recipe, const char *const *parents, const char *pixels);

/* One row of the revision table with its parents. */
typedef struct {
  gint64  seq;
  char   *id;
  char   *recipe;           /* canonical JSON */
  char   *pixels;           /* or NULL */
  char  **parents;
} PentRow;

PentRow *pent_row_load (PentSql *sql, gint64 seq);                    /* NULL if there is none */
gint64   pent_row_find (PentSql *sql, const char *id);                /* seq, or 0 */
gint64   pent_row_find_short (PentSql *sql, const char *prefix);      /* 4 or more digits; 0 where they are ambiguous */
/* Inserts what is not there yet, with the pictures it uses; parents have to be there.  Gives the seq, 0 on failure. */
gint64   pent_row_insert (PentSql *sql, const PentRow *row);
void     pent_row_free (PentRow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentRow, pent_row_free)

/* The hashes, in hex, of all pictures that a row needs: its own, and every string of 64 hex digits in its recipe, which
 * is how recipes name pictures (a model's hash looks the same and names none: harmless). */
char   **pent_row_list_pictures (const PentRow *row);

PentRevision *pent_revision_new (const PentRow *row, const PentFields *fields);
gint64        pent_revision_get_seq (PentRevision *self);
/* Returns whether anything changed, and notifies. */
gboolean      pent_revision_update (PentRevision *self, const PentFields *fields);

G_END_DECLS
