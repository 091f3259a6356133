/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text-source.h"

#include "pent-error.h"

/* Copies the rest of an object of tokenizer.json to out, except for what big takes. */
typedef gboolean (*BigField) (TextSource *self, TextJson *j, const char *name, GString *out, GError **error);

static gboolean
copy_object (TextSource *self, TextJson *j, BigField big, GString *out, GError **error)
{
  g_autoptr(GString) name = g_string_new (NULL);
  gboolean more;
  guint n = 0;

  if (!text_json_open (j, '{', error))
    return FALSE;
  g_string_append_c (out, '{');
  while (text_json_next (j, '}', &n, &more, error))
    {
      const char *key, *value;

      if (!more)
        {
          g_string_append_c (out, '}');
          return TRUE;
        }
      text_json_peek (j);
      key = j->p;
      if (!text_json_key (j, name, error))
        return FALSE;
      text_json_peek (j);
      if (n > 1)
        g_string_append_c (out, ',');
      g_string_append_len (out, key, j->p - key);
      value = j->p;
      if (big (self, j, name->str, out, error))
        continue;
      if (*error != NULL || !text_json_skip (j, error))
        return FALSE;
      g_string_append_len (out, value, j->p - value);
    }
  return FALSE;
}

/* In "model". */
static gboolean
take_model_field (TextSource *self, TextJson *j, const char *name, GString *out, GError **error)
{
  TextJson *field = g_str_equal (name, "vocab") ? &self->vocab : g_str_equal (name, "merges") ? &self->merges : NULL;

  if (field == NULL || text_json_peek (j) == 'n')
    return FALSE;
  *field = *j;
  g_string_append (out, "null");
  return text_json_skip (j, error);
}

static gboolean
take_root_field (TextSource *self, TextJson *j, const char *name, GString *out, GError **error)
{
  if (!g_str_equal (name, "model") || text_json_peek (j) != '{')
    return FALSE;
  return copy_object (self, j, take_model_field, out, error);
}

static JsonNode *
parse_tree (const char *text, gssize length, const char *file, GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new_immutable ();
  g_autoptr(GError) local_error = NULL;

  if (json_parser_load_from_data (parser, text, length, &local_error) && json_parser_get_root (parser) != NULL)
    return json_parser_steal_root (parser);
  g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” is not valid JSON: %s", file,
               local_error != NULL ? local_error->message : "it is empty");
  return NULL;
}

static gboolean
open_tokenizer (TextSource *self, GError **error)
{
  g_autoptr(GString) small = g_string_new (NULL);
  GError *local_error = NULL;
  TextJson j;

  self->json_file = pent_files_describe (self->files, "tokenizer.json");
  self->bytes = pent_files_map (self->files, "tokenizer.json", error);
  if (self->bytes == NULL || !text_json_init (&j, self->bytes, self->json_file, error))
    return FALSE;
  if (!copy_object (self, &j, take_root_field, small, &local_error) || !text_json_finish (&j, &local_error))
    {
      g_propagate_error (error, local_error);
      return FALSE;
    }
  self->json = parse_tree (small->str, small->len, self->json_file, error);
  if (self->json == NULL)
    return FALSE;
  self->root = json_node_get_object (self->json);
  self->model = text_object_object (self->root, "model");
  if (self->model == NULL)
    return text_field_fail (error, self->json_file, "model", "is missing");
  return TRUE;
}

static gboolean
open_config (TextSource *self, GError **error)
{
  g_autoptr(GBytes) bytes = pent_files_map (self->files, "tokenizer_config.json", error);
  TextJson j;

  self->config_file = pent_files_describe (self->files, "tokenizer_config.json");
  if (bytes == NULL || !text_json_init (&j, bytes, self->config_file, error))
    return FALSE;
  text_json_peek (&j);
  if (!text_json_skip (&j, error) || !text_json_finish (&j, error))
    return FALSE;
  self->config_json = parse_tree (j.start, j.end - j.start, self->config_file, error);
  if (self->config_json == NULL)
    return FALSE;
  if (!JSON_NODE_HOLDS_OBJECT (self->config_json))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” does not hold a JSON object", self->config_file);
      return FALSE;
    }
  self->config = json_node_get_object (self->config_json);
  return TRUE;
}

gboolean
text_source_open (TextSource *self, PentFiles *files, GError **error)
{
  self->files = g_object_ref (files);
  if (pent_files_has (files, "tokenizer_config.json") && !open_config (self, error))
    return FALSE;
  if (pent_files_has (files, "tokenizer.json"))
    return open_tokenizer (self, error);
  if (pent_files_has (files, "vocab.json") && pent_files_has (files, "merges.txt"))
    return TRUE;
  g_set_error (error, PENT_ERROR, PENT_ERROR_FILE,
               "“%s” has no tokenizer: neither tokenizer.json nor vocab.json and merges.txt",
               pent_files_get_label (files));
  return FALSE;
}

void
text_source_clear (TextSource *self)
{
  g_clear_object (&self->files);
  g_clear_pointer (&self->json_file, g_free);
  g_clear_pointer (&self->json, json_node_unref);
  g_clear_pointer (&self->bytes, g_bytes_unref);
  g_clear_pointer (&self->config_file, g_free);
  g_clear_pointer (&self->config_json, json_node_unref);
}
