/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-revision"

#include "pent-revision-private.h"
#include "pent-state-private.h"

struct _PentRevision {
  GObject     parent_instance;
  gint64      seq;
  char       *id;
  PentRecipe *recipe;
  char      **parents;
  char       *pixels;
  gint64      created;
  char       *author;
  char       *words;
  char       *name;
  char       *notes;
  guint       rating;
  char      **tags;
  char      **flags;
  double      x, y;
  guint       has_position : 1;
  guint       trashed : 1;
  guint       purged : 1;
};

enum {
  PROP_0,
  PROP_ID,
  PROP_OP,
  PROP_PROMPT,
  PROP_MODEL,
  PROP_CREATED,
  PROP_AUTHOR,
  PROP_WORDS,
  PROP_NAME,
  PROP_NOTES,
  PROP_RATING,
  PROP_TAGS,
  PROP_FLAGS,
  PROP_HAS_POSITION,
  PROP_X,
  PROP_Y,
  PROP_TRASHED,
  PROP_PURGED,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (PentRevision, pent_revision, G_TYPE_OBJECT)

static void
pent_revision_finalize (GObject *object)
{
  PentRevision *self = PENT_REVISION (object);

  g_clear_pointer (&self->id, g_free);
  g_clear_pointer (&self->recipe, pent_recipe_unref);
  g_clear_pointer (&self->parents, g_strfreev);
  g_clear_pointer (&self->pixels, g_free);
  g_clear_pointer (&self->author, g_free);
  g_clear_pointer (&self->words, g_free);
  g_clear_pointer (&self->name, g_free);
  g_clear_pointer (&self->notes, g_free);
  g_clear_pointer (&self->tags, g_strfreev);
  g_clear_pointer (&self->flags, g_strfreev);
  G_OBJECT_CLASS (pent_revision_parent_class)->finalize (object);
}

static void
pent_revision_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  PentRevision *self = PENT_REVISION (object);

  switch (id)
    {
    case PROP_ID:
      g_value_set_string (value, self->id);
      break;
    case PROP_OP:
      g_value_set_string (value, pent_revision_get_op (self));
      break;
    case PROP_PROMPT:
      g_value_set_string (value, pent_revision_get_prompt (self));
      break;
    case PROP_MODEL:
      g_value_set_string (value, pent_revision_get_model (self));
      break;
    case PROP_CREATED:
      g_value_set_int64 (value, self->created);
      break;
    case PROP_AUTHOR:
      g_value_set_string (value, self->author);
      break;
    case PROP_WORDS:
      g_value_set_string (value, self->words);
      break;
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;
    case PROP_NOTES:
      g_value_set_string (value, self->notes);
      break;
    case PROP_RATING:
      g_value_set_uint (value, self->rating);
      break;
    case PROP_TAGS:
      g_value_set_boxed (value, self->tags);
      break;
    case PROP_FLAGS:
      g_value_set_boxed (value, self->flags);
      break;
    case PROP_HAS_POSITION:
      g_value_set_boolean (value, self->has_position);
      break;
    case PROP_X:
      g_value_set_double (value, self->x);
      break;
    case PROP_Y:
      g_value_set_double (value, self->y);
      break;
    case PROP_TRASHED:
      g_value_set_boolean (value, self->trashed);
      break;
    case PROP_PURGED:
      g_value_set_boolean (value, self->purged);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
pent_revision_class_init (PentRevisionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

  object_class->finalize = pent_revision_finalize;
  object_class->get_property = pent_revision_get_property;

  properties[PROP_ID] = g_param_spec_string ("id", NULL, NULL, NULL, flags);
  properties[PROP_OP] = g_param_spec_string ("op", NULL, NULL, NULL, flags);
  properties[PROP_PROMPT] = g_param_spec_string ("prompt", NULL, NULL, NULL, flags);
  properties[PROP_MODEL] = g_param_spec_string ("model", NULL, NULL, NULL, flags);
  properties[PROP_CREATED] = g_param_spec_int64 ("created", NULL, NULL, 0, G_MAXINT64, 0, flags);
  properties[PROP_AUTHOR] = g_param_spec_string ("author", NULL, NULL, NULL, flags);
  properties[PROP_WORDS] = g_param_spec_string ("words", NULL, NULL, NULL, flags);
  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  properties[PROP_NOTES] = g_param_spec_string ("notes", NULL, NULL, NULL, flags);
  properties[PROP_RATING] = g_param_spec_uint ("rating", NULL, NULL, 0, 5, 0, flags);
  properties[PROP_TAGS] = g_param_spec_boxed ("tags", NULL, NULL, G_TYPE_STRV, flags);
  properties[PROP_FLAGS] = g_param_spec_boxed ("flags", NULL, NULL, G_TYPE_STRV, flags);
  properties[PROP_HAS_POSITION] = g_param_spec_boolean ("has-position", NULL, NULL, FALSE, flags);
  properties[PROP_X] = g_param_spec_double ("x", NULL, NULL, -G_MAXDOUBLE, G_MAXDOUBLE, 0, flags);
  properties[PROP_Y] = g_param_spec_double ("y", NULL, NULL, -G_MAXDOUBLE, G_MAXDOUBLE, 0, flags);
  properties[PROP_TRASHED] = g_param_spec_boolean ("trashed", NULL, NULL, FALSE, flags);
  properties[PROP_PURGED] = g_param_spec_boolean ("purged", NULL, NULL, FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
pent_revision_init (PentRevision *self)
{
}

/* ---- made and kept up to date by the document ---- */

PentRevision *
pent_revision_new (const PentRow *row, const PentFields *fields)
{
  PentRevision *self = g_object_new (PENT_TYPE_REVISION, NULL);
  g_autoptr (GError) error = NULL;

  self->seq = row->seq;
  self->id = g_strdup (row->id);
  self->parents = g_strdupv (row->parents);
  self->pixels = g_strdup (row->pixels);
  self->recipe = pent_recipe_from_json (row->recipe, &error);
  if (self->recipe == NULL)
    {
      /* verify reports it; the picture can still be looked at. */
      g_warning ("Revision %s: %s", self->id, error->message);
      self->recipe = pent_recipe_new ("unknown");
    }
  self->created = fields->created;
  self->author = g_strdup (fields->author);
  self->words = g_strdup (fields->words);
  self->name = g_strdup ("");
  self->notes = g_strdup ("");
  self->tags = g_new0 (char *, 1);
  self->flags = g_new0 (char *, 1);
  pent_revision_update (self, fields);
  return self;
}

static gboolean
set_string (PentRevision *self, char **member, const char *value, guint property)
{
  if (!g_set_str (member, value))
    return FALSE;
  g_object_notify_by_pspec (G_OBJECT (self), properties[property]);
  return TRUE;
}

static gboolean
set_strv (PentRevision *self, char ***member, GPtrArray *values, guint property)
{
  const char *const *strv = (const char *const *) values->pdata;

  if (values->len == 0 ? (*member)[0] == NULL : g_strv_equal ((const char *const *) *member, strv))
    return FALSE;
  g_strfreev (*member);
  *member = values->len == 0 ? g_new0 (char *, 1) : g_strdupv ((char **) strv);
  g_object_notify_by_pspec (G_OBJECT (self), properties[property]);
  return TRUE;
}

static gboolean
set_position (PentRevision *self, const PentFields *fields)
{
  if (self->has_position == (guint) fields->has_position && self->x == fields->x && self->y == fields->y)
    return FALSE;
  self->has_position = fields->has_position;
  self->x = fields->x;
  self->y = fields->y;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_HAS_POSITION]);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_X]);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_Y]);
  return TRUE;
}

static gboolean
set_fate (PentRevision *self, const PentFields *fields)
{
  gboolean trash = self->trashed != (guint) fields->trashed, purge = self->purged != (guint) fields->purged;

  self->trashed = fields->trashed;
  self->purged = fields->purged;
  if (trash)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_TRASHED]);
  if (purge)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PURGED]);
  return trash || purge;
}

gboolean
pent_revision_update (PentRevision *self, const PentFields *fields)
{
  gboolean changed = FALSE;

  g_return_val_if_fail (PENT_IS_REVISION (self), FALSE);

  g_object_freeze_notify (G_OBJECT (self));
  changed |= set_string (self, &self->name, fields->name, PROP_NAME);
  changed |= set_string (self, &self->notes, fields->notes, PROP_NOTES);
  changed |= set_string (self, &self->author, fields->author, PROP_AUTHOR);
  changed |= set_string (self, &self->words, fields->words, PROP_WORDS);
  changed |= set_strv (self, &self->tags, fields->tags, PROP_TAGS);
  changed |= set_strv (self, &self->flags, fields->flags, PROP_FLAGS);
  changed |= set_position (self, fields);
  changed |= set_fate (self, fields);
  if (self->rating != fields->rating)
    {
      self->rating = fields->rating;
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_RATING]);
      changed = TRUE;
    }
  if (self->created != fields->created)
    {
      self->created = fields->created;
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CREATED]);
      changed = TRUE;
    }
  g_object_thaw_notify (G_OBJECT (self));
  return changed;
}

gint64
pent_revision_get_seq (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), 0);
  return self->seq;
}

/* ---- reading ---- */

const char *
pent_revision_get_id (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), NULL);
  return self->id;
}

PentRecipe *
pent_revision_get_recipe (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), NULL);
  return self->recipe;
}

const char *const *
pent_revision_get_parents (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), NULL);
  return (const char *const *) self->parents;
}

const char *
pent_revision_get_pixels (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), NULL);
  return self->pixels;
}

const char *
pent_revision_get_op (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), NULL);
  return pent_recipe_get_op (self->recipe);
}

const char *
pent_revision_get_prompt (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), NULL);
  return pent_recipe_get_string (self->recipe, "prompt");
}

const char *
pent_revision_get_model (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), NULL);
  return pent_state_model (self->recipe);
}

gint64
pent_revision_get_created (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), 0);
  return self->created;
}

const char *
pent_revision_get_author (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), NULL);
  return self->author;
}

const char *
pent_revision_get_words (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), NULL);
  return self->words;
}

const char *
pent_revision_get_name (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), NULL);
  return self->name;
}

const char *
pent_revision_get_notes (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), NULL);
  return self->notes;
}

guint
pent_revision_get_rating (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), 0);
  return self->rating;
}

const char *const *
pent_revision_get_tags (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), NULL);
  return (const char *const *) self->tags;
}

const char *const *
pent_revision_get_flags (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), NULL);
  return (const char *const *) self->flags;
}

gboolean
pent_revision_get_trashed (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), FALSE);
  return self->trashed;
}

gboolean
pent_revision_get_purged (PentRevision *self)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), FALSE);
  return self->purged;
}

gboolean
pent_revision_get_position (PentRevision *self, double *x, double *y)
{
  g_return_val_if_fail (PENT_IS_REVISION (self), FALSE);
  if (x != NULL)
    *x = self->x;
  if (y != NULL)
    *y = self->y;
  return self->has_position;
}
