/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-image"

#include "pent-image.h"

#include <math.h>
#include <string.h>

struct _PentImage {
  guint   width, height, channels;
  GBytes *pixels;
  guint   own : 1;      /* pixels were allocated here, so that they may be edited in place */
};

G_DEFINE_BOXED_TYPE (PentImage, pent_image, pent_image_ref, pent_image_unref)

static gsize
image_size (guint width, guint height, guint channels)
{
  return (gsize) width * height * channels;
}

PentImage *
pent_image_new (guint width, guint height, guint channels)
{
  gsize size = image_size (width, height, channels);
  PentImage *self;

  g_return_val_if_fail (width > 0 && height > 0, NULL);
  g_return_val_if_fail (channels == 3 || channels == 4, NULL);

  self = g_atomic_rc_box_new0 (PentImage);
  self->width = width;
  self->height = height;
  self->channels = channels;
  self->pixels = g_bytes_new_take (g_malloc0 (size), size);
  self->own = TRUE;
  return self;
}

PentImage *
pent_image_new_from_bytes (guint width, guint height, guint channels, GBytes *pixels)
{
  PentImage *self;

  g_return_val_if_fail (width > 0 && height > 0, NULL);
  g_return_val_if_fail (channels == 3 || channels == 4, NULL);
  g_return_val_if_fail (g_bytes_get_size (pixels) == image_size (width, height, channels), NULL);

  self = g_atomic_rc_box_new0 (PentImage);
  self->width = width;
  self->height = height;
  self->channels = channels;
  self->pixels = g_bytes_ref (pixels);
  return self;
}

PentImage *
pent_image_ref (PentImage *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
image_clear (gpointer data)
{
  PentImage *self = data;

  g_clear_pointer (&self->pixels, g_bytes_unref);
}

void
pent_image_unref (PentImage *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, image_clear);
}

guint
pent_image_get_width (const PentImage *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return self->width;
}

guint
pent_image_get_height (const PentImage *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return self->height;
}

guint
pent_image_get_channels (const PentImage *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return self->channels;
}

const guint8 *
pent_image_get_pixels (const PentImage *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_bytes_get_data (self->pixels, NULL);
}

guint8 *
pent_image_edit_pixels (PentImage *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  if (!self->own)
    {
      gsize size = g_bytes_get_size (self->pixels);
      GBytes *copy = g_bytes_new (g_bytes_get_data (self->pixels, NULL), size);

      g_bytes_unref (self->pixels);
      self->pixels = copy;
      self->own = TRUE;
    }
  return (guint8 *) g_bytes_get_data (self->pixels, NULL);
}

GBytes *
pent_image_get_bytes (const PentImage *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->pixels;
}

char *
pent_image_get_hash (const PentImage *self)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *head = NULL;
  gsize size;
  const guchar *data;

  g_return_val_if_fail (self != NULL, NULL);

  head = g_strdup_printf ("%u %u %u\n", self->width, self->height, self->channels);
  g_checksum_update (checksum, (const guchar *) head, -1);
  data = g_bytes_get_data (self->pixels, &size);
  while (size > 0)      /* the length argument is signed, and guchar * alone would stop at NUL for -1 */
    {
      gsize part = MIN (size, 1 << 30);

      g_checksum_update (checksum, data, part);
      data += part;
      size -= part;
    }
  return g_strdup (g_checksum_get_string (checksum));
}

static inline guint8
to_byte (float v)
{
  float scaled = (v * 0.5f + 0.5f) * 255.0f + 0.5f;

  if (!(scaled > 0))       /* NaN too */
    return 0;
  return scaled >= 255 ? 255 : (guint8) scaled;
}

PentImage *
pent_image_new_from_planes (const float *planes, guint width, guint height)
{
  PentImage *self = pent_image_new (width, height, 3);
  guint8 *out = pent_image_edit_pixels (self);
  gsize n = (gsize) width * height;

  for (gsize i = 0; i < n; i++)
    for (guint c = 0; c < 3; c++)
      out[3 * i + c] = to_byte (planes[c * n + i]);
  return self;
}

void
pent_image_to_planes (const PentImage *self, float *planes)
{
  const guint8 *in;
  gsize n;

  g_return_if_fail (self != NULL);

  in = pent_image_get_pixels (self);
  n = (gsize) self->width * self->height;
  for (gsize i = 0; i < n; i++)
    {
      float alpha = self->channels == 4 ? in[4 * i + 3] / 255.0f : 1.0f;

      for (guint c = 0; c < 3; c++)
        planes[c * n + i] = alpha * (in[self->channels * i + c] / 127.5f - 1.0f);    /* mid grey is 0 */
    }
}

/* ---- resizing ---- */

/* For each output sample the first input sample and its weights, as 22-bit fixed point like the reference
 * preprocessors (Pillow), so that the bytes agree. */
#define WEIGHT_BITS 22

typedef struct {
  guint  taps;
  guint *first;      /* [n] */
  guint *count;      /* [n] */
  int   *weights;    /* [n, taps] */
} Filter;

static double
lanczos3 (double x)
{
  double p = G_PI * x;

  if (x == 0)
    return 1;
  if (x <= -3 || x >= 3)
    return 0;
  return 3 * sin (p) * sin (p / 3) / (p * p);
}

static void
filter_init (Filter *filter, guint n_in, guint n_out)
{
  double scale = (double) n_in / n_out;
  double stretch = MAX (scale, 1.0);
  double support = 3 * stretch;
  g_autofree double *row = NULL;

  filter->taps = (guint) ceil (support) * 2 + 1;
  filter->first = g_new (guint, n_out);
  filter->count = g_new (guint, n_out);
  filter->weights = g_new0 (int, (gsize) n_out * filter->taps);
  row = g_new (double, filter->taps);

  for (guint i = 0; i < n_out; i++)
    {
      double centre = (i + 0.5) * scale;
      int lo = MAX ((int) (centre - support + 0.5), 0);
      int hi = MIN ((int) (centre + support + 0.5), (int) n_in);
      double sum = 0;

      for (int j = lo; j < hi; j++)
        sum += row[j - lo] = lanczos3 ((j - centre + 0.5) / stretch);
      for (int j = lo; j < hi; j++)
        {
          double w = row[j - lo] / sum * (1 << WEIGHT_BITS);

          filter->weights[(gsize) i * filter->taps + (j - lo)] = (int) (w < 0 ? w - 0.5 : w + 0.5);
        }
      filter->first[i] = lo;
      filter->count[i] = hi - lo;
    }
}

static void
filter_clear (Filter *filter)
{
  g_free (filter->first);
  g_free (filter->count);
  g_free (filter->weights);
}

/* One line: n_out samples of `channels`, read and written at the given strides. */
static void
filter_line (const Filter *filter, const guint8 *in, gsize in_stride, guint8 *out, gsize out_stride, guint n_out,
             guint channels)
{
  for (guint i = 0; i < n_out; i++)
    {
      const int *weights = filter->weights + (gsize) i * filter->taps;
      const guint8 *from = in + filter->first[i] * in_stride;

      for (guint c = 0; c < channels; c++)
        {
          gint64 sum = 1 << (WEIGHT_BITS - 1);

          for (guint j = 0; j < filter->count[i]; j++)
            sum += (gint64) weights[j] * from[j * in_stride + c];
          out[i * out_stride + c] = (guint8) CLAMP (sum >> WEIGHT_BITS, 0, 255);
        }
    }
}

static void
premultiply (guint8 *rgba, gsize n)
{
  for (gsize i = 0; i < n; i++)
    for (guint c = 0; c < 3; c++)
      rgba[4 * i + c] = (rgba[4 * i + c] * rgba[4 * i + 3] + 127) / 255;
}

static void
unpremultiply (guint8 *rgba, gsize n)
{
  for (gsize i = 0; i < n; i++)
    for (guint c = 0; c < 3; c++)
      if (rgba[4 * i + 3] != 0)
        rgba[4 * i + c] = MIN (rgba[4 * i + c] * 255 / rgba[4 * i + 3], 255);
}

PentImage *
pent_image_resize (const PentImage *self, guint width, guint height)
{
  g_autofree guint8 *source = NULL;
  g_autofree guint8 *middle = NULL;
  Filter across, down;
  PentImage *result;
  guint8 *out;
  guint c;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (width > 0 && height > 0, NULL);

  c = self->channels;
  source = g_memdup2 (pent_image_get_pixels (self), image_size (self->width, self->height, c));
  middle = g_malloc (image_size (width, self->height, c));
  result = pent_image_new (width, height, c);
  out = pent_image_edit_pixels (result);

  if (c == 4)
    premultiply (source, (gsize) self->width * self->height);

  filter_init (&across, self->width, width);
  for (guint y = 0; y < self->height; y++)
    filter_line (&across, source + (gsize) y * self->width * c, c, middle + (gsize) y * width * c, c, width, c);
  filter_clear (&across);

  filter_init (&down, self->height, height);
  for (guint x = 0; x < width; x++)
    filter_line (&down, middle + (gsize) x * c, (gsize) width * c, out + (gsize) x * c, (gsize) width * c, height, c);
  filter_clear (&down);

  if (c == 4)
    unpremultiply (out, (gsize) width * height);
  return result;
}
