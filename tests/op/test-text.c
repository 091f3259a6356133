/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "op-text.h"
#include "tests.h"

static void
test_greedy (void)
{
  const float logits[] = { -3, 2.5f, 7, 7, -INFINITY };
  const PentTextChoice choice = { .temperature = 0, .top_p = 0.1 };
  guint32 id;

  for (guint i = 0; i < 20; i++)
    {
      g_assert_true (pent_text_choose (&choice, logits, G_N_ELEMENTS (logits), i, &id));
      g_assert_cmpuint (id, ==, 2);      /* the first of equals */
    }
}

/* Frequencies follow the softmax: chi square with three degrees of freedom, at the 0.1 % level. */
static void
test_frequencies (void)
{
  const float logits[] = { 1, 0, 2, -1 };
  const PentTextChoice choice = { .temperature = 0.8, .top_p = 1, .seed = 3 };
  enum { N = 40000 };
  guint counts[4] = { 0 };
  double sum = 0, chi = 0;
  guint32 id;

  for (guint i = 0; i < N; i++)
    {
      g_assert_true (pent_text_choose (&choice, logits, 4, i, &id));
      counts[id]++;
    }
  for (guint i = 0; i < 4; i++)
    sum += exp (logits[i] / 0.8);
  for (guint i = 0; i < 4; i++)
    {
      double expected = N * exp (logits[i] / 0.8) / sum;

      chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
  g_assert_cmpfloat (chi, <, 16.27);
}

static void
assert_only (const PentTextChoice *choice, const float *logits, guint n, guint32 allowed)
{
  guint32 seen = 0, id;

  for (guint i = 0; i < 2000; i++)
    {
      g_assert_true (pent_text_choose (choice, logits, n, i, &id));
      seen |= 1u << id;
    }
  g_assert_cmphex (seen, ==, allowed);
}

static void
test_cuts (void)
{
  const float logits[] = { logf (0.1f), logf (0.5f), logf (0.3f), logf (0.1f) };

  assert_only (&(PentTextChoice) { .temperature = 1, .top_p = 1 }, logits, 4, 0xf);
  assert_only (&(PentTextChoice) { .temperature = 1, .top_p = 1, .top_k = 2 }, logits, 4, 0x6);
  assert_only (&(PentTextChoice) { .temperature = 1, .top_p = 0.7 }, logits, 4, 0x6);
  assert_only (&(PentTextChoice) { .temperature = 1, .top_p = 0.85 }, logits, 4, 0x7);      /* of equals the first id */
  assert_only (&(PentTextChoice) { .temperature = 1, .top_p = 0 }, logits, 4, 0x2);
  assert_only (&(PentTextChoice) { .temperature = 1e-6, .top_p = 1 }, logits, 4, 0x2);
}

static void
test_seeds (void)
{
  const float logits[16] = { 0 };
  PentTextChoice a = { .temperature = 1, .top_p = 1, .seed = 1 }, b = { .temperature = 1, .top_p = 1, .seed = 2 };
  guint differ = 0;
  guint32 x, y, z;

  for (guint i = 0; i < 100; i++)
    {
      g_assert_true (pent_text_choose (&a, logits, 16, i, &x));
      g_assert_true (pent_text_choose (&a, logits, 16, i, &y));
      g_assert_true (pent_text_choose (&b, logits, 16, i, &z));
      g_assert_cmpuint (x, ==, y);
      differ += x != z;
    }
  g_assert_cmpuint (differ, >, 50);
}

static void
test_unusable (void)
{
  const float not_a_number[] = { 0, NAN, 1 }, none[] = { -INFINITY, -INFINITY }, infinite[] = { INFINITY, 0 };
  const PentTextChoice choice = { .temperature = 1, .top_p = 1 };
  guint32 id;

  g_assert_false (pent_text_choose (&choice, not_a_number, 3, 0, &id));
  g_assert_false (pent_text_choose (&choice, none, 2, 0, &id));
  g_assert_false (pent_text_choose (&choice, infinite, 2, 0, &id));
  g_assert_false (pent_text_choose (&choice, none, 0, 0, &id));
}

/* Byte by byte or in any pieces, what comes out is valid at every moment and the same in the end. */
static void
test_stream (void)
{
  static const struct { const char *in; gsize length; const char *out; } cases[] = {
    { "plain", 5, "plain" },
    { "Wölkchen ☁ 🎨", 18, "Wölkchen ☁ 🎨" },
    { "a\xff" "b", 3, "a\xEF\xBF\xBD" "b" },
    { "a\0b", 3, "a\xEF\xBF\xBD" "b" },
    { "cut \xE2\x98", 6, "cut \xEF\xBF\xBD\xEF\xBF\xBD" },
    { "\xE2(\xA1", 3, "\xEF\xBF\xBD(\xEF\xBF\xBD" },
    { "\xED\xA0\x80", 3, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },      /* a surrogate is no character */
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (gsize piece = 1; piece <= cases[i].length; piece++)
      {
        g_autoptr (PentTextStream) stream = pent_text_stream_new ();
        g_autoptr (GString) all = g_string_new (NULL);
        g_autofree char *last = NULL;

        for (gsize at = 0; at < cases[i].length; at += piece)
          {
            g_autofree char *part = NULL;

            g_string_append_len (pent_text_stream_get_buffer (stream), cases[i].in + at,
                                 MIN (piece, cases[i].length - at));
            part = pent_text_stream_take (stream);
            g_assert_true (g_utf8_validate (part, -1, NULL));
            g_string_append (all, part);
          }
        last = pent_text_stream_finish (stream);
        g_string_append (all, last);
        g_assert_cmpstr (all->str, ==, cases[i].out);
      }
}

void
add_text_tests (void)
{
  g_test_add_func ("/text/greedy", test_greedy);
  g_test_add_func ("/text/frequencies", test_frequencies);
  g_test_add_func ("/text/cuts", test_cuts);
  g_test_add_func ("/text/seeds", test_seeds);
  g_test_add_func ("/text/unusable", test_unusable);
  g_test_add_func ("/text/stream", test_stream);
}
