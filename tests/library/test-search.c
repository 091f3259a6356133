/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests.h"

static guint
count_hits (PentDocument *document, const char *text)
{
  const PentFilter filter = { .text = text };
  g_autoptr (PentRevisionList) list = pent_revision_list_new (document, &filter, PENT_SORT_NEWEST);

  return g_list_model_get_n_items (G_LIST_MODEL (list));
}

static void
test_words (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autofree char *cloud = add_picture (document, "a pink cloud over Zürich, (word:1.2)", 1, NULL);
  g_autofree char *sea = add_picture (document, "grey sea", 2, NULL);
  PentEdit *edit = pent_edit_new ("Words");
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (count_hits (document, "cloud"), ==, 1);
  g_assert_cmpuint (count_hits (document, "CLO"), ==, 1);
  g_assert_cmpuint (count_hits (document, "zurich pink"), ==, 1);
  g_assert_cmpuint (count_hits (document, "pink sea"), ==, 0);
  g_assert_cmpuint (count_hits (document, "blurry"), ==, 2);
  g_assert_cmpuint (count_hits (document, "z-image"), ==, 1);
  g_assert_cmpuint (count_hits (document, "(word:1.2)"), ==, 1);
  g_assert_cmpuint (count_hits (document, "evening"), ==, 0);

  pent_edit_set_tag (edit, sea, "Evening light", TRUE);
  pent_edit_set_name (edit, sea, "Harbour");
  pent_edit_set_notes (edit, sea, "ask Maya");
  apply_one (document, edit);
  g_assert_cmpuint (count_hits (document, "evening"), ==, 1);
  g_assert_cmpuint (count_hits (document, "harb maya"), ==, 1);
  edit = pent_edit_new ("Words");
  pent_edit_set_tag (edit, sea, "Evening light", FALSE);
  apply_one (document, edit);
  g_assert_cmpuint (count_hits (document, "evening"), ==, 0);

  trash (document, cloud, TRUE);
  g_assert_cmpuint (count_hits (document, "cloud"), ==, 0);
  trash (document, cloud, FALSE);
  g_assert_cmpuint (count_hits (document, "cloud"), ==, 1);
  trash (document, cloud, TRUE);
  g_assert_true (pent_document_purge (document, NULL, NULL, NULL, &error));
  g_assert_cmpuint (count_hits (document, "cloud"), ==, 0);
  assert_sound (path);
}

/* What is typed is never syntax: it finds these words or nothing, and is no error. */
static void
test_injection (void)
{
  static const char *const none[] = {
    "NOT cloud", "cloud NEAR pink2", "prompt:xyzzy", "cloud AND NOT pink", "\"unclosed", "xyzzy*", "^xyzzy", "{prompt}:xyzzy",
    "cloud\" OR \"1", "'; DROP TABLE revision; --", "cloud + xyzzy", "NEAR(cloud pink, 2) xyzzy", "rank", "cloud) OR (pink",
    "\"\"\"\"x", "a\"b\"c\"d",
  };
  static const char *const all[] = { "", " ", "\t\n", "*", "\"", "\"\"\"", "()", "^", ":", "-", "…", "'", "%", "_", "\\", "\xff" };
  static const char *const one[] = { "cloud", "cloud*", "\"cloud\"", "cloud \"", "^cloud", "(cloud", "-cloud", "pink   cloud",
                                     "cloud'", "cloud\xc2\xa0pink" };
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autofree char *cloud = add_picture (document, "a pink cloud", 1, NULL), *sea = add_picture (document, "sea", 2, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (none); i++)
    g_assert_cmpuint (count_hits (document, none[i]), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    g_assert_cmpuint (count_hits (document, all[i]), ==, 2);
  for (guint i = 0; i < G_N_ELEMENTS (one); i++)
    g_assert_cmpuint (count_hits (document, one[i]), ==, 1);
}

/* No text at all makes a query fail: a failed one warns, which ends the test. */
static void
test_random (void)
{
  static const char letters[] = "cloud \"'*^:(){}-+,.\\%_;\t\n\xc3\xbc\xe2\x82\xac\xff" "ANDORT";
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autofree char *cloud = add_picture (document, "a pink cloud", 1, NULL);

  for (guint n = 0; n < 2000; n++)
    {
      char text[24] = { 0 };

      for (int i = 0; i < g_test_rand_int_range (0, 23); i++)
        text[i] = letters[g_test_rand_int_range (0, sizeof letters - 1)];
      g_assert_cmpuint (count_hits (document, text), <=, 1);
    }
}

static void
test_filters (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autofree char *first = add_picture (document, "one", 1, NULL), *second = add_picture (document, "two", 2, NULL);
  g_autoptr (PentRevision) item = pent_document_lookup (document, second);
  gint64 between = pent_revision_get_created (item);
  const PentFilter filters[] = {
    { .since = between }, { .until = between }, { .model = "sketch" }, { .op = "upscale" }, { .flag = "pick" },
    { .tag = "pick" }, { .min_rating = 4, .text = "tw" }, { .model = "' OR 1=1 --" },
  };
  const guint expected[] = { 1, 1, 1, 0, 1, 0, 1, 0 };
  PentEdit *edit = pent_edit_new ("Flag");

  pent_edit_set_flag (edit, first, "pick", TRUE);
  pent_edit_set_rating (edit, second, 4);
  apply_one (document, edit);
  for (guint i = 0; i < G_N_ELEMENTS (filters); i++)
    {
      g_autoptr (PentRevisionList) list = pent_revision_list_new (document, &filters[i], PENT_SORT_NEWEST);

      g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (list)), ==, expected[i]);
    }
}

void
add_search_tests (void)
{
  g_test_add_func ("/search/words", test_words);
  g_test_add_func ("/search/injection", test_injection);
  g_test_add_func ("/search/random", test_random);
  g_test_add_func ("/search/filters", test_filters);
}
