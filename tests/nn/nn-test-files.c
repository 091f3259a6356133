/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-test.h"

#include <sys/mman.h>
#include <unistd.h>

NnTestFile *
nn_test_file_new (void)
{
  NnTestFile *self = g_new0 (NnTestFile, 1);

  self->header = g_string_new ("{");
  self->data = g_byte_array_new ();
  return self;
}

void
nn_test_file_add (NnTestFile *self, const char *name, PentDtype dtype, const gint64 *shape, gconstpointer values)
{
  g_autofree char *type = g_ascii_strup (pent_dtype_name (dtype), -1);
  gsize n = 1, begin = self->data->len, size;

  g_string_append_printf (self->header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", self->header->len > 1 ? "," : "", name,
                          type);
  for (guint i = 0; shape[i] >= 0; i++)
    {
      g_string_append_printf (self->header, "%s%" G_GINT64_FORMAT, i == 0 ? "" : ",", shape[i]);
      n *= shape[i];
    }
  size = n * pent_dtype_size (dtype);
  g_string_append_printf (self->header, "],\"data_offsets\":[%" G_GSIZE_FORMAT ",%" G_GSIZE_FORMAT "]}", begin,
                          begin + size);

  g_byte_array_set_size (self->data, begin + size);
  if (dtype == PENT_DTYPE_F32 || dtype == PENT_DTYPE_F16 || dtype == PENT_DTYPE_BF16)
    pent_dtype_from_f32 (self->data->data + begin, values, dtype, n);
  else if (size > 0)
    memcpy (self->data->data + begin, values, size);
}

GBytes *
nn_test_file_finish (NnTestFile *self)
{
  GByteArray *file = g_byte_array_new ();
  guint64 length;

  g_string_append_c (self->header, '}');
  while (self->header->len % 8 != 0)
    g_string_append_c (self->header, ' ');
  length = GUINT64_TO_LE (self->header->len);
  g_byte_array_append (file, (const guint8 *) &length, sizeof length);
  g_byte_array_append (file, (const guint8 *) self->header->str, self->header->len);
  g_byte_array_append (file, self->data->data, self->data->len);

  g_string_free (self->header, TRUE);
  g_byte_array_unref (self->data);
  g_free (self);
  return g_byte_array_free_to_bytes (file);
}

static int
make_fd (GBytes *bytes)
{
  int fd = memfd_create ("nn-test", MFD_CLOEXEC);
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);

  g_assert_cmpint (fd, >=, 0);
  while (size > 0)
    {
      ssize_t n = write (fd, data, size);

      g_assert_cmpint (n, >, 0);
      data += n;
      size -= n;
    }
  return fd;
}

PentFiles *
nn_test_files (const char *label, ...)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autoptr (GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));
  const char *name;
  va_list args;

  va_start (args, label);
  while ((name = va_arg (args, const char *)) != NULL)
    {
      g_autoptr (GBytes) bytes = va_arg (args, GBytes *);
      int fd = make_fd (bytes);

      g_ptr_array_add (names, (gpointer) name);
      g_array_append_val (fds, fd);
    }
  va_end (args);
  return pent_files_new_for_fds (label, (const char *const *) names->pdata, (const int *) fds->data, fds->len);
}
