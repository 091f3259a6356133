/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What tokenizers need of Unicode beyond GLib.  Private to src/text. */

/* Where the bytes of a changed text came from: a growing list of points (to, from); between two points that are equally
 * far apart in both texts the way is one to one, otherwise all of it came from the first.  Looked up with growing
 * positions only. */
typedef struct {
  GArray *points;      /* of TextAlignPoint; NULL: one to one */
  guint   at;
} TextAlign;

typedef struct { guint to, from; } TextAlignPoint;

void  text_align_add (TextAlign *self, guint to, guint from);
guint text_align_from (TextAlign *self, guint to);
void  text_align_clear (TextAlign *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TextAlign, text_align_clear)

/* The length of the character at p, or of the longest start of one if it is broken off or wrong (at least 1 byte): what
 * becomes a single U+FFFD by the Unicode standard, section 3.9. */
guint    text_utf8_length (const char *p, const char *end, gboolean *valid);

/* Appends text with U+FFFD for every wrong sequence. */
void     text_append_valid (GString *out, const char *text, gsize length, TextAlign *align);

/* Appends the canonical composition (NFC) of valid text, which may hold NUL; FALSE if it is the text unchanged. */
gboolean text_append_nfc (GString *out, const char *text, gsize length, TextAlign *align);

/* The White_Space property and what regular expressions call \w, by the Unicode standard. */
gboolean text_is_space (gunichar c);
gboolean text_is_word (gunichar c);

G_END_DECLS
