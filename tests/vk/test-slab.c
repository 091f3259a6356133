/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-slab.h"
#include "vk-test.h"

#define SIZE 4096
#define PIECES 64

typedef struct {
  guint64 offset, size;
} Piece;

static void
mark (guint8 *map, const Piece *piece, guint8 from, guint8 to)
{
  for (guint64 i = piece->offset; i < piece->offset + piece->size; i++)
    {
      g_assert_cmpuint (map[i], ==, from);
      map[i] = to;
    }
}

/* Is there room?  Asked of the map, byte by byte. */
static gboolean
has_room (const guint8 *map, guint64 size, guint64 align)
{
  for (guint64 at = 0; at + size <= SIZE; at += align)
    {
      guint64 i = 0;

      while (i < size && map[at + i] == 0)
        i++;
      if (i == size)
        return TRUE;
    }

  return FALSE;
}

static void
test_random (void)
{
  guint8 map[SIZE] = { 0 };
  Piece pieces[PIECES] = { 0 };
  PentVkSlab slab;
  guint64 used = 0;

  vk_slab_init (&slab, SIZE);
  for (guint round = 0; round < 200000; round++)
    {
      Piece *piece = &pieces[g_test_rand_int_range (0, PIECES)];

      if (piece->size > 0)
        {
          mark (map, piece, 1, 0);
          vk_slab_free (&slab, piece->offset, piece->size);
          used -= piece->size;
          piece->size = 0;
        }
      else
        {
          guint64 size = g_test_rand_int_range (1, 300), align = 1u << g_test_rand_int_range (0, 9);
          gboolean room = has_room (map, size, align);

          g_assert_cmpint (vk_slab_alloc (&slab, size, align, &piece->offset), ==, room);
          piece->size = room ? size : 0;
          g_assert_cmpuint (piece->offset % (room ? align : 1), ==, 0);
          mark (map, piece, 0, 1);
          used += piece->size;
        }
      g_assert_cmpuint (slab.used, ==, used);
    }

  for (guint i = 0; i < PIECES; i++)
    if (pieces[i].size > 0)
      vk_slab_free (&slab, pieces[i].offset, pieces[i].size);

  /* All holes have grown together again. */
  g_assert_cmpuint (slab.used, ==, 0);
  g_assert_cmpuint (slab.holes->len, ==, 1);
  g_assert_true (vk_slab_alloc (&slab, SIZE, 1, &pieces[0].offset));
  g_assert_false (vk_slab_alloc (&slab, 1, 1, &pieces[0].offset));
  vk_slab_finish (&slab);
}

/* The smallest hole that will do is taken: large ones stay whole. */
static void
test_best_fit (void)
{
  guint64 a, b, c, d, at;
  PentVkSlab slab;

  vk_slab_init (&slab, SIZE);
  g_assert_true (vk_slab_alloc (&slab, 1000, 1, &a));
  g_assert_true (vk_slab_alloc (&slab, 8, 1, &b));
  g_assert_true (vk_slab_alloc (&slab, 100, 1, &c));
  g_assert_true (vk_slab_alloc (&slab, 8, 1, &d));
  vk_slab_free (&slab, a, 1000);
  vk_slab_free (&slab, c, 100);
  g_assert_true (vk_slab_alloc (&slab, 90, 1, &at));
  g_assert_cmpuint (at, ==, c);
  g_assert_true (vk_slab_alloc (&slab, 1000, 1, &at));
  g_assert_cmpuint (at, ==, a);
  vk_slab_finish (&slab);
}

void
test_slab_add (void)
{
  g_test_add_func ("/vk/slab/random", test_random);
  g_test_add_func ("/vk/slab/best-fit", test_best_fit);
}
