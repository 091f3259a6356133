// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "softmax over each row";
types T, U = f32,f32 | f32,f16 | f32,bf16 | f16,f32 | bf16,f32 | f16,f16 | bf16,bf16;
in    T    x [rows, width];
out   U    y [rows, width];
spec  bool LANES = 0 | 1;
derive uint PER_ROW = LANES || width <= 512 ? 8 : 128;
derive uint VEC = width % 4 == 0 && align (x) >= 4 * sizeof (T) && align (y) >= 4 * sizeof (U) ? 4 : 1;
local 128, 1, 1;
groups cdiv (rows, 128 / PER_ROW);
cost  flops 12 * rows * width, bytes rows * width * (sizeof (T) + sizeof (U));
#endif

#include "row.glsl"

void
main ()
{
  if (ROW >= rows)
    return;
  const uint chunks = (width - 1) / CHUNK + 1;
  const float low = uintBitsToFloat (0xff800000);
  T_in xs = AT (T, x, uint64_t (ROW) * width);
  U_out ys = OUT (U, y, uint64_t (ROW) * width);

  vec4 most = vec4 (low);
  for (uint c = 0; c < chunks; c++)
    most = max (most, T_row_load (xs, c, width, low));
  const float top = row_max (max (max (most.x, most.y), max (most.z, most.w)));

  vec4 sum = vec4 (0.0);
  for (uint c = 0; c < chunks; c++)
    sum += exp (T_row_load (xs, c, width, low) - top);
  const float scale = 1.0 / row_sum (sum.x + sum.y + sum.z + sum.w);

  for (uint c = 0; c < chunks; c++)
    U_row_store (ys, c, width, exp (T_row_load (xs, c, width, low) - top) * scale);
}
