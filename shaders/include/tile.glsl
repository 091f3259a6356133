// SPDX-License-Identifier: GPL-3.0-or-later
// A BM x BN tile of A B^T in registers, for devices with real shared memory.  A and B are rows of elements of X and W
// that lie in memory one after the other; the sum runs over `taps` times `depth` elements, and the row pointers may
// change from tap to tap (a convolution; a linear layer has one tap).
//
// Each invocation owns TM x TN sums in blocks of 4 x 4 that lie BM*4/TM rows and BN*4/TN columns apart, so that its
// neighbours read neighbouring words.  The next BK elements travel through registers while the present ones are
// multiplied: two buffers, one barrier a step.
//
// The kernel provides: tile_rows (tap), which sets tile_a[] and tile_b[] (addresses of row starts; 0 = a row of zeros),
// and the constants BM, BN, BK, TM, TN, and VEC of quad.glsl.

#include "quad.glsl"

const uint TILE_THREADS = (BM / TM) * (BN / TN);
const uint TILE_QUADS = BK / 4;
const uint TILE_A = (BM * TILE_QUADS + TILE_THREADS - 1) / TILE_THREADS;
const uint TILE_B = (BN * TILE_QUADS + TILE_THREADS - 1) / TILE_THREADS;
const uint TILE_SA = BM / 4 + 1;
const uint TILE_SB = BN / 4 + 1;

shared vec4 tile_shared_a[2 * BK * TILE_SA];
shared vec4 tile_shared_b[2 * BK * TILE_SB];

uint64_t tile_a[TILE_A], tile_b[TILE_B];
vec4 tile_next_a[TILE_A], tile_next_b[TILE_B];
vec4 tile_sum[TM][TN / 4];

// Row of the tile and quad of the step that slot i of this invocation fetches.
uint tile_slot_row (uint i) { return (gl_LocalInvocationIndex + i * TILE_THREADS) / TILE_QUADS; }
uint tile_slot_quad (uint i) { return (gl_LocalInvocationIndex + i * TILE_THREADS) % TILE_QUADS; }

void tile_rows (uint tap);

void tile_fetch (uint at, uint depth)
{
  [[unroll]] for (uint i = 0; i < TILE_A; i++)
    tile_next_a[i] = X_quad (tile_a[i], at + tile_slot_quad (i) * 4, depth);
  [[unroll]] for (uint i = 0; i < TILE_B; i++)
    tile_next_b[i] = W_quad (tile_b[i], at + tile_slot_quad (i) * 4, depth);
}

void tile_put (uint buf)
{
  [[unroll]] for (uint i = 0; i < TILE_A; i++) {
    uint row = tile_slot_row (i), at = (buf * BK + tile_slot_quad (i) * 4) * TILE_SA + row / 4;
    if (row < BM)
      [[unroll]] for (uint e = 0; e < 4; e++)
        tile_shared_a[at + e * TILE_SA][row % 4] = tile_next_a[i][e];
  }
  [[unroll]] for (uint i = 0; i < TILE_B; i++) {
    uint row = tile_slot_row (i), at = (buf * BK + tile_slot_quad (i) * 4) * TILE_SB + row / 4;
    if (row < BN)
      [[unroll]] for (uint e = 0; e < 4; e++)
        tile_shared_b[at + e * TILE_SB][row % 4] = tile_next_b[i][e];
  }
}

void tile_multiply (uint buf)
{
  uint a0 = buf * BK * TILE_SA + gl_LocalInvocationIndex / (BN / TN);
  uint b0 = buf * BK * TILE_SB + gl_LocalInvocationIndex % (BN / TN);
  [[unroll]] for (uint at = 0; at < BK; at++) {
    vec4 a[TM / 4], b[TN / 4];
    [[unroll]] for (uint i = 0; i < TM / 4; i++)
      a[i] = tile_shared_a[a0 + at * TILE_SA + i * (BM / TM)];
    [[unroll]] for (uint i = 0; i < TN / 4; i++)
      b[i] = tile_shared_b[b0 + at * TILE_SB + i * (BN / TN)];
    [[unroll]] for (uint r = 0; r < TM; r++)
      [[unroll]] for (uint i = 0; i < TN / 4; i++)
        tile_sum[r][i] = fma (vec4 (a[r / 4][r % 4]), b[i], tile_sum[r][i]);
  }
}

// Row and column within the tile of tile_sum[r][i][e].
uint tile_row (uint r) { return (r / 4) * (BM * 4 / TM) + gl_LocalInvocationIndex / (BN / TN) * 4 + r % 4; }
uint tile_column (uint i) { return i * (BN * 4 / TN) + gl_LocalInvocationIndex % (BN / TN) * 4; }

void tile_run (uint taps, uint depth)
{
  [[unroll]] for (uint r = 0; r < TM; r++)
    [[unroll]] for (uint i = 0; i < TN / 4; i++)
      tile_sum[r][i] = vec4 (0.0);
  uint steps = taps * ((depth + BK - 1) / BK), at = 0, tap = 0, buf = 0;
  tile_rows (0);
  tile_fetch (0, depth);
  tile_put (0);
  barrier ();
  for (uint step = 1; step <= steps; step++) {
    at += BK;
    if (at >= depth) {
      at = 0;
      if (++tap < taps)
        tile_rows (tap);
    }
    if (step < steps)
      tile_fetch (at, depth);
    tile_multiply (buf);
    buf ^= 1;
    if (step < steps)
      tile_put (buf);
    barrier ();
  }
}
