/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-private.h"

#include <string.h>
#include "pent-error.h"

/* Compiling, and running what was compiled. */

#define ALIGNMENT 256

/* ---- compiling ---- */

static NnDisable
disabled (void)
{
  static const struct { const char *name; NnDisable flag; } known[] = {
    { "fusion", NN_DISABLE_FUSION }, { "arena", NN_DISABLE_ARENA },   { "views", NN_DISABLE_VIEWS },
    { "import", NN_DISABLE_IMPORT }, { "guard", NN_DISABLE_GUARD },
  };
  const char *text = g_getenv ("PENT_NN_DISABLE");
  g_auto (GStrv) names = g_strsplit (text != NULL ? text : "", ",", -1);
  NnDisable flags = 0;

  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (g_strv_contains ((const char *const *) names, known[i].name))
      flags |= known[i].flag;
  return flags;
}

/* Gives ports places in their buffer; returns its size. */
static guint64
place_ports (GArray *ports, gboolean outputs)
{
  guint64 place = 0;

  for (guint i = 0; i < ports->len; i++)
    {
      NnPort *port = &g_array_index (ports, NnPort, i);

      port->place = place;
      port->size = nn_elements (port->tensor) * sizeof (float);
      port->tensor->place = outputs ? port->tensor->place : place;
      place += (port->size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
  return place;
}

/* The weights that scheduled work reads. */
static void
collect_residents (PentNnGraph *g)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

  g->residents = g_ptr_array_new ();
  for (guint i = 0; i < g->schedule->len; i++)
    {
      PentNnTensor *t = g->schedule->pdata[i];

      NN_EACH_IN (t, k)
        {
          NnResident *resident = t->in[k]->root->resident;

          if (resident != NULL && g_hash_table_add (seen, resident))
            g_ptr_array_add (g->residents, resident);
        }
    }
}

static guint64
missing_state_bytes (PentNnGraph *g)
{
  guint64 sum = 0;

  for (guint i = 0; i < g->tensors->len; i++)
    {
      PentNnTensor *t = g->tensors->pdata[i];

      if (t->live && t->op == NN_OP_STATE && t->state->buffer == NULL)
        sum += nn_state_buffer_size (t->state);
    }
  return sum;
}

/* Says no before anything is allocated. */
static gboolean
check_memory (PentNnGraph *g, guint64 working, GError **error)
{
  PentVkContext *context = pent_nn_module_get_context (g->module);
  guint64 weights = nn_module_missing (g->module, g->residents, !(g->disable & NN_DISABLE_IMPORT));
  guint64 available = pent_vk_context_get_available (context);

  if (weights + working <= available)
    return TRUE;
  g_set_error (error, PENT_ERROR, PENT_ERROR_MEMORY,
               "%s needs %.2f GiB of memory on %s (%.2f GiB of weights and %.2f GiB to work in), and %.2f GiB are free; "
               "make the picture smaller, or close other programs", g->label, (weights + working) / 0x1p30,
               pent_vk_context_get_info (context)->name, weights / 0x1p30, working / 0x1p30, available / 0x1p30);
  return FALSE;
}

static void
allocate (PentNnGraph *g)
{
  PentVkContext *context = pent_nn_module_get_context (g->module);

  for (guint64 at = 0; at < g->arena_size; at += g->chunk_size)
    g_ptr_array_add (g->arena, pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE,
                                                   MIN (g->chunk_size, g->arena_size - at), g->label));
  if (g->input_bytes > 0)
    {
      g->upload = pent_vk_buffer_new (context, PENT_VK_MEMORY_UPLOAD, g->input_bytes, g->label);
      g->input_buffer = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, g->input_bytes, g->label);
    }
  if (g->readback_bytes > 0)
    g->readback = pent_vk_buffer_new (context, PENT_VK_MEMORY_READBACK, g->readback_bytes, g->label);
  for (guint i = 0; i < g->tensors->len; i++)
    {
      PentNnTensor *t = g->tensors->pdata[i];

      if (t->live && t->op == NN_OP_STATE)
        nn_state_buffer_allocate (t->state, context, g->label);
    }
}

/* Loads the weights and records; again after eviction. */
static gboolean
prepare (PentNnGraph *g, GError **error)
{
  PentVkContext *context = pent_nn_module_get_context (g->module);

  if (!nn_module_load (g->module, g->residents, !(g->disable & NN_DISABLE_IMPORT), error))
    return FALSE;
  nn_module_add_graph (g->module, g);
  nn_record (g);
  if (pent_vk_context_check (context, error))
    return TRUE;
  nn_graph_drop_command (g);
  return FALSE;
}

void
nn_graph_drop_command (PentNnGraph *g)
{
  g_clear_pointer (&g->command, pent_vk_command_unref);
}

static gboolean
plan (PentNnGraph *g)
{
  g->precision = nn_module_get_precision (g->module);
  g->disable = disabled ();
  if (!nn_live (g))
    return FALSE;
  nn_fuse (g);
  nn_types (g);
  nn_lower (g);
  nn_plan (g);
  collect_residents (g);
  g->input_bytes = place_ports (g->inputs, FALSE);
  g->readback_bytes = place_ports (g->outputs, TRUE);
  return g->error == NULL;
}

gboolean
pent_nn_graph_compile (PentNnGraph *self, GError **error)
{
  PentVkContext *context = pent_nn_module_get_context (self->module);

  g_return_val_if_fail (!self->compiled, FALSE);

  if (self->error == NULL && self->scopes->len != 0)
    nn_fail (self, PENT_ERROR_FAILED, "a scope was left open: “%s”", self->scope->str);
  if (self->error == NULL)
    plan (self);
  self->compiled = TRUE;
  if (self->error != NULL)
    {
      g_propagate_error (error, g_error_copy (self->error));
      return FALSE;
    }
  if (!pent_vk_context_check (context, error) ||
      !check_memory (self, self->arena_size + 2 * self->input_bytes + self->readback_bytes + missing_state_bytes (self),
                     error))
    return FALSE;

  allocate (self);
  self->ready = pent_vk_context_check (context, error) && prepare (self, error);
  return self->ready;
}

/* ---- running ---- */

static NnPort *
find_port (GArray *ports, const char *name)
{
  for (guint i = 0; i < ports->len; i++)
    if (strcmp (g_array_index (ports, NnPort, i).name, name) == 0)
      return &g_array_index (ports, NnPort, i);
  return NULL;
}

void
pent_nn_graph_set (PentNnGraph *self, const char *name, gconstpointer data, gsize size)
{
  NnPort *port = find_port (self->inputs, name);
  guint8 *mapped;

  g_return_if_fail (self->ready);
  g_return_if_fail (port != NULL);
  g_return_if_fail (size == port->size);

  mapped = self->upload != NULL ? pent_vk_buffer_get_data (self->upload) : NULL;
  if (mapped != NULL)
    memcpy (mapped + port->place, data, size);
}

gboolean
pent_nn_graph_run (PentNnGraph *self, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (self->ready, FALSE);

  if (self->command == NULL)
    {
      if (!pent_vk_context_check (pent_nn_module_get_context (self->module), error) || !check_memory (self, 0, error) ||
          !prepare (self, error))
        return FALSE;
    }
  return pent_vk_command_run (self->command, cancellable, error);
}

void
pent_nn_graph_get (PentNnGraph *self, const char *name, gpointer data, gsize size)
{
  NnPort *port = find_port (self->outputs, name);
  const guint8 *mapped;

  g_return_if_fail (self->ready);
  g_return_if_fail (port != NULL);
  g_return_if_fail (size == port->size);

  mapped = self->readback != NULL ? pent_vk_buffer_get_data (self->readback) : NULL;
  if (mapped != NULL)
    memcpy (data, mapped + port->place, size);
  else
    memset (data, 0, size);
}

guint
pent_nn_graph_shape (PentNnGraph *self, const char *name, guint shape[4])
{
  NnPort *port = find_port (self->outputs, name);

  g_return_val_if_fail (port != NULL, 0);

  memcpy (shape, port->shape, port->n_dims * sizeof *shape);
  return port->n_dims;
}

void
pent_nn_graph_get_stats (PentNnGraph *self, PentNnStats *stats)
{
  *stats = self->stats;
  stats->arena_bytes = self->arena_size;
  stats->weight_bytes = 0;
  for (guint i = 0; self->residents != NULL && i < self->residents->len; i++)
    {
      NnResident *resident = self->residents->pdata[i];

      stats->weight_bytes += resident->n_elements * pent_dtype_size (resident->dtype);
    }
}
