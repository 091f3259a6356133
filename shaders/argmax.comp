// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "y = index of the largest element of each row; the first of equals; NaN never wins";
types T = f32 | f16 | bf16;
in    T    x [rows, width];
out   i32  y [rows];
spec  bool LANES = 0 | 1;
derive uint PER_ROW = LANES || width <= 512 ? 8 : 128;
derive uint VEC = width % 4 == 0 && align (x) >= 4 * sizeof (T) ? 4 : 1;
local 128, 1, 1;
groups cdiv (rows, 128 / PER_ROW);
cost  flops rows * width, bytes rows * (width * sizeof (T) + 4);
#endif

#include "row.glsl"

shared uint first_part[33];

uint
row_min (uint i)
{
  if (PER_ROW == 8) {
    i = min (i, subgroupShuffleXor (i, 4));
    i = min (i, subgroupShuffleXor (i, 2));
    return min (i, subgroupShuffleXor (i, 1));
  }
  i = subgroupMin (i);
  if (subgroupElect ())
    first_part[gl_SubgroupID] = i;
  barrier ();
  for (uint k = 0; k < gl_NumSubgroups; k++)
    i = min (i, first_part[k]);
  return i;
}

void
main ()
{
  if (ROW >= rows)
    return;
  const uint chunks = (width - 1) / CHUNK + 1;
  const float low = uintBitsToFloat (0xff800000);
  T_in xs = AT (T, x, uint64_t (ROW) * width);

  // Each invocation meets its elements in order in each component; > is false for NaN.
  vec4 most = vec4 (low);
  uvec4 where = uvec4 (0xffffffff);
  for (uint c = 0; c < chunks; c++) {
    const vec4 v = T_row_load (xs, c, width, uintBitsToFloat (0x7fc00000));
    const uvec4 i = row_index (c);
    const bvec4 better = bvec4 (v.x > most.x || (v.x == low && where.x > i.x),
                                v.y > most.y || (v.y == low && where.y > i.y),
                                v.z > most.z || (v.z == low && where.z > i.z),
                                v.w > most.w || (v.w == low && where.w > i.w));
    most = mix (most, v, better);
    where = mix (where, i, better);
  }
  const float top = row_max (max (max (most.x, most.y), max (most.z, most.w)));
  const uvec4 at = mix (uvec4 (0xffffffff), where, equal (most, vec4 (top)));
  const uint first = row_min (min (min (at.x, at.y), min (at.z, at.w)));
  if (LANE == 0)
    OUT (i32, y, ROW).v[0] = first < width ? int (first) : 0;
}
