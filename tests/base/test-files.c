/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "pent-error.h"
#include "pent-files.h"
#include "tests.h"

static char *
make_model (void)
{
  char *folder = g_dir_make_tmp ("files-XXXXXX", NULL);
  g_autofree char *vae = g_build_filename (folder, "vae", NULL);
  g_autofree char *deep = g_build_filename (vae, "deep", NULL);
  g_autofree char *deeper = g_build_filename (deep, "deeper", NULL);
  const char *const names[] = { "model_index.json", "vae/config.json", "vae/deep/x.bin", "vae/deep/deeper/unseen",
                                ".hidden", "empty" };
  const char *const texts[] = { "{}", "{\"a\":1}", "12345", "", "no", "" };
  g_autofree char *link = g_build_filename (folder, "link.json", NULL);
  g_autofree char *gone = g_build_filename (folder, "gone.json", NULL);

  g_assert_no_errno (g_mkdir_with_parents (deeper, 0700));
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);

      g_assert_true (g_file_set_contents (path, texts[i], -1, NULL));
    }
  g_assert_no_errno (symlink ("vae/config.json", link));
  g_assert_no_errno (symlink ("nowhere", gone));
  return folder;
}

static void
test_folder (void)
{
  g_autofree char *folder = make_model ();
  g_autoptr (GError) error = NULL;
  g_autoptr (PentFiles) files = pent_files_new_for_path (folder, &error);
  g_autoptr (PentFiles) vae = NULL;
  g_autoptr (GBytes) bytes = NULL, again = NULL, empty = NULL;
  g_autofree char *joined = NULL, *names = NULL, *what = NULL, *expected = NULL;
  g_autofd int fd = -1;
  char buffer[8];

  g_assert_no_error (error);
  joined = g_strjoinv (" ", (char **) pent_files_get_names (files));
  g_assert_cmpstr (joined, ==, "empty link.json model_index.json vae/config.json vae/deep/x.bin");

  empty = pent_files_map (files, "empty", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (empty), ==, 0);

  vae = pent_files_subset (files, "vae");
  names = g_strjoinv (" ", (char **) pent_files_get_names (vae));
  g_assert_cmpstr (names, ==, "config.json deep/x.bin");
  what = pent_files_describe (vae, "config.json");
  expected = g_build_filename (folder, "vae", "config.json", NULL);
  g_assert_cmpstr (what, ==, expected);

  /* One map for the set and its subset, and it outlives both. */
  bytes = pent_files_map (vae, "config.json", &error);
  again = pent_files_map (files, "vae/config.json", &error);
  g_assert_no_error (error);
  g_assert_true (bytes == again);
  g_clear_object (&files);
  g_clear_object (&vae);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "{\"a\":1}", 7);

  files = pent_files_new_for_path (folder, NULL);
  fd = pent_files_open (files, "model_index.json", &error);
  g_assert_no_error (error);
  g_assert_cmpint (read (fd, buffer, sizeof buffer), ==, 2);

  g_clear_pointer (&again, g_bytes_unref);
  again = pent_files_map (files, "absent", &error);
  g_assert_null (again);
  g_assert_error (error, PENT_ERROR, PENT_ERROR_FILE);
  g_assert_nonnull (strstr (error->message, "absent"));
}

static void
test_single (void)
{
  g_autofree char *folder = make_model ();
  g_autofree char *path = g_build_filename (folder, "model_index.json", NULL);
  g_autoptr (PentFiles) files = pent_files_new_for_path (path, NULL);
  g_autofree char *what = pent_files_describe (files, "model_index.json");

  g_assert_true (pent_files_has (files, "model_index.json"));
  g_assert_cmpuint (g_strv_length ((char **) pent_files_get_names (files)), ==, 1);
  g_assert_cmpstr (what, ==, path);
}

static void
test_descriptors (void)
{
  g_autofree char *folder = make_model ();
  g_autofree char *path = g_build_filename (folder, "vae", "config.json", NULL);
  const char *const names[] = { "vae/config.json", "folder" };
  int fds[] = { open (path, O_RDONLY | O_CLOEXEC), open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
  g_autoptr (PentFiles) files = pent_files_new_for_fds ("wire", names, fds, 2);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL, bad = NULL;
  char buffer[8];

  for (guint i = 0; i < 2; i++)      /* every opening starts at the beginning */
    {
      g_autofd int fd = pent_files_open (files, "vae/config.json", &error);

      g_assert_no_error (error);
      g_assert_cmpint (read (fd, buffer, sizeof buffer), ==, 7);
    }
  bytes = pent_files_map (files, "vae/config.json", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 7);
  bad = pent_files_map (files, "folder", &error);
  g_assert_null (bad);
  g_assert_error (error, PENT_ERROR, PENT_ERROR_FILE);
}

static void
test_missing (void)
{
  g_autofree char *folder = g_dir_make_tmp ("files-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (pent_files_new_for_path ("/nonexistent/model", &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_FILE);
  g_assert_nonnull (strstr (error->message, "/nonexistent/model"));
  g_clear_error (&error);
  g_assert_null (pent_files_new_for_path (folder, &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_FILE);
  g_clear_error (&error);
  g_assert_null (pent_files_new_for_path ("/dev/null", &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_FILE);
}

void
add_files_tests (void)
{
  g_test_add_func ("/files/folder", test_folder);
  g_test_add_func ("/files/single", test_single);
  g_test_add_func ("/files/descriptors", test_descriptors);
  g_test_add_func ("/files/missing", test_missing);
}
