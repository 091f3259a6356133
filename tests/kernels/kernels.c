/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kernels.h"

int kt_bench_main (const KtKernel *const *tables, const char *filter, gboolean cpu_time);

static const KtKernel *const tables[] = { kt_pointwise, kt_rows, kt_pictures, kt_moves, kt_gemm, NULL };

/* Each mask makes a fallback the only way; what a device lacks anyway is skipped. */
static const struct { const char *disable; PentVkFeatures without; } masks[] = {
  { "", 0 }, { "lanes", PENT_VK_LANES },
};

typedef struct {
  const KtKernel *kernel;
  guint           mask;
} Case;

static PentVkContext *contexts[G_N_ELEMENTS (masks)];

static PentVkContext *
context_for (guint mask)
{
  g_autoptr (GError) error = NULL;

  if (!contexts[mask])
    {
      g_setenv ("PENT_VK_DISABLE", masks[mask].disable, TRUE);
      contexts[mask] = pent_vk_context_new (NULL, &error);
      g_assert_no_error (error);
    }
  return contexts[mask];
}

static guint32
seed (void)
{
  const char *text = g_getenv ("PENT_TEST_SEED");

  return text ? strtoul (text, NULL, 0) : (guint32) g_test_rand_int ();
}

static void
check (gconstpointer data)
{
  const Case *c = data;
  double seconds;
  KtRun run = { .context = context_for (c->mask), .mask = masks[c->mask].disable, .seed = seed () };

  run.info = pent_vk_context_get_info (run.context);
  run.lanes = (run.info->features & PENT_VK_LANES) != 0;
  if (c->mask > 0 && !(pent_vk_context_get_info (context_for (0))->features & masks[c->mask].without))
    {
      g_test_skip ("this device has nothing to disable");
      return;
    }
  run.rand = g_rand_new_with_seed (run.seed);
  c->kernel->check (&run);
  const guint pipelines = pent_vk_pipeline_count (run.context, &seconds);
  g_test_message ("%u cases, seed %u; %u pipelines so far, built in %.1f s", run.n_cases, run.seed, pipelines, seconds);
  g_clear_pointer (&run.command, pent_vk_command_unref);
  g_clear_pointer (&run.tensors, g_ptr_array_unref);
  g_free (run.label);
  g_rand_free (run.rand);
}

/* A kernel that nothing here compares with plain C is a failure. */
static void
all_are_checked (void)
{
  for (guint i = 0; i < pent_n_kernels; i++)
    {
      gboolean found = FALSE;

      for (guint t = 0; tables[t]; t++)
        for (const KtKernel *k = tables[t]; k->name; k++)
          found |= g_str_equal (k->name, pent_kernels[i]->name);
      if (!found)
        g_error ("kernel %s has no row in tests/kernels", pent_kernels[i]->name);
    }
}

static const char *
option (int argc, char **argv, const char *name)
{
  for (int i = 1; i < argc; i++)
    if (g_str_equal (argv[i], name))
      return i + 1 < argc ? argv[i + 1] : "";
  return NULL;
}

int
main (int argc, char **argv)
{
  if (option (argc, argv, "--bench"))
    return kt_bench_main (tables, option (argc, argv, "--filter"), option (argc, argv, "--cpu-time") != NULL);

  g_setenv ("PENT_VK_VALIDATE", "1", FALSE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/kernels/all-are-checked", all_are_checked);
  for (guint m = 0; m < G_N_ELEMENTS (masks); m++)
    for (guint t = 0; tables[t]; t++)
      for (const KtKernel *k = tables[t]; k->name; k++)
        if (k->check)
          {
            const char *mask = *masks[m].disable ? masks[m].disable : "all";
            g_autofree char *path = g_strdup_printf ("/kernels/%s/%s", mask, k->name);
            Case *c = g_new (Case, 1);

            *c = (Case) { k, m };
            g_test_add_data_func_full (path, c, check, g_free);
          }

  const int result = g_test_run ();
  for (guint m = 0; m < G_N_ELEMENTS (masks); m++)
    g_clear_pointer (&contexts[m], pent_vk_context_unref);
  return result;
}
