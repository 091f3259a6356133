/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* From logits to characters: for operations that let a language model write. */

/* How the next token is chosen. */
typedef struct {
  double  temperature;      /* 0: the likeliest, the first of equals */
  double  top_p;            /* 1 = all */
  guint   top_k;            /* 0 = all */
  guint64 seed;
} PentTextChoice;

/* The index-th token of a text, from its logits [n].  The same for the same seed and logits.  FALSE if no logit is a
 * number above -infinity, or one is NaN. */
gboolean        pent_text_choose (const PentTextChoice *choice, const float *logits, guint n, guint64 index,
                                  guint32 *id);

/* PentTextStream: bytes in, whole UTF-8 characters out.  Bytes that can be no character become U+FFFD. */
typedef struct _PentTextStream PentTextStream;

PentTextStream *pent_text_stream_new (void);
void            pent_text_stream_free (PentTextStream *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentTextStream, pent_text_stream_free)

GString        *pent_text_stream_get_buffer (PentTextStream *self);      /* append bytes to it */
char           *pent_text_stream_take (PentTextStream *self);            /* what is complete, maybe ""; free it */
char           *pent_text_stream_finish (PentTextStream *self);          /* everything; free it */

G_END_DECLS
