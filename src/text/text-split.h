/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Pre-tokenizers: how a text falls into the words that merges stay within.  Private to src/text. */
typedef struct { guint first, length; } TextPiece;        /* bytes */

typedef enum {
  TEXT_SPLIT_ISOLATED,             /* every match is a piece */
  TEXT_SPLIT_REMOVED,              /* matches go */
  TEXT_SPLIT_MERGED_WITH_PREVIOUS,
  TEXT_SPLIT_MERGED_WITH_NEXT,
  TEXT_SPLIT_CONTIGUOUS,           /* neighbouring matches are one piece */
} TextSplitBehavior;

typedef struct _TextSplit TextSplit;

/* pattern: a regular expression as the tokenizers library takes it (Oniguruma); translated here.  PENT_ERROR_MODEL. */
TextSplit *text_split_new (const char *pattern, TextSplitBehavior behavior, gboolean invert, const char *file,
                           const char *field, GError **error);
void       text_split_free (TextSplit *self);

/* Splits each piece of text; appends to out, no empty ones.  Never fails: where the expression gives up (on very long
 * repeats), the text is cut there. */
void       text_split_run (TextSplit *self, const char *text, const GArray *pieces, GArray *out);

/* The expression that the byte-level pre-tokenizer of GPT-2 has built in, and Qwen 2's. */
#define TEXT_SPLIT_GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define TEXT_SPLIT_QWEN2 \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" \
  "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/* A “pre_tokenizer” of tokenizer.json, a Sequence taken apart, to TextSplits in their order.  byte_level: it ended in
 * ByteLevel; prefix_space: which puts a space in front.  PENT_ERROR_UNSUPPORTED naming a type that is not known. */
GPtrArray *text_split_parse (JsonObject *node, const char *file, gboolean *byte_level, gboolean *prefix_space,
                             GError **error);

G_END_DECLS
