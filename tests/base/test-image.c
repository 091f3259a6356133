/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "pent-error.h"
#include "pent-image.h"
#include "tests.h"

static PentImage *
make_picture (guint width, guint height, guint channels)
{
  PentImage *image = pent_image_new (width, height, channels);
  guint8 *p = pent_image_edit_pixels (image);

  for (gsize i = 0; i < (gsize) width * height * channels; i++)
    p[i] = (guint8) (i * i * 31 + i * 7 + 3);
  return image;
}

static void
assert_same (PentImage *a, PentImage *b)
{
  g_assert_cmpuint (pent_image_get_width (a), ==, pent_image_get_width (b));
  g_assert_cmpuint (pent_image_get_height (a), ==, pent_image_get_height (b));
  g_assert_cmpuint (pent_image_get_channels (a), ==, pent_image_get_channels (b));
  g_assert_true (g_bytes_equal (pent_image_get_bytes (a), pent_image_get_bytes (b)));
}

static void
put (GHashTable *texts, const char *key, const char *value)
{
  g_hash_table_insert (texts, g_strdup (key), g_strdup (value));
}

static PentImage *
load (const char *name)
{
  g_autofree char *path = g_build_filename (TEST_DATA, name, NULL);
  g_autofree char *data = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  PentImage *image;
  gsize size;

  g_file_get_contents (path, &data, &size, &error);
  g_assert_no_error (error);
  bytes = g_bytes_new_take (g_steal_pointer (&data), size);
  image = pent_image_load_png (bytes, name, NULL, &error);
  g_assert_no_error (error);
  return image;
}

static void
test_planes (void)
{
  static const float values[] = { -1, 1, 0, -2, 2, NAN, 1 / 255.0f, -1 + 1.0f / 255, 0.5f, INFINITY, -INFINITY, 0.2f };
  static const guint8 expected[] = { 0, 255, 128, 0, 255, 0, 128, 1, 191, 255, 0, 153 };
  g_autoptr (PentImage) image = pent_image_new_from_planes (values, 2, 2);
  g_autoptr (PentImage) all = pent_image_new (256, 1, 3);
  g_autoptr (PentImage) back = NULL;
  g_autoptr (PentImage) clear = pent_image_new (1, 1, 4);
  float planes[3 * 256], one[3];

  for (guint i = 0; i < 12; i++)
    g_assert_cmpuint (pent_image_get_pixels (image)[i % 4 * 3 + i / 4], ==, expected[i]);

  for (guint i = 0; i < 256; i++)
    memset (pent_image_edit_pixels (all) + 3 * i, i, 3);
  pent_image_to_planes (all, planes);
  g_assert_cmpfloat (planes[0], ==, -1);
  g_assert_cmpfloat (planes[255], ==, 1);
  back = pent_image_new_from_planes (planes, 256, 1);
  assert_same (all, back);

  pent_image_to_planes (clear, one);      /* nothing there: mid grey */
  g_assert_cmpfloat (one[0], ==, 0);
}

static void
test_png (void)
{
  for (guint channels = 3; channels <= 4; channels++)
    {
      g_autoptr (PentImage) image = make_picture (37, 11, channels);
      g_autoptr (GHashTable) texts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
      g_autoptr (GHashTable) read = NULL;
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) png = NULL, again = NULL;
      g_autoptr (PentImage) back = NULL;

      put (texts, "pentimento", "{\"prompt\":\"Ein rosa Wölkchen ☁\"}");
      put (texts, "XML:com.adobe.xmp", "<x:xmpmeta/>");
      put (texts, "parameters", "a cloud\nSteps: 4");
      png = pent_image_encode_png (image, texts, &error);
      g_assert_no_error (error);
      back = pent_image_load_png (png, "test", &read, &error);
      g_assert_no_error (error);
      assert_same (image, back);
      g_assert_cmpuint (g_hash_table_size (read), ==, 3);
      g_assert_cmpstr (g_hash_table_lookup (read, "pentimento"), ==, "{\"prompt\":\"Ein rosa Wölkchen ☁\"}");
      g_assert_cmpstr (g_hash_table_lookup (read, "XML:com.adobe.xmp"), ==, "<x:xmpmeta/>");
      g_assert_cmpstr (g_hash_table_lookup (read, "parameters"), ==, "a cloud\nSteps: 4");

      /* Other programs look for the kinds of chunk. */
      g_assert_nonnull (memmem (g_bytes_get_data (png, NULL), g_bytes_get_size (png), "tEXtparameters", 14));
      g_assert_nonnull (memmem (g_bytes_get_data (png, NULL), g_bytes_get_size (png), "iTXtXML:com.adobe.xmp", 21));
      g_assert_nonnull (memmem (g_bytes_get_data (png, NULL), g_bytes_get_size (png), "iTXtpentimento", 14));

      again = pent_image_encode_png (image, texts, &error);
      g_assert_true (g_bytes_equal (png, again));
    }
}

/* Cut anywhere, or with any one byte changed, a file is a picture or an error, and nothing else. */
static void
test_png_damaged (void)
{
  g_autoptr (PentImage) image = make_picture (5, 3, 3);
  g_autoptr (GHashTable) texts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GBytes) png = NULL;
  gsize size;
  const guint8 *data;

  put (texts, "parameters", "x");
  png = pent_image_encode_png (image, texts, NULL);
  data = g_bytes_get_data (png, &size);

  for (gsize cut = 0; cut < size; cut++)
    {
      g_autoptr (GBytes) part = g_bytes_new (data, cut);
      g_autoptr (GError) error = NULL;
      g_autoptr (PentImage) got = pent_image_load_png (part, "cut.png", NULL, &error);

      g_assert_null (got);
      g_assert_error (error, PENT_ERROR, PENT_ERROR_FILE);
      g_assert_nonnull (strstr (error->message, "cut.png"));
    }
  for (gsize i = 0; i < size; i++)
    for (guint bit = 0; bit < 8; bit++)
      {
        g_autofree guint8 *copy = g_memdup2 (data, size);
        g_autoptr (GBytes) bytes = NULL;
        g_autoptr (GError) error = NULL;
        g_autoptr (GHashTable) read = NULL;
        g_autoptr (PentImage) got = NULL;

        copy[i] ^= 1 << bit;
        bytes = g_bytes_new_take (g_steal_pointer (&copy), size);
        got = pent_image_load_png (bytes, "bit.png", &read, &error);
        g_assert_true ((got == NULL) == (error != NULL));
      }
}

/* A header that promises more than the limit is refused before any memory is asked for. */
static void
test_png_huge (void)
{
  static const guint8 head[] = { 0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 8, 0, 0,
                                 0, 8, 0, 0, 8, 2, 0, 0, 0, 0x61, 0x00, 0x86, 0x0e, 0, 0, 0, 0, 'I', 'D', 'A', 'T',
                                 0x35, 0xaf, 0x06, 0x1e };
  g_autoptr (GBytes) png = g_bytes_new_static (head, sizeof head);
  g_autoptr (GError) error = NULL;

  g_assert_null (pent_image_load_png (png, "huge.png", NULL, &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_FILE);
  g_assert_nonnull (strstr (error->message, "256 million"));
}

static void
test_save (void)
{
  g_autofree char *folder = g_dir_make_tmp ("image-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "a.png", NULL);
  g_autofree char *nowhere = g_build_filename (folder, "no", "a.png", NULL);
  g_autoptr (PentImage) image = make_picture (4, 4, 3);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = NULL;

  g_assert_true (g_file_set_contents (path, "before", -1, NULL));
  g_assert_true (pent_image_save_png (image, path, NULL, &error));
  g_assert_no_error (error);
  dir = g_dir_open (folder, 0, NULL);
  g_assert_cmpstr (g_dir_read_name (dir), ==, "a.png");
  g_assert_null (g_dir_read_name (dir));

  g_assert_false (pent_image_save_png (image, nowhere, NULL, &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_FILE);
}

/* Byte for byte what Pillow 11 makes of it (Image.resize ((64, 40), Image.LANCZOS)). */
static void
test_resize (void)
{
  g_autoptr (PentImage) image = load ("small.png");
  g_autoptr (PentImage) expected = load ("small-lanczos-64x40.png");
  g_autoptr (PentImage) got = pent_image_resize (image, 64, 40);
  g_autoptr (PentImage) same = pent_image_resize (image, pent_image_get_width (image), pent_image_get_height (image));
  g_autoptr (PentImage) dot = pent_image_resize (image, 1, 1);
  g_autoptr (PentImage) clear = pent_image_new (9, 9, 4);
  g_autoptr (PentImage) half = NULL;

  assert_same (got, expected);
  assert_same (same, image);
  g_assert_cmpuint (pent_image_get_width (dot), ==, 1);

  /* A transparent surrounding does not bleed its colour into the edge. */
  for (guint i = 36; i < 45; i++)
    memset (pent_image_edit_pixels (clear) + 4 * i, 255, 4);
  half = pent_image_resize (clear, 9, 4);
  for (guint i = 0; i < 36; i++)
    {
      const guint8 *p = pent_image_get_pixels (half) + 4 * i;

      if (p[3] > 8)
        g_assert_cmpuint (p[0], >=, 240);
    }
}

static void
test_sharing (void)
{
  static const guint8 raw[3] = { 1, 2, 3 };
  g_autoptr (GBytes) bytes = g_bytes_new_static (raw, sizeof raw);
  g_autoptr (PentImage) image = pent_image_new_from_bytes (1, 1, 3, bytes);
  g_autoptr (PentImage) other = pent_image_new_from_bytes (1, 1, 3, bytes);
  g_autofree char *a = pent_image_get_hash (image), *b = pent_image_get_hash (other), *c = NULL;

  g_assert_cmpstr (a, ==, b);
  pent_image_edit_pixels (image)[0] = 9;
  g_assert_cmpuint (raw[0], ==, 1);
  c = pent_image_get_hash (image);
  g_assert_cmpstr (a, !=, c);
}

void
add_image_tests (void)
{
  g_test_add_func ("/image/planes", test_planes);
  g_test_add_func ("/image/png", test_png);
  g_test_add_func ("/image/png/damaged", test_png_damaged);
  g_test_add_func ("/image/png/huge", test_png_huge);
  g_test_add_func ("/image/save", test_save);
  g_test_add_func ("/image/resize", test_resize);
  g_test_add_func ("/image/sharing", test_sharing);
}
