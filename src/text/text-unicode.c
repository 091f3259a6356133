/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text-unicode.h"

#include <string.h>

typedef struct {
  gunichar c;
  guint8   class;      /* canonical combining class */
} Mark;

void
text_align_add (TextAlign *self, guint to, guint from)
{
  TextAlignPoint point = { to, from };

  if (self->points == NULL)
    self->points = g_array_new (FALSE, FALSE, sizeof (TextAlignPoint));
  g_array_append_val (self->points, point);
}

guint
text_align_from (TextAlign *self, guint to)
{
  TextAlignPoint here = { 0, 0 }, next;
  const TextAlignPoint *points;

  if (self->points == NULL)
    return to;

  points = (const TextAlignPoint *) (gpointer) self->points->data;
  while (self->at < self->points->len && points[self->at].to <= to)
    self->at++;
  if (self->at > 0)
    here = points[self->at - 1];
  if (self->at == self->points->len)
    return here.from + (to - here.to);
  next = points[self->at];
  return next.to - here.to == next.from - here.from ? here.from + (to - here.to) : here.from;
}

void
text_align_clear (TextAlign *self)
{
  g_clear_pointer (&self->points, g_array_unref);
  self->at = 0;
}

guint
text_utf8_length (const char *p, const char *end, gboolean *valid)
{
  const guchar *u = (const guchar *) p;
  guint wanted, length = 1;
  guchar low = 0x80, high = 0xbf;

  *valid = TRUE;
  if (u[0] < 0x80)
    return 1;

  *valid = FALSE;
  if (u[0] < 0xc2 || u[0] > 0xf4)
    return 1;
  wanted = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
  if (u[0] == 0xe0)
    low = 0xa0;
  else if (u[0] == 0xed)
    high = 0x9f;
  else if (u[0] == 0xf0)
    low = 0x90;
  else if (u[0] == 0xf4)
    high = 0x8f;
  while (length < wanted && p + length < end && u[length] >= low && u[length] <= high)
    {
      length++;
      low = 0x80;
      high = 0xbf;
    }
  *valid = length == wanted;
  return length;
}

void
text_append_valid (GString *out, const char *text, gsize length, TextAlign *align)
{
  const char *p = text, *run = text, *end = text + length;
  gsize base = out->len;

  while (p < end)
    {
      gboolean valid;
      guint size = text_utf8_length (p, end, &valid);

      p += size;
      if (valid)
        continue;
      g_string_append_len (out, run, p - size - run);
      if (align != NULL)
        text_align_add (align, out->len - base, p - size - text);
      g_string_append (out, "\xef\xbf\xbd");
      if (align != NULL)
        text_align_add (align, out->len - base, p - text);
      run = p;
    }
  g_string_append_len (out, run, p - run);
}

/* May c combine with what stands before it?  Marks, the vowels and final consonants of Hangul, and the vowel signs of
 * Kirat Rai. */
static gboolean
may_combine (gunichar c)
{
  if (c < 0x300)
    return FALSE;
  return (c >= 0x1160 && c <= 0x11ff) || (c >= 0x16d63 && c <= 0x16d6a) || g_unichar_ismark (c);
}

/* Characters that composition leaves alone if nothing follows that may combine; a quick answer for most text. */
static gboolean
is_stable (gunichar c)
{
  return c < 0x300 || (c >= 0x400 && c <= 0x482) || (c >= 0x3041 && c <= 0x3096) || (c >= 0x30a0 && c <= 0x30ff) ||
         (c >= 0x4e00 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7a3);
}

/* Sorts runs of marks by class, keeping the order within a class: counting, so that no text makes it slow. */
static void
order_marks (GArray *marks)
{
  Mark *m = (Mark *) (gpointer) marks->data;
  g_autofree Mark *sorted = NULL;

  for (guint first = 0; first < marks->len;)
    {
      guint end = first, starts[256] = { 0 }, sum = first;
      gboolean ordered = TRUE;

      while (end < marks->len && m[end].class != 0)
        {
          ordered = ordered && (end == first || m[end - 1].class <= m[end].class);
          starts[m[end++].class]++;
        }
      if (!ordered)
        {
          if (sorted == NULL)
            sorted = g_new (Mark, marks->len);
          for (guint class = 0; class < 256; class++)
            {
              guint count = starts[class];

              starts[class] = sum;
              sum += count;
            }
          for (guint i = first; i < end; i++)
            sorted[starts[m[i].class]++] = m[i];
          memcpy (m + first, sorted + first, (end - first) * sizeof (Mark));
        }
      first = MAX (end, first + 1);
    }
}

/* A mark joins the last starter unless one of the same or a higher class stands between. */
static void
compose (GArray *marks)
{
  Mark *m = (Mark *) (gpointer) marks->data;
  guint kept = 0;
  int starter = -1;

  for (guint i = 0; i < marks->len; i++)
    {
      gunichar joined;
      gboolean adjacent = starter >= 0 && (guint) starter + 1 == kept;

      if (starter >= 0 && (adjacent || m[kept - 1].class < m[i].class) &&
          g_unichar_compose (m[starter].c, m[i].c, &joined))
        {
          m[starter].c = joined;
          continue;
        }
      if (m[i].class == 0)
        starter = kept;
      m[kept++] = m[i];
    }
  g_array_set_size (marks, kept);
}

/* Appends the composition of [p, end): one character and those that may combine with it. */
static void
append_composed (GString *out, const char *p, const char *end, GArray *marks)
{
  g_array_set_size (marks, 0);
  for (; p < end; p = g_utf8_next_char (p))
    {
      gunichar parts[G_UNICHAR_MAX_DECOMPOSITION_LENGTH];
      gsize n = g_unichar_fully_decompose (g_utf8_get_char (p), FALSE, parts, G_N_ELEMENTS (parts));

      for (gsize i = 0; i < n; i++)
        {
          Mark mark = { parts[i], g_unichar_combining_class (parts[i]) };

          g_array_append_val (marks, mark);
        }
    }
  order_marks (marks);
  compose (marks);
  for (guint i = 0; i < marks->len; i++)
    g_string_append_unichar (out, g_array_index (marks, Mark, i).c);
}

gboolean
text_append_nfc (GString *out, const char *text, gsize length, TextAlign *align)
{
  g_autoptr(GArray) marks = g_array_new (FALSE, FALSE, sizeof (Mark));
  const char *p = text, *run = text, *end = text + length;
  gsize base = out->len;
  gboolean changed = FALSE;

  while (p < end)
    {
      const char *segment = p;
      gunichar c = g_utf8_get_char (p);
      gsize before;

      p = g_utf8_next_char (p);
      if (is_stable (c) && (p == end || (guchar) *p < 0xcc || !may_combine (g_utf8_get_char (p))))
        continue;
      while (p < end && (guchar) *p >= 0xcc && may_combine (g_utf8_get_char (p)))
        p = g_utf8_next_char (p);

      g_string_append_len (out, run, segment - run);
      run = p;
      before = out->len;
      append_composed (out, segment, p, marks);
      if (out->len - before == (gsize) (p - segment) && memcmp (out->str + before, segment, p - segment) == 0)
        continue;
      changed = TRUE;
      if (align != NULL)
        {
          text_align_add (align, before - base, segment - text);
          text_align_add (align, out->len - base, p - text);
        }
    }
  g_string_append_len (out, run, p - run);
  return changed;
}

gboolean
text_is_space (gunichar c)
{
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

gboolean
text_is_word (gunichar c)
{
  return g_unichar_isalnum (c) || g_unichar_ismark (c) || c == 0x200c || c == 0x200d ||
         g_unichar_type (c) == G_UNICODE_CONNECT_PUNCTUATION;
}
