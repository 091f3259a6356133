/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kernels.h"
#include <string.h>
#include <sys/resource.h>
#ifdef HAVE_OPENBLAS
#include <cblas.h>
#endif

int kt_bench_main (const KtKernel *const *tables, const char *filter, gboolean cpu_time);

typedef struct {
  char  *kernel, *shape;
  double seconds, flops, bytes;
} Row;

typedef struct {
  KtBench     bench;
  const char *filter;
  GPtrArray  *buffers;      /* of the row at hand */
  char       *kernel, *shape;
  GArray     *rows;         /* Row */
  gboolean    cpu_time;
  guint       threads;      /* that share the row at hand, on a CPU device */
} State;

static double
processor_seconds (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + 1e-6 * (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* The fastest of some runs, at least three and about 0.3 seconds of them. */
static void
finish_row (State *self)
{
  g_autoptr (GError) error = NULL;
  const gint64 begin = g_get_monotonic_time ();
  Row row = { self->kernel, self->shape, INFINITY, 0, 0 };

  if (!self->bench.command)
    return;
  pent_vk_command_end (self->bench.command);
  for (guint i = 0; i < 3 || g_get_monotonic_time () - begin < 300000; i++)
    {
      double seconds = 0, used = processor_seconds ();

      if (!pent_vk_command_run (self->bench.command, NULL, &error))
        g_error ("%s %s: %s", row.kernel, row.shape, error->message);
      used = (processor_seconds () - used) / self->threads;
      g_autoptr (GArray) timings = pent_vk_command_get_timings (self->bench.command);
      row.flops = row.bytes = 0;
      for (guint t = 0; t < timings->len; t++)
        {
          const PentVkTiming *timing = &g_array_index (timings, PentVkTiming, t);
          seconds += timing->seconds;
          row.flops += timing->flops;
          row.bytes += timing->bytes;
        }
      row.seconds = MIN (row.seconds, self->cpu_time ? used : seconds);
    }
  g_array_append_val (self->rows, row);
  g_clear_pointer (&self->bench.command, pent_vk_command_unref);
  g_ptr_array_set_size (self->buffers, 0);
  self->kernel = self->shape = NULL;
}

gboolean
kt_row (KtBench *bench, const char *kernel, const char *format, ...)
{
  State *self = (State *) bench;
  va_list args;

  finish_row (self);
  if (self->filter && !strstr (kernel, self->filter))
    return FALSE;
  self->kernel = g_strdup (kernel);
  va_start (args, format);
  self->shape = g_strdup_vprintf (format, args);
  va_end (args);
  bench->command = pent_vk_command_new (bench->context, kernel);
  self->threads = bench->info->cores;
  return TRUE;
}

PentSpan
kt_span (KtBench *bench, PentDtype type, gsize n)
{
  State *self = (State *) bench;
  const gsize size = pent_dtype_size (type);
  PentVkBuffer *buffer = pent_vk_buffer_new (bench->context, PENT_VK_MEMORY_DEVICE, n * size, "bench");
  float pattern[4096];
  g_autofree guint8 *bytes = g_malloc0 (sizeof pattern);

  for (guint i = 0; i < G_N_ELEMENTS (pattern); i++)
    pattern[i] = type == PENT_DTYPE_I32 ? 0 : sin (i * 1.7) * 2;
  if (type != PENT_DTYPE_I32)
    pent_dtype_from_f32 (bytes, pattern, type, G_N_ELEMENTS (pattern));
  for (gsize at = 0; at < n * size; at += G_N_ELEMENTS (pattern) * size)
    pent_vk_buffer_write (buffer, at, bytes, MIN (G_N_ELEMENTS (pattern) * size, n * size - at));
  g_ptr_array_add (self->buffers, buffer);
  return (PentSpan) { buffer, 0, n * size };
}

static void
copies (KtBench *bench)
{
  const gsize n = 32 << 20;

  if (kt_row (bench, "ceiling", "copy of %zu MiB by the driver", n >> 18))
    {
      const PentSpan x = kt_span (bench, PENT_DTYPE_F32, n), y = kt_span (bench, PENT_DTYPE_F32, n);
      pent_vk_command_copy (bench->command, y.buffer, 0, x.buffer, 0, n * 4);
      ((State *) bench)->threads = 1;   /* lavapipe's is one memcpy */
    }
  if (kt_row (bench, "ceiling", "copy of %zu MiB by a kernel", n >> 18))
    {
      const PentSpan x = kt_span (bench, PENT_DTYPE_F32, n), y = kt_span (bench, PENT_DTYPE_F32, n);
      pent_kernel_cast (bench->command, &(PentKernelCast) { .x = x, .y = y, .n = n, .LANES = bench->lanes });
    }
}

/* GFLOP/s of sgemm on the host: the ceiling of a CPU device. */
static double
host_gflops (State *self)
{
  double best = 0;
#ifdef HAVE_OPENBLAS
  const int n = 1024;
  g_autofree float *a = g_new0 (float, n * n), *b = g_new0 (float, n * n), *c = g_new0 (float, n * n);

  for (guint i = 0; self->bench.info->kind == PENT_VK_CPU && i < 8; i++)
    {
      const gint64 begin = g_get_monotonic_time ();
      double used = processor_seconds (), wall;
      cblas_sgemm (CblasRowMajor, CblasNoTrans, CblasTrans, n, n, n, 1, a, n, b, n, 0, c, n);
      wall = 1e-6 * (g_get_monotonic_time () - begin);
      used = (processor_seconds () - used) / self->bench.info->cores;
      best = MAX (best, 2e-9 * n * n * n / (self->cpu_time ? used : wall));
    }
#endif
  return best;
}

static void
print_rows (State *self)
{
  double copy = 0, matrix = host_gflops (self);
  const char *of = matrix > 0 ? "OpenBLAS sgemm n = 1024" : "the best kernel";

  for (guint i = 0; i < self->rows->len; i++)
    {
      const Row *row = &g_array_index (self->rows, Row, i);
      if (g_str_equal (row->kernel, "ceiling"))
        copy = MAX (copy, row->bytes / row->seconds * 1e-9);
    }
  for (guint i = 0; i < self->rows->len && !(matrix > 0 && *of == 'O'); i++)
    matrix = MAX (matrix, g_array_index (self->rows, Row, i).flops / g_array_index (self->rows, Row, i).seconds * 1e-9);

  g_print ("# %s, %s\n# copy %.1f GB/s (read and written), matrix product %.1f GFLOP/s (%s)\n\n",
           self->bench.info->name, self->bench.info->driver, copy, matrix, of);
  if (self->cpu_time)
    g_print ("# times: of the processor, divided by the %u threads that share a kernel\n\n", self->bench.info->cores);
  g_print ("%-16s %-44s %10s %9s %7s %9s %7s\n", "kernel", "shape", "ms", "GB/s", "share", "GFLOP/s", "share");
  for (guint i = 0; i < self->rows->len; i++)
    {
      const Row *row = &g_array_index (self->rows, Row, i);
      const double bytes = row->bytes / row->seconds * 1e-9, flops = row->flops / row->seconds * 1e-9;

      g_print ("%-16s %-44s %10.3f %9.2f %6.0f%% %9.1f %6.0f%%\n", row->kernel, row->shape, row->seconds * 1e3,
               bytes, 100 * bytes / copy, flops, 100 * flops / matrix);
    }
}

int
kt_bench_main (const KtKernel *const *tables, const char *filter, gboolean cpu_time)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PentVkContext) context = pent_vk_context_new (NULL, &error);
  State self = { .filter = NULL };

  if (!context)
    {
      g_printerr ("%s\n", error->message);
      return 1;
    }
  self.bench = (KtBench) { .context = context, .info = pent_vk_context_get_info (context) };
  self.bench.lanes = (self.bench.info->features & PENT_VK_LANES) != 0;
  self.buffers = g_ptr_array_new_with_free_func ((GDestroyNotify) pent_vk_buffer_unref);
  self.rows = g_array_new (FALSE, FALSE, sizeof (Row));

  self.cpu_time = cpu_time && self.bench.info->kind == PENT_VK_CPU && self.bench.info->cores > 0;

  copies (&self.bench);
  finish_row (&self);
  self.filter = filter;
  for (guint t = 0; tables[t]; t++)
    for (const KtKernel *k = tables[t]; k->name; k++)
      if (k->bench)
        k->bench (&self.bench);
  finish_row (&self);
  print_rows (&self);

  for (guint i = 0; i < self.rows->len; i++)
    {
      g_free (g_array_index (self.rows, Row, i).kernel);
      g_free (g_array_index (self.rows, Row, i).shape);
    }
  g_array_unref (self.rows);
  g_ptr_array_unref (self.buffers);
  return 0;
}
