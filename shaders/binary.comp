// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "y = a + b or a * b; one row of b for each `every` rows of a";
types T, V, U = f32,f32,f32 | f16,f16,f16 | bf16,bf16,bf16 | f32,f16,f32 | f32,bf16,f32 | f16,f32,f16 | bf16,f32,bf16;
in    T    a [rows, width];                                           // may be y
in    V    b [(cdiv (rows, max (every, 1)) - 1) * ldb + width];       // rows ldb apart
out   U    y [rows, width];
push  uint every, ldb;
spec  bool MULTIPLY = 0 | 1;
spec  bool LANES = 0 | 1;
derive uint VEC = width % 4 == 0 && ldb % 4 == 0 && align (a) >= 4 * sizeof (T) &&
                  align (b) >= 4 * sizeof (V) && align (y) >= 4 * sizeof (U) ? 4 : 1;
local 128, 1, 1;
groups cdiv (rows * cdiv (width, 32), 16);
cost  flops rows * width, bytes rows * width * (sizeof (T) + sizeof (U)) +
      cdiv (rows, max (every, 1)) * width * sizeof (V);
#endif

#include "pointwise.glsl"

void
main ()
{
  const uint count = CHUNK_COUNT;
  const uint64_t at = uint64_t (CHUNK_ROW) * width + CHUNK_FIRST;
  T_in as = AT (T, a, at);
  V_in bs = AT (V, b, uint64_t (CHUNK_ROW / max (every, 1)) * ldb + CHUNK_FIRST);
  U_out ys = OUT (U, y, at);
  vec4 p = T_row_load (as, 0, count, 0.0), q = V_row_load (bs, 0, count, 0.0);
  U_row_store (ys, 0, count, MULTIPLY ? p * q : p + q);
}
