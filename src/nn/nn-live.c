/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-private.h"

#include "pent-error.h"

/* What has to be computed: the outputs, the traced values, what is written to states, and what these need. */

static void
want (PentNnTensor *t)
{
  t->wanted = TRUE;
  t->live = TRUE;
  t->uses++;
}

static PentNnTensor *
find_output (PentNnGraph *g, const char *name)
{
  for (guint i = 0; i < g->outputs->len; i++)
    if (g_str_equal (g_array_index (g->outputs, NnPort, i).name, name))
      return g_array_index (g->outputs, NnPort, i).tensor;
  return NULL;
}

/* A traced value becomes one more output. */
static gboolean
add_traces (PentNnGraph *g)
{
  for (guint i = 0; i < g->traces->len; i++)
    {
      NnPort port = { .name = g->traces->pdata[i] };

      if (find_output (g, port.name) != NULL)
        continue;
      port.tensor = g_hash_table_lookup (g->names, port.name);
      if (port.tensor == NULL)
        {
          nn_fail (g, PENT_ERROR_INVALID, "there is no value with the name “%s” to trace", port.name);
          return FALSE;
        }
      port.n_dims = port.tensor->n_dims;
      for (guint k = 0; k < port.n_dims; k++)
        port.shape[k] = port.tensor->shape[k];
      g_array_append_val (g->outputs, port);
    }
  return TRUE;
}

gboolean
nn_live (PentNnGraph *g)
{
  if (!add_traces (g))
    return FALSE;
  for (guint i = 0; i < g->outputs->len; i++)
    want (g_array_index (g->outputs, NnPort, i).tensor);

  for (guint i = g->tensors->len; i-- > 0;)
    {
      PentNnTensor *t = g->tensors->pdata[i];

      if (t->op == NN_OP_STATE_WRITE)
        t->live = TRUE;
      if (!t->live)
        continue;
      NN_EACH_IN (t, k)
        {
          t->in[k]->live = TRUE;
          t->in[k]->uses++;
        }
    }
  return TRUE;
}
