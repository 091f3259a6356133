/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-json.h"

#include "pent-error.h"

/* json-glib parses recursively: brackets are counted before it sees the text. */
static gboolean
nesting_within (const char *text, gsize length, guint max_depth)
{
  guint depth = 0;
  gboolean in_string = FALSE;

  for (gsize i = 0; i < length; i++)
    {
      char c = text[i];

      if (in_string)
        {
          if (c == '\\')
            i++;
          else if (c == '"')
            in_string = FALSE;
        }
      else if (c == '"')
        in_string = TRUE;
      else if ((c == '{' || c == '[') && ++depth > max_depth)
        return FALSE;
      else if ((c == '}' || c == ']') && depth > 0)
        depth--;
    }

  return TRUE;
}

/* The objects now open, each with the names seen in it. */
typedef struct {
  GPtrArray *open;          /* GHashTable */
  char      *duplicate;     /* the first name seen twice */
} Names;

static void
on_object_start (JsonParser *parser, gpointer data)
{
  Names *names = data;

  g_ptr_array_add (names->open, g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL));
}

static void
on_object_member (JsonParser *parser, JsonObject *object, const char *name, gpointer data)
{
  Names *names = data;

  if (!g_hash_table_add (names->open->pdata[names->open->len - 1], g_strdup (name)) && names->duplicate == NULL)
    names->duplicate = g_strdup (name);
}

static void
on_object_end (JsonParser *parser, JsonObject *object, gpointer data)
{
  Names *names = data;

  g_ptr_array_remove_index (names->open, names->open->len - 1);
}

static JsonNode *
parse (JsonParser *parser, const char *text, gsize length, Names *names, const char *what, GError **error)
{
  g_autoptr (GError) reason = NULL;
  JsonNode *root;

  if (!json_parser_load_from_data (parser, text, length, &reason))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "%s is damaged: it is not valid JSON (%s)", what,
                   reason->message);
      return NULL;
    }
  if (names->duplicate != NULL)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "%s is damaged: “%s” occurs twice in one object", what,
                   names->duplicate);
      return NULL;
    }

  root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "%s is damaged: it does not hold a JSON object", what);
      return NULL;
    }
  return json_parser_steal_root (parser);
}

JsonNode *
nn_json_parse (const char *text, gsize length, guint max_depth, const char *what, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  Names names = { 0 };
  JsonNode *root;

  /* json-glib skips a byte order mark, which this format forbids; NUL bytes fail the check for UTF-8. */
  if (length == 0 || !g_utf8_validate_len (text, length, NULL) || g_str_has_prefix (text, "\xef\xbb\xbf"))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "%s is damaged: it is not JSON in plain UTF-8", what);
      return NULL;
    }
  if (!nesting_within (text, length, max_depth))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "%s is damaged: its JSON is nested more than %u levels deep",
                   what, max_depth);
      return NULL;
    }

  names.open = g_ptr_array_new_with_free_func ((GDestroyNotify) g_hash_table_unref);
  json_parser_set_strict (parser, TRUE);
  g_signal_connect (parser, "object-start", G_CALLBACK (on_object_start), &names);
  g_signal_connect (parser, "object-member", G_CALLBACK (on_object_member), &names);
  g_signal_connect (parser, "object-end", G_CALLBACK (on_object_end), &names);

  root = parse (parser, text, length, &names, what, error);

  g_ptr_array_unref (names.open);
  g_free (names.duplicate);
  return root;
}
