/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "tests.h"

static GPtrArray *folders;

/* In memory where that is possible: thousands of commits wait for a disk, and no test here cuts the power. */
char *
make_folder (void)
{
  char *folder = g_strdup_printf ("%s/pent-library-XXXXXX", access ("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir ());

  g_assert_nonnull (g_mkdtemp (folder));
  if (folders == NULL)
    folders = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (folders, g_strdup (folder));
  return folder;
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  g_chmod (path, 0700);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      if (g_file_test (child, G_FILE_TEST_IS_DIR) && !g_file_test (child, G_FILE_TEST_IS_SYMLINK))
        remove_tree (child);
      else
        g_unlink (child);
    }
  g_rmdir (path);
}

void
remove_folders (void)
{
  for (guint i = 0; folders != NULL && i < folders->len; i++)
    remove_tree (g_ptr_array_index (folders, i));
  g_clear_pointer (&folders, g_ptr_array_unref);
}

char *
make_path (const char *folder, const char *name)
{
  return g_build_filename (folder, name, NULL);
}

PentDocument *
open_document (const char *path)
{
  g_autoptr (GError) error = NULL;
  PentDocument *document = pent_document_open (path, PENT_DOCUMENT_CREATE, "Ada", &error);

  g_assert_no_error (error);
  g_assert_nonnull (document);
  return document;
}

PentImage *
make_image (guint seed)
{
  PentImage *image = pent_image_new (8, 8, 3);
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  guint8 *pixels = pent_image_edit_pixels (image);

  for (guint i = 0; i < 8 * 8 * 3; i++)
    pixels[i] = (guint8) g_rand_int (rand);
  return image;
}

PentRecipe *
make_recipe (const char *prompt, guint seed)
{
  PentRecipe *recipe = pent_recipe_new ("generate");

  pent_recipe_set (recipe, "prompt", g_variant_new_string (prompt));
  pent_recipe_set (recipe, "negative", g_variant_new_string ("blurry"));
  pent_recipe_set (recipe, "model", g_variant_new_string (seed % 2 == 0 ? "sketch" : "z-image"));
  pent_recipe_set (recipe, "seed", g_variant_new_uint64 (seed));
  pent_recipe_set (recipe, "size", g_variant_new ("(uu)", 8, 8));
  return recipe;
}

void
name_input (PentRecipe *recipe, PentImage *image)
{
  g_autofree char *hash = pent_image_get_hash (image);
  guint8 bytes[32];

  for (guint i = 0; i < 32; i++)
    bytes[i] = (guint8) (g_ascii_xdigit_value (hash[2 * i]) << 4 | g_ascii_xdigit_value (hash[2 * i + 1]));
  pent_recipe_set (recipe, "image", g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, 32, 1));
}

char *
add_child (PentDocument *document, const char *prompt, guint seed, const char *const *parents)
{
  g_autoptr (PentRecipe) recipe = make_recipe (prompt, seed);
  g_autoptr (PentImage) image = make_image (seed);
  g_autoptr (GError) error = NULL;
  char *id = pent_document_add_revision (document, recipe, parents, image, NULL, prompt, NULL, &error);

  g_assert_no_error (error);
  return id;
}

char *
add_picture (PentDocument *document, const char *prompt, guint seed, const char *parent)
{
  const char *const parents[] = { parent, NULL };

  return add_child (document, prompt, seed, parents);
}

void
apply_one (PentDocument *document, PentEdit *edit)
{
  g_autoptr (PentEdit) owned = edit;
  g_autoptr (GError) error = NULL;

  pent_document_apply (document, owned, NULL, &error);
  g_assert_no_error (error);
}

void
rate (PentDocument *document, const char *id, guint rating)
{
  PentEdit *edit = pent_edit_new ("Rate");

  pent_edit_set_rating (edit, id, rating);
  apply_one (document, edit);
}

void
trash (PentDocument *document, const char *id, gboolean trashed)
{
  PentEdit *edit = pent_edit_new ("Trash");

  pent_edit_set_trashed (edit, id, trashed);
  apply_one (document, edit);
}

char *
dump_document (PentDocument *document)
{
  g_autoptr (GError) error = NULL;
  char *dump = pent_document_dump (document, NULL, &error);

  g_assert_no_error (error);
  return dump;
}

char *
dump_file (const char *path)
{
  g_autoptr (PentDocument) document = open_document (path);

  return dump_document (document);
}

void
assert_sound (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) problems = pent_document_verify (path, NULL, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < problems->len; i++)
    {
      const PentProblem *problem = g_ptr_array_index (problems, i);

      g_test_message ("%s: %s", problem->place, problem->message);
    }
  g_assert_cmpuint (problems->len, ==, 0);
}

guint
get_count (const char *variable, guint fallback)
{
  const char *text = g_getenv (variable);

  return text != NULL ? (guint) g_ascii_strtoull (text, NULL, 10) : fallback;
}
