/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text-json.h"

#include <string.h>

#include "pent-error.h"

gboolean
text_json_fail (TextJson *self, const char *what, GError **error)
{
  guint line = 1;

  for (const char *p = self->start; p < self->p; p++)
    line += *p == '\n';
  g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” is not valid JSON: line %u, byte %" G_GSIZE_FORMAT ": %s",
               self->file, line, (gsize) (self->p - self->start), what);
  return FALSE;
}

gboolean
text_json_init (TextJson *self, GBytes *bytes, const char *file, GError **error)
{
  gsize length;
  const char *bad;

  self->start = self->p = g_bytes_get_data (bytes, &length);
  self->end = self->start + length;
  self->file = file;
  if (length > TEXT_JSON_MAX_FILE)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” is larger than %u MiB, so it is no tokenizer file", file,
                   TEXT_JSON_MAX_FILE >> 20);
      return FALSE;
    }
  if (length == 0)
    {
      self->start = self->p = self->end = "";
      return text_json_fail (self, "the file is empty", error);
    }
  if (!g_utf8_validate_len (self->start, length, &bad))
    {
      self->p = bad;
      return text_json_fail (self, *bad == '\0' ? "a NUL character" : "not UTF-8", error);
    }
  if (length >= 3 && memcmp (self->p, "\xef\xbb\xbf", 3) == 0)
    self->p += 3;
  return TRUE;
}

char
text_json_peek (TextJson *self)
{
  while (self->p < self->end && (*self->p == ' ' || *self->p == '\n' || *self->p == '\r' || *self->p == '\t'))
    self->p++;
  return self->p < self->end ? *self->p : '\0';
}

static int
hex_digits (TextJson *self)
{
  int value = 0;

  if (self->end - self->p < 4)
    return -1;
  for (guint i = 0; i < 4; i++)
    {
      int digit = g_ascii_xdigit_value (self->p[i]);

      if (digit < 0)
        return -1;
      value = value * 16 + digit;
    }
  self->p += 4;
  return value;
}

/* Behind "\u". */
static gboolean
read_unicode (TextJson *self, GString *out, GError **error)
{
  int unit = hex_digits (self);

  if (unit < 0)
    return text_json_fail (self, "\\u wants four hexadecimal digits", error);
  if (unit >= 0xd800 && unit < 0xe000)
    {
      int low = -1;

      if (unit < 0xdc00 && self->end - self->p >= 6 && self->p[0] == '\\' && self->p[1] == 'u')
        {
          self->p += 2;
          low = hex_digits (self);
        }
      if (low < 0xdc00 || low >= 0xe000)
        return text_json_fail (self, "half a surrogate pair", error);
      unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
  if (out != NULL)
    g_string_append_unichar (out, unit);
  return TRUE;
}

static gboolean
read_escape (TextJson *self, GString *out, GError **error)
{
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  const char *found;

  if (self->p == self->end)
    return text_json_fail (self, "a string does not end", error);
  if (*self->p == 'u')
    {
      self->p++;
      return read_unicode (self, out, error);
    }
  found = memchr (names, *self->p, sizeof names - 1);
  if (found == NULL)
    return text_json_fail (self, "an unknown escape in a string", error);
  self->p++;
  if (out != NULL)
    g_string_append_c (out, values[found - names]);
  return TRUE;
}

/* out may be NULL. */
static gboolean
read_string (TextJson *self, GString *out, GError **error)
{
  if (text_json_peek (self) != '"')
    return text_json_fail (self, "a string was expected", error);
  self->p++;
  while (TRUE)
    {
      const char *run = self->p;

      while (self->p < self->end && *self->p != '"' && *self->p != '\\' && (guchar) *self->p >= 0x20)
        self->p++;
      if (out != NULL)
        g_string_append_len (out, run, self->p - run);
      if (self->p == self->end)
        return text_json_fail (self, "a string does not end", error);
      if (*self->p == '"')
        {
          self->p++;
          return TRUE;
        }
      if (*self->p != '\\')
        return text_json_fail (self, "a control character in a string", error);
      self->p++;
      if (!read_escape (self, out, error))
        return FALSE;
    }
}

gboolean
text_json_string (TextJson *self, GString *out, GError **error)
{
  g_string_truncate (out, 0);
  return read_string (self, out, error);
}

gboolean
text_json_integer (TextJson *self, gint64 *value, GError **error)
{
  gboolean negative = text_json_peek (self) == '-';
  const char *digits = self->p + negative;
  gint64 number = 0;

  for (self->p = digits; self->p < self->end && g_ascii_isdigit (*self->p); self->p++)
    {
      if (self->p - digits >= 18)
        return text_json_fail (self, "a number with too many digits", error);
      number = number * 10 + (*self->p - '0');
    }
  if (self->p == digits || (self->p < self->end && strchr (".eE", *self->p) != NULL && *self->p != '\0'))
    return text_json_fail (self, "a whole number was expected", error);
  *value = negative ? -number : number;
  return TRUE;
}

gboolean
text_json_open (TextJson *self, char bracket, GError **error)
{
  if (text_json_peek (self) != bracket)
    return text_json_fail (self, bracket == '{' ? "“{” was expected" : "“[” was expected", error);
  self->p++;
  return TRUE;
}

gboolean
text_json_next (TextJson *self, char bracket, guint *n, gboolean *more, GError **error)
{
  char c = text_json_peek (self);

  *more = FALSE;
  if (c == bracket)
    {
      self->p++;
      return TRUE;
    }
  if (*n > 0)
    {
      if (c != ',')
        return text_json_fail (self, c == '\0' ? "the text ends too early" : "a comma was expected", error);
      self->p++;
    }
  (*n)++;
  *more = TRUE;
  return TRUE;
}

gboolean
text_json_key (TextJson *self, GString *name, GError **error)
{
  if (name != NULL)
    g_string_truncate (name, 0);
  if (!read_string (self, name, error))
    return FALSE;
  if (text_json_peek (self) != ':')
    return text_json_fail (self, "a colon was expected", error);
  self->p++;
  return TRUE;
}

static gboolean
skip_number (TextJson *self, GError **error)
{
  const char *first = self->p;
  gboolean digits = FALSE;

  for (; self->p < self->end && (g_ascii_isdigit (*self->p) || strchr ("+-.eE", *self->p) != NULL); self->p++)
    {
      if (*self->p == '\0')
        break;
      digits = digits || g_ascii_isdigit (*self->p);
    }
  if (self->p == first || !digits)
    return text_json_fail (self, "a value was expected", error);
  return TRUE;
}

static gboolean
skip_word (TextJson *self, const char *word, GError **error)
{
  gsize length = strlen (word);

  if ((gsize) (self->end - self->p) < length || memcmp (self->p, word, length) != 0)
    return text_json_fail (self, "a value was expected", error);
  self->p += length;
  return TRUE;
}

static gboolean
skip_value (TextJson *self, guint depth, GError **error)
{
  char c = text_json_peek (self), close = c == '{' ? '}' : ']';
  gboolean more;
  guint n = 0;

  switch (c)
    {
    case '"':
      return read_string (self, NULL, error);
    case 't':
      return skip_word (self, "true", error);
    case 'f':
      return skip_word (self, "false", error);
    case 'n':
      return skip_word (self, "null", error);
    case '{':
    case '[':
      break;
    default:
      return skip_number (self, error);
    }

  if (depth == TEXT_JSON_DEPTH)
    return text_json_fail (self, "nested too deeply", error);
  self->p++;
  while (text_json_next (self, close, &n, &more, error))
    {
      if (!more)
        return TRUE;
      if (c == '{' && !text_json_key (self, NULL, error))
        return FALSE;
      if (!skip_value (self, depth + 1, error))
        return FALSE;
    }
  return FALSE;
}

gboolean
text_json_skip (TextJson *self, GError **error)
{
  return skip_value (self, 0, error);
}

gboolean
text_json_finish (TextJson *self, GError **error)
{
  return text_json_peek (self) == '\0' && self->p == self->end
         ? TRUE : text_json_fail (self, "something follows the end of the text", error);
}

const char *
text_object_string (JsonObject *object, const char *name, const char *otherwise)
{
  JsonNode *node = json_object_get_member (object, name);

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    return otherwise;
  return json_node_get_string (node);
}

gboolean
text_object_flag (JsonObject *object, const char *name, gboolean otherwise)
{
  JsonNode *node = json_object_get_member (object, name);

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_BOOLEAN)
    return otherwise;
  return json_node_get_boolean (node);
}

JsonObject *
text_object_object (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

JsonArray *
text_object_array (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

gboolean
text_object_integer (JsonObject *object, const char *name, gint64 *value)
{
  JsonNode *node = json_object_get_member (object, name);

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_INT64)
    return FALSE;
  *value = json_node_get_int (node);
  return TRUE;
}

JsonObject *
text_array_object (JsonArray *array, guint i)
{
  JsonNode *node = json_array_get_element (array, i);

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

const char *
text_array_string (JsonArray *array, guint i)
{
  JsonNode *node = json_array_get_element (array, i);

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    return NULL;
  return json_node_get_string (node);
}

gboolean
text_field_fail (GError **error, const char *file, const char *field, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list arguments;

  va_start (arguments, format);
  what = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL, "“%s”: the field “%s” %s", file, field, what);
  return FALSE;
}
