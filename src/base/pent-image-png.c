/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-image"

#include "pent-image.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>

#include <gio/gio.h>
#include <png.h>

#include "pent-error.h"

/* libpng leaves a function that found something wrong by longjmp.  Everything that has to be given back therefore lies
 * in this struct, outside the frame that is jumped over, and the functions between setjmp () and libpng own nothing. */
typedef struct {
  png_structp   png;
  png_infop     info;
  const guint8 *data;          /* reading */
  gsize         size, offset;
  GByteArray   *out;           /* writing */
  png_bytep    *rows;
  PentImage    *image;
  char          message[200];
} PngJob;

#define MAX_PIXELS (256u << 20)
#define MAX_CHUNK (64u << 20)      /* bytes of one text */

static void
png_job_clear (PngJob *job)
{
  g_clear_pointer (&job->rows, g_free);
  g_clear_pointer (&job->image, pent_image_unref);
  if (job->out != NULL)
    g_byte_array_unref (job->out);
}

static void
on_error (png_structp png, png_const_charp message)
{
  PngJob *job = png_get_error_ptr (png);

  g_strlcpy (job->message, message, sizeof job->message);
  png_longjmp (png, 1);
}

static void
on_warning (png_structp png, png_const_charp message)
{
  g_debug ("libpng: %s", message);
}

static void
on_read (png_structp png, png_bytep out, size_t n)
{
  PngJob *job = png_get_io_ptr (png);

  if (n > job->size - job->offset)
    png_error (png, "the file is cut short");
  memcpy (out, job->data + job->offset, n);
  job->offset += n;
}

static void
on_write (png_structp png, png_bytep data, size_t n)
{
  PngJob *job = png_get_io_ptr (png);

  g_byte_array_append (job->out, data, n);
}

static void
on_flush (png_structp png)
{
}

/* ---- reading ---- */

/* From here on a longjmp may come at any call. */
static void
read_picture (PngJob *job)
{
  png_uint_32 width, height;
  gsize stride;

  png_set_user_limits (job->png, 1 << 20, 1 << 20);
  png_set_chunk_malloc_max (job->png, MAX_CHUNK);
  png_set_read_fn (job->png, job, on_read);
  png_read_info (job->png, job->info);

  width = png_get_image_width (job->png, job->info);
  height = png_get_image_height (job->png, job->info);
  if ((guint64) width * height > MAX_PIXELS)
    png_error (job->png, "the picture has more than 256 million pixels");

  png_set_expand (job->png);
  png_set_scale_16 (job->png);
  png_set_gray_to_rgb (job->png);
  png_set_interlace_handling (job->png);
  png_read_update_info (job->png, job->info);

  stride = png_get_rowbytes (job->png, job->info);
  job->image = pent_image_new (width, height, png_get_channels (job->png, job->info));
  if (job->image == NULL || stride != (gsize) width * pent_image_get_channels (job->image))
    png_error (job->png, "the pixels have an unknown layout");
  job->rows = g_new (png_bytep, height);
  for (png_uint_32 y = 0; y < height; y++)
    job->rows[y] = pent_image_edit_pixels (job->image) + y * stride;
  png_read_image (job->png, job->rows);
  png_read_end (job->png, job->info);
}

static gboolean
try_read (PngJob *job)
{
  if (setjmp (png_jmpbuf (job->png)))
    return FALSE;
  read_picture (job);
  return TRUE;
}

/* tEXt is Latin-1 by the standard, UTF-8 by the habit of some programs. */
static GHashTable *
read_texts (PngJob *job)
{
  GHashTable *texts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  png_textp text = NULL;
  int n = 0;

  png_get_text (job->png, job->info, &text, &n);
  for (int i = 0; i < n; i++)
    {
      g_autofree char *value = NULL;

      if (text[i].text == NULL)
        continue;
      if (g_utf8_validate (text[i].text, -1, NULL))
        value = g_strdup (text[i].text);
      else if (text[i].compression <= PNG_TEXT_COMPRESSION_zTXt)
        value = g_convert (text[i].text, -1, "UTF-8", "ISO-8859-1", NULL, NULL, NULL);
      if (value != NULL && !g_hash_table_contains (texts, text[i].key))
        g_hash_table_insert (texts, g_convert (text[i].key, -1, "UTF-8", "ISO-8859-1", NULL, NULL, NULL),
                             g_steal_pointer (&value));
    }
  return texts;
}

PentImage *
pent_image_load_png (GBytes *png, const char *name, GHashTable **texts, GError **error)
{
  PngJob job = { .data = NULL };
  PentImage *image = NULL;

  g_return_val_if_fail (png != NULL && name != NULL, NULL);

  job.data = g_bytes_get_data (png, &job.size);
  if (job.size < 8 || png_sig_cmp (job.data, 0, 8) != 0)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” is not a PNG picture", name);
      return NULL;
    }

  job.png = png_create_read_struct (PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
  job.info = png_create_info_struct (job.png);
  if (!try_read (&job))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” is not a readable PNG picture: %s", name, job.message);
    }
  else
    {
      image = g_steal_pointer (&job.image);
      if (texts != NULL)
        *texts = read_texts (&job);
    }

  png_destroy_read_struct (&job.png, &job.info, NULL);
  png_job_clear (&job);
  return image;
}

/* ---- writing ---- */

static void
write_picture (PngJob *job, const PentImage *image, png_textp texts, int n_texts)
{
  guint width = pent_image_get_width (image), height = pent_image_get_height (image);
  guint channels = pent_image_get_channels (image);

  png_set_write_fn (job->png, job, on_write, on_flush);
  png_set_IHDR (job->png, job->info, width, height, 8, channels == 4 ? PNG_COLOR_TYPE_RGBA : PNG_COLOR_TYPE_RGB,
                PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_sRGB_gAMA_and_cHRM (job->png, job->info, PNG_sRGB_INTENT_PERCEPTUAL);
  png_set_text (job->png, job->info, texts, n_texts);
  png_write_info (job->png, job->info);
  png_write_image (job->png, job->rows);
  png_write_end (job->png, NULL);
}

static gboolean
try_write (PngJob *job, const PentImage *image, png_textp texts, int n_texts)
{
  if (setjmp (png_jmpbuf (job->png)))
    return FALSE;
  write_picture (job, image, texts, n_texts);
  return TRUE;
}

static int
compare_keys (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The strings stay the table's. */
static GArray *
make_texts (GHashTable *texts, GError **error)
{
  g_autoptr (GArray) array = g_array_new (FALSE, TRUE, sizeof (png_text));
  g_autoptr (GPtrArray) keys = NULL;

  if (texts == NULL)
    return g_steal_pointer (&array);

  keys = g_hash_table_get_keys_as_ptr_array (texts);
  g_ptr_array_sort (keys, compare_keys);
  for (guint i = 0; i < keys->len; i++)
    {
      const char *key = g_ptr_array_index (keys, i);
      const char *value = g_hash_table_lookup (texts, key);
      gboolean plain = g_str_equal (key, "parameters") && g_str_is_ascii (value);
      png_text text = { .key = (char *) key, .text = (char *) value };

      if (strlen (key) < 1 || strlen (key) > 79 || !g_str_is_ascii (key) || !g_utf8_validate (value, -1, NULL))
        {
          g_set_error (error, PENT_ERROR, PENT_ERROR_FAILED, "A PNG picture cannot hold the text “%s”", key);
          return NULL;
        }
      text.compression = plain ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
      text.text_length = plain ? strlen (value) : 0;
      text.itxt_length = plain ? 0 : strlen (value);
      text.lang = plain ? NULL : (char *) "";
      text.lang_key = plain ? NULL : (char *) "";
      g_array_append_val (array, text);
    }
  return g_steal_pointer (&array);
}

GBytes *
pent_image_encode_png (const PentImage *self, GHashTable *texts, GError **error)
{
  g_autoptr (GArray) array = NULL;
  PngJob job = { .out = NULL };
  GBytes *result = NULL;
  gsize stride;

  g_return_val_if_fail (self != NULL, NULL);

  array = make_texts (texts, error);
  if (array == NULL)
    return NULL;

  stride = (gsize) pent_image_get_width (self) * pent_image_get_channels (self);
  job.out = g_byte_array_new ();
  job.rows = g_new (png_bytep, pent_image_get_height (self));
  for (guint y = 0; y < pent_image_get_height (self); y++)
    job.rows[y] = (png_bytep) pent_image_get_pixels (self) + y * stride;

  job.png = png_create_write_struct (PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
  job.info = png_create_info_struct (job.png);
  if (try_write (&job, self, (gpointer) array->data, array->len))
    result = g_byte_array_free_to_bytes (g_steal_pointer (&job.out));
  else
    g_set_error (error, PENT_ERROR, PENT_ERROR_FAILED, "The picture cannot be encoded as PNG: %s", job.message);

  png_destroy_write_struct (&job.png, &job.info);
  png_job_clear (&job);
  return result;
}

gboolean
pent_image_save_png (const PentImage *self, const char *path, GHashTable *texts, GError **error)
{
  g_autoptr (GBytes) png = pent_image_encode_png (self, texts, error);
  g_autoptr (GError) local_error = NULL;

  if (png == NULL)
    return FALSE;
  if (!g_file_set_contents_full (path, g_bytes_get_data (png, NULL), g_bytes_get_size (png),
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0666, &local_error))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "The picture cannot be written: %s", local_error->message);
      return FALSE;
    }
  return TRUE;
}
