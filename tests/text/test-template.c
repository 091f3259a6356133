/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests.h"

#include <string.h>

#include "jinja.h"
#include "pent-chat-template.h"
#include "pent-error.h"

/* The ten conversations of the reference: the text, and its ids. */
static void
test_reference (void)
{
  g_autoptr(PentFiles) files = test_files ("tokenizers/qwen", NULL);
  g_autoptr(PentTokenizer) tokenizer = test_tokenizer ("tokenizers/qwen", NULL);
  g_autoptr(JsonNode) root = test_json ("tokenizers/qwen", "chat.json");
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

static char *
render (const char *source, JsonObject *variables, GError **error)
{
  g_autoptr(JinjaTemplate) template = jinja_template_new (source, "template", error);
  g_autoptr(JsonObject) none = json_object_new ();

  return template != NULL ? jinja_render (template, variables != NULL ? variables : none, error) : NULL;
}

/* Small templates and what Jinja makes of them (tests/data/templates/make-cases.py). */
static void
test_cases (void)
{
  g_autoptr(JsonNode) root = test_json ("templates", "cases.json");
  JsonObject *variables = json_object_get_object_member (json_node_get_object (root), "variables");
  JsonArray *cases = json_object_get_array_member (json_node_get_object (root), "cases");

  g_assert_cmpuint (json_array_get_length (cases), >, 200);
  for (guint i = 0; i < json_array_get_length (cases); i++)
    {
      JsonObject *one = json_array_get_object_element (cases, i);
      const char *source = json_object_get_string_member (one, "template");
      const char *wanted = json_object_get_string_member_with_default (one, "output", NULL);
      g_autoptr(GError) error = NULL;
      g_autofree char *got = render (source, variables, &error);

      if (g_strcmp0 (got, wanted) != 0)
        {
          g_test_message ("case %u, %s\ngives  %s\nwanted %s", i, source, got != NULL ? got : error->message,
                          wanted != NULL ? wanted : "(an error)");
          g_test_fail ();
        }
      g_assert_true ((got == NULL) == (error != NULL));
      if (error != NULL)
        g_assert_true (error->domain == PENT_ERROR);
    }
}

static void
assert_refused (const char *source, const char *message)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *text = render (source, NULL, &error);

  g_assert_cmpstr (text, ==, NULL);
  g_assert_nonnull (error);
  if (strstr (error->message, message) == NULL)
    g_error ("“%.200s” gives “%s”, wanted “%s”", source, error->message, message);
}

/* Messages name the template, the line and what is wrong. */
static void
test_messages (void)
{
  assert_refused ("a\n{{ 'x'|nope }}", "“template”, line 2: there is no filter “nope”");
  assert_refused ("{% if 1 %}\n\n{{ x is nope }}{% endif %}", "line 3: there is no test “nope”");
  assert_refused ("\n{% include 'x' %}", "line 2: the tag “include” is not supported");
  assert_refused ("{% for x in [] %}\n{% endif %}", "line 2: “endif” closes nothing");
  assert_refused ("{% if x %}\n", "the template ends before “elif”");
  assert_refused ("{% for x in y recursive %}{% endfor %}", "recursive");
  assert_refused ("{{ a b }}", "“}}” was expected");
  assert_refused ("\n\n{{ nope() }}", "line 3: there is no function “nope”");
  assert_refused ("{{ 'a'.nope() }}", "there is no method “nope”");
  assert_refused ("{{ nope.x }}", "“nope” is undefined");
  assert_refused ("{{ 1 + 'a' }}", "“+” does not work between a whole number and a text");
  assert_refused ("{{ [].append(1) }}", "must not change");
  assert_refused ("{# x", "line 1: a comment does not end");
  assert_refused ("{{ 99999999999999999999 }}", "too large");
  assert_refused ("{{ 9223372036854775807 + 1 }}", "too large");
  assert_refused ("{{ 9223372036854775807 * 2 }}{{ 10 ** 40 }}", "too large");
  assert_refused ("{{ (-9223372036854775807 - 1) // -1 }}", "too large");
  assert_refused ("\xff", "not UTF-8");
}

static void
test_raise (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *text = render ("{{ raise_exception('roles must ' ~ 'alternate') }}", NULL, &error);

  g_assert_null (text);
  g_assert_error (error, PENT_ERROR, PENT_ERROR_INVALID);
  g_assert_cmpstr (error->message, ==, "“template” refuses the conversation: roles must alternate");
}

static char *
repeat (const char *before, const char *what, guint times, const char *after)
{
  GString *out = g_string_new (before);

  for (guint i = 0; i < times; i++)
    g_string_append (out, what);
  g_string_append (out, after);
  return g_string_free_and_steal (out);
}

static void
assert_refused_repeat (const char *before, const char *what, guint times, const char *after, const char *message)
{
  g_autofree char *source = repeat (before, what, times, after);

  assert_refused (source, message);
}

static void
assert_refused_nested (const char *open, const char *inside, const char *close)
{
  g_autofree char *before = repeat ("{{ ", open, 50000, inside);
  g_autofree char *source = repeat (before, close, 50000, " }}");

  assert_refused (source, "nested too deeply");
}

/* Nothing runs without end, fills the memory or the stack. */
static void
test_limits (void)
{
  assert_refused ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "calls itself");
  assert_refused ("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "come to an end");
  assert_refused ("{{ range(1000000000)|length }}", "more than 100000 entries");
  assert_refused ("{{ [0] * 1000000000 }}", "more than 100000 entries");
  assert_refused ("{{ 'abcdefgh' * 1000000000 }}", "more than 4194304 bytes");
  assert_refused ("{% set n = namespace(s='ab') %}{% for i in range(40) %}{% set n.s = n.s + n.s %}{% endfor %}",
                  "bytes");
  assert_refused ("{% set n = namespace(l=[]) %}{% for i in range(400) %}{% set n.l = [n.l] %}{% endfor %}{{ n.l }}",
                  "too large to be shown");
  assert_refused ("{% set n = namespace(l=[]) %}{% for i in range(400) %}{% set n.l = [n.l] %}{% endfor %}"
                  "{{ n.l|tojson }}", "too large for JSON");
  assert_refused ("{% for i in range(2000) %}{{ '%01000d' % 1 }}{{ 'x' * 1000 }}{% endfor %}",
                  "more than 1048576 bytes");
  assert_refused ("{% for i in range(90000) %}{% set x = 'abcdefgh' * 10000 %}{% endfor %}", "MiB of memory");
  assert_refused ("{{ 'a'.replace('', 'x' * 4000000) }}", "bytes");
  assert_refused ("{{ ([1] * 50000 + [1] * 50001)|length }}", "more than 100000 entries");
  assert_refused_nested ("(", "1", ")");
  assert_refused_nested ("[", "1", "]");
  assert_refused_nested ("{1:", "1", "}");
  assert_refused_nested ("x[", "1", "]");
  assert_refused_nested ("f(", "1", ")");
  assert_refused_nested ("x|join(", "1", ")");
  assert_refused_repeat ("{{ ", "-", 100000, "1 }}", "nested too deeply");
  assert_refused_repeat ("{{ ", "not ", 100000, "1 }}", "nested too deeply");
  assert_refused_repeat ("{{ 1 ", "if 1 else 1 ", 50000, " }}", "nested too deeply");
  assert_refused_repeat ("{{ 1 ", "+ 1", 100000, " }}", "too long");
  assert_refused_repeat ("{{ 1 ", "or 1 ", 100000, " }}", "too long");
  assert_refused_repeat ("{{ 1", "|abs", 100000, " }}", "too long");
  assert_refused_repeat ("{{ x", ".x", 100000, " }}", "too long");
  assert_refused_repeat ("{{ x", "[0]", 100000, " }}", "too long");
  assert_refused_repeat ("{{ x", "()", 100000, " }}", "too long");
  assert_refused_repeat ("", "{% if 1 %}", 50000, "", "nested too deeply");
  assert_refused_repeat ("", "{% for x in [1] %}", 50000, "", "nested too deeply");
  assert_refused_repeat ("", "{% if 1 %}", 140, "", "ends before");
  assert_refused_repeat ("", "x", (1 << 20) + 1, "", "a template of more than");
}

/* What is as deep as it may be still fits the stack of a thread. */
static gpointer
render_deep (gpointer data)
{
  g_autofree char *brackets = repeat ("{{ ", "(1+", 140, "1");
  g_autofree char *source = repeat (brackets, ")", 140, " }}");
  g_autoptr(GError) error = NULL;
  g_autofree char *text = render (source, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, "141");
  assert_refused ("{% macro m(n) %}{% if n %}{% for i in [1] %}{{ m([n]|map('first')|first) }}{% endfor %}{% endif %}"
                  "{% endmacro %}{{ m([1]) }}", "");
  return NULL;
}

static void
test_deep (void)
{
  g_thread_join (g_thread_new ("deep", render_deep, NULL));
}

static PentChatTemplate *
load_inline (const char *const *names, const char *const *contents, GError **error)
{
  g_autoptr(PentFiles) files = test_files_inline (names, contents, NULL);

  return pent_chat_template_load (files, error);
}

static void
test_load (void)
{
  static const char *const config[] = { "tokenizer_config.json", NULL };
  static const char *const both[] = { "chat_template.jinja", "tokenizer_config.json", NULL };
  static const char *const other[] = { "chat_template.json", NULL };
  static const struct { const char *const *names; const char *contents[2]; const char *wanted;
  } good[] = {
    { config, { "{\"chat_template\":\"{{ bos_token }}{{ messages[0].content }}\",\"bos_token\":\"<s>\"}" }, "<s>hi" },
    { config, { "{\"chat_template\":\"{{ eos_token }}\",\"eos_token\":{\"content\":\"</s>\"}}" }, "</s>" },
    { config,
      { "{\"chat_template\":[{\"name\":\"rag\",\"template\":\"r\"},{\"name\":\"default\",\"template\":\"d\"}]}" },
      "d" },
    { both, { "{{ bos_token }}j", "{\"chat_template\":\"c\",\"bos_token\":\"<s>\"}" }, "<s>j" },
    { other,
      { "{\"chat_template\":\"{{ tools is none }}{{ enable_thinking }}{{ add_generation_prompt }}\"}" },
      "TrueFalseTrue" },
  };
  static const struct { const char *const *names; const char *contents[2]; const char *message; } bad[] = {
    { config, { "{" }, "tokenizer_config.json” is not valid JSON" },
    { config, { "[1]" }, "does not hold a JSON object" },
    { config, { "{\"chat_template\":\"{% if\"}" }, "tokenizer_config.json”, line 1" },
    { both, { "{{", "{}" }, "chat_template.jinja”, line 1" },
    { both, { "x", "{\"a\":" }, "tokenizer_config.json” is not valid JSON" },
  };
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr(PentChatTemplate) template = load_inline (good[i].names, good[i].contents, &error);
      g_autofree char *text = NULL;

      g_assert_no_error (error);
      text = pent_chat_template_apply_prompt (template, "hi", FALSE, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (text, ==, good[i].wanted);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_null (load_inline (bad[i].names, bad[i].contents, &error));
      g_assert_nonnull (error);
      g_assert_nonnull (strstr (error->message, bad[i].message));
      g_clear_error (&error);
    }
  g_assert_null (load_inline (config, (const char *const[]) { "{}" }, &error));
  g_assert_no_error (error);
}

/* Damaged templates are refused or render; they never crash. */
static void
test_damaged (void)
{
  static const char *const pieces[] = { "{%",     "%}",   "{{",       "}}",   "{#",   "-",     "+",      "(",
                                        ")",      "[",    "]",        "|",    ".",    "'",     "\"",     "if ",
                                        "for ",   "in ",  "is ",      "not ", "set ", "endif", "endfor", "else",
                                        "macro ", "loop", "messages", "\n",   " ",    ":",     ",",      "=",
                                        "~",      "%",    "*",        "0",    "9",    "\\",    "::-1",   "tojson" };
  g_autoptr(GRand) random = g_rand_new_with_seed (23);
  g_autoptr(JsonNode) root = test_json ("templates", "cases.json");
  JsonObject *variables = json_object_get_object_member (json_node_get_object (root), "variables");
  JsonArray *cases = json_object_get_array_member (json_node_get_object (root), "cases");
  g_autofree char *path = g_build_filename (TEST_DATA, "tokenizers", "qwen", "chat_template.jinja", NULL);
  g_autofree char *qwen = NULL;
  guint rendered = 0;

  g_assert_true (g_file_get_contents (path, &qwen, NULL, NULL));
  for (guint round = 0; round < 6000; round++)
    {
      guint which = g_rand_int_range (random, 0, json_array_get_length (cases));
      JsonObject *one = json_array_get_object_element (cases, which);
      g_autoptr (GString) source =
          g_string_new (round % 10 == 0 ? qwen : json_object_get_string_member (one, "template"));
      g_autoptr(GError) error = NULL;
      g_autofree char *text = NULL;

      for (int k = g_rand_int_range (random, 1, 5); k > 0; k--)
        {
          gsize at = g_rand_int_range (random, 0, source->len + 1);
          gsize cut = g_rand_int_range (random, 0, 4);
          g_autofree char *valid = NULL;

          g_string_erase (source, at, MIN (cut, source->len - at));
          g_string_insert (source, at, pieces[g_rand_int_range (random, 0, G_N_ELEMENTS (pieces))]);
          valid = g_utf8_make_valid (source->str, source->len);
          g_string_assign (source, valid);
        }
      text = render (source->str, variables, &error);
      g_assert_true ((text == NULL) == (error != NULL));
      rendered += text != NULL;
    }
  g_test_message ("%u of 6000 damaged templates still render", rendered);
}

void
test_add_template (void)
{
  g_test_add_func ("/template/reference", test_reference);
  g_test_add_func ("/template/cases", test_cases);
  g_test_add_func ("/template/messages", test_messages);
  g_test_add_func ("/template/raise", test_raise);
  g_test_add_func ("/template/limits", test_limits);
  g_test_add_func ("/template/deep", test_deep);
  g_test_add_func ("/template/load", test_load);
  g_test_add_func ("/template/damaged", test_damaged);
}
