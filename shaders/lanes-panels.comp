// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "rows of x as f32 panels [m / 16, k, 16], times scale; missing rows are zeros";
types X = f32 | f16 | bf16;
push  uint m, ldx;
push  float scale;
in    X   x [(m - 1) * ldx + k];
out   f32 panels [cdiv (m, 16), k, 16];
derive uint WHOLE = k >= 8;
local 32, 1, 1;
groups cdiv (k, 512), cdiv (m, 16), 1;
needs lanes;
subgroup 8;
cost  flops 0, bytes m * k * (sizeof (X) + 4);
#endif

#include "lanes.glsl"

// A subgroup turns 128 elements of 16 rows, eight of a row at a time.
void
main ()
{
  uint first = gl_WorkGroupID.x * 512 + gl_SubgroupID * 128, last = min (first + 128, k);
  uint at = first;
  if (first < last)
    do {
      f32_out to = OUT (f32, panels, (uint64_t (gl_WorkGroupID.y) * k + at + gl_SubgroupInvocationID) * 16);
      [[unroll]] for (uint i = 0; i < 16; i++) {
        uint row = gl_WorkGroupID.y * 16 + i;
        X_in from = AT (X, x, uint64_t (min (row, m - 1)) * ldx);
        float v = 0.0;
        if (WHOLE != 0)
          v = X_load (LANES_LOAD (AT (X, from, min (at, k - 8)), 0, 1));
        if (at + 8 > k)
          v = X_load (from.v[min (at + gl_SubgroupInvocationID, k - 1)]);
        if (at + gl_SubgroupInvocationID < k)
          to.v[i] = row < m ? v * scale : 0.0;
      }
      at += 8;
    } while (at < last);
}
