/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "nn-ref.h"

G_BEGIN_DECLS

PentNnWeights *nn_random_weights (PentDtype dtype);
/* n random operations, then a few outputs, of magnitude about 1. */
void           nn_random_graph (Ref *r, guint n);

G_END_DECLS
