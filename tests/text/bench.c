/* SPDX-License-Identifier: GPL-3.0-or-later */
/* text --bench: loading and encoding speed on a made-up vocabulary as large as real ones. */
#include "tests.h"

#include <string.h>
#include <time.h>

#include "text-split.h"

#define N_MERGES 151000
#define N_BYTES 100000
#define ROUNDS 5

/* Of this process, in microseconds: the machine may have other work. */
static gint64
cpu_time (void)
{
  struct timespec time;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000;
}

/* The files' letter for a byte, in UTF-8. */
static void
append_letter (GString *out, guchar byte)
{
  gunichar c = byte;

  if (byte <= 0x20)
    c = 0x100 + byte;
  else if (byte >= 0x7f && byte <= 0xa0)
    c = 0x121 + byte - 0x7f;
  else if (byte == 0xad)
    c = 0x143;
  g_string_append_unichar (out, c);
}

static void
append_quoted (GString *out, const char *token)
{
  g_string_append_c (out, '"');
  for (const char *p = token; *p != '\0'; p++)
    {
      if (*p == '"' || *p == '\\')
        g_string_append_c (out, '\\');
      g_string_append_c (out, *p);
    }
  g_string_append_c (out, '"');
}

/* tokenizer.json with 256 bytes and N_MERGES random merges of what is there. */
static char *
make_tokenizer (GRand *random)
{
  g_autoptr(GPtrArray) tokens = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr(GString) merges = g_string_new (NULL);
  g_autofree char *pattern = g_strescape (TEXT_SPLIT_QWEN2, NULL);
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < 256; i++)
    {
      GString *letter = g_string_new (NULL);

      append_letter (letter, i);
      g_ptr_array_add (tokens, g_string_free_and_steal (letter));
      g_hash_table_add (known, g_ptr_array_index (tokens, i));
    }
  while (tokens->len < 256 + N_MERGES)
    {
      /* Letters and early merges are joined more often, as in real ones. */
      double a = g_rand_double (random), b = g_rand_double (random);
      const char *left = g_ptr_array_index (tokens, a < 0.3 ? 'a' + (guint) (a * 86) : (guint) (a * a * tokens->len));
      const char *right = g_ptr_array_index (tokens, b < 0.5 ? 'a' + (guint) (b * 52) : (guint) (b * b * tokens->len));
      char *joined = g_strconcat (left, right, NULL);

      if (strlen (joined) > 40 || !g_hash_table_add (known, joined))
        {
          if (strlen (joined) > 40)
            g_free (joined);
          continue;
        }
      g_ptr_array_add (tokens, joined);
      g_string_append (merges, merges->len > 0 ? ",[" : "[");
      append_quoted (merges, left);
      g_string_append_c (merges, ',');
      append_quoted (merges, right);
      g_string_append_c (merges, ']');
    }

  g_string_append_printf (
      out,
      "{\"added_tokens\":[{\"id\":%u,\"content\":\"<|im_end|>\",\"special\":true}],"
      "\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":["
      "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"%s\"},\"behavior\":\"Isolated\"},"
      "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]},"
      "\"model\":{\"type\":\"BPE\",\"vocab\":{",
      tokens->len, pattern);
  for (guint i = 0; i < tokens->len; i++)
    {
      append_quoted (out, g_ptr_array_index (tokens, i));
      g_string_append_printf (out, ":%u%s", i, i + 1 < tokens->len ? "," : "");
    }
  g_string_append_printf (out, "},\"merges\":[%s]}}", merges->str);
  return g_string_free_and_steal (out);
}

static GString *
repeat (const char *what)
{
  GString *out = g_string_new (NULL);

  while (out->len + strlen (what) <= N_BYTES)
    g_string_append (out, what);
  return out;
}

static GString *
make_prose (GRand *random)
{
  GString *out = g_string_new (NULL);

  while (out->len < N_BYTES)
    {
      for (int n = g_rand_int_range (random, 1, 10); n > 0; n--)
        g_string_append_c (out, "etaoinshrdlucmfw"[g_rand_int_range (random, 0, 16)]);
      g_string_append (out, g_rand_int_range (random, 0, 9) == 0 ? ", " : " ");
    }
  return out;
}

static void
measure (PentTokenizer *tokenizer, const char *name, GString *text)
{
  gint64 best = G_MAXINT64;
  guint n = 0;

  for (guint i = 0; i < ROUNDS; i++)
    {
      gint64 start = cpu_time ();
      g_autoptr(GArray) ids = pent_tokenizer_encode (tokenizer, text->str, text->len, TRUE, NULL);

      best = MIN (best, cpu_time () - start);
      n = ids->len;
    }
  g_print ("%-28s %7" G_GSIZE_FORMAT " bytes %7u tokens %8.1f ms %8.2f Mtokens/s\n", name, text->len, n, best / 1e3,
           (double) n / best);
  g_string_free (text, TRUE);
}

int
bench (void)
{
  static const char *const names[] = { "tokenizer.json", NULL };
  g_autoptr(GRand) random = g_rand_new_with_seed (1);
  g_autofree char *json = make_tokenizer (random);
  g_autoptr(PentTokenizer) tokenizer = NULL;
  gint64 best = G_MAXINT64;

  for (guint i = 0; i < ROUNDS; i++)
    {
      g_autoptr(PentFiles) files = test_files_inline (names, (const char *const[]) { json }, NULL);
      g_autoptr(GError) error = NULL;
      gint64 start = cpu_time ();

      g_clear_object (&tokenizer);
      tokenizer = pent_tokenizer_load (files, &error);
      if (tokenizer == NULL)
        g_error ("%s", error->message);
      best = MIN (best, cpu_time () - start);
    }
  g_print ("load: %u tokens, %" G_GSIZE_FORMAT " KiB of JSON, %.0f ms\n", pent_tokenizer_get_vocab_size (tokenizer),
           strlen (json) / 1024, best / 1e3);
  measure (tokenizer, "prose", make_prose (random));
  measure (tokenizer, "one word", repeat ("etaoinshrdlucmfwyp"));
  measure (tokenizer, "one letter", repeat ("a"));
  measure (tokenizer, "spaces", repeat (" "));
  measure (tokenizer, "newlines", repeat ("\n"));
  measure (tokenizer, "spaces, a newline, …", repeat ("       \n"));
  measure (tokenizer, "punctuation", repeat ("?!"));
  measure (tokenizer, "Chinese", repeat ("今天天气很好。"));
  measure (tokenizer, "Korean, decomposed", repeat ("\u1112\u1161\u11ab\u1100\u116e\u11a8"));
  measure (tokenizer, "accents, decomposed", repeat ("e\xcc\x81t e\xcc\x82 "));
  measure (tokenizer, "marks of falling class", repeat ("\xcc\x81\xcc\xa3"));
  measure (tokenizer, "emoji", repeat ("\xf0\x9f\x98\x80 "));
  measure (tokenizer, "not UTF-8", repeat ("\xff"));
  measure (tokenizer, "added tokens", repeat ("<|im_end|>"));
  measure (tokenizer, "nearly added tokens", repeat ("<|im_end|"));
  return 0;
}
