/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-document"

#include "pent-document-private.h"

#include <string.h>

#include <glib/gstdio.h>

#include "pent-error.h"
#include "pent-fields-private.h"
#include "pent-schema-private.h"
#include "pent-state-private.h"

/* Merging is the union of revisions and records; pictures follow from these: one is there where some revision that was
 * not purged uses it.  It needs no order and no memory of earlier merges.
 *
 * It goes in portions, each read whole from the other document before it is written here in one transaction: never are
 * both files locked at once, so that two documents that merge each other at the same time do not wait for each other.  A
 * portion holds its revisions with their records and pictures, so that between portions this is a whole document. */
#define PORTION_REVISIONS 256
#define PORTION_RECORDS 4096
#define PORTION_BYTES (32 << 20)

typedef struct {
  guint8  target[32];
  gboolean is_document;
  char   *field;
  char   *value;
  gint64  time;
  char   *author;
} Record;

typedef struct {
  char   *hash;
  guint   width, height;
  GBytes *thumbnail;
  GBytes *png;
} Picture;

typedef struct {
  PentRow   *row;
  GPtrArray *records;         /* of Record */
  GPtrArray *pictures;        /* of Picture: those that were not here */
  gint64     purged;          /* its seq here, if it turned out so */
} Incoming;

typedef struct {
  PentDocument *document;
  PentSql      *source;
  GCancellable *cancellable;
  gint64        last;         /* of the source's log */
  guint         n_new;
  gboolean      changed;
} Merge;

static void
record_free (Record *self)
{
  g_free (self->field);
  g_free (self->value);
  g_free (self->author);
  g_free (self);
}

static void
picture_free (Picture *self)
{
  g_free (self->hash);
  g_clear_pointer (&self->thumbnail, g_bytes_unref);
  g_clear_pointer (&self->png, g_bytes_unref);
  g_free (self);
}

static void
incoming_free (Incoming *self)
{
  g_clear_pointer (&self->row, pent_row_free);
  g_clear_pointer (&self->records, g_ptr_array_unref);
  g_clear_pointer (&self->pictures, g_ptr_array_unref);
  g_free (self);
}

/* ---- reading a portion ---- */

static Record *
read_record (Merge *merge, PentQuery *query, const guint8 *target)
{
  Record *record = g_new0 (Record, 1);
  GError *error = NULL;

  record->is_document = target == NULL;
  if (target != NULL)
    memcpy (record->target, target, 32);
  record->field = g_strdup (pent_query_text (query, 0));
  record->value = g_strdup (pent_query_text (query, 1));
  record->time = pent_query_int (query, 2);
  record->author = g_strdup (pent_query_text (query, 3));
  if (!pent_field_check (record->field, record->value, &error))
    pent_sql_take_error (merge->source, error);
  return record;
}

static GPtrArray *
read_records (Merge *merge, const char *id)
{
  GPtrArray *records = g_ptr_array_new_with_free_func ((GDestroyNotify) record_free);
  guint8 target[32];

  pent_hash_from_hex (id, target);
  g_auto (PentQuery) query =
    pent_sql_query (merge->source, "SELECT field, value, time, author FROM record WHERE target = ?1", "h", target);
  while (pent_query_next (&query))
    g_ptr_array_add (records, read_record (merge, &query, target));
  return records;
}

static void
check_picture (PentSql *source, const Picture *picture)
{
  g_autoptr (PentImage) image = pent_image_load_png (picture->png, pent_sql_get_name (source), NULL, NULL);
  g_autofree char *hash = image != NULL ? pent_image_get_hash (image) : NULL;

  if (g_strcmp0 (hash, picture->hash) != 0)
    pent_sql_fail (source, PENT_ERROR_FILE, "The picture %.12s in “%s” is damaged; it was not taken over", picture->hash,
                   pent_sql_get_name (source));
}

static Picture *
read_picture (PentSql *source, const char *hash)
{
  Picture *picture;
  guint8 bytes[32];

  pent_hash_from_hex (hash, bytes);
  g_auto (PentQuery) query =
    pent_sql_query (source, "SELECT width, height, thumbnail, png FROM pixels WHERE hash = ?1", "h", bytes);
  if (!pent_query_next (&query))
    return NULL;
  picture = g_new0 (Picture, 1);
  picture->hash = g_strdup (hash);
  picture->width = (guint) pent_query_int (&query, 0);
  picture->height = (guint) pent_query_int (&query, 1);
  picture->thumbnail = pent_query_bytes (&query, 2);
  picture->png = pent_query_bytes (&query, 3);
  return picture;
}

static Incoming *
read_incoming (Merge *merge, gint64 seq, gsize *size)
{
  Incoming *incoming = g_new0 (Incoming, 1);
  g_autofree char *digest = NULL;
  g_auto (GStrv) hashes = NULL;

  incoming->row = pent_row_load (merge->source, seq);
  incoming->pictures = g_ptr_array_new_with_free_func ((GDestroyNotify) picture_free);
  if (incoming->row == NULL)
    return incoming;
  digest = pent_revision_digest (incoming->row->recipe, (const char *const *) incoming->row->parents,
                                 incoming->row->pixels);
  if (!g_str_equal (digest, incoming->row->id))
    pent_sql_fail (merge->source, PENT_ERROR_FILE, "The revision %.12s in “%s” is damaged; it was not taken over",
                   incoming->row->id, pent_sql_get_name (merge->source));
  incoming->records = read_records (merge, incoming->row->id);

  hashes = pent_row_list_pictures (incoming->row);
  for (guint i = 0; hashes[i] != NULL && !pent_sql_failed (merge->source); i++)
    {
      Picture *picture = pent_pixels_have (merge->document->writer, hashes[i]) ? NULL
                                                                               : read_picture (merge->source, hashes[i]);

      if (picture == NULL)
        continue;
      *size += g_bytes_get_size (picture->png);
      g_ptr_array_add (incoming->pictures, picture);
    }
  return incoming;
}

/* The revisions after merge->last, as many as make a portion; NULL on error.  Pictures are decoded after the source is
 * free again. */
static GPtrArray *
read_portion (Merge *merge, GError **error)
{
  g_autoptr (GPtrArray) portion = g_ptr_array_new_with_free_func ((GDestroyNotify) incoming_free);
  gsize size = 0;

  pent_sql_begin_read (merge->source);
  {
    g_auto (PentQuery) query =
      pent_sql_query (merge->source, "SELECT seq FROM revision WHERE seq > ?1 ORDER BY seq LIMIT ?2", "ii", merge->last,
                      (gint64) PORTION_REVISIONS);

    while (size < PORTION_BYTES && pent_query_next (&query))
      {
        merge->last = pent_query_int (&query, 0);
        g_ptr_array_add (portion, read_incoming (merge, merge->last, &size));
      }
  }
  if (!pent_sql_commit (merge->source, error))
    return NULL;

  for (guint i = 0; i < portion->len; i++)
    {
      Incoming *incoming = g_ptr_array_index (portion, i);

      for (guint k = 0; k < incoming->pictures->len; k++)
        {
          if (g_cancellable_set_error_if_cancelled (merge->cancellable, error))
            return NULL;
          check_picture (merge->source, g_ptr_array_index (incoming->pictures, k));
        }
    }
  return pent_sql_check (merge->source, error) ? g_steal_pointer (&portion) : NULL;
}

/* ---- writing it ---- */

static guint
write_records (PentSql *sql, GPtrArray *records)
{
  guint n = 0;

  for (guint i = 0; i < records->len; i++)
    {
      const Record *record = g_ptr_array_index (records, i);

      n += pent_record_insert (sql, record->is_document ? NULL : record->target, record->field, record->value, record->time,
                               record->author);
    }
  return n;
}

static void
write_incoming (Merge *merge, PentSql *sql, Incoming *incoming)
{
  gboolean fresh;
  guint n_records;
  gint64 seq;
  int fate;

  if (incoming->row == NULL)
    return;
  fresh = pent_row_find (sql, incoming->row->id) == 0;
  seq = pent_row_insert (sql, incoming->row);
  n_records = write_records (sql, incoming->records);
  if (fresh || n_records > 0)
    fate = pent_state_update (sql, seq, TRUE);
  else
    fate = (int) pent_sql_get_int (sql, "SELECT fate FROM state WHERE seq = ?1", "i", seq);
  if (fate == 2)
    incoming->purged = seq;
  merge->n_new += fresh;
  merge->changed |= fresh || n_records > 0;

  for (guint i = 0; fate < 2 && i < incoming->pictures->len; i++)
    {
      const Picture *picture = g_ptr_array_index (incoming->pictures, i);

      pent_pixels_insert (sql, picture->hash, picture->width, picture->height, picture->thumbnail, picture->png);
      merge->changed = TRUE;
    }
}

static gboolean
merge_revisions (Merge *merge, PentSql *sql, GError **error)
{
  for (;;)
    {
      g_autoptr (GPtrArray) portion = read_portion (merge, error);

      if (portion == NULL)
        return FALSE;
      if (portion->len == 0)
        return TRUE;
      pent_sql_begin (sql);
      for (guint i = 0; i < portion->len; i++)
        write_incoming (merge, sql, g_ptr_array_index (portion, i));
      /* Not before all are in: what one gave up another may still use, and was therefore not read again. */
      for (guint i = 0; i < portion->len; i++)
        pent_pixels_drop_unused (sql, ((Incoming *) g_ptr_array_index (portion, i))->purged);
      if (!pent_sql_commit (sql, error))
        return FALSE;
    }
}

/* Those about the document itself.  Records about revisions went with them. */
static gboolean
merge_document_records (Merge *merge, PentSql *sql, GError **error)
{
  gint64 last = 0;

  for (;;)
    {
      g_autoptr (GPtrArray) records = g_ptr_array_new_with_free_func ((GDestroyNotify) record_free);

      {
        g_auto (PentQuery) query =
          pent_sql_query (merge->source, "SELECT field, value, time, author, seq FROM record"
                          " WHERE target = x'' AND seq > ?1 ORDER BY seq LIMIT ?2", "ii", last, (gint64) PORTION_RECORDS);

        while (pent_query_next (&query))
          {
            g_ptr_array_add (records, read_record (merge, &query, NULL));
            last = pent_query_int (&query, 4);
          }
      }
      if (!pent_sql_check (merge->source, error))
        return FALSE;
      if (records->len == 0)
        return TRUE;
      pent_sql_begin (sql);
      merge->changed |= write_records (sql, records) > 0;
      if (!pent_sql_commit (sql, error))
        return FALSE;
    }
}

static gboolean
is_same_file (const char *a, const char *b)
{
  GStatBuf first, second;

  return g_stat (a, &first) == 0 && g_stat (b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

gboolean
pent_document_merge (PentDocument *self, const char *path, guint *n_new, GCancellable *cancellable, GError **error)
{
  Merge merge = { .document = self, .cancellable = cancellable };
  gboolean done;
  PentSql *sql;

  g_return_val_if_fail (PENT_IS_DOCUMENT (self), FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  if (n_new != NULL)
    *n_new = 0;
  if (is_same_file (self->path, path))
    return TRUE;
  /* For writing, so that it can be recovered after a crash; nothing else is written to it. */
  merge.source = pent_schema_open (path, PENT_SCHEMA_WRITE, error);
  if (merge.source == NULL)
    return FALSE;
  pent_sql_set_cancellable (merge.source, cancellable);
  sql = pent_document_lock_writer (self, cancellable, error);
  if (sql != NULL)
    {
      done = merge_revisions (&merge, sql, error) && merge_document_records (&merge, sql, error);
      if (done)
        {
          pent_document_vacuum (sql);
          pent_sql_check (sql, NULL);
        }
      pent_document_unlock_writer (self);
    }
  else
    {
      done = FALSE;
    }
  pent_sql_set_cancellable (merge.source, NULL);
  pent_sql_close (merge.source);
  if (merge.changed)
    pent_document_written (self);
  if (n_new != NULL)
    *n_new = merge.n_new;
  return done;
}
