/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-ref.h"

#include <math.h>
#include <string.h>

typedef struct {
  char     *name;
  RefValue *value;
  PentDtype dtype;
  double    scale;
} RefInput;

typedef struct {
  char     *name;
  RefValue *value;
} RefOutput;

/* ---- weights ---- */

static void
add_random (NnTestFile *file, GRand *rand, const char *name, PentDtype dtype, const gint64 *shape, double mean, double scale)
{
  g_autofree float *values = NULL;
  gsize n = 1;

  for (guint i = 0; shape[i] >= 0; i++)
    n *= shape[i];
  values = g_new (float, n);
  for (gsize i = 0; i < n; i++)
    values[i] = mean + scale * g_rand_double_range (rand, -1.7, 1.7);
  nn_test_file_add (file, name, dtype, shape, values);
}

static void
add_pair (NnTestFile *file, GRand *rand, PentDtype dtype, guint k, guint n)
{
  g_autofree char *linear = g_strdup_printf ("linear.%u.%u.weight", k, n), *plain = g_strdup_printf ("plain.%u.%u.weight", k, n);
  g_autofree char *bias = g_strdup_printf ("linear.%u.%u.bias", k, n), *conv = g_strdup_printf ("conv.%u.%u.3.weight", k, n);
  g_autofree char *conv_bias = g_strdup_printf ("conv.%u.%u.3.bias", k, n), *one = g_strdup_printf ("conv.%u.%u.1.weight", k, n);

  add_random (file, rand, linear, dtype, (gint64[]) { n, k, -1 }, 0, 1 / sqrt (k));
  add_random (file, rand, plain, dtype, (gint64[]) { n, k, -1 }, 0, 1 / sqrt (k));
  add_random (file, rand, bias, dtype, (gint64[]) { n, -1 }, 0, 0.1);
  add_random (file, rand, conv, dtype, (gint64[]) { n, k, 3, 3, -1 }, 0, 1 / sqrt (9 * k));
  add_random (file, rand, conv_bias, dtype, (gint64[]) { n, -1 }, 0, 0.1);
  add_random (file, rand, one, dtype, (gint64[]) { n, k, 1, 1, -1 }, 0, 1 / sqrt (k));
}

PentNnWeights *
ref_weights_new (const guint *widths, PentDtype dtype, guint32 seed)
{
  NnTestFile *file = nn_test_file_new ();
  g_autoptr (PentFiles) files = NULL;
  g_autoptr (GError) error = NULL;
  GRand *rand = g_rand_new_with_seed (seed);
  PentNnWeights *weights;

  for (guint i = 0; widths[i] != 0; i++)
    {
      g_autofree char *norm = g_strdup_printf ("norm.%u.weight", widths[i]), *bias = g_strdup_printf ("norm.%u.bias", widths[i]);
      g_autofree char *rms = g_strdup_printf ("rms.%u.weight", widths[i]), *table = g_strdup_printf ("table.%u.weight", widths[i]);

      add_random (file, rand, norm, dtype, (gint64[]) { widths[i], -1 }, 1, 0.2);
      add_random (file, rand, bias, dtype, (gint64[]) { widths[i], -1 }, 0, 0.1);
      add_random (file, rand, rms, dtype, (gint64[]) { widths[i], -1 }, 1, 0.2);
      add_random (file, rand, table, dtype, (gint64[]) { REF_ROWS, widths[i], -1 }, 0, 1);
      for (guint k = 0; widths[k] != 0; k++)
        add_pair (file, rand, dtype, widths[i], widths[k]);
    }
  g_rand_free (rand);
  files = nn_test_files ("random", "random.safetensors", nn_test_file_finish (file), NULL);
  weights = pent_nn_weights_open (files, NULL, &error);
  g_assert_no_error (error);
  return weights;
}

double *
ref_weight_values (Ref *r, const char *name)
{
  const PentNnWeight *weight = pent_nn_weights_get (r->weights, name);
  gsize n;
  g_autofree float *narrow = NULL;
  double *values;

  if (weight == NULL)
    return NULL;
  n = g_bytes_get_size (weight->bytes) / pent_dtype_size (weight->dtype);
  narrow = g_new (float, n);
  values = g_new (double, n);
  pent_dtype_to_f32 (narrow, g_bytes_get_data (weight->bytes, NULL), weight->dtype, n);
  for (gsize i = 0; i < n; i++)
    values[i] = narrow[i];
  return values;
}

/* ---- life ---- */

static void
value_free (gpointer data)
{
  RefValue *value = data;

  g_free (value->v);
  g_free (value);
}

static void
named_free (gpointer data)
{
  g_free (*(char **) data);
  g_free (data);
}

void
ref_restart (Ref *r)
{
  g_clear_pointer (&r->g, pent_nn_graph_unref);
  g_clear_pointer (&r->values, g_ptr_array_unref);
  g_clear_pointer (&r->inputs, g_ptr_array_unref);
  g_clear_pointer (&r->outputs, g_ptr_array_unref);
  r->g = pent_nn_graph_new (r->module, "test");
  r->values = g_ptr_array_new_with_free_func (value_free);
  r->inputs = g_ptr_array_new_with_free_func (named_free);
  r->outputs = g_ptr_array_new_with_free_func (named_free);
}

Ref *
ref_new (PentVkContext *context, PentNnWeights *weights, PentNnPrecision precision, guint32 seed)
{
  Ref *r = g_new0 (Ref, 1);

  r->context = pent_vk_context_ref (context);
  r->weights = pent_nn_weights_ref (weights);
  r->module = pent_nn_module_new (context, weights, precision);
  r->rand = g_rand_new_with_seed (seed);
  ref_restart (r);
  return r;
}

void
ref_free (Ref *r)
{
  g_ptr_array_unref (r->inputs);
  g_ptr_array_unref (r->outputs);
  g_ptr_array_unref (r->values);
  pent_nn_graph_unref (r->g);
  pent_nn_module_unref (r->module);
  pent_nn_weights_unref (r->weights);
  pent_vk_context_unref (r->context);
  g_rand_free (r->rand);
  g_free (r);
}

guint
ref_int (Ref *r, guint min, guint max)
{
  return g_rand_int_range (r->rand, min, max + 1);
}

/* ---- values ---- */

RefValue *
ref_value (Ref *r, PentNnTensor *t, const guint *shape, guint n_dims)
{
  RefValue *value = g_new0 (RefValue, 1);

  value->t = t;
  value->n = 1;
  while (value->n_dims < 4 && (n_dims == 0 ? shape[value->n_dims] != 0 : value->n_dims < n_dims))
    {
      value->shape[value->n_dims] = shape[value->n_dims];
      value->n *= shape[value->n_dims++];
    }
  value->v = g_new0 (double, value->n);
  g_ptr_array_add (r->values, value);
  return value;
}

static RefInput *
add_input (Ref *r, RefValue *value, PentDtype dtype, double scale)
{
  RefInput *input = g_new0 (RefInput, 1);

  input->name = g_strdup_printf ("in.%u", r->inputs->len);
  input->value = value;
  input->dtype = dtype;
  input->scale = scale;
  g_ptr_array_add (r->inputs, input);
  return input;
}

static void
fill (Ref *r, RefInput *input)
{
  if (input->dtype == PENT_DTYPE_F32)
    for (gsize i = 0; i < input->value->n; i++)
      input->value->v[i] = (float) (input->scale * g_rand_double_range (r->rand, -1.7, 1.7));
}

void
ref_fill (Ref *r)
{
  for (guint i = 0; i < r->inputs->len; i++)
    fill (r, r->inputs->pdata[i]);
}

void
ref_copy_inputs (Ref *r, Ref *other)
{
  g_assert_cmpuint (r->inputs->len, ==, other->inputs->len);
  for (guint i = 0; i < r->inputs->len; i++)
    {
      RefValue *to = ((RefInput *) r->inputs->pdata[i])->value, *from = ((RefInput *) other->inputs->pdata[i])->value;

      memcpy (to->v, from->v, to->n * sizeof *to->v);
    }
}

RefValue *
ref_input (Ref *r, const guint *shape, double scale)
{
  RefValue *value = ref_value (r, NULL, shape, 0);
  RefInput *input = add_input (r, value, PENT_DTYPE_F32, scale);

  fill (r, input);
  value->t = nn_input (r->g, input->name, PENT_DTYPE_F32, shape);
  return value;
}

RefValue *
ref_constant (Ref *r, const guint *shape, double scale)
{
  RefValue *value = ref_value (r, NULL, shape, 0);
  g_autofree float *narrow = g_new (float, value->n);

  for (gsize i = 0; i < value->n; i++)
    value->v[i] = narrow[i] = scale * g_rand_double_range (r->rand, -1.7, 1.7);
  value->t = nn_constant (r->g, narrow, shape);
  return value;
}

static RefValue *
integers (Ref *r, guint n)
{
  RefValue *value = ref_value (r, NULL, NN_SHAPE (n), 1);

  value->integer = TRUE;
  value->t = nn_input (r->g, add_input (r, value, PENT_DTYPE_I32, 0)->name, PENT_DTYPE_I32, NN_SHAPE (n));
  return value;
}

RefValue *
ref_ids (Ref *r, guint n)
{
  RefValue *value = integers (r, n);

  for (guint i = 0; i < n; i++)
    value->v[i] = ref_int (r, 0, REF_ROWS - 1);
  return value;
}

RefValue *
ref_position (Ref *r, guint pos)
{
  RefValue *value = integers (r, 1);

  value->v[0] = pos;
  return value;
}

RefValue *
ref_weight (Ref *r, const char *name, const guint *shape)
{
  RefValue *value = ref_value (r, nn_weight (r->g, name, shape), shape, 0);

  g_free (value->v);
  value->v = ref_weight_values (r, name);
  return value;
}

/* ---- running ---- */

void
ref_output (Ref *r, RefValue *x)
{
  RefOutput *output = g_new0 (RefOutput, 1);

  output->name = g_strdup_printf ("out.%u", r->outputs->len);
  output->value = x;
  g_ptr_array_add (r->outputs, output);
  nn_output (r->g, output->name, x->t);
}

void
ref_compile (Ref *r, const char *disable)
{
  g_autoptr (GError) error = NULL;

  g_setenv ("PENT_NN_DISABLE", disable != NULL ? disable : "", TRUE);
  pent_nn_graph_compile (r->g, &error);
  g_unsetenv ("PENT_NN_DISABLE");
  g_assert_no_error (error);
}

void
ref_run (Ref *r)
{
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < r->inputs->len; i++)
    {
      RefInput *input = r->inputs->pdata[i];
      g_autofree guint32 *data = g_new (guint32, input->value->n);

      for (gsize k = 0; k < input->value->n; k++)
        if (input->dtype == PENT_DTYPE_F32)
          memcpy (&data[k], &(float) { input->value->v[k] }, 4);
        else
          data[k] = input->value->v[k];
      pent_nn_graph_set (r->g, input->name, data, input->value->n * 4);
    }
  pent_nn_graph_run (r->g, NULL, &error);
  g_assert_no_error (error);
}

static float *
get_output (Ref *r, RefOutput *output)
{
  float *values = g_new (float, output->value->n);
  guint shape[4], n_dims = pent_nn_graph_shape (r->g, output->name, shape);

  g_assert_cmpuint (n_dims, ==, output->value->n_dims);
  g_assert_cmpmem (shape, n_dims * sizeof *shape, output->value->shape, n_dims * sizeof *shape);
  pent_nn_graph_get (r->g, output->name, values, output->value->n * sizeof *values);
  if (output->value->integer)
    for (gsize i = 0; i < output->value->n; i++)
      values[i] = ((gint32 *) values)[i];
  return values;
}

void
ref_compare (Ref *r, double bound)
{
  for (guint i = 0; i < r->outputs->len; i++)
    {
      RefOutput *output = r->outputs->pdata[i];
      g_autofree float *values = get_output (r, output);
      double largest = 1, worst = 0;
      gsize at = 0;

      for (gsize k = 0; k < output->value->n; k++)
        largest = MAX (largest, fabs (output->value->v[k]));
      for (gsize k = 0; k < output->value->n; k++)
        if (!(fabs (values[k] - output->value->v[k]) <= worst))
          {
            worst = fabs (values[k] - output->value->v[k]);
            at = k;
          }
      if (!(worst <= bound * largest))
        g_error ("%s[%" G_GSIZE_FORMAT "] of %" G_GSIZE_FORMAT " is %g, not %g (bound %g)", output->name, at, output->value->n,
                 values[at], output->value->v[at], bound * largest);
    }
}

GArray *
ref_results (Ref *r)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (float));

  for (guint i = 0; i < r->outputs->len; i++)
    {
      RefOutput *output = r->outputs->pdata[i];
      g_autofree float *values = get_output (r, output);

      g_array_append_vals (all, values, output->value->n);
    }
  return all;
}

void
ref_check (Ref *r, const char *disable, double bound)
{
  ref_compile (r, disable);
  ref_run (r);
  ref_compare (r, bound);
}
