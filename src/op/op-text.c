/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op-text.h"

#include <math.h>
#include <stdlib.h>

#include "pent-noise.h"

/* ---- choosing ---- */

#define NEGLIGIBLE 1e-12      /* of the likeliest one's probability: not worth sorting a whole vocabulary for */

typedef struct {
  double  weight;
  guint32 id;
} Candidate;

/* Likeliest first; the order among equals is that of ids, so that it is the same everywhere. */
static int
compare_candidates (gconstpointer a, gconstpointer b)
{
  const Candidate *x = a, *y = b;

  if (x->weight != y->weight)
    return x->weight < y->weight ? 1 : -1;
  return (x->id > y->id) - (x->id < y->id);
}

static gboolean
find_likeliest (const float *logits, guint n, guint32 *best)
{
  *best = 0;
  for (guint i = 0; i < n; i++)
    {
      if (isnan (logits[i]))
        return FALSE;
      if (logits[i] > logits[*best])
        *best = i;
    }
  return n > 0 && isfinite (logits[*best]);
}

gboolean
pent_text_choose (const PentTextChoice *choice, const float *logits, guint n, guint64 index, guint32 *id)
{
  g_autofree Candidate *candidates = NULL;
  guint n_candidates = 0;
  double sum = 0, kept = 0, mark;
  guint32 best;

  if (!find_likeliest (logits, n, &best))
    return FALSE;
  *id = best;
  if (choice->temperature <= 0)
    return TRUE;

  candidates = g_new (Candidate, n);
  for (guint i = 0; i < n; i++)
    {
      double weight = exp (((double) logits[i] - logits[best]) / choice->temperature);

      if (weight > NEGLIGIBLE)
        candidates[n_candidates++] = (Candidate) { weight, i };
    }
  qsort (candidates, n_candidates, sizeof *candidates, compare_candidates);
  if (choice->top_k > 0)
    n_candidates = MIN (n_candidates, choice->top_k);

  for (guint i = 0; i < n_candidates; i++)
    sum += candidates[i].weight;
  for (guint i = 0; i < n_candidates; i++)
    {
      kept += candidates[i].weight;
      if (kept >= choice->top_p * sum)      /* the one that reaches top_p belongs to the nucleus */
        n_candidates = i + 1;
    }

  mark = pent_noise_uniform (choice->seed, PENT_NOISE_TEXT, index) * kept;
  for (guint i = 0; i < n_candidates; i++)
    {
      mark -= candidates[i].weight;
      *id = candidates[i].id;
      if (mark < 0)
        break;
    }
  return TRUE;
}

/* ---- characters ---- */

struct _PentTextStream {
  GString *bytes;
};

PentTextStream *
pent_text_stream_new (void)
{
  PentTextStream *self = g_new (PentTextStream, 1);

  self->bytes = g_string_new (NULL);
  return self;
}

void
pent_text_stream_free (PentTextStream *self)
{
  g_string_free (self->bytes, TRUE);
  g_free (self);
}

GString *
pent_text_stream_get_buffer (PentTextStream *self)
{
  return self->bytes;
}

char *
pent_text_stream_take (PentTextStream *self)
{
  GString *out = g_string_new (NULL);
  const char *p = self->bytes->str, *limit = p + self->bytes->len;

  while (p < limit)
    {
      const char *end;

      g_utf8_validate_len (p, limit - p, &end);
      g_string_append_len (out, p, end - p);
      p = end;
      if (p == limit)
        break;
      if (*p != '\0' && g_utf8_get_char_validated (p, limit - p) == (gunichar) -2)
        break;                              /* the rest of it is still to come */
      g_string_append (out, "\xEF\xBF\xBD");
      p++;
    }
  g_string_erase (self->bytes, 0, p - self->bytes->str);
  return g_string_free_and_steal (out);
}

char *
pent_text_stream_finish (PentTextStream *self)
{
  g_autofree char *whole = pent_text_stream_take (self);
  g_autofree char *rest = g_utf8_make_valid (self->bytes->str, self->bytes->len);

  g_string_truncate (self->bytes, 0);
  return g_strconcat (whole, rest, NULL);
}
