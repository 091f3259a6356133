/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What needs no device: schedules and samplers, tokenizers and chat templates, element types. */

#include <math.h>
#include <string.h>
#include "golden.h"
#include "pent-chat-template.h"
#include "pent-error.h"
#include "pent-pipeline.h"
#include "pent-sampler.h"
#include "pent-schedule.h"
#include "pent-tokenizer.h"

/* ---- flow matching ---- */

static double *
sigmas_of (const PentFlowSchedule *schedule, JsonObject *call, guint *steps)
{
  JsonArray *list = json_object_has_member (call, "sigmas") ? json_object_get_array_member (call, "sigmas") : NULL;
  g_autofree double *custom = NULL;
  double *sigmas;

  *steps = list != NULL ? json_array_get_length (list) : (guint) json_object_get_int_member (call, "num_inference_steps");
  if (list != NULL)
    custom = g_new (double, *steps);
  for (guint i = 0; list != NULL && i < *steps; i++)
    custom[i] = json_array_get_double_element (list, i);

  sigmas = g_new (double, *steps + 1);
  pent_flow_sigmas (schedule, *steps, custom, json_object_get_double_member_with_default (call, "mu", 0), sigmas);
  return sigmas;
}

/* The noise that the reference drew, in its order. */
static void
drawn_noise (float *dst, gsize n, guint64 seed, guint index, gsize first, gpointer data)
{
  memcpy (dst, (const float *) data + index * n + first, n * sizeof (float));
}

static const PentSamplerClass *
sampler_of (GoldenCase *c)
{
  JsonObject *config = json_object_get_object_member (c->json.object, "config");

  if (g_str_has_prefix (pent_json_string (&c->json, "architecture", ""), "FlowMatchHeun"))
    return pent_sampler_find ("heun");
  if (json_object_get_boolean_member_with_default (config, "stochastic_sampling", FALSE))
    return pent_sampler_find ("euler-stochastic");
  return pent_sampler_find ("euler");
}

static void
run_schedule (GoldenCase *c, const PentFlowSchedule *schedule, JsonObject *object, guint run)
{
  guint steps, evaluations;
  g_autofree double *sigmas = sigmas_of (schedule, json_object_get_object_member (object, "set_timesteps"), &steps);
  g_autofree char *noise_name = g_strdup_printf ("input.noise.%u", run);
  g_autofree char *outputs_name = g_strdup_printf ("input.model_outputs.%u", run);
  g_autofree char *sigmas_name = g_strdup_printf ("sigmas.%u", run);
  g_autofree char *sigmas_full = g_strconcat ("output.", sigmas_name, NULL);
  g_autofree char *samples_name = g_strdup_printf ("samples.%u", run);
  g_autoptr (PentSampler) sampler = pent_sampler_new (sampler_of (c), sigmas, steps, 0);
  g_autofree char *drawn_name = g_strdup_printf ("input.step_noise.%u", run);
  g_autofree float *drawn = golden_has (c, drawn_name) ? golden_floats (c, drawn_name, NULL) : NULL;
  gsize n;
  g_autofree float *x = golden_floats (c, noise_name, &n);
  g_autofree float *outputs = golden_floats (c, outputs_name, NULL);
  g_autofree float *as_floats = g_new (float, steps + 1);
  g_autofree float *samples = NULL;

  for (guint i = 0; i <= steps; i++)
    as_floats[i] = sigmas[i];
  if (golden_dim (c, sigmas_full, 0) == steps + 1)      /* Heun lists each sigma twice */
    golden_compare (c, sigmas_name, as_floats, steps + 1);

  evaluations = golden_dim (c, outputs_name, 0);
  samples = g_new (float, n * (evaluations + 1));
  pent_sampler_set_noise (sampler, drawn != NULL ? drawn_noise : NULL, drawn);
  memcpy (samples, x, n * sizeof (float));
  for (guint i = 0; i < evaluations; i++)
    {
      pent_sampler_step (sampler, x, outputs + i * n, n);
      memcpy (samples + (i + 1) * n, x, n * sizeof (float));
    }
  golden_compare (c, samples_name, samples, n * (evaluations + 1));
}

gboolean
golden_run_flow_match (GoldenCase *c, GError **error)
{
  g_autoptr (PentFiles) files = golden_config (c, NULL);
  JsonArray *runs = json_object_get_array_member (c->json.object, "runs");
  PentFlowSchedule schedule;

  if (!pent_flow_schedule_read (&schedule, files, "config.json", error))
    return FALSE;
  if (strstr (pent_json_string (&c->json, "how", ""), "sigma_min is set to 0") != NULL)
    schedule.sigma_min = 0;
  for (guint run = 0; run < json_array_get_length (runs); run++)
    run_schedule (c, &schedule, json_array_get_object_element (runs, run), run);
  return TRUE;
}

/* ---- tokenizers ---- */

/* json-glib's strings end at the first NUL, and some texts hold one: NULs travel through it as a private character. */
#define NUL_STAND_IN "\\uf8ff"
#define NUL_STAND_IN_UTF8 "\xef\xa3\xbf"

static JsonNode *
load_json (GoldenCase *c, const char *name, GError **error)
{
  g_autoptr (GBytes) bytes = pent_files_map (c->files, name, error);
  g_autoptr (GString) text = NULL;

  if (bytes == NULL)
    return NULL;
  text = g_string_new_len (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  for (gsize i = 0; i + 6 <= text->len; i++)
    if (text->str[i] == '\\')
      {
        if (memcmp (text->str + i, "\\u0000", 6) == 0)
          memcpy (text->str + i, NUL_STAND_IN, 6);
        i++;
      }
  return json_from_string (text->str, error);
}

/* The text with its NULs; length without the final one. */
static GString *
real_text (const char *text)
{
  GString *real = g_string_new (NULL);
  g_auto (GStrv) parts = g_strsplit (text, NUL_STAND_IN_UTF8, -1);

  for (guint i = 0; parts[i] != NULL; i++)
    {
      if (i > 0)
        g_string_append_c (real, '\0');
      g_string_append (real, parts[i]);
    }
  return real;
}

static gboolean
same_ids (GArray *ids, JsonArray *want)
{
  if (ids->len != json_array_get_length (want))
    return FALSE;
  for (guint i = 0; i < ids->len; i++)
    if (g_array_index (ids, guint32, i) != json_array_get_int_element (want, i))
      return FALSE;
  return TRUE;
}

/* Up to a NUL, which also ends what decode () returns. */
static gboolean
decodes_to (PentTokenizer *tokenizer, GArray *ids, gboolean skip_special, const char *want)
{
  g_autoptr (GString) real = real_text (want);
  g_autofree char *decoded = pent_tokenizer_decode (tokenizer, (guint32 *) ids->data, ids->len, skip_special);

  return g_str_equal (decoded, real->str);
}

static void
compare_texts (GoldenCase *c, PentTokenizer *tokenizer, JsonArray *texts)
{
  guint wrong_ids = 0, wrong_text = 0, n = json_array_get_length (texts);

  for (guint i = 0; i < n; i++)
    {
      JsonObject *entry = json_array_get_object_element (texts, i);
      const char *text = json_object_get_string_member (entry, "text");
      const char *want = json_object_get_string_member_with_default (entry, "decode", text);
      JsonArray *ids = json_object_get_array_member (entry, "ids");
      JsonArray *plain = json_object_has_member (entry, "ids_no_special") ? json_object_get_array_member (entry, "ids_no_special")
                                                                         : ids;
      g_autoptr (GString) real = real_text (text);
      g_autoptr (GArray) with_special = pent_tokenizer_encode (tokenizer, real->str, real->len, TRUE, NULL);
      g_autoptr (GArray) without = pent_tokenizer_encode (tokenizer, real->str, real->len, FALSE, NULL);

      wrong_ids += !same_ids (with_special, ids) || !same_ids (without, plain);
      wrong_text += !decodes_to (tokenizer, without, FALSE, want) ||
                    !decodes_to (tokenizer, with_special, TRUE,
                                 json_object_get_string_member_with_default (entry, "decode_skip_special", want));
    }
  golden_note (c, "ids", wrong_ids == 0, "%u of %u texts differ", wrong_ids, n);
  golden_note (c, "decode", wrong_text == 0, "%u of %u texts differ", wrong_text, n);
}

static gboolean
compare_conversation (PentChatTemplate *chat, PentTokenizer *tokenizer, JsonObject *entry, gboolean *same, GError **error)
{
  JsonObject *kwargs = json_object_get_object_member (entry, "kwargs");
  g_autoptr (JsonObject) variables = json_object_new ();
  g_autofree char *text = NULL;
  g_autoptr (GArray) ids = NULL;
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  json_object_iter_init (&iter, kwargs);
  while (json_object_iter_next (&iter, &key, &value))
    json_object_set_member (variables, key, json_node_copy (value));
  if (!json_object_get_null_member (entry, "tools"))
    json_object_set_member (variables, "tools", json_node_copy (json_object_get_member (entry, "tools")));

  text = pent_chat_template_apply (chat, json_object_get_array_member (entry, "messages"),
                                   json_object_get_boolean_member (entry, "add_generation_prompt"), variables, error);
  if (text == NULL)
    return FALSE;
  ids = pent_tokenizer_encode (tokenizer, text, -1, FALSE, NULL);
  *same = g_str_equal (text, json_object_get_string_member (entry, "rendered")) &&
          same_ids (ids, json_object_get_array_member (entry, "ids"));
  return TRUE;
}

static gboolean
compare_chat (GoldenCase *c, PentTokenizer *tokenizer, GError **error)
{
  g_autoptr (JsonNode) root = load_json (c, "chat.json", error);
  g_autoptr (PentChatTemplate) chat = root != NULL ? pent_chat_template_load (c->files, error) : NULL;
  guint wrong = 0, n;

  if (chat == NULL)
    return FALSE;
  n = json_array_get_length (json_node_get_array (root));
  for (guint i = 0; i < n; i++)
    {
      gboolean same;

      if (!compare_conversation (chat, tokenizer, json_array_get_object_element (json_node_get_array (root), i), &same, error))
        return FALSE;
      wrong += !same;
    }
  golden_note (c, "chat", wrong == 0, "%u of %u conversations differ", wrong, n);
  return TRUE;
}

gboolean
golden_run_tokenizer (GoldenCase *c, GError **error)
{
  g_autoptr (PentTokenizer) tokenizer = pent_tokenizer_load (c->files, error);
  g_autoptr (JsonNode) texts = tokenizer != NULL ? load_json (c, "tokens.json", error) : NULL;

  if (texts == NULL)
    return FALSE;
  compare_texts (c, tokenizer, json_node_get_array (texts));
  return !pent_files_has (c->files, "chat.json") || compare_chat (c, tokenizer, error);
}

/* ---- element types ---- */

gboolean
golden_run_safetensors (GoldenCase *c, GError **error)
{
  g_autoptr (PentNnWeights) types = pent_nn_weights_open (c->files, (const char *const[]) { "types.safetensors", NULL }, error);
  JsonObject *dtypes = pent_json_object (&c->json, "dtypes");
  g_autoptr (GList) names = NULL;

  if (types == NULL)
    return FALSE;

  names = json_object_get_members (dtypes);
  for (GList *l = names; l != NULL; l = l->next)
    {
      const char *name = l->data;
      g_autofree char *output = g_strconcat ("output.", name, NULL);
      const PentNnWeight *weight = pent_nn_weights_get (types, name);
      g_autofree float *values = NULL;
      gsize n;

      if (!golden_has (c, output))
        continue;
      if (weight == NULL)
        return g_set_error (error, PENT_ERROR, PENT_ERROR_MODEL, "types.safetensors lacks %s", name), FALSE;

      n = g_bytes_get_size (weight->bytes) / pent_dtype_size (weight->dtype);
      values = g_new0 (float, n + 1);
      pent_dtype_to_f32 (values, g_bytes_get_data (weight->bytes, NULL), weight->dtype, n);
      golden_compare (c, name, values, n);
    }
  return TRUE;
}

/* ---- malformed files ---- */

/* Opens one file as weights; a GGUF file is none of this reader's. */
static gboolean
opens (GoldenCase *c, const char *name, GError **error)
{
  g_autoptr (PentNnWeights) weights = pent_nn_weights_open (c->files, (const char *const[]) { name, NULL }, error);

  return weights != NULL;
}

static void
check_files (GoldenCase *c, const char *list, gboolean must_open)
{
  JsonArray *files = json_object_get_array_member (c->json.object, list);
  guint n = 0, wrong = 0;

  for (guint i = 0; i < json_array_get_length (files); i++)
    {
      JsonNode *element = json_array_get_element (files, i);
      const char *name = JSON_NODE_HOLDS_OBJECT (element) ? json_object_get_string_member (json_node_get_object (element), "file")
                                                          : json_node_get_string (element);
      g_autofree char *path = must_open && !g_str_has_prefix (name, "valid/") ? g_strconcat ("valid/", name, NULL) : g_strdup (name);
      g_autoptr (GError) error = NULL;

      if (!g_str_has_suffix (name, ".safetensors") || !pent_files_has (c->files, path))
        continue;
      n++;
      if (opens (c, path, &error) == must_open && (must_open || strstr (error->message, name) != NULL))
        continue;
      wrong++;
      golden_note (c, name, FALSE, "%s", must_open ? error->message : error == NULL ? "was accepted" : "the message does not name it");
    }
  golden_note (c, list, wrong == 0, "%u of %u safetensors files are not treated as they should be", wrong, n);
}

gboolean
golden_run_malformed (GoldenCase *c, GError **error)
{
  check_files (c, "malformed", FALSE);
  check_files (c, "valid", TRUE);
  return TRUE;
}
