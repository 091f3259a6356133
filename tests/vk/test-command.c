/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-test.h"

static void
run (PentVkCommand *command)
{
  g_autoptr (GError) error = NULL;

  pent_vk_command_run (command, NULL, &error);
  g_assert_no_error (error);
}

/* Chains of dispatches, copies and fills on random ranges of a few buffers, against the same on the host.  Device and
 * host go through it three times: a replay is the same program on what the last one left. */
#define WORDS 4096
#define BUFFERS 3

typedef enum { SAXPY, COPY, FILL } Kind;

typedef struct {
  Kind      kind;
  guint     from, to, src, dst, n;        /* words */
  guint32   word;
  TestSaxpy call;
} Action;

static Action
random_action (PentVkBuffer **buffers)
{
  Action a = { .kind = g_test_rand_int_range (0, 3), .word = g_test_rand_int () };

  a.src = g_test_rand_int_range (0, BUFFERS);
  a.dst = (a.src + 1 + g_test_rand_int_range (0, BUFFERS - 1)) % BUFFERS;
  a.call = (TestSaxpy) {
    .x = buffers[a.src], .y = buffers[a.dst],
    .groups = { g_test_rand_int_range (1, 6), g_test_rand_int_range (1, 6), g_test_rand_int_range (1, 4) },
    .spec = { 8, g_test_rand_int_range (1, 3), 1 },
  };
  a.n = test_saxpy_n (&a.call);
  a.from = g_test_rand_int_range (0, WORDS - a.n);
  a.to = g_test_rand_int_range (0, WORDS - a.n);
  a.call.x_offset = a.from * 4;
  a.call.y_offset = a.to * 4;
  return a;
}

static void
record (PentVkCommand *command, const Action *a)
{
  switch (a->kind)
    {
    case SAXPY:
      test_saxpy_record (command, &a->call);
      break;
    case COPY:
      pent_vk_command_copy (command, a->call.y, a->to * 4, a->call.x, a->from * 4, a->n * 4);
      break;
    case FILL:
      pent_vk_command_fill (command, a->call.y, a->to * 4, a->n * 4, a->word);
      break;
    }
}

static void
apply (const Action *a, guint32 **words)
{
  const guint32 *x = words[a->src] + a->from;
  guint32 *y = words[a->dst] + a->to;

  switch (a->kind)
    {
    case SAXPY:
      test_saxpy_apply (&a->call, x, y);
      break;
    case COPY:
      memcpy (y, x, a->n * 4);
      break;
    case FILL:
      for (guint i = 0; i < a->n; i++)
        y[i] = a->word;
      break;
    }
}

static void
test_random (void)
{
  PentVkContext *context = test_context_new ();

  for (guint round = 0; round < 20; round++)
    {
      PentVkCommand *command = pent_vk_command_new (context, "random");
      PentVkBuffer *buffers[BUFFERS];
      guint32 *words[BUFFERS];
      Action actions[30];

      for (guint i = 0; i < BUFFERS; i++)
        {
          words[i] = test_words (WORDS, g_test_rand_int ());
          buffers[i] = test_buffer_new (context, words[i], WORDS, "random");
        }
      for (guint i = 0; i < G_N_ELEMENTS (actions); i++)
        {
          actions[i] = random_action (buffers);
          record (command, &actions[i]);
        }
      pent_vk_command_end (command);

      for (guint replay = 0; replay < 3; replay++)
        {
          run (command);
          for (guint i = 0; i < G_N_ELEMENTS (actions); i++)
            apply (&actions[i], words);
          for (guint i = 0; i < BUFFERS; i++)
            test_assert_words (buffers[i], 0, words[i], WORDS);
        }

      for (guint i = 0; i < BUFFERS; i++)
        {
          pent_vk_buffer_unref (buffers[i]);
          g_free (words[i]);
        }
      pent_vk_command_unref (command);
    }
  test_context_end (context);
}

/* Barriers are counted where ranges meet, and nowhere else. */
static void
test_barriers (void)
{
  PentVkContext *context = test_context_new ();
  PentVkBuffer *a = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 4096, "a");
  PentVkBuffer *b = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 4096, "b");
  PentVkCommand *command = pent_vk_command_new (context, "barriers");

  pent_vk_command_fill (command, a, 0, 1024, 1);
  pent_vk_command_fill (command, a, 1024, 1024, 2);
  pent_vk_command_fill (command, b, 0, 4096, 3);
  g_assert_cmpuint (pent_vk_command_n_barriers (command), ==, 0);
  pent_vk_command_copy (command, a, 2048, b, 0, 512);
  g_assert_cmpuint (pent_vk_command_n_barriers (command), ==, 1);
  pent_vk_command_copy (command, a, 3072, b, 0, 512);
  g_assert_cmpuint (pent_vk_command_n_barriers (command), ==, 1);
  pent_vk_command_fill (command, b, 0, 4, 4);
  g_assert_cmpuint (pent_vk_command_n_barriers (command), ==, 2);
  pent_vk_command_end (command);
  run (command);
  g_assert_cmpuint (pent_vk_command_n_dispatches (command), ==, 0);
  pent_vk_command_unref (command);
  pent_vk_buffer_unref (a);
  pent_vk_buffer_unref (b);
  test_context_end (context);
}

/* Commands that know nothing of each other, submitted one after the other without waiting. */
static void
test_across (void)
{
  PentVkContext *context = test_context_new ();
  g_autofree guint32 *words = test_words (1024, 1);
  PentVkBuffer *buffers[8] = { test_buffer_new (context, words, 1024, "across") };
  PentVkCommand *commands[8] = { NULL };

  for (guint i = 1; i < G_N_ELEMENTS (buffers); i++)
    {
      buffers[i] = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 4096, "across");
      commands[i] = pent_vk_command_new (context, "across");
      pent_vk_command_copy (commands[i], buffers[i], 0, buffers[i - 1], 0, 4096);
      pent_vk_command_end (commands[i]);
    }
  for (guint i = 1; i < G_N_ELEMENTS (buffers); i++)
    g_assert_cmpuint (pent_vk_command_submit (commands[i]), >, 0);
  test_assert_words (buffers[7], 0, words, 1024);
  for (guint i = 0; i < G_N_ELEMENTS (buffers); i++)
    {
      g_clear_pointer (&commands[i], pent_vk_command_unref);
      pent_vk_buffer_unref (buffers[i]);
    }
  test_context_end (context);
}

/* A dispatch that is said to take long is cut along z, y and x; the sum of the pieces is the whole. */
static void
test_split (void)
{
  static const guint32 shapes[][3] = { { 37, 1, 1 }, { 5, 23, 1 }, { 3, 2, 17 }, { 1, 1, 1 }, { 13, 11, 7 } };
  static const double costs[] = { 0, 1e9, 2e9, 1e10, 5e12 };
  PentVkContext *context = test_context_new ();

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    for (guint j = 0; j < G_N_ELEMENTS (costs); j++)
      {
        TestSaxpy call = { .groups = { shapes[i][0], shapes[i][1], shapes[i][2] }, .spec = { 8, 3 + i, 1 + j },
                           .flops = costs[j] };      /* new constants: of these nothing is known yet */
        guint n = test_saxpy_n (&call);
        g_autofree guint32 *x = test_words (n, 1), *y = test_words (n, 2);
        PentVkCommand *command = pent_vk_command_new (context, "split");

        call.x = test_buffer_new (context, x, n, "x");
        call.y = test_buffer_new (context, y, n, "y");
        test_saxpy_record (command, &call);
        test_saxpy_record (command, &call);
        pent_vk_command_end (command);
        if (costs[j] == 0)
          g_assert_cmpuint (pent_vk_command_n_parts (command), ==, 1);
        if (costs[j] == 5e12 && n > 8)
          g_assert_cmpuint (pent_vk_command_n_parts (command), >, 4);
        for (guint replay = 0; replay < 4; replay++)
          {
            run (command);
            test_saxpy_apply (&call, x, y);
            test_saxpy_apply (&call, x, y);
            test_assert_words (call.y, 0, y, n);
          }
        pent_vk_command_unref (command);
        pent_vk_buffer_unref (call.x);
        pent_vk_buffer_unref (call.y);
      }
  test_context_end (context);
}

/* What turned out to be quick is cut into fewer parts the next time. */
static void
test_learning (void)
{
  PentVkContext *context = test_context_new ();
  g_autofree guint32 *words = test_words (64 * 64, 1);
  TestSaxpy call = {
    .x = test_buffer_new (context, words, 64 * 64, "x"),
    .y = test_buffer_new (context, words, 64 * 64, "y"),
    .groups = { 64, 1, 1 }, .spec = { 64, 1, 1 }, .flops = 1e12,
  };
  PentVkCommand *command = pent_vk_command_new (context, "learning");
  guint before;

  test_saxpy_record (command, &call);
  pent_vk_command_end (command);
  before = pent_vk_command_n_parts (command);
  g_assert_cmpuint (before, >, 3);
  for (guint i = 0; i < 10; i++)
    run (command);
  g_test_message ("%u parts, then %u", before, pent_vk_command_n_parts (command));
  g_assert_cmpuint (pent_vk_command_n_parts (command), <=, 3);
  g_assert_cmpuint (pent_vk_command_n_barriers (command), ==, 0);

  pent_vk_command_unref (command);
  pent_vk_buffer_unref (call.x);
  pent_vk_buffer_unref (call.y);
  test_context_end (context);
}

static void
test_timings (void)
{
  PentVkContext *context = test_context_new ();
  g_autofree guint32 *words = test_words (1 << 20, 1);
  TestSaxpy call = {
    .x = test_buffer_new (context, words, 1 << 20, "x"),
    .y = test_buffer_new (context, words, 1 << 20, "y"),
    .groups = { 16, 32, 32 }, .spec = { 64, 1, 1 }, .flops = 1e9,
  };
  PentVkCommand *command = pent_vk_command_new (context, "timed");
  gint64 begin;
  double wall, sum = 0;

  test_saxpy_record (command, &call);
  pent_vk_command_mark (command, "nothing happens here");
  pent_vk_command_mark (command, "two");
  test_saxpy_record (command, &call);
  test_saxpy_record (command, &call);
  pent_vk_command_mark (command, "last");
  pent_vk_command_fill (command, call.y, 0, 4 << 20, 0);
  pent_vk_command_end (command);

  for (guint round = 0; round < 3; round++)
    {
      static const char *const labels[] = { "timed", "two", "last" };
      g_autoptr (GArray) timings = NULL;

      begin = g_get_monotonic_time ();
      run (command);
      wall = (g_get_monotonic_time () - begin) * 1e-6;
      timings = pent_vk_command_get_timings (command);
      g_assert_cmpuint (timings->len, ==, 3);
      sum = 0;
      for (guint i = 0; i < 3; i++)
        {
          const PentVkTiming *timing = &g_array_index (timings, PentVkTiming, i);

          g_test_message ("%s: %.3f ms", timing->label, timing->seconds * 1e3);
          g_assert_cmpstr (timing->label, ==, labels[i]);
          g_assert_cmpfloat (timing->seconds, >, 0);
          sum += timing->seconds;
        }
      g_assert_cmpfloat (sum, <=, wall);
      g_assert_cmpfloat (g_array_index (timings, PentVkTiming, 1).flops, ==, 2e9);
      g_assert_cmpfloat (g_array_index (timings, PentVkTiming, 2).bytes, ==, 4 << 20);
    }

  pent_vk_command_unref (command);
  pent_vk_buffer_unref (call.x);
  pent_vk_buffer_unref (call.y);
  test_context_end (context);
}

static void
test_time_every_dispatch (void)
{
  PentVkContext *context = test_context_new ();
  g_autofree guint32 *words = test_words (1 << 16, 1);
  TestSaxpy call = {
    .x = test_buffer_new (context, words, 1 << 16, "x"),
    .y = test_buffer_new (context, words, 1 << 16, "y"),
    .groups = { 1024, 1, 1 }, .spec = { 64, 1, 1 },
  };
  PentVkCommand *command = pent_vk_command_new (context, "each");
  g_autoptr (GArray) timings = NULL;

  pent_vk_command_time_every_dispatch (command);
  for (guint i = 0; i < 5; i++)
    test_saxpy_record (command, &call);
  pent_vk_command_fill (command, call.y, 0, 4, 0);
  pent_vk_command_end (command);
  g_assert_cmpuint (pent_vk_command_submit (command), >, 0);
  g_assert_true (pent_vk_wait (context, pent_vk_command_submit (command), NULL));
  g_assert_cmpuint (pent_vk_command_n_barriers (command), ==, 5);
  g_assert_cmpuint (pent_vk_command_n_dispatches (command), ==, 5);

  timings = pent_vk_command_get_timings (command);
  g_assert_cmpuint (timings->len, ==, 6);
  for (guint i = 0; i < 6; i++)
    {
      const PentVkTiming *timing = &g_array_index (timings, PentVkTiming, i);

      g_assert_cmpstr (timing->label, ==, i < 5 ? "saxpy" : "fill");
      g_assert_cmpfloat (timing->seconds, >, 0);
    }

  pent_vk_command_unref (command);
  pent_vk_buffer_unref (call.x);
  pent_vk_buffer_unref (call.y);
  test_context_end (context);
}

typedef struct {
  volatile guint32 *flag;
  GCancellable     *cancellable;
} Watch;

/* Cancels once the first part has left its mark. */
static gpointer
watch (gpointer data)
{
  Watch *self = data;

  while (*self->flag == 0)
    g_thread_yield ();
  g_cancellable_cancel (self->cancellable);
  return NULL;
}

static void
test_cancel (void)
{
  PentVkContext *context = test_context_new ();
  g_autofree guint32 *zeros = g_new0 (guint32, 4096);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  PentVkBuffer *x = test_buffer_new (context, zeros, 4096, "x");
  PentVkBuffer *y = pent_vk_buffer_new (context, PENT_VK_MEMORY_READBACK, 4096 * 4, "y");
  double second = pent_vk_context_get_info (context)->kind == PENT_VK_CPU ? 1e9 : 5e11;      /* as first assumed */
  TestSaxpy call = { .x = x, .y = y, .groups = { 4, 8, 16 }, .spec = { 8, 1, 1 }, .flops = second };
  Watch job = { pent_vk_buffer_get_data (y), cancellable };
  PentVkCommand *command = pent_vk_command_new (context, "cancelled");
  GThread *thread;
  guint32 last;

  pent_vk_command_fill (command, y, 0, 4096 * 4, 1);
  for (guint i = 0; i < 100; i++)
    test_saxpy_record (command, &call);
  pent_vk_command_fill (command, y, 4095 * 4, 4, 12345);
  pent_vk_command_end (command);
  g_assert_cmpuint (pent_vk_command_n_parts (command), >, 100);

  thread = g_thread_new ("watch", watch, &job);
  g_assert_false (pent_vk_command_run (command, cancellable, &error));
  g_thread_join (thread);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  pent_vk_buffer_read (y, 4095 * 4, &last, 4);
  g_assert_cmpuint (last, !=, 12345);

  /* Before anything: nothing is submitted.  Afterwards all is well. */
  pent_vk_buffer_write (y, 0, zeros, 4096 * 4);
  g_clear_error (&error);
  g_assert_false (pent_vk_command_run (command, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  test_assert_words (y, 0, zeros, 4096);
  g_assert_true (pent_vk_context_check (context, NULL));
  run (command);
  pent_vk_buffer_read (y, 4095 * 4, &last, 4);
  g_assert_cmpuint (last, ==, 12345);

  pent_vk_command_unref (command);
  pent_vk_buffer_unref (x);
  pent_vk_buffer_unref (y);
  test_context_end (context);
}

/* Everything is let go of while the device is still at work, the context first. */
static void
test_let_go (void)
{
  g_autofree guint32 *words = test_words (1 << 18, 1);

  for (guint round = 0; round < 4; round++)
    {
      PentVkContext *context = test_context_new ();
      PentVkBuffer *x = test_buffer_new (context, words, 1 << 18, "x");
      PentVkBuffer *y = test_buffer_new (context, words, 1 << 18, "y");
      TestSaxpy call = { .x = x, .y = y, .groups = { 4096, 1, 1 }, .spec = { 64, 1, 1 } };

      for (guint i = 0; i < 20; i++)
        {
          g_autoptr (PentVkCommand) command = pent_vk_command_new (context, "let go");

          test_saxpy_record (command, &call);
          pent_vk_command_end (command);
          g_assert_cmpuint (pent_vk_command_submit (command), >, 0);
        }
      if (round & 1)
        g_clear_pointer (&x, pent_vk_buffer_unref);
      if (round & 2)
        g_clear_pointer (&y, pent_vk_buffer_unref);
      test_context_end (context);
      g_clear_pointer (&x, pent_vk_buffer_unref);
      g_clear_pointer (&y, pent_vk_buffer_unref);
    }
}

/* Memory that a finished command held comes back by itself. */
static void
test_retire (void)
{
  PentVkContext *context = test_context_new ();
  guint64 before = 0;

  for (guint i = 0; i < 15; i++)
    {
      g_autoptr (PentVkBuffer) buffer = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 40 << 20, "forty");
      g_autoptr (PentVkCommand) command = pent_vk_command_new (context, "retire");

      pent_vk_command_fill (command, buffer, 0, 40 << 20, i);
      pent_vk_command_end (command);
      g_assert_true (pent_vk_wait (context, pent_vk_command_submit (command), NULL));
      before = MAX (before, pent_vk_context_get_allocated (context));
    }
  g_assert_cmpuint (before, <, 100 << 20);
  test_context_end (context);
}

static void
test_empty (void)
{
  PentVkContext *context = test_context_new ();
  PentVkBuffer *buffer = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 7, "odd");
  TestSaxpy call = { .x = buffer, .y = buffer, .groups = { 0, 1, 1 }, .spec = { 64, 1, 1 } };
  PentVkCommand *command = pent_vk_command_new (context, "empty");
  guint8 bytes[7];

  test_saxpy_record (command, &call);
  pent_vk_command_end (command);
  run (command);
  run (command);
  g_assert_cmpuint (pent_vk_command_n_parts (command), ==, 0);
  g_assert_cmpuint (pent_vk_command_n_dispatches (command), ==, 0);
  pent_vk_command_unref (command);

  /* The last word of an odd buffer. */
  command = pent_vk_command_new (context, "odd");
  pent_vk_command_fill (command, buffer, 0, 7, 0x01010101);
  pent_vk_command_end (command);
  run (command);
  pent_vk_buffer_read (buffer, 0, bytes, 7);
  for (guint i = 0; i < 7; i++)
    g_assert_cmpuint (bytes[i], ==, 1);
  pent_vk_command_unref (command);
  pent_vk_buffer_unref (buffer);
  test_context_end (context);
}

static gint64
best_run (PentVkCommand *command, guint times)
{
  gint64 best = G_MAXINT64;

  for (guint i = 0; i < times; i++)
    {
      gint64 begin = g_get_monotonic_time ();

      run (command);
      best = MIN (best, g_get_monotonic_time () - begin);
    }

  return best;
}

/* How long the layer itself takes, at best; printed, not judged. */
static void
test_overhead (void)
{
  PentVkContext *context = test_context_new ();
  g_autofree guint32 *words = test_words (64, 1);
  TestSaxpy call = {
    .x = test_buffer_new (context, words, 64, "x"),
    .y = test_buffer_new (context, words, 64, "y"),
    .groups = { 1, 1, 1 }, .spec = { 64, 1, 1 },
  };
  PentVkCommand *one = pent_vk_command_new (context, "one"), *many = pent_vk_command_new (context, "many");
  gint64 begin, recording;

  test_saxpy_record (one, &call);
  pent_vk_command_end (one);

  begin = g_get_monotonic_time ();
  for (guint i = 0; i < 1000; i++)
    test_saxpy_record (many, &call);
  pent_vk_command_end (many);
  recording = g_get_monotonic_time () - begin;
  g_test_message ("a run of one dispatch %d µs; a dispatch with its barrier %.2f µs to record and %.2f µs to run",
                  (int) best_run (one, 500), recording / 1e3, best_run (many, 20) / 1e3);

  pent_vk_command_unref (one);
  pent_vk_command_unref (many);
  pent_vk_buffer_unref (call.x);
  pent_vk_buffer_unref (call.y);
  test_context_end (context);
}

void
test_command_add (void)
{
  g_test_add_func ("/vk/command/random", test_random);
  g_test_add_func ("/vk/command/barriers", test_barriers);
  g_test_add_func ("/vk/command/across", test_across);
  g_test_add_func ("/vk/command/split", test_split);
  g_test_add_func ("/vk/command/learning", test_learning);
  g_test_add_func ("/vk/command/timings", test_timings);
  g_test_add_func ("/vk/command/time-every-dispatch", test_time_every_dispatch);
  g_test_add_func ("/vk/command/cancel", test_cancel);
  g_test_add_func ("/vk/command/let-go", test_let_go);
  g_test_add_func ("/vk/command/retire", test_retire);
  g_test_add_func ("/vk/command/empty", test_empty);
  g_test_add_func ("/vk/command/overhead", test_overhead);
}
