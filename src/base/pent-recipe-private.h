/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-recipe.h"

G_BEGIN_DECLS

/* (name, GVariant) in the order of names; func returns TRUE to stop. */
void pent_recipe_foreach (const PentRecipe *self, GTraverseFunc func, gpointer data);

G_END_DECLS
