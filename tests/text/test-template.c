/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests.h"

#include <string.h>

#include "pent-chat-template.h"
#include "pent-error.h"

/* The ten conversations of the reference: the text, and its ids. */
static void
test_reference (void)
{
  g_autoptr(PentFiles) files = test_files ("qwen", NULL);
  g_autoptr(PentTokenizer) tokenizer = test_tokenizer ("qwen", NULL);
  g_autoptr(JsonNode) root = test_json ("qwen", "chat.json");
  g_autoptr(GError) error = NULL;
  g_autoptr(PentChatTemplate) template = pent_chat_template_load (files, &error);
  JsonArray *cases = json_node_get_array (root);

  g_assert_no_error (error);
  g_assert_cmpuint (json_array_get_length (cases), ==, 10);
  for (guint i = 0; i < json_array_get_length (cases); i++)
    {
      JsonObject *one = json_array_get_object_element (cases, i);
      JsonObject *variables = json_object_get_object_member (one, "kwargs");
      JsonArray *wanted = json_object_get_array_member (one, "ids");
      g_autofree char *text = NULL;
      g_autoptr(GArray) ids = NULL;

      json_object_set_member (variables, "tools", json_node_copy (json_object_get_member (one, "tools")));
      text =
          pent_chat_template_apply (template, json_object_get_array_member (one, "messages"),
                                    json_object_get_boolean_member (one, "add_generation_prompt"), variables, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (text, ==, json_object_get_string_member (one, "rendered"));

      ids = pent_tokenizer_encode (tokenizer, text, -1, FALSE, NULL);
      g_assert_cmpuint (ids->len, ==, json_array_get_length (wanted));
      for (guint k = 0; k < ids->len; k++)
        g_assert_cmpuint (g_array_index (ids, guint32, k), ==, json_array_get_int_element (wanted, k));
    }
}

void
test_add_template (void)
{
  g_test_add_func ("/template/reference", test_reference);
}
