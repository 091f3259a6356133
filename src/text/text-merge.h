/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "text-vocab.h"

G_BEGIN_DECLS

/* Byte-pair merging of one word: as long as a neighbouring pair has a merge, the one of lowest rank is made, the
 * leftmost first (Sennrich et al. 2016, arXiv:1508.07909).  O(n log n).  Private to src/text. */
typedef struct {
  guint32 id;
  guint   length;      /* bytes that it stands for */
} TextSymbol;

/* Reusable memory; zero it before the first use. */
typedef struct {
  gpointer links, heap;
  guint    n_links, n_heap, heap_len;
} TextMergeScratch;

/* symbols[0 … n) in place; returns how many are left. */
guint text_merge_word (TextMerges *merges, TextMergeScratch *scratch, TextSymbol *symbols, guint n);
void  text_merge_scratch_clear (TextMergeScratch *scratch);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TextMergeScratch, text_merge_scratch_clear)

G_END_DECLS
