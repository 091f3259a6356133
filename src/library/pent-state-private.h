/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-fields-private.h"
#include "pent-image.h"
#include "pent-recipe.h"
#include "pent-revision-private.h"

G_BEGIN_DECLS

/* The tables state, label and search: what follows from the truth, for queries; and pixels, which follow from who uses
 * them.  All of it inside the transaction that changes the truth.  Thread-safety: as the PentSql. */

/* The model as an artist knows it: the resolved name, or what was asked for. */
const char *pent_state_model (const PentRecipe *recipe);

/* After records about a revision were added.  words: whether what search looks into may have changed.  Returns the
 * fate: 0 in view, 1 in the trash, 2 purged. */
int         pent_state_update (PentSql *sql, gint64 seq, gboolean words);
/* Whether a change of this field may change what search looks into. */
gboolean    pent_state_has_words (const char *field);

/* What the artist typed as an FTS5 expression: every word quoted, all of them wanted, each as a beginning.  NULL where
 * there is nothing to look for. */
char       *pent_search_expression (const char *text);

/* ---- pixels ---- */
typedef enum { PENT_PICTURE_PNG, PENT_PICTURE_THUMBNAIL } PentPicture;

gboolean    pent_pixels_have (PentSql *sql, const char *hash);
void        pent_pixels_insert (PentSql *sql, const char *hash, guint width, guint height, GBytes *thumbnail, GBytes *png);
GBytes     *pent_pixels_load (PentSql *sql, const char *hash, PentPicture which);          /* NULL if it is not there */
/* The pictures of this revision that only purged ones use; once the states of all that change together are up to date. */
void        pent_pixels_drop_unused (PentSql *sql, gint64 seq);
/* The longest side of a thumbnail is 256 px; smaller pictures stay as they are. */
GBytes     *pent_pixels_make_thumbnail (PentImage *image, GError **error);

G_END_DECLS
