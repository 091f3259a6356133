/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text-vocab.h"

#include <string.h>

#define FIRST_SLOTS 1024      /* a power of two */

typedef struct { guint32 offset, length; } Token;
typedef struct { guint32 id, hash; } Slot;          /* hash: spares a look at most tokens that are not meant */

struct _TextVocab {
  GByteArray *bytes;
  GArray     *tokens;         /* Token by id; length G_MAXUINT32: none */
  Slot       *slots;          /* id TEXT_NO_ID: free */
  guint       n_slots, n_used;
  guint64     seed;           /* against files made to collide */
};

typedef struct {
  guint64   pair;             /* left << 32 | right; all ones: free */
  TextMerge merge;
} MergeSlot;

struct _TextMerges {
  MergeSlot *slots;
  guint      n_slots, n_used;
  guint64    seed;
};

static guint64
mix (guint64 x)
{
  x ^= x >> 32;
  x *= 0x9e3779b97f4a7c15u;
  x ^= x >> 29;
  x *= 0xbf58476d1ce4e5b9u;
  return x ^ x >> 32;
}

static guint64
random_seed (void)
{
  return (guint64) g_random_int () << 32 | g_random_int ();
}

static guint32
hash_bytes (guint64 seed, const char *bytes, gsize length)
{
  guint64 hash = seed ^ length, word;

  for (; length >= 8; bytes += 8, length -= 8)
    {
      memcpy (&word, bytes, 8);
      hash = mix (hash ^ word);
    }
  word = 0;
  memcpy (&word, bytes, length);
  return mix (hash ^ word);
}

static Slot *
slots_new (guint n)
{
  Slot *slots = g_new (Slot, n);

  memset (slots, 0xff, n * sizeof (Slot));
  return slots;
}

TextVocab *
text_vocab_new (void)
{
  TextVocab *self = g_new0 (TextVocab, 1);

  self->bytes = g_byte_array_new ();
  self->tokens = g_array_new (FALSE, FALSE, sizeof (Token));
  self->n_slots = FIRST_SLOTS;
  self->slots = slots_new (self->n_slots);
  self->seed = random_seed ();
  return self;
}

void
text_vocab_free (TextVocab *self)
{
  if (self == NULL)
    return;

  g_byte_array_unref (self->bytes);
  g_array_unref (self->tokens);
  g_free (self->slots);
  g_free (self);
}

/* The slot that holds these bytes, or the free one where they belong. */
static Slot *
find_slot (TextVocab *self, const char *bytes, gsize length, guint32 hash)
{
  guint i = hash & (self->n_slots - 1);

  for (; self->slots[i].id != TEXT_NO_ID; i = (i + 1) & (self->n_slots - 1))
    if (self->slots[i].hash == hash)
      {
        Token token = g_array_index (self->tokens, Token, self->slots[i].id);

        if (token.length == length && memcmp (self->bytes->data + token.offset, bytes, length) == 0)
          break;
      }
  return &self->slots[i];
}

static void
grow (TextVocab *self)
{
  g_autofree Slot *old = self->slots;
  guint n = self->n_slots;

  self->n_slots = 2 * n;
  self->slots = slots_new (self->n_slots);
  for (guint i = 0; i < n; i++)
    if (old[i].id != TEXT_NO_ID)
      {
        guint to = old[i].hash & (self->n_slots - 1);

        while (self->slots[to].id != TEXT_NO_ID)
          to = (to + 1) & (self->n_slots - 1);
        self->slots[to] = old[i];
      }
}

gboolean
text_vocab_add (TextVocab *self, guint32 id, const char *bytes, gsize length, gboolean findable)
{
  Token token = { self->bytes->len, length }, none = { 0, G_MAXUINT32 };

  g_assert (id <= TEXT_MAX_ID);
  g_assert (self->bytes->len + length < G_MAXUINT32);

  if (text_vocab_has (self, id))
    return FALSE;
  if (findable)
    {
      guint32 hash = hash_bytes (self->seed, bytes, length);
      Slot *slot;

      if (2 * (self->n_used + 1) > self->n_slots)
        grow (self);
      slot = find_slot (self, bytes, length, hash);
      if (slot->id != TEXT_NO_ID)
        return FALSE;
      *slot = (Slot) { id, hash };
      self->n_used++;
    }

  while (self->tokens->len <= id)
    g_array_append_val (self->tokens, none);
  g_byte_array_append (self->bytes, (const guint8 *) bytes, length);
  g_array_index (self->tokens, Token, id) = token;
  return TRUE;
}

guint32
text_vocab_find (TextVocab *self, const char *bytes, gsize length)
{
  return find_slot (self, bytes, length, hash_bytes (self->seed, bytes, length))->id;
}

gboolean
text_vocab_is (TextVocab *self, guint32 id, const char *bytes, gsize length)
{
  Token token;

  if (!text_vocab_has (self, id))
    return FALSE;
  token = g_array_index (self->tokens, Token, id);
  return token.length == length && memcmp (self->bytes->data + token.offset, bytes, length) == 0;
}

gboolean
text_vocab_has (TextVocab *self, guint32 id)
{
  return id < self->tokens->len && g_array_index (self->tokens, Token, id).length != G_MAXUINT32;
}

const char *
text_vocab_get (TextVocab *self, guint32 id, gsize *length)
{
  Token token;

  if (!text_vocab_has (self, id))
    return NULL;
  token = g_array_index (self->tokens, Token, id);
  *length = token.length;
  return (const char *) self->bytes->data + token.offset;
}

guint
text_vocab_size (TextVocab *self)
{
  return self->tokens->len;
}

static MergeSlot *
merge_slots_new (guint n)
{
  MergeSlot *slots = g_new (MergeSlot, n);

  memset (slots, 0xff, n * sizeof (MergeSlot));
  return slots;
}

TextMerges *
text_merges_new (void)
{
  TextMerges *self = g_new0 (TextMerges, 1);

  self->n_slots = FIRST_SLOTS;
  self->slots = merge_slots_new (self->n_slots);
  self->seed = random_seed ();
  return self;
}

void
text_merges_free (TextMerges *self)
{
  if (self == NULL)
    return;

  g_free (self->slots);
  g_free (self);
}

static MergeSlot *
find_merge_slot (TextMerges *self, guint64 pair)
{
  guint slot = mix (pair ^ self->seed) & (self->n_slots - 1);

  while (self->slots[slot].pair != G_MAXUINT64 && self->slots[slot].pair != pair)
    slot = (slot + 1) & (self->n_slots - 1);
  return &self->slots[slot];
}

void
text_merges_add (TextMerges *self, guint32 left, guint32 right, TextMerge merge)
{
  MergeSlot *slot;

  if (2 * (self->n_used + 1) > self->n_slots)
    {
      g_autofree MergeSlot *old = self->slots;
      guint n = self->n_slots;

      self->n_slots = 2 * n;
      self->slots = merge_slots_new (self->n_slots);
      for (guint i = 0; i < n; i++)
        if (old[i].pair != G_MAXUINT64)
          *find_merge_slot (self, old[i].pair) = old[i];
    }

  slot = find_merge_slot (self, (guint64) left << 32 | right);
  self->n_used += slot->pair == G_MAXUINT64;
  slot->pair = (guint64) left << 32 | right;
  slot->merge = merge;
}

const TextMerge *
text_merges_find (TextMerges *self, guint32 left, guint32 right)
{
  MergeSlot *slot = find_merge_slot (self, (guint64) left << 32 | right);

  return slot->pair != G_MAXUINT64 ? &slot->merge : NULL;
}
