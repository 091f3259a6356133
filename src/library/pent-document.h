/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "pent-edit.h"
#include "pent-image.h"
#include "pent-revision.h"

G_BEGIN_DECLS

/* PentDocument: an artist's pictures and how each came of the others, in one SQLite file (.pentimento).
 *
 * There is no Save: what a function has written is on the disk when it returns, and only then do lists show it.
 * Revisions are added and never changed; what is said about them (names, ratings, tags, trash, …) are records of which
 * the later wins, and Undo writes a new one.  Two copies of a document, wherever they were worked on, merge to the
 * same document in any order.  Several windows and processes may work on one file; each learns within about a second
 * what the others did.  The formats are said in pent-revision.h (ids), pent-fields-private.h (records) and
 * pent-schema-private.h (tables).
 *
 * Thread-safety: the object belongs to the thread that opened it and to that thread's default main context, which runs
 * its signals.  Functions marked [any] may be called from every thread; they block for the disk, so that the owner's
 * thread rather takes the _async one.  Asynchronous writes happen one after the other in the order they were asked for.
 *
 * Nobody may read the file by other means in this process while it is open here: see pent-sql-private.h.  To copy an
 * open document use pent_document_save_copy (). */
#define PENT_TYPE_DOCUMENT (pent_document_get_type ())
G_DECLARE_FINAL_TYPE (PentDocument, pent_document, PENT, DOCUMENT, GObject)

/* Signals:
 *   "changed" (PentDocument *, GArray *seqs)    gint64s, private numbers that lists use; items are up to date already
 * Properties: path, author, read-only, n-revisions (not the purged), can-undo, can-redo. */

typedef enum {
  PENT_DOCUMENT_DEFAULT   = 0,
  PENT_DOCUMENT_CREATE    = 1 << 0,     /* a new one where there is no file, or an empty one */
  PENT_DOCUMENT_READ_ONLY = 1 << 1,
} PentDocumentFlags;

/* author: who records are from; NULL for the user's name.  PENT_ERROR_FILE where the file is missing, foreign, damaged
 * or from a newer Pentimento; such a file is never written to.  A file that may only be read opens read-only. */
PentDocument *pent_document_open (const char *path, PentDocumentFlags flags, const char *author, GError **error);
void          pent_document_open_async (const char *path, PentDocumentFlags flags, const char *author,
                                        GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
PentDocument *pent_document_open_finish (GAsyncResult *result, GError **error);

const char   *pent_document_get_path (PentDocument *self);
const char   *pent_document_get_author (PentDocument *self);
gboolean      pent_document_get_read_only (PentDocument *self);
guint         pent_document_get_n_revisions (PentDocument *self);
/* The same in every copy of the document; free it.  [any] */
char         *pent_document_get_uuid (PentDocument *self);

/* What others wrote, now and not within the second; emits "changed" and updates lists before it returns. */
void          pent_document_refresh (PentDocument *self);

/* ---- reading ---- */

/* A new reference to the one object for this revision, or NULL.  id may be shortened to 4 or more unambiguous digits. */
PentRevision *pent_document_lookup (PentDocument *self, const char *id);

/* Decoded anew each time.  hash: pent_revision_get_pixels (), or that of an input that a recipe names.  PENT_ERROR_FILE
 * where there is no such picture (any more), or it is damaged.  [any] */
PentImage    *pent_document_load_image (PentDocument *self, const char *hash, GError **error);
PentImage    *pent_document_load_thumbnail (PentDocument *self, const char *hash, GError **error);
void          pent_document_load_image_async (PentDocument *self, const char *hash, gboolean thumbnail,
                                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
PentImage    *pent_document_load_image_finish (PentDocument *self, GAsyncResult *result, GError **error);

/* The value of a document's or a revision's own field; "" if it has none; free it.  [any] */
char         *pent_document_get_field (PentDocument *self, const char *id, const char *field);

/* Everything there is, as sorted text: equal documents have equal dumps.  [any] */
char         *pent_document_dump (PentDocument *self, GCancellable *cancellable, GError **error);

/* ---- writing ---- */

/* Adds a revision and gives its id.  parents (NULL-terminated, or NULL) have to be in the document.  image may be NULL.
 * inputs: the pictures (PentImage) that the recipe names by their hashes and that are not in the document yet, or NULL;
 * others are not kept.
 * Adding what is there already gives its id, and takes it out of the trash.  [any] */
char         *pent_document_add_revision (PentDocument *self, PentRecipe *recipe, const char *const *parents,
                                          PentImage *image, GPtrArray *inputs, const char *words,
                                          GCancellable *cancellable, GError **error);
void          pent_document_add_revision_async (PentDocument *self, PentRecipe *recipe, const char *const *parents,
                                                PentImage *image, GPtrArray *inputs, const char *words,
                                                GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
char         *pent_document_add_revision_finish (PentDocument *self, GAsyncResult *result, GError **error);

/* All of the edit or nothing.  Gives the step's number for pent_document_undo (), 0 on error, and
 * PENT_STEP_NOTHING if everything already was as asked.  [any] */
#define PENT_STEP_NOTHING G_MAXUINT64
guint64       pent_document_apply (PentDocument *self, PentEdit *edit, GCancellable *cancellable, GError **error);
void          pent_document_apply_async (PentDocument *self, PentEdit *edit, GCancellable *cancellable,
                                         GAsyncReadyCallback callback, gpointer data);
guint64       pent_document_apply_finish (PentDocument *self, GAsyncResult *result, GError **error);

/* Undoes the step of this number, or the latest for 0, by writing what held before; what somebody else changed since
 * stays.  Redo does again what was undone last.  Steps are those of this object, not of earlier sessions.
 * PENT_ERROR_INVALID if there is no such step.  [any] */
gboolean      pent_document_undo (PentDocument *self, guint64 step, GCancellable *cancellable, GError **error);
gboolean      pent_document_redo (PentDocument *self, GCancellable *cancellable, GError **error);
void          pent_document_undo_async (PentDocument *self, guint64 step, GCancellable *cancellable,
                                        GAsyncReadyCallback callback, gpointer data);
void          pent_document_redo_async (PentDocument *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                        gpointer data);
gboolean      pent_document_undo_finish (PentDocument *self, GAsyncResult *result, GError **error);  /* of both */
char         *pent_document_get_undo_label (PentDocument *self);         /* NULL if there is nothing; free it.  [any] */
char         *pent_document_get_redo_label (PentDocument *self);

/* Gives up the pictures of these revisions, which have to be in the trash (NULL: of all that are), for good, and the
 * space to the file system.  The revisions stay in the tree as purged, without a picture.  freed: bytes, or NULL.
 * Cannot be undone.  [any] */
gboolean      pent_document_purge (PentDocument *self, const char *const *ids, gint64 *freed, GCancellable *cancellable,
                                   GError **error);
void          pent_document_purge_async (PentDocument *self, const char *const *ids, GCancellable *cancellable,
                                         GAsyncReadyCallback callback, gpointer data);
gboolean      pent_document_purge_finish (PentDocument *self, GAsyncResult *result, gint64 *freed, GError **error);

/* Takes everything from the document at path that is not here yet.  Commutative, associative, idempotent: copies merged
 * in any order have equal dumps.  Every id and picture is checked on the way in; a damaged one stops the merge.  Goes in
 * steps of some megabytes: what was interrupted is a whole document, and merging again goes on.  n_new: revisions that
 * were added, or NULL.  [any] */
gboolean      pent_document_merge (PentDocument *self, const char *path, guint *n_new, GCancellable *cancellable,
                                   GError **error);
void          pent_document_merge_async (PentDocument *self, const char *path, GCancellable *cancellable,
                                         GAsyncReadyCallback callback, gpointer data);
gboolean      pent_document_merge_finish (PentDocument *self, GAsyncResult *result, guint *n_new, GError **error);

/* ---- out of the document ---- */

/* A copy of the whole document as it is now, which must not exist yet.  [any] */
gboolean      pent_document_save_copy (PentDocument *self, const char *path, GCancellable *cancellable, GError **error);

/* The picture of one revision as PNG that holds its recipe and says that a machine made it.  [any] */
gboolean      pent_document_export (PentDocument *self, const char *id, const char *path, GError **error);

/* All revisions that have a picture and are not in the trash, as PNGs in an empty or new folder, and revisions.json,
 * which says everything else about them.  n: how many pictures, or NULL.  [any] */
gboolean      pent_document_export_all (PentDocument *self, const char *folder, guint *n, GCancellable *cancellable,
                                        GError **error);
void          pent_document_export_all_async (PentDocument *self, const char *folder, GCancellable *cancellable,
                                              GAsyncReadyCallback callback, gpointer data);
gboolean      pent_document_export_all_finish (PentDocument *self, GAsyncResult *result, guint *n, GError **error);

G_END_DECLS
