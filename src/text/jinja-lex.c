/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jinja.h"

#include <string.h>

#include "pent-error.h"

typedef struct {
  JinjaTemplate *template;
  const char    *p, *end;
  guint          line;
  gboolean       line_start;         /* the last tag ended a line */
  GArray        *tokens;
  GString       *scratch;
  GError       **error;
} Lexer;

void
jinja_source_error (const JinjaTemplate *template, guint line, GError **error, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list arguments;

  va_start (arguments, format);
  what = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL, "“%s”, line %u: %s", template->name, line, what);
}

static void
add_token (Lexer *l, JinjaTokenType type, JinjaValue value)
{
  JinjaToken token = { type, l->line, value };

  g_array_append_val (l->tokens, token);
}

/* A string of the template's own; names are one pointer each. */
static JinjaValue
keep (Lexer *l, const char *s, gsize length, gboolean name)
{
  JinjaValue value = { JINJA_STRING, length, { 0 } };

  if (name)
    {
      g_autofree char *copy = g_strndup (s, length);

      value.u.s = g_string_chunk_insert_const (l->template->names, copy);
    }
  else
    {
      char *copy = jinja_alloc (&l->template->arena, length + 1);

      memcpy (copy, s, length);
      value.u.s = copy;
    }
  return value;
}

static void
advance (Lexer *l, const char *to)
{
  for (; l->p < to; l->p++)
    l->line += *l->p == '\n';
}

static gboolean
starts (Lexer *l, const char *what)
{
  gsize length = strlen (what);

  return (gsize) (l->end - l->p) >= length && memcmp (l->p, what, length) == 0;
}

static gboolean
is_space (char c)
{
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Behind a tag: “-” takes all white space with it, otherwise a block or comment takes one newline, unless “+”. */
static void
close_tag (Lexer *l, char sign, gboolean trim)
{
  const char *p = l->p;

  if (sign == '-')
    while (p < l->end && is_space (*p))
      p++;
  else if (trim && sign != '+' && p < l->end && *p == '\n')
    p++;
  l->line_start = p > l->p && p[-1] == '\n';
  advance (l, p);
}

/* The text in front of a tag, with what the tag takes of it. */
static void
add_text (Lexer *l, const char *text, const char *end, char sign, gboolean lstrip)
{
  if (sign == '-')
    while (end > text && is_space (end[-1]))
      end--;
  else if (lstrip && sign != '+')
    {
      const char *line = end;

      while (line > text && line[-1] != '\n' && is_space (line[-1]))
        line--;
      if (line > text ? line[-1] == '\n' : l->line_start)
        end = line;
    }
  if (end > text)
    add_token (l, JINJA_TOKEN_TEXT, keep (l, text, end - text, FALSE));
}

/* -, + or nothing */
static char
read_sign (Lexer *l)
{
  return l->p < l->end && (*l->p == '-' || *l->p == '+') ? *l->p++ : '\0';
}

/* Behind “{#”. */
static gboolean
skip_comment (Lexer *l)
{
  guint line = l->line;
  const char *close = l->p < l->end ? g_strstr_len (l->p, l->end - l->p, "#}") : NULL;
  char sign;

  if (close == NULL)
    {
      jinja_source_error (l->template, line, l->error, "a comment does not end");
      return FALSE;
    }
  sign = close > l->p && (close[-1] == '-' || close[-1] == '+') ? close[-1] : '\0';
  advance (l, close + 2);
  close_tag (l, sign, TRUE);
  return TRUE;
}

/* At “{%”: if what follows is `raw` or `endraw`, goes behind the tag. */
static gboolean
take_raw_tag (Lexer *l, const char *word, char *open, char *close)
{
  const char *p = l->p + 2;

  *open = p < l->end && (*p == '-' || *p == '+') ? *p++ : '\0';
  while (p < l->end && is_space (*p))
    p++;
  if ((gsize) (l->end - p) < strlen (word) || memcmp (p, word, strlen (word)) != 0)
    return FALSE;
  p += strlen (word);
  while (p < l->end && is_space (*p))
    p++;
  *close = p < l->end && (*p == '-' || *p == '+') ? *p++ : '\0';
  if (l->end - p < 2 || p[0] != '%' || p[1] != '}')
    return FALSE;
  advance (l, p + 2);
  return TRUE;
}

/* Behind “{% raw %}”. */
static gboolean
lex_raw (Lexer *l)
{
  const char *text = l->p;
  guint line = l->line;
  char open, close;

  for (; l->p < l->end; advance (l, l->p + 1))
    {
      const char *end = l->p;

      if (starts (l, "{%") && take_raw_tag (l, "endraw", &open, &close))
        {
          add_text (l, text, end, open, TRUE);
          close_tag (l, close, TRUE);
          return TRUE;
        }
    }
  jinja_source_error (l->template, line, l->error, "“raw” does not end");
  return FALSE;
}

static void
append_code (GString *out, gunichar c)
{
  g_string_append_unichar (out, c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff) && c != 0 ? c : 0xfffd);
}

/* Behind a backslash: as in Python. */
static void
lex_escape (Lexer *l)
{
  static const char names[] = "\\'\"abfnrtv", values[] = "\\'\"\a\b\f\n\r\t\v";
  char c = *l->p++;
  const char *found = memchr (names, c, sizeof names - 1);
  guint digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0, n = 0, code = 0;

  if (found != NULL)
    g_string_append_c (l->scratch, values[found - names]);
  else if (c == '\n')
    l->line++;
  else if (c >= '0' && c <= '7')
    {
      for (l->p--; n < 3 && l->p < l->end && *l->p >= '0' && *l->p <= '7'; n++)
        code = code * 8 + (*l->p++ - '0');
      append_code (l->scratch, code);
    }
  else
    {
      while (n < digits && l->p + n < l->end && g_ascii_isxdigit (l->p[n]))
        code = code * 16 + g_ascii_xdigit_value (l->p[n++]);
      if (digits > 0 && n == digits)
        {
          l->p += n;
          append_code (l->scratch, code);
        }
      else
        {
          g_string_append_c (l->scratch, '\\');
          g_string_append_c (l->scratch, c);
        }
    }
}

static gboolean
lex_string (Lexer *l)
{
  char quote = *l->p++;
  guint line = l->line;

  g_string_truncate (l->scratch, 0);
  while (l->p < l->end && *l->p != quote)
    {
      char c = *l->p++;

      if (c == '\\' && l->p < l->end)
        lex_escape (l);
      else
        {
          l->line += c == '\n';
          g_string_append_c (l->scratch, c);
        }
    }
  if (l->p == l->end)
    {
      jinja_source_error (l->template, line, l->error, "a string does not end");
      return FALSE;
    }
  l->p++;
  add_token (l, JINJA_TOKEN_STRING, keep (l, l->scratch->str, l->scratch->len, FALSE));
  return TRUE;
}

/* A number may have _ between digits; an integer beyond 64 bits is refused. */
static gboolean
lex_number (Lexer *l)
{
  const char *p = l->p;
  gboolean real = FALSE;
  guint64 integer;

  g_string_truncate (l->scratch, 0);
  while (p < l->end && (g_ascii_isdigit (*p) || *p == '_'))
    p++;
  if (p + 1 < l->end && *p == '.' && g_ascii_isdigit (p[1]))
    for (real = TRUE, p++; p < l->end && (g_ascii_isdigit (*p) || *p == '_'); p++)
      ;
  if (p + 1 < l->end && (*p == 'e' || *p == 'E') &&
      (g_ascii_isdigit (p[1]) || (p + 2 < l->end && (p[1] == '+' || p[1] == '-') && g_ascii_isdigit (p[2]))))
    for (real = TRUE, p += 2; p < l->end && g_ascii_isdigit (*p); p++)
      ;
  for (const char *q = l->p; q < p; q++)
    if (*q != '_')
      g_string_append_c (l->scratch, *q);
  l->p = p;

  if (real)
    add_token (l, JINJA_TOKEN_FLOAT, jinja_float (g_ascii_strtod (l->scratch->str, NULL)));
  else if (g_ascii_string_to_unsigned (l->scratch->str, 10, 0, G_MAXINT64, &integer, NULL))
    add_token (l, JINJA_TOKEN_INT, jinja_int (integer));
  else
    {
      jinja_source_error (l->template, l->line, l->error, "the number %.40s is too large", l->scratch->str);
      return FALSE;
    }
  return TRUE;
}

static gboolean
lex_operator (Lexer *l, GString *brackets)
{
  static const char *const operators[] = { "**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<",
                                           ">",  "=",  "|",  ".",  ",",  ":",  "(", ")", "[", "]", "{", "}" };
  static const char opening[] = "([{", closing[] = ")]}";

  for (guint i = 0; i < G_N_ELEMENTS (operators); i++)
    if (starts (l, operators[i]))
      {
        const char *open = strchr (opening, *operators[i]), *close = strchr (closing, *operators[i]);

        if (open != NULL)
          g_string_append_c (brackets, closing[open - opening]);
        if (close != NULL && (brackets->len == 0 || brackets->str[brackets->len - 1] != *close))
          {
            jinja_source_error (l->template, l->line, l->error, "“%c” closes nothing", *close);
            return FALSE;
          }
        if (close != NULL)
          g_string_truncate (brackets, brackets->len - 1);
        add_token (l, JINJA_TOKEN_OPERATOR, keep (l, operators[i], strlen (operators[i]), TRUE));
        l->p += strlen (operators[i]);
        return TRUE;
      }
  jinja_source_error (l->template, l->line, l->error, "“%.*s” is not understood",
                      (int) (g_utf8_next_char (l->p) - l->p), l->p);
  return FALSE;
}

/* Behind “{{” or “{%”: up to its end. */
static gboolean
lex_tag (Lexer *l, gboolean block)
{
  g_autoptr(GString) brackets = g_string_new (NULL);
  guint line = l->line;

  while (l->p < l->end)
    {
      const char *close = block ? "%}" : "}}";
      gboolean signed_close =
          (*l->p == '-' || (*l->p == '+' && block)) && l->end - l->p >= 3 && memcmp (l->p + 1, close, 2) == 0;
      gboolean ok = TRUE;

      if (brackets->len == 0 && (signed_close || starts (l, close)))
        {
          char sign = signed_close ? *l->p : '\0';

          l->p += signed_close ? 3 : 2;
          add_token (l, block ? JINJA_TOKEN_BLOCK_END : JINJA_TOKEN_OUTPUT_END, jinja_none ());
          close_tag (l, sign, block);
          return TRUE;
        }
      if (is_space (*l->p))
        advance (l, l->p + 1);
      else if (*l->p == '"' || *l->p == '\'')
        ok = lex_string (l);
      else if (g_ascii_isdigit (*l->p))
        ok = lex_number (l);
      else if (g_ascii_isalpha (*l->p) || *l->p == '_' || (guchar) *l->p >= 0x80)
        {
          const char *name = l->p;

          while (l->p < l->end && (g_ascii_isalnum (*l->p) || *l->p == '_' || (guchar) *l->p >= 0x80))
            l->p++;
          add_token (l, JINJA_TOKEN_NAME, keep (l, name, l->p - name, TRUE));
        }
      else
        ok = lex_operator (l, brackets);
      if (!ok)
        return FALSE;
    }
  jinja_source_error (l->template, line, l->error, block ? "“{%%” does not end" : "“{{” does not end");
  return FALSE;
}

/* One stretch of text and the tag behind it. */
static gboolean
lex_next (Lexer *l)
{
  const char *text = l->p, *p = text;
  char what, open, close;

  while (p < l->end && !(*p == '{' && p + 1 < l->end && (p[1] == '{' || p[1] == '%' || p[1] == '#')))
    p++;
  if (p == l->end)
    {
      add_text (l, text, p, '+', FALSE);
      advance (l, p);
      return TRUE;
    }

  what = p[1];
  add_text (l, text, p, p + 2 < l->end ? p[2] : '\0', what != '{');
  advance (l, p);
  if (what == '%' && take_raw_tag (l, "raw", &open, &close))
    {
      close_tag (l, close, FALSE);
      return lex_raw (l);
    }
  l->p += 2;
  if (what == '#')
    return skip_comment (l);
  read_sign (l);
  add_token (l, what == '{' ? JINJA_TOKEN_OUTPUT : JINJA_TOKEN_BLOCK, jinja_none ());
  return lex_tag (l, what == '%');
}

GArray *
jinja_lex (JinjaTemplate *template, const char *source, GError **error)
{
  g_autoptr(GString) text = g_string_new (NULL);
  g_autoptr(GString) scratch = g_string_new (NULL);
  Lexer l = { .template = template, .line = 1, .line_start = TRUE, .scratch = scratch, .error = error };

  /* Any kind of line end is \n, and the last one is not part of the template. */
  for (const char *p = source; *p != '\0'; p++)
    if (*p != '\r')
      g_string_append_c (text, *p);
    else if (p[1] != '\n')
      g_string_append_c (text, '\n');
  if (text->len > 0 && text->str[text->len - 1] == '\n')
    g_string_truncate (text, text->len - 1);

  l.p = text->str;
  l.end = text->str + text->len;
  l.tokens = g_array_new (FALSE, FALSE, sizeof (JinjaToken));
  while (l.p < l.end)
    if (!lex_next (&l))
      {
        g_array_unref (l.tokens);
        return NULL;
      }
  add_token (&l, JINJA_TOKEN_END, jinja_none ());
  return l.tokens;
}
