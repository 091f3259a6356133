/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include "pent-tokenizer.h"

/* Some files of tests/data/NAME as a set; all of them if names is NULL. */
PentFiles     *test_files (const char *name, const char *const *names);
PentTokenizer *test_tokenizer (const char *name, const char *const *names);
JsonNode      *test_json (const char *name, const char *file);

/* One file with these contents, as a set. */
PentFiles     *test_files_inline (const char *const *names, const char *const *contents, const gssize *lengths);

void           test_add_tokenizer (void);
void           test_add_template (void);
int            bench (void);
