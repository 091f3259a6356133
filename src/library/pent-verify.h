/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* PentProblem: something wrong with a document, and where. */
typedef struct {
  char *place;              /* "revision 0123456789ab", "picture …", "record … rating", "file" */
  char *message;
} PentProblem;

/* Looks at everything there is in the document at path: SQLite's own check, the hash of every revision and picture,
 * parents, records, and that what queries use says the same as the truth.  Decodes every picture: seconds for hundreds.
 * Writes nothing, but lets SQLite recover the file after a crash.  Who works on the document meanwhile waits while SQLite's
 * own check reads the file, and not for the rest.
 * Gives the problems (an array of PentProblem; empty: the document is sound), or NULL and an error where the file is no
 * document or cannot be opened.  Thread-safety: any thread; blocks. */
GPtrArray *pent_document_verify (const char *path, GCancellable *cancellable, GError **error);
void       pent_document_verify_async (const char *path, GCancellable *cancellable, GAsyncReadyCallback callback,
                                       gpointer data);
GPtrArray *pent_document_verify_finish (GAsyncResult *result, GError **error);

G_END_DECLS
