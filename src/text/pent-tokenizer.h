/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>
#include "pent-files.h"

G_BEGIN_DECLS

/* PentTokenizer: text to token ids and back.  The abstract type; each kind is one file (text-bpe.c: byte-level BPE)
 * and names the files it can read; the list in meson.build is the registry.
 *
 * Thread-safety: immutable after loading; any thread. */
#define PENT_TYPE_TOKENIZER (pent_tokenizer_get_type ())
G_DECLARE_DERIVABLE_TYPE (PentTokenizer, pent_tokenizer, PENT, TOKENIZER, GObject)

typedef struct { guint first, length; } PentTokenRange;        /* bytes of the text that a token stands for */

struct _PentTokenizerClass {
  GObjectClass parent_class;
  /* ranges may be NULL; length is not -1 */
  GArray *(*encode) (PentTokenizer *self, const char *text, gssize length, gboolean special, GArray *ranges);
  /* appends the bytes that the ids stand for, UTF-8 or not */
  void    (*decode) (PentTokenizer *self, const guint32 *ids, gsize n, gboolean skip_special, GString *out);
  guint   (*get_vocab_size) (PentTokenizer *self);
  gboolean (*find)  (PentTokenizer *self, const char *token, guint32 *id);
};

/* From tokenizer.json, or vocab.json + merges.txt, in the files (tokenizer_config.json refines either).
 * PENT_ERROR_FILE / PENT_ERROR_MODEL naming file and field. */
PentTokenizer *pent_tokenizer_load (PentFiles *files, GError **error);

/* text is UTF-8 (invalid bytes are replaced), may hold NUL when length >= 0; length in bytes or -1.
 * special: add what the tokenizer puts around a text (BOS, EOS).  Returns guint32 ids.
 * ranges: NULL, or an array that is filled with one PentTokenRange an id.  Together they are the text without a gap;
 * what special adds has length 0.  A character that falls into several tokens is divided between them by its bytes;
 * where normalising changed the text, all of the change belongs to the token at its end. */
GArray        *pent_tokenizer_encode (PentTokenizer *self, const char *text, gssize length, gboolean special,
                                      GArray *ranges);

/* Ids beyond the vocabulary are left out.  Bytes that are not UTF-8 together become U+FFFD.  Free the result. */
char          *pent_tokenizer_decode (PentTokenizer *self, const guint32 *ids, gsize n, gboolean skip_special);

/* The same, appended to out: for texts that hold NUL. */
void           pent_tokenizer_decode_to (PentTokenizer *self, const guint32 *ids, gsize n, gboolean skip_special,
                                         GString *out);

/* Streaming: the bytes of one token as they are, appended to out (may end within a character). */
void           pent_tokenizer_decode_bytes (PentTokenizer *self, guint32 id, gboolean skip_special, GString *out);

guint          pent_tokenizer_get_vocab_size (PentTokenizer *self);      /* the largest id + 1, added tokens included */

/* A special or plain token by the name that the files have for it. */
gboolean       pent_tokenizer_find (PentTokenizer *self, const char *token, guint32 *id);

G_END_DECLS
