// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of any width, dealt out to PER_ROW invocations in chunks of 4 * PER_ROW elements: T_row_load () and T_row_store
// () move the four elements of a chunk that are this invocation's, row_index () says which they are.  A workgroup of
// 128 does 128 / PER_ROW rows.
//
// A kernel that includes this declares PER_ROW (8, or 128 = the whole workgroup), VEC (4: all rows are aligned to four
// elements and whole fours long; else 1) and LANES (see lanes.glsl; PER_ROW is 8 then).

#include "lanes.glsl"
#include "reduce.glsl"

// The number within the group; gl_LocalInvocationIndex need not be in the order of subgroups.
#define SELF (gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID)
#define ROW (LANES ? GROUP * 16 + gl_SubgroupID : GROUP * (128 / PER_ROW) + SELF / PER_ROW)
#define LANE (LANES ? gl_SubgroupInvocationID : SELF % PER_ROW)
#define CHUNK (4 * PER_ROW)

// Not as a product with uvec4 (0, 1, 2, 3): the validation layer cannot specialise that.
uvec4
row_index (uint chunk)
{
  const bool near = VEC == 4 || LANES;
  const uint first = chunk * CHUNK + (near ? 4 * LANE : LANE), step = near ? 1 : PER_ROW;
  return uvec4 (first, first + step, first + 2 * step, first + 3 * step);
}

#define ROW_FUNCTIONS(NAME) \
vec4 \
NAME##_row_load (NAME##_in x, uint chunk, uint width, float fill) \
{ \
  uvec4 i = row_index (chunk); \
  uint first = chunk * CHUNK; \
  if (LANES && first + 32 <= width) \
    return NAME##x4_load (NAME##x4 (LANES_LOAD (x, first, 4), LANES_LOAD (x, first + 1, 4), \
                                    LANES_LOAD (x, first + 2, 4), LANES_LOAD (x, first + 3, 4))); \
  vec4 v = vec4 (fill); \
  if (VEC == 4) { \
    if (i.w < width) \
      v = NAME##x4_load (NAME##x4_in (x).v[i.x / 4]); \
    return v; \
  } \
  if (i.x < width) \
    v.x = NAME##_load (x.v[i.x]); \
  if (i.y < width) \
    v.y = NAME##_load (x.v[i.y]); \
  if (i.z < width) \
    v.z = NAME##_load (x.v[i.z]); \
  if (i.w < width) \
    v.w = NAME##_load (x.v[i.w]); \
  return v; \
} \
\
void \
NAME##_row_store (NAME##_out y, uint chunk, uint width, vec4 v) \
{ \
  uvec4 i = row_index (chunk); \
  NAME##x4 s = NAME##x4_store (v); \
  if (VEC == 4) { \
    if (i.w < width) { \
      if (LANES) { \
        NAME##x4_words (y, i.x, s); \
      } else { \
        NAME##x4_out (y).v[i.x / 4] = s; \
      } \
    } \
    return; \
  } \
  if (i.x < width) \
    y.v[i.x] = s.x; \
  if (i.y < width) \
    y.v[i.y] = s.y; \
  if (i.z < width) \
    y.v[i.z] = s.z; \
  if (i.w < width) \
    y.v[i.w] = s.w; \
}

#ifdef USES_F32
ROW_FUNCTIONS (f32)
#endif
#ifdef USES_F16
ROW_FUNCTIONS (f16)
#endif
#ifdef USES_BF16
ROW_FUNCTIONS (bf16)
#endif

// Over the invocations of one row.  With PER_ROW 128 the whole workgroup must call it.
float
row_sum (float v)
{
  if (PER_ROW == 128)
    return workgroup_sum (v);
  v += subgroupShuffleXor (v, 4);
  v += subgroupShuffleXor (v, 2);
  return v + subgroupShuffleXor (v, 1);
}

float
row_max (float v)
{
  if (PER_ROW == 128)
    return workgroup_max (v);
  v = max (v, subgroupShuffleXor (v, 4));
  v = max (v, subgroupShuffleXor (v, 2));
  return max (v, subgroupShuffleXor (v, 1));
}
