// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "y = act ((x - mean) / sd * w + b) with the statistics of group-norm-join; the last of three for group norm";
types T, U = f32,f32 | f32,f16 | f32,bf16 | f16,f32 | bf16,f32 | f16,f16 | bf16,bf16;
in    T    x [n, hw, c];
in    f32  stats [n, groups, 2];
in?   f32  w [c];
in?   f32  b [c];
out   U    y [n, hw, c];   // may be x
spec  uint ACT = 0 | 1;
spec  bool LANES = 0 | 1;
derive uint VEC = c % 4 == 0 && align (x) >= 4 * sizeof (T) && align (y) >= 4 * sizeof (U) &&
                  align (w, b) >= 16 ? 4 : 1;
local 128, 1, 1;
groups cdiv (n * cdiv (hw, 16) * cdiv (c, 32), 16);
cost  flops (4 + 4 * ACT) * n * hw * c, bytes n * hw * c * (sizeof (T) + sizeof (U));
#endif

#define SLAB 16   // pixels for which the channels' scales are worth looking up
#include "activation.glsl"
#include "pointwise.glsl"

#define rows (n * ((hw - 1) / SLAB + 1))
#define width c

void
main ()
{
  const uint count = CHUNK_COUNT, slabs = (hw - 1) / SLAB + 1;
  const uint item = CHUNK_ROW / slabs, first = CHUNK_ROW % slabs * SLAB;
  if (count == 0)
    return;
  const uvec4 group = min ((CHUNK_FIRST + row_index (0)) / (c / groups), groups - 1);
  f32_in s = AT (f32, stats, uint64_t (item) * groups * 2);
  const vec4 mean = vec4 (s.v[2 * group.x], s.v[2 * group.y], s.v[2 * group.z], s.v[2 * group.w]);
  vec4 scale = vec4 (s.v[2 * group.x + 1], s.v[2 * group.y + 1], s.v[2 * group.z + 1], s.v[2 * group.w + 1]);
  vec4 offset = vec4 (0.0);
  if (HAVE_w)
    scale *= f32_row_load (AT (f32, w, CHUNK_FIRST), 0, count, 0.0);
  if (HAVE_b)
    offset = f32_row_load (AT (f32, b, CHUNK_FIRST), 0, count, 0.0);

  const uint64_t at = (uint64_t (item) * hw + first) * c + CHUNK_FIRST;
  const uint pixels = min (SLAB, hw - first);
  uint p = 0;
  do {
    const vec4 v = T_row_load (AT (T, x, at + uint64_t (p) * c), 0, count, 0.0);
    U_row_store (OUT (U, y, at + uint64_t (p) * c), 0, count, activate (ACT, (v - mean) * scale + offset));
  } while (++p < pixels);
}
