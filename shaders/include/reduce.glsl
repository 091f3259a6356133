// SPDX-License-Identifier: GPL-3.0-or-later
// Sums and maxima over a workgroup, for any subgroup size.  Every invocation of the workgroup must call them, in
// uniform control flow, and every one gets the result.  `reduce_part` holds one value a subgroup (the smallest size is
// 4).

shared float reduce_part[gl_WorkGroupSize.x * gl_WorkGroupSize.y * gl_WorkGroupSize.z / 4 + 1];

float
workgroup_sum (float v)
{
  v = subgroupAdd (v);
  if (gl_NumSubgroups == 1)
    return v;
  barrier ();   // the parts of the call before have been read
  if (subgroupElect ())
    reduce_part[gl_SubgroupID] = v;
  barrier ();
  v = reduce_part[0];
  for (uint i = 1; i < gl_NumSubgroups; i++)
    v += reduce_part[i];
  return v;
}

float
workgroup_max (float v)
{
  v = subgroupMax (v);
  if (gl_NumSubgroups == 1)
    return v;
  barrier ();
  if (subgroupElect ())
    reduce_part[gl_SubgroupID] = v;
  barrier ();
  v = reduce_part[0];
  for (uint i = 1; i < gl_NumSubgroups; i++)
    v = max (v, reduce_part[i]);
  return v;
}
