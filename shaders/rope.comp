// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "rotary embedding of each head, after an optional RMS norm of the head (without a table: the norm alone)";
types T, U = f32,f32 | f32,f16 | f32,bf16 | f16,f32 | bf16,f32 | f16,f16 | bf16,bf16;
in    T    x [(rows - 1) * ldx + heads * h];   // rows ldx apart: may be part of a fused q, k, v
in?   f32  w [h];                              // of the norm
in?   f32  table [table_rows, h / 2, 2];       // (cos, sin)
in?   i32  pos [1];                            // row i takes table row i % seq + pos
out   U    y [(rows - 1) * ldy + heads * h];   // may be x
push  uint rows, heads, ldx, ldy, seq;
push  float eps;
spec  bool NORM = 0 | 1;
spec  bool INTERLEAVED = 0 | 1;                // pairs (2 j, 2 j + 1), else (j, j + h / 2)
spec  bool LANES = 0 | 1;
derive uint VEC = h % 8 == 0 && ldx % 4 == 0 && ldy % 4 == 0 && align (x) >= 4 * sizeof (T) &&
                  align (y) >= 4 * sizeof (U) && align (w, table) >= 16 ? 4 : 1;
local 128, 1, 1;
groups cdiv (rows * heads, 16);
cost  flops (6 + 4 * NORM) * rows * heads * h, bytes rows * heads * h * (sizeof (T) + sizeof (U)) +
      4 * min (rows, seq) * h * have (table);
#endif

#define PER_ROW 8
#include "row.glsl"

// Even elements turn with (cos, sin) of their pair, t holds both in the places of the pair.
vec4
rotate_neighbours (vec4 v, vec4 t)
{
  if (VEC == 4 || LANES)
    return v * t.xxzz + vec4 (-v.y, v.x, -v.w, v.z) * t.yyww;
  const vec4 other = subgroupShuffleXor (v, 1), other_t = subgroupShuffleXor (t, 1);
  return LANE % 2 == 0 ? v * t - other * other_t : v * other_t + other * t;
}

// cos (or, from one element further, sin) of the pairs in a chunk
vec4
half_table (f32_in t, uint chunk)
{
  const uint first = chunk * CHUNK, h2 = h / 2;
  if (LANES && first + 32 <= h2)
    return vec4 (LANES_LOAD (t, 2 * first, 8), LANES_LOAD (t, 2 * first + 2, 8), LANES_LOAD (t, 2 * first + 4, 8),
                 LANES_LOAD (t, 2 * first + 6, 8));
  const uvec4 i = 2 * min (row_index (chunk), h2 - 1);
  return vec4 (t.v[i.x], t.v[i.y], t.v[i.z], t.v[i.w]);
}

void
main ()
{
  if (ROW >= rows * heads)
    return;
  const uint row = ROW / heads, head = ROW % heads, h2 = h / 2;
  T_in xs = AT (T, x, uint64_t (row) * ldx + head * h);
  U_out ys = OUT (U, y, uint64_t (row) * ldy + head * h);
  const uint first = HAVE_pos ? uint (max (pos.v[0], 0)) : 0;
  f32_in turn = AT (f32, table, uint64_t (min (row % max (seq, 1) + first, table_rows - 1)) * h);

  float r = 1.0;
  if (NORM) {
    vec4 sum = vec4 (0.0);
    for (uint c = 0; c * CHUNK < h; c++) {
      vec4 v = T_row_load (xs, c, h, 0.0);
      sum += v * v;
    }
    r = inversesqrt (row_sum (sum.x + sum.y + sum.z + sum.w) / h + eps);
  }

  if (INTERLEAVED || !HAVE_table) {
    for (uint c = 0; c * CHUNK < h; c++) {
      vec4 v = T_row_load (xs, c, h, 0.0) * r;
      if (HAVE_w)
        v *= f32_row_load (w, c, h, 0.0);
      if (HAVE_table)
        v = rotate_neighbours (v, f32_row_load (turn, c, h, 0.0));
      U_row_store (ys, c, h, v);
    }
    return;
  }
  for (uint c = 0; c * CHUNK < h2; c++) {
    vec4 a = T_row_load (xs, c, h2, 0.0) * r, b = T_row_load (AT (T, xs, h2), c, h2, 0.0) * r;
    if (HAVE_w) {
      a *= f32_row_load (w, c, h2, 0.0);
      b *= f32_row_load (AT (f32, w, h2), c, h2, 0.0);
    }
    const vec4 cosine = half_table (turn, c), sine = half_table (AT (f32, turn, 1), c);
    U_row_store (ys, c, h2, a * cosine - b * sine);
    U_row_store (OUT (U, ys, h2), c, h2, b * cosine + a * sine);
  }
}
