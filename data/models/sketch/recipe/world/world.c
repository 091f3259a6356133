/* SPDX-License-Identifier: GPL-3.0-or-later
 * Streams scenes to a trainer.
 *
 *   world [--seed N] [--start N] [--stride N] [--count N] [--size N] [--captions N] [--json] [--no-pixels]
 *         [--sheet COLUMNS]
 *
 * One record a scene: the JSON of its truth (with --json), the captions, each a line, then size*size*3 bytes of RGB.
 * With --stride, every N-th scene, so that N processes share a stream.
 * With --sheet, the pictures alone, side by side, as one PPM.  Ends after count scenes, or when the
 * reader goes away. */
#include "world.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void
sheet (uint64_t seed, uint64_t start, int count, int size, int columns)
{
  int rows = (count + columns - 1) / columns;
  uint8_t *one = malloc ((size_t) size * size * 3), *all = calloc ((size_t) rows * columns * size * size, 3);
  if (!one || !all)
    abort ();
  for (int i = 0; i < count; i++) {
    Scene s = scene_new (seed, start + i);
    scene_draw (&s, size, one);
    for (int y = 0; y < size; y++) {
      size_t row = (size_t) (i / columns) * size + y;
      memcpy (all + (row * columns + i % columns) * size * 3, one + (size_t) y * size * 3, size * 3);
    }
  }
  printf ("P6 %d %d 255\n", columns * size, rows * size);
  fwrite (all, (size_t) rows * columns * size * size, 3, stdout);
  free (one);
  free (all);
}

int
main (int argc, char **argv)
{
  uint64_t seed = 1, start = 0, stride = 1, count = UINT64_MAX;
  int size = 64, captions = 1, columns = 0;
  bool json = false, pixels = true;

  for (int i = 1; i < argc; i++) {
    const char *o = argv[i], *v = i + 1 < argc ? argv[i + 1] : "";
    if (!strcmp (o, "--json")) json = true;
    else if (!strcmp (o, "--no-pixels")) pixels = false;
    else if (!strcmp (o, "--seed")) seed = strtoull (v, NULL, 10), i++;
    else if (!strcmp (o, "--start")) start = strtoull (v, NULL, 10), i++;
    else if (!strcmp (o, "--stride")) stride = strtoull (v, NULL, 10), i++;
    else if (!strcmp (o, "--count")) count = strtoull (v, NULL, 10), i++;
    else if (!strcmp (o, "--size")) size = atoi (v), i++;
    else if (!strcmp (o, "--captions")) captions = atoi (v), i++;
    else if (!strcmp (o, "--sheet")) columns = atoi (v), i++;
    else {
      fprintf (stderr, "world: what is “%s”? The options are in the head of world.c.\n", o);
      return 2;
    }
  }
  if (size < 8 || size > 2048) {
    fprintf (stderr, "world: --size %d is not within 8 … 2048\n", size);
    return 2;
  }
  if (columns > 0) {
    sheet (seed, start, count > 4096 ? 64 : (int) count, size, columns);
    return 0;
  }

  signal (SIGPIPE, SIG_IGN);
  size_t bytes = (size_t) size * size * 3;
  uint8_t *rgb = malloc (bytes);
  if (!rgb)
    abort ();
  for (uint64_t i = 0; i < count && !ferror (stdout); i++) {
    Scene s = scene_new (seed, start + i * stride);
    char line[200];
    if (json)
      scene_json (&s, stdout);
    for (int k = 0; k < captions; k++) {
      scene_words (&s, k, line, sizeof line);
      puts (line);
    }
    if (pixels) {
      scene_draw (&s, size, rgb);
      fwrite (rgb, 1, bytes, stdout);
    }
  }
  free (rgb);
  return 0;
}
