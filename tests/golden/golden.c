/* SPDX-License-Identifier: GPL-3.0-or-later */

/* golden DIR…: runs every folder in the fixture format that is found in the DIRs, and prints for each output the largest error
 * beside its tolerance; exit 1 beyond it.  Without a DIR: the cases in tests/data, as tests. */

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include "golden.h"
#include "pent-error.h"

static const struct {
  const char *kind;                     /* "kind" of case.json */
  const char *architecture;             /* "architecture", or the beginning of it; NULL: any */
  GoldenRun   run;
  gboolean    needs_device;
} kinds[] = {
  { "decoder_lm", "Qwen", golden_run_decoder, TRUE },
  { "decoder_lm", "Llama", golden_run_decoder, TRUE },
  { "denoiser", "ZImage", golden_run_zimage, TRUE },
  { "vae", "AutoencoderKL", golden_run_vae, TRUE },
  { "pipeline", "ZImage", golden_run_pipeline, TRUE },
  { "scheduler", "FlowMatch", golden_run_flow_match, FALSE },
  { "tokenizer", NULL, golden_run_tokenizer, FALSE },
  { "safetensors", NULL, golden_run_safetensors, FALSE },
  { "malformed", NULL, golden_run_malformed, FALSE },
};

static PentVkContext *
shared_context (GError **error)
{
  static PentVkContext *context;

  if (context == NULL)
    context = pent_vk_context_new (g_getenv ("PENT_TEST_DEVICE"), error);
  return context;
}

static GoldenRun
find_run (GoldenCase *c, gboolean *needs_device)
{
  const char *kind = pent_json_string (&c->json, "kind", "");
  const char *architecture = pent_json_string (&c->json, "architecture", "");

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_str_equal (kind, kinds[i].kind) &&
        (kinds[i].architecture == NULL || g_str_has_prefix (architecture, kinds[i].architecture)))
      {
        *needs_device = kinds[i].needs_device;
        return kinds[i].run;
      }
  return NULL;
}

typedef enum { PASSED, FAILED, SKIPPED } Outcome;

/* Python writes NaN and Infinity where JSON has none; in case.json they stand for figures that do not matter here. */
static gboolean
load_case_json (GoldenCase *c, GError **error)
{
  g_autoptr (GBytes) bytes = pent_files_map (c->files, "case.json", error);
  g_autoptr (GRegex) regex = g_regex_new ("(?<=[:\\[,]) *-?(NaN|Infinity)", G_REGEX_DEFAULT, 0, NULL);
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  if (bytes == NULL)
    return FALSE;
  text = g_regex_replace_literal (regex, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), 0, " null", 0, error);
  root = text != NULL ? json_from_string (text, error) : NULL;
  if (root == NULL)
    return FALSE;
  pent_json_wrap (&c->json, json_node_get_object (root), c->name);
  return TRUE;
}

static gboolean
open_case (GoldenCase *c, const char *folder, GError **error)
{
  c->name = g_path_get_basename (folder);
  c->files = pent_files_new_for_path (folder, error);
  if (c->files == NULL)
    return FALSE;
  if (!load_case_json (c, error))
    return FALSE;
  if (!pent_files_has (c->files, "io.safetensors"))
    return TRUE;                        /* tokenizers have none */
  c->io = pent_nn_weights_open (c->files, (const char *const[]) { "io.safetensors", NULL }, error);
  return c->io != NULL;
}

static void
close_case (GoldenCase *c)
{
  g_clear_pointer (&c->name, g_free);
  g_clear_object (&c->files);
  pent_json_clear (&c->json);
  g_clear_pointer (&c->io, pent_nn_weights_unref);
}

static Outcome
run_folder (const char *folder)
{
  g_autoptr (GError) error = NULL;
  GoldenCase c = { .json = PENT_JSON_INIT };
  gboolean needs_device = FALSE;
  GoldenRun run = NULL;
  Outcome outcome = PASSED;

  if (open_case (&c, folder, &error))
    run = find_run (&c, &needs_device);

  if (run != NULL && needs_device)
    c.context = shared_context (&error);
  if (run == NULL && error == NULL)
    {
      g_print ("# %-22s SKIPPED: nothing here runs %s of kind %s\n", c.name,
               pent_json_string (&c.json, "architecture", "a case"), pent_json_string (&c.json, "kind", "(none)"));
      outcome = SKIPPED;
    }
  else if (error == NULL && !run (&c, &error) && g_error_matches (error, PENT_ERROR, PENT_ERROR_UNSUPPORTED))
    {
      g_print ("# %-22s SKIPPED: %s\n", c.name, error->message);
      outcome = SKIPPED;
    }
  else if (error != NULL)
    {
      g_print ("# %-22s FAIL: %s\n", c.name, error->message);
      outcome = FAILED;
    }
  else if (c.n_failed > 0 || c.n_compared == 0)
    outcome = FAILED;

  close_case (&c);
  return outcome;
}

/* Folders with a case.json, at any depth. */
static void
find_cases (const char *folder, GPtrArray *cases)
{
  g_autofree char *json = g_build_filename (folder, "case.json", NULL);
  g_autoptr (GDir) dir = NULL;
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  if (g_file_test (json, G_FILE_TEST_EXISTS))
    {
      g_ptr_array_add (cases, g_strdup (folder));
      return;
    }
  dir = g_dir_open (folder, 0, NULL);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_build_filename (folder, name, NULL));
  g_ptr_array_sort_values (names, (GCompareFunc) strcmp);
  for (guint i = 0; i < names->len; i++)
    if (g_file_test (names->pdata[i], G_FILE_TEST_IS_DIR))
      find_cases (names->pdata[i], cases);
}

static int
run_named (int n, char **folders)
{
  g_autoptr (GPtrArray) cases = g_ptr_array_new_with_free_func (g_free);
  guint count[3] = { 0 };

  for (int i = 0; i < n; i++)
    {
      guint before = cases->len;

      find_cases (folders[i], cases);
      if (cases->len == before)
        {
          g_printerr ("golden: no case.json in or below %s\n", folders[i]);
          return 2;
        }
    }
  for (guint i = 0; i < cases->len; i++)
    count[run_folder (cases->pdata[i])]++;

  g_print ("%u passed, %u failed, %u skipped\n", count[PASSED], count[FAILED], count[SKIPPED]);
  return count[FAILED] > 0;
}

static void
test_folder (gconstpointer data)
{
  switch (run_folder (data))
    {
    case PASSED:
      break;
    case SKIPPED:
      g_test_skip ("no such architecture here");
      break;
    case FAILED:
      g_test_fail ();
      break;
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) cases = g_ptr_array_new_with_free_func (g_free);

  setlocale (LC_ALL, "");
  if (argc > 1 && argv[1][0] != '-')
    return run_named (argc - 1, argv + 1);

  g_test_init (&argc, &argv, NULL);
  find_cases (TEST_DATA, cases);
  for (guint i = 0; i < cases->len; i++)
    {
      g_autofree char *path = g_strconcat ("/golden", (char *) cases->pdata[i] + strlen (TEST_DATA), NULL);

      g_test_add_data_func (path, cases->pdata[i], test_folder);
    }
  return g_test_run ();
}
