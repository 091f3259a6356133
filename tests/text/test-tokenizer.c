/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests.h"

#include <string.h>

#include "pent-error.h"
#include "text-json.h"
#include "text-merge.h"
#include "text-split.h"
#include "text-unicode.h"

typedef struct {
  const char        *name;        /* folder of tests/data */
  const char *const *names;       /* files to see; NULL: all */
} Given;

/* One entry of tokens.json; what it leaves out is NULL. */
typedef struct {
  GString *text, *decode, *decode_skip;
  GArray  *ids, *ids_plain;
} Entry;

static const char *const pair[] = { "vocab.json", "merges.txt", "tokenizer_config.json", NULL };

static void
entry_clear (gpointer data)
{
  Entry *entry = data;

  g_string_free (entry->text, TRUE);
  if (entry->decode != NULL)
    g_string_free (entry->decode, TRUE);
  if (entry->decode_skip != NULL)
    g_string_free (entry->decode_skip, TRUE);
  g_array_unref (entry->ids);
  g_clear_pointer (&entry->ids_plain, g_array_unref);
}

static GString *
read_string (TextJson *j, GError **error)
{
  GString *string = g_string_new (NULL);

  text_json_string (j, string, error);
  return string;
}

static GArray *
read_ids (TextJson *j, GError **error)
{
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (guint32));
  gboolean more;
  guint n = 0;

  text_json_open (j, '[', error);
  while (text_json_next (j, ']', &n, &more, error) && more)
    {
      gint64 value = 0;
      guint32 id;

      text_json_integer (j, &value, error);
      id = value;
      g_array_append_val (ids, id);
    }
  return ids;
}

/* json-glib ends strings at NUL, which some of the texts hold; so they come through our own reader. */
static GArray *
read_tokens (const char *name)
{
  g_autofree char *path = g_build_filename (TEST_DATA, name, "tokens.json", NULL);
  g_autoptr(GString) key = g_string_new (NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = NULL;
  GArray *entries = g_array_new (FALSE, TRUE, sizeof (Entry));
  gboolean more, more_keys;
  guint n = 0;
  char *contents;
  gsize length;
  TextJson j;

  g_array_set_clear_func (entries, entry_clear);
  g_file_get_contents (path, &contents, &length, &error);
  g_assert_no_error (error);
  bytes = g_bytes_new_take (contents, length);
  text_json_init (&j, bytes, path, &error);
  text_json_open (&j, '[', &error);
  while (text_json_next (&j, ']', &n, &more, &error) && more)
    {
      Entry entry = { NULL };
      guint k = 0;

      text_json_open (&j, '{', &error);
      while (text_json_next (&j, '}', &k, &more_keys, &error) && more_keys)
        {
          text_json_key (&j, key, &error);
          if (g_str_equal (key->str, "text"))
            entry.text = read_string (&j, &error);
          else if (g_str_equal (key->str, "decode"))
            entry.decode = read_string (&j, &error);
          else if (g_str_equal (key->str, "decode_skip_special"))
            entry.decode_skip = read_string (&j, &error);
          else if (g_str_equal (key->str, "ids"))
            entry.ids = read_ids (&j, &error);
          else if (g_str_equal (key->str, "ids_no_special"))
            entry.ids_plain = read_ids (&j, &error);
          else
            g_assert_not_reached ();
        }
      g_array_append_val (entries, entry);
    }
  g_assert_no_error (error);
  return entries;
}

static gboolean
same_ids (const GArray *a, const GArray *b)
{
  return a->len == b->len && (a->len == 0 || memcmp (a->data, b->data, a->len * sizeof (guint32)) == 0);
}

static char *
show_ids (const GArray *ids)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < ids->len; i++)
    g_string_append_printf (out, "%u ", g_array_index (ids, guint32, i));
  return g_string_free_and_steal (out);
}

static void
check_ids (const Entry *entry, guint i, const GArray *got, const GArray *wanted)
{
  if (!same_ids (got, wanted))
    {
      g_autofree char *text = g_strescape (entry->text->str, NULL);
      g_autofree char *a = show_ids (got);
      g_autofree char *b = show_ids (wanted);

      g_test_message ("text %u, \"%s\": got %swanted %s", i, text, a, b);
      g_test_fail ();
    }
}

static void
check_decode (PentTokenizer *tokenizer, guint i, const GArray *ids, gboolean skip, const GString *wanted)
{
  g_autoptr(GString) got = g_string_new (NULL);
  g_autoptr(GString) streamed = g_string_new (NULL);
  g_autoptr(GString) whole = g_string_new (NULL);

  pent_tokenizer_decode_to (tokenizer, (const guint32 *) (gpointer) ids->data, ids->len, skip, got);
  if (!g_string_equal (got, wanted))
    {
      g_test_message ("text %u decodes to \"%s\", wanted \"%s\"", i, got->str, wanted->str);
      g_test_fail ();
    }

  for (guint k = 0; k < ids->len; k++)
    pent_tokenizer_decode_bytes (tokenizer, g_array_index (ids, guint32, k), skip, streamed);
  text_append_valid (whole, streamed->str, streamed->len, NULL);
  g_assert_true (g_string_equal (whole, got));
}

/* The ranges are the text without a gap, in order, and what special adds is empty. */
static void
check_ranges (const GArray *ids, const GArray *plain, const GArray *ranges, gsize length)
{
  guint at = 0, empty = 0;

  g_assert_cmpuint (ranges->len, ==, ids->len);
  for (guint i = 0; i < ranges->len; i++)
    {
      PentTokenRange range = g_array_index (ranges, PentTokenRange, i);

      g_assert_cmpuint (range.first, ==, at);
      at += range.length;
      empty += range.length == 0;
    }
  if (plain->len > 0)
    g_assert_cmpuint (at, ==, length);
  g_assert_cmpuint (empty, >=, ids->len - plain->len);
}

static void
test_reference (gconstpointer data)
{
  const Given *given = data;
  g_autoptr(PentTokenizer) tokenizer = test_tokenizer (given->name, given->names);
  g_autoptr(GArray) entries = read_tokens (given->name);

  g_assert_cmpuint (entries->len, ==, 300);
  for (guint i = 0; i < entries->len; i++)
    {
      const Entry *entry = &g_array_index (entries, Entry, i);
      const GArray *plain = entry->ids_plain != NULL ? entry->ids_plain : entry->ids;
      const GString *decoded = entry->decode != NULL ? entry->decode : entry->text;
      g_autoptr(GArray) ranges = g_array_new (FALSE, FALSE, sizeof (PentTokenRange));
      g_autoptr(GArray) a = pent_tokenizer_encode (tokenizer, entry->text->str, entry->text->len, TRUE, ranges);
      g_autoptr(GArray) b = pent_tokenizer_encode (tokenizer, entry->text->str, entry->text->len, FALSE, NULL);

      check_ids (entry, i, a, entry->ids);
      check_ids (entry, i, b, plain);
      check_ranges (a, b, ranges, entry->text->len);
      check_decode (tokenizer, i, plain, FALSE, decoded);
      check_decode (tokenizer, i, entry->ids, TRUE, entry->decode_skip != NULL ? entry->decode_skip : decoded);
    }
}

/* A tokenizer.json around a vocabulary of a few letters; `more` goes in front of "model", `model` into it. */
#define SMALL(more, model) \
  "{" more "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},\"model\":{\"type\":\"BPE\"," model  \
  "}}"
#define SMALL_VOCAB \
  "\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"\u0120\":3,\"ab\":4,\"abc\":5,\"\u0120a\":6,\"\u00c3\":7,\"\u00a9\":8}"
#define SMALL_MODEL SMALL_VOCAB ",\"merges\":[\"a b\",[\"ab\",\"c\"],\"\u0120 a\"]"

static PentTokenizer *
load_inline (const char *json, gssize length, GError **error)
{
  static const char *const names[] = { "tokenizer.json", NULL };
  g_autoptr(PentFiles) files = test_files_inline (names, &json, &length);

  return pent_tokenizer_load (files, error);
}

static void
assert_ids (PentTokenizer *tokenizer, const char *text, gssize length, const char *wanted)
{
  g_autoptr(GArray) ranges = g_array_new (FALSE, FALSE, sizeof (PentTokenRange));
  g_autoptr(GArray) ids = pent_tokenizer_encode (tokenizer, text, length, TRUE, ranges);
  g_autoptr(GArray) plain = pent_tokenizer_encode (tokenizer, text, length, FALSE, NULL);
  g_autofree char *shown = show_ids (ids);

  g_assert_cmpstr (g_strchomp (shown), ==, wanted);
  check_ranges (ids, plain, ranges, length < 0 ? strlen (text) : (gsize) length);
}

static void
assert_inline (const char *json, const char *text, const char *wanted)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(PentTokenizer) tokenizer = load_inline (json, -1, &error);

  g_assert_no_error (error);
  assert_ids (tokenizer, text, -1, wanted);
}

static void
test_small (void)
{
  static const char added[] =
      SMALL ("\"added_tokens\":[{\"id\":20,\"content\":\"<x>\",\"special\":true,\"lstrip\":true},"
             "{\"id\":21,\"content\":\"<x>y\",\"special\":true,\"rstrip\":true},"
             "{\"id\":22,\"content\":\"b\",\"single_word\":true,\"normalized\":false},"
             "{\"id\":23,\"content\":\"e\u0301\"}],\"normalizer\":{\"type\":\"NFC\"},",
             SMALL_MODEL);
  static const char ends[] = SMALL ("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":"
    "{\"id\":\"B\"}},{\"Sequence\":{\"id\":\"A\"}},{\"SpecialToken\":{\"id\":\"E\"}}],\"special_tokens\":"
    "{\"B\":{\"ids\":[30]},\"E\":{\"ids\":[31,32]}}},", SMALL_MODEL);
  static const char prefix[] = "{\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"model\":{" SMALL_MODEL "}}";

  assert_inline (SMALL ("", SMALL_MODEL), "abc ab a", "5 3 4 6");
  assert_inline (SMALL ("", SMALL_MODEL), "xabxcx", "5");              /* bytes that the vocabulary lacks go */
  assert_inline (SMALL ("", "\"unk_token\":\"c\"," SMALL_MODEL), "xxab", "2 2 4");
  assert_inline (SMALL ("", "\"unk_token\":\"c\",\"fuse_unk\":true," SMALL_MODEL), "xxab", "2 4");
  assert_inline (SMALL ("", "\"ignore_merges\":true," SMALL_VOCAB ",\"merges\":[]"), "abc aba", "5 3 0 1 0");
  assert_inline (ends, "a", "30 0 31 32");
  assert_inline (ends, "", "30 31 32");
  assert_inline (prefix, "a", "6");
  assert_inline (prefix, " a", "6");
  assert_inline (prefix, "ab ab", "3 4 3 4");
  assert_inline (SMALL ("", SMALL_MODEL), "x ab", "3 4");
  assert_inline (added, "a  <x>  a", "0 20 3 6");                       /* lstrip takes spaces in front, not behind */
  assert_inline (added, "a <x>y  a", "0 3 21 0");                       /* the longest one, and its rstrip */
  assert_inline (added, "b ab b,", "22 3 4 3 22");
  assert_inline (added, "a\u00e9e\u0301", "0 23 23");                   /* normalised as the text is */
}

static void
test_find (void)
{
  g_autoptr(PentTokenizer) tokenizer = test_tokenizer ("tokenizers/qwen", NULL);
  guint32 id = 0;

  g_assert_cmpuint (pent_tokenizer_get_vocab_size (tokenizer), ==, 882);
  g_assert_true (pent_tokenizer_find (tokenizer, "<|im_end|>", &id));
  g_assert_cmpuint (id, ==, 858);
  g_assert_true (pent_tokenizer_find (tokenizer, "\u0120t", &id));
  g_assert_cmpuint (id, ==, 257);
  g_assert_false (pent_tokenizer_find (tokenizer, "no such token", &id));
  g_assert_false (pent_tokenizer_find (tokenizer, "", NULL));
}

static void
test_decode_odd (void)
{
  static const guint32 ids[] = { 0, 7, 7, 8, 999999, 8, G_MAXUINT32, 1 };
  g_autoptr(GError) error = NULL;
  g_autoptr(PentTokenizer) tokenizer = load_inline (SMALL ("", SMALL_MODEL), -1, &error);
  g_autofree char *text = NULL;
  g_autofree char *nothing = NULL;

  g_assert_no_error (error);
  text = pent_tokenizer_decode (tokenizer, ids, G_N_ELEMENTS (ids), FALSE);
  g_assert_cmpstr (text, ==, "a\ufffd\u00e9\ufffdb");
  nothing = pent_tokenizer_decode (tokenizer, NULL, 0, TRUE);
  g_assert_cmpstr (nothing, ==, "");
}

/* Wrong UTF-8 becomes U+FFFD, one for each broken-off or impossible sequence (Unicode 16, table 3-8). */
static void
test_invalid_utf8 (void)
{
  static const char *const pairs[][2] = {
    { "\xff", "\ufffd" }, { "a\xc3", "a\ufffd" }, { "\xf1\x80\x80\xe1\x80\xc2", "\ufffd\ufffd\ufffd" },
    { "\xe0\x80\x80", "\ufffd\ufffd\ufffd" }, { "\xed\xa0\x80", "\ufffd\ufffd\ufffd" }, { "\xf0\x9f\x98z", "\ufffdz" },
    { "\xf4\x91\x92\x93\xff" "A", "\ufffd\ufffd\ufffd\ufffd\ufffd" "A" },
  };
  g_autoptr(PentTokenizer) tokenizer = test_tokenizer ("tokenizers/qwen", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autoptr(GArray) ids = pent_tokenizer_encode (tokenizer, pairs[i][0], -1, TRUE, NULL);
      g_autoptr(GArray) wanted = pent_tokenizer_encode (tokenizer, pairs[i][1], -1, TRUE, NULL);
      g_autofree char *shown = show_ids (ids);

      g_assert_true (same_ids (ids, wanted));
      assert_ids (tokenizer, pairs[i][0], -1, g_strchomp (shown));
    }
}

/* What a token stands for, cut out of the text, is what it decodes to, while nothing was normalised. */
static void
test_ranges (void)
{
  static const char text[] = "A lighthouse at dusk, \xe4\xbb\x8a\xe5\xa4\xa9 <|im_end|>\n\tgolden light";
  g_autoptr(PentTokenizer) tokenizer = test_tokenizer ("tokenizers/qwen", NULL);
  g_autoptr(GArray) ranges = g_array_new (FALSE, FALSE, sizeof (PentTokenRange));
  g_autoptr(GArray) ids = pent_tokenizer_encode (tokenizer, text, -1, TRUE, ranges);

  for (guint i = 0; i < ids->len; i++)
    {
      PentTokenRange range = g_array_index (ranges, PentTokenRange, i);
      g_autoptr(GString) bytes = g_string_new (NULL);

      pent_tokenizer_decode_bytes (tokenizer, g_array_index (ids, guint32, i), FALSE, bytes);
      g_assert_cmpmem (bytes->str, bytes->len, text + range.first, range.length);
    }
}

static void
assert_range (const GArray *ranges, guint i, guint first, guint length)
{
  g_assert_cmpuint (g_array_index (ranges, PentTokenRange, i).first, ==, first);
  g_assert_cmpuint (g_array_index (ranges, PentTokenRange, i).length, ==, length);
}

/* The space that some tokenizers put in front belongs to no byte; what was composed belongs to its last token. */
static void
test_ranges_changed (void)
{
  static const char prefix[] =
      "{\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"normalizer\":{\"type\":\"NFC\"},\"model\":{" SMALL_MODEL "}}";
  g_autoptr(GError) error = NULL;
  g_autoptr(PentTokenizer) tokenizer = load_inline (prefix, -1, &error);
  g_autoptr(GArray) ranges = g_array_new (FALSE, FALSE, sizeof (PentTokenRange));
  g_autoptr(GArray) a = NULL;
  g_autoptr(GArray) b = NULL;

  g_assert_no_error (error);
  a = pent_tokenizer_encode (tokenizer, "ab ab", -1, FALSE, ranges);
  assert_range (ranges, 0, 0, 0);
  assert_range (ranges, 1, 0, 2);
  assert_range (ranges, 2, 2, 1);
  assert_range (ranges, 3, 3, 2);

  b = pent_tokenizer_encode (tokenizer, "e\u0301b", -1, FALSE, ranges);
  assert_range (ranges, 0, 0, 0);
  assert_range (ranges, 1, 0, 0);
  assert_range (ranges, 2, 0, 3);
  assert_range (ranges, 3, 3, 1);
}

static void
test_nfc (void)
{
  static const char *const pairs[][2] = {
    { "e\u0301", "\u00e9" },
    { "q\u0323\u0307", "q\u0323\u0307" },
    { "q\u0307\u0323", "q\u0323\u0307" },
    { "\u1112\u1161\u11ab", "\ud55c" },
    { "\uac00\u11a8", "\uac01" },
    { "\u212b", "\u00c5" },
    { "\u0958", "\u0915\u093c" },
    { "\u1e9b\u0323", "\u1e9b\u0323" },
    { "a\u0315\u0300\u05ae\u0300z", "\u00e0\u05ae\u0300\u0315z" },
    { "", "" },
    { "\u0301", "\u0301" },
    { "\u0301e\u0301", "\u0301\u00e9" },
    { "\uf900", "\u8c48" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autoptr(GString) out = g_string_new (NULL);
      gboolean changed = text_append_nfc (out, pairs[i][0], strlen (pairs[i][0]), NULL);

      g_assert_cmpstr (out->str, ==, pairs[i][1]);
      g_assert_cmpint (changed, ==, !g_str_equal (pairs[i][0], pairs[i][1]));
    }
}

static void
assert_split (const char *pattern, TextSplitBehavior behavior, gboolean invert, const char *text, const char *wanted)
{
  g_autoptr(GArray) pieces = g_array_new (FALSE, FALSE, sizeof (TextPiece));
  g_autoptr(GArray) out = g_array_new (FALSE, FALSE, sizeof (TextPiece));
  g_autoptr(GString) shown = g_string_new (NULL);
  g_autoptr(GError) error = NULL;
  TextPiece whole = { 0, strlen (text) };
  TextSplit *split = text_split_new (pattern, behavior, invert, "file", "field", &error);

  g_assert_no_error (error);
  g_array_append_val (pieces, whole);
  text_split_run (split, text, pieces, out);
  for (guint i = 0; i < out->len; i++)
    {
      TextPiece piece = g_array_index (out, TextPiece, i);

      g_string_append_printf (shown, "%s%.*s", i > 0 ? "|" : "", (int) piece.length, text + piece.first);
    }
  g_assert_cmpstr (shown->str, ==, wanted);
  text_split_free (split);
}

static void
test_split (void)
{
  assert_split ("-", TEXT_SPLIT_ISOLATED, FALSE, "a-b--c-", "a|-|b|-|-|c|-");
  assert_split ("-", TEXT_SPLIT_REMOVED, FALSE, "a-b--c-", "a|b|c");
  assert_split ("-", TEXT_SPLIT_MERGED_WITH_PREVIOUS, FALSE, "a-b--c-", "a-|b-|-|c-");
  assert_split ("-", TEXT_SPLIT_MERGED_WITH_NEXT, FALSE, "a-b--c-", "a|-b|-|-c|-");
  assert_split ("-", TEXT_SPLIT_CONTIGUOUS, FALSE, "a-b--c-", "a|-|b|--|c|-");
  assert_split ("[a-z]+", TEXT_SPLIT_REMOVED, TRUE, "ab 12 cd", "ab|cd");
  assert_split ("x", TEXT_SPLIT_ISOLATED, FALSE, "abc", "abc");
  assert_split ("x*", TEXT_SPLIT_ISOLATED, FALSE, "axxb", "a|xx|b");
  assert_split ("(?<=a)b", TEXT_SPLIT_ISOLATED, FALSE, "abbab", "a|b|ba|b");
  /* NEL is white space and U+180E is not, in a class and out of it. */
  assert_split ("\\s", TEXT_SPLIT_REMOVED, FALSE, "a\xc2\x85" "b\u180ec\u2003d", "a|b\u180ec|d");
  assert_split ("[^\\s]+", TEXT_SPLIT_ISOLATED, FALSE, "a\xc2\x85" "b\u180ec", "a|\xc2\x85|" "b\u180ec");
  assert_split ("\\S+", TEXT_SPLIT_REMOVED, FALSE, "a\xc2\x85" "b\u180ec", "\xc2\x85");
}

/* Long texts are matched through a window; the pieces must not depend on it. */
static void
test_split_window (void)
{
  static const char *const parts[] = { "word", " ", "  \n", "1", "\u4eca", "?!", "'s", "\r\n", "\u00e9" };
  g_autoptr(GRand) random = g_rand_new_with_seed (3);
  g_autoptr(GRegex) regex = g_regex_new (TEXT_SPLIT_QWEN2, 0, 0, NULL);
  g_autoptr(GArray) pieces = g_array_new (FALSE, FALSE, sizeof (TextPiece));
  g_autoptr(GArray) out = g_array_new (FALSE, FALSE, sizeof (TextPiece));
  g_autoptr(GString) text = g_string_new (NULL);
  g_autoptr(GMatchInfo) info = NULL;
  TextSplit *split = text_split_new (TEXT_SPLIT_QWEN2, TEXT_SPLIT_ISOLATED, FALSE, "file", "field", NULL);
  TextPiece whole = { 0, 0 };
  guint n = 0;

  while (text->len < 60000)
    {
      const char *part = parts[g_rand_int_range (random, 0, G_N_ELEMENTS (parts))];

      for (int k = g_rand_int_range (random, 0, 40) == 0 ? g_rand_int_range (random, 1, 700) : 1; k > 0; k--)
        g_string_append (text, part);
    }
  whole.length = text->len;
  g_array_append_val (pieces, whole);
  text_split_run (split, text->str, pieces, out);

  g_regex_match (regex, text->str, 0, &info);
  for (; g_match_info_matches (info); g_match_info_next (info, NULL), n++)
    {
      int first, end;

      g_match_info_fetch_pos (info, 0, &first, &end);
      g_assert_cmpuint (n, <, out->len);
      g_assert_cmpuint (g_array_index (out, TextPiece, n).first, ==, first);
      g_assert_cmpuint (g_array_index (out, TextPiece, n).length, ==, end - first);
    }
  g_assert_cmpuint (n, ==, out->len);
  text_split_free (split);
}

/* An expression that the matcher gives up on still loses nothing of the text. */
static void
test_split_gives_up (void)
{
  g_autoptr(GArray) pieces = g_array_new (FALSE, FALSE, sizeof (TextPiece));
  g_autoptr(GArray) out = g_array_new (FALSE, FALSE, sizeof (TextPiece));
  g_autofree char *text = g_strnfill (300, 'a');
  TextSplit *split = text_split_new ("(a|aa|a?)+(a|aa)+$x", TEXT_SPLIT_ISOLATED, FALSE, "file", "field", NULL);
  TextPiece whole = { 0, 300 };
  guint at = 0;

  g_array_append_val (pieces, whole);
  text_split_run (split, text, pieces, out);
  for (guint i = 0; i < out->len; i++)
    {
      g_assert_cmpuint (g_array_index (out, TextPiece, i).first, ==, at);
      at += g_array_index (out, TextPiece, i).length;
    }
  g_assert_cmpuint (at, ==, 300);
  text_split_free (split);
}

/* The obvious way to merge: the best pair of the whole word, again and again. */
static guint
merge_slowly (TextMerges *merges, TextSymbol *symbols, guint n)
{
  while (TRUE)
    {
      const TextMerge *best = NULL;
      guint at = 0;

      for (guint i = 0; i + 1 < n; i++)
        {
          const TextMerge *merge = text_merges_find (merges, symbols[i].id, symbols[i + 1].id);

          if (merge != NULL && (best == NULL || merge->rank < best->rank))
            {
              best = merge;
              at = i;
            }
        }
      if (best == NULL)
        return n;
      symbols[at] = (TextSymbol) { best->id, symbols[at].length + symbols[at + 1].length };
      memmove (symbols + at + 1, symbols + at + 2, (n - at - 2) * sizeof (TextSymbol));
      n--;
    }
}

static void
test_merge (void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (11);
  g_auto(TextMergeScratch) scratch = { 0 };

  for (guint round = 0; round < 3000; round++)
    {
      g_autoptr(TextMerges) merges = text_merges_new ();
      TextSymbol a[40], b[40];
      guint letters = g_rand_int_range (random, 1, 5), ids = letters, n = g_rand_int_range (random, 0, 41), left, right;

      for (guint rank = 0; rank < (guint) g_rand_int_range (random, 0, 30); rank++)
        {
          text_merges_add (merges, g_rand_int_range (random, 0, ids), g_rand_int_range (random, 0, ids),
                           (TextMerge) { rank, ids });
          ids++;
        }
      for (guint i = 0; i < n; i++)
        a[i] = b[i] = (TextSymbol) { g_rand_int_range (random, 0, letters), 1 };
      left = text_merge_word (merges, &scratch, a, n);
      right = merge_slowly (merges, b, n);
      g_assert_cmpmem (a, left * sizeof (TextSymbol), b, right * sizeof (TextSymbol));
    }
}

/* 100,000 characters of anything: quickly, and nothing is lost. */
static void
test_long (void)
{
  static const char *const parts[] = {
    "a",  " ",   "\n",       "lorem ipsum ", "\xcc\x81\xcc\xa3", "?!", "1", "\xf0\x9f\x98\x80",
    "'s", " \n", "<|im_end", "\xe4\xbb\x8a"
  };
  g_autoptr(PentTokenizer) tokenizer = test_tokenizer ("tokenizers/llama3", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      g_autoptr(GString) text = g_string_new (NULL);
      g_autoptr(GArray) ids = NULL;
      g_autoptr(GArray) ranges = g_array_new (FALSE, FALSE, sizeof (PentTokenRange));
      g_autofree char *back = NULL;
      gint64 start;

      while (text->len < 100000)
        g_string_append (text, parts[i]);
      start = g_get_monotonic_time ();
      ids = pent_tokenizer_encode (tokenizer, text->str, text->len, FALSE, ranges);
      g_assert_cmpint (g_get_monotonic_time () - start, <, 5 * G_USEC_PER_SEC);
      back = pent_tokenizer_decode (tokenizer, (const guint32 *) (gpointer) ids->data, ids->len, FALSE);
      g_assert_cmpstr (back, ==, text->str);
      check_ranges (ids, ids, ranges, text->len);
    }
}

typedef struct {
  const char *json;
  PentError   code;
  const char *message;      /* part of it */
} Bad;

static void
assert_bad (const Bad *bad, gssize length)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(PentTokenizer) tokenizer = load_inline (bad->json, length, &error);

  g_assert_null (tokenizer);
  g_assert_error (error, PENT_ERROR, (int) bad->code);
  g_assert_nonnull (strstr (error->message, bad->message));
  g_assert_nonnull (strstr (error->message, "inline"));
}

static void
test_malformed (void)
{
  static const Bad bads[] = {
    { "", PENT_ERROR_FILE, "empty" },
    { "[]", PENT_ERROR_FILE, "line 1" },
    { "{}", PENT_ERROR_MODEL, "“model” is missing" },
    { "{\"model\":{}} x", PENT_ERROR_FILE, "follows the end" },
    { "{\"model\":3}", PENT_ERROR_MODEL, "“model”" },
    { "{\n\"model\":{\"vocab\":}}", PENT_ERROR_FILE, "line 2" },
    { "{\"model\":{\"vocab\":{\"a\":0}", PENT_ERROR_FILE, "too early" },
    { "{\"a\":\"\\ud800\"}", PENT_ERROR_FILE, "surrogate" },
    { "{\"a\":\"\\x\"}", PENT_ERROR_FILE, "escape" },
    { "{\"a\":\"\xff\"}", PENT_ERROR_FILE, "UTF-8" },
    { "{\"a\":\"\n\"}", PENT_ERROR_FILE, "control" },
    { "{\"a\" 1}", PENT_ERROR_FILE, "colon" },
    { "{\"a\":1 \"b\":2}", PENT_ERROR_FILE, "comma" },
    { "{\"a\":nul}", PENT_ERROR_FILE, "value" },
    { "{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}", PENT_ERROR_UNSUPPORTED, "Unigram" },
    { "{\"model\":{\"type\":\"BPE\",\"byte_fallback\":true}}", PENT_ERROR_UNSUPPORTED, "byte-level BPE" },
    { SMALL ("", "\"merges\":[]"), PENT_ERROR_MODEL, "“model.vocab” is missing" },
    { SMALL ("", SMALL_VOCAB), PENT_ERROR_MODEL, "“model.merges” is missing" },
    { SMALL ("", "\"vocab\":{},\"merges\":[]"), PENT_ERROR_MODEL, "“model.vocab” is empty" },
    { SMALL ("", "\"vocab\":[],\"merges\":[]"), PENT_ERROR_FILE, "“{” was expected" },
    { SMALL ("", "\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]"), PENT_ERROR_MODEL, "the id 0 twice" },
    { SMALL ("", "\"vocab\":{\"a\":0,\"a\":1},\"merges\":[]"), PENT_ERROR_MODEL, "names “a” twice" },
    { SMALL ("", "\"vocab\":{\"a\":-1},\"merges\":[]"), PENT_ERROR_MODEL, "the id -1" },
    { SMALL ("", "\"vocab\":{\"a\":4194304},\"merges\":[]"), PENT_ERROR_MODEL, "4194304" },
    { SMALL ("", "\"vocab\":{\"a\":99999999999999999999},\"merges\":[]"), PENT_ERROR_FILE, "too many digits" },
    { SMALL ("", "\"vocab\":{\"a\":1.5},\"merges\":[]"), PENT_ERROR_FILE, "whole number" },
    { SMALL ("", "\"vocab\":{\"a\":\"1\"},\"merges\":[]"), PENT_ERROR_FILE, "whole number" },
    { SMALL ("", SMALL_VOCAB ",\"merges\":[\"a x\"]"), PENT_ERROR_MODEL, "names “x”" },
    { SMALL ("", SMALL_VOCAB ",\"merges\":[\"a a\"]"), PENT_ERROR_MODEL, "joins “a” and “a”" },
    { SMALL ("", SMALL_VOCAB ",\"merges\":[\"ab\"]"), PENT_ERROR_MODEL, "not two tokens (merge 1)" },
    { SMALL ("", SMALL_VOCAB ",\"merges\":[\"a b\",[\"a\"]]"), PENT_ERROR_MODEL, "merge of 1 tokens (merge 2)" },
    { SMALL ("", SMALL_VOCAB ",\"merges\":[[\"a\",\"b\",\"c\"]]"), PENT_ERROR_MODEL, "merge of 3 tokens" },
    { SMALL ("", SMALL_VOCAB ",\"merges\":[5]"), PENT_ERROR_FILE, "string was expected" },
    { SMALL ("", "\"unk_token\":\"z\"," SMALL_MODEL), PENT_ERROR_MODEL, "unk_token" },
    { SMALL ("\"added_tokens\":{},", SMALL_MODEL), PENT_ERROR_MODEL, "“added_tokens” is not a list" },
    { SMALL ("\"added_tokens\":[3],", SMALL_MODEL), PENT_ERROR_MODEL, "no object" },
    { SMALL ("\"added_tokens\":[{\"content\":\"x\"}],", SMALL_MODEL), PENT_ERROR_MODEL, "“id”" },
    { SMALL ("\"added_tokens\":[{\"id\":9}],", SMALL_MODEL), PENT_ERROR_MODEL, "“content”" },
    { SMALL ("\"added_tokens\":[{\"id\":0,\"content\":\"x\"}],", SMALL_MODEL), PENT_ERROR_MODEL, "another token's" },
    { SMALL ("\"added_tokens\":[{\"id\":9,\"content\":\"x\"},{\"id\":9,\"content\":\"y\"}],", SMALL_MODEL),
      PENT_ERROR_MODEL, "that of “x”" },
    { SMALL ("\"normalizer\":{\"type\":\"Lowercase\"},", SMALL_MODEL), PENT_ERROR_UNSUPPORTED, "Lowercase" },
    { SMALL ("\"post_processor\":{\"type\":\"Odd\"},", SMALL_MODEL), PENT_ERROR_UNSUPPORTED, "Odd" },
    { SMALL ("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[]},", SMALL_MODEL), PENT_ERROR_MODEL,
      "no place" },
    { SMALL ("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"B\"}}]},",
             SMALL_MODEL),
      PENT_ERROR_MODEL, "lacks “B”" },
    { "{\"model\":{" SMALL_MODEL "}}", PENT_ERROR_UNSUPPORTED, "ByteLevel" },
    { "{\"pre_tokenizer\":{\"type\":\"Metaspace\"},\"model\":{" SMALL_MODEL "}}", PENT_ERROR_UNSUPPORTED, "Metaspace" },
    { "{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"}},\"model\":{" SMALL_MODEL "}}",
      PENT_ERROR_MODEL, "regular expression" },
    { "{\"pre_tokenizer\":{\"type\":\"Split\"},\"model\":{" SMALL_MODEL "}}", PENT_ERROR_MODEL, "neither “Regex”" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bads); i++)
    assert_bad (&bads[i], -1);
}

static void
test_malformed_pair (void)
{
  static const char *const bads[][4] = {
    { "{\"a\":0}", "a b\n", "{}", "merges.txt”: the field “merges” names “b”" },
    { "{\"a\":0}", "ab\n", "{}", "not two tokens" },
    { "{\"a\":0", "", "{}", "vocab.json” is not valid JSON" },
    { "{\"a\":0}", "\xff \xfe", "{}", "merges.txt” is not UTF-8" },
    { "{\"a\":0}", "", "[]", "tokenizer_config.json” does not hold" },
    { "{\"a\":0}", "", "{", "tokenizer_config.json” is not valid" },
    { "{\"a\":0}", "", "{\"added_tokens_decoder\":{\"x\":{}}}", "“x”, which is no id" },
    { "{\"a\":0}", "", "{\"added_tokens_decoder\":{\"1\":3}}", "no object" },
    { "{\"a\":0}", "", "{\"add_bos_token\":true}", "“bos_token” names" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bads); i++)
    {
      g_autoptr(PentFiles) files = test_files_inline (pair, bads[i], NULL);
      g_autoptr(GError) error = NULL;
      g_autoptr(PentTokenizer) tokenizer = pent_tokenizer_load (files, &error);

      g_assert_null (tokenizer);
      g_assert_nonnull (error);
      g_assert_nonnull (strstr (error->message, bads[i][3]));
    }
}

static void
test_missing (void)
{
  static const char *const names[] = { "model.safetensors", NULL };
  g_autoptr(PentFiles) files = test_files_inline (names, (const char *const[]) { "x" }, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_null (pent_tokenizer_load (files, &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_FILE);
  g_assert_nonnull (strstr (error->message, "tokenizer.json"));
}

static void
test_nesting (void)
{
  static const char *const openings[] = { "{\"a\":", "[", "{\"model\":{\"vocab\":" };

  for (guint i = 0; i < G_N_ELEMENTS (openings); i++)
    {
      g_autoptr(GString) json = g_string_new ("{\"x\":");
      Bad bad = { NULL, PENT_ERROR_FILE, "nested too deeply" };

      while (json->len < 4000000)
        g_string_append (json, openings[i]);
      bad.json = json->str;
      assert_bad (&bad, json->len);
    }
}

static char *
read_file (const char *name, gsize *length)
{
  g_autofree char *path = g_build_filename (TEST_DATA, "tokenizers", name, "tokenizer.json", NULL);
  g_autoptr(GError) error = NULL;
  char *contents;

  g_file_get_contents (path, &contents, length, &error);
  g_assert_no_error (error);
  return contents;
}

/* A file cut off anywhere is refused. */
static void
test_truncated (void)
{
  gsize length;
  g_autofree char *json = read_file ("gpt2", &length);
  Bad bad = { json, PENT_ERROR_FILE, "is not valid JSON" };

  for (gsize cut = 0; cut + 1 < length; cut += 211)
    assert_bad (&bad, cut);
}

/* Random damage is refused with a message or leaves a tokenizer that works. */
static void
test_damaged (void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (17);
  gsize length;
  g_autofree char *json = read_file ("llama3", &length);
  guint loaded = 0;

  for (guint round = 0; round < 300; round++)
    {
      g_autofree char *copy = g_memdup2 (json, length);
      g_autoptr(GError) error = NULL;
      g_autoptr(PentTokenizer) tokenizer = NULL;

      for (int k = g_rand_int_range (random, 1, 4); k > 0; k--)
        copy[g_rand_int_range (random, 0, round % 2 ? 3000 : length)] =
            "{}[]\",:0919az\\\xc3"[g_rand_int_range (random, 0, 16)];
      tokenizer = load_inline (copy, length, &error);
      g_assert_true ((tokenizer == NULL) == (error != NULL));
      if (tokenizer != NULL)
        {
          g_autoptr(GArray) ids = pent_tokenizer_encode (tokenizer, "a photo of 12 foxes\n<|eot_id|>", -1, TRUE, NULL);

          loaded += ids->len > 0;
        }
    }
  g_test_message ("%u of 300 damaged files still loaded", loaded);
}

static void
add_reference (const char *path, const char *name, const char *const *names)
{
  Given *given = g_new (Given, 1);

  *given = (Given) { name, names };
  g_test_add_data_func_full (path, given, test_reference, g_free);
}

void
test_add_tokenizer (void)
{
  add_reference ("/tokenizer/reference/qwen", "tokenizers/qwen", NULL);
  add_reference ("/tokenizer/reference/llama3", "tokenizers/llama3", NULL);
  add_reference ("/tokenizer/reference/gpt2", "tokenizers/gpt2", NULL);
  add_reference ("/tokenizer/reference/qwen-pair", "tokenizers/qwen", pair);
  add_reference ("/tokenizer/reference/gpt2-pair", "tokenizers/gpt2", pair);
  g_test_add_func ("/tokenizer/small", test_small);
  g_test_add_func ("/tokenizer/find", test_find);
  g_test_add_func ("/tokenizer/decode-odd", test_decode_odd);
  g_test_add_func ("/tokenizer/invalid-utf8", test_invalid_utf8);
  g_test_add_func ("/tokenizer/ranges", test_ranges);
  g_test_add_func ("/tokenizer/ranges-changed", test_ranges_changed);
  g_test_add_func ("/tokenizer/long", test_long);
  g_test_add_func ("/tokenizer/malformed", test_malformed);
  g_test_add_func ("/tokenizer/malformed-pair", test_malformed_pair);
  g_test_add_func ("/tokenizer/missing", test_missing);
  g_test_add_func ("/tokenizer/nesting", test_nesting);
  g_test_add_func ("/tokenizer/truncated", test_truncated);
  g_test_add_func ("/tokenizer/damaged", test_damaged);
  g_test_add_func ("/text/nfc", test_nfc);
  g_test_add_func ("/text/merge", test_merge);
  g_test_add_func ("/text/split", test_split);
  g_test_add_func ("/text/split-window", test_split_window);
  g_test_add_func ("/text/split-gives-up", test_split_gives_up);
}
