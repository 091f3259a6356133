/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokenizers and chat templates against the reference libraries' answers (tests/data). */
#include "tests.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

PentFiles *
test_files (const char *name, const char *const *names)
{
  g_autofree char *folder = g_build_filename (TEST_DATA, name, NULL);
  g_autoptr(GError) error = NULL;
  PentFiles *files;
  int fds[8];
  gsize n = 0;

  if (names == NULL)
    {
      files = pent_files_new_for_path (folder, &error);
      g_assert_no_error (error);
      return files;
    }
  for (; names[n] != NULL; n++)
    {
      g_autofree char *path = g_build_filename (folder, names[n], NULL);

      g_assert_cmpuint (n, <, G_N_ELEMENTS (fds));
      fds[n] = open (path, O_RDONLY | O_CLOEXEC);
      g_assert_cmpint (fds[n], >=, 0);
    }
  return pent_files_new_for_fds (name, names, fds, n);
}

PentFiles *
test_files_inline (const char *const *names, const char *const *contents, const gssize *lengths)
{
  int fds[8];
  gsize n = 0;

  for (; names[n] != NULL; n++)
    {
      gsize length = lengths != NULL && lengths[n] >= 0 ? (gsize) lengths[n] : strlen (contents[n]);

      g_assert_cmpuint (n, <, G_N_ELEMENTS (fds));
      fds[n] = memfd_create (names[n], MFD_CLOEXEC);
      g_assert_cmpint (fds[n], >=, 0);
      g_assert_cmpint (write (fds[n], contents[n], length), ==, length);
    }
  return pent_files_new_for_fds ("inline", names, fds, n);
}

PentTokenizer *
test_tokenizer (const char *name, const char *const *names)
{
  g_autoptr(PentFiles) files = test_files (name, names);
  g_autoptr(GError) error = NULL;
  PentTokenizer *tokenizer = pent_tokenizer_load (files, &error);

  g_assert_no_error (error);
  g_assert_true (PENT_IS_TOKENIZER (tokenizer));
  return tokenizer;
}

JsonNode *
test_json (const char *name, const char *file)
{
  g_autofree char *path = g_build_filename (TEST_DATA, name, file, NULL);
  g_autoptr(JsonParser) parser = json_parser_new ();
  g_autoptr(GError) error = NULL;

  json_parser_load_from_file (parser, path, &error);
  g_assert_no_error (error);
  return json_parser_steal_root (parser);
}

int
main (int argc, char **argv)
{
  if (argc > 1 && g_str_equal (argv[1], "--bench"))
    return bench ();

  g_test_init (&argc, &argv, NULL);
  test_add_tokenizer ();
  test_add_template ();
  return g_test_run ();
}
