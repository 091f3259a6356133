// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "mean and sum of squared deviations of each channel over slabs of pixels; the first of three for group norm";
types T = f32 | f16 | bf16;
in    T    x [n, hw, c];
out   f32  part [n, cdiv (hw, slab), 2, c];
push  uint slab;   // pixels; choose it so that there are some hundred slabs
spec  bool LANES = 0 | 1;
derive uint VEC = c % 4 == 0 && align (x) >= 4 * sizeof (T) && align (part) >= 16 ? 4 : 1;
local 128, 1, 1;
groups cdiv (n * cdiv (hw, slab) * cdiv (c, 32), 16);
cost  flops 6 * n * hw * c, bytes n * hw * c * sizeof (T) + 8 * n * cdiv (hw, slab) * c;
#endif

#include "pointwise.glsl"

#define rows (n * ((hw - 1) / slab + 1))
#define width c

#define BLOCK 4   // pixels held in registers

void
main ()
{
  const uint count = CHUNK_COUNT, slabs = (hw - 1) / slab + 1;
  const uint item = CHUNK_ROW / slabs, first = CHUNK_ROW % slabs * slab;
  if (count == 0)
    return;
  const uint pixels = min (slab, hw - first);
  T_in xs = AT (T, x, (uint64_t (item) * hw + first) * c + CHUNK_FIRST);

  // Two passes over each block, and blocks joined by Chan's formula: no difference of large numbers anywhere.
  vec4 mean = vec4 (0.0), square = vec4 (0.0);
  uint at = 0;
  do {
    const uint here = min (BLOCK, pixels - at);
    vec4 v[BLOCK], sum = vec4 (0.0), block_square = vec4 (0.0);
    [[unroll]] for (uint i = 0; i < BLOCK; i++) {
      v[i] = T_row_load (AT (T, xs, uint64_t (at + min (i, here - 1)) * c), 0, count, 0.0);
      sum += i < here ? v[i] : vec4 (0.0);
    }
    const vec4 block_mean = sum / here, d = block_mean - mean;
    [[unroll]] for (uint i = 0; i < BLOCK; i++)
      block_square += i < here ? (v[i] - block_mean) * (v[i] - block_mean) : vec4 (0.0);
    const float share = float (here) / float (at + here);
    mean += d * share;
    square += block_square + d * d * (share * at);
    at += here;
  } while (at < pixels);

  f32_out parts = OUT (f32, part, uint64_t (CHUNK_ROW) * 2 * c + CHUNK_FIRST);
  f32_row_store (parts, 0, count, mean);
  f32_row_store (OUT (f32, parts, c), 0, count, square);
}
