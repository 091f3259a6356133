/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* A cursor over JSON text that was checked to be UTF-8: for vocabularies, which are too big to become a tree first.
 * Every function leaves the cursor behind what it read, or returns FALSE with PENT_ERROR_FILE naming file and line.
 * Nesting is limited to TEXT_JSON_DEPTH.  Private to src/text. */
#define TEXT_JSON_DEPTH 64
#define TEXT_JSON_MAX_FILE (256u << 20)      /* bytes */

typedef struct {
  const char *start, *p, *end;
  const char *file;                          /* how messages call it; borrowed */
} TextJson;

/* FALSE if bytes are not UTF-8 or too many. */
gboolean text_json_init (TextJson *self, GBytes *bytes, const char *file, GError **error);
gboolean text_json_fail (TextJson *self, const char *what, GError **error);        /* always FALSE */

char text_json_peek (TextJson *self); /* first character of the next value; '\0' at the end */
gboolean text_json_skip (TextJson *self, GError **error);        /* one whole value */
gboolean text_json_string (TextJson *self, GString *out, GError **error);          /* replaces out */
gboolean text_json_integer (TextJson *self, gint64 *value, GError **error);

/* Walks an array or object:  text_json_open (j, '[', …); while (text_json_next (j, ']', &n, &more, …) && more) one
 * value. n counts from 0 and is the caller's.  text_json_key reads "name": in an object. */
gboolean text_json_open (TextJson *self, char bracket, GError **error);
gboolean text_json_next (TextJson *self, char bracket, guint *n, gboolean *more, GError **error);
gboolean text_json_key (TextJson *self, GString *name, GError **error);
gboolean text_json_finish (TextJson *self, GError **error);      /* nothing but space is left */

/* Members of a parsed object, with `otherwise` where they are absent or of another type. */
const char *text_object_string (JsonObject *object, const char *name, const char *otherwise);
gboolean    text_object_flag (JsonObject *object, const char *name, gboolean otherwise);
JsonObject *text_object_object (JsonObject *object, const char *name);             /* or NULL */
JsonArray  *text_object_array (JsonObject *object, const char *name);              /* or NULL */
gboolean    text_object_integer (JsonObject *object, const char *name, gint64 *value);
JsonObject *text_array_object (JsonArray *array, guint i);                         /* or NULL */
const char *text_array_string (JsonArray *array, guint i);                         /* or NULL */

/* PENT_ERROR_MODEL: “file”: the field “field” …; always FALSE. */
gboolean text_field_fail (GError **error, const char *file, const char *field, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

G_END_DECLS
