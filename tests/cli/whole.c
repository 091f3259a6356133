/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole program, from the command line down to the device, on a small model with random weights in Z-Image's
 * layout. */
#include <locale.h>
#include <signal.h>
#include <string.h>

#include "cli-run.h"

#define MODEL TEST_DATA "/pipe_zimage"

static void
test_generate (CliFixture *self, gconstpointer data)
{
  g_autoptr (PentImage) image = NULL;

  run (self, "generate", "a snowy garden", "--model", MODEL, "--seed", "1", "--steps", "2", "-o", "a.png");
  cli_assert_success (self, "a.png\n");
  image = cli_load (self, "a.png", NULL);
  g_assert_cmpuint (pent_image_get_width (image), ==, 64);

  /* Again from the file alone, by another process and by this one. */
  run (self, "generate", "--from", "a.png", "-o", "b.png");
  cli_assert_success (self, "b.png\n");
  g_assert_nonnull (strstr (self->err, "the same, bit for bit"));
  run (self, "generate", "--from", "a.png", "-o", "c.png", "--in-process");
  cli_assert_success (self, "c.png\n");
  cli_assert_pixels (self, "a.png", "c.png", TRUE);

  /* The prompt, guidance and a starting picture reach the model. */
  run (self, "generate", "--from", "a.png", "--prompt", "a dog", "-o", "d.png");
  cli_assert_success (self, "d.png\n");
  cli_assert_pixels (self, "a.png", "d.png", FALSE);
  run (self, "generate", "--from", "a.png", "--guidance", "4", "--negative", "text", "-o", "e.png");
  cli_assert_success (self, "e.png\n");
  cli_assert_pixels (self, "a.png", "e.png", FALSE);
  run (self, "generate", "--from", "a.png", "--image", "d.png", "--strength", "0.5", "-o", "f.png");
  cli_assert_success (self, "f.png\n");
  cli_assert_pixels (self, "a.png", "f.png", FALSE);
}

static void
test_chat (CliFixture *self, gconstpointer data)
{
  g_autofree char *greedy = NULL, *drawn = NULL;

  run (self, "chat", "a snowy", "--model", MODEL, "--max-tokens", "8", "--temperature", "0");
  g_assert_cmpint (self->status, ==, 0);
  greedy = g_strdup (self->out);
  g_assert_true (g_utf8_validate (greedy, -1, NULL));
  g_assert_cmpuint (strlen (greedy), >, 1);
  run (self, "chat", "a snowy", "--model", MODEL, "--max-tokens", "8", "--temperature", "0", "--seed", "9");
  cli_assert_success (self, greedy);

  run (self, "chat", "a snowy", "--model", MODEL, "--max-tokens", "8", "--temperature", "2", "--seed", "9");
  drawn = g_strdup (self->out);
  run (self, "chat", "a snowy", "--model", MODEL, "--max-tokens", "8", "--temperature", "2", "--seed", "9",
       "--in-process");
  cli_assert_success (self, drawn);
  g_assert_cmpstr (drawn, !=, greedy);

  run (self, "chat", "a snowy", "--messages", "[]", "--model", MODEL);
  cli_assert_mistake (self, 2, "either");
  run (self, "chat", "--messages", "[1]", "--model", MODEL);
  cli_assert_mistake (self, 2, "messages");
}

static void
test_mistakes (CliFixture *self, gconstpointer data)
{
  g_autofree char *prompt = g_strnfill (100000, 'w');

  run (self, "generate", prompt, "--model", MODEL);
  cli_assert_mistake (self, 2, "tokens");
  g_assert_cmpuint (strlen (self->err), <, 300);
  run (self, "generate", "x", "--model", MODEL, "--size", "72x64");
  cli_assert_mistake (self, 2, "try 80x64");
  run (self, "generate", "x", "--model", MODEL "/vae");
  cli_assert_mistake (self, 2, "vae");
  run (self, "generate", "x", "--model", TEST_DATA "/malformed/truncated_header.safetensors");
  cli_assert_mistake (self, 2, "truncated_header");
  g_assert_cmpuint (cli_count_files (self), ==, 0);
}

/* Said before anything is computed. */
static void
test_memory (CliFixture *self, gconstpointer data)
{
  g_setenv ("PENT_VK_BUDGET", "64M", TRUE);
  run (self, "generate", "x", "--model", MODEL, "--size", "2048x2048");
  g_unsetenv ("PENT_VK_BUDGET");
  cli_assert_mistake (self, 1, "needs");
  g_assert_nonnull (strstr (self->err, "are free; try "));
}

/* Cancelled while it computes: at the next submission, long before its thousand steps are over. */
static void
test_interrupt (CliFixture *self, gconstpointer data)
{
  const char *const arguments[] = { "generate", "x", "--model", MODEL, "--steps", "1000", "--count", "1000", NULL };
  g_autoptr (GSubprocess) process = cli_spawn (self, arguments);
  g_autofree char *path = g_strdup_printf ("/proc/%s/task/%s/children", g_subprocess_get_identifier (process),
                                           g_subprocess_get_identifier (process));
  g_autofree char *children = NULL;

  do
    {
      g_clear_pointer (&children, g_free);
      g_thread_yield ();
    }
  while (g_file_get_contents (path, &children, NULL, NULL) && *children == '\0');
  g_subprocess_send_signal (process, SIGINT);
  cli_collect (self, process);
  cli_assert_mistake (self, 130, "cancelled");
  g_assert_cmpuint (cli_count_files (self), ==, 0);
}

static void
test_devices (CliFixture *self, gconstpointer data)
{
  run (self, "devices");
  g_assert_cmpint (self->status, ==, 0);
  g_assert_true (g_str_has_prefix (self->out, "0  "));
  run (self, "devices", "--json", "--in-process");
  g_assert_true (g_str_has_prefix (self->out, "{\"index\":0,"));
  run (self, "generate", "x", "--model", MODEL, "--device", "no such device");
  cli_assert_mistake (self, 2, "no such device");
}

#define ADD(path, func) g_test_add (path, CliFixture, NULL, cli_set_up_whole, func, cli_tear_down)

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "");
  g_test_init (&argc, &argv, NULL);
  if (g_getenv ("PENT_TEST_DEVICE") != NULL)
    g_setenv ("PENT_DEVICE", g_getenv ("PENT_TEST_DEVICE"), TRUE);
  ADD ("/whole/generate", test_generate);
  ADD ("/whole/chat", test_chat);
  ADD ("/whole/mistakes", test_mistakes);
  ADD ("/whole/memory", test_memory);
  ADD ("/whole/interrupt", test_interrupt);
  ADD ("/whole/devices", test_devices);
  return g_test_run ();
}
