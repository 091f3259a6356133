/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-recipe.h"

G_BEGIN_DECLS

/* What a picture's file says about how it came to be: "pentimento" is the recipe as JSON, "parameters" the text other
 * programs read, "XML:com.adobe.xmp" an XMP packet with IPTC's DigitalSourceType trainedAlgorithmicMedia.
 * Keyword -> text, as pent_image_encode_png () takes them. */
GHashTable *pent_provenance_write (const PentRecipe *recipe);

/* The recipe back.  PENT_ERROR_INVALID naming the file where it holds none or a damaged one. */
PentRecipe *pent_provenance_read (GHashTable *texts, const char *name, GError **error);

G_END_DECLS
