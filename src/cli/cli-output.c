/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "pent-error.h"
#include "pent-provenance.h"

#define MAX_STEM 60      /* bytes of a name made of words */

struct _CliOutput {
  char  *path;           /* as asked for, or NULL */
  char  *stem;           /* without ".png" */
  guint  count, n_written;
};

/* "A pink cloud, at sunset!" -> "a-pink-cloud-at-sunset" */
static char *
make_stem (const char *words)
{
  g_autofree char *folded = g_utf8_strdown (words, -1);
  GString *stem = g_string_new (NULL);
  gboolean gap = FALSE;

  for (const char *p = folded; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);
      char utf8[6];
      int n = g_unichar_to_utf8 (c, utf8);

      if (!g_unichar_isalnum (c))
        {
          gap = stem->len > 0;
          continue;
        }
      if (stem->len + n + 1 > MAX_STEM)
        break;
      if (gap)
        g_string_append_c (stem, '-');
      gap = FALSE;
      g_string_append_len (stem, utf8, n);
    }
  if (stem->len == 0)
    g_string_append (stem, "picture");
  return g_string_free_and_steal (stem);
}

static gboolean
refuse (const char *path, const char *why, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);

  g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” cannot be written: %s", shown, why);
  return FALSE;
}

/* By really making a file there: permissions alone tell too little (read-only mounts, special file systems). */
static gboolean
check_folder (const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *probe = g_build_filename (folder, ".pentimento-XXXXXX", NULL);
  g_autofd int fd = open (folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

  if (fd >= 0)
    return TRUE;
  fd = g_mkstemp_full (probe, O_WRONLY | O_CLOEXEC, 0600);      /* not every file system knows O_TMPFILE */
  if (fd < 0)
    return refuse (path, g_strerror (errno), error);
  g_unlink (probe);
  return TRUE;
}

static gboolean
check_path (const char *path, GError **error)
{
  struct stat info;

  if (g_stat (path, &info) == 0 && !S_ISREG (info.st_mode))
    return refuse (path, S_ISDIR (info.st_mode) ? "it is a folder" : "it is no plain file", error);
  if (g_stat (path, &info) == 0 && g_access (path, W_OK) != 0)
    return refuse (path, g_strerror (errno), error);
  return check_folder (path, error);
}

static char *
numbered (CliOutput *self, guint number)
{
  return g_strdup_printf ("%s-%u.png", self->stem, number);
}

CliOutput *
cli_output_new (const char *path, const char *words, guint count, GError **error)
{
  g_autoptr (CliOutput) self = g_new0 (CliOutput, 1);

  self->count = count;
  if (path == NULL)
    {
      self->stem = make_stem (words);
      return check_folder (self->stem, error) ? g_steal_pointer (&self) : NULL;
    }
  if (strlen (path) < 5 || g_ascii_strcasecmp (path + strlen (path) - 4, ".png") != 0)
    {
      refuse (path, "only PNG can be written, so its name must end in .png", error);
      return NULL;
    }
  self->path = g_strdup (path);
  self->stem = g_strndup (path, strlen (path) - 4);
  for (guint i = 0; i < MAX (count, 1); i++)
    {
      g_autofree char *name = count > 1 ? numbered (self, i + 1) : g_strdup (path);

      if (!check_path (name, error))
        return NULL;
    }
  return g_steal_pointer (&self);
}

void
cli_output_free (CliOutput *self)
{
  g_free (self->path);
  g_free (self->stem);
  g_free (self);
}

/* The first free name is taken by making the file, so that two programs do not take the same. */
static char *
take_free_name (CliOutput *self, GError **error)
{
  for (guint i = 1; i < G_MAXUINT; i++)
    {
      g_autofree char *name = numbered (self, i);
      g_autofd int fd = open (name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

      if (fd >= 0)
        return g_steal_pointer (&name);
      if (errno != EEXIST)
        {
          refuse (name, g_strerror (errno), error);
          return NULL;
        }
    }
  g_return_val_if_reached (NULL);
}

char *
cli_output_write (CliOutput *self, PentImage *image, PentRecipe *recipe, GError **error)
{
  g_autoptr (GHashTable) texts = pent_provenance_write (recipe);
  g_autofree char *path = NULL;

  self->n_written++;
  if (self->path == NULL)
    path = take_free_name (self, error);
  else
    path = self->count > 1 ? numbered (self, self->n_written) : g_strdup (self->path);
  if (path == NULL)
    return NULL;
  if (!pent_image_save_png (image, path, texts, error))
    {
      if (self->path == NULL)
        g_unlink (path);
      return NULL;
    }
  return g_steal_pointer (&path);
}
