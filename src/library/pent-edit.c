/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-edit"

#include "pent-edit-private.h"

struct _PentEdit {
  char      *label;
  GPtrArray *changes;
};

G_DEFINE_BOXED_TYPE (PentEdit, pent_edit, pent_edit_ref, pent_edit_unref)

PentChange *
pent_change_new (const char *id, const char *field, const char *value, const char *before)
{
  PentChange *self = g_new0 (PentChange, 1);

  self->id = g_strdup (id);
  self->field = g_strdup (field);
  self->value = g_strdup (value);
  self->before = g_strdup (before);
  return self;
}

void
pent_change_free (PentChange *self)
{
  g_free (self->id);
  g_free (self->field);
  g_free (self->value);
  g_free (self->before);
  g_free (self);
}

PentEdit *
pent_edit_new (const char *label)
{
  PentEdit *self;

  g_return_val_if_fail (label != NULL, NULL);

  self = g_atomic_rc_box_new0 (PentEdit);
  self->label = g_strdup (label);
  self->changes = g_ptr_array_new_with_free_func ((GDestroyNotify) pent_change_free);
  return self;
}

PentEdit *
pent_edit_ref (PentEdit *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
edit_clear (gpointer data)
{
  PentEdit *self = data;

  g_clear_pointer (&self->label, g_free);
  g_clear_pointer (&self->changes, g_ptr_array_unref);
}

void
pent_edit_unref (PentEdit *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, edit_clear);
}

const char *
pent_edit_get_label (const PentEdit *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->label;
}

gboolean
pent_edit_is_empty (const PentEdit *self)
{
  g_return_val_if_fail (self != NULL, TRUE);
  return self->changes->len == 0;
}

GPtrArray *
pent_edit_get_changes (const PentEdit *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->changes;
}

void
pent_edit_set (PentEdit *self, const char *id, const char *field, const char *value)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (field != NULL && value != NULL);

  g_ptr_array_add (self->changes, pent_change_new (id, field, value, NULL));
}

void
pent_edit_set_name (PentEdit *self, const char *id, const char *name)
{
  g_return_if_fail (id != NULL);
  pent_edit_set (self, id, "name", name);
}

void
pent_edit_set_notes (PentEdit *self, const char *id, const char *notes)
{
  g_return_if_fail (id != NULL);
  pent_edit_set (self, id, "notes", notes);
}

void
pent_edit_set_rating (PentEdit *self, const char *id, guint rating)
{
  g_autofree char *value = g_strdup_printf ("%u", rating);

  g_return_if_fail (id != NULL);
  pent_edit_set (self, id, "rating", value);
}

void
pent_edit_set_flag (PentEdit *self, const char *id, const char *flag, gboolean there)
{
  g_autofree char *field = g_strconcat ("flag:", flag, NULL);

  g_return_if_fail (id != NULL && flag != NULL);
  pent_edit_set (self, id, field, there ? "1" : "0");
}

void
pent_edit_set_tag (PentEdit *self, const char *id, const char *tag, gboolean there)
{
  g_autofree char *field = g_strconcat ("tag:", tag, NULL);

  g_return_if_fail (id != NULL && tag != NULL);
  pent_edit_set (self, id, field, there ? "1" : "0");
}

void
pent_edit_set_position (PentEdit *self, const char *id, double x, double y)
{
  char first[G_ASCII_DTOSTR_BUF_SIZE], second[G_ASCII_DTOSTR_BUF_SIZE];
  g_autofree char *value = NULL;

  g_return_if_fail (id != NULL);
  value = g_strdup_printf ("%s %s", g_ascii_dtostr (first, sizeof first, x), g_ascii_dtostr (second, sizeof second, y));
  pent_edit_set (self, id, "position", value);
}

void
pent_edit_set_trashed (PentEdit *self, const char *id, gboolean trashed)
{
  g_return_if_fail (id != NULL);
  pent_edit_set (self, id, "trash", trashed ? "1" : "0");
}
