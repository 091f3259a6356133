/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text-bpe.h"

#include <string.h>

#include "text-merge.h"
#include "text-split.h"
#include "text-unicode.h"

G_DEFINE_FINAL_TYPE (TextBpe, text_bpe, PENT_TYPE_TOKENIZER)

/* One call of encode. */
typedef struct {
  TextBpe         *self;
  GArray          *ids;            /* guint32 */
  GArray          *starts;         /* guint: where in the caller's text each id begins; or NULL */
  TextAlign        from_caller;    /* repaired text to the caller's */
  TextAlign        from_piece;     /* normalised stretch to the repaired one */
  gsize            stretch;        /* where that stretch begins in the repaired text */
  GString         *normalised, *spaced;
  GArray          *pieces, *spare; /* TextPiece */
  GArray          *symbols;        /* TextSymbol */
  TextMergeScratch scratch;
} Encoder;

static void
encoder_emit (Encoder *e, guint32 id, gsize at)
{
  g_array_append_val (e->ids, id);
  if (e->starts != NULL)
    {
      guint start = text_align_from (&e->from_caller, e->stretch + text_align_from (&e->from_piece, at));

      g_array_append_val (e->starts, start);
    }
}

/* One word; `at` is where it begins in the normalised stretch, which `hidden` bytes of it are not part of. */
static void
encode_word (Encoder *e, const char *word, gsize length, gsize at, gsize hidden)
{
  TextBpe *self = e->self;
  TextSymbol *symbols;
  guint n = 0;

  if (self->ignore_merges)
    {
      guint32 id = text_vocab_find (self->vocab, word, length);

      if (id != TEXT_NO_ID)
        {
          encoder_emit (e, id, at);
          return;
        }
    }

  if (e->symbols->len < length)
    g_array_set_size (e->symbols, length);
  symbols = (TextSymbol *) (gpointer) e->symbols->data;
  for (gsize i = 0; i < length; i++)
    {
      guint32 id = self->byte_ids[(guchar) word[i]];

      if (id == TEXT_NO_ID && (self->unknown == TEXT_NO_ID ||
                               (self->fuse_unknown && n > 0 && symbols[n - 1].id == self->unknown)))
        {
          if (n > 0)
            symbols[n - 1].length++;
          continue;
        }
      symbols[n++] = (TextSymbol) { id == TEXT_NO_ID ? self->unknown : id, 1 };
    }

  n = text_merge_word (self->merges, &e->scratch, symbols, n);
  for (guint i = 0; i < n; i++)
    {
      guint visible = symbols[i].length;

      encoder_emit (e, symbols[i].id, at);
      visible -= MIN (visible, hidden);
      hidden -= symbols[i].length - visible;
      at += visible;
    }
}

/* A stretch of normalised text that holds no added tokens. */
static void
encode_plain (Encoder *e, const char *text, gsize first, gsize length)
{
  TextPiece whole = { 0, length };
  gsize hidden = 0;

  if (length == 0)
    return;
  text += first;
  if (e->self->prefix_space && !text_is_space (g_utf8_get_char (text)))
    {
      g_string_truncate (e->spaced, 0);
      g_string_append_c (e->spaced, ' ');
      g_string_append_len (e->spaced, text, length);
      text = e->spaced->str;
      whole.length++;
      hidden = 1;
    }

  g_array_set_size (e->pieces, 0);
  g_array_append_val (e->pieces, whole);
  for (guint i = 0; i < e->self->splits->len; i++)
    {
      GArray *done = e->pieces;

      g_array_set_size (e->spare, 0);
      text_split_run (g_ptr_array_index (e->self->splits, i), text, e->pieces, e->spare);
      e->pieces = e->spare;
      e->spare = done;
    }
  for (guint i = 0; i < e->pieces->len; i++)
    {
      TextPiece piece = g_array_index (e->pieces, TextPiece, i);
      gsize before = MIN (piece.first, hidden);

      encode_word (e, text + piece.first, piece.length, first + piece.first - before, hidden - before);
    }
}

/* A stretch of the repaired text without those added tokens that are looked for in it as it is. */
static void
encode_stretch (Encoder *e, const char *text, gsize first, gsize length)
{
  const char *normalised = text + first;
  gsize at = 0, found, end;

  e->stretch = first;
  text_align_clear (&e->from_piece);
  if (e->self->nfc)
    {
      g_string_truncate (e->normalised, 0);
      if (text_append_nfc (e->normalised, text + first, length, e->starts != NULL ? &e->from_piece : NULL))
        {
          normalised = e->normalised->str;
          length = e->normalised->len;
        }
    }

  while (at < length)
    {
      const TextAddedToken *token;

      found = at;
      token = text_added_search (e->self->added, TRUE, normalised, length, &found, &end);
      if (token == NULL)
        break;
      encode_plain (e, normalised, at, found - at);
      encoder_emit (e, token->id, found);
      at = end;
    }
  encode_plain (e, normalised, at, length - at);
}

static void
encode_text (Encoder *e, const char *text, gsize length)
{
  gsize at = 0, found, end;

  while (at < length)
    {
      const TextAddedToken *token;

      found = at;
      token = text_added_search (e->self->added, FALSE, text, length, &found, &end);
      if (token == NULL)
        break;
      encode_stretch (e, text, at, found - at);
      text_align_clear (&e->from_piece);
      e->stretch = found;
      encoder_emit (e, token->id, 0);
      at = end;
    }
  encode_stretch (e, text, at, length - at);
}

/* Each token reaches to where the next one begins, so that together they are the text. */
static void
fill_ranges (GArray *ranges, const GArray *starts, gsize length, guint before, guint after)
{
  PentTokenRange range = { 0, 0 };

  for (guint i = 0; i < before; i++)
    g_array_append_val (ranges, range);
  for (guint i = 0; i < starts->len; i++)
    {
      range.first = i == 0 ? 0 : g_array_index (starts, guint, i);
      range.length = (i + 1 < starts->len ? g_array_index (starts, guint, i + 1) : length) - range.first;
      g_array_append_val (ranges, range);
    }
  range = (PentTokenRange) { length, 0 };
  for (guint i = 0; i < after; i++)
    g_array_append_val (ranges, range);
}

static GArray *
text_bpe_encode (PentTokenizer *tokenizer, const char *text, gssize length, gboolean special, GArray *ranges)
{
  TextBpe *self = TEXT_BPE (tokenizer);
  g_autoptr(GString) valid = NULL;
  Encoder e = { .self = self };

  e.ids = g_array_new (FALSE, FALSE, sizeof (guint32));
  e.starts = ranges != NULL ? g_array_new (FALSE, FALSE, sizeof (guint)) : NULL;
  e.normalised = g_string_new (NULL);
  e.spaced = g_string_new (NULL);
  e.pieces = g_array_new (FALSE, FALSE, sizeof (TextPiece));
  e.spare = g_array_new (FALSE, FALSE, sizeof (TextPiece));
  e.symbols = g_array_new (FALSE, FALSE, sizeof (TextSymbol));

  if (special)
    g_array_append_vals (e.ids, self->before->data, self->before->len);
  valid = g_string_new (NULL);
  text_append_valid (valid, text, length, e.starts != NULL ? &e.from_caller : NULL);
  encode_text (&e, valid->str, valid->len);
  if (special)
    g_array_append_vals (e.ids, self->after->data, self->after->len);
  if (ranges != NULL)
    fill_ranges (ranges, e.starts, length, special ? self->before->len : 0, special ? self->after->len : 0);

  g_clear_pointer (&e.starts, g_array_unref);
  g_string_free (e.normalised, TRUE);
  g_string_free (e.spaced, TRUE);
  g_array_unref (e.pieces);
  g_array_unref (e.spare);
  g_array_unref (e.symbols);
  text_align_clear (&e.from_caller);
  text_align_clear (&e.from_piece);
  text_merge_scratch_clear (&e.scratch);
  return e.ids;
}

static void
text_bpe_decode (PentTokenizer *tokenizer, const guint32 *ids, gsize n, gboolean skip_special, GString *out)
{
  TextBpe *self = TEXT_BPE (tokenizer);

  for (gsize i = 0; i < n; i++)
    {
      const TextAddedToken *added = text_added_by_id (self->added, ids[i]);
      const char *bytes;
      gsize length;

      if (added != NULL && !(skip_special && added->special))
        g_string_append_len (out, added->content, added->length);
      else if (added == NULL && (bytes = text_vocab_get (self->vocab, ids[i], &length)) != NULL)
        g_string_append_len (out, bytes, length);
    }
}

static guint
text_bpe_get_vocab_size (PentTokenizer *tokenizer)
{
  return TEXT_BPE (tokenizer)->n_ids;
}

static gboolean
text_bpe_find (PentTokenizer *tokenizer, const char *token, guint32 *id)
{
  TextBpe *self = TEXT_BPE (tokenizer);
  const TextAddedToken *added = text_added_find (self->added, token);
  g_autoptr(GString) bytes = g_string_new (NULL);

  if (added != NULL)
    *id = added->id;
  else if (text_bpe_spell (token, strlen (token), bytes))
    *id = text_vocab_find (self->vocab, bytes->str, bytes->len);
  else
    *id = GPOINTER_TO_UINT (g_hash_table_lookup (self->literal, token)) - 1;
  return *id != TEXT_NO_ID;
}

static void
text_bpe_finalize (GObject *object)
{
  TextBpe *self = TEXT_BPE (object);

  g_clear_pointer (&self->vocab, text_vocab_free);
  g_clear_pointer (&self->literal, g_hash_table_unref);
  g_clear_pointer (&self->merges, text_merges_free);
  g_clear_pointer (&self->added, text_added_free);
  g_clear_pointer (&self->splits, g_ptr_array_unref);
  g_clear_pointer (&self->before, g_array_unref);
  g_clear_pointer (&self->after, g_array_unref);

  G_OBJECT_CLASS (text_bpe_parent_class)->finalize (object);
}

static void
text_bpe_class_init (TextBpeClass *klass)
{
  PentTokenizerClass *tokenizer_class = PENT_TOKENIZER_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = text_bpe_finalize;
  tokenizer_class->encode = text_bpe_encode;
  tokenizer_class->decode = text_bpe_decode;
  tokenizer_class->get_vocab_size = text_bpe_get_vocab_size;
  tokenizer_class->find = text_bpe_find;
}

static void
text_bpe_init (TextBpe *self)
{
  self->vocab = text_vocab_new ();
  self->literal = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->merges = text_merges_new ();
  self->added = text_added_new ();
  self->before = g_array_new (FALSE, FALSE, sizeof (guint32));
  self->after = g_array_new (FALSE, FALSE, sizeof (guint32));
  self->unknown = TEXT_NO_ID;
  memset (self->byte_ids, 0xff, sizeof self->byte_ids);
}

/* Printable Latin-1 stands for itself; the other 68 bytes, in their order, for U+0100 and up. */
gboolean
text_bpe_spell (const char *token, gsize length, GString *out)
{
  static const guint8 others[68] = {
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10,
    0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x7f,
    0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90,
    0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xad,
  };
  gsize before = out->len;

  for (const char *p = token, *end = token + length; p < end;)
    {
      const char *run = p;
      gunichar c;

      while (p < end && *p > 0x20 && *p < 0x7f)
        p++;
      g_string_append_len (out, run, p - run);
      if (p == end)
        break;
      c = g_utf8_get_char (p);
      p = g_utf8_next_char (p);
      if (c >= 0x100 && c < 0x100 + G_N_ELEMENTS (others))
        c = others[c - 0x100];
      else if (c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad || c > 0xff)
        {
          g_string_truncate (out, before);
          return FALSE;
        }
      g_string_append_c (out, (char) c);
    }
  return TRUE;
}

static gboolean
bpe_reads (const TextSource *source)
{
  const char *type = source->model != NULL ? text_object_string (source->model, "type", "BPE") : "BPE";
  const char *class = source->config != NULL ? text_object_string (source->config, "tokenizer_class", "") : "";

  if (source->model == NULL)
    return !g_str_has_prefix (class, "CLIP");
  return g_str_equal (type, "BPE") && !text_object_flag (source->model, "byte_fallback", FALSE) &&
         *text_object_string (source->model, "end_of_word_suffix", "") == '\0' &&
         *text_object_string (source->model, "continuing_subword_prefix", "") == '\0';
}

const TextKind text_kind_bpe = {
  .name = "byte-level BPE",
  .reads = bpe_reads,
  .load = text_bpe_load,
};
