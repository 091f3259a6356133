/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-chat-template.h"

#include <string.h>

#include "jinja.h"
#include "pent-error.h"
#include "text-json.h"

struct _PentChatTemplate {
  JinjaTemplate *jinja;
  JsonObject    *tokens;       /* bos_token, eos_token … as strings */
};

PentChatTemplate *
pent_chat_template_new (const char *source, const char *name, GError **error)
{
  PentChatTemplate *self;
  JinjaTemplate *jinja;

  g_return_val_if_fail (source != NULL, NULL);
  g_return_val_if_fail (name != NULL, NULL);

  jinja = jinja_template_new (source, name, error);
  if (jinja == NULL)
    return NULL;
  self = g_new0 (PentChatTemplate, 1);
  self->jinja = jinja;
  self->tokens = json_object_new ();
  return self;
}

void
pent_chat_template_free (PentChatTemplate *self)
{
  if (self == NULL)
    return;

  jinja_template_free (self->jinja);
  json_object_unref (self->tokens);
  g_free (self);
}

/* The file's JSON object; NULL without error if there is no such file. */
static JsonNode *
read_object (PentFiles *files, const char *name, GError **error)
{
  g_autofree char *file = pent_files_describe (files, name);
  g_autoptr(JsonParser) parser = json_parser_new_immutable ();
  g_autoptr(GError) local_error = NULL;
  g_autoptr(GBytes) bytes = NULL;
  TextJson j;

  if (!pent_files_has (files, name))
    return NULL;
  bytes = pent_files_map (files, name, error);
  if (bytes == NULL || !text_json_init (&j, bytes, file, error) || !text_json_skip (&j, error) ||
      !text_json_finish (&j, error))
    return NULL;
  if (!json_parser_load_from_data (parser, j.start, j.end - j.start, &local_error) ||
      !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "“%s” does not hold a JSON object%s%s", file,
                   local_error != NULL ? ": " : "", local_error != NULL ? local_error->message : "");
      return NULL;
    }
  return json_parser_steal_root (parser);
}

/* "chat_template": the text, or a list of { "name", "template" } of which "default" counts. */
static const char *
find_source (JsonObject *object)
{
  JsonArray *list = text_object_array (object, "chat_template");
  const char *first = NULL;

  for (guint i = 0; list != NULL && i < json_array_get_length (list); i++)
    {
      JsonObject *entry = text_array_object (list, i);
      const char *source = entry != NULL ? text_object_string (entry, "template", NULL) : NULL;

      if (source != NULL && g_str_equal (text_object_string (entry, "name", ""), "default"))
        return source;
      first = first != NULL ? first : source;
    }
  return list != NULL ? first : text_object_string (object, "chat_template", NULL);
}

static void
keep_tokens (PentChatTemplate *self, JsonObject *config)
{
  static const char *const names[] = { "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token",
                                       "mask_token" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      JsonObject *object = text_object_object (config, names[i]);
      const char *token = object != NULL ? text_object_string (object, "content", NULL)
                                         : text_object_string (config, names[i], NULL);

      if (token != NULL)
        json_object_set_string_member (self->tokens, names[i], token);
    }
}

PentChatTemplate *
pent_chat_template_load (PentFiles *files, GError **error)
{
  static const char *const objects[] = { "tokenizer_config.json", "chat_template.json" };
  PentChatTemplate *self = NULL;
  g_autoptr(JsonNode) config = NULL;
  g_autoptr(JsonNode) other = NULL;
  GError *local_error = NULL;

  g_return_val_if_fail (PENT_IS_FILES (files), NULL);

  config = read_object (files, objects[0], &local_error);
  if (local_error == NULL && pent_files_has (files, "chat_template.jinja"))
    {
      g_autofree char *name = pent_files_describe (files, "chat_template.jinja");
      g_autoptr(GBytes) bytes = pent_files_map (files, "chat_template.jinja", &local_error);
      g_autofree char *source = NULL;

      if (bytes != NULL && g_bytes_get_size (bytes) > JINJA_MAX_SOURCE)
        g_set_error (&local_error, PENT_ERROR, PENT_ERROR_MODEL, "“%s” is larger than %u bytes", name,
                     JINJA_MAX_SOURCE);
      else if (bytes != NULL)
        {
          source = g_strndup (g_bytes_get_data (bytes, NULL) != NULL ? g_bytes_get_data (bytes, NULL) : "",
                              g_bytes_get_size (bytes));
          self = pent_chat_template_new (source, name, &local_error);
        }
    }
  else if (local_error == NULL)
    {
      const char *source = config != NULL ? find_source (json_node_get_object (config)) : NULL;
      const char *file = objects[0];
      g_autofree char *name = NULL;

      if (source == NULL)
        {
          file = objects[1];
          other = read_object (files, file, &local_error);
          source = other != NULL ? find_source (json_node_get_object (other)) : NULL;
        }
      name = pent_files_describe (files, file);
      if (source != NULL)
        self = pent_chat_template_new (source, name, &local_error);
    }
  if (self != NULL && config != NULL)
    keep_tokens (self, json_node_get_object (config));
  if (local_error != NULL)
    g_propagate_error (error, local_error);
  return self;
}

static void
copy_member (JsonObject *object, const char *name, JsonNode *node, gpointer data)
{
  json_object_set_member (data, name, json_node_copy (node));
}

char *
pent_chat_template_apply (PentChatTemplate *self, JsonArray *messages, gboolean add_generation_prompt,
                          JsonObject *variables, GError **error)
{
  g_autoptr(JsonObject) all = json_object_new ();

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (messages != NULL, NULL);

  /* transformers passes these two always. */
  json_object_set_null_member (all, "tools");
  json_object_set_null_member (all, "documents");
  json_object_foreach_member (self->tokens, copy_member, all);
  if (variables != NULL)
    json_object_foreach_member (variables, copy_member, all);
  json_object_set_array_member (all, "messages", json_array_ref (messages));
  json_object_set_boolean_member (all, "add_generation_prompt", add_generation_prompt);
  return jinja_render (self->jinja, all, error);
}

char *
pent_chat_template_apply_prompt (PentChatTemplate *self, const char *prompt, gboolean thinking, GError **error)
{
  g_autoptr(JsonArray) messages = json_array_new ();
  g_autoptr(JsonObject) variables = json_object_new ();
  JsonObject *message = json_object_new ();

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (prompt != NULL, NULL);

  json_object_set_string_member (message, "role", "user");
  json_object_set_string_member (message, "content", prompt);
  json_array_add_object_element (messages, message);
  json_object_set_boolean_member (variables, "enable_thinking", thinking);
  return pent_chat_template_apply (self, messages, TRUE, variables, error);
}
