/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-fields"

#include "pent-fields-private.h"

#include <math.h>
#include <string.h>

#include "pent-error.h"

#define MAX_VALUE (1 << 20)             /* bytes */
#define MAX_NAME 200                    /* bytes of a tag's or a flag's name */

/* ---- the table ---- */

static const guint8 nothing[1];

static GBytes *
target_bytes (const guint8 *target)
{
  return target != NULL ? g_bytes_new (target, 32) : g_bytes_new_static (nothing, 0);
}

gint64
pent_record_next_time (PentSql *sql)
{
  gint64 latest = pent_sql_get_int (sql, "SELECT max (time) FROM record", "");

  return MAX (g_get_real_time (), latest + 1);
}

gboolean
pent_record_insert (PentSql *sql, const guint8 *target, const char *field, const char *value, gint64 time,
                    const char *author)
{
  g_autoptr (GBytes) bytes = target_bytes (target);

  pent_sql_run (sql, "INSERT INTO record (target, field, value, time, author) VALUES (?1, ?2, ?3, ?4, ?5)"
                " ON CONFLICT DO NOTHING", "bssis", bytes, field, value, time, author);
  return !pent_sql_failed (sql) && sqlite3_changes (pent_sql_get_handle (sql)) > 0;
}

char *
pent_record_get (PentSql *sql, const guint8 *target, const char *field)
{
  g_autoptr (GBytes) bytes = target_bytes (target);
  g_auto (PentQuery) query =
    pent_sql_query (sql, "SELECT value FROM record WHERE target = ?1 AND field = ?2"
                    " ORDER BY time DESC, author DESC, value DESC LIMIT 1", "bs", bytes, field);

  return pent_query_next (&query) ? g_strdup (pent_query_text (&query, 0)) : NULL;
}

char *
pent_record_get_first (PentSql *sql, const guint8 *target, const char *field)
{
  g_autoptr (GBytes) bytes = target_bytes (target);
  g_auto (PentQuery) query =
    pent_sql_query (sql, "SELECT value FROM record WHERE target = ?1 AND field = ?2"
                    " ORDER BY time, author, value LIMIT 1", "bs", bytes, field);

  return pent_query_next (&query) ? g_strdup (pent_query_text (&query, 0)) : NULL;
}

/* ---- folding ---- */

/* When the revision was last taken out of the trash, and last purged. */
typedef struct {
  gint64 time;
  char  *author;
} Stamp;

static void
stamp_raise (Stamp *self, gint64 time, const char *author)
{
  self->time = time;
  g_set_str (&self->author, author);
}

static gboolean
stamp_is_after (const Stamp *self, const Stamp *other)
{
  if (self->author == NULL || other->author == NULL)
    return self->author != NULL;
  return self->time != other->time ? self->time > other->time : strcmp (self->author, other->author) > 0;
}

static void
set_label (GPtrArray *labels, const char *name, gboolean there)
{
  gboolean last = labels->len > 0 && g_str_equal (g_ptr_array_index (labels, labels->len - 1), name);

  if (there && !last)
    g_ptr_array_add (labels, g_strdup (name));
  else if (!there && last)
    g_ptr_array_set_size (labels, labels->len - 1);
}

static void
set_position (PentFields *self, const char *value)
{
  char *end;

  self->x = g_ascii_strtod (value, &end);
  self->has_position = end != value && *end == ' ';
  self->y = self->has_position ? g_ascii_strtod (end + 1, NULL) : 0;
  if (!self->has_position)
    self->x = 0;
}

/* Rows come in the order of the unique index, so that of one field the last one wins. */
static void
fold (PentFields *self, PentQuery *row, Stamp *kept, Stamp *purged)
{
  const char *field = pent_query_text (row, 0), *value = pent_query_text (row, 1);

  if (g_str_equal (field, "made"))
    {
      if (self->created != 0)
        return;
      self->created = pent_query_int (row, 2);
      g_set_str (&self->words, value);
      g_set_str (&self->author, pent_query_text (row, 3));
    }
  else if (g_str_equal (field, "name"))
    g_set_str (&self->name, value);
  else if (g_str_equal (field, "notes"))
    g_set_str (&self->notes, value);
  else if (g_str_equal (field, "rating"))
    self->rating = MIN ((guint) g_ascii_strtoull (value, NULL, 10), 5);
  else if (g_str_equal (field, "position"))
    set_position (self, value);
  else if (g_str_has_prefix (field, "tag:"))
    set_label (self->tags, field + strlen ("tag:"), *value == '1');
  else if (g_str_has_prefix (field, "flag:"))
    set_label (self->flags, field + strlen ("flag:"), *value == '1');
  else if (g_str_equal (field, "trash"))
    {
      self->trashed = *value == '1';
      if (!self->trashed)
        stamp_raise (kept, pent_query_int (row, 2), pent_query_text (row, 3));
    }
  else if (g_str_equal (field, "purged") && *value == '1')
    stamp_raise (purged, pent_query_int (row, 2), pent_query_text (row, 3));
}

PentFields *
pent_fields_load (PentSql *sql, const guint8 *target)
{
  PentFields *self = g_new0 (PentFields, 1);
  Stamp kept = { 0 }, purged = { 0 };
  g_auto (PentQuery) query =
    pent_sql_query (sql, "SELECT field, value, time, author FROM record WHERE target = ?1"
                    " ORDER BY field, time, author, value", "h", target);

  self->tags = g_ptr_array_new_null_terminated (0, g_free, TRUE);
  self->flags = g_ptr_array_new_null_terminated (0, g_free, TRUE);
  self->author = g_strdup ("");
  self->words = g_strdup ("");
  self->name = g_strdup ("");
  self->notes = g_strdup ("");
  while (pent_query_next (&query))
    fold (self, &query, &kept, &purged);
  self->purged = stamp_is_after (&purged, &kept);
  g_free (kept.author);
  g_free (purged.author);
  return self;
}

void
pent_fields_free (PentFields *self)
{
  if (self == NULL)
    return;
  g_free (self->author);
  g_free (self->words);
  g_free (self->name);
  g_free (self->notes);
  g_ptr_array_unref (self->tags);
  g_ptr_array_unref (self->flags);
  g_free (self);
}

int
pent_fields_get_fate (const PentFields *self)
{
  return self->purged ? 2 : self->trashed ? 1 : 0;
}

/* ---- checking ---- */

static gboolean
is_position (const char *value)
{
  char *end;
  double x = g_ascii_strtod (value, &end), y;
  const char *second = end + 1;

  if (end == value || *end != ' ' || !isfinite (x))
    return FALSE;
  y = g_ascii_strtod (second, &end);
  return end != second && *end == '\0' && isfinite (y);
}

static gboolean
is_switch (const char *value)
{
  return g_str_equal (value, "0") || g_str_equal (value, "1");
}

gboolean
pent_field_check (const char *field, const char *value, GError **error)
{
  const char *wrong = NULL;

  if (!g_utf8_validate (field, -1, NULL) || !g_utf8_validate (value, -1, NULL))
    wrong = "it is not UTF-8";
  else if (*field == '\0' || strlen (field) > MAX_NAME)
    wrong = "its name has to be 1 to 200 bytes long";
  else if (strlen (value) > MAX_VALUE)
    wrong = "it is longer than 1 MiB";
  else if (g_str_equal (field, "rating") && !(value[0] >= '0' && value[0] <= '5' && value[1] == '\0'))
    wrong = "it has to be from 0 to 5";
  else if (g_str_equal (field, "position") && *value != '\0' && !is_position (value))
    wrong = "it has to be two numbers";
  else if ((g_str_has_prefix (field, "tag:") || g_str_has_prefix (field, "flag:")) &&
           (strchr (field, ':')[1] == '\0' || !is_switch (value)))
    wrong = "it needs a name and to be set or taken away";
  else if (g_str_equal (field, "trash") && !is_switch (value))
    wrong = "it has to be in or out";
  if (wrong == NULL)
    return TRUE;
  g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "“%.60s” cannot be “%.60s”: %s", field, value, wrong);
  return FALSE;
}
