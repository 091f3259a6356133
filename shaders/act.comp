// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "y = act (x)";
types T, U = f32,f32 | f32,f16 | f32,bf16 | f16,f32 | bf16,f32 | f16,f16 | bf16,bf16;
in    T    x [n];
out   U    y [n];
spec  uint ACT = 1 | 2 | 3 | 4 | 5 | 6 | 7;
spec  bool LANES = 0 | 1;
derive uint PER_ROW = LANES ? 8 : 128;
derive uint VEC = !LANES && align (x) >= 4 * sizeof (T) && align (y) >= 4 * sizeof (U) ? 4 : 1;
local 128, 1, 1;
groups cdiv (n, 512);
cost  flops 8 * n, bytes n * (sizeof (T) + sizeof (U));
#endif

#include "activation.glsl"
#include "row.glsl"

void
main ()
{
  // 512 elements a group: one chunk of 128 invocations, or 16 chunks of 8
  uint64_t first = uint64_t (ROW) * CHUNK;
  if (first >= n)
    return;
  uint count = uint (min (n - first, CHUNK));
  vec4 v = T_row_load (AT (T, x, first), 0, count, 0.0);
  U_row_store (OUT (U, y, first), 0, count, activate (ACT, v));
}
