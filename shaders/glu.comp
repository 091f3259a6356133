// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "y = act (gate) * up * scale";
types T, U = f32,f32 | f32,f16 | f32,bf16 | f16,f16 | bf16,bf16;
in    T    gate [(rows - 1) * ldx + width];   // rows ldx apart: both may lie in one fused buffer
in    T    up [(rows - 1) * ldx + width];
out   U    y [rows, width];
push  uint ldx;
push  float scale;   // keeps a product within the range of U; the next linear layer takes it out again
spec  uint ACT = 1 | 2 | 3 | 4 | 5 | 6 | 7;
spec  bool LANES = 0 | 1;
derive uint VEC = width % 4 == 0 && ldx % 4 == 0 && align (gate, up) >= 4 * sizeof (T) &&
                  align (y) >= 4 * sizeof (U) ? 4 : 1;
local 128, 1, 1;
groups cdiv (rows * cdiv (width, 32), 16);
cost  flops 9 * rows * width, bytes rows * width * (2 * sizeof (T) + sizeof (U));
#endif

#include "activation.glsl"
#include "pointwise.glsl"

void
main ()
{
  const uint count = CHUNK_COUNT;
  const uint64_t at = uint64_t (CHUNK_ROW) * ldx + CHUNK_FIRST;
  T_in gates = AT (T, gate, at), ups = AT (T, up, at);
  U_out ys = OUT (U, y, uint64_t (CHUNK_ROW) * width + CHUNK_FIRST);
  vec4 g = activate (ACT, T_row_load (gates, 0, count, 0.0));
  U_row_store (ys, 0, count, g * T_row_load (ups, 0, count, 0.0) * scale);
}
