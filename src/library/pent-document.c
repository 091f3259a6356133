/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-document"

#include "pent-document-private.h"

#include <string.h>

#include "pent-error.h"
#include "pent-fields-private.h"
#include "pent-revision-private.h"
#include "pent-schema-private.h"

enum {
  PROP_0,
  PROP_PATH,
  PROP_AUTHOR,
  PROP_READ_ONLY,
  PROP_N_REVISIONS,
  PROP_CAN_UNDO,
  PROP_CAN_REDO,
  N_PROPS
};

enum {
  CHANGED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (PentDocument, pent_document, G_TYPE_OBJECT)

/* ---- locks ---- */

PentSql *
pent_document_lock_writer (PentDocument *self, GCancellable *cancellable, GError **error)
{
  if (self->writer == NULL)
    {
      g_autofree char *name = g_path_get_basename (self->path);

      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” may only be read here; save a copy and work on that", name);
      return NULL;
    }
  g_mutex_lock (&self->writer_lock);
  /* What another connection found out holds for this one. */
  if (pent_sql_is_damaged (self->reader) || pent_sql_is_damaged (self->loader))
    pent_sql_set_damaged (self->writer);
  pent_sql_set_cancellable (self->writer, cancellable);
  return self->writer;
}

void
pent_document_unlock_writer (PentDocument *self)
{
  pent_sql_set_cancellable (self->writer, NULL);
  g_mutex_unlock (&self->writer_lock);
}

PentSql *
pent_document_lock_loader (PentDocument *self, GCancellable *cancellable)
{
  g_mutex_lock (&self->loader_lock);
  pent_sql_set_cancellable (self->loader, cancellable);
  return self->loader;
}

void
pent_document_unlock_loader (PentDocument *self)
{
  pent_sql_set_cancellable (self->loader, NULL);
  g_mutex_unlock (&self->loader_lock);
}

PentSql *
pent_document_get_reader (PentDocument *self)
{
  return self->reader;
}

/* ---- what the other files notify ---- */

void
pent_document_emit_changed (PentDocument *self, GArray *seqs)
{
  g_signal_emit (self, signals[CHANGED], 0, seqs);
}

void
pent_document_notify_n_revisions (PentDocument *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_N_REVISIONS]);
}

void
pent_document_notify_steps (PentDocument *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CAN_UNDO]);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CAN_REDO]);
}

/* ---- object ---- */

static void
pent_document_dispose (GObject *object)
{
  pent_document_stop_watching (PENT_DOCUMENT (object));
  G_OBJECT_CLASS (pent_document_parent_class)->dispose (object);
}

static void
pent_document_finalize (GObject *object)
{
  PentDocument *self = PENT_DOCUMENT (object);

  /* Every task holds a reference, so that none is left; but this may be the queue's own thread: no waiting for it. */
  g_thread_pool_free (self->queue, FALSE, FALSE);
  pent_steps_clear (self);
  g_clear_pointer (&self->reader, pent_sql_close);
  g_clear_pointer (&self->loader, pent_sql_close);
  g_clear_pointer (&self->writer, pent_sql_close);
  g_mutex_clear (&self->loader_lock);
  g_mutex_clear (&self->writer_lock);
  g_mutex_clear (&self->soon_lock);
  g_mutex_clear (&self->steps_lock);
  g_clear_pointer (&self->items, g_hash_table_unref);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_clear_pointer (&self->path, g_free);
  g_clear_pointer (&self->author, g_free);
  G_OBJECT_CLASS (pent_document_parent_class)->finalize (object);
}

static void
pent_document_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  PentDocument *self = PENT_DOCUMENT (object);
  g_autofree char *label = NULL;

  switch (id)
    {
    case PROP_PATH:
      g_value_set_string (value, self->path);
      break;
    case PROP_AUTHOR:
      g_value_set_string (value, self->author);
      break;
    case PROP_READ_ONLY:
      g_value_set_boolean (value, self->read_only);
      break;
    case PROP_N_REVISIONS:
      g_value_set_uint (value, self->n_revisions);
      break;
    case PROP_CAN_UNDO:
      label = pent_document_get_undo_label (self);
      g_value_set_boolean (value, label != NULL);
      break;
    case PROP_CAN_REDO:
      label = pent_document_get_redo_label (self);
      g_value_set_boolean (value, label != NULL);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
pent_document_class_init (PentDocumentClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

  object_class->dispose = pent_document_dispose;
  object_class->finalize = pent_document_finalize;
  object_class->get_property = pent_document_get_property;

  properties[PROP_PATH] = g_param_spec_string ("path", NULL, NULL, NULL, flags);
  properties[PROP_AUTHOR] = g_param_spec_string ("author", NULL, NULL, NULL, flags);
  properties[PROP_READ_ONLY] = g_param_spec_boolean ("read-only", NULL, NULL, FALSE, flags);
  properties[PROP_N_REVISIONS] = g_param_spec_uint ("n-revisions", NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_CAN_UNDO] = g_param_spec_boolean ("can-undo", NULL, NULL, FALSE, flags);
  properties[PROP_CAN_REDO] = g_param_spec_boolean ("can-redo", NULL, NULL, FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  signals[CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 1, G_TYPE_ARRAY | G_SIGNAL_TYPE_STATIC_SCOPE);
}

static void
pent_document_init (PentDocument *self)
{
  g_mutex_init (&self->loader_lock);
  g_mutex_init (&self->writer_lock);
  g_mutex_init (&self->soon_lock);
  g_mutex_init (&self->steps_lock);
  self->items = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_free);
  self->queue = pent_document_queue_new ();
  pent_steps_init (self);
}

/* ---- opening ---- */

/* Other programs may have given it a write-ahead log.  If somebody has it open so, another time. */
static void
keep_one_file (PentSql *sql)
{
  gboolean has_log;

  {
    g_auto (PentQuery) query = pent_sql_query (sql, "PRAGMA journal_mode", "");

    has_log = pent_query_next (&query) && g_str_equal (pent_query_text (&query, 0), "wal");
  }
  if (has_log)
    {
      pent_sql_set_patience (sql, 0);
      pent_sql_exec (sql, "PRAGMA journal_mode = DELETE");
      pent_sql_set_patience (sql, 10000);
    }
  pent_sql_check (sql, NULL);
}

static gboolean
connect_all (PentDocument *self, PentDocumentFlags flags, GError **error)
{
  g_autoptr (PentSql) first = NULL;
  PentSchemaMode mode = flags & PENT_DOCUMENT_READ_ONLY ? PENT_SCHEMA_READ
                      : flags & PENT_DOCUMENT_CREATE ? PENT_SCHEMA_CREATE : PENT_SCHEMA_WRITE;

  first = pent_schema_open (self->path, mode, error);
  if (first == NULL)
    return FALSE;
  self->read_only = sqlite3_db_readonly (pent_sql_get_handle (first), "main") == 1;
  if (self->read_only)
    {
      self->reader = g_steal_pointer (&first);
    }
  else
    {
      self->writer = g_steal_pointer (&first);
      keep_one_file (self->writer);
      self->reader = pent_sql_open (self->path, SQLITE_OPEN_READWRITE, error);
    }
  if (self->reader != NULL)
    self->loader = pent_sql_open (self->path, self->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE, error);
  return self->loader != NULL;
}

static gboolean
read_start (PentDocument *self, GError **error)
{
  pent_sql_begin_read (self->reader);
  self->seen_revision = pent_sql_get_int (self->reader, "SELECT max (seq) FROM revision", "");
  self->seen_record = pent_sql_get_int (self->reader, "SELECT max (seq) FROM record", "");
  self->n_revisions = pent_document_count (self->reader);
  self->data_version = pent_sql_get_int (self->reader, "PRAGMA data_version", "");
  return pent_sql_commit (self->reader, error);
}

static PentDocument *
document_new (const char *path, const char *author)
{
  PentDocument *self = g_object_new (PENT_TYPE_DOCUMENT, NULL);

  self->path = g_canonicalize_filename (path, NULL);
  self->author = g_strdup (author);
  if (author == NULL)
    {
      g_autofree char *user = g_locale_to_utf8 (g_get_real_name (), -1, NULL, NULL, NULL);

      self->author = user != NULL && *user != '\0' && !g_str_equal (user, "Unknown") ? g_strdup (user)
                   : g_utf8_make_valid (g_get_user_name (), -1);
    }
  self->context = g_main_context_ref_thread_default ();
  self->thread = g_thread_self ();
  return self;
}

PentDocument *
pent_document_open (const char *path, PentDocumentFlags flags, const char *author, GError **error)
{
  g_autoptr (PentDocument) self = NULL;

  g_return_val_if_fail (path != NULL, NULL);

  self = document_new (path, author);
  if (!connect_all (self, flags, error) || !read_start (self, error))
    return NULL;
  pent_document_start_watching (self);
  return g_steal_pointer (&self);
}

static void
open_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  PentDocument *self = data;
  PentDocumentFlags flags = GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (task), "flags"));
  GError *error = NULL;

  if (connect_all (self, flags, &error) && read_start (self, &error))
    g_task_return_pointer (task, g_object_ref (self), g_object_unref);
  else
    g_task_return_error (task, error);
}

void
pent_document_open_async (const char *path, PentDocumentFlags flags, const char *author, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (path != NULL);

  task = g_task_new (NULL, cancellable, callback, data);
  g_task_set_source_tag (task, pent_document_open_async);
  g_task_set_task_data (task, document_new (path, author), g_object_unref);
  g_object_set_data (G_OBJECT (task), "flags", GUINT_TO_POINTER (flags));
  g_task_run_in_thread (task, open_thread);
}

PentDocument *
pent_document_open_finish (GAsyncResult *result, GError **error)
{
  PentDocument *self;

  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);

  self = g_task_propagate_pointer (G_TASK (result), error);
  if (self != NULL)
    pent_document_start_watching (self);
  return self;
}

const char *
pent_document_get_path (PentDocument *self)
{
  g_return_val_if_fail (PENT_IS_DOCUMENT (self), NULL);
  return self->path;
}

const char *
pent_document_get_author (PentDocument *self)
{
  g_return_val_if_fail (PENT_IS_DOCUMENT (self), NULL);
  return self->author;
}

gboolean
pent_document_get_read_only (PentDocument *self)
{
  g_return_val_if_fail (PENT_IS_DOCUMENT (self), TRUE);
  return self->read_only;
}

guint
pent_document_get_n_revisions (PentDocument *self)
{
  g_return_val_if_fail (PENT_IS_DOCUMENT (self), 0);
  return self->n_revisions;
}
