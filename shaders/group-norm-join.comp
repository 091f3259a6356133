// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "mean and 1 / sd of each group of channels from what group-norm-part left; the second of three for group norm";
in    f32  part [n, cdiv (hw, slab), 2, c];
out   f32  stats [n, groups, 2];
push  uint hw, slab;
push  float eps;
local 128, 1, 1;
groups n * groups;
cost  flops 6 * n * cdiv (hw, slab) * c, bytes 8 * n * cdiv (hw, slab) * c;
#endif

#include "reduce.glsl"

void
main ()
{
  if (GROUP >= n * groups)
    return;
  const uint item = GROUP / groups, size = c / groups, slabs = (hw - 1) / slab + 1;
  f32_in parts = AT (f32, part, uint64_t (item) * slabs * 2 * c + GROUP % groups * size);
  const float pivot = parts.v[0];   // close to the mean, so that sums of differences from it lose nothing

  float sum = 0.0;
  for (uint i = gl_LocalInvocationIndex; i < slabs * size; i += 128) {
    const float weight = float (min (slab, hw - i / size * slab));
    sum += weight * (AT (f32, parts, uint64_t (i / size) * 2 * c).v[i % size] - pivot);
  }
  const float mean = pivot + workgroup_sum (sum) / (float (hw) * size);

  float square = 0.0;
  for (uint i = gl_LocalInvocationIndex; i < slabs * size; i += 128) {
    const float weight = float (min (slab, hw - i / size * slab));
    f32_in at = AT (f32, parts, uint64_t (i / size) * 2 * c);
    const float d = at.v[i % size] - mean;
    square += at.v[c + i % size] + weight * d * d;
  }
  square = workgroup_sum (square) / (float (hw) * size);
  if (gl_LocalInvocationIndex == 0) {
    stats.v[2 * GROUP] = mean;
    stats.v[2 * GROUP + 1] = inversesqrt (square + eps);
  }
}
