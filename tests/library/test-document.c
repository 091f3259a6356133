/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <glib/gstdio.h>

#include "tests.h"

/* The bytes under a revision's id, written out by hand as pent-revision.h says them. */
static void
test_identity (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autofree char *root = add_picture (document, "a “pink” cloud", 1, NULL);
  g_autofree char *child = add_picture (document, "more", 2, root);
  g_autoptr (PentImage) image = make_image (2);
  g_autofree char *pixels = pent_image_get_hash (image);
  g_autofree char *bytes = NULL, *id = NULL;
  const char recipe[] = "{\"model\":\"sketch\",\"negative\":\"blurry\",\"op\":\"generate\",\"prompt\":\"more\",\"seed\":2,"
                        "\"size\":[8,8]}";

  bytes = g_strdup_printf ("pentimento revision 1\nrecipe %d\n%s\nparents 1\n%s\npixels %s\n", (int) strlen (recipe), recipe,
                           root, pixels);
  id = g_compute_checksum_for_string (G_CHECKSUM_SHA256, bytes, -1);
  g_assert_cmpstr (child, ==, id);
}

static void
test_round_trip (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autofree char *root = add_picture (document, "a pink cloud", 1, NULL);
  const char *const both[] = { root, NULL };
  g_autofree char *second = add_child (document, "darker", 2, both);
  const char *const parents[] = { second, root, NULL };
  g_autofree char *mixed = add_child (document, "mix", 3, parents);
  g_autofree char *uuid = pent_document_get_uuid (document);
  g_autofree char *before = NULL, *after = NULL, *again = NULL;
  g_autoptr (PentRevision) revision = NULL;
  g_autoptr (PentImage) image = NULL, thumbnail = NULL, expected = make_image (3);
  g_autoptr (GError) error = NULL;
  g_autofree char *prefix = g_strndup (mixed, 9);
  double x, y;
  PentEdit *edit = pent_edit_new ("Everything");

  pent_edit_set_name (edit, mixed, "The one");
  pent_edit_set_notes (edit, mixed, "for\nMaya");
  pent_edit_set_rating (edit, mixed, 4);
  pent_edit_set_flag (edit, mixed, "pick", TRUE);
  pent_edit_set_tag (edit, mixed, "sky", TRUE);
  pent_edit_set_tag (edit, mixed, "evening", TRUE);
  pent_edit_set_tag (edit, mixed, "dawn", TRUE);
  pent_edit_set_tag (edit, mixed, "dawn", FALSE);
  pent_edit_set_position (edit, mixed, -1.5, 1e6);
  pent_edit_set (edit, NULL, "title", "Clouds");
  apply_one (document, edit);
  before = dump_document (document);
  g_clear_object (&document);

  document = open_document (path);
  after = dump_document (document);
  g_assert_cmpstr (before, ==, after);
  again = pent_document_get_uuid (document);
  g_assert_cmpstr (uuid, ==, again);
  g_assert_cmpuint (strlen (uuid), ==, 36);
  g_assert_cmpuint (pent_document_get_n_revisions (document), ==, 3);
  g_free (g_steal_pointer (&again));
  again = pent_document_get_field (document, NULL, "title");
  g_assert_cmpstr (again, ==, "Clouds");

  revision = pent_document_lookup (document, prefix);
  g_assert_nonnull (revision);
  g_assert_cmpstr (pent_revision_get_id (revision), ==, mixed);
  g_assert_cmpstrv ((char **) pent_revision_get_parents (revision), (char **) parents);
  g_assert_cmpstr (pent_revision_get_prompt (revision), ==, "mix");
  g_assert_cmpstr (pent_revision_get_words (revision), ==, "mix");
  g_assert_cmpstr (pent_revision_get_author (revision), ==, "Ada");
  g_assert_cmpstr (pent_revision_get_model (revision), ==, "z-image");
  g_assert_cmpstr (pent_revision_get_name (revision), ==, "The one");
  g_assert_cmpstr (pent_revision_get_notes (revision), ==, "for\nMaya");
  g_assert_cmpuint (pent_revision_get_rating (revision), ==, 4);
  g_assert_cmpstrv (pent_revision_get_tags (revision), ((const char *[]) { "evening", "sky", NULL }));
  g_assert_cmpstrv (pent_revision_get_flags (revision), ((const char *[]) { "pick", NULL }));
  g_assert_true (pent_revision_get_position (revision, &x, &y));
  g_assert_cmpfloat (x, ==, -1.5);
  g_assert_cmpfloat (y, ==, 1e6);
  g_assert_cmpint (ABS (pent_revision_get_created (revision) - g_get_real_time ()), <, 60 * G_USEC_PER_SEC);

  image = pent_document_load_image (document, pent_revision_get_pixels (revision), &error);
  g_assert_no_error (error);
  g_assert_cmpmem (pent_image_get_pixels (image), 192, pent_image_get_pixels (expected), 192);
  thumbnail = pent_document_load_thumbnail (document, pent_revision_get_pixels (revision), &error);
  g_assert_no_error (error);
  g_assert_null (pent_document_lookup (document, "0123"));
  assert_sound (path);
}

static void
test_thumbnail (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autoptr (PentRecipe) recipe = make_recipe ("wide", 1);
  g_autoptr (PentImage) image = pent_image_new (1024, 300, 4), thumbnail = NULL;
  g_autofree char *hash = pent_image_get_hash (image), *id = NULL;
  g_autoptr (GError) error = NULL;

  id = pent_document_add_revision (document, recipe, NULL, image, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  thumbnail = pent_document_load_thumbnail (document, hash, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (pent_image_get_width (thumbnail), ==, 256);
  g_assert_cmpuint (pent_image_get_height (thumbnail), ==, 75);
}

static guint
count_pictures (const char *dump)
{
  guint n = 0;

  for (const char *p = strstr (dump, "\npixels "); p != NULL; p = strstr (p + 1, "\npixels "))
    n++;
  return n;
}

static void
test_stored_once (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autofree char *dump = NULL, *first = add_picture (document, "one", 7, NULL);
  g_autofree char *same = add_picture (document, "one", 7, NULL);

  g_assert_cmpstr (first, ==, same);
  g_assert_cmpuint (pent_document_get_n_revisions (document), ==, 1);
  for (guint i = 0; i < 10; i++)
    {
      g_autofree char *prompt = g_strdup_printf ("prompt %u", i), *id = add_picture (document, prompt, 7, first);

      g_assert_nonnull (id);
    }
  dump = dump_document (document);
  g_assert_cmpuint (count_pictures (dump), ==, 1);
  g_assert_cmpuint (pent_document_get_n_revisions (document), ==, 11);
}

static void
assert_invalid (GError **error)
{
  g_assert_error (*error, PENT_ERROR, PENT_ERROR_INVALID);
  g_clear_error (error);
}

/* What cannot be is refused, and nothing of it is written. */
static void
test_invalid (void)
{
  static const char unknown[] = "00000000000000000000000000000000000000000000000000000000000000aa";
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autofree char *id = add_picture (document, "one", 1, NULL), *before = dump_document (document), *after = NULL;
  g_autoptr (PentRecipe) recipe = make_recipe ("x", 2), needs = make_recipe ("y", 3);
  const char *const fields[][2] = { { "rating", "6" }, { "rating", "" }, { "trash", "yes" }, { "tag:", "1" },
                                    { "position", "1" }, { "position", "1 nan" }, { "made", "x" }, { "purged", "1" },
                                    { "", "x" } };
  g_autoptr (GError) error = NULL;
  guint8 hash[32] = { 1 };

  g_assert_null (pent_document_add_revision (document, recipe, (const char *[]) { unknown, NULL }, NULL, NULL, NULL, NULL,
                                             &error));
  assert_invalid (&error);
  g_assert_null (pent_document_add_revision (document, recipe, (const char *[]) { "../../etc", NULL }, NULL, NULL, NULL,
                                             NULL, &error));
  assert_invalid (&error);
  g_assert_null (pent_document_add_revision (document, recipe, (const char *[]) { id, id, NULL }, NULL, NULL, NULL, NULL,
                                             &error));
  assert_invalid (&error);
  pent_recipe_set (needs, "image", g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, hash, 32, 1));
  g_assert_null (pent_document_add_revision (document, needs, NULL, NULL, NULL, NULL, NULL, &error));
  assert_invalid (&error);

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    {
      g_autoptr (PentEdit) edit = pent_edit_new ("Wrong");

      pent_edit_set_rating (edit, id, 3);
      pent_edit_set (edit, id, fields[i][0], fields[i][1]);
      g_assert_cmpuint (pent_document_apply (document, edit, NULL, &error), ==, 0);
      assert_invalid (&error);
    }
  g_assert_false (pent_document_purge (document, (const char *[]) { id, NULL }, NULL, NULL, &error));
  assert_invalid (&error);
  after = dump_document (document);
  g_assert_cmpstr (before, ==, after);
}

/* A mask or starting picture that a recipe names is kept, and goes with the last revision that uses it. */
static void
test_inputs (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autoptr (PentRecipe) recipe = make_recipe ("inpaint", 1);
  g_autoptr (PentImage) image = make_image (1), mask = make_image (99), stranger = make_image (98);
  g_autoptr (PentImage) loaded = NULL;
  g_autoptr (GPtrArray) inputs = g_ptr_array_new ();
  g_autofree char *hash = pent_image_get_hash (mask), *id = NULL;
  g_autoptr (GError) error = NULL;

  name_input (recipe, mask);
  g_ptr_array_add (inputs, mask);
  g_ptr_array_add (inputs, stranger);
  id = pent_document_add_revision (document, recipe, NULL, image, inputs, NULL, NULL, &error);
  g_assert_no_error (error);
  loaded = pent_document_load_image (document, hash, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (pent_image_get_pixels (loaded), 192, pent_image_get_pixels (mask), 192);
  assert_sound (path);

  trash (document, id, TRUE);
  g_assert_true (pent_document_purge (document, NULL, NULL, NULL, &error));
  g_assert_null (pent_document_load_image (document, hash, &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_FILE);
  assert_sound (path);
}

static void
assert_rating (PentDocument *document, const char *id, guint rating)
{
  g_autoptr (PentRevision) revision = pent_document_lookup (document, id);

  g_assert_cmpuint (pent_revision_get_rating (revision), ==, rating);
}

static void
test_undo (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autoptr (PentDocument) other = open_document (path);
  g_autofree char *first = add_picture (document, "one", 1, NULL), *second = add_picture (document, "two", 2, first);
  g_autoptr (PentEdit) edit = pent_edit_new ("Rate two");
  g_autoptr (GError) error = NULL;
  g_autofree char *label = NULL;
  guint64 step;

  g_assert_false (pent_document_undo (document, 0, NULL, &error));
  assert_invalid (&error);

  rate (document, first, 2);
  pent_edit_set_rating (edit, first, 5);
  pent_edit_set_rating (edit, second, 4);
  pent_edit_set_rating (edit, second, 3);
  step = pent_document_apply (document, edit, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (pent_document_apply (document, edit, NULL, &error), ==, PENT_STEP_NOTHING);
  label = pent_document_get_undo_label (document);
  g_assert_cmpstr (label, ==, "Rate two");
  trash (document, second, TRUE);

  /* A toast undoes its own step, not the latest one. */
  g_assert_true (pent_document_undo (document, step, NULL, &error));
  g_assert_no_error (error);
  assert_rating (document, first, 2);
  g_assert_true (pent_document_redo (document, NULL, &error));
  assert_rating (document, first, 5);
  assert_rating (document, second, 3);

  /* What somebody else said since stays. */
  rate (other, second, 1);
  pent_document_refresh (document);
  assert_rating (document, second, 1);
  g_assert_true (pent_document_undo (document, step, NULL, &error));
  assert_rating (document, first, 2);
  assert_rating (document, second, 1);
  g_assert_true (pent_document_undo (document, 0, NULL, &error));
  g_assert_cmpuint (pent_document_get_n_revisions (document), ==, 2);
  assert_sound (path);
}

static gint64
get_size (const char *path)
{
  GStatBuf info;

  g_assert_no_errno (g_stat (path, &info));
  return info.st_size;
}

static void
test_purge (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autoptr (PentImage) big = pent_image_new (600, 600, 3);
  g_autoptr (PentRecipe) recipe = make_recipe ("big", 1), other = make_recipe ("other", 1);
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  g_autoptr (PentRevision) revision = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (PentEdit) restore = pent_edit_new ("Restore");
  g_autofree char *first = NULL, *second = NULL, *hash = NULL, *again = NULL;
  gint64 empty, full, freed = 0;
  guint8 *pixels = pent_image_edit_pixels (big);

  for (guint i = 0; i < 600 * 600 * 3; i++)
    pixels[i] = (guint8) g_rand_int (rand);
  hash = pent_image_get_hash (big);
  empty = get_size (path);
  first = pent_document_add_revision (document, recipe, NULL, big, NULL, NULL, NULL, &error);
  second = pent_document_add_revision (document, other, NULL, big, NULL, NULL, NULL, &error);
  full = get_size (path);
  g_assert_cmpint (full - empty, >, 1000000);
  g_assert_cmpint (full - empty, <, 1600000);

  /* Another revision still shows the picture. */
  trash (document, first, TRUE);
  g_assert_true (pent_document_purge (document, NULL, &freed, NULL, &error));
  g_assert_cmpint (get_size (path), >, empty + 1000000);
  trash (document, second, TRUE);
  revision = pent_document_lookup (document, second);
  g_assert_true (pent_revision_get_trashed (revision));
  g_assert_true (pent_document_purge (document, (const char *[]) { second, NULL }, &freed, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (pent_revision_get_purged (revision));
  g_assert_cmpint (freed, >, 1000000);
  g_assert_cmpint (get_size (path), <, empty + 100000);
  g_assert_cmpuint (pent_document_get_n_revisions (document), ==, 0);

  /* What is gone for good cannot be taken out of the trash, nor by Undo; but made again it is back. */
  pent_edit_set_trashed (restore, second, FALSE);
  g_assert_cmpuint (pent_document_apply (document, restore, NULL, &error), ==, 0);
  assert_invalid (&error);
  g_assert_true (pent_document_undo (document, 0, NULL, &error));
  g_assert_true (pent_revision_get_purged (revision));
  again = pent_document_add_revision (document, other, NULL, big, NULL, NULL, NULL, &error);
  g_assert_cmpstr (again, ==, second);
  g_assert_false (pent_revision_get_purged (revision));
  g_assert_false (pent_revision_get_trashed (revision));
  assert_sound (path);
}

static void
on_done (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

/* Many at once: they are written in the order they were asked for, and each is on the list when its callback runs. */
static void
on_rated (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  guint *n = data;

  pent_document_apply_finish (PENT_DOCUMENT (source), result, &error);
  g_assert_no_error (error);
  (*n)++;
}

static void
test_async (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento"), *id = NULL;
  g_autoptr (GAsyncResult) opened = NULL, added = NULL, purged = NULL, late = NULL, loaded = NULL;
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  g_autoptr (PentRecipe) recipe = make_recipe ("async", 5);
  g_autoptr (PentImage) image = make_image (5), again = NULL;
  g_autoptr (PentDocument) document = NULL;
  g_autoptr (PentRevision) revision = NULL;
  g_autoptr (GError) error = NULL;
  guint n = 0;

  pent_document_open_async (path, PENT_DOCUMENT_CREATE, "Ada", NULL, on_done, &opened);
  wait_until (opened != NULL);
  document = pent_document_open_finish (opened, &error);
  g_assert_no_error (error);

  pent_document_add_revision_async (document, recipe, NULL, image, NULL, "words", NULL, on_done, &added);
  wait_until (added != NULL);
  id = pent_document_add_revision_finish (document, added, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (pent_document_get_n_revisions (document), ==, 1);
  revision = pent_document_lookup (document, id);

  for (guint i = 0; i < 23; i++)
    {
      g_autoptr (PentEdit) edit = pent_edit_new ("Rate");

      pent_edit_set_rating (edit, id, i % 5 + 1);
      pent_document_apply_async (document, edit, NULL, on_rated, &n);
    }
  wait_until (n == 23);
  g_assert_cmpuint (pent_revision_get_rating (revision), ==, 22 % 5 + 1);

  g_cancellable_cancel (cancelled);
  pent_document_purge_async (document, NULL, cancelled, on_done, &purged);
  wait_until (purged != NULL);
  g_assert_false (pent_document_purge_finish (document, purged, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  pent_document_load_image_async (document, pent_revision_get_pixels (revision), FALSE, NULL, on_done, &loaded);
  wait_until (loaded != NULL);
  again = pent_document_load_image_finish (document, loaded, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (pent_image_get_width (again), ==, 8);
  pent_document_undo_async (document, 0, NULL, on_done, &late);
  wait_until (late != NULL);
  g_assert_true (pent_document_undo_finish (document, late, &error));
  g_assert_cmpuint (pent_revision_get_rating (revision), ==, 21 % 5 + 1);
}

static void
test_export (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autofree char *one = make_path (folder, "one.png"), *all = make_path (folder, "all"), *json = NULL;
  g_autofree char *copy = make_path (folder, "copy.pentimento"), *before = NULL, *after = NULL;
  g_autoptr (PentDocument) document = open_document (path);
  g_autofree char *first = add_picture (document, "a pink/cloud: “sunset”", 1, NULL);
  g_autofree char *second = add_picture (document, "x", 2, first), *third = add_picture (document, "y", 3, first);
  g_autofree char *contents = NULL, *recipe_json = NULL, *expected = NULL;
  g_autoptr (GHashTable) texts = NULL;
  g_autoptr (PentImage) image = NULL;
  g_autoptr (PentRecipe) recipe = make_recipe ("a pink/cloud: “sunset”", 1);
  g_autoptr (GBytes) png = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;
  guint n;

  trash (document, third, TRUE);
  g_assert_true (pent_document_export (document, first, one, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (one, &contents, &size, &error));
  png = g_bytes_new (contents, size);
  image = pent_image_load_png (png, "one.png", &texts, &error);
  g_assert_no_error (error);
  expected = pent_recipe_to_json (recipe);
  g_assert_cmpstr (g_hash_table_lookup (texts, "pentimento"), ==, expected);
  g_assert_nonnull (strstr (g_hash_table_lookup (texts, "XML:com.adobe.xmp"), "trainedAlgorithmicMedia"));

  g_assert_true (pent_document_export_all (document, all, &n, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, 2);
  json = g_build_filename (all, "revisions.json", NULL);
  g_assert_true (g_file_test (json, G_FILE_TEST_EXISTS));
  g_free (json);
  json = g_strdup_printf ("%s/00001 a-pink-cloud-sunset %.8s.png", all, first);
  g_assert_true (g_file_test (json, G_FILE_TEST_EXISTS));
  g_assert_false (pent_document_export_all (document, all, &n, NULL, &error));
  assert_invalid (&error);

  g_assert_true (pent_document_save_copy (document, copy, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (pent_document_save_copy (document, copy, NULL, &error));
  assert_invalid (&error);
  before = dump_document (document);
  after = dump_file (copy);
  g_assert_cmpstr (before, ==, after);
  assert_sound (copy);
}

/* The clock went back: what is said later still wins. */
static void
test_later_wins (void)
{
  g_autofree char *folder = make_folder (), *a = make_path (folder, "a.pentimento"), *b = make_path (folder, "b.pentimento");
  g_autoptr (PentDocument) document = open_document (a);
  g_autofree char *id = add_picture (document, "one", 1, NULL);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 50; i++)
    {
      rate (document, id, i % 5 + 1);
      assert_rating (document, id, i % 5 + 1);
    }
  g_assert_true (pent_document_save_copy (document, b, NULL, &error));
  assert_sound (b);
}

void
add_document_tests (void)
{
  g_test_add_func ("/document/identity", test_identity);
  g_test_add_func ("/document/round-trip", test_round_trip);
  g_test_add_func ("/document/thumbnail", test_thumbnail);
  g_test_add_func ("/document/stored-once", test_stored_once);
  g_test_add_func ("/document/invalid", test_invalid);
  g_test_add_func ("/document/inputs", test_inputs);
  g_test_add_func ("/document/undo", test_undo);
  g_test_add_func ("/document/purge", test_purge);
  g_test_add_func ("/document/async", test_async);
  g_test_add_func ("/document/export", test_export);
  g_test_add_func ("/document/later-wins", test_later_wins);
}
