/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests.h"

/* A list as somebody sees it who knows only its signals. */
typedef struct {
  GListModel *model;
  GPtrArray  *shadow;         /* of PentRevision */
  guint       n_signals;
} Shadow;

static void
on_items_changed (GListModel *model, guint position, guint removed, guint added, gpointer data)
{
  Shadow *self = data;

  g_assert_cmpuint (position + removed, <=, self->shadow->len);
  g_assert_true (removed > 0 || added > 0);
  if (removed > 0)
    g_ptr_array_remove_range (self->shadow, position, removed);
  for (guint i = 0; i < added; i++)
    g_ptr_array_insert (self->shadow, (int) (position + i), g_list_model_get_item (model, position + i));
  self->n_signals++;
  g_assert_cmpuint (self->shadow->len, ==, g_list_model_get_n_items (model));
}

static Shadow *
shadow_new (PentRevisionList *list)
{
  Shadow *self = g_new0 (Shadow, 1);

  self->model = G_LIST_MODEL (list);
  self->shadow = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < g_list_model_get_n_items (self->model); i++)
    g_ptr_array_add (self->shadow, g_list_model_get_item (self->model, i));
  g_signal_connect (list, "items-changed", G_CALLBACK (on_items_changed), self);
  return self;
}

static void
shadow_free (Shadow *self)
{
  g_signal_handlers_disconnect_by_data (self->model, self);
  g_ptr_array_unref (self->shadow);
  g_object_unref (self->model);
  g_free (self);
}

/* The shadow, the list, and a list that is made anew say the same. */
static void
shadow_check (Shadow *self, const PentFilter *filter)
{
  PentRevisionList *list = PENT_REVISION_LIST (self->model);
  g_autoptr (PentRevisionList) fresh =
    pent_revision_list_new (pent_revision_list_get_document (list), filter, pent_revision_list_get_sort (list));

  g_assert_cmpuint (self->shadow->len, ==, g_list_model_get_n_items (G_LIST_MODEL (fresh)));
  for (guint i = 0; i < self->shadow->len; i++)
    {
      g_autoptr (PentRevision) now = g_list_model_get_item (self->model, i);
      g_autoptr (PentRevision) anew = g_list_model_get_item (G_LIST_MODEL (fresh), i);
      guint position;

      g_assert_true (now == g_ptr_array_index (self->shadow, i));
      g_assert_true (now == anew);
      g_assert_true (pent_revision_list_find (list, now, &position));
      g_assert_cmpuint (position, ==, i);
    }
  g_assert_null (g_list_model_get_item (self->model, self->shadow->len));
}

static void
change_something (PentDocument *document, GRand *rand, GPtrArray *ids, guint i)
{
  const char *id = ids->len > 0 ? g_ptr_array_index (ids, g_rand_int_range (rand, 0, (int) ids->len)) : NULL;
  g_autoptr (PentEdit) edit = pent_edit_new ("Change");
  g_autoptr (GError) error = NULL;

  switch (id == NULL ? 0 : g_rand_int_range (rand, 0, 9))
    {
    case 0:
    case 1:
      g_ptr_array_add (ids, add_picture (document, i % 3 == 0 ? "pink cloud" : "grey sea", i, id));
      break;
    case 2:
      pent_edit_set_trashed (edit, id, g_rand_boolean (rand));
      break;
    case 3:
      pent_edit_set_tag (edit, id, "sky", g_rand_boolean (rand));
      break;
    case 4:
      pent_edit_set_notes (edit, id, g_rand_boolean (rand) ? "a cloud" : "");
      break;
    case 5:
      pent_document_undo (document, 0, NULL, NULL);
      break;
    case 6:
      if (g_rand_int_range (rand, 0, 4) == 0)
        pent_document_purge (document, NULL, NULL, NULL, NULL);
      break;
    default:
      for (guint k = 0; k < 3; k++)
        pent_edit_set_rating (edit, g_ptr_array_index (ids, g_rand_int_range (rand, 0, (int) ids->len)),
                              (guint) g_rand_int_range (rand, 0, 6));
    }
  /* A purged one stays purged. */
  pent_document_apply (document, edit, NULL, &error);
}

static void
test_exact (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *root = add_picture (document, "root", 1000, NULL);
  g_autoptr (GRand) rand = g_rand_new_with_seed ((guint32) g_test_rand_int ());
  const PentFilter filters[] = {
    { 0 }, { 0 }, { 0 }, { .min_rating = 3 }, { .trash = PENT_TRASH_ONLY }, { .trash = PENT_TRASH_SHOW }, { .tag = "sky" },
    { .text = "clou" }, { .parent = "" }, { .parent = root }, { .model = "sketch", .min_rating = 1 }, { .op = "generate" },
  };
  const PentSort sorts[] = { PENT_SORT_NEWEST, PENT_SORT_OLDEST, PENT_SORT_BEST };
  Shadow *shadows[G_N_ELEMENTS (filters)];

  g_ptr_array_add (ids, g_strdup (root));
  for (guint i = 0; i < G_N_ELEMENTS (filters); i++)
    shadows[i] = shadow_new (pent_revision_list_new (document, &filters[i], sorts[i % 3]));
  for (guint n = 0; n < get_count ("PENT_TEST_STEPS", g_test_slow () ? 2000 : 100); n++)
    {
      change_something (document, rand, ids, n);
      for (guint i = 0; i < G_N_ELEMENTS (filters); i++)
        shadow_check (shadows[i], &filters[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (filters); i++)
    shadow_free (shadows[i]);
  assert_sound (path);
}

static void
on_done (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

/* Another filter keeps what it can where it is, and of several only the last takes effect; what is written meanwhile is
 * not missed. */
static void
test_set_filter (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autofree char *first = add_picture (document, "one", 1, NULL), *second = add_picture (document, "two", 2, NULL);
  g_autofree char *third = add_picture (document, "three", 3, NULL), *fourth = NULL;
  PentRevisionList *list = pent_revision_list_new (document, NULL, PENT_SORT_OLDEST);
  Shadow *shadow = shadow_new (list);
  const PentFilter rated = { .min_rating = 2 }, words = { .text = "t" };
  g_autoptr (GAsyncResult) slow = NULL, last = NULL;
  g_autoptr (GError) error = NULL;

  rate (document, first, 3);
  rate (document, third, 3);
  g_assert_cmpuint (shadow->n_signals, ==, 0);
  pent_revision_list_set_filter (list, &rated, PENT_SORT_OLDEST);
  g_assert_cmpuint (shadow->n_signals, ==, 1);
  g_assert_cmpuint (shadow->shadow->len, ==, 2);
  shadow_check (shadow, &rated);

  pent_revision_list_set_filter_async (list, NULL, PENT_SORT_OLDEST, NULL, on_done, &slow);
  pent_revision_list_set_filter_async (list, &words, PENT_SORT_OLDEST, NULL, on_done, &last);
  /* Time enough for the other thread to have looked; what comes now it cannot have seen. */
  g_usleep (50000);
  fourth = add_picture (document, "twenty", 4, second);
  wait_until (slow != NULL && last != NULL);
  g_assert_false (pent_revision_list_set_filter_finish (list, slow, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_true (pent_revision_list_set_filter_finish (list, last, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (shadow->shadow->len, ==, 3);
  shadow_check (shadow, &words);
  shadow_free (shadow);
}

static void
test_relations (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autofree char *a = add_picture (document, "a", 1, NULL), *b = add_picture (document, "b", 2, a);
  g_autofree char *c = add_picture (document, "c", 3, a), *d = NULL, *lone = add_picture (document, "lone", 5, NULL);
  const char *const both[] = { b, c, NULL };
  PentFilter lineage = { .trash = PENT_TRASH_SHOW }, nobody = { .parent = "beef" };
  g_autoptr (PentRevisionList) history = NULL, none = NULL;

  d = add_child (document, "d", 4, both);
  lineage.lineage = d;
  trash (document, b, TRUE);
  history = pent_revision_list_new (document, &lineage, PENT_SORT_OLDEST);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (history)), ==, 4);
  none = pent_revision_list_new (document, &nobody, PENT_SORT_OLDEST);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (none)), ==, 0);
}

/* What is on the screen is on the disk: another process that looks when the signal comes finds it. */
static void
on_on_screen (GListModel *model, guint position, guint removed, guint added, gpointer data)
{
  guint *n = data;
  g_autoptr (PentRevision) shown = g_list_model_get_item (model, position);
  PentDocument *document = pent_revision_list_get_document (PENT_REVISION_LIST (model));
  g_autoptr (PentDocument) other = open_document (pent_document_get_path (document));
  g_autoptr (PentRevision) found = pent_document_lookup (other, pent_revision_get_id (shown));

  g_assert_nonnull (found);
  (*n)++;
}

static void
test_disk_first (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autoptr (PentRevisionList) list = pent_revision_list_new (document, NULL, PENT_SORT_NEWEST);
  g_autofree char *first = NULL, *second = NULL;
  guint n = 0;

  g_signal_connect (list, "items-changed", G_CALLBACK (on_on_screen), &n);
  first = add_picture (document, "one", 1, NULL);
  second = add_picture (document, "two", 2, first);
  g_assert_cmpuint (n, ==, 2);
}

/* Two windows of one process: each learns what the other does, by its main loop alone. */
static void
test_two_windows (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) left = open_document (path), right = open_document (path);
  Shadow *shadow = shadow_new (pent_revision_list_new (right, NULL, PENT_SORT_BEST));
  g_autofree char *first = add_picture (left, "one", 1, NULL), *second = add_picture (left, "two", 2, first);
  g_autoptr (PentRevision) item = NULL;

  wait_until (shadow->shadow->len == 2);
  item = pent_document_lookup (right, first);
  rate (left, first, 5);
  wait_until (pent_revision_get_rating (item) == 5 && g_ptr_array_index (shadow->shadow, 0) == item);
  trash (left, first, TRUE);
  wait_until (shadow->shadow->len == 1);
  shadow_check (shadow, NULL);
  shadow_free (shadow);
}

/* Items are read when asked for and go when nobody holds them. */
static void
test_items_go (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  g_autoptr (PentRevisionList) list = pent_revision_list_new (document, NULL, PENT_SORT_OLDEST);
  PentRevision *first;
  GWeakRef weak;
  char *root = NULL;

  for (guint i = 0; i < 400; i++)
    {
      g_autofree char *id = add_picture (document, "many", i, root);

      if (root == NULL)
        root = g_steal_pointer (&id);
    }
  first = g_list_model_get_item (G_LIST_MODEL (list), 0);
  g_weak_ref_init (&weak, first);
  g_object_unref (first);
  for (guint i = 0; i < 400; i++)
    g_object_unref (g_list_model_get_item (G_LIST_MODEL (list), i));
  first = g_weak_ref_get (&weak);
  g_assert_null (first);
  g_weak_ref_clear (&weak);
  g_free (root);
}

void
add_list_tests (void)
{
  g_test_add_func ("/list/exact", test_exact);
  g_test_add_func ("/list/set-filter", test_set_filter);
  g_test_add_func ("/list/relations", test_relations);
  g_test_add_func ("/list/disk-first", test_disk_first);
  g_test_add_func ("/list/two-windows", test_two_windows);
  g_test_add_func ("/list/items-go", test_items_go);
}
