/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* JSON from a file that nobody vouches for: UTF-8, one object, nested at most max_depth, no key twice in any object
 * (json-glib by itself keeps the last, so that two readers of one file could disagree).  what: the file, for the
 * message.  PENT_ERROR_FILE. */
JsonNode *nn_json_parse (const char *text, gsize length, guint max_depth, const char *what, GError **error);

G_END_DECLS
