/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pipeline-private.h"

#include <string.h>

typedef struct {
  PentGraphKey key;
  PentNnGraph *graph;
} Entry;

struct _PentGraphCache {
  guint         size;
  PentGraphMake make;
  gpointer      data;
  GQueue        entries;        /* Entry, most recent first */
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  pent_nn_graph_unref (entry->graph);
  g_free (entry);
}

PentGraphCache *
pent_graph_cache_new (guint size, PentGraphMake make, gpointer data)
{
  PentGraphCache *self = g_new0 (PentGraphCache, 1);

  self->size = size;
  self->make = make;
  self->data = data;
  g_queue_init (&self->entries);
  return self;
}

void
pent_graph_cache_free (PentGraphCache *self)
{
  g_queue_clear_full (&self->entries, entry_free);
  g_free (self);
}

PentNnGraph *
pent_graph_cache_get (PentGraphCache *self, const PentGraphKey *key, GError **error)
{
  g_autoptr (PentNnGraph) graph = NULL;
  Entry *entry;

  for (GList *l = self->entries.head; l != NULL; l = l->next)
    {
      entry = l->data;
      if (memcmp (&entry->key, key, sizeof *key) == 0)
        {
          g_queue_unlink (&self->entries, l);
          g_queue_push_head_link (&self->entries, l);
          return entry->graph;
        }
    }

  /* Room first, so that the old graph's memory is there for the new one. */
  while (self->entries.length >= self->size)
    entry_free (g_queue_pop_tail (&self->entries));

  graph = self->make (self->data, key);
  if (!pent_nn_graph_compile (graph, error))
    return NULL;

  entry = g_new (Entry, 1);
  *entry = (Entry) { *key, g_steal_pointer (&graph) };
  g_queue_push_head (&self->entries, entry);
  return entry->graph;
}
