/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-tokenizer.h"
#include "text-added.h"
#include "text-source.h"
#include "text-vocab.h"

G_BEGIN_DECLS

/* Byte-level BPE (GPT-2, Qwen 2 and 3, Llama 3, …).  text-bpe.c encodes and decodes, text-bpe-load.c reads the files.
 * Tokens are held as the bytes they stand for: the files' alphabet of 256 letters is gone after loading. */
#define TEXT_TYPE_BPE (text_bpe_get_type ())
G_DECLARE_FINAL_TYPE (TextBpe, text_bpe, TEXT, BPE, PentTokenizer)

struct _TextBpe {
  PentTokenizer parent_instance;
  TextVocab    *vocab;
  GHashTable   *literal;            /* tokens that are not in the alphabet, by name: id + 1 */
  TextMerges   *merges;
  TextAdded    *added;
  GPtrArray    *splits;             /* TextSplit */
  GArray       *before, *after;     /* guint32: what is put around a text */
  guint32       byte_ids[256];      /* TEXT_NO_ID where the vocabulary lacks the byte */
  guint32       unknown;            /* stands for such a byte; TEXT_NO_ID: it is left out */
  guint         n_ids;
  gboolean      fuse_unknown, ignore_merges, nfc, prefix_space;
};

/* The bytes of a token as the files spell it, appended to out; FALSE if it is not in the alphabet. */
gboolean       text_bpe_spell (const char *token, gsize length, GString *out);

PentTokenizer *text_bpe_load (const TextSource *source, GError **error);

G_END_DECLS
