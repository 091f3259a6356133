// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "y = residual + gate * act (alpha * x w^T + bias) on a CPU: x in panels of 16 rows, w as it lies in the file";
types W, Y = f32,f32 | f16,f32 | bf16,f32 | f32,f16 | f16,f16 | bf16,f16 | bf16,bf16 | f32,bf16;
push  uint m, k, ldy, first, columns, n, inner;
push  float alpha;
in    f32 x [cdiv (m, 16), k, 16];
in    W   w [columns, k];
in?   f32 bias [n];
in?   f32 residual [m, n];
in?   f32 gate [n];
out   Y   y [(m - 1) * ldy + n];
spec  uint ACT = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
derive uint WHOLE = k / 64 > 0;
derive uint EIGHTS = k % 64 / 8 > 0;
derive uint REST = k % 8 > 0;
local 32, 1, 1;
groups cdiv (columns, 16) * inner, cdiv (m, 16 * inner), 1;
needs lanes;
subgroup 8;
cost  flops 2 * m * columns * k, bytes m * k * 4 + columns * k * sizeof (W) + m * columns * sizeof (Y);
#endif

#define EPILOGUE_LINEAR
#include "epilogue.glsl"
#include "lanes.glsl"

// w is rows first … first + columns - 1 of the weight.  A subgroup makes four columns of y for 16 rows: each lane owns
// two rows, the weights are uniform scalars.  `inner` panels of x are taken in turn with the same weights.
void
main ()
{
  uint panel = gl_WorkGroupID.y * inner + gl_WorkGroupID.x % inner;
  uint column = (gl_WorkGroupID.x / inner * 4 + gl_SubgroupID) * 4;

  // No early return: what is beyond the edge is computed again from the last rows, and not stored.
  f32_in a = AT (f32, x, uint64_t (min (panel, (m - 1) / 16)) * k * 16);
  W_in b[4];
  float sum[4][2];
  [[unroll]] for (uint i = 0; i < 4; i++) {
    b[i] = AT (W, w, uint64_t (min (column + i, columns - 1)) * k);
    sum[i][0] = sum[i][1] = 0.0;
  }

#define STEP(AT_K) \
  { \
    float a_0 = LANES_LOAD (a, (AT_K) * 16, 1), a_1 = LANES_LOAD (a, (AT_K) * 16 + 8, 1); \
    [[unroll]] for (uint i = 0; i < 4; i++) { \
      float scalar = W_load (b[i].v[AT_K]); \
      sum[i][0] += scalar * a_0; \
      sum[i][1] += scalar * a_1; \
    } \
  }
#define ADVANCE(COUNT) \
  a = AT (f32, a, (COUNT) * 16); \
  [[unroll]] for (uint i = 0; i < 4; i++) \
    b[i] = AT (W, b[i], COUNT);

  uint at = 0;
  if (WHOLE != 0)
    do {
      [[unroll]] for (uint u = 0; u < 64; u++)
        STEP (u)
      ADVANCE (64)
      at += 64;
    } while (at + 64 <= k);
  if (EIGHTS != 0)
    do {
      [[unroll]] for (uint u = 0; u < 8; u++)
        STEP (u)
      ADVANCE (8)
      at += 8;
    } while (at + 8 <= k);
  if (REST != 0)
    do {
      STEP (0)
      ADVANCE (1)
    } while (++at < k);

  [[unroll]] for (uint t = 0; t < 2; t++) {
    uint row = panel * 16 + t * 8 + gl_SubgroupInvocationID;
    [[unroll]] for (uint i = 0; i < 4; i++)
      if (row < m && column + i < columns)
        OUT (Y, y, uint64_t (row) * ldy + first + column + i).v[0] = Y_store (epilogue (sum[i][t], row, first + column + i));
  }
}
