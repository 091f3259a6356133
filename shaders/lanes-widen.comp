// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "n elements as f32, for a CPU where widening each scalar again and again would cost more than the product";
types W = f16 | bf16;
in    W   w [n];
out   f32 y [n];
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
  for (uint64_t at = first; at < last; at += 8) {
    W_in from = AT (W, w, at);
    f32_out to = OUT (f32, y, at);
    if (at + 8 <= last)
      to.v[gl_SubgroupInvocationID] = W_load (LANES_LOAD (from, 0, 1));
    else if (at + gl_SubgroupInvocationID < last)
      to.v[gl_SubgroupInvocationID] = W_load (from.v[gl_SubgroupInvocationID]);
  }
}
