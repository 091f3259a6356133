/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Added tokens: whole strings such as <|im_end|> that are found in a text before its words are split.  At each place
 * the longest one counts.  Private to src/text. */
typedef struct {
  guint32  id;
  char    *content;         /* UTF-8 */
  gsize    length;
  gboolean special;         /* left out when decoding with skip_special */
  gboolean lstrip, rstrip;  /* takes the white space on that side with it */
  gboolean single_word;     /* only between characters that are no word's */
  gboolean normalized;      /* looked for in the normalised text */
} TextAddedToken;

typedef struct _TextAdded TextAdded;

TextAdded            *text_added_new (void);
void                  text_added_free (TextAdded *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextAdded, text_added_free)

/* Copies the token; one with the same content gives way. */
void                  text_added_add (TextAdded *self, const TextAddedToken *token);
guint                 text_added_get_n (TextAdded *self);
const TextAddedToken *text_added_get (TextAdded *self, guint i);
const TextAddedToken *text_added_find (TextAdded *self, const char *content);      /* or NULL */
const TextAddedToken *text_added_by_id (TextAdded *self, guint32 id);              /* or NULL */

/* After the last add and before the first search; normalise: brings contents into the form of the text, or NULL. */
void text_added_seal (TextAdded *self, gboolean (*normalise) (GString *out, const char *text, gsize length));

/* The next token in text[*first … length) among those with `normalized`, from there to *end; NULL: none. */
const TextAddedToken *text_added_search (TextAdded *self, gboolean normalized, const char *text, gsize length,
                                         gsize *first, gsize *end);

G_END_DECLS
