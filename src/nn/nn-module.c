/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-private.h"

#include <string.h>
#include "pent-error.h"

/* The weights of a component on the device.  Each is there at most once in each form, from the first graph that needs
 * it until eviction. */

#define CHUNK (1u << 16)            /* elements converted at a time */
#define IMPORT_FROM (64u << 10)     /* bytes: smaller weights share slabs instead of having an import each */

struct _PentNnModule {
  gatomicrefcount  ref_count;
  PentVkContext   *context;
  PentNnWeights   *weights;
  PentNnPrecision  precision;
  GHashTable      *residents;       /* "form name" -> NnResident */
  GHashTable      *constants;       /* GBytes -> NnResident */
  GPtrArray       *graphs;          /* unowned: those with a recorded command */
};

static void
resident_free (gpointer data)
{
  NnResident *self = data;

  g_clear_pointer (&self->buffer, pent_vk_buffer_unref);
  g_bytes_unref (self->bytes);
  g_free (self->name);
  g_free (self);
}

PentNnModule *
pent_nn_module_new (PentVkContext *context, PentNnWeights *weights, PentNnPrecision precision)
{
  PentNnModule *self = g_new0 (PentNnModule, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->context = pent_vk_context_ref (context);
  self->weights = pent_nn_weights_ref (weights);
  self->precision = precision;
  self->residents = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, resident_free);
  self->constants = g_hash_table_new_full (g_bytes_hash, g_bytes_equal, NULL, resident_free);
  self->graphs = g_ptr_array_new ();
  return self;
}

PentNnModule *
pent_nn_module_ref (PentNnModule *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
pent_nn_module_unref (PentNnModule *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_ptr_array_unref (self->graphs);
  g_hash_table_unref (self->residents);
  g_hash_table_unref (self->constants);
  pent_nn_weights_unref (self->weights);
  pent_vk_context_unref (self->context);
  g_free (self);
}

PentVkContext *
pent_nn_module_get_context (PentNnModule *self)
{
  return self->context;
}

PentNnWeights *
pent_nn_module_get_weights (PentNnModule *self)
{
  return self->weights;
}

static gboolean
has_16_bit (PentNnModule *self)
{
  return (pent_vk_context_get_info (self->context)->features & PENT_VK_F16) != 0;
}

PentNnPrecision
nn_module_get_precision (PentNnModule *self)
{
  return has_16_bit (self) ? self->precision : PENT_NN_PRECISION_F32;
}

void
nn_module_add_graph (PentNnModule *self, PentNnGraph *graph)
{
  if (!g_ptr_array_find (self->graphs, graph, NULL))
    g_ptr_array_add (self->graphs, graph);
}

void
nn_module_remove_graph (PentNnModule *self, PentNnGraph *graph)
{
  g_ptr_array_remove_fast (self->graphs, graph);
}

/* ---- records ---- */

/* What the device holds for a stored type: 16 bits stay, narrower ones become F16, wider ones F32. */
static PentDtype
matrix_type (PentNnModule *self, PentDtype stored)
{
  if (!has_16_bit (self))
    return PENT_DTYPE_F32;
  switch ((int) stored)
    {
    case PENT_DTYPE_F16:
    case PENT_DTYPE_F8_E4M3:
    case PENT_DTYPE_F8_E5M2:
      return PENT_DTYPE_F16;
    case PENT_DTYPE_BF16:
      return PENT_DTYPE_BF16;
    default:
      return PENT_DTYPE_F32;
    }
}

NnResident *
nn_module_weight (PentNnModule *self, const char *name, NnForm form)
{
  g_autofree char *key = g_strdup_printf ("%d %s", form, name);
  NnResident *resident = g_hash_table_lookup (self->residents, key);
  const PentNnWeight *weight;

  if (resident != NULL)
    return resident;

  weight = pent_nn_weights_get (self->weights, name);
  resident = g_new0 (NnResident, 1);
  resident->name = g_strdup (name);
  resident->form = form;
  resident->bytes = g_bytes_ref (weight->bytes);
  resident->stored = weight->dtype;
  resident->dtype = form == NN_FORM_VECTOR ? PENT_DTYPE_F32 : matrix_type (self, weight->dtype);
  resident->n_elements = g_bytes_get_size (weight->bytes) / pent_dtype_size (weight->dtype);
  if (form == NN_FORM_CONV)
    {
      resident->n = weight->shape[0];
      resident->c = weight->shape[1];
      resident->size = weight->n_dims > 2 ? weight->shape[2] : 1;
    }
  g_hash_table_insert (self->residents, g_steal_pointer (&key), resident);
  return resident;
}

NnResident *
nn_module_constant (PentNnModule *self, GBytes *bytes)
{
  NnResident *resident = g_hash_table_lookup (self->constants, bytes);

  if (resident != NULL)
    return resident;
  resident = g_new0 (NnResident, 1);
  resident->name = g_strdup ("constant");
  resident->form = NN_FORM_CONSTANT;
  resident->stored = resident->dtype = PENT_DTYPE_F32;
  resident->bytes = g_bytes_ref (bytes);
  resident->n_elements = g_bytes_get_size (bytes) / sizeof (float);
  g_hash_table_insert (self->constants, resident->bytes, resident);
  return resident;
}

/* ---- loading ---- */

static guint64
resident_size (PentNnModule *self, const NnResident *resident)
{
  if (resident->form == NN_FORM_CONV)
    return nn_conv_packed_size (pent_vk_context_get_info (self->context), resident->dtype, resident->n, resident->c,
                                resident->size);
  return resident->n_elements * pent_dtype_size (resident->dtype);
}

/* The file's own memory serves where the device can read it and the elements are aligned. */
static gboolean
can_import (PentNnModule *self, const NnResident *resident, gboolean import)
{
  return import && resident->form == NN_FORM_MATRIX && resident->dtype == resident->stored &&
         (pent_vk_context_get_info (self->context)->features & PENT_VK_IMPORT) != 0 &&
         g_bytes_get_size (resident->bytes) >= IMPORT_FROM &&
         (gsize) g_bytes_get_data (resident->bytes, NULL) % pent_dtype_size (resident->dtype) == 0;
}

guint64
nn_module_missing (PentNnModule *self, GPtrArray *residents, gboolean import)
{
  guint64 sum = 0;

  for (guint i = 0; i < residents->len; i++)
    {
      NnResident *resident = residents->pdata[i];

      if (resident->buffer == NULL && !can_import (self, resident, import))
        sum += resident_size (self, resident);
    }
  return sum;
}

/* Writes all elements in the device's type, a part at a time. */
static void
write_converted (NnResident *resident, PentVkBuffer *buffer)
{
  const guint8 *data = g_bytes_get_data (resident->bytes, NULL);
  gsize from = pent_dtype_size (resident->stored), to = pent_dtype_size (resident->dtype);
  guint64 chunk = MIN (CHUNK, resident->n_elements);
  g_autofree float *values = NULL;
  g_autofree guint8 *narrow = NULL;

  if (resident->stored == resident->dtype)
    {
      pent_vk_buffer_write (buffer, 0, data, resident->n_elements * to);
      return;
    }

  values = g_new (float, chunk);
  narrow = g_malloc (chunk * to);
  for (guint64 i = 0; i < resident->n_elements; i += chunk)
    {
      guint64 n = MIN (chunk, resident->n_elements - i);

      pent_dtype_to_f32 (values, data + i * from, resident->stored, n);
      pent_dtype_from_f32 (narrow, values, resident->dtype, n);
      pent_vk_buffer_write (buffer, i * to, narrow, n * to);
    }
}

/* The packed form is made on the device from a plain copy that then goes. */
static gboolean
load_conv (PentNnModule *self, NnResident *resident, GError **error)
{
  const PentVkInfo *info = pent_vk_context_get_info (self->context);
  guint64 raw = resident->n_elements * pent_dtype_size (resident->dtype), size = resident_size (self, resident);
  g_autoptr (PentVkBuffer) from = pent_vk_buffer_new (self->context, PENT_VK_MEMORY_DEVICE, raw, resident->name);
  g_autoptr (PentVkBuffer) to = pent_vk_buffer_new (self->context, PENT_VK_MEMORY_DEVICE, size, resident->name);
  g_autoptr (PentVkCommand) command = pent_vk_command_new (self->context, resident->name);

  write_converted (resident, from);
  nn_conv_pack (command, info, resident->dtype, resident->n, resident->c, resident->size, (PentSpan) { from, 0, raw },
                (PentSpan) { to, 0, size });
  pent_vk_command_end (command);
  if (!pent_vk_command_run (command, NULL, error))
    return FALSE;
  resident->buffer = g_steal_pointer (&to);
  return TRUE;
}

static gboolean
load (PentNnModule *self, NnResident *resident, gboolean import, GError **error)
{
  PentVkBuffer *buffer;

  if (can_import (self, resident, import))
    {
      resident->buffer = pent_vk_buffer_import (self->context, resident->bytes, resident->name);
      resident->imported = resident->buffer != NULL;
      if (resident->imported)
        return pent_vk_context_check (self->context, error);
    }
  if (resident->form == NN_FORM_CONV)
    return load_conv (self, resident, error);

  buffer = pent_vk_buffer_new (self->context, PENT_VK_MEMORY_DEVICE, resident_size (self, resident), resident->name);
  write_converted (resident, buffer);
  resident->buffer = buffer;
  return pent_vk_context_check (self->context, error);
}

gboolean
nn_module_load (PentNnModule *self, GPtrArray *residents, gboolean import, GError **error)
{
  for (guint i = 0; i < residents->len; i++)
    {
      NnResident *resident = residents->pdata[i];

      if (resident->buffer == NULL && !load (self, resident, import, error))
        return FALSE;
    }
  return TRUE;
}

/* ---- eviction ---- */

static guint64
sum_sizes (PentNnModule *self, GHashTable *table)
{
  GHashTableIter iter;
  gpointer value;
  guint64 sum = 0;

  g_hash_table_iter_init (&iter, table);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((NnResident *) value)->buffer != NULL && !((NnResident *) value)->imported)
      sum += resident_size (self, value);
  return sum;
}

guint64
pent_nn_module_get_device_bytes (PentNnModule *self)
{
  return sum_sizes (self, self->residents) + sum_sizes (self, self->constants);
}

static void
evict_table (GHashTable *table)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, table);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      NnResident *resident = value;

      g_clear_pointer (&resident->buffer, pent_vk_buffer_unref);
      resident->imported = FALSE;
    }
}

void
pent_nn_module_evict (PentNnModule *self)
{
  /* Recorded commands hold the buffers and their addresses. */
  for (guint i = 0; i < self->graphs->len; i++)
    nn_graph_drop_command (self->graphs->pdata[i]);
  evict_table (self->residents);
  evict_table (self->constants);
}
