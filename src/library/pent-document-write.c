/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-document"

#include "pent-document-private.h"

#include <string.h>

#include "pent-error.h"
#include "pent-fields-private.h"
#include "pent-state-private.h"

/* ---- adding a revision ---- */

/* A picture made ready outside of the transaction. */
typedef struct {
  PentImage *image;
  char      *hash;
  GBytes    *png;             /* NULL while the document is believed to have it */
  GBytes    *thumbnail;
} Picture;

static void
picture_free (Picture *self)
{
  g_free (self->hash);
  g_clear_pointer (&self->png, g_bytes_unref);
  g_clear_pointer (&self->thumbnail, g_bytes_unref);
  pent_image_unref (self->image);
  g_free (self);
}

static gboolean
picture_encode (Picture *self, GError **error)
{
  if (self->png == NULL)
    self->png = pent_image_encode_png (self->image, NULL, error);
  if (self->png != NULL && self->thumbnail == NULL)
    self->thumbnail = pent_pixels_make_thumbnail (self->image, error);
  return self->thumbnail != NULL;
}

static Picture *
picture_new (PentDocument *document, PentImage *image, GError **error)
{
  Picture *self = g_new0 (Picture, 1);
  PentSql *sql;
  gboolean there;

  self->image = pent_image_ref (image);
  self->hash = pent_image_get_hash (image);
  sql = pent_document_lock_loader (document, NULL);
  there = pent_pixels_have (sql, self->hash);
  /* Whatever is wrong there will come up again when it is written. */
  pent_sql_check (sql, NULL);
  pent_document_unlock_loader (document);
  if (!there && !picture_encode (self, error))
    g_clear_pointer (&self, picture_free);
  return self;
}

static GPtrArray *
prepare_pictures (PentDocument *self, PentImage *image, GPtrArray *inputs, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) pictures = g_ptr_array_new_with_free_func ((GDestroyNotify) picture_free);

  for (guint i = 0; i < (image != NULL) + (inputs != NULL ? inputs->len : 0); i++)
    {
      gboolean is_result = image != NULL && i == 0;
      Picture *picture;

      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return NULL;
      picture = picture_new (self, is_result ? image : g_ptr_array_index (inputs, i - (image != NULL)), error);
      if (picture == NULL)
        return NULL;
      g_ptr_array_add (pictures, picture);
    }
  return g_steal_pointer (&pictures);
}

/* Those that the revision uses; an input that its recipe does not name would never be given up. */
static void
store_pictures (PentSql *sql, const PentRow *row, GPtrArray *pictures)
{
  g_auto (GStrv) used = pent_row_list_pictures (row);

  for (guint i = 0; i < pictures->len && !pent_sql_failed (sql); i++)
    {
      Picture *picture = g_ptr_array_index (pictures, i);
      GError *error = NULL;

      if (!g_strv_contains ((const char *const *) used, picture->hash) || pent_pixels_have (sql, picture->hash))
        continue;
      if (!picture_encode (picture, &error))
        pent_sql_take_error (sql, error);
      else
        pent_pixels_insert (sql, picture->hash, pent_image_get_width (picture->image),
                            pent_image_get_height (picture->image), picture->thumbnail, picture->png);
    }
}

/* A recipe names its input pictures by 32 bytes; without them it could never be followed again. */
static void
require_inputs (PentSql *sql, PentRecipe *recipe)
{
  g_autoptr (GVariant) variant = g_variant_ref_sink (pent_recipe_to_variant (recipe));
  g_autoptr (GVariant) values = g_variant_get_child_value (variant, 1);
  GVariantIter iter;
  const char *name;
  GVariant *value;

  g_variant_iter_init (&iter, values);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      g_autoptr (GVariant) owned = value;
      g_autofree char *hex = NULL;

      if (!g_variant_is_of_type (owned, G_VARIANT_TYPE_BYTESTRING) || g_variant_get_size (owned) != 32)
        continue;
      hex = pent_hash_to_hex (g_variant_get_data (owned));
      if (!pent_pixels_have (sql, hex))
        pent_sql_fail (sql, PENT_ERROR_INVALID, "The recipe's “%s” names a picture that is not in “%s”", name,
                       pent_sql_get_name (sql));
    }
}

static void
require_distinct (PentSql *sql, char **parents)
{
  for (guint i = 0; parents[i] != NULL; i++)
    for (guint k = 0; k < i; k++)
      if (g_str_equal (parents[i], parents[k]))
        pent_sql_fail (sql, PENT_ERROR_INVALID, "A revision cannot have the same parent twice");
}

static void
insert_revision (PentDocument *self, const PentRow *row, const char *words)
{
  PentSql *sql = self->writer;
  gboolean known = pent_row_find (sql, row->id) != 0;
  gint64 seq = pent_row_insert (sql, row);
  guint8 id[32];

  pent_hash_from_hex (row->id, id);
  if (!known)
    {
      pent_record_insert (sql, id, "made", words, g_get_real_time (), self->author);
    }
  else
    {
      g_autoptr (PentFields) fields = pent_fields_load (sql, id);

      if (pent_fields_get_fate (fields) == 0)
        return;
      pent_record_insert (sql, id, "trash", "0", pent_record_next_time (sql), self->author);
    }
  pent_state_update (sql, seq, TRUE);
}

char *
pent_document_add_revision (PentDocument *self, PentRecipe *recipe, const char *const *parents, PentImage *image,
                            GPtrArray *inputs, const char *words, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) pictures = NULL;
  g_autoptr (PentRow) row = NULL;
  PentSql *sql;
  gboolean done;

  g_return_val_if_fail (PENT_IS_DOCUMENT (self), NULL);
  g_return_val_if_fail (recipe != NULL, NULL);
  g_return_val_if_fail (words == NULL || g_utf8_validate (words, -1, NULL), NULL);

  pictures = prepare_pictures (self, image, inputs, cancellable, error);
  if (pictures == NULL)
    return NULL;
  row = g_new0 (PentRow, 1);
  row->recipe = pent_recipe_to_json (recipe);
  row->parents = parents != NULL ? g_strdupv ((char **) parents) : g_new0 (char *, 1);
  row->pixels = image != NULL ? g_strdup (((Picture *) g_ptr_array_index (pictures, 0))->hash) : NULL;
  row->id = pent_revision_digest (row->recipe, (const char *const *) row->parents, row->pixels);

  sql = pent_document_lock_writer (self, cancellable, error);
  if (sql == NULL)
    return NULL;
  pent_sql_begin (sql);
  require_distinct (sql, row->parents);
  store_pictures (sql, row, pictures);
  require_inputs (sql, recipe);
  insert_revision (self, row, words != NULL ? words : "");
  done = pent_sql_commit (sql, error);
  pent_document_unlock_writer (self);
  if (!done)
    return NULL;
  pent_document_written (self);
  return g_steal_pointer (&row->id);
}

/* ---- edits ---- */

typedef struct {
  guint64    number;
  char      *label;
  GPtrArray *changes;         /* of PentChange, with what held before */
} Step;

static void
step_free (Step *self)
{
  g_free (self->label);
  g_ptr_array_unref (self->changes);
  g_free (self);
}

void
pent_steps_init (PentDocument *self)
{
  self->undo = g_ptr_array_new_with_free_func ((GDestroyNotify) step_free);
  self->redo = g_ptr_array_new_with_free_func ((GDestroyNotify) step_free);
}

void
pent_steps_clear (PentDocument *self)
{
  g_clear_pointer (&self->undo, g_ptr_array_unref);
  g_clear_pointer (&self->redo, g_ptr_array_unref);
}

static const char *
value_without_record (const char *field)
{
  return g_str_equal (field, "rating") || g_str_equal (field, "trash") || g_str_has_prefix (field, "tag:") ||
         g_str_has_prefix (field, "flag:") ? "0" : "";
}

/* The seq of what the change is about, 0 for the document itself; fails on what may not be changed. */
static gint64
check_change (PentSql *sql, const PentChange *change)
{
  GError *error = NULL;
  gint64 seq;

  if (g_str_equal (change->field, "made") || g_str_equal (change->field, "purged"))
    pent_sql_fail (sql, PENT_ERROR_INVALID, "“%s” is nothing that can be set", change->field);
  else if (!pent_field_check (change->field, change->value, &error))
    pent_sql_take_error (sql, error);
  if (change->id == NULL)
    return 0;

  seq = pent_row_find (sql, change->id);
  if (seq == 0)
    pent_sql_fail (sql, PENT_ERROR_INVALID, "There is no revision %.12s in “%s”", change->id, pent_sql_get_name (sql));
  if (g_str_equal (change->field, "trash") &&
      pent_sql_get_int (sql, "SELECT fate FROM state WHERE seq = ?1", "i", seq) == 2)
    pent_sql_fail (sql, PENT_ERROR_INVALID, "The picture of revision %.12s was given up and cannot be brought back",
                   change->id);
  return seq;
}

/* Writes one change; adds it to done, with what held before, if it was one. */
static void
write_change (PentDocument *self, const PentChange *change, gint64 time, GHashTable *touched, GPtrArray *done)
{
  gint64 seq = check_change (self->writer, change);
  g_autofree char *before = NULL;
  guint8 id[32];

  if (pent_sql_failed (self->writer))
    return;
  if (change->id != NULL)
    pent_hash_from_hex (change->id, id);
  before = pent_record_get (self->writer, change->id != NULL ? id : NULL, change->field);
  if (before == NULL)
    before = g_strdup (value_without_record (change->field));
  if (g_str_equal (before, change->value))
    return;
  pent_record_insert (self->writer, change->id != NULL ? id : NULL, change->field, change->value, time, self->author);
  g_ptr_array_add (done, pent_change_new (change->id, change->field, change->value, before));
  if (seq != 0)
    {
      gboolean words = pent_state_has_words (change->field);

      words |= GPOINTER_TO_INT (g_hash_table_lookup (touched, &seq)) - 1 > 0;
      g_hash_table_insert (touched, g_memdup2 (&seq, sizeof seq), GINT_TO_POINTER (1 + words));
    }
}

/* Of two changes of one thing only the later is written. */
static gboolean
is_overruled (GPtrArray *changes, guint i, GHashTable *latest)
{
  const PentChange *change = g_ptr_array_index (changes, i);
  g_autofree char *key = g_strdup_printf ("%s %s", change->id != NULL ? change->id : "", change->field);

  return GPOINTER_TO_UINT (g_hash_table_lookup (latest, key)) != i + 1;
}

static GHashTable *
find_latest (GPtrArray *changes)
{
  GHashTable *latest = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < changes->len; i++)
    {
      const PentChange *change = g_ptr_array_index (changes, i);

      g_hash_table_replace (latest, g_strdup_printf ("%s %s", change->id != NULL ? change->id : "", change->field),
                            GUINT_TO_POINTER (i + 1));
    }
  return latest;
}

/* In the open transaction.  What was changed, with what held before. */
static GPtrArray *
write_changes (PentDocument *self, GPtrArray *changes)
{
  g_autoptr (GHashTable) touched = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_autoptr (GHashTable) latest = find_latest (changes);
  GPtrArray *done = g_ptr_array_new_with_free_func ((GDestroyNotify) pent_change_free);
  gint64 time = pent_record_next_time (self->writer);
  GHashTableIter iter;
  gpointer key, words;

  for (guint i = 0; i < changes->len; i++)
    if (!is_overruled (changes, i, latest))
      write_change (self, g_ptr_array_index (changes, i), time, touched, done);
  g_hash_table_iter_init (&iter, touched);
  while (g_hash_table_iter_next (&iter, &key, &words))
    pent_state_update (self->writer, *(gint64 *) key, GPOINTER_TO_INT (words) > 1);
  return done;
}

guint64
pent_document_apply (PentDocument *self, PentEdit *edit, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) done = NULL;
  guint64 number = PENT_STEP_NOTHING;
  PentSql *sql;

  g_return_val_if_fail (PENT_IS_DOCUMENT (self), 0);
  g_return_val_if_fail (edit != NULL, 0);

  sql = pent_document_lock_writer (self, cancellable, error);
  if (sql == NULL)
    return 0;
  pent_sql_begin (sql);
  done = write_changes (self, pent_edit_get_changes (edit));
  if (!pent_sql_commit (sql, error))
    {
      number = 0;
    }
  else if (done->len > 0)
    {
      Step *step = g_new0 (Step, 1);

      number = step->number = ++self->last_step;
      step->label = g_strdup (pent_edit_get_label (edit));
      step->changes = g_steal_pointer (&done);
      g_mutex_lock (&self->steps_lock);
      g_ptr_array_add (self->undo, step);
      g_ptr_array_set_size (self->redo, 0);
      g_mutex_unlock (&self->steps_lock);
    }
  pent_document_unlock_writer (self);
  if (number != 0 && number != PENT_STEP_NOTHING)
    pent_document_written (self);
  return number;
}

/* ---- undo ---- */

static gboolean
find_step (GPtrArray *steps, guint64 number, guint *place)
{
  for (guint i = steps->len; i-- > 0;)
    if (number == 0 || ((Step *) g_ptr_array_index (steps, i))->number == number)
      {
        *place = i;
        return TRUE;
      }
  return FALSE;
}

/* The same changes the other way round; those that somebody overruled since, or whose revision was purged, are left
 * out. */
static GPtrArray *
invert (PentSql *sql, GPtrArray *changes)
{
  GPtrArray *inverse = g_ptr_array_new_with_free_func ((GDestroyNotify) pent_change_free);

  for (guint i = 0; i < changes->len; i++)
    {
      const PentChange *change = g_ptr_array_index (changes, i);
      g_autofree char *now = NULL;
      guint8 id[32];

      if (change->id != NULL)
        pent_hash_from_hex (change->id, id);
      now = pent_record_get (sql, change->id != NULL ? id : NULL, change->field);
      if (g_strcmp0 (now, change->value) != 0)
        continue;
      if (g_str_equal (change->field, "trash") &&
          pent_sql_get_int (sql, "SELECT fate FROM state WHERE seq = ?1", "i", pent_row_find (sql, change->id)) == 2)
        continue;
      g_ptr_array_add (inverse, pent_change_new (change->id, change->field, change->before, NULL));
    }
  return inverse;
}

static gboolean
turn (PentDocument *self, GPtrArray *from, GPtrArray *to, guint64 number, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) inverse = NULL, done = NULL;
  PentSql *sql = pent_document_lock_writer (self, cancellable, error);
  gboolean written = FALSE;
  guint place;

  if (sql == NULL)
    return FALSE;
  if (!find_step (from, number, &place))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "There is nothing to %s", from == self->undo ? "undo" : "redo");
    }
  else
    {
      Step *step = g_ptr_array_index (from, place);

      pent_sql_begin (sql);
      inverse = invert (sql, step->changes);
      done = write_changes (self, inverse);
      written = pent_sql_commit (sql, error);
      if (written)
        {
          g_mutex_lock (&self->steps_lock);
          step = g_ptr_array_steal_index (from, place);
          g_ptr_array_unref (step->changes);
          step->changes = g_steal_pointer (&done);
          g_ptr_array_add (to, step);
          g_mutex_unlock (&self->steps_lock);
        }
    }
  pent_document_unlock_writer (self);
  if (written)
    pent_document_written (self);
  return written;
}

gboolean
pent_document_undo (PentDocument *self, guint64 step, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (PENT_IS_DOCUMENT (self), FALSE);
  return turn (self, self->undo, self->redo, step, cancellable, error);
}

gboolean
pent_document_redo (PentDocument *self, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (PENT_IS_DOCUMENT (self), FALSE);
  return turn (self, self->redo, self->undo, 0, cancellable, error);
}

static char *
get_label (PentDocument *self, GPtrArray *steps)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->steps_lock);

  return steps->len > 0 ? g_strdup (((Step *) g_ptr_array_index (steps, steps->len - 1))->label) : NULL;
}

char *
pent_document_get_undo_label (PentDocument *self)
{
  g_return_val_if_fail (PENT_IS_DOCUMENT (self), NULL);
  return get_label (self, self->undo);
}

char *
pent_document_get_redo_label (PentDocument *self)
{
  g_return_val_if_fail (PENT_IS_DOCUMENT (self), NULL);
  return get_label (self, self->redo);
}

/* ---- purging ---- */

gint64
pent_document_measure (PentSql *sql)
{
  return pent_sql_get_int (sql, "PRAGMA page_count", "") * pent_sql_get_int (sql, "PRAGMA page_size", "");
}

void
pent_document_vacuum (PentSql *sql)
{
  gint64 before = G_MAXINT64, left;

  /* In steps, so that others get their turn; until there is nothing left or no step forward. */
  while ((left = pent_sql_get_int (sql, "PRAGMA freelist_count", "")) > 0 && left < before)
    {
      before = left;
      pent_sql_exec (sql, "PRAGMA incremental_vacuum (4096)");
    }
}

static void
purge_one (PentDocument *self, gint64 seq, const guint8 *id, gint64 time)
{
  pent_record_insert (self->writer, id, "purged", "1", time, self->author);
  pent_state_update (self->writer, seq, TRUE);
  pent_pixels_drop_unused (self->writer, seq);
}

static GArray *
list_trash (PentSql *sql)
{
  GArray *seqs = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_auto (PentQuery) query = pent_sql_query (sql, "SELECT seq FROM state WHERE fate = 1", "");

  while (pent_query_next (&query))
    {
      gint64 seq = pent_query_int (&query, 0);

      g_array_append_val (seqs, seq);
    }
  return seqs;
}

static GArray *
find_trashed (PentSql *sql, const char *const *ids)
{
  GArray *seqs = g_array_new (FALSE, FALSE, sizeof (gint64));

  for (; *ids != NULL; ids++)
    {
      gint64 seq = pent_row_find (sql, *ids);

      if (seq == 0 || pent_sql_get_int (sql, "SELECT fate FROM state WHERE seq = ?1", "i", seq) != 1)
        pent_sql_fail (sql, PENT_ERROR_INVALID, "The revision %.12s is not in the trash", *ids);
      g_array_append_val (seqs, seq);
    }
  return seqs;
}

gboolean
pent_document_purge (PentDocument *self, const char *const *ids, gint64 *freed, GCancellable *cancellable, GError **error)
{
  g_autoptr (GArray) seqs = NULL;
  gint64 time, before, after;
  gboolean done;
  PentSql *sql;

  g_return_val_if_fail (PENT_IS_DOCUMENT (self), FALSE);

  sql = pent_document_lock_writer (self, cancellable, error);
  if (sql == NULL)
    return FALSE;
  pent_sql_begin (sql);
  before = pent_document_measure (sql);
  seqs = ids != NULL ? find_trashed (sql, ids) : list_trash (sql);
  time = pent_record_next_time (sql);
  for (guint i = 0; i < seqs->len && !pent_sql_failed (sql); i++)
    {
      gint64 seq = g_array_index (seqs, gint64, i);
      g_autoptr (PentRow) row = pent_row_load (sql, seq);
      guint8 id[32];

      if (row != NULL && pent_hash_from_hex (row->id, id))
        purge_one (self, seq, id, time);
    }
  done = pent_sql_commit (sql, error);
  if (done)
    {
      pent_document_vacuum (sql);
      after = pent_document_measure (sql);
      /* The pictures are given up; space that could not be handed back now is used again, or handed back next time. */
      pent_sql_check (sql, NULL);
      if (freed != NULL)
        *freed = MAX (before - after, 0);
    }
  pent_document_unlock_writer (self);
  if (done)
    pent_document_written (self);
  return done;
}
