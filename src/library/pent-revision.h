/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

#include "pent-recipe.h"

G_BEGIN_DECLS

/* PentRevision: one picture of a document's tree and how it came to be, as a list's item.
 *
 * The id, recipe, parents and pixels never change: the id is the SHA-256, in lower-case hex, over these bytes, where
 * numbers are decimal, hashes are lower-case hex, and \n ends a line:
 *
 *     pentimento revision 1\n
 *     recipe LENGTH\n           LENGTH: bytes of what follows, without its \n
 *     CANONICAL-JSON\n          pent_recipe_to_json ()
 *     parents COUNT\n
 *     ID\n                      one line per parent, in the order given
 *     pixels HASH\n             pent_image_get_hash (), or - for a revision without a picture
 *
 * Everything else is what the document's records say now; it is updated, with notify, when they change.
 * Thread-safety: belongs to the thread of its document's main context; id, recipe, parents and pixels may be read from
 * any. */
#define PENT_TYPE_REVISION (pent_revision_get_type ())
G_DECLARE_FINAL_TYPE (PentRevision, pent_revision, PENT, REVISION, GObject)

const char        *pent_revision_get_id (PentRevision *self);
PentRecipe        *pent_revision_get_recipe (PentRevision *self);         /* transfer none */
const char *const *pent_revision_get_parents (PentRevision *self);        /* ids; none: a root */
const char        *pent_revision_get_pixels (PentRevision *self);         /* the picture's hash, or NULL */
const char        *pent_revision_get_op (PentRevision *self);
const char        *pent_revision_get_prompt (PentRevision *self);
const char        *pent_revision_get_model (PentRevision *self);

gint64             pent_revision_get_created (PentRevision *self);        /* microseconds since 1970 */
const char        *pent_revision_get_author (PentRevision *self);
const char        *pent_revision_get_words (PentRevision *self);          /* what the artist said; may be "" */

const char        *pent_revision_get_name (PentRevision *self);           /* "" if it has none */
const char        *pent_revision_get_notes (PentRevision *self);
guint              pent_revision_get_rating (PentRevision *self);         /* 0 … 5 */
const char *const *pent_revision_get_tags (PentRevision *self);           /* sorted by bytes */
const char *const *pent_revision_get_flags (PentRevision *self);
gboolean           pent_revision_get_trashed (PentRevision *self);
gboolean           pent_revision_get_purged (PentRevision *self);         /* its picture was given up for good */
gboolean           pent_revision_get_position (PentRevision *self, double *x, double *y);     /* FALSE if it has none */

G_END_DECLS
