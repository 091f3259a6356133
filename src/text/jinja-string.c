/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts as Python handles them: what filters and methods have in common. */
#include "jinja.h"

#include <string.h>

#include "text-unicode.h"

gboolean
jinja_is_blank (gunichar c)
{
  return text_is_space (c) || (c >= 0x1c && c <= 0x1f);
}

static gboolean
among (gunichar c, const JinjaValue *characters)
{
  if (characters == NULL)
    return jinja_is_blank (c);
  for (const char *p = characters->u.s, *end = p + characters->length; p < end; p = g_utf8_next_char (p))
    if (g_utf8_get_char (p) == c)
      return TRUE;
  return FALSE;
}

JinjaValue
jinja_strip (JinjaValue string, const JinjaValue *characters, gboolean left, gboolean right)
{
  const char *p = string.u.s, *end = p + string.length;

  while (left && p < end && among (g_utf8_get_char (p), characters))
    p = g_utf8_next_char (p);
  while (right && end > p && among (g_utf8_get_char (g_utf8_prev_char (end)), characters))
    end = g_utf8_prev_char (end);
  return jinja_part (string, p - string.u.s, end - p);
}

void
jinja_append_cased (GString *out, gunichar c, gboolean upper)
{
  if (upper && c == 0xdf)
    g_string_append (out, "SS");
  else
    g_string_append_unichar (out, upper ? g_unichar_toupper (c) : g_unichar_tolower (c));
}

JinjaValue
jinja_case (Jinja *self, JinjaValue string, gboolean upper)
{
  GString *out = g_string_new (NULL);

  for (const char *p = string.u.s, *end = p + string.length; p < end; p = g_utf8_next_char (p))
    jinja_append_cased (out, g_utf8_get_char (p), upper);
  return jinja_take_string (self, out);
}

JinjaValue
jinja_capitalize (Jinja *self, JinjaValue string)
{
  GString *out = g_string_new (NULL);

  for (const char *p = string.u.s, *end = p + string.length; p < end; p = g_utf8_next_char (p))
    jinja_append_cased (out, g_utf8_get_char (p), p == string.u.s);
  return jinja_take_string (self, out);
}

/* Where what is within string, from `from` on; -1: nowhere. */
gssize
jinja_find (JinjaValue string, JinjaValue what, gsize from)
{
  const char *found;

  if (from > string.length)
    return -1;
  if (what.length == 0)
    return from;
  found = memmem (string.u.s + from, string.length - from, what.u.s, what.length);
  return found != NULL ? found - string.u.s : -1;
}

JinjaValue
jinja_replace (Jinja *self, JinjaValue string, JinjaValue old, JinjaValue new, gint64 times)
{
  GString *out = g_string_new (NULL);
  gsize at = 0;

  while (times != 0 && out->len <= JINJA_MAX_STRING)
    {
      gssize found = jinja_find (string, old, at);

      if (found < 0 || at > string.length)
        break;
      g_string_append_len (out, string.u.s + at, found - at);
      g_string_append_len (out, new.u.s, new.length);
      at = found + old.length;
      times--;
      if (old.length == 0)
        {
          gsize size = at < string.length ? (gsize) (g_utf8_next_char (string.u.s + at) - (string.u.s + at)) : 1;

          if (at < string.length)
            g_string_append_len (out, string.u.s + at, size);
          at += size;
        }
    }
  if (at < string.length)
    g_string_append_len (out, string.u.s + at, string.length - at);
  return jinja_take_string (self, out);
}
