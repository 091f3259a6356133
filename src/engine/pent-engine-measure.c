/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-engine.h"

#include "pent-vk-command.h"

#define COPY_BYTES (256ull << 20)
#define N_RUNS 4

typedef struct {
  const char *device;
  double      bandwidth;
  GError     *error;
} Measurement;

static double
best_seconds (PentVkCommand *command, GError **error)
{
  double best = G_MAXDOUBLE;

  for (guint i = 0; i < N_RUNS; i++)
    {
      g_autoptr (GArray) timings = NULL;
      double seconds = 0;

      if (!pent_vk_command_run (command, NULL, error))
        return 0;
      timings = pent_vk_command_get_timings (command);
      for (guint j = 0; j < timings->len; j++)
        seconds += g_array_index (timings, PentVkTiming, j).seconds;
      best = MIN (best, seconds);
    }
  return best;
}

static gpointer
measure_copy (gpointer data)
{
  Measurement *self = data;
  g_autoptr (PentVkContext) context = pent_vk_context_new (self->device, &self->error);
  g_autoptr (PentVkBuffer) from = NULL, to = NULL;
  g_autoptr (PentVkCommand) command = NULL;
  guint64 size;
  double seconds;

  if (context == NULL)
    return NULL;
  size = MIN (COPY_BYTES, pent_vk_context_get_available (context) / 8) & ~(guint64) 255;
  from = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, size, "measure from");
  to = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, size, "measure to");
  command = pent_vk_command_new (context, "measure");
  pent_vk_command_copy (command, to, 0, from, 0, size);
  pent_vk_command_end (command);
  seconds = best_seconds (command, &self->error);
  self->bandwidth = seconds > 0 ? 2.0 * size / seconds : 0;      /* each byte is read and written */
  return NULL;
}

double
pent_engine_measure_copy (const char *device, GError **error)
{
  Measurement self = { .device = device };

  g_thread_join (g_thread_new ("pent-measure", measure_copy, &self));
  if (self.error != NULL)
    g_propagate_error (error, self.error);
  return self.bandwidth;
}
