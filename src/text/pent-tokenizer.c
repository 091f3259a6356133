/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-tokenizer.h"
#include "text-list.h"

#include <string.h>

#include "pent-error.h"
#include "text-source.h"
#include "text-unicode.h"

G_DEFINE_ABSTRACT_TYPE (PentTokenizer, pent_tokenizer, G_TYPE_OBJECT)

#define TEXT_KIND(name) extern const TextKind text_kind_##name;
TEXT_KIND_LIST
#undef TEXT_KIND

#define TEXT_KIND(name) &text_kind_##name,
static const TextKind *const kinds[] = { TEXT_KIND_LIST };
#undef TEXT_KIND

static void
pent_tokenizer_class_init (PentTokenizerClass *klass)
{
}

static void
pent_tokenizer_init (PentTokenizer *self)
{
}

PentTokenizer *
pent_tokenizer_load (PentFiles *files, GError **error)
{
  g_auto(TextSource) source = { 0 };
  g_autoptr(GString) names = g_string_new (NULL);

  g_return_val_if_fail (PENT_IS_FILES (files), NULL);

  if (!text_source_open (&source, files, error))
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      if (kinds[i]->reads (&source))
        return kinds[i]->load (&source, error);
      g_string_append_printf (names, "%s%s", i > 0 ? ", " : "", kinds[i]->name);
    }
  g_set_error (error, PENT_ERROR, PENT_ERROR_UNSUPPORTED,
               "“%s” has a tokenizer (%s) of a kind that is not supported; these are: %s", pent_files_get_label (files),
               source.model != NULL ? text_object_string (source.model, "type", "no type") : "vocab.json", names->str);
  return NULL;
}

GArray *
pent_tokenizer_encode (PentTokenizer *self, const char *text, gssize length, gboolean special, GArray *ranges)
{
  g_return_val_if_fail (PENT_IS_TOKENIZER (self), NULL);
  g_return_val_if_fail (text != NULL || length == 0, NULL);
  g_return_val_if_fail (length < G_MAXINT32, NULL);

  if (ranges != NULL)
    g_array_set_size (ranges, 0);
  return PENT_TOKENIZER_GET_CLASS (self)->encode (self, text != NULL ? text : "",
                                                  length < 0 ? (gssize) strlen (text) : length, special, ranges);
}

void
pent_tokenizer_decode_to (PentTokenizer *self, const guint32 *ids, gsize n, gboolean skip_special, GString *out)
{
  g_autoptr(GString) bytes = g_string_new (NULL);

  g_return_if_fail (PENT_IS_TOKENIZER (self));
  g_return_if_fail (ids != NULL || n == 0);
  g_return_if_fail (out != NULL);

  PENT_TOKENIZER_GET_CLASS (self)->decode (self, ids, n, skip_special, bytes);
  text_append_valid (out, bytes->str, bytes->len, NULL);
}

char *
pent_tokenizer_decode (PentTokenizer *self, const guint32 *ids, gsize n, gboolean skip_special)
{
  g_autoptr(GString) text = g_string_new (NULL);

  pent_tokenizer_decode_to (self, ids, n, skip_special, text);
  return g_string_free_and_steal (g_steal_pointer (&text));
}

void
pent_tokenizer_decode_bytes (PentTokenizer *self, guint32 id, gboolean skip_special, GString *out)
{
  g_return_if_fail (PENT_IS_TOKENIZER (self));
  g_return_if_fail (out != NULL);

  PENT_TOKENIZER_GET_CLASS (self)->decode (self, &id, 1, skip_special, out);
}

guint
pent_tokenizer_get_vocab_size (PentTokenizer *self)
{
  g_return_val_if_fail (PENT_IS_TOKENIZER (self), 0);

  return PENT_TOKENIZER_GET_CLASS (self)->get_vocab_size (self);
}

gboolean
pent_tokenizer_find (PentTokenizer *self, const char *token, guint32 *id)
{
  guint32 found;

  g_return_val_if_fail (PENT_IS_TOKENIZER (self), FALSE);
  g_return_val_if_fail (token != NULL, FALSE);

  if (!PENT_TOKENIZER_GET_CLASS (self)->find (self, token, &found))
    return FALSE;
  if (id != NULL)
    *id = found;
  return TRUE;
}
