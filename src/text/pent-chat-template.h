/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include "pent-files.h"

G_BEGIN_DECLS

/* PentChatTemplate: a conversation to the text that a language model was trained on, by the Jinja template that came
 * with it (chat_template.jinja, or "chat_template" in tokenizer_config.json).  An interpreter for the part of Jinja
 * that such templates use; anything else is refused on loading with the line.  Bounded: at most 1 MiB of output and a
 * million evaluation steps.
 *
 * Thread-safety: immutable after parsing. */
typedef struct _PentChatTemplate PentChatTemplate;

PentChatTemplate *pent_chat_template_new (const char *source, const char *name, GError **error);
/* NULL without error if the files hold none. */
PentChatTemplate *pent_chat_template_load (PentFiles *files, GError **error);
void              pent_chat_template_free (PentChatTemplate *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentChatTemplate, pent_chat_template_free)

/* messages: array of { "role", "content", … }; variables: further names (tools, enable_thinking, bos_token …) or NULL.
 * The variable pent_now ("2026-11-22T10:00:00Z") stands for the clock where the template asks for the date.
 * PENT_ERROR_INVALID: the template refuses this conversation (it says why); PENT_ERROR_MODEL: the template is wrong. */
char             *pent_chat_template_apply (PentChatTemplate *self, JsonArray *messages, gboolean add_generation_prompt,
                                            JsonObject *variables, GError **error);

/* { role: user, content: prompt } and the generation prompt: what text encoders of picture models are fed. */
char             *pent_chat_template_apply_prompt (PentChatTemplate *self, const char *prompt, gboolean thinking,
                                                   GError **error);

G_END_DECLS
