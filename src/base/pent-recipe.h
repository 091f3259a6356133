/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>
#include "pent-param.h"

G_BEGIN_DECLS

/* PentRecipe: a job as data: the operation's name and its parameters.  With everything resolved (seed drawn, size and
 * steps filled in, the model's identity added) it makes the same picture again.
 *
 * Values are GVariants of the types PentParam names, in a vardict; keys that no parameter of the operation names are
 * kept (the resolved extras: "model-hash", "device", "driver", "version").  Canonical JSON has sorted keys.
 * Thread-safety: reference-counted; edit only while the caller holds the only reference. */
typedef struct _PentRecipe PentRecipe;

#define PENT_TYPE_RECIPE (pent_recipe_get_type ())
GType        pent_recipe_get_type (void);

PentRecipe  *pent_recipe_new (const char *op);
PentRecipe  *pent_recipe_copy (const PentRecipe *self);
PentRecipe  *pent_recipe_ref (PentRecipe *self);
void         pent_recipe_unref (PentRecipe *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentRecipe, pent_recipe_unref)

const char  *pent_recipe_get_op (const PentRecipe *self);
void         pent_recipe_set (PentRecipe *self, const char *name, GVariant *value);      /* sinks; NULL removes */
GVariant    *pent_recipe_get (const PentRecipe *self, const char *name);                 /* transfer none, or NULL */

/* Typed getters for resolved recipes: the caller knows that the key is there and of that type. */
gint64       pent_recipe_get_int (const PentRecipe *self, const char *name);
guint64      pent_recipe_get_seed (const PentRecipe *self, const char *name);
double       pent_recipe_get_float (const PentRecipe *self, const char *name);
gboolean     pent_recipe_get_bool (const PentRecipe *self, const char *name);
const char  *pent_recipe_get_string (const PentRecipe *self, const char *name);          /* "" if absent */
void         pent_recipe_get_size (const PentRecipe *self, const char *name, guint *width, guint *height);

/* Checks every value against params (PENT_ERROR_INVALID for an unknown name, type or range, or a missing required
 * one) and fills in the defaults.  Parameters marked FROM_MODEL that are absent stay absent. */
gboolean     pent_recipe_resolve (PentRecipe *self, const PentParam *params, GError **error);

GVariant    *pent_recipe_to_variant (const PentRecipe *self);                            /* floating "(sa{sv})" */
PentRecipe  *pent_recipe_from_variant (GVariant *variant, GError **error);
char        *pent_recipe_to_json (const PentRecipe *self);                               /* canonical */
PentRecipe  *pent_recipe_from_json (const char *json, GError **error);

/* The "parameters" text that AUTOMATIC1111 introduced and other tools read. */
char        *pent_recipe_to_parameters (const PentRecipe *self);

G_END_DECLS
