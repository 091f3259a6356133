// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "y = residual + gate * act (alpha * x w^T + bias) for at most eight rows of x: each subgroup sums four rows of w";
types X, W, Y = f32,f32,f32 | f32,f16,f32 | f32,bf16,f32 | f16,f16,f16 | f16,bf16,f16 | f16,f32,f16 | f16,f16,f32
              | f16,bf16,f32 | f16,f32,f32 | bf16,bf16,bf16 | bf16,bf16,f32;
push  uint m;
push  uint ldx, ldy;
push  float alpha;
in    X   x [(m - 1) * ldx + k];
in    W   w [n, k];
in?   f32 bias [n];
in?   f32 residual [m, n];
in?   f32 gate [n];
out   Y   y [(m - 1) * ldy + n];
spec  uint ROWS = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;
spec  uint ACT = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
derive uint VEC = k % 4 == 0 && ldx % 4 == 0 && align (x) >= 4 * sizeof (X) && align (w) >= 4 * sizeof (W);
local 128, 1, 1;
groups cdiv (n, 16), 1, 1;
cost  flops 2 * m * n * k, bytes m * k * sizeof (X) + n * k * sizeof (W) + m * n * sizeof (Y);
#endif

#define EPILOGUE_LINEAR
#include "epilogue.glsl"
#include "quad.glsl"

// ROWS = m.  A workgroup makes 16 columns, four at a time in each of its subgroups, of whatever size those are.
void
main ()
{
  for (uint part = gl_SubgroupID; part < 4; part += gl_NumSubgroups) {
    uint column = gl_WorkGroupID.x * 16 + part * 4;
    if (column >= n)
      break;
    uint64_t row[4];
    float sum[4][ROWS];
    [[unroll]] for (uint i = 0; i < 4; i++) {
      row[i] = uint64_t (w) + uint64_t (min (column + i, n - 1)) * k * W_SIZE;
      [[unroll]] for (uint r = 0; r < ROWS; r++)
        sum[i][r] = 0.0;
    }
    for (uint at = gl_SubgroupInvocationID * 4; at < k; at += gl_SubgroupSize * 4) {
      vec4 a[4];
      [[unroll]] for (uint i = 0; i < 4; i++)
        a[i] = W_quad (row[i], at, k);
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        vec4 b = X_quad (uint64_t (x) + uint64_t (r) * ldx * X_SIZE, at, k);
        [[unroll]] for (uint i = 0; i < 4; i++)
          sum[i][r] += dot (a[i], b);
      }
    }
    [[unroll]] for (uint i = 0; i < 4; i++)
      [[unroll]] for (uint r = 0; r < ROWS; r++) {
        float total = subgroupAdd (sum[i][r]);
        if (subgroupElect () && column + i < n)
          OUT (Y, y, uint64_t (r) * ldy + column + i).v[0] = Y_store (epilogue (total, r, column + i));
      }
  }
}
