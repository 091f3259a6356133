/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-private.h"

/* The file: this header, then the driver's bytes.  Drivers trust what they are given, so nothing reaches one that is
 * not exactly what it wrote. */
typedef struct {
  char    magic[8];
  guint64 size;            /* of what follows the header, bytes */
  char    sum[32];         /* first half of its SHA-256 in hex digits */
} Header;

static const char magic[8] = "PentPipe";

#define MAX_SIZE (256 * 1024 * 1024)

static char *
cache_path (const PentVkDevice *device)
{
  g_autofree char *name = g_strconcat ("pipelines-", device->info->uuid, NULL);

  return g_build_filename (g_get_user_cache_dir (), "pentimento", name, NULL);
}

static void
fill_sum (char *sum, gconstpointer data, gsize size)
{
  g_autofree char *digits = g_compute_checksum_for_data (G_CHECKSUM_SHA256, data, size);

  memcpy (sum, digits, sizeof ((Header *) NULL)->sum);
}

static gboolean
is_of_device (const PentVkDevice *device, const guint8 *data, gsize size)
{
  VkPipelineCacheHeaderVersionOne header;

  if (size < sizeof header)
    return FALSE;

  memcpy (&header, data, sizeof header);
  return header.headerSize == sizeof header && header.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE
    && header.vendorID == device->info->vendor_id && header.deviceID == device->info->device_id
    && memcmp (header.pipelineCacheUUID, device->properties.pipelineCacheUUID, VK_UUID_SIZE) == 0;
}

GBytes *
vk_cache_load (const PentVkDevice *device)
{
  g_autofree char *path = cache_path (device);
  g_autofree char *text = NULL;
  Header header, expected;
  gsize size;

  if (!g_file_get_contents (path, &text, &size, NULL) || size < sizeof header)
    return NULL;

  memcpy (&header, text, sizeof header);
  memcpy (expected.magic, magic, sizeof magic);
  expected.size = size - sizeof header;
  fill_sum (expected.sum, text + sizeof header, expected.size);
  if (memcmp (&header, &expected, sizeof header) != 0
      || !is_of_device (device, (guint8 *) text + sizeof header, expected.size))
    {
      g_debug ("%s is not a pipeline cache of %s and is ignored", path, device->info->name);
      return NULL;
    }

  return g_bytes_new (text + sizeof header, expected.size);
}

void
vk_cache_save (const PentVkDevice *device, gconstpointer data, gsize size)
{
  g_autofree char *path = cache_path (device);
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (GByteArray) text = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  Header header;

  if (size > MAX_SIZE || !is_of_device (device, data, size))
    return;

  memcpy (header.magic, magic, sizeof magic);
  header.size = size;
  fill_sum (header.sum, data, size);
  g_byte_array_append (text, (guint8 *) &header, sizeof header);
  g_byte_array_append (text, data, size);

  g_mkdir_with_parents (folder, 0700);
  if (!g_file_set_contents_full (path, (char *) text->data, text->len, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
    g_debug ("The pipeline cache is not kept: %s", error->message);
}
