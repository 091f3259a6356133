/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Tokens by id and ids by token: byte strings in one arena, one open hash table.  Private to src/text. */
#define TEXT_NO_ID G_MAXUINT32
#define TEXT_MAX_ID ((1u << 22) - 1)        /* the largest vocabularies in use have 2^18 tokens */

typedef struct _TextVocab TextVocab;

TextVocab  *text_vocab_new (void);
void        text_vocab_free (TextVocab *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextVocab, text_vocab_free)

/* FALSE, changing nothing, if the id is taken, or the token is known and `findable`.  A token that is not findable has
 * its bytes but does not answer to them.  id <= TEXT_MAX_ID. */
gboolean    text_vocab_add (TextVocab *self, guint32 id, const char *bytes, gsize length, gboolean findable);
guint32     text_vocab_find (TextVocab *self, const char *bytes, gsize length);          /* or TEXT_NO_ID */
gboolean    text_vocab_has (TextVocab *self, guint32 id);
gboolean    text_vocab_is (TextVocab *self, guint32 id, const char *bytes, gsize length);
const char *text_vocab_get (TextVocab *self, guint32 id, gsize *length);                 /* not terminated; or NULL */
guint       text_vocab_size (TextVocab *self);                                           /* the largest id + 1 */

/* Merges: a pair of ids to the rank of their merge and the id that it makes. */
typedef struct { guint32 rank, id; } TextMerge;
typedef struct _TextMerges TextMerges;

TextMerges      *text_merges_new (void);
void             text_merges_free (TextMerges *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextMerges, text_merges_free)

void text_merges_add (TextMerges *self, guint32 left, guint32 right, TextMerge merge); /* the last wins */
const TextMerge *text_merges_find (TextMerges *self, guint32 left, guint32 right);                    /* or NULL */

G_END_DECLS
