/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <glib/gstdio.h>
#include <sqlite3.h>

#include "tests.h"

static GBytes *
read_bytes (const char *path)
{
  g_autoptr (GError) error = NULL;
  char *contents;
  gsize size;

  g_file_get_contents (path, &contents, &size, &error);
  g_assert_no_error (error);
  return g_bytes_new_take (contents, size);
}

static void
write_bytes (const char *path, gconstpointer data, gsize size)
{
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, data, (gssize) size, &error);
  g_assert_no_error (error);
}

static guint
count_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
assert_file_error (GError **error, const char *says)
{
  g_assert_error (*error, PENT_ERROR, PENT_ERROR_FILE);
  if (strstr ((*error)->message, says) == NULL)
    g_error ("“%s” does not say “%s”", (*error)->message, says);
  g_assert_true (g_str_has_prefix ((*error)->message, "“bad.pentimento”"));
  g_clear_error (error);
}

/* Every way to open it fails with a sentence, and neither the file nor its folder is touched. */
static void
check_refused (const char *folder, const char *path, const char *says)
{
  g_autoptr (GBytes) before = read_bytes (path), after = NULL;
  g_autofree char *good = make_path (folder, "good.pentimento");
  g_autoptr (PentDocument) document = open_document (good);
  g_autoptr (GError) error = NULL;
  guint n = count_files (folder);

  g_assert_null (pent_document_open (path, PENT_DOCUMENT_DEFAULT, NULL, &error));
  assert_file_error (&error, says);
  g_assert_null (pent_document_open (path, PENT_DOCUMENT_CREATE, NULL, &error));
  assert_file_error (&error, says);
  g_assert_null (pent_document_open (path, PENT_DOCUMENT_READ_ONLY, NULL, &error));
  assert_file_error (&error, says);
  g_assert_false (pent_document_merge (document, path, NULL, NULL, &error));
  assert_file_error (&error, says);
  after = read_bytes (path);
  g_assert_true (g_bytes_equal (before, after));
  g_assert_cmpuint (count_files (folder), ==, n);
}

/* A document with a picture, closed, after this SQL was run on it. */
static void
make_altered (const char *path, const char *sql)
{
  g_autoptr (PentDocument) document = NULL;
  sqlite3 *db;

  g_unlink (path);
  document = open_document (path);
  g_free (add_picture (document, "one", 1, NULL));
  g_clear_object (&document);
  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_close (db), ==, SQLITE_OK);
}

static void
test_foreign (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "bad.pentimento");
  g_autofree char *noise = g_malloc (9000);

  write_bytes (path, "I am a letter, not a picture.", 29);
  check_refused (folder, path, "not a Pentimento document");
  for (guint i = 0; i < 9000; i++)
    noise[i] = (char) g_test_rand_int ();
  write_bytes (path, noise, 9000);
  check_refused (folder, path, "not a Pentimento document");
  write_bytes (path, "SQLite format 3", 16);
  check_refused (folder, path, "not a Pentimento document");
  make_altered (path, "PRAGMA application_id = 0");
  check_refused (folder, path, "not a Pentimento document");
  make_altered (path, "PRAGMA application_id = 252006674");
  check_refused (folder, path, "not a Pentimento document");
  make_altered (path, "DROP TABLE label");
  check_refused (folder, path, "not laid out");
  make_altered (path, "CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM pixels; END");
  check_refused (folder, path, "not laid out");
  make_altered (path, "CREATE VIEW v AS SELECT 1");
  check_refused (folder, path, "not laid out");
}

static void
test_future (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "bad.pentimento");
  g_autoptr (GPtrArray) problems = NULL;
  g_autoptr (GError) error = NULL;

  make_altered (path, "PRAGMA user_version = 2");
  check_refused (folder, path, "newer Pentimento");
  make_altered (path, "PRAGMA user_version = 2000000000; CREATE TABLE novelty (x)");
  check_refused (folder, path, "newer Pentimento");
  problems = pent_document_verify (path, NULL, &error);
  g_assert_null (problems);
  assert_file_error (&error, "newer Pentimento");
  make_altered (path, "PRAGMA user_version = 0");
  check_refused (folder, path, "damaged");
}

/* Each page in turn is overwritten, and the file cut at every length of a kibibyte. */
static void
test_damaged (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "bad.pentimento");
  g_autoptr (GBytes) whole = NULL;
  gsize size;

  make_altered (path, "SELECT 1");
  whole = read_bytes (path);
  size = g_bytes_get_size (whole);
  g_assert_cmpuint (size % 8192, ==, 0);

  for (gsize page = 1; page < size / 8192; page++)
    {
      g_autofree guint8 *bytes = g_memdup2 (g_bytes_get_data (whole, NULL), size);

      memset (bytes + page * 8192, 0xee, 200);
      write_bytes (path, bytes, size);
      check_refused (folder, path, "damaged");
    }
  for (gsize length = 8192; length < size; length += 8192 + 1024)
    {
      write_bytes (path, g_bytes_get_data (whole, NULL), length);
      check_refused (folder, path, "damaged");
    }
}

/* Damage that only reading finds: from then on nothing is written. */
static void
test_damaged_later (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento"), *id = NULL;
  g_autoptr (PentDocument) document = open_document (path);
  g_autoptr (PentImage) image = pent_image_new (2000, 1500, 3), loaded = NULL;
  g_autoptr (PentRecipe) recipe = make_recipe ("big", 1);
  g_autoptr (GBytes) before = NULL, after = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *hash = NULL;
  guint8 *pixels = pent_image_edit_pixels (image);

  for (guint32 i = 0, noise = 1; i < 2000 * 1500 * 3; i++)
    pixels[i] = (guint8) ((noise = noise * 1664525 + 1013904223) >> 24);
  hash = pent_image_get_hash (image);
  id = pent_document_add_revision (document, recipe, NULL, image, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_clear_object (&document);

  /* The chain of pages that hold the picture is broken in the middle. */
  {
    g_autoptr (GBytes) whole = read_bytes (path);
    g_autofree guint8 *bytes = g_memdup2 (g_bytes_get_data (whole, NULL), g_bytes_get_size (whole));

    memset (bytes + 500 * 8192, 0xee, 4);
    write_bytes (path, bytes, g_bytes_get_size (whole));
  }
  before = read_bytes (path);
  document = pent_document_open (path, PENT_DOCUMENT_DEFAULT, "Ada", &error);
  g_assert_no_error (error);
  loaded = pent_document_load_image (document, hash, &error);
  g_assert_null (loaded);
  g_assert_error (error, PENT_ERROR, PENT_ERROR_FILE);
  g_clear_error (&error);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (PentEdit) edit = pent_edit_new ("Rate");

      pent_edit_set_rating (edit, id, 3);
      g_assert_cmpuint (pent_document_apply (document, edit, NULL, &error), ==, 0);
      g_assert_error (error, PENT_ERROR, PENT_ERROR_FILE);
      g_clear_error (&error);
    }
  g_clear_object (&document);
  after = read_bytes (path);
  g_assert_true (g_bytes_equal (before, after));
}

static void
test_read_only (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "bad.pentimento");
  g_autoptr (GBytes) before = NULL, after = NULL;
  g_autoptr (PentDocument) document = NULL;
  g_autoptr (PentRevisionList) list = NULL;
  g_autoptr (PentRevision) item = NULL;
  g_autoptr (PentEdit) edit = pent_edit_new ("Rate");
  g_autoptr (GError) error = NULL;

  make_altered (path, "SELECT 1");
  before = read_bytes (path);
  document = pent_document_open (path, PENT_DOCUMENT_READ_ONLY, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (pent_document_get_read_only (document));
  list = pent_revision_list_new (document, NULL, PENT_SORT_NEWEST);
  item = g_list_model_get_item (G_LIST_MODEL (list), 0);
  g_assert_nonnull (item);
  pent_edit_set_rating (edit, pent_revision_get_id (item), 3);
  g_assert_cmpuint (pent_document_apply (document, edit, NULL, &error), ==, 0);
  assert_file_error (&error, "may only be read");
  g_clear_object (&list);
  g_clear_object (&document);
  after = read_bytes (path);
  g_assert_true (g_bytes_equal (before, after));
}

/* Another program gave it a write-ahead log: it becomes one file again, and loses nothing of what is in the log. */
static void
test_log (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento"), *before = NULL, *after = NULL;
  g_autoptr (PentDocument) document = NULL;

  make_altered (path, "PRAGMA journal_mode = WAL");
  before = dump_file (path);
  document = open_document (path);
  after = dump_document (document);
  g_assert_cmpstr (before, ==, after);
  g_assert_cmpuint (count_files (folder), ==, 1);
}

static void
test_missing (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "nothing.pentimento");
  g_autoptr (PentDocument) document = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (pent_document_open (path, PENT_DOCUMENT_DEFAULT, NULL, &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_FILE);
  g_clear_error (&error);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_null (pent_document_open (folder, PENT_DOCUMENT_CREATE, NULL, &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_FILE);
  g_clear_error (&error);

  /* What a crash while a document was being made leaves: nothing is in it, so it may be made again. */
  write_bytes (path, "", 0);
  g_assert_null (pent_document_open (path, PENT_DOCUMENT_DEFAULT, NULL, &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_FILE);
  g_clear_error (&error);
  document = pent_document_open (path, PENT_DOCUMENT_CREATE, NULL, &error);
  g_assert_no_error (error);
}

/* A document of every version that was ever released opens, says what it always said, and is sound. */
static void
test_kept (void)
{
  g_autoptr (GDir) dir = g_dir_open (TEST_DATA, 0, NULL);
  g_autofree char *folder = make_folder ();
  const char *name;
  guint n = 0;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *kept = g_build_filename (TEST_DATA, name, NULL), *copy = make_path (folder, name);
      g_autofree char *dump_path = NULL, *expected = NULL, *dump = NULL;
      g_autoptr (GBytes) bytes = NULL;
      g_autoptr (PentDocument) document = NULL;
      g_autoptr (PentRevisionList) list = NULL;
      const PentFilter found = { .text = "pink clou" };

      if (!g_str_has_suffix (name, ".pentimento"))
        continue;
      bytes = read_bytes (kept);
      write_bytes (copy, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
      dump_path = g_strconcat (kept, ".dump", NULL);
      g_assert_true (g_file_get_contents (dump_path, &expected, NULL, NULL));
      document = open_document (copy);
      dump = dump_document (document);
      g_assert_cmpstr (dump, ==, expected);
      list = pent_revision_list_new (document, &found, PENT_SORT_NEWEST);
      g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (list)), ==, 1);
      g_free (add_picture (document, "new", 77, NULL));
      assert_sound (copy);
      n++;
    }
  g_assert_cmpuint (n, >=, 1);
}

void
add_refuse_tests (void)
{
  g_test_add_func ("/refuse/foreign", test_foreign);
  g_test_add_func ("/refuse/future", test_future);
  g_test_add_func ("/refuse/damaged", test_damaged);
  g_test_add_func ("/refuse/damaged-later", test_damaged_later);
  g_test_add_func ("/refuse/read-only", test_read_only);
  g_test_add_func ("/refuse/log", test_log);
  g_test_add_func ("/refuse/missing", test_missing);
  g_test_add_func ("/refuse/kept", test_kept);
}
