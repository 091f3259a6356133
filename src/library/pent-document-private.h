/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-document.h"
#include "pent-edit-private.h"
#include "pent-sql-private.h"

G_BEGIN_DECLS

/* Three connections: reader belongs to the owner's thread (lists, refresh); loader, for pictures and whole-document
 * reading, and writer, the only one that writes, are guarded by their locks. */
struct _PentDocument {
  GObject       parent_instance;
  char         *path;
  char         *author;
  gboolean      read_only;

  GMainContext *context;
  GThread      *thread;
  PentSql      *reader;
  PentSql      *loader;
  PentSql      *writer;             /* NULL if read_only */
  GMutex        loader_lock;
  GMutex        writer_lock;
  GThreadPool  *queue;              /* of one thread: asynchronous writes keep their order */

  GHashTable   *items;              /* seq -> those alive: pent-document-watch.c */
  PentRevision *recent[256];        /* keeps what was shown lately alive, so that scrolling back does not read again */
  guint         n_recent;

  gint64        seen_revision;      /* the logs up to here are on the screen */
  gint64        seen_record;
  gint64        data_version;
  guint         n_revisions;
  gboolean      refreshing;
  GSource      *timer;
  GSource      *soon;               /* a refresh that was put off; guarded by soon_lock */
  GMutex        soon_lock;
  GFileMonitor *monitor;

  GPtrArray    *undo;               /* of Step; changed with both locks held, read with either */
  GPtrArray    *redo;
  GMutex        steps_lock;
  guint64       last_step;
};

/* ---- locks: the connection, with cancellable in force; NULL and an error where the document cannot be written ---- */
PentSql *pent_document_lock_writer (PentDocument *self, GCancellable *cancellable, GError **error);
void     pent_document_unlock_writer (PentDocument *self);
PentSql *pent_document_lock_loader (PentDocument *self, GCancellable *cancellable);
void     pent_document_unlock_loader (PentDocument *self);

/* After a commit, from any thread, locks released: lists learn of it, at once in the owner's thread. */
void     pent_document_written (PentDocument *self);

/* Owner's thread: a new reference. */
PentRevision *pent_document_get_item (PentDocument *self, gint64 seq);
PentSql      *pent_document_get_reader (PentDocument *self);

guint         pent_document_count (PentSql *sql);       /* revisions that were not purged */

/* ---- the parts of the object ---- */
GThreadPool  *pent_document_queue_new (void);
void          pent_document_start_watching (PentDocument *self);        /* owner's thread */
void          pent_document_stop_watching (PentDocument *self);
void          pent_document_emit_changed (PentDocument *self, GArray *seqs);
void          pent_document_notify_n_revisions (PentDocument *self);
void          pent_document_notify_steps (PentDocument *self);

/* Undo's steps. */
void     pent_steps_init (PentDocument *self);
void     pent_steps_clear (PentDocument *self);

/* Shared by merge and save: bytes of the free pages go back to the file system.  Outside transactions. */
void     pent_document_vacuum (PentSql *sql);
/* The largest number of bytes the pages take now. */
gint64   pent_document_measure (PentSql *sql);

/* Renames what was written under another name, on the disk first, unless there is something by the new name. */
gboolean pent_file_publish (const char *partial, const char *path, GError **error);

G_END_DECLS
