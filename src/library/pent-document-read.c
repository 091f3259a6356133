/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-document"

#include "pent-document-private.h"

#include <unistd.h>

#include "pent-error.h"
#include "pent-fields-private.h"
#include "pent-state-private.h"

/* ---- pictures ---- */

static PentImage *
load_picture (PentDocument *self, const char *hash, PentPicture which, GError **error)
{
  g_autoptr (GBytes) png = NULL;
  g_autofree char *name = NULL;
  guint8 bytes[32];
  PentSql *sql;
  gboolean read;

  if (!pent_hash_from_hex (hash, bytes))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "“%.70s” is no picture's hash", hash);
      return NULL;
    }
  sql = pent_document_lock_loader (self, NULL);
  png = pent_pixels_load (sql, hash, which);
  read = pent_sql_check (sql, error);
  pent_document_unlock_loader (self);
  if (!read)
    return NULL;

  name = g_path_get_basename (self->path);
  if (png == NULL)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "The picture %.12s is not in “%s” (any more)", hash, name);
      return NULL;
    }
  return pent_image_load_png (png, name, NULL, error);
}

PentImage *
pent_document_load_image (PentDocument *self, const char *hash, GError **error)
{
  g_return_val_if_fail (PENT_IS_DOCUMENT (self), NULL);
  g_return_val_if_fail (hash != NULL, NULL);
  return load_picture (self, hash, PENT_PICTURE_PNG, error);
}

PentImage *
pent_document_load_thumbnail (PentDocument *self, const char *hash, GError **error)
{
  g_return_val_if_fail (PENT_IS_DOCUMENT (self), NULL);
  g_return_val_if_fail (hash != NULL, NULL);
  return load_picture (self, hash, PENT_PICTURE_THUMBNAIL, error);
}

/* ---- fields ---- */

char *
pent_document_get_field (PentDocument *self, const char *id, const char *field)
{
  char *value = NULL;
  guint8 bytes[32];
  PentSql *sql;

  g_return_val_if_fail (PENT_IS_DOCUMENT (self), NULL);
  g_return_val_if_fail (field != NULL, NULL);

  if (id != NULL && !pent_hash_from_hex (id, bytes))
    return g_strdup ("");
  sql = pent_document_lock_loader (self, NULL);
  value = pent_record_get (sql, id != NULL ? bytes : NULL, field);
  pent_sql_check (sql, NULL);
  pent_document_unlock_loader (self);
  return value != NULL ? value : g_strdup ("");
}

char *
pent_document_get_uuid (PentDocument *self)
{
  char *uuid;
  PentSql *sql;

  g_return_val_if_fail (PENT_IS_DOCUMENT (self), NULL);

  sql = pent_document_lock_loader (self, NULL);
  uuid = pent_record_get_first (sql, NULL, "made");
  pent_sql_check (sql, NULL);
  pent_document_unlock_loader (self);
  return uuid != NULL ? uuid : g_strdup ("");
}

/* ---- dump ---- */

static void
append_quoted (GString *out, const char *text)
{
  g_autofree char *escaped = g_strescape (text, NULL);

  g_string_append_printf (out, " \"%s\"", escaped);
}

static void
dump_parents (GString *out, PentSql *sql, gint64 seq)
{
  g_autoptr (PentRow) row = pent_row_load (sql, seq);

  for (guint i = 0; row != NULL && row->parents[i] != NULL; i++)
    g_string_append_printf (out, "  parent %s\n", row->parents[i]);
}

static void
dump_revisions (GString *out, PentSql *sql)
{
  g_auto (PentQuery) query = pent_sql_query (sql, "SELECT seq, id, recipe, pixels FROM revision ORDER BY id", "");

  while (pent_query_next (&query))
    {
      g_autofree char *id = pent_hash_to_hex (pent_query_hash (&query, 1));
      const guint8 *hash = pent_query_hash (&query, 3);
      g_autofree char *pixels = hash != NULL ? pent_hash_to_hex (hash) : g_strdup ("-");

      g_string_append_printf (out, "revision %s\n  recipe", id);
      append_quoted (out, pent_query_text (&query, 2));
      g_string_append_printf (out, "\n  pixels %s\n", pixels);
      dump_parents (out, sql, pent_query_int (&query, 0));
    }
}

static void
dump_records (GString *out, PentSql *sql)
{
  g_auto (PentQuery) query =
    pent_sql_query (sql, "SELECT lower (hex (target)), field, time, author, value FROM record"
                    " ORDER BY target, field, time, author, value", "");

  while (pent_query_next (&query))
    {
      g_string_append_printf (out, "record %s", *pent_query_text (&query, 0) != '\0' ? pent_query_text (&query, 0) : "-");
      append_quoted (out, pent_query_text (&query, 1));
      g_string_append_printf (out, " %" G_GINT64_FORMAT, pent_query_int (&query, 2));
      append_quoted (out, pent_query_text (&query, 3));
      append_quoted (out, pent_query_text (&query, 4));
      g_string_append_c (out, '\n');
    }
}

/* Not how a picture is compressed nor its thumbnail: these are how it is kept, not what it is. */
static void
dump_pixels (GString *out, PentSql *sql)
{
  g_auto (PentQuery) query =
    pent_sql_query (sql, "SELECT lower (hex (hash)), width, height FROM pixels ORDER BY hash", "");

  while (pent_query_next (&query))
    g_string_append_printf (out, "pixels %s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n", pent_query_text (&query, 0),
                            pent_query_int (&query, 1), pent_query_int (&query, 2));
}

char *
pent_document_dump (PentDocument *self, GCancellable *cancellable, GError **error)
{
  g_autoptr (GString) out = g_string_new ("pentimento document 1\n");
  PentSql *sql;
  gboolean read;

  g_return_val_if_fail (PENT_IS_DOCUMENT (self), NULL);

  sql = pent_document_lock_loader (self, cancellable);
  pent_sql_begin_read (sql);
  dump_revisions (out, sql);
  dump_pixels (out, sql);
  dump_records (out, sql);
  read = pent_sql_commit (sql, error);
  pent_document_unlock_loader (self);
  return read ? g_string_free_and_steal (g_steal_pointer (&out)) : NULL;
}

/* ---- a copy ---- */

gboolean
pent_document_save_copy (PentDocument *self, const char *path, GCancellable *cancellable, GError **error)
{
  g_autofree char *target = NULL, *name = NULL;
  g_autofree char *folder = NULL, *partial = NULL, *base = NULL;
  PentSql *sql;
  gboolean done;

  g_return_val_if_fail (PENT_IS_DOCUMENT (self), FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  target = g_canonicalize_filename (path, NULL);
  name = g_path_get_basename (target);
  if (g_file_test (target, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "“%s” exists already; choose another name", name);
      return FALSE;
    }

  /* Under another name until it is whole. */
  folder = g_path_get_dirname (target);
  base = g_strdup_printf (".%s.part-%08x", name, g_random_int ());
  partial = g_build_filename (folder, base, NULL);
  /* Writing waits for its turn instead of for a file that is being read. */
  g_mutex_lock (&self->writer_lock);
  sql = pent_document_lock_loader (self, cancellable);
  pent_sql_run (sql, "VACUUM INTO ?1", "s", partial);
  done = pent_sql_check (sql, error);
  pent_document_unlock_loader (self);
  g_mutex_unlock (&self->writer_lock);
  if (done && !pent_file_publish (partial, target, error))
    done = FALSE;
  if (!done)
    unlink (partial);
  return done;
}
