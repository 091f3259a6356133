/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "pent-image.h"

G_BEGIN_DECLS

/* PentIndex: what all documents hold, for the start page and for searching across them.
 *
 * It is a file of its own that only repeats what documents say: lost or damaged it is made anew, and nothing is lost with
 * it.  Which documents there are comes from the folders and files that the caller names.
 * Thread-safety: any thread; every function blocks, so that the main thread takes the _async ones. */
#define PENT_TYPE_INDEX (pent_index_get_type ())
G_DECLARE_FINAL_TYPE (PentIndex, pent_index, PENT, INDEX, GObject)

/* PentIndexDocument: a document on the start page.  Immutable. */
#define PENT_TYPE_INDEX_DOCUMENT (pent_index_document_get_type ())
G_DECLARE_FINAL_TYPE (PentIndexDocument, pent_index_document, PENT, INDEX_DOCUMENT, GObject)

const char *pent_index_document_get_path (PentIndexDocument *self);
const char *pent_index_document_get_name (PentIndexDocument *self);          /* the file's, without .pentimento */
guint       pent_index_document_get_n_revisions (PentIndexDocument *self);   /* in view */
gint64      pent_index_document_get_changed (PentIndexDocument *self);       /* its latest record; microseconds since 1970 */
gint64      pent_index_document_get_opened (PentIndexDocument *self);        /* 0: not that the index knows */
GBytes     *pent_index_document_get_cover (PentIndexDocument *self);         /* PNG; NULL if it has no picture */

/* PentIndexHit: a revision that was found.  Immutable. */
#define PENT_TYPE_INDEX_HIT (pent_index_hit_get_type ())
G_DECLARE_FINAL_TYPE (PentIndexHit, pent_index_hit, PENT, INDEX_HIT, GObject)

const char *pent_index_hit_get_path (PentIndexHit *self);                    /* of the document */
const char *pent_index_hit_get_id (PentIndexHit *self);                      /* of the revision */
const char *pent_index_hit_get_title (PentIndexHit *self);                   /* its name, or the prompt */
gint64      pent_index_hit_get_created (PentIndexHit *self);

/* path NULL: $XDG_CACHE_HOME/pentimento/index.  A file that is damaged or of another version is made anew. */
PentIndex  *pent_index_open (const char *path, GError **error);

/* Looks at the documents (*.pentimento) in these folders, three levels deep, at these files, and at all it knew: reads
 * what is new in them, follows those that were moved or renamed, forgets those that are gone.  One that cannot be read
 * is left out, with a warning.  Cheap where nothing changed: one stat () a document. */
gboolean    pent_index_refresh (PentIndex *self, const char *const *places, GCancellable *cancellable, GError **error);
void        pent_index_refresh_async (PentIndex *self, const char *const *places, GCancellable *cancellable,
                                      GAsyncReadyCallback callback, gpointer data);
gboolean    pent_index_refresh_finish (PentIndex *self, GAsyncResult *result, GError **error);

/* Adds one document, or reads what is new in it. */
gboolean    pent_index_add (PentIndex *self, const char *path, GCancellable *cancellable, GError **error);
/* The artist opened it just now. */
gboolean    pent_index_note_opened (PentIndex *self, const char *path, GError **error);

/* A new GListModel of PentIndexDocument, the one opened or changed last first. */
GListModel *pent_index_list_documents (PentIndex *self, GError **error);

/* A new GListModel of PentIndexHit, newest first: what of text pent_search finds in all documents, at most limit after
 * the first offset. */
GListModel *pent_index_search (PentIndex *self, const char *text, guint offset, guint limit, GCancellable *cancellable,
                               GError **error);
void        pent_index_search_async (PentIndex *self, const char *text, guint offset, guint limit,
                                     GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
GListModel *pent_index_search_finish (PentIndex *self, GAsyncResult *result, GError **error);

G_END_DECLS
