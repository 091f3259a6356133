/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-verify"

#include "pent-verify.h"

#include <string.h>

#include "pent-error.h"
#include "pent-fields-private.h"
#include "pent-schema-private.h"
#include "pent-state-private.h"

static void
problem_free (PentProblem *self)
{
  g_free (self->place);
  g_free (self->message);
  g_free (self);
}

static void G_GNUC_PRINTF (3, 4)
add (GPtrArray *problems, char *place, const char *format, ...)
{
  PentProblem *problem = g_new0 (PentProblem, 1);
  va_list args;

  problem->place = place;
  va_start (args, format);
  problem->message = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (problems, problem);
}

/* What a query stumbled over is a problem too, and the next check goes on; not so when the user cancelled. */
static gboolean
note_failure (PentSql *sql, GPtrArray *problems, const char *place, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  if (pent_sql_check (sql, &local_error))
    return TRUE;
  if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  add (problems, g_strdup (place), "%s", local_error->message);
  return TRUE;
}

/* Keeps the failure, if there is one, to be noted. */
static void
end_read (PentSql *sql)
{
  GError *error = NULL;

  if (!pent_sql_commit (sql, &error))
    pent_sql_take_error (sql, error);
}

static char *
revision_place (const char *id)
{
  return g_strdup_printf ("revision %.12s", id);
}

/* ---- the file ---- */

static void
check_file (PentSql *sql, GPtrArray *problems)
{
  g_auto (PentQuery) integrity = pent_sql_query (sql, "PRAGMA integrity_check", "");
  g_auto (PentQuery) foreign = pent_sql_query (sql, "PRAGMA foreign_key_check", "");

  while (pent_query_next (&integrity))
    if (!g_str_equal (pent_query_text (&integrity, 0), "ok"))
      add (problems, g_strdup ("file"), "%s", pent_query_text (&integrity, 0));
  while (pent_query_next (&foreign))
    add (problems, g_strdup_printf ("table %s, row %" G_GINT64_FORMAT, pent_query_text (&foreign, 0),
                                    pent_query_int (&foreign, 1)),
         "It refers to a row of “%s” that is not there", pent_query_text (&foreign, 2));
}

/* ---- revisions ---- */

static void
check_identity (const PentRow *row, GPtrArray *problems)
{
  g_autofree char *digest = pent_revision_digest (row->recipe, (const char *const *) row->parents, row->pixels);
  g_autoptr (GError) error = NULL;
  g_autoptr (PentRecipe) recipe = NULL;

  if (!g_str_equal (digest, row->id))
    add (problems, revision_place (row->id), "Its recipe, parents or picture were altered: they hash to %.12s", digest);
  recipe = pent_recipe_from_json (row->recipe, &error);
  if (recipe == NULL)
    add (problems, revision_place (row->id), "%s", error->message);
}

/* What queries use has to follow from the records. */
static void
check_state (PentSql *sql, const PentRow *row, const PentFields *fields, GPtrArray *problems)
{
  g_autoptr (PentRecipe) recipe = pent_recipe_from_json (row->recipe, NULL);
  g_auto (PentQuery) state =
    pent_sql_query (sql, "SELECT created, rating, fate, op, model,"
                    " (SELECT count (*) FROM label WHERE label.seq = state.seq) FROM state WHERE seq = ?1", "i", row->seq);

  if (fields->created == 0)
    add (problems, revision_place (row->id), "Nothing says when it was made");
  if (!pent_query_next (&state))
    {
      if (!pent_sql_failed (sql))
        add (problems, revision_place (row->id), "It is missing from the lists");
      return;
    }
  if (pent_query_int (&state, 0) != fields->created || pent_query_int (&state, 1) != fields->rating ||
      pent_query_int (&state, 2) != pent_fields_get_fate (fields) ||
      pent_query_int (&state, 5) != fields->tags->len + fields->flags->len ||
      (recipe != NULL && !g_str_equal (pent_query_text (&state, 3), pent_recipe_get_op (recipe))) ||
      (recipe != NULL && !g_str_equal (pent_query_text (&state, 4), pent_state_model (recipe))))
    add (problems, revision_place (row->id), "The lists say something else about it than its records");

  for (guint i = 0; i < fields->tags->len; i++)
    if (pent_sql_get_int (sql, "SELECT count (*) FROM label WHERE kind = 'tag' AND name = ?1 AND seq = ?2", "si",
                          g_ptr_array_index (fields->tags, i), row->seq) != 1)
      add (problems, revision_place (row->id), "The tag “%s” is missing from the lists",
           (char *) g_ptr_array_index (fields->tags, i));
}

static void
check_pictures_of (PentSql *sql, const PentRow *row, const PentFields *fields, GPtrArray *problems)
{
  g_auto (GStrv) pictures = pent_row_list_pictures (row);

  if (row->pixels != NULL && !fields->purged && !pent_pixels_have (sql, row->pixels))
    add (problems, revision_place (row->id), "Its picture %.12s is missing", row->pixels);
  if (pent_sql_get_int (sql, "SELECT count (*) FROM picture_use WHERE revision = ?1", "i", row->seq) !=
      g_strv_length (pictures))
    add (problems, revision_place (row->id), "It is not said which pictures it uses");
}

static gboolean
check_revisions (PentSql *sql, GPtrArray *problems, GError **error)
{
  gint64 last = pent_sql_get_int (sql, "SELECT max (seq) FROM revision", "");

  for (gint64 seq = 0; seq <= last;)
    {
      g_autoptr (PentRow) row = NULL;
      g_autoptr (PentFields) fields = NULL;
      g_autofree char *place = g_strdup_printf ("revision number %" G_GINT64_FORMAT, seq);
      gint64 next;
      guint8 id[32];

      /* Short transactions: who works on the document meanwhile does not wait for long. */
      pent_sql_begin_read (sql);
      next = pent_sql_get_int (sql, "SELECT min (seq) FROM revision WHERE seq > ?1", "i", seq);
      if (next == 0 && pent_sql_commit (sql, NULL))
        return TRUE;
      row = pent_row_load (sql, next);
      if (row != NULL && pent_hash_from_hex (row->id, id))
        {
          fields = pent_fields_load (sql, id);
          check_identity (row, problems);
          check_state (sql, row, fields, problems);
          check_pictures_of (sql, row, fields, problems);
        }
      end_read (sql);
      if (!note_failure (sql, problems, place, error))
        return FALSE;
      seq = next > seq ? next : seq + 1;
    }
  return TRUE;
}

/* ---- pictures ---- */

static void
check_picture (PentSql *sql, const char *hash, GPtrArray *problems)
{
  g_autoptr (GBytes) png = pent_pixels_load (sql, hash, PENT_PICTURE_PNG);
  g_autoptr (GBytes) thumbnail = pent_pixels_load (sql, hash, PENT_PICTURE_THUMBNAIL);
  g_autoptr (PentImage) image = NULL, small = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *now = NULL;

  if (png == NULL || thumbnail == NULL)
    return;
  image = pent_image_load_png (png, hash, NULL, &error);
  now = image != NULL ? pent_image_get_hash (image) : NULL;
  if (image == NULL)
    add (problems, g_strdup_printf ("picture %.12s", hash), "%s", error->message);
  else if (!g_str_equal (now, hash))
    add (problems, g_strdup_printf ("picture %.12s", hash), "Its pixels were altered: they hash to %.12s", now);
  small = pent_image_load_png (thumbnail, hash, NULL, NULL);
  if (small == NULL)
    add (problems, g_strdup_printf ("picture %.12s", hash), "Its small picture cannot be read");
}

static gboolean
check_pictures (PentSql *sql, GPtrArray *problems, GError **error)
{
  g_autoptr (GPtrArray) hashes = g_ptr_array_new_with_free_func (g_free);

  {
    g_auto (PentQuery) query = pent_sql_query (sql, "SELECT hash FROM pixels", "");

    while (pent_query_next (&query))
      if (pent_query_hash (&query, 0) != NULL)
        g_ptr_array_add (hashes, pent_hash_to_hex (pent_query_hash (&query, 0)));
  }
  for (guint i = 0; i < hashes->len; i++)
    {
      g_autofree char *place = g_strdup_printf ("picture %.12s", (char *) g_ptr_array_index (hashes, i));

      check_picture (sql, g_ptr_array_index (hashes, i), problems);
      if (!note_failure (sql, problems, place, error))
        return FALSE;
    }

  g_auto (PentQuery) unused =
    pent_sql_query (sql, "SELECT hash FROM pixels WHERE NOT EXISTS (SELECT 1 FROM picture_use JOIN state"
                    " ON state.seq = picture_use.revision WHERE picture_use.pixels = pixels.hash AND state.fate < 2)", "");
  while (pent_query_next (&unused))
    {
      g_autofree char *hash = pent_hash_to_hex (pent_query_hash (&unused, 0));

      add (problems, g_strdup_printf ("picture %.12s", hash), "No revision uses it");
    }
  return note_failure (sql, problems, "pictures", error);
}

/* ---- records and search ---- */

static void
check_records (PentSql *sql, GPtrArray *problems)
{
  g_auto (PentQuery) query =
    pent_sql_query (sql, "SELECT lower (hex (target)), field, value, length (target) > 0 AND NOT EXISTS"
                    " (SELECT 1 FROM revision WHERE id = target) FROM record", "");

  while (pent_query_next (&query))
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *place = g_strdup_printf ("record %.12s %s", pent_query_text (&query, 0), pent_query_text (&query, 1));

      if (!pent_field_check (pent_query_text (&query, 1), pent_query_text (&query, 2), &error))
        add (problems, g_strdup (place), "%s", error->message);
      if (pent_query_int (&query, 3) != 0)
        add (problems, g_strdup (place), "It is about a revision that is not there");
    }
}

static void
check_search (PentSql *sql, GPtrArray *problems)
{
  if (pent_sql_get_int (sql, "SELECT (SELECT count (*) FROM state WHERE fate < 2 AND seq NOT IN"
                        " (SELECT id FROM search_docsize)) + (SELECT count (*) FROM search_docsize WHERE id NOT IN"
                        " (SELECT seq FROM state WHERE fate < 2))", "") != 0)
    add (problems, g_strdup ("search"), "Its words are not those of the revisions");
}

/* ---- all ---- */

GPtrArray *
pent_document_verify (const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func ((GDestroyNotify) problem_free);
  g_autoptr (PentSql) sql = NULL;
  gboolean done;

  g_return_val_if_fail (path != NULL, NULL);

  if (pent_schema_examine (path, error) < 0)
    return NULL;
  sql = pent_sql_open (path, SQLITE_OPEN_READWRITE, error);
  if (sql == NULL)
    return NULL;
  pent_sql_set_cancellable (sql, cancellable);

  check_file (sql, problems);
  done = note_failure (sql, problems, "file", error) && check_revisions (sql, problems, error) &&
         check_pictures (sql, problems, error);
  if (done)
    {
      check_records (sql, problems);
      done = note_failure (sql, problems, "records", error);
    }
  if (done)
    {
      check_search (sql, problems);
      done = note_failure (sql, problems, "search", error);
    }
  pent_sql_set_cancellable (sql, NULL);
  return done ? g_steal_pointer (&problems) : NULL;
}

static void
verify_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;
  GPtrArray *problems = pent_document_verify (data, cancellable, &error);

  if (problems != NULL)
    g_task_return_pointer (task, problems, (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_error (task, error);
}

void
pent_document_verify_async (const char *path, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (path != NULL);

  task = g_task_new (NULL, cancellable, callback, data);
  g_task_set_source_tag (task, pent_document_verify_async);
  g_task_set_task_data (task, g_strdup (path), g_free);
  g_task_run_in_thread (task, verify_thread);
}

GPtrArray *
pent_document_verify_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
