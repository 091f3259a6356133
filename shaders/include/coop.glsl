// SPDX-License-Identifier: GPL-3.0-or-later
// A BM x BN tile of A B^T on matrix units (VK_KHR_cooperative_matrix): f16 operands, f32 sums, fragments CM x CN x CK.
// The same plan as tile.glsl: rows of A and B by address, `taps` times `depth` long, fetched four elements at a time into
// registers while the step before is multiplied, two buffers in shared memory, one barrier a step.  WM x WN subgroups
// share the tile; each owns BM/WM x BN/WN of it.
//
// The kernel provides coop_rows (tap), which sets coop_a[] and coop_b[] (addresses; 0 = a row of zeros), coop_store (row,
// column, sum), and BM, BN, BK, WM, WN, CM, CN, CK, THREADS, and VEC of quad.glsl.

#include "quad.glsl"

const uint COOP_QUADS = BK / 4;
const uint COOP_A = (BM * COOP_QUADS + THREADS - 1) / THREADS;
const uint COOP_B = (BN * COOP_QUADS + THREADS - 1) / THREADS;
const uint COOP_PITCH = COOP_QUADS + 2;          // quads between rows; 16 bytes more than BK against bank conflicts
const uint COOP_ROWS = BM / WM / CM, COOP_COLUMNS = BN / WN / CN;

shared f16vec4 coop_shared_a[2 * BM * COOP_PITCH];
shared f16vec4 coop_shared_b[2 * BN * COOP_PITCH];
shared float coop_shared_sum[WM * WN * CM * CN];   // one fragment of each subgroup on its way out

uint64_t coop_a[COOP_A], coop_b[COOP_B];
f16vec4 coop_next_a[COOP_A], coop_next_b[COOP_B];
coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator> coop_sum[COOP_ROWS * COOP_COLUMNS];

uint coop_slot_row (uint i) { return (gl_LocalInvocationIndex + i * THREADS) / COOP_QUADS; }
uint coop_slot_quad (uint i) { return (gl_LocalInvocationIndex + i * THREADS) % COOP_QUADS; }

void coop_rows (uint tap);
void coop_store (uint row, uint column, float sum);

void
coop_fetch (uint at, uint depth)
{
  [[unroll]] for (uint i = 0; i < COOP_A; i++)
    coop_next_a[i] = f16vec4 (X_quad (coop_a[i], at + coop_slot_quad (i) * 4, depth));
  [[unroll]] for (uint i = 0; i < COOP_B; i++)
    coop_next_b[i] = f16vec4 (W_quad (coop_b[i], at + coop_slot_quad (i) * 4, depth));
}

void
coop_put (uint buf)
{
  [[unroll]] for (uint i = 0; i < COOP_A; i++)
    if (coop_slot_row (i) < BM)
      coop_shared_a[(buf * BM + coop_slot_row (i)) * COOP_PITCH + coop_slot_quad (i)] = coop_next_a[i];
  [[unroll]] for (uint i = 0; i < COOP_B; i++)
    if (coop_slot_row (i) < BN)
      coop_shared_b[(buf * BN + coop_slot_row (i)) * COOP_PITCH + coop_slot_quad (i)] = coop_next_b[i];
}

void
coop_multiply (uint buf, uint row0, uint column0)
{
  [[unroll]] for (uint at = 0; at < BK; at += CK) {
    coopmat<float16_t, gl_ScopeSubgroup, CM, CK, gl_MatrixUseA> a[COOP_ROWS];
    [[unroll]] for (uint r = 0; r < COOP_ROWS; r++)
      coopMatLoad (a[r], coop_shared_a, (buf * BM + row0 + r * CM) * COOP_PITCH + at / 4, COOP_PITCH,
                   gl_CooperativeMatrixLayoutRowMajor);
    [[unroll]] for (uint i = 0; i < COOP_COLUMNS; i++) {
      coopmat<float16_t, gl_ScopeSubgroup, CK, CN, gl_MatrixUseB> b;
      coopMatLoad (b, coop_shared_b, (buf * BN + column0 + i * CN) * COOP_PITCH + at / 4, COOP_PITCH,
                   gl_CooperativeMatrixLayoutColumnMajor);
      [[unroll]] for (uint r = 0; r < COOP_ROWS; r++)
        coop_sum[r * COOP_COLUMNS + i] = coopMatMulAdd (a[r], b, coop_sum[r * COOP_COLUMNS + i]);
    }
  }
}

void
coop_run (uint taps, uint depth)
{
  uint row0 = gl_SubgroupID / WN * (BM / WM), column0 = gl_SubgroupID % WN * (BN / WN);
  [[unroll]] for (uint i = 0; i < COOP_ROWS * COOP_COLUMNS; i++)
    coop_sum[i] = coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator> (0.0);

  uint steps = taps * ((depth + BK - 1) / BK), at = 0, tap = 0, buf = 0;
  coop_rows (0);
  coop_fetch (0, depth);
  coop_put (0);
  barrier ();
  for (uint step = 1; step <= steps; step++) {
    at += BK;
    if (at >= depth) {
      at = 0;
      if (++tap < taps)
        coop_rows (tap);
    }
    if (step < steps)
      coop_fetch (at, depth);
    coop_multiply (buf, row0, column0);
    buf ^= 1;
    if (step < steps)
      coop_put (buf);
    barrier ();
  }

  // Which invocation holds which element is the driver's affair; through shared memory each knows its own.
  [[unroll]] for (uint r = 0; r < COOP_ROWS; r++)
    [[unroll]] for (uint i = 0; i < COOP_COLUMNS; i++) {
      coopMatStore (coop_sum[r * COOP_COLUMNS + i], coop_shared_sum, gl_SubgroupID * CM * CN, CN, gl_CooperativeMatrixLayoutRowMajor);
      subgroupBarrier ();
      for (uint e = gl_SubgroupInvocationID; e < CM * CN; e += gl_SubgroupSize)
        coop_store (row0 + r * CM + e / CN, column0 + i * CN + e % CN, coop_shared_sum[gl_SubgroupID * CM * CN + e]);
      subgroupBarrier ();
    }
}
