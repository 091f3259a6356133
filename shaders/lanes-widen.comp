// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "n elements as f32, for a CPU where widening each scalar again and again would cost more than the product";
types W = f16 | bf16;
in    W   w [n];
out   f32 y [n];
derive uint WHOLE = n >= 8;
local 32, 1, 1;
groups cdiv (n, 2048);
needs lanes;
subgroup 8;
cost  flops 0, bytes n * (sizeof (W) + 4);
#endif

#include "lanes.glsl"

void
main ()
{
  uint64_t first = uint64_t (GROUP) * 2048 + gl_SubgroupID * 512, last = min (first + 512, uint64_t (n));
  uint64_t at = first;
  if (first < last)
    do {
      f32_out to = OUT (f32, y, at);
      float v = 0.0;
      if (WHOLE != 0)
        v = W_load (LANES_LOAD (AT (W, w, min (at, uint64_t (n - 8))), 0, 1));
      if (at + 8 > n)
        v = W_load (w.v[uint (min (at + gl_SubgroupInvocationID, uint64_t (n - 1)))]);
      if (at + gl_SubgroupInvocationID < last)
        to.v[gl_SubgroupInvocationID] = v;
      at += 8;
    } while (at < last);
}
