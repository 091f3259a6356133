/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-private.h"

#include <string.h>

/* Memory that outlives a run. */

struct _PentNnState {
  gatomicrefcount  ref_count;
  PentNnModule    *module;
  GPtrArray       *buffers;         /* NnStateBuffer */
};

static void
state_buffer_free (gpointer data)
{
  NnStateBuffer *self = data;

  g_clear_pointer (&self->buffer, pent_vk_buffer_unref);
  g_free (self->name);
  g_free (self);
}

PentNnState *
pent_nn_state_new (PentNnModule *module)
{
  PentNnState *self = g_new0 (PentNnState, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->module = pent_nn_module_ref (module);
  self->buffers = g_ptr_array_new_with_free_func (state_buffer_free);
  return self;
}

PentNnState *
nn_state_ref (PentNnState *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
pent_nn_state_free (PentNnState *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_ptr_array_unref (self->buffers);
  pent_nn_module_unref (self->module);
  g_free (self);
}

PentNnModule *
nn_state_get_module (PentNnState *self)
{
  return self->module;
}

static PentDtype
state_type (PentNnState *self)
{
  switch (nn_module_get_precision (self->module))
    {
    case PENT_NN_PRECISION_F16:
      return PENT_DTYPE_F16;
    case PENT_NN_PRECISION_BF16:
      return PENT_DTYPE_BF16;
    case PENT_NN_PRECISION_F32:
      break;
    }
  return PENT_DTYPE_F32;
}

NnStateBuffer *
nn_state_find (PentNnState *self, const char *name, const guint *shape, guint n_dims)
{
  NnStateBuffer *buffer;

  for (guint i = 0; i < self->buffers->len; i++)
    {
      buffer = self->buffers->pdata[i];
      if (strcmp (buffer->name, name) == 0)
        return buffer->n_dims == n_dims && memcmp (buffer->shape, shape, n_dims * sizeof *shape) == 0 ? buffer : NULL;
    }

  buffer = g_new0 (NnStateBuffer, 1);
  buffer->name = g_strdup (name);
  buffer->n_dims = n_dims;
  memcpy (buffer->shape, shape, n_dims * sizeof *shape);
  buffer->dtype = state_type (self);
  g_ptr_array_add (self->buffers, buffer);
  return buffer;
}

guint64
nn_state_buffer_size (const NnStateBuffer *self)
{
  guint64 size = pent_dtype_size (self->dtype);

  for (guint i = 0; i < self->n_dims; i++)
    size *= self->shape[i];
  return size;
}

void
nn_state_buffer_allocate (NnStateBuffer *self, PentVkContext *context, const char *label)
{
  guint64 size = (nn_state_buffer_size (self) + 3) / 4 * 4;
  g_autoptr (PentVkCommand) command = NULL;

  if (self->buffer != NULL)
    return;
  self->buffer = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, size, label);
  command = pent_vk_command_new (context, label);
  pent_vk_command_fill (command, self->buffer, 0, size, 0);
  pent_vk_command_end (command);
  pent_vk_command_run (command, NULL, NULL);
}
