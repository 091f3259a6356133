// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "y = residual + gate * act (alpha * x w^T + bias), a BM x BN tile per workgroup on matrix units";
types X, W, Y = f16,f16,f16 | f16,f16,f32 | f16,bf16,f16 | f16,bf16,f32 | f16,f32,f16 | f16,f32,f32;
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
spec  uint BK = 32;
spec  uint WM = 1 | 2 | 4;
spec  uint WN = 1 | 2 | 4;
spec  uint CM = 8 | 16;
spec  uint CN = 8 | 16;
spec  uint CK = 8 | 16;
spec  uint THREADS = 32 | 64 | 128 | 256 | 512;
spec  uint ACT = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
derive uint VEC = k % 4 == 0 && ldx % 4 == 0 && align (x) >= 4 * sizeof (X) && align (w) >= 4 * sizeof (W);
local THREADS, 1, 1;
groups cdiv (n, BN), cdiv (m, BM), 1;
needs coopmat;
cost  flops 2*m*n*k, bytes m*k*sizeof(X) + n*k*sizeof(W) + m*n*sizeof(Y);
#endif

#define EPILOGUE_LINEAR
#include "epilogue.glsl"
#include "coop.glsl"

void
coop_rows (uint tap)
{
  // Rows beyond the edge read the last one again; their sums are never stored.
  [[unroll]] for (uint i = 0; i < COOP_A; i++)
    coop_a[i] = uint64_t (x) + uint64_t (min (gl_WorkGroupID.y * BM + coop_slot_row (i), m - 1)) * ldx * X_SIZE;
  [[unroll]] for (uint i = 0; i < COOP_B; i++)
    coop_b[i] = uint64_t (w) + uint64_t (min (gl_WorkGroupID.x * BN + coop_slot_row (i), n - 1)) * k * W_SIZE;
}

void
coop_store (uint row, uint column, float sum)
{
  row += gl_WorkGroupID.y * BM;
  column += gl_WorkGroupID.x * BN;
  if (row < m && column < n)
    OUT (Y, y, uint64_t (row) * ldy + column).v[0] = Y_store (epilogue (sum, row, column));
}

void
main ()
{
  coop_run (1, k);
}
