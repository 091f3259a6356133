/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* PentImage: a picture in host memory; 8-bit sRGB, RGB or RGBA (straight alpha), rows top to bottom, no padding.
 * Reference-counted and immutable once shared.  Thread-safety: any thread may read. */
typedef struct _PentImage PentImage;

#define PENT_TYPE_IMAGE (pent_image_get_type ())
GType         pent_image_get_type (void);

PentImage    *pent_image_new (guint width, guint height, guint channels);             /* 3 or 4; all zero */
PentImage    *pent_image_new_from_bytes (guint width, guint height, guint channels, GBytes *pixels);
PentImage    *pent_image_ref (PentImage *self);
void          pent_image_unref (PentImage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentImage, pent_image_unref)

guint         pent_image_get_width (const PentImage *self);
guint         pent_image_get_height (const PentImage *self);
guint         pent_image_get_channels (const PentImage *self);
const guint8 *pent_image_get_pixels (const PentImage *self);
guint8       *pent_image_edit_pixels (PentImage *self);                 /* only while the caller holds the only ref */
GBytes       *pent_image_get_bytes (const PentImage *self);             /* transfer none */
/* What a recipe calls the picture: SHA-256 in hex over "width height channels\n" and the pixels; free it. */
char         *pent_image_get_hash (const PentImage *self);

/* f32 planes [3, height, width] in [-1, 1], the VAE's convention, rounded half up and clamped.  NaN becomes 0. */
PentImage    *pent_image_new_from_planes (const float *planes, guint width, guint height);
void          pent_image_to_planes (const PentImage *self, float *planes);            /* alpha over mid grey */

/* Lanczos-3 (sRGB-encoded samples, as the reference preprocessors do), any direction. */
PentImage    *pent_image_resize (const PentImage *self, guint width, guint height);

/* PNG by libpng.  Texts are iTXt/tEXt chunks: keyword -> UTF-8 value; "XML:com.adobe.xmp" carries XMP.
 * Loading refuses more than 256 Mpixel and anything libpng finds wrong (PENT_ERROR_FILE, naming `name`).
 * Saving goes to a temporary file beside path, is synced, then renamed over it.
 * Keywords are 1 to 79 bytes of Latin-1; values are written as iTXt, but an ASCII "parameters" as the tEXt that other
 * programs look for.  Pictures of 16 bits, grey or palette become 8-bit RGB(A). */
PentImage    *pent_image_load_png (GBytes *png, const char *name, GHashTable **texts, GError **error);
GBytes       *pent_image_encode_png (const PentImage *self, GHashTable *texts, GError **error);
gboolean      pent_image_save_png (const PentImage *self, const char *path, GHashTable *texts, GError **error);

G_END_DECLS
