/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-filter.h"
#include "pent-sql-private.h"

G_BEGIN_DECLS

/* What a list has to know about a revision in order to place it. */
typedef struct {
  gint64 seq;
  gint64 created;
  guint  rating;
} PentKey;

/* The keys of all revisions that pass, in no order; or of seq alone, if it passes, where seq is not 0.  An array of
 * PentKey, NULL on error. */
GArray *pent_filter_run (const PentFilter *self, PentSql *sql, gint64 seq, GError **error);

int     pent_key_compare (const PentKey *a, const PentKey *b, PentSort sort);       /* never 0 for two revisions */

G_END_DECLS
