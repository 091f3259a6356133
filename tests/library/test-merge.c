/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <glib/gstdio.h>

#include "pent-schema-private.h"
#include "pent-state-private.h"
#include "tests.h"

static void
copy_file (const char *from, const char *to)
{
  g_autofree char *contents = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;

  /* Neither is open here: see pent-sql-private.h. */
  g_assert_true (g_file_get_contents (from, &contents, &size, &error));
  g_assert_true (g_file_set_contents (to, contents, (gssize) size, &error));
}

static void
merge_into (const char *path, const char *other)
{
  g_autoptr (PentDocument) document = open_document (path);
  g_autoptr (GError) error = NULL;

  g_assert_true (pent_document_merge (document, other, NULL, NULL, &error));
  g_assert_no_error (error);
}

/* Somebody works on a copy for a while. */
static void
work (const char *path, const char *author, guint seed)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PentDocument) document = pent_document_open (path, PENT_DOCUMENT_CREATE, author, &error);
  const PentFilter everything = { .trash = PENT_TRASH_SHOW };
  g_autoptr (PentRevisionList) list = NULL;
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);

  g_assert_no_error (error);
  list = pent_revision_list_new (document, &everything, PENT_SORT_OLDEST);
  for (int n = g_rand_int_range (rand, 1, 12); n > 0; n--)
    {
      guint size = g_list_model_get_n_items (G_LIST_MODEL (list));
      g_autoptr (PentRevision) a = g_list_model_get_item (G_LIST_MODEL (list), size > 0 ? g_rand_int (rand) % size : 0);
      g_autoptr (PentRevision) b = g_list_model_get_item (G_LIST_MODEL (list), size > 0 ? g_rand_int (rand) % size : 0);
      const char *id = a != NULL ? pent_revision_get_id (a) : NULL;
      const char *const parents[] = { id, a != b ? pent_revision_get_id (b) : NULL, NULL };
      g_autoptr (PentEdit) edit = pent_edit_new ("Work");

      switch (id == NULL ? 0 : g_rand_int_range (rand, 0, 9))
        {
        case 0:
        case 1:
        case 2:
          /* Few seeds: the same picture, and the same revision, is made in several copies. */
          g_free (add_child (document, "work", (guint) g_rand_int_range (rand, 0, 12), parents));
          break;
        case 3:
          pent_edit_set_rating (edit, id, (guint) g_rand_int_range (rand, 0, 6));
          break;
        case 4:
          pent_edit_set_tag (edit, id, "t", g_rand_boolean (rand));
          pent_edit_set_name (edit, id, author);
          break;
        case 5:
        case 6:
          pent_edit_set_trashed (edit, id, g_rand_boolean (rand));
          break;
        case 7:
          pent_document_purge (document, NULL, NULL, NULL, NULL);
          break;
        default:
          pent_edit_set (edit, NULL, "title", author);
        }
      pent_document_apply (document, edit, NULL, NULL);
    }
}

static char *
merged (const char *folder, const char *const *names)
{
  g_autofree char *first = make_path (folder, names[0]), *target = make_path (folder, "merged.pentimento");

  copy_file (first, target);
  for (guint i = 1; names[i] != NULL; i++)
    {
      g_autofree char *other = make_path (folder, names[i]);

      merge_into (target, other);
    }
  assert_sound (target);
  return dump_file (target);
}

/* Three people, from a common beginning or from none, with merges in between; every order and grouping gives one dump. */
static void
check_laws (guint seed)
{
  static const char *const orders[][6] = {
    { "a", "b", "c" }, { "a", "c", "b" }, { "b", "a", "c" }, { "c", "b", "a" }, { "ab", "c" }, { "a", "bc" }, { "bc", "a" },
    { "a", "b", "c", "a", "b" }, { "ab", "bc" }, { "ab", "ab", "bc", "c" },
  };
  g_autofree char *folder = make_folder (), *expected = NULL;
  g_autofree char *a = make_path (folder, "a"), *b = make_path (folder, "b"), *c = make_path (folder, "c");
  g_autofree char *ab = make_path (folder, "ab"), *bc = make_path (folder, "bc");

  work (a, "Ada", seed);
  if (seed % 3 != 0)
    {
      copy_file (a, b);
      copy_file (a, c);
    }
  work (b, "Bo", seed + 1);
  work (c, "Cleo", seed + 2);
  if (seed % 2 == 0)
    {
      merge_into (a, b);
      work (a, "Ada", seed + 3);
      work (b, "Bo", seed + 4);
    }
  copy_file (a, ab);
  merge_into (ab, b);
  copy_file (b, bc);
  merge_into (bc, c);

  for (guint i = 0; i < G_N_ELEMENTS (orders); i++)
    {
      g_autofree char *dump = merged (folder, orders[i]);

      if (expected == NULL)
        expected = g_steal_pointer (&dump);
      else if (!g_str_equal (dump, expected))
        g_error ("seed %u, order %u:\n%s\nis not\n%s", seed, i, dump, expected);
    }
}

static void
test_laws (void)
{
  guint first = (guint) g_test_rand_int_range (0, 1 << 20);

  for (guint i = 0; i < get_count ("PENT_TEST_MERGES", g_test_slow () ? 100 : 6); i++)
    check_laws (first + i);
}

static void
test_nothing_lost (void)
{
  g_autofree char *folder = make_folder (), *a = make_path (folder, "a.pentimento"), *b = make_path (folder, "b.pentimento");
  g_autoptr (PentDocument) left = open_document (a), right = open_document (b);
  g_autofree char *first = add_picture (left, "one", 1, NULL), *second = add_picture (right, "two", 2, NULL);
  g_autofree char *third = add_picture (right, "three", 3, second);
  g_autoptr (PentRevision) item = NULL;
  g_autoptr (PentImage) image = NULL;
  g_autoptr (GError) error = NULL;
  guint n;

  rate (right, third, 5);
  g_assert_true (pent_document_merge (left, b, &n, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpuint (pent_document_get_n_revisions (left), ==, 3);
  item = pent_document_lookup (left, third);
  g_assert_cmpuint (pent_revision_get_rating (item), ==, 5);
  image = pent_document_load_image (left, pent_revision_get_pixels (item), &error);
  g_assert_no_error (error);
  g_assert_true (pent_document_merge (left, b, &n, NULL, &error));
  g_assert_cmpuint (n, ==, 0);
  g_assert_true (pent_document_merge (left, a, &n, NULL, &error));
  assert_sound (a);
  assert_sound (b);
}

/* What one gave up stays given up; unless the other took it out of the trash later, and has the picture. */
static void
test_purged (void)
{
  g_autofree char *folder = make_folder (), *a = make_path (folder, "a.pentimento"), *b = make_path (folder, "b.pentimento");
  g_autofree char *id = NULL, *dump = NULL;
  g_autoptr (GError) error = NULL;

  {
    g_autoptr (PentDocument) document = open_document (a);

    id = add_picture (document, "one", 1, NULL);
    trash (document, id, TRUE);
  }
  copy_file (a, b);
  {
    g_autoptr (PentDocument) left = open_document (a), right = open_document (b);
    g_autoptr (PentRevision) item = NULL;
    g_autoptr (PentImage) image = NULL;

    g_assert_true (pent_document_purge (left, NULL, NULL, NULL, &error));
    g_assert_true (pent_document_merge (left, b, NULL, NULL, &error));
    item = pent_document_lookup (left, id);
    g_assert_true (pent_revision_get_purged (item));
    g_assert_null (pent_document_load_image (left, pent_revision_get_pixels (item), &error));
    g_clear_error (&error);

    trash (right, id, FALSE);
    g_assert_true (pent_document_merge (left, b, NULL, NULL, &error));
    g_assert_false (pent_revision_get_purged (item));
    image = pent_document_load_image (left, pent_revision_get_pixels (item), &error);
    g_assert_no_error (error);
    g_assert_true (pent_document_merge (right, a, NULL, NULL, &error));
  }
  assert_sound (a);
  assert_sound (b);
}

static void
insert_record (const char *path, const char *id, const char *field, const char *value, const char *author)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PentSql) sql = pent_schema_open (path, PENT_SCHEMA_WRITE, &error);
  guint8 hash[32];

  pent_hash_from_hex (id, hash);
  pent_sql_begin (sql);
  pent_record_insert (sql, hash, field, value, G_GINT64_CONSTANT (2000000000000000), author);
  pent_state_update (sql, pent_row_find (sql, id), TRUE);
  g_assert_true (pent_sql_commit (sql, &error));
}

/* Said at the same microsecond: the same one wins in both copies, whichever came first there. */
static void
test_ties (void)
{
  g_autofree char *folder = make_folder (), *a = make_path (folder, "a.pentimento"), *b = make_path (folder, "b.pentimento");
  g_autofree char *c = make_path (folder, "c.pentimento"), *id = NULL;
  const char *const paths[] = { a, b };

  {
    g_autoptr (PentDocument) document = open_document (a);

    id = add_picture (document, "one", 1, NULL);
  }
  copy_file (a, b);
  insert_record (a, id, "rating", "5", "Ada");
  insert_record (a, id, "name", "same author, later letter", "Bo");
  insert_record (a, id, "tag:t", "1", "Bo");
  insert_record (b, id, "rating", "2", "Bo");
  insert_record (b, id, "name", "same author", "Bo");
  insert_record (b, id, "tag:t", "0", "Ada");
  copy_file (a, c);
  merge_into (a, b);
  merge_into (b, c);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (PentDocument) document = open_document (paths[i]);
      g_autoptr (PentRevision) item = pent_document_lookup (document, id);

      g_assert_cmpuint (pent_revision_get_rating (item), ==, 2);
      g_assert_cmpstr (pent_revision_get_name (item), ==, "same author, later letter");
      g_assert_cmpstr (pent_revision_get_tags (item)[0], ==, "t");
    }
}

static gboolean
cancel (gpointer data)
{
  g_cancellable_cancel (data);
  return G_SOURCE_REMOVE;
}

static void
on_done (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

/* Cancelled in the middle it is a whole document, and merging again goes on. */
static void
test_cancelled (void)
{
  g_autofree char *folder = make_folder (), *a = make_path (folder, "a.pentimento"), *b = make_path (folder, "b.pentimento");
  g_autoptr (PentDocument) left = open_document (a), right = open_document (b);
  g_autofree char *root = add_picture (right, "root", 1, NULL), *merged_dump = NULL, *expected = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 600; i++)
    g_free (add_picture (right, "many", i, i % 2 == 0 ? root : NULL));
  pent_document_merge_async (left, b, cancellable, on_done, &result);
  g_timeout_add (5, cancel, cancellable);
  wait_until (result != NULL);
  if (!pent_document_merge_finish (left, result, NULL, &error))
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  assert_sound (a);
  g_assert_true (pent_document_merge (left, b, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (pent_document_merge (right, a, NULL, NULL, &error));
  g_assert_no_error (error);
  merged_dump = dump_document (left);
  expected = dump_document (right);
  g_assert_cmpstr (merged_dump, ==, expected);
}

void
add_merge_tests (void)
{
  g_test_add_func ("/merge/laws", test_laws);
  g_test_add_func ("/merge/nothing-lost", test_nothing_lost);
  g_test_add_func ("/merge/purged", test_purged);
  g_test_add_func ("/merge/ties", test_ties);
  g_test_add_func ("/merge/cancelled", test_cancelled);
}
