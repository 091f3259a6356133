/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

#include "tests.h"

/* ---- what children do ---- */

static void G_GNUC_PRINTF (1, 2)
say (const char *format, ...)
{
  char line[256];
  va_list args;
  int n;

  va_start (args, format);
  n = g_vsnprintf (line, sizeof line, format, args);
  va_end (args);
  if (write (STDOUT_FILENO, line, (gsize) n) != n)
    exit (3);
}

static PentDocument *
open_in_child (const char *path)
{
  g_autoptr (GError) error = NULL;
  PentDocument *document = pent_document_open (path, PENT_DOCUMENT_DEFAULT, "Child", &error);

  if (document == NULL)
    g_error ("%s", error->message);
  return document;
}

/* One thing an artist does: said before ("? …"), done, said again when the document has promised it ("! …"). */
static void
do_something (PentDocument *document, GPtrArray *ids, GRand *rand, const char *other)
{
  const char *id = ids->len > 0 ? g_ptr_array_index (ids, g_rand_int (rand) % ids->len) : NULL;
  g_autoptr (PentEdit) edit = pent_edit_new ("Work");
  g_autoptr (GError) error = NULL;
  guint what = id == NULL ? 0 : g_rand_int (rand) % 10;
  guint value = g_rand_int (rand) % 6;

  if (what < 4)
    {
      g_autoptr (PentRecipe) recipe = make_recipe ("child", g_rand_int (rand));
      g_autoptr (PentImage) image = make_image (g_rand_int (rand)), mask = make_image (g_rand_int (rand));
      g_autoptr (GPtrArray) inputs = g_ptr_array_new ();
      char *new;

      g_ptr_array_add (inputs, mask);
      if (what == 0)
        name_input (recipe, mask);
      say ("? add\n");
      new = pent_document_add_revision (document, recipe, (const char *[]) { id, NULL }, image, inputs, "w", NULL, &error);
      if (new != NULL)
        {
          say ("! add %s\n", new);
          g_ptr_array_add (ids, new);
        }
    }
  else if (what < 6)
    {
      say ("? rate %s %u\n", id, value);
      pent_edit_set_rating (edit, id, value);
      if (pent_document_apply (document, edit, NULL, &error) != 0)
        say ("! rate %s %u\n", id, value);
    }
  else if (what < 8)
    {
      say ("? trash %s %u\n", id, value % 2);
      pent_edit_set_trashed (edit, id, value % 2);
      if (pent_document_apply (document, edit, NULL, &error) != 0)
        say ("! trash %s %u\n", id, value % 2);
      /* A purged one cannot be taken out again. */
      g_clear_error (&error);
    }
  else if (what == 8)
    {
      say ("? purge\n");
      if (pent_document_purge (document, NULL, NULL, NULL, &error))
        say ("! purge\n");
    }
  else
    {
      say ("? merge\n");
      if (pent_document_merge (document, other, NULL, NULL, &error))
        say ("! merge\n");
    }
  if (error != NULL)
    g_error ("%s", error->message);
}

static int
child_work (const char *path, const char *other, guint seed)
{
  g_autoptr (PentDocument) document = open_in_child (path);
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);

  say ("! ready\n");
  /* Until it is killed, or nobody is left who would. */
  while (getppid () != 1)
    do_something (document, ids, rand, other);
  return 0;
}

static int
child_add (const char *path, guint n, guint seed)
{
  g_autoptr (PentDocument) document = open_in_child (path);

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *id = add_picture (document, "by a child", seed + i, NULL);

      rate (document, id, 1 + i % 5);
    }
  return 0;
}

/* Makes the document and the dump that tests/data/library keeps for this version. */
static int
child_keep (const char *path)
{
  g_autofree char *dump_path = g_strconcat (path, ".dump", NULL), *dump = NULL;
  g_autoptr (PentDocument) document = open_document (path);
  g_autofree char *root = add_picture (document, "a pink cloud", 1, NULL), *child = add_picture (document, "b", 2, root);
  g_autofree char *mixed = add_child (document, "mixed", 3, (const char *[]) { child, root, NULL });
  g_autofree char *thrown = add_picture (document, "thrown away", 4, root);
  PentEdit *edit = pent_edit_new ("Everything");

  pent_edit_set_rating (edit, root, 5);
  pent_edit_set_name (edit, child, "Zweite “Fassung”");
  pent_edit_set_notes (edit, child, "two\nlines");
  pent_edit_set_tag (edit, mixed, "Évening", TRUE);
  pent_edit_set_flag (edit, mixed, "pick", TRUE);
  pent_edit_set_position (edit, mixed, 0.1, -2e9);
  pent_edit_set_trashed (edit, thrown, TRUE);
  pent_edit_set (edit, NULL, "title", "Clouds");
  apply_one (document, edit);
  rate (document, root, 4);
  pent_document_purge (document, NULL, NULL, NULL, NULL);
  dump = dump_document (document);
  return g_file_set_contents (dump_path, dump, -1, NULL) ? 0 : 1;
}

int
run_child (int argc, char **argv)
{
  if (g_str_equal (argv[1], "--child-work") && argc == 5)
    return child_work (argv[2], argv[3], (guint) strtoul (argv[4], NULL, 10));
  if (g_str_equal (argv[1], "--child-add") && argc == 5)
    return child_add (argv[2], (guint) strtoul (argv[3], NULL, 10), (guint) strtoul (argv[4], NULL, 10));
  if (g_str_equal (argv[1], "--child-keep") && argc == 3)
    return child_keep (argv[2]);
  return 2;
}

/* ---- kill -9 ---- */

typedef struct {
  guint    rating;
  gboolean trashed;
  gboolean gone;              /* purged, or perhaps */
} Promise;

/* What the document promised, and what was under way when the child died. */
static char *
read_journal (const char *journal, GHashTable *promises)
{
  g_auto (GStrv) lines = g_strsplit (journal, "\n", -1);
  g_autofree char *pending = g_strdup ("");

  /* After the last line end there is only half a line, or nothing. */
  for (guint i = 0; lines[i] != NULL && lines[i + 1] != NULL; i++)
    {
      g_auto (GStrv) words = g_strsplit (lines[i], " ", -1);
      Promise *promise = words[1] != NULL && words[2] != NULL ? g_hash_table_lookup (promises, words[2]) : NULL;

      if (*lines[i] == '?')
        {
          g_set_str (&pending, lines[i] + 2);
          continue;
        }
      g_set_str (&pending, "");
      if (g_str_equal (words[1], "add") && promise == NULL)
        g_hash_table_insert (promises, g_strdup (words[2]), g_new0 (Promise, 1));
      else if (g_str_equal (words[1], "rate"))
        promise->rating = (guint) atoi (words[3]);
      else if (g_str_equal (words[1], "trash"))
        promise->trashed = atoi (words[3]);
      if (g_str_equal (words[1], "purge"))
        {
          GHashTableIter iter;
          gpointer each;

          g_hash_table_iter_init (&iter, promises);
          while (g_hash_table_iter_next (&iter, NULL, &each))
            ((Promise *) each)->gone |= ((Promise *) each)->trashed;
        }
    }
  return g_steal_pointer (&pending);
}

static void
check_promise (PentDocument *document, const char *id, const Promise *promise, const char *pending)
{
  g_autoptr (PentRevision) revision = pent_document_lookup (document, id);
  gboolean unsure = strstr (pending, id) != NULL;
  gboolean purging = g_str_has_prefix (pending, "purge") && promise->trashed;
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (revision);
  if (!unsure)
    {
      g_assert_cmpuint (pent_revision_get_rating (revision), ==, promise->rating);
      g_assert_cmpint (pent_revision_get_trashed (revision), ==, promise->trashed);
    }
  if (!purging)
    g_assert_cmpint (pent_revision_get_purged (revision), ==, promise->gone);
  if (!pent_revision_get_purged (revision))
    {
      g_autoptr (PentImage) image = pent_document_load_image (document, pent_revision_get_pixels (revision), &error);

      g_assert_no_error (error);
    }
}

static GSubprocess *
spawn (const char *const *args)
{
  g_autoptr (GError) error = NULL;
  GSubprocess *child = g_subprocess_newv (args, G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error);

  g_assert_no_error (error);
  return child;
}

/* Reads until so many lines came, and the rest once the child is dead. */
static char *
kill_after (GSubprocess *child, guint n_lines, guint microseconds)
{
  GInputStream *stream = g_subprocess_get_stdout_pipe (child);
  g_autoptr (GString) journal = g_string_new (NULL);
  gboolean killed = FALSE;
  guint seen = 0;

  for (;;)
    {
      char buffer[4096];
      gssize n = g_input_stream_read (stream, buffer, sizeof buffer, NULL, NULL);

      if (n <= 0)
        break;
      g_string_append_len (journal, buffer, n);
      for (gssize i = 0; i < n; i++)
        seen += buffer[i] == '\n';
      if (!killed && seen >= n_lines)
        {
          g_usleep (microseconds);
          g_subprocess_send_signal (child, SIGKILL);
          killed = TRUE;
        }
    }
  g_assert_true (killed);
  g_subprocess_wait (child, NULL, NULL);
  return g_string_free_and_steal (g_steal_pointer (&journal));
}

static void
test_kill (void)
{
  guint n = get_count ("PENT_TEST_KILLS", 60), n_journals = 0, n_promises = 0, n_pending = 0;
  g_autofree char *folder = make_folder (), *other = make_path (folder, "other.pentimento");
  g_autofree char *path = NULL;

  {
    g_autoptr (PentDocument) document = open_document (other);

    for (guint i = 0; i < 30; i++)
      g_free (add_picture (document, "other", i, NULL));
  }
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u.pentimento", i / 10), *seed = g_strdup_printf ("%u", g_test_rand_int ());
      g_autoptr (GHashTable) promises = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
      g_autoptr (GSubprocess) child = NULL;
      g_autoptr (PentDocument) document = NULL;
      g_autofree char *journal = NULL, *pending = NULL, *hot = NULL;
      GHashTableIter iter;
      gpointer id, promise;

      g_free (path);
      path = make_path (folder, name);
      g_object_unref (open_document (path));
      child = spawn ((const char *[]) { test_program, "--child-work", path, other, seed, NULL });
      journal = kill_after (child, (guint) g_test_rand_int_range (1, 60), (guint) g_test_rand_int_range (0, 3000));
      pending = read_journal (journal, promises);
      hot = g_strconcat (path, "-journal", NULL);
      n_journals += g_file_test (hot, G_FILE_TEST_EXISTS);
      n_promises += g_hash_table_size (promises);
      n_pending += *pending != '\0';

      document = open_document (path);
      g_hash_table_iter_init (&iter, promises);
      while (g_hash_table_iter_next (&iter, &id, &promise))
        check_promise (document, id, promise, pending);
      g_clear_object (&document);
      assert_sound (path);
      assert_sound (other);
    }
  g_test_message ("%u kills, %u of them with a step under way, %u left a journal; %u promises kept", n, n_pending, n_journals,
                  n_promises);
  g_assert_cmpuint (n_pending, >, 0);
}

/* ---- several at once ---- */

static void
test_writers (void)
{
  enum { WRITERS = 3, EACH = 40 };
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = open_document (path);
  const PentFilter rated = { .min_rating = 1 };
  g_autoptr (PentRevisionList) list = pent_revision_list_new (document, &rated, PENT_SORT_NEWEST);
  GSubprocess *children[WRITERS];
  guint n_own = 0;

  for (guint i = 0; i < WRITERS; i++)
    {
      g_autofree char *seed = g_strdup_printf ("%u", 1000 * (i + 1)), *each = g_strdup_printf ("%u", EACH);

      children[i] = spawn ((const char *[]) { test_program, "--child-add", path, each, seed, NULL });
    }
  /* This window works too. */
  for (; n_own < EACH; n_own++)
    {
      g_autofree char *id = add_picture (document, "by the parent", n_own, NULL);

      rate (document, id, 2);
      g_main_context_iteration (NULL, FALSE);
    }
  for (guint i = 0; i < WRITERS; i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_true (g_subprocess_wait_check (children[i], NULL, &error));
      g_assert_no_error (error);
      g_object_unref (children[i]);
    }
  wait_until (g_list_model_get_n_items (G_LIST_MODEL (list)) == (WRITERS + 1) * EACH);
  g_assert_cmpuint (pent_document_get_n_revisions (document), ==, (WRITERS + 1) * EACH);
  assert_sound (path);
}

void
add_process_tests (void)
{
  g_test_add_func ("/processes/kill", test_kill);
  g_test_add_func ("/processes/writers", test_writers);
}
