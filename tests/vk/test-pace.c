/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "vk-pace.h"
#include "vk-test.h"

#define TARGET 0.2

/* Every group of every task lies in exactly one cut; order and parts only ever go forward; no part is too long. */
static void
check_plan (const PentVkTask *tasks, guint n_tasks, const GArray *cuts, guint n_parts)
{
  g_autofree guint64 *covered = g_new0 (guint64, n_tasks);
  g_autofree double *filled = g_new0 (double, n_parts + 1);
  g_autofree guint *count = g_new0 (guint, n_parts + 1);
  guint task = 0, part = 0;

  for (guint i = 0; i < cuts->len; i++)
    {
      const PentVkCut *cut = &g_array_index (cuts, PentVkCut, i);

      g_assert_true (cut->task == task || cut->task == task + 1);
      g_assert_true (cut->part == part || cut->part == part + 1);
      task = cut->task;
      part = cut->part;
      for (guint axis = 0; axis < 3; axis++)
        g_assert_cmpuint (cut->base[axis] + cut->count[axis], <=, tasks[task].groups[axis]);
      covered[task] += (guint64) cut->count[0] * cut->count[1] * cut->count[2];
      filled[part] += cut->seconds;
      count[part]++;
    }

  g_assert_cmpuint (n_parts, ==, cuts->len > 0 ? part + 1 : 0);
  for (guint i = 0; i < n_tasks; i++)
    g_assert_cmpuint (covered[i], ==, (guint64) tasks[i].groups[0] * tasks[i].groups[1] * tasks[i].groups[2]);
  for (guint i = 0; i < n_parts; i++)
    g_assert_true (filled[i] <= TARGET * 1.001 || count[i] == 1);
}

/* Cuts of one task never overlap: counted group by group. */
static void
check_no_overlap (const PentVkTask *task, const GArray *cuts)
{
  g_autofree guint8 *map = g_new0 (guint8, task->groups[0] * task->groups[1] * task->groups[2]);

  for (guint i = 0; i < cuts->len; i++)
    {
      const PentVkCut *cut = &g_array_index (cuts, PentVkCut, i);

      for (guint z = cut->base[2]; z < cut->base[2] + cut->count[2]; z++)
        for (guint y = cut->base[1]; y < cut->base[1] + cut->count[1]; y++)
          for (guint x = cut->base[0]; x < cut->base[0] + cut->count[0]; x++)
            g_assert_cmpuint (map[(z * task->groups[1] + y) * task->groups[0] + x]++, ==, 0);
    }
}

static void
test_plan (void)
{
  for (guint round = 0; round < 2000; round++)
    {
      PentVkTask tasks[20];
      guint n = g_test_rand_int_range (0, G_N_ELEMENTS (tasks) + 1), n_parts;
      g_autoptr (GArray) cuts = NULL;

      for (guint i = 0; i < n; i++)
        {
          for (guint axis = 0; axis < 3; axis++)
            tasks[i].groups[axis] = g_test_rand_bit () ? 1 : g_test_rand_int_range (1, 30);
          tasks[i].seconds = exp (g_test_rand_double_range (-15, 3));
        }

      cuts = vk_plan (tasks, n, TARGET, &n_parts);
      check_plan (tasks, n, cuts, n_parts);
      g_clear_pointer (&cuts, g_array_unref);

      if (n > 0)
        {
          cuts = vk_plan (tasks, 1, TARGET, &n_parts);
          check_no_overlap (&tasks[0], cuts);
        }
    }
}

/* Along z as long as there is z, then y, then x. */
static void
test_axes (void)
{
  PentVkTask flat = { { 8, 4, 1 }, 4 * TARGET }, deep = { { 8, 4, 16 }, 4 * TARGET }, single = { { 1, 1, 1 }, 100 };
  PentVkTask copy = { { 0, 0, 0 }, 100 }, strange = { { 4, 4, 4 }, NAN };
  guint n_parts;
  g_autoptr (GArray) a = vk_plan (&deep, 1, TARGET, &n_parts);
  g_autoptr (GArray) b = NULL, c = NULL, d = NULL, e = NULL;

  g_assert_cmpuint (n_parts, ==, 4);
  g_assert_cmpuint (g_array_index (a, PentVkCut, 1).base[2], ==, 4);
  g_assert_cmpuint (g_array_index (a, PentVkCut, 1).count[1], ==, 4);
  b = vk_plan (&flat, 1, TARGET, &n_parts);
  g_assert_cmpuint (n_parts, ==, 4);
  g_assert_cmpuint (g_array_index (b, PentVkCut, 1).base[1], ==, 1);
  g_assert_cmpuint (g_array_index (b, PentVkCut, 1).count[0], ==, 8);
  c = vk_plan (&single, 1, TARGET, &n_parts);
  g_assert_cmpuint (n_parts, ==, 1);
  d = vk_plan (&copy, 1, TARGET, &n_parts);
  g_assert_cmpuint (d->len, ==, 1);
  e = vk_plan (&strange, 1, TARGET, &n_parts);
  g_assert_cmpuint (e->len, ==, 1);
}

/* A kernel that is faster or slower than assumed is known after a few parts, also among others. */
static void
test_learning (void)
{
  static const PentVkSpeed speed = { 1e9, 1e9 };
  const double truth[] = { 1e-3, 0.3, 20 }, flops[] = { 1e9, 1e8, 1e7 };
  PentVkPace pace[3];

  for (guint i = 0; i < 3; i++)
    vk_pace_init (&pace[i]);

  for (guint round = 0; round < 400; round++)
    {
      double expected = 0, seconds = 0, estimate[3];

      for (guint i = 0; i < 3; i++)
        {
          double amount = flops[i] * g_test_rand_double_range (0.1, 2);

          estimate[i] = vk_pace_estimate (&pace[i], &speed, amount, 0);
          expected += estimate[i];
          seconds += truth[i] * amount / speed.flops;
        }
      for (guint i = 0; i < 3; i++)
        vk_pace_learn (&pace[i], expected, seconds, estimate[i] / expected);
    }

  /* The one that dominates is known well; together they are never far below what is true. */
  g_assert_cmpfloat (pace[2].factor, >, 10);
  g_assert_cmpfloat (pace[2].factor, <, 60);
}

static void
test_learning_alone (void)
{
  static const PentVkSpeed speed = { 1e9, 1e9 };

  for (double truth = 1e-4; truth < 50; truth *= 7)
    {
      PentVkPace pace;

      vk_pace_init (&pace);
      for (guint round = 0; round < 3; round++)
        {
          double expected = vk_pace_estimate (&pace, &speed, 1e11, 0);

          vk_pace_learn (&pace, expected, truth * 100, 1);
        }
      g_assert_cmpfloat (fabs (vk_pace_estimate (&pace, &speed, 1e11, 0) / (truth * 100) - 1), <, 0.05);
    }
}

/* What says nothing changes nothing. */
static void
test_learning_nothing (void)
{
  PentVkPace pace;

  vk_pace_init (&pace);
  vk_pace_learn (&pace, 0, 1, 1);
  vk_pace_learn (&pace, 1, 0, 1);
  vk_pace_learn (&pace, 1, NAN, 1);
  vk_pace_learn (&pace, 1, 0.001, 0);
  g_assert_cmpfloat (pace.factor, ==, 1);
}

void
test_pace_add (void)
{
  g_test_add_func ("/vk/pace/plan", test_plan);
  g_test_add_func ("/vk/pace/axes", test_axes);
  g_test_add_func ("/vk/pace/learning", test_learning);
  g_test_add_func ("/vk/pace/learning-alone", test_learning_alone);
  g_test_add_func ("/vk/pace/learning-nothing", test_learning_nothing);
}
