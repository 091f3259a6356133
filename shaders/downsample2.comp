// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "a picture at half the size, each pixel the mean of four";
types T, U = f32,f32 | f16,f16 | bf16,bf16;
in    T    x [n, 2 * h, 2 * w, c];
out   U    y [n, h, w, c];
spec  bool LANES = 0 | 1;
derive uint VEC = c % 4 == 0 && align (x) >= 4 * sizeof (T) && align (y) >= 4 * sizeof (U) ? 4 : 1;
local 128, 1, 1;
groups cdiv (n * h * w * cdiv (c, 32), 16);
cost  flops 4 * n * h * w * c, bytes 5 * n * h * w * c * sizeof (T);
#endif

#include "pointwise.glsl"

#define rows (n * h * w)
#define width c

void
main ()
{
  const uint count = CHUNK_COUNT, row = CHUNK_ROW / w, column = CHUNK_ROW % w;   // row: of all pictures
  T_in above = AT (T, x, (uint64_t (2 * row) * 2 * w + 2 * column) * c + CHUNK_FIRST);
  T_in below = AT (T, above, uint64_t (2 * w) * c);
  const vec4 sum = T_row_load (above, 0, count, 0.0) + T_row_load (AT (T, above, c), 0, count, 0.0)
                   + T_row_load (below, 0, count, 0.0) + T_row_load (AT (T, below, c), 0, count, 0.0);
  U_row_store (OUT (U, y, uint64_t (CHUNK_ROW) * c + CHUNK_FIRST), 0, count, sum * 0.25);
}
