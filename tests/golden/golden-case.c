/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "golden.h"

#include <math.h>
#include <string.h>
#include <glib/gstdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "pent-dtype.h"

#define RELATIVE_BOUND 2e-5
#define FLUX2_BOUND 1e-4

gboolean
golden_has (GoldenCase *c, const char *name)
{
  return pent_nn_weights_has (c->io, name);
}

static const PentNnWeight *
tensor (GoldenCase *c, const char *name, gsize *n)
{
  const PentNnWeight *weight = pent_nn_weights_get (c->io, name);

  if (weight == NULL)
    g_error ("%s: io.safetensors lacks %s", c->name, name);
  *n = g_bytes_get_size (weight->bytes) / pent_dtype_size (weight->dtype);
  return weight;
}

guint
golden_dim (GoldenCase *c, const char *name, guint axis)
{
  gsize n;
  const PentNnWeight *weight = tensor (c, name, &n);

  return axis < weight->n_dims ? weight->shape[axis] : 1;
}

float *
golden_floats (GoldenCase *c, const char *name, gsize *n)
{
  gsize count;
  const PentNnWeight *weight = tensor (c, name, &count);
  float *values = g_new (float, count + 1);

  pent_dtype_to_f32 (values, g_bytes_get_data (weight->bytes, NULL), weight->dtype, count);
  if (n != NULL)
    *n = count;
  return values;
}

gint32 *
golden_ints (GoldenCase *c, const char *name, gsize *n)
{
  gsize count;
  const PentNnWeight *weight = tensor (c, name, &count);

  if (weight->dtype != PENT_DTYPE_I32)
    g_error ("%s: %s is not of int32", c->name, name);
  if (n != NULL)
    *n = count;
  return g_memdup2 (g_bytes_get_data (weight->bytes, NULL), count * sizeof (gint32));
}

PentFiles *
golden_config (GoldenCase *c, const char *component)
{
  JsonObject *config = json_object_get_object_member (c->json.object, "config");
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *text = NULL;
  int fd;

  if (component != NULL)
    config = json_object_get_object_member (config, component);
  node = json_node_init_object (json_node_alloc (), config);
  text = json_to_string (node, FALSE);

  fd = memfd_create ("config.json", MFD_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, text, strlen (text)), ==, (gssize) strlen (text));
  return pent_files_new_for_fds (c->name, (const char *const[]) { "config.json" }, &fd, 1);
}

void
golden_note (GoldenCase *c, const char *name, gboolean ok, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);

  c->n_compared++;
  if (!ok)
    c->n_failed++;
  g_print ("# %-22s %-26s %s  %s\n", c->name, name, text, ok ? "ok" : "FAIL");
}

static double
tolerance_field (GoldenCase *c, const char *name, const char *field)
{
  JsonObject *all = pent_json_object (&c->json, "tolerance_f32");
  JsonObject *one = all != NULL && json_object_has_member (all, name) ? json_object_get_object_member (all, name) : NULL;

  return one != NULL ? json_object_get_double_member_with_default (one, field, 0) : 0;
}

void
golden_compare (GoldenCase *c, const char *name, const float *got, gsize n)
{
  gboolean inter = g_str_has_prefix (name, "inter.");
  g_autofree char *plain = inter ? g_strdup (name) : g_strconcat ("output.", name, NULL);
  g_autofree char *exact = g_strconcat ("output64.", name, NULL);
  gboolean has_exact = golden_has (c, exact);
  double bound = strstr (c->name, "flux2") != NULL ? FLUX2_BOUND : RELATIVE_BOUND;
  g_autofree float *want = NULL;
  double largest = 0, worst = 0, worst_relative = 0, tolerance;
  gboolean nonfinite_ok = pent_json_bool (&c->json, "nonfinite_ok", FALSE);
  gsize n_want;

  want = golden_floats (c, has_exact ? exact : plain, &n_want);
  if (n_want != n)
    {
      golden_note (c, name, FALSE, "%" G_GSIZE_FORMAT " values instead of %" G_GSIZE_FORMAT, n, n_want);
      return;
    }

  for (gsize i = 0; i < n; i++)
    if (isfinite (want[i]))
      largest = MAX (largest, fabs (want[i]));
  for (gsize i = 0; i < n; i++)
    {
      double error = fabs ((double) got[i] - want[i]);

      if (nonfinite_ok && ((isnan (got[i]) && isnan (want[i])) || got[i] == want[i]))
        continue;
      if (!(error <= worst))            /* so that a NaN stays */
        worst = error;
      error /= MAX (fabs (want[i]), 0.01 * largest);
      if (!(error <= worst_relative))
        worst_relative = error;
    }

  tolerance = bound * largest;
  if (!has_exact)
    tolerance = MAX (tolerance, 10 * tolerance_field (c, plain, "max_abs"));
  golden_note (c, name, worst <= tolerance, "abs %.2e  rel %.2e  tolerance %.2e", worst, worst_relative, tolerance);
}

void
golden_compare_ints (GoldenCase *c, const char *name, const gint32 *got, gsize n)
{
  g_autofree char *plain = g_strconcat ("output.", name, NULL);
  gsize n_want, wrong = 0;
  g_autofree gint32 *want = golden_ints (c, plain, &n_want);

  for (gsize i = 0; i < MIN (n, n_want); i++)
    wrong += got[i] != want[i];
  golden_note (c, name, n == n_want && wrong == 0, "%" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " integers differ", wrong, n);
}
