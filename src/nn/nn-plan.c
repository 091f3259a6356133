/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-private.h"

#include "pent-error.h"

/* Where roots lie in the arena: two that are alive at one step never share a byte.
 *
 * Largest first, each at the lowest place that is free over its whole life; that comes close to the largest sum of what
 * is alive at one time.  The arena may be too large for one allocation: no root crosses a multiple of chunk_size. */

#define ALIGNMENT 256

typedef struct {
  guint    begin, end;         /* steps, both included */
  guint64  size;
  guint64 *place;
} Block;

static gboolean
in_arena (const PentNnTensor *root)
{
  return !nn_is_source (root);
}

PentNnTensor *
nn_root (const PentNnTensor *x)
{
  PentNnTensor *root = x->root;

  while (root->same != NULL)
    root = root->same;
  return root;
}

/* ---- lifetimes ---- */

static void
touch (PentNnTensor *x, guint step)
{
  PentNnTensor *root = nn_root (x);

  if (!in_arena (root))
    return;
  if (!root->planned)
    root->begin = step;
  root->planned = TRUE;
  root->end = step;
}

static void
find_lifetimes (PentNnGraph *g)
{
  for (guint i = 0; i < g->schedule->len; i++)
    {
      PentNnTensor *t = g->schedule->pdata[i];

      NN_EACH_IN (t, k)
        touch (t->in[k], i);
      if (t->op != NN_OP_READ)
        touch (t, i);
    }
}

/* The operand that the kernel allows to be its result as well: element by element in one place. */
static int
slot_in_place (const PentNnTensor *t)
{
  if (t->in[NN_RESIDUAL] != NULL)
    return NN_RESIDUAL;
  if (t->op == NN_OP_ADD || t->op == NN_OP_MUL || t->op == NN_OP_ROPE)
    return NN_X;
  return -1;
}

/* A result over an operand that nobody reads later. */
static void
reuse_in_place (PentNnTensor *t, guint step)
{
  int slot = slot_in_place (t);
  PentNnTensor *x, *root;

  if (slot < 0 || t->root != t)
    return;
  x = t->in[slot];
  root = nn_root (x);
  if (!in_arena (root) || root->end != step || x->dtype != t->dtype || x->at != 0 || !nn_is_contiguous (x) ||
      nn_elements (x) != nn_elements (root))
    return;
  NN_EACH_IN (t, k)
    if ((int) k != slot && nn_root (t->in[k]) == root)
      return;
  t->same = root;
  root->end = t->end;
}

/* ---- places ---- */

static int
compare_sizes (gconstpointer a, gconstpointer b)
{
  const Block *left = a, *right = b;

  if (left->size != right->size)
    return left->size > right->size ? -1 : 1;
  return left->begin < right->begin ? -1 : left->begin > right->begin;
}

static int
compare_places (gconstpointer a, gconstpointer b)
{
  guint64 left = *(*(const Block *const *) a)->place, right = *(*(const Block *const *) b)->place;

  return left < right ? -1 : left > right;
}

/* The lowest place >= from for that many bytes that crosses no multiple of chunk. */
static guint64
within_chunk (guint64 from, guint64 size, guint64 chunk)
{
  return from / chunk == (from + size - 1) / chunk ? from : (from / chunk + 1) * chunk;
}

static void
place_block (Block *block, GPtrArray *alive, guint64 chunk)
{
  guint64 place = 0;

  g_ptr_array_sort (alive, compare_places);
  for (guint i = 0; i < alive->len; i++)
    {
      const Block *other = alive->pdata[i];

      if (*other->place >= place + block->size)
        break;
      if (*other->place + other->size > place)
        place = within_chunk (*other->place + other->size, block->size, chunk);
    }
  *block->place = place;
}

static guint64
place_blocks (PentNnGraph *g, GArray *blocks)
{
  gboolean apart = (g->disable & NN_DISABLE_ARENA) != 0;
  guint64 total = 0;

  g_array_sort (blocks, compare_sizes);
  for (guint i = 0; i < blocks->len; i++)
    {
      Block *block = &g_array_index (blocks, Block, i);
      g_autoptr (GPtrArray) alive = g_ptr_array_new ();

      for (guint k = 0; k < i; k++)
        {
          Block *other = &g_array_index (blocks, Block, k);

          if (apart || (other->begin <= block->end && block->begin <= other->end))
            g_ptr_array_add (alive, other);
        }
      place_block (block, alive, g->chunk_size);
      total = MAX (total, *block->place + block->size);
    }
  return total;
}

static void
add_block (PentNnGraph *g, GArray *blocks, guint begin, guint end, guint64 size, guint64 *place)
{
  Block block = { begin, end, (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, place };

  if (block.size > g->chunk_size)
    nn_fail (g, PENT_ERROR_MEMORY, "a single value needs %.2f GiB, and the device allows %.2f GiB in one piece",
             block.size / 0x1p30, g->chunk_size / 0x1p30);
  g_array_append_val (blocks, block);
}

void
nn_plan (PentNnGraph *g)
{
  g_autoptr (GArray) blocks = g_array_new (FALSE, FALSE, sizeof (Block));
  guint64 sum = 0;

  if (g->chunk_size == 0)
    g->chunk_size = pent_vk_context_get_info (pent_nn_module_get_context (g->module))->max_allocation / ALIGNMENT * ALIGNMENT;
  find_lifetimes (g);
  for (guint i = 0; i < g->schedule->len && !(g->disable & NN_DISABLE_ARENA); i++)
    reuse_in_place (g->schedule->pdata[i], i);

  for (guint i = 0; i < g->schedule->len; i++)
    {
      PentNnTensor *t = g->schedule->pdata[i], *root = t->root;

      t->scratch_size = nn_scratch_size (g, t);
      if (t->scratch_size > 0)
        add_block (g, blocks, i, i, t->scratch_size, &t->scratch_place);
      if (t->op == NN_OP_READ || !in_arena (root) || root->begin != i || root->size != 0)
        continue;
      root->size = nn_elements (root) * pent_dtype_size (root->dtype);
      sum += root->size;
      if (root->same == NULL)
        add_block (g, blocks, root->begin, root->end, root->size, &root->place);
    }
  g->arena_size = place_blocks (g, blocks);
  g->stats.sum_bytes = sum;
}
