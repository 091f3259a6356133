/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-pixels"

#include "pent-state-private.h"

#define THUMBNAIL_SIDE 256u

gboolean
pent_pixels_have (PentSql *sql, const char *hash)
{
  guint8 bytes[32];

  return pent_hash_from_hex (hash, bytes) &&
         pent_sql_get_int (sql, "SELECT count (*) FROM pixels WHERE hash = ?1", "h", bytes) > 0;
}

void
pent_pixels_insert (PentSql *sql, const char *hash, guint width, guint height, GBytes *thumbnail, GBytes *png)
{
  guint8 bytes[32];

  g_return_if_fail (pent_hash_from_hex (hash, bytes));

  pent_sql_run (sql, "INSERT INTO pixels (hash, width, height, thumbnail, png) VALUES (?1, ?2, ?3, ?4, ?5)"
                " ON CONFLICT DO NOTHING", "hiibb", bytes, (gint64) width, (gint64) height, thumbnail, png);
}

GBytes *
pent_pixels_load (PentSql *sql, const char *hash, PentPicture which)
{
  const char *text = which == PENT_PICTURE_PNG ? "SELECT png FROM pixels WHERE hash = ?1"
                                               : "SELECT thumbnail FROM pixels WHERE hash = ?1";
  guint8 bytes[32];

  g_return_val_if_fail (pent_hash_from_hex (hash, bytes), NULL);

  g_auto (PentQuery) query = pent_sql_query (sql, text, "h", bytes);
  return pent_query_next (&query) ? pent_query_bytes (&query, 0) : NULL;
}

void
pent_pixels_drop_unused (PentSql *sql, gint64 seq)
{
  pent_sql_run (sql, "DELETE FROM pixels WHERE hash IN (SELECT pixels FROM picture_use WHERE revision = ?1)"
                " AND NOT EXISTS (SELECT 1 FROM picture_use JOIN state ON state.seq = picture_use.revision"
                " WHERE picture_use.pixels = pixels.hash AND state.fate < 2)", "i", seq);
}

GBytes *
pent_pixels_make_thumbnail (PentImage *image, GError **error)
{
  guint width = pent_image_get_width (image), height = pent_image_get_height (image);
  guint longest = MAX (width, height);
  g_autoptr (PentImage) small = NULL;

  if (longest <= THUMBNAIL_SIDE)
    return pent_image_encode_png (image, NULL, error);
  small = pent_image_resize (image, MAX (1, (guint) ((guint64) width * THUMBNAIL_SIDE / longest)),
                             MAX (1, (guint) ((guint64) height * THUMBNAIL_SIDE / longest)));
  return pent_image_encode_png (small, NULL, error);
}
