/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kernels.h"
#include <string.h>

#define GUARD 64   /* elements on either side that nothing may touch */

static void
tensor_free (gpointer data)
{
  KtTensor *self = data;

  g_clear_pointer (&self->span.buffer, pent_vk_buffer_unref);
  g_free (self->v);
  g_free (self->i);
  g_free (self);
}

static void
clear_case (KtRun *run)
{
  g_clear_pointer (&run->command, pent_vk_command_unref);
  g_clear_pointer (&run->label, g_free);
  if (run->tensors)
    g_ptr_array_set_size (run->tensors, 0);
  else
    run->tensors = g_ptr_array_new_with_free_func (tensor_free);
}

void
kt_case (KtRun *run, const char *format, ...)
{
  va_list args;

  clear_case (run);
  va_start (args, format);
  run->label = g_strdup_vprintf (format, args);
  va_end (args);
  run->command = pent_vk_command_new (run->context, run->label);
  run->n_cases++;
}

static void G_GNUC_PRINTF (2, 3) G_GNUC_NORETURN
fail (KtRun *run, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_error ("%s [PENT_TEST_SEED=%u PENT_VK_DISABLE=%s]: %s", run->label, run->seed, run->mask, text);
}

guint
kt_uint (KtRun *run, guint low, guint high)
{
  return g_rand_int_range (run->rand, low, (gint64) high + 1);
}

gboolean
kt_coin (KtRun *run)
{
  return kt_uint (run, 0, 1);
}

guint
kt_width (KtRun *run, guint most)
{
  guint width;

  switch (kt_uint (run, 0, 4))
    {
    case 0:
      width = kt_uint (run, 1, 3);
      break;
    case 1:
      width = (1u << kt_uint (run, 2, 12)) + kt_uint (run, 0, 2) - 1;
      break;
    case 2:
      width = 4 * kt_uint (run, 1, 300);
      break;
    case 3:
      width = 64 * kt_uint (run, 1, 64);
      break;
    default:
      width = kt_uint (run, 1, 2000);
    }
  return MIN (width, most);
}

float
kt_round (float v, PentDtype type)
{
  switch (type)
    {
    case PENT_DTYPE_F16:
      return pent_f16_to_f32 (pent_f32_to_f16 (v));
    case PENT_DTYPE_BF16:
      return pent_bf16_to_f32 (pent_f32_to_bf16 (v));
    default:
      return v;
    }
}

gboolean
kt_has (KtRun *run, const PentKernel *kernel, const PentDtype *types)
{
  return pent_kernel_available (kernel, run->info, types, kernel->n_types);
}

static double
normal (GRand *rand)
{
  double sum = -2;   /* of four even numbers, which is near enough */

  for (guint i = 0; i < 4; i++)
    sum += g_rand_double (rand);
  return sum * sqrt (3);
}

static float
value (KtRun *run, KtFill fill)
{
  const double v = normal (run->rand);

  switch (fill)
    {
    case KT_NORMAL:
      return v;
    case KT_OFFSET:
      return 100 + v;
    case KT_LARGE:
      return v * 2000;
    case KT_TINY:
      return v * 1e-6;
    case KT_SPECIAL:
      switch (kt_uint (run, 0, 19))
        {
        case 0:
          return INFINITY;
        case 1:
          return -INFINITY;
        case 2:
          return NAN;
        default:
          return v;
        }
    default:
      return 0;
    }
}

/* Every other tensor begins a few elements into its buffer, so that nothing may rely on alignment that is not there. */
static KtTensor *
tensor_new (KtRun *run, PentDtype type, gsize n, gboolean output)
{
  KtTensor *self = g_new0 (KtTensor, 1);
  const gsize size = pent_dtype_size (type), before = GUARD + (kt_coin (run) ? kt_uint (run, 1, 7) : 0);

  *self = (KtTensor) { .type = type, .n = n, .output = output };
  self->v = g_new0 (float, n);
  if (type == PENT_DTYPE_I32)
    self->i = g_new0 (gint32, n);
  const gsize whole = (before + n + GUARD) * size;
  g_autofree guint8 *canary = g_malloc (whole);
  memset (canary, 0x5a, whole);
  self->span = (PentSpan) { pent_vk_buffer_new (run->context, PENT_VK_MEMORY_DEVICE, whole, "tensor"), before * size,
                            n * size };
  pent_vk_buffer_write (self->span.buffer, 0, canary, whole);
  g_ptr_array_add (run->tensors, self);
  return self;
}

void
kt_upload (KtRun *run, KtTensor *self)
{
  g_autofree guint8 *bytes = g_malloc (self->span.size);

  if (self->i)
    memcpy (bytes, self->i, self->span.size);
  else
    {
      for (gsize i = 0; i < self->n; i++)
        self->v[i] = kt_round (self->v[i], self->type);
      pent_dtype_from_f32 (bytes, self->v, self->type, self->n);
    }
  pent_vk_buffer_write (self->span.buffer, self->span.offset, bytes, self->span.size);
}

KtTensor *
kt_input (KtRun *run, PentDtype type, gsize n, KtFill fill)
{
  KtTensor *self = tensor_new (run, type, n, FALSE);

  for (gsize i = 0; i < n; i++)
    self->v[i] = value (run, fill);
  kt_upload (run, self);
  return self;
}

KtTensor *
kt_ids (KtRun *run, gsize n, gint32 low, gint32 high)
{
  KtTensor *self = tensor_new (run, PENT_DTYPE_I32, n, FALSE);

  for (gsize i = 0; i < n; i++)
    self->i[i] = g_rand_int_range (run->rand, low, high);
  kt_upload (run, self);
  return self;
}

KtTensor *
kt_output (KtRun *run, PentDtype type, gsize n)
{
  return tensor_new (run, type, n, TRUE);
}

KtTensor *
kt_inout (KtRun *run, PentDtype type, gsize n, KtFill fill)
{
  KtTensor *self = kt_input (run, type, n, fill);

  self->output = TRUE;
  return self;
}

static void
read_back (KtRun *run, KtTensor *self)
{
  const gsize size = pent_vk_buffer_get_size (self->span.buffer);
  g_autofree guint8 *bytes = g_malloc (size);

  pent_vk_buffer_read (self->span.buffer, 0, bytes, size);
  for (gsize i = 0; i < size; i++)
    if ((i < self->span.offset || i >= self->span.offset + self->span.size) && bytes[i] != 0x5a)
      fail (run, "wrote outside: byte %" G_GSSIZE_FORMAT " of %" G_GSIZE_FORMAT,
            i - self->span.offset, self->span.size);
  if (self->i)
    memcpy (self->i, bytes + self->span.offset, self->span.size);
  else if (self->output)
    pent_dtype_to_f32 (self->v, bytes + self->span.offset, self->type, self->n);
}

void
kt_submit (KtRun *run)
{
  g_autoptr (GError) error = NULL;

  pent_vk_command_end (run->command);
  if (!pent_vk_command_run (run->command, NULL, &error))
    fail (run, "%s", error->message);
  for (guint i = 0; i < run->tensors->len; i++)
    read_back (run, run->tensors->pdata[i]);
  if (pent_vk_context_get_n_messages (run->context) > 0)
    fail (run, "the validation layer has something to say");
}

/* One unit in the last place at w: rounding is to nearest even, which costs half, and the f32 value before it may
 * differ in its own last place, which can tip the rounding over.  The last term is what a device that flushes denormals
 * loses. */
static double
last_place (double w, PentDtype type)
{
  switch (type)
    {
    case PENT_DTYPE_F16:
      return fmax (fabs (w) * 0x1p-10, 0x1p-24);
    case PENT_DTYPE_BF16:
      return fmax (fabs (w) * 0x1p-7, 0x1p-126);
    default:
      return fmax (fabs (w) * 0x1p-23, 0x1p-126);
    }
}

static double
largest (PentDtype type)
{
  return type == PENT_DTYPE_F16 ? 65504 : 3.3895313892515355e38;
}

void
kt_check (KtRun *run, KtTensor *got, const double *want, KtBound bound)
{
  for (gsize i = 0; i < got->n; i++)
    {
      const double w = want[i], g = got->v[i];
      const double off = bound.abs + bound.rel * fmax (fabs (w), bound.scale) + last_place (w, got->type);

      if (isnan (w) ? isnan (g) : isinf (w) ? g == w : fabs (g - w) <= off)
        continue;
      /* what is beyond the range becomes infinite, and at its edge either is right */
      if (isinf (g) && g * w > 0 && fabs (w) + off >= largest (got->type))
        continue;
      fail (run, "element %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " is %.9g, not %.9g (may be off by %.3g)",
            i, got->n, g, w, off);
    }
}

void
kt_check_int (KtRun *run, KtTensor *got, const gint32 *want)
{
  for (gsize i = 0; i < got->n; i++)
    if (got->i[i] != want[i])
      fail (run, "element %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " is %d, not %d", i, got->n, got->i[i], want[i]);
}
