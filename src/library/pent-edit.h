/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* PentEdit: what should change about revisions, collected, then written by pent_document_apply () as one step that is
 * undone as one.  Of two changes of one thing the later counts.  Ids are revisions'; values are checked when applied.
 * Thread-safety: reference-counted; edit only while the caller holds the only reference. */
typedef struct _PentEdit PentEdit;

#define PENT_TYPE_EDIT (pent_edit_get_type ())
GType       pent_edit_get_type (void);

/* label: what Undo calls the step, translated: "Rate", "Move to trash". */
PentEdit   *pent_edit_new (const char *label);
PentEdit   *pent_edit_ref (PentEdit *self);
void        pent_edit_unref (PentEdit *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentEdit, pent_edit_unref)

const char *pent_edit_get_label (const PentEdit *self);
gboolean    pent_edit_is_empty (const PentEdit *self);

void        pent_edit_set_name (PentEdit *self, const char *id, const char *name);
void        pent_edit_set_notes (PentEdit *self, const char *id, const char *notes);
void        pent_edit_set_rating (PentEdit *self, const char *id, guint rating);             /* 0 … 5 */
void        pent_edit_set_flag (PentEdit *self, const char *id, const char *flag, gboolean there);
void        pent_edit_set_tag (PentEdit *self, const char *id, const char *tag, gboolean there);
void        pent_edit_set_position (PentEdit *self, const char *id, double x, double y);      /* on the board */
void        pent_edit_set_trashed (PentEdit *self, const char *id, gboolean trashed);

/* A field of any other name, up to 200 bytes, with a text of up to 1 MiB; id NULL is the document itself.  "made" and
 * "purged" are the document's own. */
void        pent_edit_set (PentEdit *self, const char *id, const char *field, const char *value);

G_END_DECLS
