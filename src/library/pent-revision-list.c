/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-revision-list"

#include "pent-revision-list.h"

#include "pent-document-private.h"
#include "pent-error.h"
#include "pent-filter-private.h"
#include "pent-revision-private.h"

/* A balanced tree of keys, so that a place is found and told in logarithmic time however long the list is. */
struct _PentRevisionList {
  GObject       parent_instance;
  PentDocument *document;
  PentFilter   *filter;
  PentSort      sort;
  GSequence    *keys;             /* of PentKey, sorted */
  GHashTable   *places;           /* seq -> GSequenceIter */
  guint         generation;       /* of filters that were asked for */
  GArray       *missed;           /* seqs that changed while another thread looks; NULL while none does */
};

static void list_model_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (PentRevisionList, pent_revision_list, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_init))

/* ---- the model ---- */

static GType
get_item_type (GListModel *model)
{
  return PENT_TYPE_REVISION;
}

static guint
get_n_items (GListModel *model)
{
  return (guint) g_sequence_get_length (PENT_REVISION_LIST (model)->keys);
}

static gpointer
get_item (GListModel *model, guint position)
{
  PentRevisionList *self = PENT_REVISION_LIST (model);
  GSequenceIter *iter;

  if (position >= get_n_items (model))
    return NULL;
  iter = g_sequence_get_iter_at_pos (self->keys, (int) position);
  return pent_document_get_item (self->document, ((PentKey *) g_sequence_get (iter))->seq);
}

static void
list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = get_item_type;
  iface->get_n_items = get_n_items;
  iface->get_item = get_item;
}

/* ---- following the document ---- */

static int
compare (gconstpointer a, gconstpointer b, gpointer data)
{
  return pent_key_compare (a, b, ((PentRevisionList *) data)->sort);
}

static void
insert_key (PentRevisionList *self, const PentKey *key)
{
  PentKey *copy = g_memdup2 (key, sizeof *key);

  g_hash_table_insert (self->places, &copy->seq, g_sequence_insert_sorted (self->keys, copy, compare, self));
}

static guint
remove_key (PentRevisionList *self, gint64 seq)
{
  GSequenceIter *iter = g_hash_table_lookup (self->places, &seq);
  guint position = (guint) g_sequence_iter_get_position (iter);

  g_hash_table_remove (self->places, &seq);
  g_sequence_remove (iter);
  return position;
}

static void
follow (PentRevisionList *self, gint64 seq)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) keys = pent_filter_run (self->filter, pent_document_get_reader (self->document), seq, &error);
  GSequenceIter *iter = g_hash_table_lookup (self->places, &seq);
  const PentKey *now;

  if (keys == NULL)
    {
      g_warning ("%s", error->message);
      return;
    }
  now = keys->len > 0 ? &g_array_index (keys, PentKey, 0) : NULL;
  /* Its own properties say what changed about it, if it stays where it is. */
  if (iter != NULL && now != NULL && pent_key_compare (g_sequence_get (iter), now, self->sort) == 0)
    return;
  if (iter != NULL)
    g_list_model_items_changed (G_LIST_MODEL (self), remove_key (self, seq), 1, 0);
  if (now != NULL)
    {
      insert_key (self, now);
      iter = g_hash_table_lookup (self->places, &seq);
      g_list_model_items_changed (G_LIST_MODEL (self), (guint) g_sequence_iter_get_position (iter), 0, 1);
    }
}

static void
on_changed (PentRevisionList *self, GArray *seqs)
{
  if (self->missed != NULL)
    g_array_append_vals (self->missed, seqs->data, seqs->len);
  for (guint i = 0; i < seqs->len; i++)
    follow (self, g_array_index (seqs, gint64, i));
}

/* ---- another filter ---- */

static int
compare_keys (gconstpointer a, gconstpointer b, gpointer data)
{
  return pent_key_compare (a, b, *(PentSort *) data);
}

static gboolean
same_at (GSequenceIter *iter, GArray *keys, guint i)
{
  return ((PentKey *) g_sequence_get (iter))->seq == g_array_index (keys, PentKey, i).seq;
}

/* keys are sorted.  Tells one change: the piece between what is the same at the beginning and at the end. */
static void
replace (PentRevisionList *self, GArray *keys)
{
  guint old = get_n_items (G_LIST_MODEL (self)), head = 0, tail = 0;
  GSequenceIter *iter = g_sequence_get_begin_iter (self->keys);

  for (; head < old && head < keys->len && same_at (iter, keys, head); head++)
    iter = g_sequence_iter_next (iter);
  iter = g_sequence_get_end_iter (self->keys);
  for (; tail < old - head && tail < keys->len - head; tail++)
    {
      iter = g_sequence_iter_prev (iter);
      if (!same_at (iter, keys, keys->len - 1 - tail))
        break;
    }

  g_hash_table_remove_all (self->places);
  g_sequence_remove_range (g_sequence_get_begin_iter (self->keys), g_sequence_get_end_iter (self->keys));
  for (guint i = 0; i < keys->len; i++)
    {
      PentKey *key = g_memdup2 (&g_array_index (keys, PentKey, i), sizeof (PentKey));

      g_hash_table_insert (self->places, &key->seq, g_sequence_append (self->keys, key));
    }
  if (old - head - tail > 0 || keys->len - head - tail > 0)
    g_list_model_items_changed (G_LIST_MODEL (self), head, old - head - tail, keys->len - head - tail);
}

static void
take_filter (PentRevisionList *self, PentFilter *filter, PentSort sort)
{
  if (self->filter != filter)
    {
      g_clear_pointer (&self->filter, pent_filter_free);
      self->filter = filter;
    }
  self->sort = sort;
}

void
pent_revision_list_set_filter (PentRevisionList *self, const PentFilter *filter, PentSort sort)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) keys = NULL;

  g_return_if_fail (PENT_IS_REVISION_LIST (self));

  self->generation++;
  g_clear_pointer (&self->missed, g_array_unref);
  take_filter (self, pent_filter_copy (filter), sort);
  keys = pent_filter_run (self->filter, pent_document_get_reader (self->document), 0, &error);
  if (keys == NULL)
    {
      g_warning ("%s", error->message);
      keys = g_array_new (FALSE, FALSE, sizeof (PentKey));
    }
  g_array_sort_with_data (keys, compare_keys, &sort);
  replace (self, keys);
}

/* ---- in another thread ---- */

typedef struct {
  PentFilter *filter;
  PentSort    sort;
  guint       generation;
  GArray     *keys;
} Search;

static void
search_free (Search *self)
{
  g_clear_pointer (&self->filter, pent_filter_free);
  g_clear_pointer (&self->keys, g_array_unref);
  g_free (self);
}

static void
search_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  PentRevisionList *self = source;
  Search *search = data;
  GError *error = NULL;
  PentSql *sql = pent_document_lock_loader (self->document, cancellable);

  search->keys = pent_filter_run (search->filter, sql, 0, &error);
  pent_document_unlock_loader (self->document);
  if (search->keys == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  g_array_sort_with_data (search->keys, compare_keys, &search->sort);
  g_task_return_boolean (task, TRUE);
}

void
pent_revision_list_set_filter_async (PentRevisionList *self, const PentFilter *filter, PentSort sort,
                                     GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = NULL;
  Search *search;

  g_return_if_fail (PENT_IS_REVISION_LIST (self));

  search = g_new0 (Search, 1);
  search->filter = pent_filter_copy (filter);
  search->sort = sort;
  search->generation = ++self->generation;
  g_clear_pointer (&self->missed, g_array_unref);
  self->missed = g_array_new (FALSE, FALSE, sizeof (gint64));
  task = g_task_new (self, cancellable, callback, data);
  g_task_set_source_tag (task, pent_revision_list_set_filter_async);
  g_task_set_task_data (task, search, (GDestroyNotify) search_free);
  g_task_run_in_thread (task, search_thread);
}

gboolean
pent_revision_list_set_filter_finish (PentRevisionList *self, GAsyncResult *result, GError **error)
{
  g_autoptr (GArray) missed = NULL;
  Search *search;

  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return FALSE;
  search = g_task_get_task_data (G_TASK (result));
  if (search->generation != self->generation)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Another filter was chosen since");
      return FALSE;
    }
  missed = g_steal_pointer (&self->missed);
  take_filter (self, g_steal_pointer (&search->filter), search->sort);
  replace (self, search->keys);
  on_changed (self, missed);
  return TRUE;
}

/* ---- object ---- */

static void
pent_revision_list_finalize (GObject *object)
{
  PentRevisionList *self = PENT_REVISION_LIST (object);

  g_clear_pointer (&self->missed, g_array_unref);
  g_clear_pointer (&self->places, g_hash_table_unref);
  g_clear_pointer (&self->keys, g_sequence_free);
  g_clear_pointer (&self->filter, pent_filter_free);
  g_clear_object (&self->document);
  G_OBJECT_CLASS (pent_revision_list_parent_class)->finalize (object);
}

static void
pent_revision_list_class_init (PentRevisionListClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = pent_revision_list_finalize;
}

static void
pent_revision_list_init (PentRevisionList *self)
{
  self->keys = g_sequence_new (g_free);
  self->places = g_hash_table_new (g_int64_hash, g_int64_equal);
}

PentRevisionList *
pent_revision_list_new (PentDocument *document, const PentFilter *filter, PentSort sort)
{
  PentRevisionList *self;

  g_return_val_if_fail (PENT_IS_DOCUMENT (document), NULL);

  self = g_object_new (PENT_TYPE_REVISION_LIST, NULL);
  self->document = g_object_ref (document);
  g_signal_connect_object (document, "changed", G_CALLBACK (on_changed), self, G_CONNECT_SWAPPED);
  pent_revision_list_set_filter (self, filter, sort);
  return self;
}

PentDocument *
pent_revision_list_get_document (PentRevisionList *self)
{
  g_return_val_if_fail (PENT_IS_REVISION_LIST (self), NULL);
  return self->document;
}

PentSort
pent_revision_list_get_sort (PentRevisionList *self)
{
  g_return_val_if_fail (PENT_IS_REVISION_LIST (self), PENT_SORT_NEWEST);
  return self->sort;
}

gboolean
pent_revision_list_find (PentRevisionList *self, PentRevision *revision, guint *position)
{
  GSequenceIter *iter;
  gint64 seq;

  g_return_val_if_fail (PENT_IS_REVISION_LIST (self), FALSE);
  g_return_val_if_fail (PENT_IS_REVISION (revision), FALSE);

  seq = pent_revision_get_seq (revision);
  iter = g_hash_table_lookup (self->places, &seq);
  if (iter != NULL && position != NULL)
    *position = (guint) g_sequence_iter_get_position (iter);
  return iter != NULL;
}
