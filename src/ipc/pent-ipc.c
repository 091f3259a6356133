/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-ipc"

#include "pent-ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "pent-error.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define ERROR_PREFIX "io.github.pentimento_studio.Pentimento.Error."

void
pent_ipc_register_errors (void)
{
  static gsize quark = 0;
  static const GDBusErrorEntry entries[] = {
    { PENT_ERROR_FAILED, ERROR_PREFIX "Failed" },
    { PENT_ERROR_INVALID, ERROR_PREFIX "Invalid" },
    { PENT_ERROR_FILE, ERROR_PREFIX "File" },
    { PENT_ERROR_MODEL, ERROR_PREFIX "Model" },
    { PENT_ERROR_UNSUPPORTED, ERROR_PREFIX "Unsupported" },
    { PENT_ERROR_DEVICE, ERROR_PREFIX "Device" },
    { PENT_ERROR_DEVICE_LOST, ERROR_PREFIX "DeviceLost" },
    { PENT_ERROR_MEMORY, ERROR_PREFIX "Memory" },
    { PENT_ERROR_WORKER, ERROR_PREFIX "Worker" },
  };

  if (g_once_init_enter (&quark))
    {
      for (gsize i = 0; i < G_N_ELEMENTS (entries); i++)
        g_dbus_error_register_error (PENT_ERROR, entries[i].error_code, entries[i].dbus_error_name);
      g_once_init_leave (&quark, PENT_ERROR);
    }
}

char *
pent_ipc_error_name (const GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_strdup (PENT_IPC_CANCELLED);
  return g_dbus_error_encode_gerror (error);
}

GError *
pent_ipc_error_new (const char *name, const char *message)
{
  GError *error;

  if (g_str_equal (name, PENT_IPC_CANCELLED))
    return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, message);
  error = g_dbus_error_new_for_dbus_error (name, message);
  g_dbus_error_strip_remote_error (error);
  if (error->domain == PENT_ERROR)
    return error;

  g_error_free (error);
  return g_error_new_literal (PENT_ERROR, PENT_ERROR_FAILED, message);
}

static gboolean
write_all (int fd, const guint8 *data, gsize size)
{
  while (size > 0)
    {
      gssize n = write (fd, data, size);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return FALSE;
      data += n;
      size -= n;
    }
  return TRUE;
}

int
pent_ipc_seal_image (PentImage *image, GError **error)
{
  g_autofd int fd = memfd_create ("pentimento-pixels", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  GBytes *bytes = pent_image_get_bytes (image);

  if (fd < 0 || !write_all (fd, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes)) ||
      fcntl (fd, F_ADD_SEALS, SEALS) != 0)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_MEMORY, "There is no memory to hand a picture over: %s",
                   g_strerror (errno));
      return -1;
    }
  return g_steal_fd (&fd);
}

typedef struct {
  gpointer data;
  gsize    size;
} Map;

static void
map_free (gpointer data)
{
  Map *map = data;

  munmap (map->data, map->size);
  g_free (map);
}

static GBytes *
map_sealed (int fd, guint64 size, GError **error)
{
  int seals = fcntl (fd, F_GET_SEALS);
  struct stat info;
  gpointer data;
  Map *map;

  if (seals < 0 || (seals & SEALS) != SEALS)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "The picture's memory is not sealed");
      return NULL;
    }
  if (fstat (fd, &info) != 0 || (guint64) info.st_size != size)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "The picture's memory has %" G_GINT64_FORMAT " bytes where %"
                   G_GUINT64_FORMAT " belong", (gint64) info.st_size, size);
      return NULL;
    }
  data = mmap (NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);      /* MAP_SHARED needs Linux 6.7 on a sealed file */
  if (data == MAP_FAILED)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_MEMORY, "The picture's memory cannot be mapped: %s",
                   g_strerror (errno));
      return NULL;
    }
  map = g_new (Map, 1);
  map->data = data;
  map->size = size;
  return g_bytes_new_with_free_func (data, size, map_free, map);
}

PentImage *
pent_ipc_map_image (int fd, guint width, guint height, guint64 stride, guint channels, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;
  PentImage *image;
  const guint8 *data;
  gsize row = (gsize) width * channels;

  if (width == 0 || height == 0 || width > PENT_IPC_MAX_SIDE || height > PENT_IPC_MAX_SIDE ||
      (guint64) width * height > PENT_IPC_MAX_PIXELS || channels < 3 || channels > 4)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "A picture of %ux%u pixels with %u channels is none", width,
                   height, channels);
      return NULL;
    }
  if (stride < row || stride > 4 * (guint64) PENT_IPC_MAX_SIDE)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "A picture %u pixels wide cannot have rows of %"
                   G_GUINT64_FORMAT " bytes", width, stride);
      return NULL;
    }

  bytes = map_sealed (fd, stride * height, error);
  if (bytes == NULL)
    return NULL;
  if (stride == row)
    return pent_image_new_from_bytes (width, height, channels, bytes);

  image = pent_image_new (width, height, channels);
  data = g_bytes_get_data (bytes, NULL);
  for (gsize y = 0; y < height; y++)
    memcpy (pent_image_edit_pixels (image) + y * row, data + y * stride, row);
  return image;
}

int
pent_ipc_peek_fd (GUnixFDList *list, gint32 handle, GError **error)
{
  int n = 0;
  const int *fds = list != NULL ? g_unix_fd_list_peek_fds (list, &n) : NULL;

  if (handle < 0 || handle >= n)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "The message names the descriptor %d and brought %d", handle,
                   n);
      return -1;
    }
  return fds[handle];
}
