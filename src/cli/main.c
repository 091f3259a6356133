/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pentimento-cli"

#include "config.h"

#include "cli.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include "pent-error.h"

static const CliCommand commands[] = {
  { "describe", "What operations there are, or the parameters of one", cli_describe },
  { "models", "The models that are here", cli_models },
  { "devices", "The devices that can be computed on", cli_devices },
  { "bench", "How fast this machine is", cli_bench },
};

int
cli_report (const GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_printerr ("pentimento: cancelled\n");
      return CLI_CANCELLED;
    }
  g_printerr ("pentimento: %s\n", error->message);
  return pent_error_is_users_mistake (error) ? CLI_USAGE : CLI_FAILED;
}

void
cli_common_add (CliCommon *self, GOptionContext *context)
{
  const GOptionEntry entries[] = {
    { "device", 0, 0, G_OPTION_ARG_STRING, &self->device,
      "Compute on this device: a number or part of a name from “devices”, gpu or cpu", "DEVICE" },
    { "in-process", 0, 0, G_OPTION_ARG_NONE, &self->in_process, "Compute in this process instead of a worker", NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &self->json, "Print results as JSON, one object a line", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &self->quiet, "Show no progress", NULL },
    G_OPTION_ENTRY_NULL
  };

  g_option_context_add_main_entries (context, entries, NULL);
}

void
cli_common_clear (CliCommon *self)
{
  g_clear_pointer (&self->device, g_free);
}

gboolean
cli_parse (GOptionContext *context, int *argc, char ***argv, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  if (g_option_context_parse (context, argc, argv, &local_error))
    return TRUE;
  if (local_error->domain == PENT_ERROR)
    g_propagate_error (error, g_steal_pointer (&local_error));
  else
    g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "%s", local_error->message);
  return FALSE;
}

static void
print_help (FILE *out)
{
  fprintf (out, "Usage: pentimento-cli COMMAND [OPTION…]\n\nCommands:\n");
  for (gsize i = 0; pent_ops[i] != NULL; i++)
    fprintf (out, "  %-10s  %s\n", pent_ops[i]->name, pent_ops[i]->blurb);
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    fprintf (out, "  %-10s  %s\n", commands[i].name, commands[i].blurb);
  fprintf (out, "\n“pentimento-cli COMMAND --help” tells the options of a command, “--version” the version.\n");
}

int
main (int argc, char **argv)
{
  g_autofree char *name = NULL;
  const PentOpClass *op;

  setlocale (LC_ALL, "");
  signal (SIGPIPE, SIG_IGN);
  g_set_prgname ("pentimento-cli");

  if (argc < 2)
    {
      print_help (stderr);
      return CLI_USAGE;
    }
  if (g_str_equal (argv[1], "--help") || g_str_equal (argv[1], "-h") || g_str_equal (argv[1], "help"))
    {
      print_help (stdout);
      return CLI_OK;
    }
  if (g_str_equal (argv[1], "--version"))
    {
      printf ("pentimento " VERSION "\n");
      return CLI_OK;
    }

  name = g_strconcat ("pentimento-cli ", argv[1], NULL);      /* what usage lines begin with */
  op = pent_op_find (argv[1]);
  if (op != NULL)
    {
      g_set_prgname (name);
      return cli_op (op, argc - 1, argv + 1);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    if (g_str_equal (commands[i].name, argv[1]))
      {
        g_set_prgname (name);
        return commands[i].run (argc - 1, argv + 1);
      }

  {
    g_autofree char *shown = g_utf8_make_valid (argv[1], -1);

    g_printerr ("pentimento: there is no command “%s”; “pentimento-cli --help” tells them\n", shown);
  }
  return CLI_USAGE;
}
