// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "y = residual + gate * act (alpha * x w^T + bias), a BM x BN tile per workgroup through shared memory";
types X, W, Y = f32,f32,f32 | f32,f16,f32 | f32,bf16,f32 | f16,f16,f16 | f16,bf16,f16 | f16,f32,f16 | f16,f16,f32
              | f16,bf16,f32 | f16,f32,f32 | bf16,bf16,bf16 | bf16,bf16,f32;
push  uint m;
in    X   x [(m - 1) * ldx + k];
in    W   w [n, k];
in?   f32 bias [n];
in?   f32 residual [m, n];
in?   f32 gate [n];
out   Y   y [(m - 1) * ldy + n];
push  uint ldx, ldy;
push  float alpha;
spec  uint BM = 32 | 64 | 128;
spec  uint BN = 32 | 64 | 128;
spec  uint BK = 8 | 16;
spec  uint TM = 4 | 8;
spec  uint TN = 4 | 8;
spec  uint ACT = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
derive uint VEC = k % 4 == 0 && ldx % 4 == 0 && align (x) >= 4 * sizeof (X) && align (w) >= 4 * sizeof (W);
local (BM / TM) * (BN / TN), 1, 1;
groups cdiv (n, BN), cdiv (m, BM), 1;
cost  flops 2*m*n*k, bytes m*k*sizeof(X) + n*k*sizeof(W) + m*n*sizeof(Y);
#endif

#define EPILOGUE_LINEAR
#include "epilogue.glsl"
#include "tile.glsl"

void tile_rows (uint tap)
{
  // Rows beyond the edge read the last one again; their sums are never stored.
  [[unroll]] for (uint i = 0; i < TILE_A; i++)
    tile_a[i] = uint64_t (x) + uint64_t (min (gl_WorkGroupID.y * BM + tile_slot_row (i), m - 1)) * ldx * X_SIZE;
  [[unroll]] for (uint i = 0; i < TILE_B; i++)
    tile_b[i] = uint64_t (w) + uint64_t (min (gl_WorkGroupID.x * BN + tile_slot_row (i), n - 1)) * k * W_SIZE;
}

void
main ()
{
  tile_run (1, k);
  [[unroll]] for (uint r = 0; r < TM; r++)
    [[unroll]] for (uint i = 0; i < TN / 4; i++)
      [[unroll]] for (uint e = 0; e < 4; e++) {
        uint row = gl_WorkGroupID.y * BM + tile_row (r), column = gl_WorkGroupID.x * BN + tile_column (i) + e;
        if (row < m && column < n)
          OUT (Y, y, uint64_t (row) * ldy + column).v[0] = Y_store (epilogue (tile_sum[r][i][e], row, column));
      }
}
