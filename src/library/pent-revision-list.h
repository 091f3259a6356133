/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-document.h"
#include "pent-filter.h"

G_BEGIN_DECLS

/* PentRevisionList: a GListModel of PentRevision: the gallery, the trash, the search results, the history of a picture
 * (lineage) or the children of one in the tree, by its filter and sort.
 *
 * It follows its document: items-changed says exactly what came, went and moved, after it was on the disk.  It keeps 100
 * bytes a revision; items are read when asked for, and freed when nobody holds them but for the last few hundred.
 * A list for a lineage or a parent that does not exist is empty.
 * Thread-safety: belongs to its document's thread. */
#define PENT_TYPE_REVISION_LIST (pent_revision_list_get_type ())
G_DECLARE_FINAL_TYPE (PentRevisionList, pent_revision_list, PENT, REVISION_LIST, GObject)

/* Reads the order at once: some milliseconds for 10,000 revisions.  filter NULL: what is in view. */
PentRevisionList *pent_revision_list_new (PentDocument *document, const PentFilter *filter, PentSort sort);

PentDocument     *pent_revision_list_get_document (PentRevisionList *self);           /* transfer none */
PentSort          pent_revision_list_get_sort (PentRevisionList *self);

/* Shows something else; the same beginning and end stay where they are.  The async one reads in another thread, and of
 * several asked for only the last one takes effect (the others end with G_IO_ERROR_CANCELLED). */
void              pent_revision_list_set_filter (PentRevisionList *self, const PentFilter *filter, PentSort sort);
void              pent_revision_list_set_filter_async (PentRevisionList *self, const PentFilter *filter, PentSort sort,
                                                       GCancellable *cancellable, GAsyncReadyCallback callback,
                                                       gpointer data);
gboolean          pent_revision_list_set_filter_finish (PentRevisionList *self, GAsyncResult *result, GError **error);

/* Where a revision stands; FALSE if the list does not show it. */
gboolean          pent_revision_list_find (PentRevisionList *self, PentRevision *revision, guint *position);

G_END_DECLS
