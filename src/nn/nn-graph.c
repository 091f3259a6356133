/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-private.h"

#include <stdarg.h>
#include <string.h>
#include "pent-error.h"

#define BLOCK 128

/* ---- nodes ---- */

static PentNnTensor *
allocate (PentNnGraph *g)
{
  guint used = g->tensors->len % BLOCK;

  /* Nodes made while compiling are few and get memory of their own. */
  if (g->schedule != NULL || g->compiled)
    {
      PentNnTensor *t = g_new0 (PentNnTensor, 1);

      g_ptr_array_add (g->blocks, t);
      return t;
    }
  if (used == 0)
    g_ptr_array_add (g->blocks, g_new0 (PentNnTensor, BLOCK));
  return (PentNnTensor *) g->blocks->pdata[g->blocks->len - 1] + used;
}

char *
nn_shape_text (const guint *shape, guint n_dims)
{
  GString *text = g_string_new ("[");

  for (guint i = 0; i < n_dims; i++)
    g_string_append_printf (text, "%s%u", i == 0 ? "" : ", ", shape[i]);
  g_string_append_c (text, ']');
  return g_string_free_and_steal (text);
}

void
nn_fail (PentNnGraph *g, PentError code, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  if (g->error != NULL)
    return;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g->error = g_error_new (PENT_ERROR, code, "%s: %s", g->label, text);
}

gboolean
nn_ready (PentNnGraph *g, ...)
{
  PentNnTensor *t;
  va_list args;
  gboolean good = TRUE;

  if (g->error != NULL)
    return FALSE;
  if (g->compiled)
    {
      g_critical ("%s: something is added after compiling", g->label);
      return FALSE;
    }
  va_start (args, g);
  while ((t = va_arg (args, PentNnTensor *)) != NULL)
    good &= t->graph == g;
  va_end (args);
  if (!good)
    g_critical ("%s: a value of another graph is used", g->label);
  return good;
}

PentNnTensor *
nn_node (PentNnGraph *g, NnOp op, const guint *shape, guint n_dims)
{
  guint64 n = 1;
  PentNnTensor *t;

  if (n_dims == 0)
    while (n_dims < 4 && shape[n_dims] != 0)
      n_dims++;
  for (guint i = 0; i < n_dims; i++)
    if (shape[i] == 0 || (n *= shape[i]) > G_MAXUINT32)
      {
        g_autofree char *text = nn_shape_text (shape, n_dims);

        nn_fail (g, PENT_ERROR_MEMORY, "a value of shape %s is too large", text);
        return g->inert;
      }

  t = allocate (g);
  t->graph = g;
  t->op = op;
  t->id = g->tensors->len;
  t->n_dims = n_dims;
  memcpy (t->shape, shape, n_dims * sizeof *shape);
  g_ptr_array_add (g->tensors, t);
  return t;
}

PentNnTensor *
nn_node_raw (PentNnGraph *g, NnOp op, const PentNnTensor *like)
{
  PentNnTensor *t = allocate (g);

  t->graph = g;
  t->op = op;
  t->id = like->id;
  t->n_dims = like->n_dims;
  t->live = TRUE;
  memcpy (t->shape, like->shape, sizeof t->shape);
  return t;
}

/* ---- graphs ---- */

PentNnGraph *
pent_nn_graph_new (PentNnModule *module, const char *label)
{
  PentNnGraph *g = g_new0 (PentNnGraph, 1);

  g_atomic_ref_count_init (&g->ref_count);
  g->module = pent_nn_module_ref (module);
  g->label = g_strdup (label);
  g->strings = g_string_chunk_new (4096);
  g->blocks = g_ptr_array_new_with_free_func (g_free);
  g->tensors = g_ptr_array_new ();
  g->scope = g_string_new (NULL);
  g->scopes = g_array_new (FALSE, FALSE, sizeof (gsize));
  g->inputs = g_array_new (FALSE, TRUE, sizeof (NnPort));
  g->outputs = g_array_new (FALSE, TRUE, sizeof (NnPort));
  g->names = g_hash_table_new (g_str_hash, g_str_equal);
  g->traces = g_ptr_array_new ();
  g->states = g_ptr_array_new_with_free_func ((GDestroyNotify) pent_nn_state_free);
  g->arena = g_ptr_array_new_with_free_func ((GDestroyNotify) pent_vk_buffer_unref);
  g->inert = nn_node (g, NN_OP_NONE, NN_SHAPE (1), 1);
  return g;
}

PentNnGraph *
pent_nn_graph_ref (PentNnGraph *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

static void
free_tensor_data (PentNnGraph *g)
{
  for (guint i = 0; i < g->tensors->len; i++)
    {
      PentNnTensor *t = g->tensors->pdata[i];

      g_clear_pointer (&t->bytes, g_bytes_unref);
    }
}

void
pent_nn_graph_unref (PentNnGraph *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  nn_module_remove_graph (self->module, self);
  g_clear_pointer (&self->command, pent_vk_command_unref);
  g_clear_pointer (&self->upload, pent_vk_buffer_unref);
  g_clear_pointer (&self->input_buffer, pent_vk_buffer_unref);
  g_clear_pointer (&self->readback, pent_vk_buffer_unref);
  g_ptr_array_unref (self->arena);
  g_clear_pointer (&self->schedule, g_ptr_array_unref);
  g_clear_pointer (&self->residents, g_ptr_array_unref);
  free_tensor_data (self);
  g_ptr_array_unref (self->states);
  g_ptr_array_unref (self->traces);
  g_hash_table_unref (self->names);
  g_array_unref (self->outputs);
  g_array_unref (self->inputs);
  g_array_unref (self->scopes);
  g_string_free (self->scope, TRUE);
  g_ptr_array_unref (self->tensors);
  g_ptr_array_unref (self->blocks);
  g_string_chunk_free (self->strings);
  g_clear_error (&self->error);
  g_free (self->label);
  pent_nn_module_unref (self->module);
  g_free (self);
}

/* ---- scopes and names ---- */

void
nn_push (PentNnGraph *g, const char *format, ...)
{
  gsize length = g->scope->len;
  va_list args;

  g_array_append_val (g->scopes, length);
  va_start (args, format);
  g_string_append_vprintf (g->scope, format, args);
  va_end (args);
}

void
nn_pop (PentNnGraph *g)
{
  g_return_if_fail (g->scopes->len > 0);

  g_string_truncate (g->scope, g_array_index (g->scopes, gsize, g->scopes->len - 1));
  g_array_set_size (g->scopes, g->scopes->len - 1);
}

const char *
nn_scoped (PentNnGraph *g, const char *name)
{
  gsize length = g->scope->len;
  const char *result;

  g_string_append (g->scope, name);
  result = g_string_chunk_insert_const (g->strings, g->scope->str);
  g_string_truncate (g->scope, length);
  return result;
}

guint
nn_n_dims (PentNnTensor *x)
{
  return x->n_dims;
}

guint
nn_dim (PentNnTensor *x, int axis)
{
  int at = axis < 0 ? (int) x->n_dims + axis : axis;

  if (x->op == NN_OP_NONE)
    return 1;
  g_return_val_if_fail (at >= 0 && at < (int) x->n_dims, 1);
  return x->shape[at];
}

static NnPort *
find_port (GArray *ports, const char *name)
{
  for (guint i = 0; i < ports->len; i++)
    if (strcmp (g_array_index (ports, NnPort, i).name, name) == 0)
      return &g_array_index (ports, NnPort, i);
  return NULL;
}

static void
add_port (PentNnGraph *g, GArray *ports, const char *name, PentNnTensor *tensor)
{
  NnPort port = { .name = g_string_chunk_insert_const (g->strings, name), .tensor = tensor, .n_dims = tensor->n_dims };

  memcpy (port.shape, tensor->shape, sizeof port.shape);
  if (find_port (ports, name) != NULL)
    nn_fail (g, PENT_ERROR_FAILED, "there are two values with the name “%s”", name);
  else
    g_array_append_val (ports, port);
}

PentNnTensor *
nn_input (PentNnGraph *g, const char *name, PentDtype dtype, const guint *shape)
{
  PentNnTensor *t;

  g_return_val_if_fail (dtype == PENT_DTYPE_F32 || dtype == PENT_DTYPE_I32, g->inert);
  if (!nn_ready (g, NULL))
    return g->inert;
  t = nn_node (g, NN_OP_INPUT, shape, 0);
  t->dtype = dtype;
  add_port (g, g->inputs, name, t);
  return t;
}

PentNnTensor *
nn_constant (PentNnGraph *g, const float *values, const guint *shape)
{
  PentNnTensor *t;

  if (!nn_ready (g, NULL))
    return g->inert;
  t = nn_node (g, NN_OP_CONSTANT, shape, 0);
  if (t == g->inert)
    return t;
  t->bytes = g_bytes_new (values, nn_elements (t) * sizeof *values);
  t->resident = nn_module_constant (g->module, t->bytes);
  return t;
}

void
nn_output (PentNnGraph *g, const char *name, PentNnTensor *x)
{
  if (nn_ready (g, x, NULL))
    add_port (g, g->outputs, name, x);
}

PentNnTensor *
nn_name (PentNnGraph *g, PentNnTensor *x, const char *format, ...)
{
  g_autofree char *name = NULL;
  va_list args;

  if (!nn_ready (g, x, NULL))
    return x;
  va_start (args, format);
  name = g_strdup_vprintf (format, args);
  va_end (args);
  g_hash_table_insert (g->names, g_string_chunk_insert_const (g->strings, name), x);
  return x;
}

void
pent_nn_graph_trace (PentNnGraph *self, const char *name)
{
  g_return_if_fail (!self->compiled);

  g_ptr_array_add (self->traces, (gpointer) g_string_chunk_insert_const (self->strings, name));
}
