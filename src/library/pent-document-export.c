/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-document"

#include "pent-document-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>

#include "pent-error.h"
#include "pent-fields-private.h"
#include "pent-provenance.h"
#include "pent-state-private.h"

#define SLUG_LETTERS 40

/* ---- files ---- */

static gboolean
sync_path (const char *path, int flags)
{
  g_autofd int fd = g_open (path, flags | O_CLOEXEC, 0);

  return fd >= 0 && fsync (fd) == 0;
}

gboolean
pent_file_publish (const char *partial, const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);

  if (!sync_path (partial, O_RDONLY) || renameat2 (AT_FDCWD, partial, AT_FDCWD, path, RENAME_NOREPLACE) != 0)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” cannot be written: %s", name, g_strerror (errno));
      return FALSE;
    }
  sync_path (folder, O_RDONLY | O_DIRECTORY);
  return TRUE;
}

/* ---- one ---- */

static gboolean
save_picture (PentDocument *self, const PentRow *row, const char *path, GError **error)
{
  g_autoptr (PentRecipe) recipe = pent_recipe_from_json (row->recipe, error);
  g_autoptr (PentImage) image = NULL;
  g_autoptr (GHashTable) texts = NULL;

  if (recipe == NULL)
    return FALSE;
  if (row->pixels == NULL)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "The revision %.12s has no picture", row->id);
      return FALSE;
    }
  image = pent_document_load_image (self, row->pixels, error);
  if (image == NULL)
    return FALSE;
  texts = pent_provenance_write (recipe);
  return pent_image_save_png (image, path, texts, error);
}

gboolean
pent_document_export (PentDocument *self, const char *id, const char *path, GError **error)
{
  g_autoptr (PentRow) row = NULL;
  PentSql *sql;
  gboolean read;

  g_return_val_if_fail (PENT_IS_DOCUMENT (self), FALSE);
  g_return_val_if_fail (id != NULL && path != NULL, FALSE);

  sql = pent_document_lock_loader (self, NULL);
  row = pent_row_load (sql, pent_row_find_short (sql, id));
  read = pent_sql_check (sql, error);
  pent_document_unlock_loader (self);
  if (!read)
    return FALSE;
  if (row == NULL)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "There is no revision %.12s in “%s”", id,
                   pent_sql_get_name (self->loader));
      return FALSE;
    }
  return save_picture (self, row, path, error);
}

/* ---- all ---- */

/* What a file is called after: the name or the prompt, as far as every file system takes it. */
static char *
make_slug (const char *text)
{
  GString *slug = g_string_new (NULL);
  guint n = 0;

  for (; *text != '\0' && n < SLUG_LETTERS; text = g_utf8_next_char (text))
    {
      gunichar letter = g_utf8_get_char (text);

      if (g_unichar_isalnum (letter) || g_unichar_ismark (letter))
        {
          g_string_append_unichar (slug, letter);
          n++;
        }
      else if (slug->len > 0 && slug->str[slug->len - 1] != '-')
        {
          g_string_append_c (slug, '-');
          n++;
        }
    }
  while (slug->len > 0 && slug->str[slug->len - 1] == '-')
    g_string_truncate (slug, slug->len - 1);
  return g_string_free_and_steal (slug);
}

static void
add_strings (JsonBuilder *json, const char *name, char **strings, guint n)
{
  json_builder_set_member_name (json, name);
  json_builder_begin_array (json);
  for (guint i = 0; i < n; i++)
    json_builder_add_string_value (json, strings[i]);
  json_builder_end_array (json);
}

static void
add_string (JsonBuilder *json, const char *name, const char *value)
{
  json_builder_set_member_name (json, name);
  json_builder_add_string_value (json, value);
}

static void
describe (JsonBuilder *json, const PentRow *row, const PentFields *fields, const char *file)
{
  g_autoptr (GDateTime) created = g_date_time_new_from_unix_utc_usec (fields->created);
  g_autofree char *when = created != NULL ? g_date_time_format_iso8601 (created) : g_strdup ("");
  g_autoptr (JsonNode) recipe = json_from_string (row->recipe, NULL);

  json_builder_begin_object (json);
  add_string (json, "id", row->id);
  add_string (json, "file", file);
  add_strings (json, "parents", row->parents, g_strv_length (row->parents));
  add_string (json, "created", when);
  add_string (json, "author", fields->author);
  add_string (json, "words", fields->words);
  add_string (json, "name", fields->name);
  add_string (json, "notes", fields->notes);
  json_builder_set_member_name (json, "rating");
  json_builder_add_int_value (json, fields->rating);
  add_strings (json, "tags", (char **) fields->tags->pdata, fields->tags->len);
  add_strings (json, "flags", (char **) fields->flags->pdata, fields->flags->len);
  if (recipe != NULL)
    {
      json_builder_set_member_name (json, "recipe");
      json_builder_add_value (json, g_steal_pointer (&recipe));
    }
  json_builder_end_object (json);
}

static gboolean
make_empty_folder (const char *folder, GError **error)
{
  g_autoptr (GDir) dir = NULL;

  if (g_mkdir_with_parents (folder, 0777) != 0)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "The folder “%s” cannot be made: %s", folder, g_strerror (errno));
      return FALSE;
    }
  dir = g_dir_open (folder, 0, NULL);
  if (dir != NULL && g_dir_read_name (dir) == NULL)
    return TRUE;
  g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "The folder “%s” is not empty; choose another", folder);
  return FALSE;
}

static GArray *
list_in_view (PentSql *sql)
{
  GArray *seqs = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_auto (PentQuery) query = pent_sql_query (sql, "SELECT seq FROM state WHERE fate = 0 ORDER BY created, seq", "");

  while (pent_query_next (&query))
    {
      gint64 seq = pent_query_int (&query, 0);

      g_array_append_val (seqs, seq);
    }
  return seqs;
}

static gboolean
export_one (PentDocument *self, gint64 seq, guint number, const char *folder, JsonBuilder *json, guint *n,
            GCancellable *cancellable, GError **error)
{
  g_autofree char *name = g_strdup (""), *path = NULL, *slug = NULL;
  g_autoptr (PentFields) fields = NULL;
  g_autoptr (PentRow) row = NULL;
  g_autoptr (PentRecipe) recipe = NULL;
  PentSql *sql = pent_document_lock_loader (self, cancellable);
  guint8 id[32];
  gboolean read;

  row = pent_row_load (sql, seq);
  if (row != NULL && pent_hash_from_hex (row->id, id))
    fields = pent_fields_load (sql, id);
  read = pent_sql_check (sql, error);
  pent_document_unlock_loader (self);
  if (!read || row == NULL)
    return read;

  if (row->pixels != NULL)
    {
      recipe = pent_recipe_from_json (row->recipe, NULL);
      slug = make_slug (*fields->name != '\0' ? fields->name
                        : recipe != NULL ? pent_recipe_get_string (recipe, "prompt") : "");
      g_free (name);
      name = g_strdup_printf ("%05u%s%s %.8s.png", number, *slug != '\0' ? " " : "", slug, row->id);
      path = g_build_filename (folder, name, NULL);
      if (!save_picture (self, row, path, error))
        return FALSE;
      (*n)++;
    }
  describe (json, row, fields, name);
  return TRUE;
}

static gboolean
save_json (JsonBuilder *json, const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "revisions.json", NULL);
  g_autoptr (JsonNode) root = json_builder_get_root (json);
  g_autofree char *text = json_to_string (root, TRUE);
  g_autoptr (GError) local_error = NULL;

  if (g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0666,
                                &local_error))
    return TRUE;
  g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” cannot be written: %s", path, local_error->message);
  return FALSE;
}

gboolean
pent_document_export_all (PentDocument *self, const char *folder, guint *n, GCancellable *cancellable, GError **error)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autoptr (GArray) seqs = NULL;
  guint count = 0;
  PentSql *sql;
  gboolean done;

  g_return_val_if_fail (PENT_IS_DOCUMENT (self), FALSE);
  g_return_val_if_fail (folder != NULL, FALSE);

  if (!make_empty_folder (folder, error))
    return FALSE;
  sql = pent_document_lock_loader (self, cancellable);
  seqs = list_in_view (sql);
  done = pent_sql_check (sql, error);
  pent_document_unlock_loader (self);

  json_builder_begin_array (json);
  for (guint i = 0; done && i < seqs->len; i++)
    done = !g_cancellable_set_error_if_cancelled (cancellable, error) &&
           export_one (self, g_array_index (seqs, gint64, i), i + 1, folder, json, &count, cancellable, error);
  json_builder_end_array (json);
  if (n != NULL)
    *n = count;
  return done && save_json (json, folder, error);
}
