#version 460
/* SPDX-License-Identifier: GPL-3.0-or-later
 * y[i] = A * x[i] + y[i] * B + group: enough to see constants, pushes, addresses and the place in the grid. */
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

layout (local_size_x_id = 0) in;
layout (constant_id = 1) const uint A = 1;
layout (constant_id = 2) const uint B = 0;

layout (buffer_reference, scalar, buffer_reference_align = 4) buffer Words { uint v[]; };
layout (push_constant, scalar) uniform Push { Words x, y; uint n, width, height; };

void
main ()
{
  uint64_t row = uint64_t (gl_WorkGroupID.z) * height + gl_WorkGroupID.y;
  uint64_t i = row * width * gl_WorkGroupSize.x + gl_GlobalInvocationID.x;

  if (i < n)
    y.v[uint (i)] = A * x.v[uint (i)] + B * y.v[uint (i)] + gl_WorkGroupID.z;
}
