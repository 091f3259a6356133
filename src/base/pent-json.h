/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include "pent-files.h"

G_BEGIN_DECLS

/* PentJson: reads the fields of one JSON object into C, keeping the first error, so that a reader reads straight:
 *
 *   g_auto (PentJson) j = PENT_JSON_INIT;
 *   pent_json_load (&j, files, "config.json");
 *   dim = pent_json_int (&j, "dim", PENT_JSON_REQUIRED, 1, 65536);
 *   return pent_json_finish (&j, error);
 *
 * Messages name file, field, what is there and what is allowed.  A field that is null counts as absent.
 * Thread-safety: one thread at a time. */
typedef struct {
  JsonObject *object;       /* NULL after an error in loading: every getter then gives its fallback */
  char       *where;        /* "…/config.json" */
  GError     *error;
} PentJson;

#define PENT_JSON_INIT { NULL, NULL, NULL }
#define PENT_JSON_REQUIRED G_MININT64          /* as fallback: absence is an error */

void        pent_json_load (PentJson *self, PentFiles *files, const char *name);
void        pent_json_wrap (PentJson *self, JsonObject *object, const char *where);
void        pent_json_clear (PentJson *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PentJson, pent_json_clear)

gboolean    pent_json_has (PentJson *self, const char *name);

/* Numbers outside [min, max] are errors; a float field takes whole numbers too. */
gint64      pent_json_int (PentJson *self, const char *name, gint64 fallback, gint64 min, gint64 max);
double      pent_json_float (PentJson *self, const char *name, double fallback, double min, double max);
gboolean    pent_json_bool (PentJson *self, const char *name, gboolean fallback);
const char *pent_json_string (PentJson *self, const char *name, const char *fallback);   /* owned by the object */
/* An array of 1 … max_n whole numbers; returns how many (0 if absent or wrong). */
guint       pent_json_ints (PentJson *self, const char *name, guint *values, guint max_n, gint64 min, gint64 max);
/* A member object, or NULL if absent. */
JsonObject *pent_json_object (PentJson *self, const char *name);

/* An error of the reader's own, about one field. */
void        pent_json_fail (PentJson *self, const char *name, const char *format, ...) G_GNUC_PRINTF (3, 4);

gboolean    pent_json_finish (PentJson *self, GError **error);

/* The other way: JSON text of a value of the kinds that recipes and the wire use; free it.  Doubles read back exactly
 * and as doubles, unsigned numbers above 2^53 are strings, bytes hexadecimal. */
char       *pent_json_from_variant (GVariant *value);

G_END_DECLS
