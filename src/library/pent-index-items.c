/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-index"

#include "pent-index-private.h"

/* ---- PentIndexDocument ---- */

struct _PentIndexDocument {
  GObject parent_instance;
  char   *path;
  char   *name;
  guint   n_revisions;
  gint64  changed;
  gint64  opened;
  GBytes *cover;
};

G_DEFINE_FINAL_TYPE (PentIndexDocument, pent_index_document, G_TYPE_OBJECT)

static void
pent_index_document_finalize (GObject *object)
{
  PentIndexDocument *self = PENT_INDEX_DOCUMENT (object);

  g_clear_pointer (&self->path, g_free);
  g_clear_pointer (&self->name, g_free);
  g_clear_pointer (&self->cover, g_bytes_unref);
  G_OBJECT_CLASS (pent_index_document_parent_class)->finalize (object);
}

static void
pent_index_document_class_init (PentIndexDocumentClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = pent_index_document_finalize;
}

static void
pent_index_document_init (PentIndexDocument *self)
{
}

PentIndexDocument *
pent_index_document_new (const char *path, guint n_revisions, gint64 changed, gint64 opened, GBytes *cover)
{
  PentIndexDocument *self = g_object_new (PENT_TYPE_INDEX_DOCUMENT, NULL);

  self->path = g_strdup (path);
  self->name = g_path_get_basename (path);
  if (g_str_has_suffix (self->name, PENT_INDEX_SUFFIX))
    self->name[strlen (self->name) - strlen (PENT_INDEX_SUFFIX)] = '\0';
  self->n_revisions = n_revisions;
  self->changed = changed;
  self->opened = opened;
  self->cover = cover;
  return self;
}

const char *
pent_index_document_get_path (PentIndexDocument *self)
{
  g_return_val_if_fail (PENT_IS_INDEX_DOCUMENT (self), NULL);
  return self->path;
}

const char *
pent_index_document_get_name (PentIndexDocument *self)
{
  g_return_val_if_fail (PENT_IS_INDEX_DOCUMENT (self), NULL);
  return self->name;
}

guint
pent_index_document_get_n_revisions (PentIndexDocument *self)
{
  g_return_val_if_fail (PENT_IS_INDEX_DOCUMENT (self), 0);
  return self->n_revisions;
}

gint64
pent_index_document_get_changed (PentIndexDocument *self)
{
  g_return_val_if_fail (PENT_IS_INDEX_DOCUMENT (self), 0);
  return self->changed;
}

gint64
pent_index_document_get_opened (PentIndexDocument *self)
{
  g_return_val_if_fail (PENT_IS_INDEX_DOCUMENT (self), 0);
  return self->opened;
}

GBytes *
pent_index_document_get_cover (PentIndexDocument *self)
{
  g_return_val_if_fail (PENT_IS_INDEX_DOCUMENT (self), NULL);
  return self->cover;
}

/* ---- PentIndexHit ---- */

struct _PentIndexHit {
  GObject parent_instance;
  char   *path;
  char   *id;
  char   *title;
  gint64  created;
};

G_DEFINE_FINAL_TYPE (PentIndexHit, pent_index_hit, G_TYPE_OBJECT)

static void
pent_index_hit_finalize (GObject *object)
{
  PentIndexHit *self = PENT_INDEX_HIT (object);

  g_clear_pointer (&self->path, g_free);
  g_clear_pointer (&self->id, g_free);
  g_clear_pointer (&self->title, g_free);
  G_OBJECT_CLASS (pent_index_hit_parent_class)->finalize (object);
}

static void
pent_index_hit_class_init (PentIndexHitClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = pent_index_hit_finalize;
}

static void
pent_index_hit_init (PentIndexHit *self)
{
}

PentIndexHit *
pent_index_hit_new (const char *path, char *id, const char *title, gint64 created)
{
  PentIndexHit *self = g_object_new (PENT_TYPE_INDEX_HIT, NULL);

  self->path = g_strdup (path);
  self->id = id;
  self->title = g_strdup (title);
  self->created = created;
  return self;
}

const char *
pent_index_hit_get_path (PentIndexHit *self)
{
  g_return_val_if_fail (PENT_IS_INDEX_HIT (self), NULL);
  return self->path;
}

const char *
pent_index_hit_get_id (PentIndexHit *self)
{
  g_return_val_if_fail (PENT_IS_INDEX_HIT (self), NULL);
  return self->id;
}

const char *
pent_index_hit_get_title (PentIndexHit *self)
{
  g_return_val_if_fail (PENT_IS_INDEX_HIT (self), NULL);
  return self->title;
}

gint64
pent_index_hit_get_created (PentIndexHit *self)
{
  g_return_val_if_fail (PENT_IS_INDEX_HIT (self), 0);
  return self->created;
}
