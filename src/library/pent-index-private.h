/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <string.h>

#include "pent-index.h"
#include "pent-sql-private.h"

G_BEGIN_DECLS

#define PENT_INDEX_SUFFIX ".pentimento"

/* cover and id are taken. */
PentIndexDocument *pent_index_document_new (const char *path, guint n_revisions, gint64 changed, gint64 opened,
                                            GBytes *cover);
PentIndexHit      *pent_index_hit_new (const char *path, char *id, const char *title, gint64 created);

/* Reads into the index, in its open transaction, what is new in the document at path.  Fails index where the index
 * does; gives FALSE and an error where the document cannot be read, which leaves the index as it was. */
gboolean           pent_index_read_document (PentSql *index, const char *path, GCancellable *cancellable, GError **error);
/* Takes a document and all that is known of it out of the index. */
void               pent_index_forget (PentSql *index, gint64 number);

G_END_DECLS
