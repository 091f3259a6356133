// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "convolution without im2col, a BM pixels x BN channels tile per workgroup through shared memory";
types X, W, Y = f32,f32,f32 | f32,f16,f32 | f32,bf16,f32 | f16,f16,f16 | f16,bf16,f16 | f16,f32,f16 | f16,f16,f32
              | f16,bf16,f32 | f16,f32,f32 | bf16,bf16,bf16 | bf16,bf16,f32;
push  uint size, stride, before;
in    X   x [batch, h, w_in, c];
in    W   w [n, size * size, c];
in?   f32 bias [n];
in?   f32 residual [batch * oh * ow, n];
out   Y   y [batch, oh, ow, n];
spec  uint BM = 32 | 64 | 128;
spec  uint BN = 32 | 64 | 128;
spec  uint BK = 8 | 16;
spec  uint TM = 4 | 8;
spec  uint TN = 4 | 8;
spec  uint ACT = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
derive uint VEC = c % 4 == 0 && align (x) >= 4 * sizeof (X) && align (w) >= 4 * sizeof (W);
local (BM / TM) * (BN / TN), 1, 1;
groups cdiv (n, BN), cdiv (batch * oh * ow, BM), 1;
cost  flops 2 * batch * oh * ow * n * size * size * c,
      bytes batch * h * w_in * c * sizeof (X) + n * size * size * c * sizeof (W) + batch * oh * ow * n * sizeof (Y);
#endif

#include "epilogue.glsl"
#include "tile.glsl"

// Of each row (an output pixel): its picture's first element, and where tap (0, 0) lies in it.
uint64_t picture[TILE_A];
ivec2 origin[TILE_A];

void tile_rows (uint tap)
{
  ivec2 offset = ivec2 (tap % size, tap / size);
  [[unroll]] for (uint i = 0; i < TILE_A; i++) {
    ivec2 at = origin[i] + offset;
    bool inside = all (greaterThanEqual (at, ivec2 (0))) && at.x < int (w_in) && at.y < int (h);
    tile_a[i] = inside ? picture[i] + (uint64_t (at.y) * w_in + at.x) * c * X_SIZE : 0;
  }
  [[unroll]] for (uint i = 0; i < TILE_B; i++) {
    uint column = min (gl_WorkGroupID.x * BN + tile_slot_row (i), n - 1);
    tile_b[i] = uint64_t (w) + (uint64_t (column) * size * size + tap) * c * W_SIZE;
  }
}

void
main ()
{
  uint pixels = batch * oh * ow;
  [[unroll]] for (uint i = 0; i < TILE_A; i++) {
    uint pixel = min (gl_WorkGroupID.y * BM + tile_slot_row (i), pixels - 1);
    origin[i] = ivec2 (pixel % ow, pixel / ow % oh) * int (stride) - int (before);
    picture[i] = uint64_t (x) + uint64_t (pixel / (ow * oh)) * h * w_in * c * X_SIZE;
  }
  tile_run (size * size, c);
  [[unroll]] for (uint r = 0; r < TM; r++)
    [[unroll]] for (uint i = 0; i < TN / 4; i++)
      [[unroll]] for (uint e = 0; e < 4; e++) {
        uint row = gl_WorkGroupID.y * BM + tile_row (r), column = gl_WorkGroupID.x * BN + tile_column (i) + e;
        if (row < pixels && column < n)
          OUT (Y, y, uint64_t (row) * n + column).v[0] = Y_store (epilogue (tile_sum[r][i][e], row, column));
      }
}
