/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line program as its user meets it: what it prints where, what it writes, and its exit status.  A model
 * without weights stands behind it. */
#include "config.h"

#include <locale.h>
#include <signal.h>
#include <string.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "pent-image.h"
#include "pent-provenance.h"

typedef struct {
  char *folder;      /* the working directory of the runs */
  char *data;        /* $PENT_DATA_DIR with the model */
  int   status;
  char *out, *err;
} Fixture;

static void
write_file (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);

  g_assert_no_errno (g_mkdir_with_parents (parent, 0700));
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
set_up (Fixture *self, gconstpointer data)
{
  *self = (Fixture) { .folder = g_dir_make_tmp ("cli-XXXXXX", NULL), .data = g_dir_make_tmp ("data-XXXXXX", NULL) };
  write_file (self->data, "models/sketch/model_index.json", "{\"_class_name\": \"FakePipeline\"}");
  write_file (self->data, "models/broken/broken.json", "{}");
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  g_free (self->folder);
  g_free (self->data);
  g_free (self->out);
  g_free (self->err);
}

static GSubprocess *
spawn (Fixture *self, const char *const *arguments)
{
  g_autoptr (GSubprocessLauncher) launcher =
    g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_autoptr (GPtrArray) argv = g_ptr_array_new_null_terminated (0, NULL, TRUE);
  g_autoptr (GError) error = NULL;
  GSubprocess *process;

  g_subprocess_launcher_set_cwd (launcher, self->folder);
  g_subprocess_launcher_setenv (launcher, "PENT_ENGINE", FAKE_ENGINE, TRUE);
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

static void
collect (Fixture *self, GSubprocess *process)
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

static void
run_v (Fixture *self, const char *const *arguments)
{
  g_autoptr (GSubprocess) process = spawn (self, arguments);

  collect (self, process);
}

#define run(self, ...) run_v (self, (const char *const[]) { __VA_ARGS__, NULL })

/* A mistake: one line that says it on standard error, nothing on standard output. */
static void
assert_mistake (Fixture *self, int status, const char *says)
{
  if (self->status != status || strstr (self->err, says) == NULL)
    g_error ("status %d, “%s”, where %d and “%s” belong", self->status, self->err, status, says);
  g_assert_cmpstr (self->out, ==, "");
  g_assert_true (g_str_has_prefix (self->err, "pentimento: "));
  g_assert_true (strchr (self->err, '\n') == self->err + strlen (self->err) - 1);
  g_assert_true (g_utf8_validate (self->err, -1, NULL));
}

static void
assert_success (Fixture *self, const char *out)
{
  if (self->status != 0 || g_strcmp0 (self->out, out) != 0)
    g_error ("status %d, out “%s”, err “%s”", self->status, self->out, self->err);
}

static PentImage *
load (Fixture *self, const char *name, GHashTable **texts)
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

static void
assert_same_pixels (Fixture *self, const char *a, const char *b, gboolean same)
{
  g_autoptr (PentImage) x = load (self, a, NULL), y = load (self, b, NULL);

  g_assert_true (g_bytes_equal (pent_image_get_bytes (x), pent_image_get_bytes (y)) == same);
}

static guint
count_files (Fixture *self)
{
  g_autoptr (GDir) dir = g_dir_open (self->folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
test_names (Fixture *self, gconstpointer data)
{
  run (self, "generate", "A pink cloud, at sunset!");
  assert_success (self, "a-pink-cloud-at-sunset-1.png\n");
  g_assert_cmpstr (self->err, ==, "");      /* no terminal, no progress */
  run (self, "generate", "A pink cloud, at sunset!");
  assert_success (self, "a-pink-cloud-at-sunset-2.png\n");
  run (self, "generate", "Über ☁ Wölkchen/../x");
  assert_success (self, "über-wölkchen-x-1.png\n");
  run (self, "generate", "☁");
  assert_success (self, "picture-1.png\n");
  run (self, "generate", "--count", "3", "-o", "c.png", "x");
  assert_success (self, "c-1.png\nc-2.png\nc-3.png\n");
  run (self, "generate", "--prompt", "x", "-o", "d.PNG");
  assert_success (self, "d.PNG\n");
  g_assert_cmpuint (count_files (self), ==, 8);      /* and nothing else: no temporary files */
}

static void
test_provenance (Fixture *self, gconstpointer data)
{
  g_autoptr (GHashTable) texts = NULL;
  g_autoptr (PentImage) image = NULL;
  g_autoptr (PentRecipe) recipe = NULL;
  g_autoptr (GError) error = NULL;
  const char *xmp, *parameters;

  run (self, "generate", "a pink cloud", "--negative", "rain", "--seed", "18446744073709551615", "--size", "96x64",
       "-o", "a.png");
  assert_success (self, "a.png\n");
  image = load (self, "a.png", &texts);
  g_assert_cmpuint (pent_image_get_width (image), ==, 96);
  recipe = pent_provenance_read (texts, "a.png", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (pent_recipe_get_string (recipe, "prompt"), ==, "a pink cloud");
  g_assert_cmpstr (pent_recipe_get_string (recipe, "seed"), ==, "18446744073709551615");
  g_assert_cmpstr (pent_recipe_get_string (recipe, "model-family"), ==, "fake");

  parameters = g_hash_table_lookup (texts, "parameters");
  g_assert_true (g_str_has_prefix (parameters, "a pink cloud\nNegative prompt: rain\nSteps: 8, Sampler: euler, "
                                               "CFG scale: 3, Seed: 18446744073709551615, Size: 96x64, "));
  xmp = g_hash_table_lookup (texts, "XML:com.adobe.xmp");
  g_assert_nonnull (strstr (xmp, "Iptc4xmpExt:DigitalSourceType="
                                 "\"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia\""));
}

static void
test_from (Fixture *self, gconstpointer data)
{
  run (self, "generate", "a pink cloud", "--guidance", "2.7", "--steps", "5", "-o", "a.png");
  run (self, "generate", "--from", "a.png", "-o", "b.png");
  assert_success (self, "b.png\n");
  g_assert_nonnull (strstr (self->err, "the same, bit for bit"));
  assert_same_pixels (self, "a.png", "b.png", TRUE);

  /* The third of three, alone; then with something changed. */
  run (self, "generate", "--from", "a.png", "--count", "3", "-o", "n.png");
  run (self, "generate", "--from", "n-3.png", "-o", "c.png", "-q");
  assert_success (self, "c.png\n");
  g_assert_cmpstr (self->err, ==, "");
  assert_same_pixels (self, "n-3.png", "c.png", TRUE);
  run (self, "generate", "--from", "a.png", "--seed", "5", "-o", "d.png");
  assert_success (self, "d.png\n");
  g_assert_nonnull (strstr (self->err, "not the same"));
  assert_same_pixels (self, "a.png", "d.png", FALSE);

  /* Over itself. */
  run (self, "generate", "--from", "a.png", "-o", "a.png");
  assert_success (self, "a.png\n");
  assert_same_pixels (self, "a.png", "b.png", TRUE);

  /* Image to image needs its picture again, and says which. */
  run (self, "generate", "y", "--image", "a.png", "-o", "i.png");
  assert_success (self, "i.png\n");
  run (self, "generate", "--from", "i.png", "-o", "j.png");
  assert_mistake (self, 2, "SHA-256");
  run (self, "generate", "--from", "i.png", "--image", "a.png", "-o", "j.png");
  assert_success (self, "j.png\n");
  assert_same_pixels (self, "i.png", "j.png", TRUE);

  write_file (self->folder, "text.png", "no picture");
  run (self, "generate", "--from", "text.png");
  assert_mistake (self, 2, "text.png");
  run (self, "generate", "--from", "absent.png");
  assert_mistake (self, 2, "absent.png");
}

/* A model with other contents is noticed. */
static void
test_from_another (Fixture *self, gconstpointer data)
{
  run (self, "generate", "x", "-o", "a.png");
  write_file (self->data, "models/sketch/weights.safetensors", "12345678{}");
  run (self, "generate", "--from", "a.png", "-o", "b.png");
  assert_success (self, "b.png\n");
  g_assert_nonnull (strstr (self->err, "the model is another one"));
}

static void
test_json (Fixture *self, gconstpointer data)
{
  g_auto (GStrv) lines = NULL;

  run (self, "generate", "x \"y\"", "--json", "--count", "2");
  g_assert_cmpint (self->status, ==, 0);
  lines = g_strsplit (self->out, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 4);
  g_assert_true (g_str_has_prefix (lines[0], "{\"path\":\"x-y-1.png\",\"recipe\":{\"count\":1,"));
  g_assert_true (g_str_has_prefix (lines[1], "{\"path\":\"x-y-2.png\",\"recipe\":{\"count\":1,"));
  g_assert_true (g_str_has_prefix (lines[2], "{\"timings\":{"));
  g_assert_cmpstr (lines[3], ==, "");
}

static void
test_mistakes (Fixture *self, gconstpointer data)
{
  run (self, "generate");
  assert_mistake (self, 2, "prompt");
  run (self, "generate", "a", "b");
  assert_mistake (self, 2, "“b” is one word too many");
  run (self, "generate", "x", "--size", "70x64");
  assert_mistake (self, 2, "try 64x64");
  run (self, "generate", "x", "--size", "8x8");
  assert_mistake (self, 2, "between 16 and 8192");
  run (self, "generate", "x", "--size", "big");
  assert_mistake (self, 2, "512x768");
  run (self, "generate", "x", "--steps", "0");
  assert_mistake (self, 2, "between 1 and 1000");
  run (self, "generate", "x", "--steps", "1e3");
  assert_mistake (self, 2, "whole number");
  run (self, "generate", "x", "--guidance", "nan");
  assert_mistake (self, 2, "guidance");
  run (self, "generate", "x", "--sampler", "magic");
  assert_mistake (self, 2, "euler");
  run (self, "generate", "x", "--colour", "red");
  assert_mistake (self, 2, "--colour");
  run (self, "generate", "x", "--image", "absent.png");
  assert_mistake (self, 2, "absent.png");
  run (self, "generate", "x", "--model", "absent");
  assert_mistake (self, 2, "absent");
  run (self, "generate", "x", "--model", "broken");
  assert_mistake (self, 2, "broken");
  run (self, "generate", "\xff\xfe");
  assert_mistake (self, 2, "UTF-8");
  run (self, "generate", "--prompt", "a\xc3");
  assert_mistake (self, 2, "UTF-8");
  run (self, "describe", "nothing");
  assert_mistake (self, 2, "nothing");
  run (self, "paint");
  assert_mistake (self, 2, "paint");
  run (self, "chat", "hello");
  assert_mistake (self, 2, "no language");
  g_assert_cmpuint (count_files (self), ==, 0);
}

static void
test_long_prompt (Fixture *self, gconstpointer data)
{
  g_autofree char *prompt = g_malloc (100001);

  for (guint i = 0; i < 100000; i++)
    prompt[i] = i % 5 == 4 ? ' ' : 'w';
  prompt[100000] = '\0';
  run (self, "generate", prompt);
  assert_mistake (self, 2, "20000 tokens");
  g_assert_nonnull (strstr (self->err, "at most 64"));
  g_assert_cmpuint (strlen (self->err), <, 200);
  g_assert_cmpuint (count_files (self), ==, 0);
}

/* Known before the work: with "wait" the work would never end. */
static void
test_outputs (Fixture *self, gconstpointer data)
{
  run (self, "generate", "wait", "-o", "no/such/folder.png");
  assert_mistake (self, 2, "no/such/folder.png");
  run (self, "generate", "wait", "-o", "a.jpg");
  assert_mistake (self, 2, "PNG");
  run (self, "generate", "wait", "-o", "/proc/a.png");
  assert_mistake (self, 2, "/proc/a.png");
  write_file (self->folder, "dir.png/x", "");
  run (self, "generate", "wait", "-o", "dir.png");
  assert_mistake (self, 2, "folder");
}

static void
test_failures (Fixture *self, gconstpointer data)
{
  static const struct { const char *prompt, *says; } cases[] = {
    { "crash", "stopped in the middle" }, { "leave", "status 3" }, { "lost", "lost" }, { "full", "full" },
    { "nan", "another precision" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      run (self, "generate", cases[i].prompt, "-o", "x.png");
      assert_mistake (self, 1, cases[i].says);
    }
  run (self, "generate", "x", "--device", "none");
  assert_mistake (self, 1, "none");
  g_assert_cmpuint (count_files (self), ==, 0);
}

/* Ctrl+C, from when the worker has been started. */
static void
test_interrupt (Fixture *self, gconstpointer data)
{
  static const int signals[] = { SIGINT, SIGTERM };

  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      const char *const arguments[] = { "generate", "--json", "wait", NULL };
      g_autoptr (GSubprocess) process = spawn (self, arguments);

      /* The worker is the program's only child; once it is there the program listens to signals. */
      for (;;)
        {
          g_autofree char *path = g_strdup_printf ("/proc/%s/task/%s/children", g_subprocess_get_identifier (process),
                                                   g_subprocess_get_identifier (process));
          g_autofree char *children = NULL;

          if (g_file_get_contents (path, &children, NULL, NULL) && *children != '\0')
            break;
          g_thread_yield ();
        }
      g_subprocess_send_signal (process, signals[i]);
      collect (self, process);
      assert_mistake (self, 130, "cancelled");
    }
  g_assert_cmpuint (count_files (self), ==, 0);
}

static void
test_describe (Fixture *self, gconstpointer data)
{
  static const char *const parts[] = {
    "--prompt", "must be given", "--size", "16 to 8192 px", "the model's own", "--seed", "drawn at random", "--steps",
    "1 to 1000 steps; usually 4 to 50", "--sampler  (advanced)", "default: euler", "--strength",
  };

  run (self, "describe", "generate");
  g_assert_cmpint (self->status, ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    if (strstr (self->out, parts[i]) == NULL)
      g_error ("“%s” is not in “%s”", parts[i], self->out);
  run (self, "describe");
  g_assert_nonnull (strstr (self->out, "generate"));
  g_assert_nonnull (strstr (self->out, "chat"));
  run (self, "describe", "chat", "--json");
  g_assert_true (g_str_has_prefix (self->out, "{\"name\":\"chat\""));
  run (self, "models");
  g_assert_nonnull (strstr (self->out, "sketch"));
  g_assert_nonnull (strstr (self->out, "FakePipeline"));
  run (self, "generate", "--help");
  g_assert_cmpint (self->status, ==, 0);
  g_assert_nonnull (strstr (self->out, "--strength"));
  run (self, "--version");
  assert_success (self, "pentimento " VERSION "\n");
}

static void
test_bench (Fixture *self, gconstpointer data)
{
  run (self, "bench", "--runs", "1", "--steps", "2");
  g_assert_cmpint (self->status, ==, 0);
  g_assert_nonnull (strstr (self->out, "a further step"));
  g_assert_nonnull (strstr (self->out, "64x64, 2 steps"));
  run (self, "bench", "--runs", "2", "--json");
  g_assert_true (g_str_has_prefix (self->out, "{\"recipe\":{"));
  run (self, "bench", "--runs", "0");
  assert_mistake (self, 2, "runs");
}

/* Standard output that nobody reads any more. */
static void
test_broken_pipe (Fixture *self, gconstpointer data)
{
  g_autofree char *command = g_strdup_printf ("(%s generate x; echo $? >status) | true", CLI);
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  g_autoptr (GSubprocess) process = NULL;
  g_autofree char *path = g_build_filename (self->folder, "status", NULL);
  g_autofree char *status = NULL;

  g_subprocess_launcher_set_cwd (launcher, self->folder);
  g_subprocess_launcher_setenv (launcher, "PENT_ENGINE", FAKE_ENGINE, TRUE);
  g_subprocess_launcher_setenv (launcher, "PENT_DATA_DIR", self->data, TRUE);
  process = g_subprocess_launcher_spawn (launcher, NULL, "sh", "-c", command, NULL);
  g_subprocess_wait (process, NULL, NULL);
  g_assert_true (g_file_get_contents (path, &status, NULL, NULL));
  g_assert_true (g_str_equal (status, "0\n") || g_str_equal (status, "1\n"));
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "");
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  ADD ("/cli/names", test_names);
  ADD ("/cli/provenance", test_provenance);
  ADD ("/cli/from", test_from);
  ADD ("/cli/from-another", test_from_another);
  ADD ("/cli/json", test_json);
  ADD ("/cli/mistakes", test_mistakes);
  ADD ("/cli/long-prompt", test_long_prompt);
  ADD ("/cli/outputs", test_outputs);
  ADD ("/cli/failures", test_failures);
  ADD ("/cli/interrupt", test_interrupt);
  ADD ("/cli/describe", test_describe);
  ADD ("/cli/bench", test_bench);
  ADD ("/cli/broken-pipe", test_broken_pipe);
  return g_test_run ();
}
