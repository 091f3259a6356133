// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "convolution without im2col, a BM pixels x BN channels tile per workgroup on matrix units";
types X, W, Y = f16,f16,f16 | f16,f16,f32 | f16,bf16,f16 | f16,bf16,f32 | f16,f32,f16 | f16,f32,f32;
push  uint size, stride, before;
in    X   x [batch, h, w_in, c];
in    W   w [n, size * size, c];
in?   f32 bias [n];
in?   f32 residual [batch * oh * ow, n];
out   Y   y [batch, oh, ow, n];
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
derive uint VEC = c % 4 == 0 && align (x) >= 4 * sizeof (X) && align (w) >= 4 * sizeof (W);
local THREADS, 1, 1;
groups cdiv (n, BN), cdiv (batch * oh * ow, BM), 1;
needs coopmat;
cost  flops 2 * batch * oh * ow * n * size * size * c,
      bytes batch * h * w_in * c * sizeof (X) + n * size * size * c * sizeof (W) + batch * oh * ow * n * sizeof (Y);
#endif

#include "epilogue.glsl"
#include "coop.glsl"

// Of each row (an output pixel): its picture's first element, and where tap (0, 0) lies in it.
uint64_t picture[COOP_A];
ivec2 origin[COOP_A];

void coop_rows (uint tap)
{
  ivec2 offset = ivec2 (tap % size, tap / size);
  [[unroll]] for (uint i = 0; i < COOP_A; i++) {
    ivec2 at = origin[i] + offset;
    bool inside = all (greaterThanEqual (at, ivec2 (0))) && at.x < int (w_in) && at.y < int (h);
    coop_a[i] = inside ? picture[i] + (uint64_t (at.y) * w_in + at.x) * c * X_SIZE : 0;
  }
  [[unroll]] for (uint i = 0; i < COOP_B; i++) {
    uint column = min (gl_WorkGroupID.x * BN + coop_slot_row (i), n - 1);
    coop_b[i] = uint64_t (w) + (uint64_t (column) * size * size + tap) * c * W_SIZE;
  }
}

void
coop_store (uint row, uint column, float sum)
{
  row += gl_WorkGroupID.y * BM;
  column += gl_WorkGroupID.x * BN;
  if (row < batch * oh * ow && column < n)
    OUT (Y, y, uint64_t (row) * n + column).v[0] = Y_store (epilogue (sum, row, column));
}

void
main ()
{
  uint pixels = batch * oh * ow;
  [[unroll]] for (uint i = 0; i < COOP_A; i++) {
    uint pixel = min (gl_WorkGroupID.y * BM + coop_slot_row (i), pixels - 1);
    origin[i] = ivec2 (pixel % ow, pixel / ow % oh) * int (stride) - int (before);
    picture[i] = uint64_t (x) + uint64_t (pixel / (ow * oh)) * h * w_in * c * X_SIZE;
  }
  coop_run (size * size, c);
}
