/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-private.h"

static int
find_variant (const PentKernel *kernel, const guint8 *types)
{
  for (guint i = 0; i < kernel->n_variants; i++)
    if (memcmp (kernel->types[i], types, kernel->n_types) == 0)
      return i;

  return -1;
}

static void G_GNUC_PRINTF (3, 4)
fail (PentVkContext *context, const PentKernelCall *call, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);

  g_critical ("kernel %s: %s", call->kernel->name, text);
  vk_fault_set (&context->fault, PENT_ERROR_FAILED, "kernel %s: %s", call->kernel->name, text);
}

/* The range of an operand, held against its buffer and against what the shape asks for. */
static gboolean
check_arg (PentVkContext *context, const PentKernelCall *call, guint i, PentVkAccess *access)
{
  const PentKernelArg *arg = &call->kernel->args[i];
  const PentSpan *span = &call->args[i];
  guint64 whole, size;

  if (span->buffer == NULL)
    {
      if (!(arg->flags & PENT_KERNEL_ARG_OPTIONAL))
        fail (context, call, "%s is missing", arg->name);
      return FALSE;
    }

  whole = pent_vk_buffer_get_size (span->buffer);
  size = span->offset > whole ? 0 : span->size > 0 ? span->size : whole - span->offset;
  if (span->offset > whole || size > whole - span->offset || call->need[i] > size)
    {
      fail (context, call, "%s needs %" G_GUINT64_FORMAT " bytes, and has %" G_GUINT64_FORMAT " at %" G_GUINT64_FORMAT
            " of a buffer of %" G_GUINT64_FORMAT, arg->name, call->need[i], size, span->offset, whole);
      return FALSE;
    }

  *access = (PentVkAccess) { span->buffer, span->offset, call->need[i], (arg->flags & PENT_KERNEL_ARG_WRITE) != 0 };
  return TRUE;
}

static char *
type_names (const PentKernel *kernel, const guint8 *types)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < kernel->n_types; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? "," : "", pent_dtype_name (types[i]));

  return g_string_free (text, FALSE);
}

void
pent_kernel_record (PentVkCommand *command, const PentKernelCall *call)
{
  PentVkContext *context = pent_vk_command_get_context (command);
  const PentKernel *kernel = call->kernel;
  PentVkAccess access[PENT_KERNEL_MAX_ARGS];
  guint8 push[sizeof call->push];
  guint64 address[PENT_KERNEL_MAX_ARGS] = { 0 };
  PentVkPipeline *pipeline;
  guint n_access = 0;
  int variant;

  if (pent_vk_context_failed (context))
    return;

  variant = find_variant (kernel, call->types);
  if (variant < 0)
    {
      g_autofree char *types = type_names (kernel, call->types);

      fail (context, call, "there is no variant for the types %s", types);
      return;
    }

  for (guint i = 0; i < kernel->n_args; i++)
    if (check_arg (context, call, i, &access[n_access]))
      address[i] = pent_vk_buffer_get_address (call->args[i].buffer) + access[n_access++].offset;

  memcpy (push, call->push, sizeof push);
  memcpy (push, address, kernel->n_args * sizeof *address);
  pipeline = pent_vk_pipeline_get (context, &kernel->shaders[variant], call->spec, kernel->n_spec);
  pent_vk_command_dispatch (command, pipeline, push, call->groups[0], call->groups[1], call->groups[2],
                            access, n_access, call->flops, call->bytes);
}

gboolean
pent_kernel_available (const PentKernel *kernel, const PentVkInfo *info, const PentDtype *types, guint n_types)
{
  guint8 letters[PENT_KERNEL_MAX_TYPES];
  const PentVkShader *shader;
  int variant;

  if (n_types != kernel->n_types)
    return FALSE;

  for (guint i = 0; i < n_types; i++)
    letters[i] = types[i];
  variant = find_variant (kernel, letters);
  if (variant < 0)
    return FALSE;

  shader = &kernel->shaders[variant];
  return (shader->needs & ~info->features) == 0
    && (shader->subgroup_size == 0
        || (shader->subgroup_size >= info->subgroup_min && shader->subgroup_size <= info->subgroup_max));
}
