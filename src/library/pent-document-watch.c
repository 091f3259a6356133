/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-document"

#include "pent-document-private.h"

#include "pent-fields-private.h"
#include "pent-revision-private.h"

#define POLL_INTERVAL 1             /* s: for file systems that tell nothing */
#define RETRY_INTERVAL 20           /* ms, while somebody else writes */
#define PATIENCE 10000              /* ms */
#define BATCH 256                   /* revisions, and records, per turn of the main loop */

/* ---- items ---- */

/* One that is alive somewhere. */
typedef struct {
  PentDocument *document;
  PentRevision *item;               /* not owned */
  gint64        seq;
} Live;

static void
on_item_gone (gpointer data, GObject *item)
{
  Live *live = data;

  g_hash_table_remove (live->document->items, &live->seq);
}

static PentRevision *
find_live (PentDocument *self, gint64 seq)
{
  Live *live = g_hash_table_lookup (self->items, &seq);

  return live != NULL ? live->item : NULL;
}

static void
remember_live (PentDocument *self, PentRevision *item)
{
  Live *live = g_new0 (Live, 1);

  live->document = self;
  live->item = item;
  live->seq = pent_revision_get_seq (item);
  g_hash_table_insert (self->items, &live->seq, live);
  g_object_weak_ref (G_OBJECT (item), on_item_gone, live);
}

static void
keep_for_a_while (PentDocument *self, PentRevision *item)
{
  guint place = self->n_recent++ % G_N_ELEMENTS (self->recent);

  g_set_object (&self->recent[place], item);
}

static PentRevision *
load_item (PentDocument *self, gint64 seq)
{
  g_autoptr (PentRow) row = NULL;
  g_autoptr (PentFields) fields = NULL;
  g_autoptr (GError) error = NULL;
  guint8 id[32];

  row = pent_row_load (self->reader, seq);
  if (row != NULL)
    {
      pent_hash_from_hex (row->id, id);
      fields = pent_fields_load (self->reader, id);
    }
  if (!pent_sql_check (self->reader, &error))
    {
      g_message ("%s", error->message);
      return NULL;
    }
  return row != NULL ? pent_revision_new (row, fields) : NULL;
}

PentRevision *
pent_document_get_item (PentDocument *self, gint64 seq)
{
  PentRevision *item;

  g_assert (self->thread == g_thread_self ());

  item = find_live (self, seq);
  if (item != NULL)
    return g_object_ref (item);
  item = load_item (self, seq);
  if (item == NULL)
    return NULL;
  remember_live (self, item);
  keep_for_a_while (self, item);
  return item;
}

PentRevision *
pent_document_lookup (PentDocument *self, const char *id)
{
  g_autoptr (GError) error = NULL;
  gint64 seq;

  g_return_val_if_fail (PENT_IS_DOCUMENT (self), NULL);
  g_return_val_if_fail (id != NULL, NULL);

  seq = pent_row_find_short (self->reader, id);
  if (!pent_sql_check (self->reader, &error))
    g_message ("%s", error->message);
  return seq > 0 ? pent_document_get_item (self, seq) : NULL;
}

/* ---- noticing what was written ---- */

static void
collect (GHashTable *seqs, gint64 seq)
{
  g_hash_table_add (seqs, g_memdup2 (&seq, sizeof seq));
}

/* The revisions that the logs name after what was seen; TRUE if there may be more. */
static gboolean
read_logs (PentDocument *self, GHashTable *seqs)
{
  guint n_revisions = 0, n_records = 0;
  g_auto (PentQuery) revisions =
    pent_sql_query (self->reader, "SELECT seq FROM revision WHERE seq > ?1 ORDER BY seq LIMIT ?2", "ii",
                    self->seen_revision, (gint64) BATCH);
  g_auto (PentQuery) records =
    pent_sql_query (self->reader, "SELECT record.seq, revision.seq FROM record LEFT JOIN revision"
                    " ON revision.id = record.target WHERE record.seq > ?1 ORDER BY record.seq LIMIT ?2", "ii",
                    self->seen_record, (gint64) BATCH);

  for (; pent_query_next (&revisions); n_revisions++)
    {
      self->seen_revision = pent_query_int (&revisions, 0);
      collect (seqs, self->seen_revision);
    }
  for (; pent_query_next (&records); n_records++)
    {
      self->seen_record = pent_query_int (&records, 0);
      if (pent_query_int (&records, 1) > 0)
        collect (seqs, pent_query_int (&records, 1));
    }
  return n_revisions == BATCH || n_records == BATCH;
}

static int
compare_seqs (gconstpointer a, gconstpointer b)
{
  gint64 first = *(const gint64 *) a, second = *(const gint64 *) b;

  return first < second ? -1 : first > second;
}

/* What holds now of an item that somebody has. */
typedef struct {
  PentRevision *item;
  PentFields   *fields;
} Update;

static void
update_free (Update *self)
{
  g_object_unref (self->item);
  pent_fields_free (self->fields);
  g_free (self);
}

static GPtrArray *
read_updates (PentDocument *self, GArray *seqs)
{
  GPtrArray *updates = g_ptr_array_new_with_free_func ((GDestroyNotify) update_free);

  for (guint i = 0; i < seqs->len; i++)
    {
      PentRevision *item = find_live (self, g_array_index (seqs, gint64, i));
      Update *update;
      guint8 id[32];

      if (item == NULL)
        continue;
      pent_hash_from_hex (pent_revision_get_id (item), id);
      update = g_new0 (Update, 1);
      update->item = g_object_ref (item);
      update->fields = pent_fields_load (self->reader, id);
      g_ptr_array_add (updates, update);
    }
  return updates;
}

static void
apply_updates (GPtrArray *updates)
{
  for (guint i = 0; i < updates->len; i++)
    {
      const Update *update = g_ptr_array_index (updates, i);

      pent_revision_update (update->item, update->fields);
    }
}

guint
pent_document_count (PentSql *sql)
{
  return (guint) pent_sql_get_int (sql, "SELECT count (*) FROM state WHERE fate < 2", "");
}

/* One turn.  Everything is read in one transaction and told after it, since who is told may write.  Returns FALSE when
 * there is no more, or not now: then busy says so. */
static gboolean
refresh_batch (PentDocument *self, gboolean patient, gboolean *busy)
{
  g_autoptr (GPtrArray) updates = NULL;
  g_autoptr (GHashTable) set = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_autoptr (GArray) seqs = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_autoptr (GError) error = NULL;
  gint64 revision = self->seen_revision, record = self->seen_record;
  guint n_revisions = self->n_revisions;
  GHashTableIter iter;
  gpointer key;
  gboolean more, read;

  pent_sql_set_patience (self->reader, patient ? PATIENCE : 0);
  pent_sql_begin_read (self->reader);
  self->data_version = pent_sql_get_int (self->reader, "PRAGMA data_version", "");
  more = read_logs (self, set);
  g_hash_table_iter_init (&iter, set);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    g_array_append_vals (seqs, key, 1);
  g_array_sort (seqs, compare_seqs);
  if (seqs->len > 0)
    n_revisions = pent_document_count (self->reader);
  updates = read_updates (self, seqs);
  *busy = pent_sql_is_busy (self->reader);
  read = pent_sql_commit (self->reader, &error);
  pent_sql_set_patience (self->reader, PATIENCE);
  if (!read)
    {
      /* The next look at the file tries again. */
      if (!*busy)
        g_message ("%s", error->message);
      self->data_version = -1;
      self->seen_revision = revision;
      self->seen_record = record;
      return FALSE;
    }
  if (seqs->len == 0)
    return FALSE;

  apply_updates (updates);
  if (self->n_revisions != n_revisions)
    {
      self->n_revisions = n_revisions;
      pent_document_notify_n_revisions (self);
    }
  pent_document_emit_changed (self, seqs);
  return more;
}

static gboolean on_soon (gpointer data);

/* Any thread.  The source holds a reference, so that what was written is shown even if nobody else holds one. */
static void
refresh_soon (PentDocument *self, guint delay)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->soon_lock);

  if (self->soon != NULL && delay > 0)
    return;
  if (self->soon != NULL)
    {
      g_source_destroy (self->soon);
      g_clear_pointer (&self->soon, g_source_unref);
    }
  self->soon = delay > 0 ? g_timeout_source_new (delay) : g_idle_source_new ();
  g_source_set_priority (self->soon, G_PRIORITY_HIGH);
  g_source_set_callback (self->soon, on_soon, g_object_ref (self), g_object_unref);
  g_source_attach (self->soon, self->context);
}

static gboolean
on_soon (gpointer data)
{
  PentDocument *self = data;
  gboolean more, busy = FALSE;

  g_mutex_lock (&self->soon_lock);
  g_clear_pointer (&self->soon, g_source_unref);
  g_mutex_unlock (&self->soon_lock);
  if (self->refreshing)
    {
      /* A handler of "changed" turns the main loop. */
      refresh_soon (self, RETRY_INTERVAL);
      return G_SOURCE_REMOVE;
    }

  self->refreshing = TRUE;
  more = refresh_batch (self, FALSE, &busy);
  self->refreshing = FALSE;
  if (more || busy)
    refresh_soon (self, busy ? RETRY_INTERVAL : 0);
  return G_SOURCE_REMOVE;
}

void
pent_document_refresh (PentDocument *self)
{
  gboolean busy = FALSE;

  g_return_if_fail (PENT_IS_DOCUMENT (self));
  g_return_if_fail (self->thread == g_thread_self ());

  /* Asked for by somebody who is just being told. */
  if (self->refreshing)
    {
      refresh_soon (self, 0);
      return;
    }
  self->refreshing = TRUE;
  while (refresh_batch (self, TRUE, &busy))
    ;
  self->refreshing = FALSE;
  if (busy)
    refresh_soon (self, RETRY_INTERVAL);
}

static gboolean
notify_steps (gpointer data)
{
  PentDocument *self = data;

  pent_document_notify_steps (self);
  return G_SOURCE_REMOVE;
}

void
pent_document_written (PentDocument *self)
{
  if (self->thread == g_thread_self ())
    {
      pent_document_refresh (self);
      notify_steps (self);
      return;
    }
  refresh_soon (self, 0);
  g_main_context_invoke_full (self->context, G_PRIORITY_HIGH, notify_steps, g_object_ref (self), g_object_unref);
}

static gboolean
on_poll (gpointer data)
{
  PentDocument *self = data;
  gint64 version;

  pent_sql_set_patience (self->reader, 0);
  version = pent_sql_get_int (self->reader, "PRAGMA data_version", "");
  if (!pent_sql_check (self->reader, NULL) || version != self->data_version)
    refresh_soon (self, 0);
  pent_sql_set_patience (self->reader, PATIENCE);
  return G_SOURCE_CONTINUE;
}

static void
on_file_changed (PentDocument *self)
{
  on_poll (self);
}

void
pent_document_start_watching (PentDocument *self)
{
  g_autoptr (GFile) file = g_file_new_for_path (self->path);

  self->thread = g_thread_self ();
  self->monitor = g_file_monitor_file (file, G_FILE_MONITOR_NONE, NULL, NULL);
  if (self->monitor != NULL)
    {
      g_file_monitor_set_rate_limit (self->monitor, 50);
      g_signal_connect_object (self->monitor, "changed", G_CALLBACK (on_file_changed), self, G_CONNECT_SWAPPED);
    }
  self->timer = g_timeout_source_new_seconds (POLL_INTERVAL);
  g_source_set_callback (self->timer, on_poll, self, NULL);
  g_source_attach (self->timer, self->context);
}

void
pent_document_stop_watching (PentDocument *self)
{
  GHashTableIter iter;
  gpointer value;

  if (self->timer != NULL)
    g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
  if (self->monitor != NULL)
    g_file_monitor_cancel (self->monitor);
  g_clear_object (&self->monitor);

  for (guint i = 0; i < G_N_ELEMENTS (self->recent); i++)
    g_clear_object (&self->recent[i]);
  g_hash_table_iter_init (&iter, self->items);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    g_object_weak_unref (G_OBJECT (((Live *) value)->item), on_item_gone, value);
  g_hash_table_remove_all (self->items);
}
