/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Schedules and samplers against trajectories of the reference schedulers (tests/data/schedulers). */
#include "pent-noise.h"
#include "pent-sampler.h"
#include "pent-schedule.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

/* One case: case.json and the tensors of io.safetensors, all F32. */
typedef struct {
  JsonParser *json;
  JsonObject *object;
  JsonParser *header;
  GBytes     *bytes;
  gsize       data;      /* where tensor data begins in bytes */
} Case;

static void
case_open (Case *self, const char *name)
{
  g_autofree char *json = g_build_filename (TEST_DATA, "schedulers", name, "case.json", NULL);
  g_autofree char *tensors = g_build_filename (TEST_DATA, "schedulers", name, "io.safetensors", NULL);
  g_autoptr(GError) error = NULL;
  char *contents;
  gsize length;
  guint64 header_length;

  self->json = json_parser_new ();
  json_parser_load_from_file (self->json, json, &error);
  g_assert_no_error (error);
  self->object = json_node_get_object (json_parser_get_root (self->json));

  g_file_get_contents (tensors, &contents, &length, &error);
  g_assert_no_error (error);
  self->bytes = g_bytes_new_take (contents, length);
  memcpy (&header_length, contents, 8);
  self->data = 8 + GUINT64_FROM_LE (header_length);
  self->header = json_parser_new ();
  json_parser_load_from_data (self->header, contents + 8, self->data - 8, &error);
  g_assert_no_error (error);
}

static void
case_close (Case *self)
{
  g_object_unref (self->json);
  g_object_unref (self->header);
  g_bytes_unref (self->bytes);
}

/* "kind.k" as floats; they belong to the case. */
static const float *
case_tensor (Case *self, const char *kind, guint run, gsize *n)
{
  g_autofree char *name = g_strdup_printf ("%s.%u", kind, run);
  JsonObject *header = json_node_get_object (json_parser_get_root (self->header));
  JsonArray *range;
  gsize first, end;

  g_assert_true (json_object_has_member (header, name));
  range = json_object_get_array_member (json_object_get_object_member (header, name), "data_offsets");
  first = json_array_get_int_element (range, 0);
  end = json_array_get_int_element (range, 1);
  g_assert_cmpuint (self->data + end, <=, g_bytes_get_size (self->bytes));
  *n = (end - first) / sizeof (float);
  return (const float *) (gconstpointer) ((const char *) g_bytes_get_data (self->bytes, NULL) + self->data + first);
}

/* The bound that the fixtures propose: ten times the reference's own rounding, or 2e-5 of the largest value. */
static double
case_bound (Case *self, const char *kind, guint run)
{
  g_autofree char *name = g_strdup_printf ("%s.%u", kind, run);
  JsonObject *all = json_object_get_object_member (self->object, "tolerance_f32");
  JsonObject *one = json_object_get_object_member (all, name);

  return MAX (10 * json_object_get_double_member (one, "max_abs"),
              2e-5 * json_object_get_double_member (one, "ref_max"));
}

static double
config_double (JsonObject *config, const char *name, double otherwise)
{
  return json_object_get_double_member_with_default (config, name, otherwise);
}

static gboolean
config_flag (JsonObject *config, const char *name)
{
  return json_object_get_boolean_member_with_default (config, name, FALSE);
}

static PentFlowSchedule
schedule_from_config (JsonObject *config, gboolean sigma_min_0)
{
  PentFlowSchedule schedule = PENT_FLOW_SCHEDULE_INIT;
  const char *type = json_object_get_string_member_with_default (config, "time_shift_type", "exponential");

  schedule.train_steps = config_double (config, "num_train_timesteps", 1000);
  schedule.shift = config_double (config, "shift", 1);
  schedule.dynamic = config_flag (config, "use_dynamic_shifting");
  schedule.dynamic_linear = g_str_equal (type, "linear");
  schedule.base_shift = config_double (config, "base_shift", schedule.base_shift);
  schedule.max_shift = config_double (config, "max_shift", schedule.max_shift);
  schedule.base_tokens = config_double (config, "base_image_seq_len", schedule.base_tokens);
  schedule.max_tokens = config_double (config, "max_image_seq_len", schedule.max_tokens);
  schedule.shift_terminal = config_double (config, "shift_terminal", 0);
  schedule.sigma_min = sigma_min_0 ? 0 : 1.0 / schedule.train_steps;
  if (config_flag (config, "use_karras_sigmas"))
    schedule.spacing = PENT_SPACING_KARRAS;
  return schedule;
}

/* The [steps + 1] sigmas of one run; the number of steps into *steps. */
static double *
run_sigmas (const PentFlowSchedule *schedule, JsonObject *run, guint *steps)
{
  JsonObject *call = json_object_get_object_member (run, "set_timesteps");
  JsonArray *list = json_object_has_member (call, "sigmas") ? json_object_get_array_member (call, "sigmas") : NULL;
  g_autofree double *custom = NULL;
  double *sigmas;

  *steps = list != NULL ? json_array_get_length (list) : json_object_get_int_member (call, "num_inference_steps");
  if (list != NULL)
    {
      custom = g_new (double, *steps);
      for (guint i = 0; i < *steps; i++)
        custom[i] = json_array_get_double_element (list, i);
    }
  sigmas = g_new (double, *steps + 1);
  pent_flow_sigmas (schedule, *steps, custom, config_double (call, "mu", 0), sigmas);
  return sigmas;
}

typedef struct {
  const float *values;   /* [draws, n] */
  gsize        n;
} DrawnNoise;

static void
replay_noise (float *dst, gsize n, guint64 seed, guint index, gsize first, gpointer data)
{
  DrawnNoise *drawn = data;

  memcpy (dst, drawn->values + index * drawn->n + first, n * sizeof (float));
}

static double
largest_difference (const float *a, const float *b, gsize n)
{
  double largest = 0;

  for (gsize i = 0; i < n; i++)
    largest = fmax (largest, isnan (a[i]) ? INFINITY : fabs ((double) a[i] - b[i]));
  return largest;
}

static void
check_sigmas (Case *self, guint k, const double *sigmas, guint steps)
{
  double bound = case_bound (self, "output.sigmas", k);
  gsize n;
  const float *expected = case_tensor (self, "output.sigmas", k, &n);

  /* Heun's list names inner sigmas twice: compare each one once. */
  gboolean twice = n > steps + 1;

  g_assert_cmpuint (n, ==, twice ? 2 * steps : steps + 1);
  for (guint i = 0; i <= steps; i++)
    g_assert_cmpfloat_with_epsilon (sigmas[i], expected[twice ? (i == 0 ? 0 : 2 * i - 1) : i], bound);
}

static void
check_run (Case *self, guint k, const PentSamplerClass *klass, const double *sigmas, guint steps)
{
  g_autoptr(PentSampler) sampler = pent_sampler_new (klass, sigmas, steps, 0);
  gsize n, n_velocities, n_samples, n_times, n_drawn;
  const float *noise = case_tensor (self, "input.noise", k, &n);
  const float *velocities = case_tensor (self, "input.model_outputs", k, &n_velocities);
  const float *samples = case_tensor (self, "output.samples", k, &n_samples);
  const float *times = case_tensor (self, "output.timesteps", k, &n_times);
  double bound = case_bound (self, "output.samples", k), time_bound = case_bound (self, "output.timesteps", k);
  g_autofree float *x = g_memdup2 (noise, n * sizeof (float));
  DrawnNoise drawn = { NULL, n };
  double error = 0;
  guint asked = 0;

  if (klass == pent_sampler_find ("euler-stochastic"))
    {
      drawn.values = case_tensor (self, "input.step_noise", k, &n_drawn);
      pent_sampler_set_noise (sampler, replay_noise, &drawn);
    }

  for (; !pent_sampler_done (sampler); asked++)
    {
      g_assert_cmpuint (asked, <, n_times);
      g_assert_cmpfloat_with_epsilon (1000 * pent_sampler_get_sigma (sampler), times[asked], time_bound);
      pent_sampler_step (sampler, x, velocities + asked * n, n);
      error = fmax (error, largest_difference (x, samples + (asked + 1) * n, n));
    }
  g_assert_cmpuint (asked, ==, n_times);
  g_assert_cmpuint (asked * n, ==, n_velocities);
  g_assert_cmpuint (pent_sampler_get_index (sampler), ==, steps);
  g_test_message ("run %u: largest error %.3g, bound %.3g", k, error, bound);
  g_assert_cmpfloat (error, <=, bound);
}

static void
test_case (gconstpointer data)
{
  const char *name = data;
  Case self;
  JsonObject *config;
  JsonArray *runs;
  PentFlowSchedule schedule;
  const PentSamplerClass *klass;

  case_open (&self, name);
  config = json_object_get_object_member (self.object, "config");
  runs = json_object_get_array_member (self.object, "runs");
  schedule = schedule_from_config (config, g_str_equal (name, "flow_euler_zimage"));
  klass = pent_sampler_find (config_flag (config, "stochastic_sampling")
                             ? "euler-stochastic" : json_object_get_string_member (self.object, "architecture"));
  g_assert_nonnull (klass);
  g_assert_cmpuint (json_array_get_length (runs), >, 0);
  for (guint k = 0; k < json_array_get_length (runs); k++)
    {
      guint steps;
      g_autofree double *sigmas = run_sigmas (&schedule, json_array_get_object_element (runs, k), &steps);

      check_sigmas (&self, k, sigmas, steps);
      check_run (&self, k, klass, sigmas, steps);
    }
  case_close (&self);
}

/* The sigmas of the reference's Euler scheduler for SD 1.5, which spaces between its first and last in the same way. */
static void
test_spacing (void)
{
  static const double ends[8] = { 14.614646911621094, 1, 1, 1, 1, 1, 1, 0.029167532920837402 };
  static const double beta[8] = { 14.614646911621094, 13.577006340026855, 11.451765060424805, 8.759598731994629,
                                  5.884215831756592, 3.192049741744995, 1.0668081045150757, 0.029167532920837402 };
  static const double exponential[8] = { 14.614646911621094, 6.0129828453063965, 2.4739537239074707,
                                         1.0178720951080322, 0.4187885820865631, 0.1723044365644455,
                                         0.07089214026927948, 0.029167532920837402 };
  PentFlowSchedule schedule = PENT_FLOW_SCHEDULE_INIT;
  double sigmas[9];

  schedule.spacing = PENT_SPACING_BETA;
  pent_flow_sigmas (&schedule, 8, ends, 0, sigmas);
  for (guint i = 0; i < 8; i++)
    g_assert_cmpfloat_with_epsilon (sigmas[i], beta[i], 2e-6 * ends[0]);

  schedule.spacing = PENT_SPACING_EXPONENTIAL;
  pent_flow_sigmas (&schedule, 8, ends, 0, sigmas);
  for (guint i = 0; i < 8; i++)
    g_assert_cmpfloat_with_epsilon (sigmas[i], exponential[i], 1e-6 * exponential[i]);
  g_assert_cmpfloat (sigmas[8], ==, 0);
}

/* Every combination gives finite sigmas that never rise, from 1 step to many. */
static void
test_sane (void)
{
  static const guint counts[] = { 1, 2, 3, 9, 50, 1000 };

  for (guint bits = 0; bits < 4 * 2 * 2 * 2 * 2; bits++)
    for (guint c = 0; c < G_N_ELEMENTS (counts); c++)
      {
        PentFlowSchedule schedule = PENT_FLOW_SCHEDULE_INIT;
        double sigmas[1001];

        schedule.spacing = bits & 3;
        schedule.dynamic = (bits & 4) != 0;
        schedule.dynamic_linear = (bits & 8) != 0;
        schedule.shift_terminal = bits & 16 ? 0.02 : 0;
        schedule.sigma_min = bits & 32 ? 0 : 0.001;
        schedule.shift = 3;
        pent_flow_sigmas (&schedule, counts[c], NULL, 1.15, sigmas);
        g_assert_cmpfloat_with_epsilon (sigmas[0], 1, 1e-12);
        g_assert_cmpfloat (sigmas[counts[c]], ==, 0);
        for (guint i = 0; i < counts[c]; i++)
          {
            g_assert_true (isfinite (sigmas[i]));
            g_assert_cmpfloat (sigmas[i + 1], <=, sigmas[i] + 1e-12);
          }
      }
}

static void
test_mu (void)
{
  PentFlowSchedule schedule = PENT_FLOW_SCHEDULE_INIT;

  g_assert_cmpfloat_with_epsilon (pent_flow_mu (&schedule, 256), 0.5, 1e-12);
  g_assert_cmpfloat_with_epsilon (pent_flow_mu (&schedule, 4096), 1.15, 1e-12);
  g_assert_cmpfloat_with_epsilon (pent_flow_mu (&schedule, 1024), 0.63, 1e-12);
  g_assert_cmpfloat_with_epsilon (pent_flow_mu (&schedule, 0), 0.5 - 0.65 / 15, 1e-12);
}

static void
test_registry (void)
{
  for (guint i = 0; pent_samplers[i] != NULL; i++)
    {
      g_autofree char *upper = g_ascii_strup (pent_samplers[i]->name, -1);

      g_assert_true (pent_sampler_find (upper) == pent_samplers[i]);
      for (guint j = 0; pent_samplers[i]->aliases[j] != NULL; j++)
        g_assert_true (pent_sampler_find (pent_samplers[i]->aliases[j]) == pent_samplers[i]);
    }
  g_assert_null (pent_sampler_find ("no such sampler"));
  g_assert_null (pent_sampler_find (""));
}

/* dx/dsigma = x has the answer x exp (sigma' - sigma): the error must fall with the method's order. */
static double
integrate (const char *name, guint steps)
{
  g_autofree double *sigmas = g_new (double, steps + 1);
  g_autoptr(PentSampler) sampler = NULL;
  float x = 1;

  for (guint i = 0; i <= steps; i++)
    sigmas[i] = 2 - (double) i / steps;
  sampler = pent_sampler_new (pent_sampler_find (name), sigmas, steps, 0);
  while (!pent_sampler_done (sampler))
    {
      float velocity = x;

      pent_sampler_step (sampler, &x, &velocity, 1);
    }
  return fabs (x - exp (-1));
}

static void
test_order (void)
{
  g_assert_cmpfloat_with_epsilon (integrate ("euler", 8) / integrate ("euler", 16), 2, 0.2);
  g_assert_cmpfloat_with_epsilon (integrate ("heun", 8) / integrate ("heun", 16), 4, 0.4);
}

/* With its own noise a stochastic sampler gives the same bits each time, others with another seed or step. */
static void
test_noise (void)
{
  enum { N = 1500 };
  static const double sigmas[] = { 1, 0.5, 0.25, 0 };
  g_autofree float *velocity = g_new0 (float, N);
  float *x[3] = { g_new0 (float, N), g_new0 (float, N), g_new0 (float, N) };
  g_autofree float *expected = g_new (float, N);

  for (guint run = 0; run < 3; run++)
    {
      const PentSamplerClass *klass = pent_sampler_find ("euler-stochastic");
      g_autoptr(PentSampler) sampler = pent_sampler_new (klass, sigmas, 3, run < 2 ? 7 : 8);

      pent_sampler_step (sampler, x[run], velocity, N);
      if (run == 0)
        {
          pent_noise_normal (expected, N, 7, PENT_NOISE_STEP, 0);
          for (guint i = 0; i < N; i++)
            g_assert_cmpfloat (x[0][i], ==, 0.5f * expected[i]);
        }
      pent_sampler_step (sampler, x[run], velocity, N);
    }
  g_assert_cmpmem (x[0], N * sizeof (float), x[1], N * sizeof (float));
  g_assert_cmpint (memcmp (x[0], x[2], N * sizeof (float)), !=, 0);
  g_free (x[0]);
  g_free (x[1]);
  g_free (x[2]);
}

int
main (int argc, char **argv)
{
  static const char *const cases[] = { "flow_euler_dyn_linear", "flow_euler_flux_dev", "flow_euler_karras",
                                       "flow_euler_qwen", "flow_euler_schnell", "flow_euler_sd3",
                                       "flow_euler_stochastic", "flow_euler_zimage", "flow_heun" };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/sampler/reference/", cases[i], NULL);

      g_test_add_data_func (path, cases[i], test_case);
    }
  g_test_add_func ("/schedule/spacing", test_spacing);
  g_test_add_func ("/schedule/sane", test_sane);
  g_test_add_func ("/schedule/mu", test_mu);
  g_test_add_func ("/sampler/registry", test_registry);
  g_test_add_func ("/sampler/order", test_order);
  g_test_add_func ("/sampler/noise", test_noise);
  return g_test_run ();
}
