/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <sqlite3.h>

#include "tests.h"

/* Each alteration of a sound document is found, and said where. */
typedef struct {
  const char *sql;
  const char *place;
} Alteration;

static const Alteration alterations[] = {
  { "UPDATE revision SET recipe = replace (recipe, 'cloud', 'crowd') WHERE seq = 1", "revision" },
  { "UPDATE revision SET pixels = zeroblob (32) WHERE seq = 1", "revision" },
  { "DELETE FROM parent", "revision" },
  { "DELETE FROM pixels WHERE rowid = 1", "revision" },
  { "UPDATE pixels SET png = (SELECT png FROM pixels WHERE rowid = 2) WHERE rowid = 1", "picture" },
  { "UPDATE pixels SET png = substr (png, 1, length (png) / 2) WHERE rowid = 1", "picture" },
  { "UPDATE pixels SET thumbnail = x'00' WHERE rowid = 1", "picture" },
  { "INSERT INTO pixels SELECT zeroblob (32), 8, 8, thumbnail, png FROM pixels WHERE rowid = 1", "picture" },
  { "DELETE FROM picture_use WHERE revision = 1", "revision" },
  { "DELETE FROM record WHERE field = 'made' AND length (target) = 32", "revision" },
  { "DELETE FROM record WHERE field = 'rating'", "revision" },
  { "UPDATE record SET value = '9' WHERE field = 'rating'", "record" },
  { "UPDATE record SET target = zeroblob (32) WHERE field = 'tag:sky'", "record" },
  { "UPDATE state SET fate = 1 WHERE seq = 1", "revision" },
  { "UPDATE state SET created = created + 1 WHERE seq = 1", "revision" },
  { "UPDATE state SET model = 'x' WHERE seq = 1", "revision" },
  { "DELETE FROM state WHERE seq = 1", "revision" },
  { "DELETE FROM label", "revision" },
  { "UPDATE label SET name = 'sea'", "revision" },
  { "DELETE FROM search WHERE rowid = 1", "search" },
  { "PRAGMA foreign_keys = OFF; DELETE FROM revision WHERE seq = 1", "table" },
};

static void
make_document (const char *path)
{
  g_autoptr (PentDocument) document = open_document (path);
  g_autofree char *first = add_picture (document, "a cloud", 1, NULL), *second = add_picture (document, "two", 2, first);
  PentEdit *edit = pent_edit_new ("All");

  pent_edit_set_rating (edit, first, 4);
  pent_edit_set_tag (edit, first, "sky", TRUE);
  apply_one (document, edit);
  rate (document, second, 1);
}

static void
test_finds (void)
{
  g_autofree char *folder = make_folder ();

  for (guint i = 0; i < G_N_ELEMENTS (alterations); i++)
    {
      g_autofree char *name = g_strdup_printf ("%u.pentimento", i), *path = make_path (folder, name);
      g_autoptr (GPtrArray) problems = NULL;
      g_autoptr (GError) error = NULL;
      gboolean found = FALSE;
      sqlite3 *db;

      make_document (path);
      assert_sound (path);
      g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
      g_assert_cmpint (sqlite3_exec (db, alterations[i].sql, NULL, NULL, NULL), ==, SQLITE_OK);
      g_assert_cmpint (sqlite3_changes (db), >, 0);
      sqlite3_close (db);

      problems = pent_document_verify (path, NULL, &error);
      g_assert_no_error (error);
      for (guint k = 0; k < problems->len; k++)
        found |= g_str_has_prefix (((PentProblem *) g_ptr_array_index (problems, k))->place, alterations[i].place);
      if (!found)
        g_error ("not found: %s", alterations[i].sql);
    }
}

static void
test_damaged_file (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento"), *contents = NULL;
  g_autoptr (GPtrArray) problems = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;

  make_document (path);
  g_assert_true (g_file_get_contents (path, &contents, &size, &error));
  memset (contents + 8192 * 6, 0xee, 300);
  g_assert_true (g_file_set_contents (path, contents, (gssize) size, &error));
  problems = pent_document_verify (path, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (problems->len, >, 0);
}

static void
test_cancelled (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GPtrArray) problems = NULL;
  g_autoptr (GError) error = NULL;

  make_document (path);
  g_cancellable_cancel (cancellable);
  problems = pent_document_verify (path, cancellable, &error);
  g_assert_null (problems);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

void
add_verify_tests (void)
{
  g_test_add_func ("/verify/finds", test_finds);
  g_test_add_func ("/verify/damaged-file", test_damaged_file);
  g_test_add_func ("/verify/cancelled", test_cancelled);
}
