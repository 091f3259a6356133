/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-sql-private.h"

G_BEGIN_DECLS

/* What the records about one revision say: the record table, and folding its rows into what holds now.
 *
 * A record is (target, field, value, time, author).  Records are only added.  Of one target and field the greatest
 * (time, author, value) wins, numbers by size and texts by bytes; so the order in which copies are merged is all the same.
 *   name, notes          text; "" for none
 *   rating               "0" … "5"
 *   flag:NAME, tag:NAME  "1" there, "0" taken away
 *   position             "X Y"; "" for none
 *   trash                "1" in the trash, "0" taken out
 *   purged               "1"; holds unless a later trash "0" is known, from a copy where the pixels still are
 *   made                 the words it was made from; the smallest (time, author, value) is when and by whom
 * Fields of other names are kept and merged like these.  Times are microseconds since 1970, of a hybrid logical clock:
 * the wall clock, or one more than the latest time in the document where that is not earlier.
 *
 * Thread-safety: as the PentSql. */
typedef struct {
  gint64     created;             /* 0: no record "made" */
  char      *author;
  char      *words;
  char      *name;
  char      *notes;
  guint      rating;
  gboolean   trashed;
  gboolean   purged;
  gboolean   has_position;
  double     x, y;
  GPtrArray *tags;                /* char *, sorted */
  GPtrArray *flags;
} PentFields;

PentFields *pent_fields_load (PentSql *sql, const guint8 *target);
void        pent_fields_free (PentFields *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentFields, pent_fields_free)

/* 0, 1 or 2, as the state table has it. */
int         pent_fields_get_fate (const PentFields *self);

/* Whether value may stand in a record called field; a message else. */
gboolean    pent_field_check (const char *field, const char *value, GError **error);

/* ---- the table ---- */
gint64      pent_record_next_time (PentSql *sql);
/* TRUE if it was not there yet.  target: 32 bytes, or NULL for the document itself. */
gboolean    pent_record_insert (PentSql *sql, const guint8 *target, const char *field, const char *value, gint64 time,
                                const char *author);
/* What holds now; NULL if there is no record. */
char       *pent_record_get (PentSql *sql, const guint8 *target, const char *field);

/* What held first, for fields of which the first counts; NULL if there is no record. */
char       *pent_record_get_first (PentSql *sql, const guint8 *target, const char *field);

G_END_DECLS
