/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli-run.h"

#include <string.h>

void
cli_write_file (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);

  g_assert_no_errno (g_mkdir_with_parents (parent, 0700));
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

void
cli_set_up (CliFixture *self, gconstpointer data)
{
  *self = (CliFixture) { .engine = FAKE_ENGINE };
  self->folder = g_dir_make_tmp ("cli-XXXXXX", NULL);
  self->data = g_dir_make_tmp ("data-XXXXXX", NULL);
  cli_write_file (self->data, "models/sketch/model_index.json", "{\"_class_name\": \"FakePipeline\"}");
  cli_write_file (self->data, "models/broken/broken.json", "{}");
}

void
cli_set_up_whole (CliFixture *self, gconstpointer data)
{
  *self = (CliFixture) { .engine = WHOLE_ENGINE };
  self->folder = g_dir_make_tmp ("cli-XXXXXX", NULL);
  self->data = g_strdup (SOURCE_DATA);
}

void
cli_tear_down (CliFixture *self, gconstpointer data)
{
  g_free (self->folder);
  g_free (self->data);
  g_free (self->out);
  g_free (self->err);
}

GSubprocess *
cli_spawn (CliFixture *self, const char *const *arguments)
{
  g_autoptr (GSubprocessLauncher) launcher =
    g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_autoptr (GPtrArray) argv = g_ptr_array_new_null_terminated (0, NULL, TRUE);
  g_autoptr (GError) error = NULL;
  GSubprocess *process;

  g_subprocess_launcher_set_cwd (launcher, self->folder);
  g_subprocess_launcher_setenv (launcher, "PENT_ENGINE", self->engine, TRUE);
  g_subprocess_launcher_setenv (launcher, "PENT_DATA_DIR", self->data, TRUE);
  g_ptr_array_add (argv, (gpointer) CLI);
  for (; *arguments != NULL; arguments++)
    g_ptr_array_add (argv, (gpointer) *arguments);
  process = g_subprocess_launcher_spawnv (launcher, (const char *const *) argv->pdata, &error);
  g_assert_no_error (error);
  return process;
}

static char *
to_text (GBytes *bytes)
{
  return g_bytes_get_size (bytes) > 0 ? g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes))
                                      : g_strdup ("");
}

void
cli_collect (CliFixture *self, GSubprocess *process)
{
  g_autoptr (GBytes) out = NULL, err = NULL;
  g_autoptr (GError) error = NULL;

  g_subprocess_communicate (process, NULL, NULL, &out, &err, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_if_exited (process));
  self->status = g_subprocess_get_exit_status (process);
  g_free (self->out);
  g_free (self->err);
  self->out = to_text (out);
  self->err = to_text (err);
}

void
cli_run (CliFixture *self, const char *const *arguments)
{
  g_autoptr (GSubprocess) process = cli_spawn (self, arguments);

  cli_collect (self, process);
}

void
cli_assert_mistake (CliFixture *self, int status, const char *says)
{
  if (self->status != status || strstr (self->err, says) == NULL)
    g_error ("status %d, “%s”, where %d and “%s” belong", self->status, self->err, status, says);
  g_assert_cmpstr (self->out, ==, "");
  g_assert_true (g_str_has_prefix (self->err, "pentimento: "));
  g_assert_true (strchr (self->err, '\n') == self->err + strlen (self->err) - 1);
  g_assert_true (g_utf8_validate (self->err, -1, NULL));
}

void
cli_assert_success (CliFixture *self, const char *out)
{
  if (self->status != 0 || g_strcmp0 (self->out, out) != 0)
    g_error ("status %d, out “%s”, err “%s”", self->status, self->out, self->err);
}

PentImage *
cli_load (CliFixture *self, const char *name, GHashTable **texts)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  PentImage *image;
  char *data;
  gsize size;

  g_file_get_contents (path, &data, &size, &error);
  g_assert_no_error (error);
  bytes = g_bytes_new_take (data, size);
  image = pent_image_load_png (bytes, name, texts, &error);
  g_assert_no_error (error);
  return image;
}

void
cli_assert_pixels (CliFixture *self, const char *a, const char *b, gboolean same)
{
  g_autoptr (PentImage) x = cli_load (self, a, NULL), y = cli_load (self, b, NULL);

  g_assert_true (g_bytes_equal (pent_image_get_bytes (x), pent_image_get_bytes (y)) == same);
}

guint
cli_count_files (CliFixture *self)
{
  g_autoptr (GDir) dir = g_dir_open (self->folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}
