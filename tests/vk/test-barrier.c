/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-barrier.h"
#include "vk-test.h"

static gboolean
add (PentVkHazards *hazards, guint64 begin, guint64 end, gboolean write)
{
  PentVkRange range = { begin, end, write };

  return vk_hazards_add (hazards, &range, 1);
}

#define READ FALSE
#define WRITE TRUE

static void
test_rules (void)
{
  static const struct {
    const char *what;
    PentVkRange first, second;
    gboolean    barrier;
  } cases[] = {
    { "read after write", { 0, 8, WRITE }, { 0, 8, READ }, TRUE },
    { "write after read", { 0, 8, READ }, { 0, 8, WRITE }, TRUE },
    { "write after write", { 0, 8, WRITE }, { 0, 8, WRITE }, TRUE },
    { "read after read", { 0, 8, READ }, { 0, 8, READ }, FALSE },
    { "overlap by the first byte", { 8, 16, WRITE }, { 0, 9, READ }, TRUE },
    { "overlap by the last byte", { 8, 16, WRITE }, { 15, 20, READ }, TRUE },
    { "inside", { 0, 100, WRITE }, { 50, 51, READ }, TRUE },
    { "around", { 50, 51, READ }, { 0, 100, WRITE }, TRUE },
    { "touching before", { 8, 16, WRITE }, { 0, 8, WRITE }, FALSE },
    { "touching after", { 8, 16, WRITE }, { 16, 20, WRITE }, FALSE },
    { "elsewhere in the buffer", { 0, 8, WRITE }, { 100, 108, READ }, FALSE },
    { "nothing read", { 0, 8, WRITE }, { 4, 4, READ }, FALSE },
    { "nothing written before", { 4, 4, WRITE }, { 0, 8, READ }, FALSE },
    { "high addresses", { G_MAXUINT64 - 99, G_MAXUINT64, WRITE }, { G_MAXUINT64 - 1, G_MAXUINT64, READ }, TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      PentVkHazards hazards;

      g_test_message ("%s", cases[i].what);
      vk_hazards_init (&hazards);
      g_assert_false (vk_hazards_add (&hazards, &cases[i].first, 1));
      g_assert_cmpint (vk_hazards_add (&hazards, &cases[i].second, 1), ==, cases[i].barrier);
      vk_hazards_finish (&hazards);
    }
}

/* A barrier settles everything before it, but not the command that it stands before. */
static void
test_reset (void)
{
  PentVkHazards hazards;

  vk_hazards_init (&hazards);
  g_assert_false (add (&hazards, 0, 8, WRITE));
  g_assert_false (add (&hazards, 8, 16, WRITE));
  g_assert_true (add (&hazards, 0, 4, READ));
  g_assert_false (add (&hazards, 8, 16, READ));
  g_assert_true (add (&hazards, 0, 1, WRITE));
  g_assert_false (add (&hazards, 8, 16, WRITE));
  vk_hazards_reset (&hazards);
  g_assert_false (add (&hazards, 0, 16, WRITE));
  vk_hazards_finish (&hazards);
}

/* An operation in place reads and writes one range. */
static void
test_same_command (void)
{
  PentVkRange both[] = { { 0, 8, READ }, { 0, 8, WRITE } };
  PentVkHazards hazards;

  vk_hazards_init (&hazards);
  g_assert_false (vk_hazards_add (&hazards, both, 2));
  g_assert_true (vk_hazards_add (&hazards, both, 2));
  g_assert_true (add (&hazards, 0, 8, READ));
  g_assert_false (add (&hazards, 0, 8, READ));
  vk_hazards_finish (&hazards);
}

#define SPACE 48
#define COMMANDS 40
#define MAX_RANGES 4

typedef struct {
  guint8 reads[SPACE], writes[SPACE];
} Bytes;

static gboolean
bytes_conflict (const Bytes *a, const Bytes *b)
{
  for (guint i = 0; i < SPACE; i++)
    if ((a->writes[i] && (b->reads[i] || b->writes[i])) || (a->reads[i] && b->writes[i]))
      return TRUE;

  return FALSE;
}

/* Byte by byte, against every command since the last barrier: nothing may be missing, and nothing in vain. */
static void
test_random (void)
{
  for (guint round = 0; round < 3000; round++)
    {
      Bytes commands[COMMANDS] = { 0 };
      guint last = 0;
      PentVkHazards hazards;

      vk_hazards_init (&hazards);
      for (guint c = 0; c < COMMANDS; c++)
        {
          PentVkRange ranges[MAX_RANGES];
          guint n = g_test_rand_int_range (0, MAX_RANGES + 1);
          gboolean expected = FALSE;

          for (guint i = 0; i < n; i++)
            {
              guint begin = g_test_rand_int_range (0, SPACE), size = g_test_rand_int_range (0, 6);

              ranges[i] = (PentVkRange) { begin, MIN (begin + size, SPACE), g_test_rand_bit () };
              memset ((ranges[i].write ? commands[c].writes : commands[c].reads) + begin, 1, ranges[i].end - begin);
            }
          for (guint i = last; i < c; i++)
            expected |= bytes_conflict (&commands[i], &commands[c]);

          g_assert_cmpint (vk_hazards_add (&hazards, ranges, n), ==, expected);
          if (expected)
            last = c;
        }
      vk_hazards_finish (&hazards);
    }
}

void
test_barrier_add (void)
{
  g_test_add_func ("/vk/barrier/rules", test_rules);
  g_test_add_func ("/vk/barrier/reset", test_reset);
  g_test_add_func ("/vk/barrier/same-command", test_same_command);
  g_test_add_func ("/vk/barrier/random", test_random);
}
