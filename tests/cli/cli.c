/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line program as its user meets it: what it prints where, what it writes, and its exit status.  A model
 * without weights stands behind it. */
#include "config.h"

#include <locale.h>
#include <signal.h>
#include <string.h>

#include "cli-run.h"
#include "pent-provenance.h"

static void
test_names (CliFixture *self, gconstpointer data)
{
  run (self, "generate", "A pink cloud, at sunset!");
  cli_assert_success (self, "a-pink-cloud-at-sunset-1.png\n");
  g_assert_cmpstr (self->err, ==, "");      /* no terminal, no progress */
  run (self, "generate", "A pink cloud, at sunset!");
  cli_assert_success (self, "a-pink-cloud-at-sunset-2.png\n");
  run (self, "generate", "Über ☁ Wölkchen/../x");
  cli_assert_success (self, "über-wölkchen-x-1.png\n");
  run (self, "generate", "☁");
  cli_assert_success (self, "picture-1.png\n");
  run (self, "generate", "--count", "3", "-o", "c.png", "x");
  cli_assert_success (self, "c-1.png\nc-2.png\nc-3.png\n");
  run (self, "generate", "--prompt", "x", "-o", "d.PNG");
  cli_assert_success (self, "d.PNG\n");
  g_assert_cmpuint (cli_count_files (self), ==, 8);      /* and nothing else: no temporary files */
}

static void
test_provenance (CliFixture *self, gconstpointer data)
{
  g_autoptr (GHashTable) texts = NULL;
  g_autoptr (PentImage) image = NULL;
  g_autoptr (PentRecipe) recipe = NULL;
  g_autoptr (GError) error = NULL;
  const char *xmp, *parameters;

  run (self, "generate", "a pink cloud", "--negative", "rain", "--seed", "18446744073709551615", "--size", "96x64",
       "-o", "a.png");
  cli_assert_success (self, "a.png\n");
  image = cli_load (self, "a.png", &texts);
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
test_from (CliFixture *self, gconstpointer data)
{
  run (self, "generate", "a pink cloud", "--guidance", "2.7", "--steps", "5", "-o", "a.png");
  run (self, "generate", "--from", "a.png", "-o", "b.png");
  cli_assert_success (self, "b.png\n");
  g_assert_nonnull (strstr (self->err, "the same, bit for bit"));
  cli_assert_pixels (self, "a.png", "b.png", TRUE);

  /* The third of three, alone; then with something changed. */
  run (self, "generate", "--from", "a.png", "--count", "3", "-o", "n.png");
  run (self, "generate", "--from", "n-3.png", "-o", "c.png", "-q");
  cli_assert_success (self, "c.png\n");
  g_assert_cmpstr (self->err, ==, "");
  cli_assert_pixels (self, "n-3.png", "c.png", TRUE);
  run (self, "generate", "--from", "a.png", "--seed", "5", "-o", "d.png");
  cli_assert_success (self, "d.png\n");
  g_assert_nonnull (strstr (self->err, "not the same"));
  cli_assert_pixels (self, "a.png", "d.png", FALSE);

  /* Over itself. */
  run (self, "generate", "--from", "a.png", "-o", "a.png");
  cli_assert_success (self, "a.png\n");
  cli_assert_pixels (self, "a.png", "b.png", TRUE);

  /* Image to image needs its picture again, and says which. */
  run (self, "generate", "y", "--image", "a.png", "-o", "i.png");
  cli_assert_success (self, "i.png\n");
  run (self, "generate", "--from", "i.png", "-o", "j.png");
  cli_assert_mistake (self, 2, "SHA-256");
  run (self, "generate", "--from", "i.png", "--image", "a.png", "-o", "j.png");
  cli_assert_success (self, "j.png\n");
  cli_assert_pixels (self, "i.png", "j.png", TRUE);

  cli_write_file (self->folder, "text.png", "no picture");
  run (self, "generate", "--from", "text.png");
  cli_assert_mistake (self, 2, "text.png");
  run (self, "generate", "--from", "absent.png");
  cli_assert_mistake (self, 2, "absent.png");
}

/* A model with other contents is noticed. */
static void
test_from_another (CliFixture *self, gconstpointer data)
{
  run (self, "generate", "x", "-o", "a.png");
  cli_write_file (self->data, "models/sketch/weights.safetensors", "12345678{}");
  run (self, "generate", "--from", "a.png", "-o", "b.png");
  cli_assert_success (self, "b.png\n");
  g_assert_nonnull (strstr (self->err, "the model is another one"));
}

static void
test_json (CliFixture *self, gconstpointer data)
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
test_mistakes (CliFixture *self, gconstpointer data)
{
  run (self, "generate");
  cli_assert_mistake (self, 2, "prompt");
  run (self, "generate", "a", "b");
  cli_assert_mistake (self, 2, "“b” is one word too many");
  run (self, "generate", "x", "--size", "70x64");
  cli_assert_mistake (self, 2, "try 64x64");
  run (self, "generate", "x", "--size", "8x8");
  cli_assert_mistake (self, 2, "between 16 and 8192");
  run (self, "generate", "x", "--size", "big");
  cli_assert_mistake (self, 2, "512x768");
  run (self, "generate", "x", "--steps", "0");
  cli_assert_mistake (self, 2, "between 1 and 1000");
  run (self, "generate", "x", "--steps", "1e3");
  cli_assert_mistake (self, 2, "whole number");
  run (self, "generate", "x", "--guidance", "nan");
  cli_assert_mistake (self, 2, "guidance");
  run (self, "generate", "x", "--sampler", "magic");
  cli_assert_mistake (self, 2, "euler");
  run (self, "generate", "x", "--colour", "red");
  cli_assert_mistake (self, 2, "--colour");
  run (self, "generate", "x", "--image", "absent.png");
  cli_assert_mistake (self, 2, "absent.png");
  run (self, "generate", "x", "--model", "absent");
  cli_assert_mistake (self, 2, "absent");
  run (self, "generate", "x", "--model", "broken");
  cli_assert_mistake (self, 2, "broken");
  run (self, "generate", "\xff\xfe");
  cli_assert_mistake (self, 2, "UTF-8");
  run (self, "generate", "--prompt", "a\xc3");
  cli_assert_mistake (self, 2, "UTF-8");
  run (self, "describe", "nothing");
  cli_assert_mistake (self, 2, "nothing");
  run (self, "paint");
  cli_assert_mistake (self, 2, "paint");
  run (self, "chat", "hello");
  cli_assert_mistake (self, 2, "no language");
  g_assert_cmpuint (cli_count_files (self), ==, 0);
}

static void
test_long_prompt (CliFixture *self, gconstpointer data)
{
  g_autofree char *prompt = g_malloc (100001);

  for (guint i = 0; i < 100000; i++)
    prompt[i] = i % 5 == 4 ? ' ' : 'w';
  prompt[100000] = '\0';
  run (self, "generate", prompt);
  cli_assert_mistake (self, 2, "20000 tokens");
  g_assert_nonnull (strstr (self->err, "at most 64"));
  g_assert_cmpuint (strlen (self->err), <, 200);
  g_assert_cmpuint (cli_count_files (self), ==, 0);
}

/* Known before the work: with "wait" the work would never end. */
static void
test_outputs (CliFixture *self, gconstpointer data)
{
  run (self, "generate", "wait", "-o", "no/such/folder.png");
  cli_assert_mistake (self, 2, "no/such/folder.png");
  run (self, "generate", "wait", "-o", "a.jpg");
  cli_assert_mistake (self, 2, "PNG");
  run (self, "generate", "wait", "-o", "/proc/a.png");
  cli_assert_mistake (self, 2, "/proc/a.png");
  cli_write_file (self->folder, "dir.png/x", "");
  run (self, "generate", "wait", "-o", "dir.png");
  cli_assert_mistake (self, 2, "folder");
}

static void
test_failures (CliFixture *self, gconstpointer data)
{
  static const struct { const char *prompt, *says; } cases[] = {
    { "crash", "stopped in the middle" }, { "leave", "status 3" }, { "lost", "lost" }, { "full", "full" },
    { "nan", "another precision" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      run (self, "generate", cases[i].prompt, "-o", "x.png");
      cli_assert_mistake (self, 1, cases[i].says);
    }
  run (self, "generate", "x", "--device", "none");
  cli_assert_mistake (self, 1, "none");
  g_assert_cmpuint (cli_count_files (self), ==, 0);
}

/* Ctrl+C, from when the worker has been started. */
static void
test_interrupt (CliFixture *self, gconstpointer data)
{
  static const int signals[] = { SIGINT, SIGTERM };

  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      const char *const arguments[] = { "generate", "--json", "wait", NULL };
      g_autoptr (GSubprocess) process = cli_spawn (self, arguments);

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
      cli_collect (self, process);
      cli_assert_mistake (self, 130, "cancelled");
    }
  g_assert_cmpuint (cli_count_files (self), ==, 0);
}

static void
test_describe (CliFixture *self, gconstpointer data)
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
  cli_assert_success (self, "pentimento " VERSION "\n");
}

static void
test_bench (CliFixture *self, gconstpointer data)
{
  run (self, "bench", "--runs", "1", "--steps", "2");
  g_assert_cmpint (self->status, ==, 0);
  g_assert_nonnull (strstr (self->out, "a further step"));
  g_assert_nonnull (strstr (self->out, "64x64, 2 steps"));
  run (self, "bench", "--runs", "2", "--json");
  g_assert_true (g_str_has_prefix (self->out, "{\"recipe\":{"));
  run (self, "bench", "--runs", "0");
  cli_assert_mistake (self, 2, "runs");
}

/* Standard output that nobody reads any more. */
static void
test_broken_pipe (CliFixture *self, gconstpointer data)
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

#define ADD(path, func) g_test_add (path, CliFixture, NULL, cli_set_up, func, cli_tear_down)

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
