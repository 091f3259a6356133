// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "y = residual + gate * (x * (1 + scale) + shift), each of the four optional";
types T, U = f32,f32 | f32,f16 | f32,bf16 | f16,f32 | bf16,f32 | f16,f16 | bf16,bf16;
in    T    x [rows, width];
// one row of these for each `every` rows of x, ldm elements apart
in?   f32  scale [(cdiv (rows, max (every, 1)) - 1) * ldm + width];
in?   f32  shift [(cdiv (rows, max (every, 1)) - 1) * ldm + width];
in?   f32  gate [(cdiv (rows, max (every, 1)) - 1) * ldm + width];
in?   f32  residual [rows, width];   // may be y
out   U    y [rows, width];
push  uint every, ldm;
spec  bool LANES = 0 | 1;
derive uint VEC = width % 4 == 0 && ldm % 4 == 0 && align (scale, shift, gate, residual) >= 16 &&
                  align (x) >= 4 * sizeof (T) && align (y) >= 4 * sizeof (U) ? 4 : 1;
local 128, 1, 1;
groups cdiv (rows * cdiv (width, 32), 16);
cost  flops 4 * rows * width, bytes rows * width * (sizeof (T) + sizeof (U) + 4 * have (residual));
#endif

#include "pointwise.glsl"

void
main ()
{
  const uint count = CHUNK_COUNT;
  const uint64_t at = uint64_t (CHUNK_ROW) * width + CHUNK_FIRST;
  const uint64_t mod = uint64_t (CHUNK_ROW / max (every, 1)) * ldm + CHUNK_FIRST;
  T_in xs = AT (T, x, at);
  U_out ys = OUT (U, y, at);
  vec4 v = T_row_load (xs, 0, count, 0.0);
  if (HAVE_scale)
    v *= 1.0 + f32_row_load (AT (f32, scale, mod), 0, count, 0.0);
  if (HAVE_shift)
    v += f32_row_load (AT (f32, shift, mod), 0, count, 0.0);
  if (HAVE_gate)
    v *= f32_row_load (AT (f32, gate, mod), 0, count, 0.0);
  if (HAVE_residual)
    v += f32_row_load (AT (f32, residual, at), 0, count, 0.0);
  U_row_store (ys, 0, count, v);
}
