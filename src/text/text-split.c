/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text-split.h"

#include <string.h>

#include "pent-error.h"
#include "text-json.h"

/* PCRE checks all of a subject to be UTF-8 for every match, and its matcher may give up on long ones.  So it is shown a
 * window, asked to say when it would have liked to see more (a hard partial match), and then shown twice as much. */
#define WINDOW 512              /* bytes */
#define MAX_PATTERN 65536

/* White_Space, as \s in a class; PCRE's own \s adds U+180E. */
#define SPACES \
  "\\x{09}-\\x{0d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"

struct _TextSplit {
  GRegex           *regex;
  TextSplitBehavior behavior;
  gboolean          invert;
};

typedef struct {
  GRegex     *regex;
  const char *text;
  gsize       end;              /* of the piece */
  GMatchInfo *info;             /* over text[0 … window), continuing where it stopped; or NULL */
  gsize       window;
} Search;

static char *
translate (const char *pattern)
{
  GString *out = g_string_new (NULL);
  gboolean in_class = FALSE;

  for (const char *p = pattern; *p != '\0'; p++)
    {
      if (*p == '\\' && p[1] != '\0')
        {
          p++;
          if (*p == 's')
            g_string_append (out, in_class ? SPACES : "[" SPACES "]");
          else if (*p == 'S' && !in_class)
            g_string_append (out, "[^" SPACES "]");
          else if (*p == 'u' && p[1] != '{' && strspn (p + 1, "0123456789abcdefABCDEF") >= 4)
            {
              g_string_append_printf (out, "\\x{%.4s}", p + 1);
              p += 4;
            }
          else
            g_string_append_printf (out, "\\%c", *p);
          continue;
        }
      if (in_class)
        in_class = *p != ']';
      else if (*p == '[')
        {
          in_class = TRUE;
          g_string_append_c (out, *p);
          if (p[1] == '^')
            g_string_append_c (out, *++p);
          if (p[1] == ']')
            g_string_append_c (out, *++p);
          continue;
        }
      g_string_append_c (out, *p);
    }
  return g_string_free_and_steal (out);
}

TextSplit *
text_split_new (const char *pattern, TextSplitBehavior behavior, gboolean invert, const char *file, const char *field,
                GError **error)
{
  g_autofree char *translated = NULL;
  g_autoptr(GError) local_error = NULL;
  g_autoptr(GRegex) regex = NULL;
  TextSplit *self;

  if (strlen (pattern) > MAX_PATTERN)
    {
      text_field_fail (error, file, field, "is too long");
      return NULL;
    }
  translated = translate (pattern);
  regex = g_regex_new (translated, G_REGEX_OPTIMIZE | G_REGEX_NO_AUTO_CAPTURE, 0, &local_error);
  if (regex == NULL)
    {
      text_field_fail (error, file, field, "is no regular expression that can be used here: %s", local_error->message);
      return NULL;
    }

  /* Both ways of matching compile on first use, which two threads must not do at once. */
  g_regex_match (regex, "a", G_REGEX_MATCH_NOTEMPTY, NULL);
  g_regex_match (regex, "a", G_REGEX_MATCH_NOTEMPTY | G_REGEX_MATCH_PARTIAL_HARD, NULL);

  self = g_new0 (TextSplit, 1);
  self->regex = g_steal_pointer (&regex);
  self->behavior = behavior;
  self->invert = invert;
  return self;
}

void
text_split_free (TextSplit *self)
{
  if (self == NULL)
    return;

  g_regex_unref (self->regex);
  g_free (self);
}

static gsize
round_down (const char *text, gsize at)
{
  while (at > 0 && ((guchar) text[at] & 0xc0) == 0x80)
    at--;
  return at;
}

static gsize
next_char (const char *text, gsize at)
{
  return g_utf8_next_char (text + at) - text;
}

static void
search_close (Search *self)
{
  g_clear_pointer (&self->info, g_match_info_free);
}

/* One try: looks from `from`, going on in the window there is, or in one of `size` bytes. */
typedef enum { FOUND, NONE, MORE, GAVE_UP } Outcome;

static Outcome
search_once (Search *self, gsize from, gsize size, gboolean whole, gsize *first, gsize *end)
{
  g_autoptr(GError) error = NULL;
  GRegexMatchFlags flags = G_REGEX_MATCH_NOTEMPTY;
  int a, b;

  if (self->info == NULL)
    {
      self->window = self->end - from <= size ? self->end : round_down (self->text, from + size);
      if (self->window < self->end && !whole)
        flags |= G_REGEX_MATCH_PARTIAL_HARD;
      g_regex_match_full (self->regex, self->text, self->window, from, flags, &self->info, &error);
    }
  else
    g_match_info_next (self->info, &error);

  if (error != NULL || self->info == NULL)
    return GAVE_UP;
  if (g_match_info_is_partial_match (self->info))
    return MORE;
  if (!g_match_info_matches (self->info) || !g_match_info_fetch_pos (self->info, 0, &a, &b))
    return NONE;
  *first = a;
  *end = b;
  return FOUND;
}

/* The next match at or after from, to *first and *end; FALSE if there is none up to the end of the piece. */
static gboolean
search_next (Search *self, gsize from, gsize *first, gsize *end)
{
  gsize size = WINDOW;
  gboolean fresh = self->info == NULL;

  while (from < self->end)
    {
      Outcome outcome = search_once (self, from, size, FALSE, first, end);

      if (outcome == FOUND && *first >= from && *end > *first)
        {
          if (size > WINDOW)
            search_close (self);
          return TRUE;
        }
      search_close (self);
      switch (outcome)
        {
        case FOUND:
          /* A look-behind can make a match begin before where the search does: nothing to be had here. */
          from = next_char (self->text, from);
          break;
        case MORE:
          if (fresh)
            size *= 2;
          break;
        case NONE:
          if (self->window == self->end)
            return FALSE;
          from = self->window;
          break;
        case GAVE_UP:
          outcome = search_once (self, from, WINDOW / 2, TRUE, first, end);
          search_close (self);
          if (outcome == FOUND && *first >= from && *end > *first)
            return TRUE;
          *first = from;
          *end = next_char (self->text, from);
          return TRUE;
        }
      fresh = TRUE;
    }
  return FALSE;
}

static void
append_piece (GArray *out, gsize first, gsize end)
{
  TextPiece piece = { first, end - first };

  if (end > first)
    g_array_append_val (out, piece);
}

/* Collects stretches that are matches or not, by behaviour. */
typedef struct {
  TextSplitBehavior behavior;
  GArray           *out;
  gsize             open;          /* where the piece being collected begins */
  gboolean          last_matched, any;
} Collect;

static void
collect (Collect *self, gsize first, gsize end, gboolean matched)
{
  gboolean glue = FALSE;

  if (first == end)
    return;

  switch (self->behavior)
    {
    case TEXT_SPLIT_ISOLATED:
    case TEXT_SPLIT_REMOVED:
      break;
    case TEXT_SPLIT_MERGED_WITH_PREVIOUS:
      glue = matched && self->any && !self->last_matched;
      break;
    case TEXT_SPLIT_MERGED_WITH_NEXT:
      glue = !matched && self->any && self->last_matched;
      break;
    case TEXT_SPLIT_CONTIGUOUS:
      glue = self->any && matched == self->last_matched;
      break;
    }
  if (self->any && !glue)
    {
      if (self->behavior != TEXT_SPLIT_REMOVED || !self->last_matched)
        append_piece (self->out, self->open, first);
      self->open = first;
    }
  if (!self->any)
    self->open = first;
  self->any = TRUE;
  self->last_matched = matched;
}

static void
split_piece (TextSplit *self, const char *text, TextPiece piece, GArray *out)
{
  Collect collected = { .behavior = self->behavior, .out = out };
  Search search = { .regex = self->regex, .text = text + piece.first, .end = piece.length };
  gsize at = 0, first, end;

  while (search_next (&search, at, &first, &end))
    {
      collect (&collected, piece.first + at, piece.first + first, self->invert);
      collect (&collected, piece.first + first, piece.first + end, !self->invert);
      at = end;
    }
  search_close (&search);
  collect (&collected, piece.first + at, piece.first + piece.length, self->invert);
  if (collected.any && (self->behavior != TEXT_SPLIT_REMOVED || !collected.last_matched))
    append_piece (out, collected.open, piece.first + piece.length);
}

void
text_split_run (TextSplit *self, const char *text, const GArray *pieces, GArray *out)
{
  for (guint i = 0; i < pieces->len; i++)
    split_piece (self, text, g_array_index (pieces, TextPiece, i), out);
}

static gboolean
parse_behavior (const char *name, TextSplitBehavior *behavior)
{
  static const char *const names[] = { "Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_strcmp0 (name, names[i]) == 0)
      {
        *behavior = i;
        return TRUE;
      }
  return FALSE;
}

/* { "type": "Split", "pattern": { "Regex" or "String": … }, "behavior": …, "invert": … } */
static TextSplit *
parse_split (JsonObject *node, const char *file, GError **error)
{
  JsonObject *pattern = text_object_object (node, "pattern");
  const char *regex = pattern != NULL ? text_object_string (pattern, "Regex", NULL) : NULL;
  const char *plain = pattern != NULL ? text_object_string (pattern, "String", NULL) : NULL;
  g_autofree char *escaped = NULL;
  TextSplitBehavior behavior;

  if (regex == NULL && plain == NULL)
    {
      text_field_fail (error, file, "pre_tokenizer.pattern", "holds neither “Regex” nor “String”");
      return NULL;
    }
  if (!parse_behavior (text_object_string (node, "behavior", "Isolated"), &behavior))
    {
      text_field_fail (error, file, "pre_tokenizer.behavior", "is unknown: “%s”",
                       text_object_string (node, "behavior", ""));
      return NULL;
    }
  if (regex == NULL)
    regex = escaped = g_regex_escape_string (plain, -1);
  return text_split_new (regex, behavior, text_object_flag (node, "invert", FALSE), file, "pre_tokenizer.pattern",
                         error);
}

/* Appends what one pre-tokenizer means. */
static gboolean
parse_one (JsonObject *node, const char *file, GPtrArray *splits, gboolean *byte_level, gboolean *prefix_space,
           GError **error)
{
  const char *type = text_object_string (node, "type", "");
  TextSplit *split = NULL;

  if (*byte_level)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_UNSUPPORTED,
                   "“%s”: a pre_tokenizer “%s” behind “ByteLevel” is not supported", file, type);
      return FALSE;
    }
  if (g_str_equal (type, "Split"))
    split = parse_split (node, file, error);
  else if (g_str_equal (type, "Digits"))
    split = text_split_new ("\\p{N}", text_object_flag (node, "individual_digits", FALSE)
                            ? TEXT_SPLIT_ISOLATED : TEXT_SPLIT_CONTIGUOUS, FALSE, file, "pre_tokenizer", error);
  else if (g_str_equal (type, "ByteLevel"))
    {
      *byte_level = TRUE;
      *prefix_space = text_object_flag (node, "add_prefix_space", TRUE);
      if (*prefix_space && splits->len > 0)
        {
          g_set_error (error, PENT_ERROR, PENT_ERROR_UNSUPPORTED,
                       "“%s”: “add_prefix_space” behind another pre_tokenizer is not supported", file);
          return FALSE;
        }
      if (!text_object_flag (node, "use_regex", TRUE))
        return TRUE;
      split = text_split_new (TEXT_SPLIT_GPT2, TEXT_SPLIT_ISOLATED, FALSE, file, "pre_tokenizer", error);
    }
  else
    g_set_error (error, PENT_ERROR, PENT_ERROR_UNSUPPORTED, "“%s”: the pre_tokenizer “%s” is not supported", file,
                 type);

  if (split == NULL)
    return FALSE;
  g_ptr_array_add (splits, split);
  return TRUE;
}

GPtrArray *
text_split_parse (JsonObject *node, const char *file, gboolean *byte_level, gboolean *prefix_space, GError **error)
{
  g_autoptr(GPtrArray) splits = g_ptr_array_new_with_free_func ((GDestroyNotify) text_split_free);
  JsonArray *parts;

  *byte_level = *prefix_space = FALSE;
  if (!g_str_equal (text_object_string (node, "type", ""), "Sequence"))
    return parse_one (node, file, splits, byte_level, prefix_space, error) ? g_steal_pointer (&splits) : NULL;

  parts = text_object_array (node, "pretokenizers");
  if (parts == NULL)
    {
      text_field_fail (error, file, "pre_tokenizer.pretokenizers", "is not a list");
      return NULL;
    }
  for (guint i = 0; i < json_array_get_length (parts); i++)
    {
      JsonObject *part = text_array_object (parts, i);

      if (part == NULL)
        {
          text_field_fail (error, file, "pre_tokenizer.pretokenizers", "holds something that is no object");
          return NULL;
        }
      if (!parse_one (part, file, splits, byte_level, prefix_space, error))
        return NULL;
    }
  return g_steal_pointer (&splits);
}
