/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-files.h"
#include "pent-tokenizer.h"
#include "text-json.h"

G_BEGIN_DECLS

/* What a tokenizer is loaded from, opened and checked once for all kinds.  The two big fields of tokenizer.json stay
 * text; everything else is a tree.  Private to src/text. */
typedef struct {
  PentFiles  *files;
  char       *json_file;             /* tokenizer.json as messages call it; NULL: there is none */
  JsonNode   *json;                  /* its tree, with null for model.vocab and model.merges */
  JsonObject *root, *model;          /* within json */
  TextJson    vocab, merges;         /* cursors at those two values; start NULL: absent */
  GBytes     *bytes;
  char       *config_file;           /* tokenizer_config.json; NULL: there is none */
  JsonNode   *config_json;
  JsonObject *config;
} TextSource;

gboolean text_source_open (TextSource *self, PentFiles *files, GError **error);
void     text_source_clear (TextSource *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TextSource, text_source_clear)

/* One kind of tokenizer: text-NAME.c defines text_kind_NAME, named in the list in meson.build. */
typedef struct {
  const char    *name;
  gboolean     (*reads) (const TextSource *source);
  PentTokenizer *(*load) (const TextSource *source, GError **error);
} TextKind;

G_END_DECLS
