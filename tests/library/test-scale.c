/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include <glib/gstdio.h>

#include "pent-document-private.h"
#include "pent-index.h"
#include "pent-schema-private.h"
#include "pent-state-private.h"
#include "tests.h"

/* How things grow.  What is asserted is work (pages looked at), not seconds, which depend on the machine; these are
 * printed.  PENT_TEST_SCALE=100000 makes that many revisions in 200 documents, a tenth of them in the first. */

static const char *const words[] = { "pink", "cloud", "sunset", "harbour", "grey", "sea", "portrait", "light", "winter",
                                     "street", "oil", "ink", "fog", "bird", "train", "lamp" };

/* As add_revision () writes it, but all in one transaction. */
static void
fill (const char *path, guint first, guint n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PentSql) sql = pent_schema_open (path, PENT_SCHEMA_CREATE, &error);
  g_autoptr (PentImage) image = make_image (first);
  g_autoptr (GBytes) png = pent_image_encode_png (image, NULL, NULL);
  g_autofree char *pixels = pent_image_get_hash (image), *last = NULL;

  g_assert_no_error (error);
  pent_sql_begin (sql);
  pent_pixels_insert (sql, pixels, 8, 8, png, png);
  for (guint i = first; i < first + n; i++)
    {
      g_autofree char *prompt = g_strdup_printf ("%s %s over the %s, number%u", words[i % 16], words[i / 16 % 16],
                                                 words[i / 256 % 16], i);
      g_autoptr (PentRecipe) recipe = make_recipe (prompt, i);
      g_autoptr (PentRow) row = g_new0 (PentRow, 1);
      guint8 id[32];
      gint64 seq;

      row->recipe = pent_recipe_to_json (recipe);
      row->parents = g_new0 (char *, 2);
      row->parents[0] = i % 50 == 0 ? NULL : g_strdup (last);
      row->pixels = g_strdup (pixels);
      row->id = pent_revision_digest (row->recipe, (const char *const *) row->parents, pixels);
      seq = pent_row_insert (sql, row);
      pent_hash_from_hex (row->id, id);
      pent_record_insert (sql, id, "made", prompt, 1000000000000000 + (gint64) i * 1000000, "Ada");
      if (i % 7 == 0)
        pent_record_insert (sql, id, "rating", "4", 1000000000000000 + (gint64) i * 1000000, "Ada");
      if (i % 100 == 0)
        pent_record_insert (sql, id, "tag:keeper", "1", 1000000000000000 + (gint64) i * 1000000, "Ada");
      pent_state_update (sql, seq, TRUE);
      g_set_str (&last, row->id);
    }
  g_assert_true (pent_sql_commit (sql, &error));
  g_assert_no_error (error);
}

static guint64
count_pages (PentDocument *document)
{
  sqlite3 *db = pent_sql_get_handle (pent_document_get_reader (document));
  int hit = 0, miss = 0, unused;

  sqlite3_db_status (db, SQLITE_DBSTATUS_CACHE_HIT, &hit, &unused, TRUE);
  sqlite3_db_status (db, SQLITE_DBSTATUS_CACHE_MISS, &miss, &unused, TRUE);
  return (guint64) hit + (guint64) miss;
}

static gsize
get_memory (void)
{
  g_autofree char *status = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/self/status", &status, NULL, NULL))
    return 0;
  line = strstr (status, "VmRSS:");
  return line != NULL ? g_ascii_strtoull (line + 6, NULL, 10) / 1024 : 0;
}

typedef struct {
  guint64 page;             /* pages looked at for 64 items in the middle */
  guint64 change;           /* for a rating, with the list updated */
  guint64 found;            /* for a search that finds one */
} Work;

static double
since (gint64 start)
{
  return (double) (g_get_monotonic_time () - start) / 1000;
}

static Work
measure (const char *path, guint n)
{
  const PentFilter rated = { .min_rating = 4 }, tagged = { .tag = "keeper" }, common = { .text = "pink clou" },
                   one = { .text = "number17" }, model = { .model = "sketch", .since = 1000000000000000 };
  const PentFilter *const filters[] = { &rated, &tagged, &common, &model };
  g_autoptr (PentDocument) document = NULL;
  g_autoptr (PentRevisionList) list = NULL, best = NULL, few = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *id = NULL;
  double opened, listed, paged, changed, filtered = 0;
  gint64 start = g_get_monotonic_time ();
  gsize before;
  Work work;

  document = pent_document_open (path, PENT_DOCUMENT_DEFAULT, "Ada", &error);
  g_assert_no_error (error);
  opened = since (start);
  start = g_get_monotonic_time ();
  list = pent_revision_list_new (document, NULL, PENT_SORT_NEWEST);
  listed = since (start);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (list)), ==, n);

  count_pages (document);
  start = g_get_monotonic_time ();
  for (guint i = 0; i < 64; i++)
    {
      g_autoptr (PentRevision) item = g_list_model_get_item (G_LIST_MODEL (list), n / 2 + i);

      g_set_str (&id, pent_revision_get_id (item));
    }
  paged = since (start);
  work.page = count_pages (document);

  for (guint i = 0; i < G_N_ELEMENTS (filters); i++)
    {
      g_autoptr (PentRevisionList) found = NULL;

      start = g_get_monotonic_time ();
      found = pent_revision_list_new (document, filters[i], PENT_SORT_BEST);
      filtered = MAX (filtered, since (start));
      g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (found)), >, 0);
    }
  best = pent_revision_list_new (document, NULL, PENT_SORT_BEST);
  count_pages (document);
  few = pent_revision_list_new (document, &one, PENT_SORT_BEST);
  work.found = count_pages (document);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (few)), >=, 1);

  start = g_get_monotonic_time ();
  count_pages (document);
  rate (document, id, 1);
  changed = since (start);
  work.change = count_pages (document);

  /* All of it scrolled past. */
  before = get_memory ();
  for (guint i = 0; i < n; i++)
    g_object_unref (g_list_model_get_item (G_LIST_MODEL (list), i));
  g_test_message ("%u revisions: open %.1f ms, list %.1f ms, 64 items %.2f ms (%" G_GUINT64_FORMAT " pages), slowest filter "
                  "%.1f ms, a rating %.1f ms (%" G_GUINT64_FORMAT " pages), memory %zu MiB, after scrolling %zu MiB", n, opened,
                  listed, paged, work.page, filtered, changed, work.change, before, get_memory ());
  g_assert_cmpuint (get_memory (), <, before + 8 + before / 4);
  return work;
}

static void
test_document (void)
{
  guint n = MAX (get_count ("PENT_TEST_SCALE", 20000) / 10, 1000);
  g_autofree char *folder = make_folder (), *small = make_path (folder, "small.pentimento");
  g_autofree char *large = make_path (folder, "large.pentimento");
  Work few, many;

  fill (small, 0, n / 10);
  fill (large, 0, n);
  few = measure (small, n / 10);
  many = measure (large, n);
  /* Ten times as many: as deep again by a level of a tree, not ten times as much. */
  g_assert_cmpuint (many.page, <, 2 * few.page + 64);
  g_assert_cmpuint (many.change, <, 2 * few.change + 64);
}

static void
test_index (void)
{
  guint n = get_count ("PENT_TEST_SCALE", 2000), documents = n >= 100000 ? 200 : 10;
  g_autofree char *folder = make_folder (), *index_path = make_path (folder, "cache/index");
  g_autoptr (PentIndex) index = NULL;
  g_autoptr (GListModel) list = NULL, hits = NULL, rare = NULL, none = NULL;
  g_autoptr (GError) error = NULL;
  double filled, again, listed, found, found_rare;
  GStatBuf info;
  gint64 start;
  guint first = 0;

  for (guint i = 0; i < documents; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u.pentimento", i), *path = make_path (folder, name);
      guint each = i == 0 ? n / 10 : (n - n / 10) / (documents - 1);

      fill (path, first, each);
      first += each;
    }
  index = pent_index_open (index_path, &error);
  g_assert_no_error (error);
  start = g_get_monotonic_time ();
  g_assert_true (pent_index_refresh (index, (const char *[]) { folder, NULL }, NULL, &error));
  filled = since (start);
  start = g_get_monotonic_time ();
  g_assert_true (pent_index_refresh (index, (const char *[]) { folder, NULL }, NULL, &error));
  again = since (start);
  start = g_get_monotonic_time ();
  list = pent_index_list_documents (index, &error);
  listed = since (start);
  g_assert_cmpuint (g_list_model_get_n_items (list), ==, documents);
  start = g_get_monotonic_time ();
  hits = pent_index_search (index, "pin", 0, 100, NULL, &error);
  found = since (start);
  g_assert_cmpuint (g_list_model_get_n_items (hits), ==, MIN (100, first / 8));
  start = g_get_monotonic_time ();
  rare = pent_index_search (index, "number17 ink", 0, 100, NULL, &error);
  found_rare = since (start);
  g_stat (index_path, &info);
  g_test_message ("%u revisions in %u documents: index %.0f ms, nothing new %.1f ms, start page %.1f ms, search %.2f ms, "
                  "rare words %.2f ms, %" G_GINT64_FORMAT " KiB, memory %zu MiB", first, documents, filled, again, listed, found,
                  found_rare, (gint64) info.st_size / 1024, get_memory ());
}

void
add_scale_tests (void)
{
  g_test_add_func ("/scale/document", test_document);
  g_test_add_func ("/scale/index", test_index);
}
