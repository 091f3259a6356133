// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "y = act (x * scale + offset)";
types T, U = f32,f32 | f32,f16 | f32,bf16 | f16,f32 | bf16,f32 | f16,f16 | bf16,bf16;
in    T    x [n];
out   U    y [n];
push  float scale, offset;
spec  uint ACT = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;   // activation.glsl
spec  bool LANES = 0 | 1;
derive uint VEC = n % 4 == 0 && align (x) >= 4 * sizeof (T) && align (y) >= 4 * sizeof (U) ? 4 : 1;
local 128, 1, 1;
groups cdiv (n, 512);
cost  flops 8 * n, bytes n * (sizeof (T) + sizeof (U));
#endif

#include "activation.glsl"
#include "pointwise.glsl"

#define rows 1
#define width n

void
main ()
{
  const uint count = CHUNK_COUNT;
  T_in xs = AT (T, x, CHUNK_FIRST);
  U_out ys = OUT (U, y, CHUNK_FIRST);
  vec4 v = T_row_load (xs, 0, count, 0.0) * scale + offset;
  U_row_store (ys, 0, count, activate (ACT, v));
}
