/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-files"

#include "pent-files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "pent-error.h"

#define MAX_DEPTH 3
#define MAX_NAMES 4096

/* One file, shared between a set and its subsets. */
typedef struct {
  GMutex  lock;
  char   *path;      /* what to open, or */
  int     fd;        /* what was handed over; -1 with path */
  GBytes *bytes;     /* once mapped */
} Entry;

struct _PentFiles {
  GObject     parent_instance;
  char       *label;
  GHashTable *entries;   /* name -> Entry */
  char      **names;     /* sorted */
};

G_DEFINE_FINAL_TYPE (PentFiles, pent_files, G_TYPE_OBJECT)

static Entry *
entry_new (const char *path, int fd)
{
  Entry *entry = g_atomic_rc_box_new0 (Entry);

  g_mutex_init (&entry->lock);
  entry->path = g_strdup (path);
  entry->fd = fd;
  return entry;
}

static void
entry_clear (gpointer data)
{
  Entry *entry = data;

  g_clear_pointer (&entry->bytes, g_bytes_unref);
  if (entry->fd >= 0)
    close (entry->fd);
  g_free (entry->path);
  g_mutex_clear (&entry->lock);
}

static void
entry_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, entry_clear);
}

static void
pent_files_finalize (GObject *object)
{
  PentFiles *self = PENT_FILES (object);

  g_clear_pointer (&self->entries, g_hash_table_unref);
  g_clear_pointer (&self->names, g_strfreev);
  g_clear_pointer (&self->label, g_free);

  G_OBJECT_CLASS (pent_files_parent_class)->finalize (object);
}

static void
pent_files_class_init (PentFilesClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = pent_files_finalize;
}

static void
pent_files_init (PentFiles *self)
{
  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, entry_unref);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static PentFiles *
files_new (const char *label)
{
  PentFiles *self = g_object_new (PENT_TYPE_FILES, NULL);

  self->label = g_strdup (label);
  return self;
}

static void
files_seal (PentFiles *self)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_null_terminated (0, g_free, TRUE);
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  self->names = (char **) g_ptr_array_steal (names, NULL);
  if (self->names == NULL)
    self->names = g_new0 (char *, 1);
}

/* Lists folder into self, names beginning with prefix.  Hidden names are skipped: they are the hub's bookkeeping. */
static gboolean
files_scan (PentFiles *self, const char *folder, const char *prefix, guint depth, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, &local_error);
  const char *name;

  if (dir == NULL)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "The folder “%s” cannot be read: %s", folder,
                   local_error->message);
      return FALSE;
    }

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_autofree char *relative = g_strconcat (prefix, name, NULL);
      struct stat info;

      if (name[0] == '.' || !g_utf8_validate (name, -1, NULL) || g_stat (path, &info) != 0)
        continue;
      if (S_ISDIR (info.st_mode) && depth + 1 < MAX_DEPTH)
        {
          g_autofree char *inner = g_strconcat (relative, "/", NULL);

          if (!files_scan (self, path, inner, depth + 1, error))
            return FALSE;
        }
      else if (S_ISREG (info.st_mode))
        {
          if (g_hash_table_size (self->entries) == MAX_NAMES)
            {
              g_set_error (error, PENT_ERROR, PENT_ERROR_FILE,
                           "The folder “%s” holds more than %d files, so it is not a model", self->label, MAX_NAMES);
              return FALSE;
            }
          g_hash_table_insert (self->entries, g_steal_pointer (&relative), entry_new (path, -1));
        }
    }

  return TRUE;
}

PentFiles *
pent_files_new_for_path (const char *path, GError **error)
{
  g_autoptr (PentFiles) self = NULL;
  struct stat info;

  g_return_val_if_fail (path != NULL, NULL);

  if (g_stat (path, &info) != 0)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” cannot be opened: %s", path, g_strerror (errno));
      return NULL;
    }

  self = files_new (path);
  if (S_ISDIR (info.st_mode))
    {
      if (!files_scan (self, path, "", 0, error))
        return NULL;
      if (g_hash_table_size (self->entries) == 0)
        {
          g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "The folder “%s” is empty", path);
          return NULL;
        }
    }
  else if (S_ISREG (info.st_mode))
    {
      g_hash_table_insert (self->entries, g_path_get_basename (path), entry_new (path, -1));
    }
  else
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” is neither a file nor a folder", path);
      return NULL;
    }

  files_seal (self);
  return g_steal_pointer (&self);
}

PentFiles *
pent_files_new_for_fds (const char *label, const char *const *names, const int *fds, gsize n)
{
  PentFiles *self;

  g_return_val_if_fail (label != NULL, NULL);

  self = files_new (label);
  for (gsize i = 0; i < n; i++)
    g_hash_table_replace (self->entries, g_strdup (names[i]), entry_new (NULL, fds[i]));
  files_seal (self);
  return self;
}

const char *
pent_files_get_label (PentFiles *self)
{
  g_return_val_if_fail (PENT_IS_FILES (self), NULL);
  return self->label;
}

const char *const *
pent_files_get_names (PentFiles *self)
{
  g_return_val_if_fail (PENT_IS_FILES (self), NULL);
  return (const char *const *) self->names;
}

gboolean
pent_files_has (PentFiles *self, const char *name)
{
  g_return_val_if_fail (PENT_IS_FILES (self), FALSE);
  return g_hash_table_contains (self->entries, name);
}

char *
pent_files_describe (PentFiles *self, const char *name)
{
  g_return_val_if_fail (PENT_IS_FILES (self), NULL);

  /* A single file's label is its own path already. */
  if (self->names[0] != NULL && self->names[1] == NULL && g_str_equal (self->names[0], name) &&
      g_str_has_suffix (self->label, name))
    return g_strdup (self->label);
  return g_strconcat (self->label, "/", name, NULL);
}

static Entry *
files_lookup (PentFiles *self, const char *name, GError **error)
{
  Entry *entry = g_hash_table_lookup (self->entries, name);

  if (entry == NULL)
    g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” has no file “%s”", self->label, name);
  return entry;
}

/* A descriptor with an own offset and life.  One that came over the wire is opened again by its number where /proc
 * allows it; a duplicate, which shares the offset, will do elsewhere because readers map. */
static int
entry_open (Entry *entry)
{
  g_autofree char *own = NULL;
  int fd;

  if (entry->fd < 0)
    return open (entry->path, O_RDONLY | O_CLOEXEC);

  own = g_strdup_printf ("/proc/self/fd/%d", entry->fd);
  fd = open (own, O_RDONLY | O_CLOEXEC);
  return fd >= 0 ? fd : fcntl (entry->fd, F_DUPFD_CLOEXEC, 3);
}

static void
set_errno (GError **error, PentFiles *self, const char *name, int code)
{
  g_autofree char *what = pent_files_describe (self, name);

  g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” cannot be read: %s", what, g_strerror (code));
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

/* A shared map, so that it can be imported into a device without a copy; PROT_READ alone. */
static GBytes *
entry_map (Entry *entry, PentFiles *self, const char *name, GError **error)
{
  g_autofd int fd = entry_open (entry);
  struct stat info;
  Map *map;
  gpointer data;

  if (fd < 0 || fstat (fd, &info) != 0)
    {
      set_errno (error, self, name, errno);
      return NULL;
    }
  if (!S_ISREG (info.st_mode))
    {
      set_errno (error, self, name, S_ISDIR (info.st_mode) ? EISDIR : EINVAL);
      return NULL;
    }
  if (info.st_size == 0)
    return g_bytes_new (NULL, 0);

  data = mmap (NULL, info.st_size, PROT_READ, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED)
    {
      set_errno (error, self, name, errno);
      return NULL;
    }

  map = g_new (Map, 1);
  map->data = data;
  map->size = info.st_size;
  return g_bytes_new_with_free_func (data, map->size, map_free, map);
}

GBytes *
pent_files_map (PentFiles *self, const char *name, GError **error)
{
  Entry *entry;

  g_return_val_if_fail (PENT_IS_FILES (self), NULL);

  entry = files_lookup (self, name, error);
  if (entry == NULL)
    return NULL;

  G_MUTEX_AUTO_LOCK (&entry->lock, locker);
  if (entry->bytes == NULL)
    entry->bytes = entry_map (entry, self, name, error);
  return entry->bytes != NULL ? g_bytes_ref (entry->bytes) : NULL;
}

int
pent_files_open (PentFiles *self, const char *name, GError **error)
{
  Entry *entry;
  int fd;

  g_return_val_if_fail (PENT_IS_FILES (self), -1);

  entry = files_lookup (self, name, error);
  if (entry == NULL)
    return -1;
  fd = entry_open (entry);
  if (fd < 0)
    set_errno (error, self, name, errno);
  return fd;
}

PentFiles *
pent_files_subset (PentFiles *self, const char *folder)
{
  g_autofree char *prefix = NULL;
  g_autofree char *label = NULL;
  PentFiles *subset;
  GHashTableIter iter;
  gpointer name, entry;

  g_return_val_if_fail (PENT_IS_FILES (self), NULL);

  prefix = g_strconcat (folder, "/", NULL);
  label = g_strconcat (self->label, "/", folder, NULL);
  subset = files_new (label);
  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, &name, &entry))
    {
      if (g_str_has_prefix (name, prefix))
        g_hash_table_insert (subset->entries, g_strdup ((const char *) name + strlen (prefix)),
                             g_atomic_rc_box_acquire (entry));
    }
  files_seal (subset);
  return subset;
}
