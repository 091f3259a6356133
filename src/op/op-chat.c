/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chat: the language model continues a text, token by token.
 *
 *   logits = model (tokens so far);  p = softmax (logits / temperature), cut to the top k and to the nucleus top p
 *   token = draw (p, seed, index)
 *
 * The text is streamed in whole characters: a token may end within one. */
#define G_LOG_DOMAIN "pent-op"

#include "pent-op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <glib/gi18n.h>
#include <json-glib/json-glib.h>

#include "op-text.h"
#include "pent-error.h"

static const char *const precisions[] = { "auto", "f32", "f16", "bf16", NULL };

static const PentParam params[] = {
  { "prompt", PENT_PARAM_STRING, 0, N_("Prompt"),
    N_("The text that the model continues; or, with as-user, what the user says"), "", .max = 1 << 20, .text = "" },
  { "messages", PENT_PARAM_STRING, PENT_PARAM_ADVANCED, N_("Messages"),
    N_("A conversation instead of the prompt, as JSON: [{\"role\": \"user\", \"content\": \"…\"}, …]"), "",
    .max = 1 << 20, .text = "" },
  { "as-user", PENT_PARAM_BOOL, 0, N_("As user"),
    N_("Puts the prompt into the model's chat template as the user's turn"), "" },
  { "max-tokens", PENT_PARAM_INT, 0, N_("Longest answer"),
    N_("The model stops after this many tokens if it has not ended by itself"), "tokens",
    .min = 1, .max = 131072, .soft_min = 16, .soft_max = 1024, .value = 256 },
  { "temperature", PENT_PARAM_FLOAT, 0, N_("Temperature"),
    N_("How freely words are chosen: 0 always takes the likeliest"), "", .max = 10, .soft_max = 1.5, .step = 0.05,
    .value = 0.7 },
  { "top-p", PENT_PARAM_FLOAT, 0, N_("Nucleus"),
    N_("Chooses among the likeliest words that together have this probability"), "",
    .min = 0, .max = 1, .soft_min = 0.5, .soft_max = 1, .step = 0.01, .value = 0.9 },
  { "top-k", PENT_PARAM_INT, PENT_PARAM_ADVANCED, N_("Candidates"),
    N_("Chooses among this many of the likeliest words; 0 puts no limit"), "tokens", .max = 1000000, .soft_max = 100 },
  { "seed", PENT_PARAM_SEED, 0, N_("Seed"),
    N_("The same seed gives the same words. Drawn at random if absent"), "" },
  { "model", PENT_PARAM_MODEL, 0, N_("Model"),
    N_("A language model by its name or the path of its folder; of a picture model its text encoder is used"), "",
    .max = 16384, .text = "sketch" },
  { "precision", PENT_PARAM_CHOICE, PENT_PARAM_ADVANCED, N_("Precision"),
    N_("How numbers between the layers are stored; auto takes f16 on a graphics card and f32 on a processor"), "",
    .text = "auto", .choices = precisions },
  { NULL }
};

/* The conversation's JSON, checked as far as a template relies on it. */
static JsonArray *
parse_messages (const char *json, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) local_error = NULL;
  JsonArray *messages;

  if (!json_parser_load_from_data (parser, json, -1, &local_error))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "messages is not JSON: %s", local_error->message);
      return NULL;
    }
  if (json_parser_get_root (parser) == NULL || !JSON_NODE_HOLDS_ARRAY (json_parser_get_root (parser)))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "messages must be a JSON array of objects");
      return NULL;
    }

  messages = json_node_get_array (json_parser_get_root (parser));
  for (guint i = 0; i < json_array_get_length (messages); i++)
    {
      JsonNode *node = json_array_get_element (messages, i);
      JsonObject *message = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
      JsonNode *role = message != NULL ? json_object_get_member (message, "role") : NULL;

      if (role == NULL || json_node_get_value_type (role) != G_TYPE_STRING)
        {
          g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "messages[%u] must be an object with a \"role\"", i);
          return NULL;
        }
    }
  return json_array_ref (messages);
}

/* What the model is fed: the prompt as it is, or what the template makes of it. */
static char *
make_text (PentOpRun *run, gboolean *special, GError **error)
{
  const char *prompt = pent_recipe_get_string (run->recipe, "prompt");
  const char *messages = pent_recipe_get_string (run->recipe, "messages");
  gboolean as_user = pent_recipe_get_bool (run->recipe, "as-user");
  PentChatTemplate *chat_template = pent_language_get_template (run->language);
  g_autoptr (JsonArray) array = NULL;

  if ((*prompt == '\0') == (*messages == '\0'))
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "Give either a prompt or messages");
      return NULL;
    }
  *special = FALSE;      /* a template writes its own */
  if (*messages == '\0' && !as_user)
    {
      *special = TRUE;
      return g_strdup (prompt);
    }
  if (chat_template == NULL)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_UNSUPPORTED,
                   "This model has no chat template; give it a plain prompt to continue");
      return NULL;
    }
  if (*messages == '\0')
    return pent_chat_template_apply_prompt (chat_template, prompt, FALSE, error);

  array = parse_messages (messages, error);
  return array != NULL ? pent_chat_template_apply (chat_template, array, TRUE, NULL, error) : NULL;
}

static GArray *
tokenize (PentOpRun *run, GError **error)
{
  gboolean special;
  g_autofree char *text = make_text (run, &special, error);
  g_autoptr (GArray) ids = NULL;
  guint longest = pent_language_get_context_length (run->language);

  if (text == NULL)
    return NULL;
  ids = pent_tokenizer_encode (pent_language_get_tokenizer (run->language), text, -1, special, NULL);
  if (ids->len == 0)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID, "The prompt is empty");
      return NULL;
    }
  if (ids->len >= longest)
    {
      g_set_error (error, PENT_ERROR, PENT_ERROR_INVALID,
                   "The text is %u tokens long, and this model takes at most %u; shorten it", ids->len, longest - 1);
      return NULL;
    }
  return g_steal_pointer (&ids);
}

static void
report (PentOpRun *run, const char *phase, guint step, guint n_steps)
{
  if (run->progress != NULL)
    run->progress (run->data, phase, step, n_steps);
}

static void
emit (PentOpRun *run, PentTextStream *stream, gboolean last)
{
  g_autofree char *text = last ? pent_text_stream_finish (stream) : pent_text_stream_take (stream);

  if (*text != '\0' && run->text != NULL)
    run->text (run->data, text);
}

/* Token after token until the end token, the limit, or the end of the context. */
static gboolean
speak (PentOpRun *run, float *logits, guint room, GError **error)
{
  PentTokenizer *tokenizer = pent_language_get_tokenizer (run->language);
  g_autoptr (PentTextStream) stream = pent_text_stream_new ();
  PentTextChoice choice = {
    .temperature = pent_recipe_get_float (run->recipe, "temperature"),
    .top_p = pent_recipe_get_float (run->recipe, "top-p"),
    .top_k = (guint) pent_recipe_get_int (run->recipe, "top-k"),
    .seed = pent_recipe_get_seed (run->recipe, "seed"),
  };
  guint n_vocab = pent_language_get_vocab_size (run->language);
  guint longest = MIN ((guint) pent_recipe_get_int (run->recipe, "max-tokens"), room);

  for (guint i = 0; i < longest; i++)
    {
      guint32 id;

      report (run, "text", i, longest);
      if (!pent_text_choose (&choice, logits, n_vocab, i, &id))
        {
          g_set_error (error, PENT_ERROR, PENT_ERROR_FAILED,
                       "The language model gave no usable numbers at precision %s; try another precision",
                       pent_recipe_get_string (run->recipe, "precision"));
          return FALSE;
        }
      if (pent_language_is_end (run->language, id))
        break;
      pent_tokenizer_decode_bytes (tokenizer, id, TRUE, pent_text_stream_get_buffer (stream));
      emit (run, stream, FALSE);
      if (i + 1 < longest && !pent_language_feed (run->language, &id, 1, logits, run->cancellable, error))
        return FALSE;
    }
  emit (run, stream, TRUE);
  return TRUE;
}

static gboolean
chat_run (PentOpRun *run, GError **error)
{
  g_autoptr (GArray) ids = tokenize (run, error);
  g_autofree float *logits = NULL;

  if (ids == NULL)
    return FALSE;
  if (pent_recipe_get (run->recipe, "seed") == NULL)
    pent_recipe_set (run->recipe, "seed", g_variant_new_uint64 (g_random_int ()));

  logits = g_new (float, pent_language_get_vocab_size (run->language));
  report (run, "prompt", 0, 1);
  pent_language_reset (run->language);
  if (!pent_language_feed (run->language, (const guint32 *) (gconstpointer) ids->data, ids->len, logits,
                           run->cancellable, error))
    return FALSE;
  return speak (run, logits, pent_language_get_context_length (run->language) - ids->len, error);
}

const PentOpClass pent_op_chat = {
  .name = "chat",
  .label = N_("Chat"),
  .blurb = N_("Continues a text with the language model"),
  .needs = PENT_OP_NEEDS_LANGUAGE_MODEL,
  .params = params,
  .run = chat_run,
};
