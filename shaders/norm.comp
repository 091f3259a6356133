// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "n = x / rms(x) or (x - mean(x)) / sd(x); n = n * w + b; n = n * (1 + scale) + shift; y = residual + gate * n";
types T, U = f32,f32 | f32,f16 | f32,bf16 | f16,f32 | bf16,f32 | f16,f16 | bf16,bf16;
in    T    x [rows, width];
in?   f32  w [width];
in?   f32  b [width];
// one row of these for each `every` rows of x, ldm elements apart
in?   f32  scale [(cdiv (rows, max (every, 1)) - 1) * ldm + width];
in?   f32  shift [(cdiv (rows, max (every, 1)) - 1) * ldm + width];
in?   f32  gate [(cdiv (rows, max (every, 1)) - 1) * ldm + width];
in?   f32  residual [rows, width];   // may be y
out   U    y [rows, width];
push  uint every, ldm;
push  float eps;
spec  bool LAYER = 0 | 1;
spec  bool LANES = 0 | 1;
derive uint PER_ROW = LANES || width <= 512 ? 8 : 128;
derive uint VEC = width % 4 == 0 && ldm % 4 == 0 && align (x) >= 4 * sizeof (T) && align (y) >= 4 * sizeof (U) &&
                  align (w, b, scale, shift, gate, residual) >= 16 ? 4 : 1;
local 128, 1, 1;
groups cdiv (rows, 128 / PER_ROW);
cost  flops (4 + 3 * LAYER) * rows * width, bytes rows * width * (sizeof (T) + sizeof (U) + 4 * have (residual));
#endif

#include "row.glsl"

void
main ()
{
  if (ROW >= rows)
    return;
  const uint chunks = (width + CHUNK - 1) / CHUNK;
  const uint64_t at = uint64_t (ROW) * width, mod = uint64_t (ROW / max (every, 1)) * ldm;
  T_in xs = AT (T, x, at);

  // Everything is taken relative to the row's first element: where the mean is large and the deviation small, those
  // differences are exact, and a mean of the elements themselves would not be.
  const float pivot = LAYER ? T_load (xs.v[0]) : 0.0;
  float mean = 0.0;
  if (LAYER) {
    vec4 sum = vec4 (0.0);
    for (uint c = 0; c < chunks; c++)
      sum += T_row_load (xs, c, width, pivot) - pivot;
    mean = row_sum (sum.x + sum.y + sum.z + sum.w) / width;
  }
  vec4 sum = vec4 (0.0);
  for (uint c = 0; c < chunks; c++) {
    vec4 d = T_row_load (xs, c, width, pivot) - pivot;
    d = mix (vec4 (0.0), d - mean, lessThan (row_index (c), uvec4 (width)));
    sum += d * d;
  }
  const float r = inversesqrt (row_sum (sum.x + sum.y + sum.z + sum.w) / width + eps);

  for (uint c = 0; c < chunks; c++) {
    vec4 v = (T_row_load (xs, c, width, pivot) - pivot - mean) * r;
    if (HAVE_w)
      v *= f32_row_load (w, c, width, 0.0);
    if (HAVE_b)
      v += f32_row_load (b, c, width, 0.0);
    if (HAVE_scale)
      v *= 1.0 + f32_row_load (AT (f32, scale, mod), c, width, 0.0);
    if (HAVE_shift)
      v += f32_row_load (AT (f32, shift, mod), c, width, 0.0);
    if (HAVE_gate)
      v *= f32_row_load (AT (f32, gate, mod), c, width, 0.0);
    if (HAVE_residual)
      v += f32_row_load (AT (f32, residual, at), c, width, 0.0);
    U_row_store (OUT (U, y, at), c, width, v);
  }
}
