/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text-merge.h"

#define NOBODY G_MAXUINT32

typedef struct { guint32 previous, next; } Link;

/* A merge that could be made when it was found; stale if its place holds another pair by now. */
typedef struct {
  guint32 rank, at;            /* of the left symbol */
  guint32 left, right, id;
} Candidate;

static gboolean
before (const Candidate *a, const Candidate *b)
{
  return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void
heap_push (TextMergeScratch *s, Candidate candidate)
{
  Candidate *heap;
  guint i = s->heap_len++;

  if (s->heap_len > s->n_heap)
    {
      s->n_heap = MAX (64, 2 * s->n_heap);
      s->heap = g_renew (Candidate, s->heap, s->n_heap);
    }
  heap = s->heap;
  for (; i > 0 && before (&candidate, &heap[(i - 1) / 2]); i = (i - 1) / 2)
    heap[i] = heap[(i - 1) / 2];
  heap[i] = candidate;
}

static Candidate
heap_pop (TextMergeScratch *s)
{
  Candidate *heap = s->heap, top = heap[0], last = heap[--s->heap_len];
  guint i = 0, child;

  while ((child = 2 * i + 1) < s->heap_len)
    {
      if (child + 1 < s->heap_len && before (&heap[child + 1], &heap[child]))
        child++;
      if (!before (&heap[child], &last))
        break;
      heap[i] = heap[child];
      i = child;
    }
  heap[i] = last;
  return top;
}

static void
consider (TextMerges *merges, TextMergeScratch *s, const TextSymbol *symbols, guint32 left, guint32 right)
{
  const TextMerge *merge = text_merges_find (merges, symbols[left].id, symbols[right].id);

  if (merge != NULL)
    heap_push (s, (Candidate) { merge->rank, left, symbols[left].id, symbols[right].id, merge->id });
}

guint
text_merge_word (TextMerges *merges, TextMergeScratch *s, TextSymbol *symbols, guint n)
{
  Link *links;
  guint kept = 0;

  if (n < 2)
    return n;
  if (n > s->n_links)
    {
      s->n_links = MAX (n, 2 * s->n_links);
      s->links = g_renew (Link, s->links, s->n_links);
    }
  links = s->links;
  s->heap_len = 0;
  for (guint i = 0; i < n; i++)
    {
      links[i].previous = i > 0 ? i - 1 : NOBODY;
      links[i].next = i + 1 < n ? i + 1 : NOBODY;
      if (i + 1 < n)
        consider (merges, s, symbols, i, i + 1);
    }

  while (s->heap_len > 0)
    {
      Candidate c = heap_pop (s);
      guint32 right = links[c.at].next;

      if (symbols[c.at].length == 0 || right == NOBODY || symbols[c.at].id != c.left || symbols[right].id != c.right)
        continue;
      symbols[c.at].id = c.id;
      symbols[c.at].length += symbols[right].length;
      symbols[right].length = 0;
      links[c.at].next = links[right].next;
      if (links[right].next != NOBODY)
        {
          links[links[right].next].previous = c.at;
          consider (merges, s, symbols, c.at, links[right].next);
        }
      if (links[c.at].previous != NOBODY)
        consider (merges, s, symbols, links[c.at].previous, c.at);
    }

  for (guint32 i = 0; i != NOBODY; i = links[i].next)
    symbols[kept++] = symbols[i];
  return kept;
}

void
text_merge_scratch_clear (TextMergeScratch *s)
{
  g_clear_pointer (&s->links, g_free);
  g_clear_pointer (&s->heap, g_free);
}
