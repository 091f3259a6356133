/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <glib/gstdio.h>

#include "pent-index.h"
#include "tests.h"

static PentIndex *
open_index (const char *folder)
{
  g_autofree char *path = make_path (folder, "cache/index");
  g_autoptr (GError) error = NULL;
  PentIndex *index = pent_index_open (path, &error);

  g_assert_no_error (error);
  return index;
}

static void
refresh (PentIndex *index, const char *folder)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (pent_index_refresh (index, (const char *[]) { folder, NULL }, NULL, &error));
  g_assert_no_error (error);
}

static guint
count_hits (PentIndex *index, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GListModel) hits = pent_index_search (index, text, 0, 100, NULL, &error);

  g_assert_no_error (error);
  return g_list_model_get_n_items (hits);
}

/* "name: revisions" of every document, in their order. */
static char *
list_documents (PentIndex *index)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GListModel) documents = pent_index_list_documents (index, &error);
  GString *out = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < g_list_model_get_n_items (documents); i++)
    {
      g_autoptr (PentIndexDocument) item = g_list_model_get_item (documents, i);

      g_string_append_printf (out, "%s%s: %u", i > 0 ? ", " : "", pent_index_document_get_name (item),
                              pent_index_document_get_n_revisions (item));
    }
  return g_string_free_and_steal (out);
}

static void
assert_documents (PentIndex *index, const char *expected)
{
  g_autofree char *list = list_documents (index);

  g_assert_cmpstr (list, ==, expected);
}

static void
test_spans (void)
{
  g_autofree char *folder = make_folder (), *a = make_path (folder, "clouds.pentimento");
  g_autofree char *deep = make_path (folder, "old/2025"), *b = make_path (deep, "seas.pentimento");
  g_autofree char *cloud = NULL, *sea = NULL, *bad = make_path (folder, "bad.pentimento");
  g_autoptr (PentIndex) index = NULL;
  g_autoptr (GListModel) hits = NULL;
  g_autoptr (PentIndexHit) first = NULL, second = NULL;
  g_autoptr (PentDocument) left = NULL, right = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_no_errno (g_mkdir_with_parents (deep, 0700));
  g_assert_true (g_file_set_contents (bad, "no document", -1, NULL));
  left = open_document (a);
  right = open_document (b);
  cloud = add_picture (left, "pink evening", 1, NULL);
  sea = add_picture (right, "grey evening", 2, NULL);
  index = open_index (folder);
  refresh (index, folder);
  assert_documents (index, "seas: 1, clouds: 1");

  hits = pent_index_search (index, "even", 0, 10, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_list_model_get_n_items (hits), ==, 2);
  first = g_list_model_get_item (hits, 0);
  second = g_list_model_get_item (hits, 1);
  g_assert_cmpstr (pent_index_hit_get_id (first), ==, sea);
  g_assert_cmpstr (pent_index_hit_get_path (first), ==, b);
  g_assert_cmpstr (pent_index_hit_get_title (first), ==, "grey evening");
  g_assert_cmpstr (pent_index_hit_get_id (second), ==, cloud);
  g_assert_cmpuint (count_hits (index, "\" OR *"), ==, 0);

  /* What is new is read, and no more. */
  {
    PentEdit *edit = pent_edit_new ("Name");

    pent_edit_set_name (edit, cloud, "Harbour");
    apply_one (left, edit);
    g_free (add_picture (left, "third", 3, cloud));
  }
  refresh (index, folder);
  assert_documents (index, "clouds: 2, seas: 1");
  g_assert_cmpuint (count_hits (index, "harbour"), ==, 1);
  g_assert_cmpuint (count_hits (index, "pink"), ==, 1);
  trash (left, cloud, TRUE);
  refresh (index, folder);
  g_assert_cmpuint (count_hits (index, "pink"), ==, 0);
  assert_documents (index, "clouds: 1, seas: 1");
  g_assert_true (pent_index_note_opened (index, b, &error));
  assert_documents (index, "seas: 1, clouds: 1");
}

static void
test_moved (void)
{
  g_autofree char *folder = make_folder (), *a = make_path (folder, "a.pentimento"), *b = make_path (folder, "b.pentimento");
  g_autofree char *c = make_path (folder, "c.pentimento");
  g_autoptr (PentIndex) index = open_index (folder);
  g_autoptr (GListModel) documents = NULL;
  g_autoptr (PentIndexDocument) item = NULL;
  g_autoptr (PentDocument) document = open_document (a);
  g_autoptr (GError) error = NULL;

  g_free (add_picture (document, "one", 1, NULL));
  g_clear_object (&document);
  refresh (index, folder);
  g_assert_true (pent_index_note_opened (index, a, &error));

  /* Renamed: the same document, with what the index alone knows of it. */
  g_assert_no_errno (g_rename (a, b));
  refresh (index, folder);
  assert_documents (index, "b: 1");
  documents = pent_index_list_documents (index, &error);
  item = g_list_model_get_item (documents, 0);
  g_assert_cmpint (pent_index_document_get_opened (item), >, 0);
  g_assert_nonnull (pent_index_document_get_cover (item));
  g_assert_cmpuint (count_hits (index, "one"), ==, 1);

  /* Another document takes its name: nothing of the first one stays. */
  document = open_document (c);
  g_free (add_picture (document, "two", 2, NULL));
  g_free (add_picture (document, "three", 3, NULL));
  g_clear_object (&document);
  g_assert_no_errno (g_rename (c, b));
  refresh (index, folder);
  assert_documents (index, "b: 2");
  g_assert_cmpuint (count_hits (index, "one"), ==, 0);
  g_assert_cmpuint (count_hits (index, "two"), ==, 1);

  g_assert_no_errno (g_unlink (b));
  refresh (index, folder);
  assert_documents (index, "");
  g_assert_cmpuint (count_hits (index, "two"), ==, 0);
}

/* Lost, or damaged, it is made anew and says the same. */
static void
test_rebuilt (void)
{
  g_autofree char *folder = make_folder (), *a = make_path (folder, "a.pentimento"), *path = make_path (folder, "cache/index");
  g_autofree char *before = NULL, *log = make_path (folder, "cache/index-wal");
  g_autoptr (PentDocument) document = open_document (a);
  g_autoptr (PentIndex) index = open_index (folder);

  for (guint i = 0; i < 20; i++)
    g_free (add_picture (document, "evening", i, NULL));
  refresh (index, folder);
  before = list_documents (index);
  g_clear_object (&index);
  for (guint i = 0; i < 3; i++)
    {
      g_unlink (log);
      if (i == 0)
        g_assert_no_errno (g_unlink (path));
      else
        g_assert_true (g_file_set_contents (path, i == 1 ? "nonsense" : "", -1, NULL));
      index = open_index (folder);
      refresh (index, folder);
      assert_documents (index, before);
      g_assert_cmpuint (count_hits (index, "even"), ==, 20);
      g_clear_object (&index);
    }
}

void
add_index_tests (void)
{
  g_test_add_func ("/index/spans", test_spans);
  g_test_add_func ("/index/moved", test_moved);
  g_test_add_func ("/index/rebuilt", test_rebuilt);
}
