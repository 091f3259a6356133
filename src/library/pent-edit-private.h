/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-edit.h"

G_BEGIN_DECLS

typedef struct {
  char *id;               /* NULL: the document */
  char *field;
  char *value;
  char *before;           /* what held before, once applied */
} PentChange;

PentChange *pent_change_new (const char *id, const char *field, const char *value, const char *before);
void        pent_change_free (PentChange *self);

GPtrArray  *pent_edit_get_changes (const PentEdit *self);           /* of PentChange; transfer none */

G_END_DECLS
