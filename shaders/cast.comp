// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "y = x in another type; also the plain copy";
types T, U = f32,f32 | f32,f16 | f32,bf16 | f16,f32 | bf16,f32 | f16,f16 | bf16,bf16;
in    T    x [n];
out   U    y [n];
spec  bool LANES = 0 | 1;
derive uint VEC = n % 4 == 0 && align (x) >= 4 * sizeof (T) && align (y) >= 4 * sizeof (U) ? 4 : 1;
local 128, 1, 1;
groups cdiv (n, 512);
cost  flops 0, bytes n * (sizeof (T) + sizeof (U));
#endif

#include "pointwise.glsl"

#define rows 1
#define width n

void
main ()
{
  const uint count = CHUNK_COUNT;
  T_in xs = AT (T, x, CHUNK_FIRST);
  U_out ys = OUT (U, y, CHUNK_FIRST);
  U_row_store (ys, 0, count, T_row_load (xs, 0, count, 0.0));
}
