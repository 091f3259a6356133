// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "convolution without im2col on a CPU: pixels are uniform scalars, lanes are output channels; w [n / 16, s s, c, 16], zeros [c]";
types X, W, Y = f32,f32,f32 | f32,f16,f32 | f32,bf16,f32 | f16,f16,f16 | f16,bf16,f16 | f16,f32,f16 | f16,f16,f32
              | f16,bf16,f32 | f16,f32,f32 | bf16,bf16,bf16 | bf16,bf16,f32;
push  uint size, stride, before;
in    X   x [batch, h, w_in, c];
in    W   w [cdiv (n, 16) * size * size * c * 16 + c * 4 / sizeof (W)];
in?   f32 bias [n];
in?   f32 residual [batch * oh * ow, n];
out   Y   y [batch, oh, ow, n];
spec  uint ACT = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
derive uint WHOLE = c / 32 > 0;
derive uint REST = c % 32 > 0;
local 32, 1, 1;
groups cdiv (ow, 16), oh * batch, cdiv (n, 16);
needs lanes;
subgroup 8;
cost  flops 2 * batch * oh * ow * n * size * size * c,
      bytes batch * h * w_in * c * sizeof (X) + n * size * size * c * sizeof (W) + batch * oh * ow * n * sizeof (Y);
#endif

#include "epilogue.glsl"
#include "lanes.glsl"

// A subgroup makes 16 channels of four neighbouring pixels; the four of a workgroup follow one another in a row.
void
main ()
{
  uint ox = gl_WorkGroupID.x * 16 + gl_SubgroupID * 4, oy = gl_WorkGroupID.y % oh, b = gl_WorkGroupID.y / oh;
  uint64_t zeros = uint64_t (w) + uint64_t ((n + 15) / 16) * size * size * c * 16 * W_SIZE;
  float sum[4][2];
  [[unroll]] for (uint i = 0; i < 4; i++)
    sum[i][0] = sum[i][1] = 0.0;

#define STEP(AT_C) \
  { \
    float w_0 = W_load (LANES_LOAD (a, (AT_C) * 16, 1)), w_1 = W_load (LANES_LOAD (a, (AT_C) * 16 + 8, 1)); \
    [[unroll]] for (uint i = 0; i < 4; i++) { \
      float scalar = X_load (p[i].v[AT_C]); \
      sum[i][0] += scalar * w_0; \
      sum[i][1] += scalar * w_1; \
    } \
  }
#define ADVANCE(COUNT) \
  a = AT (W, a, (COUNT) * 16); \
  [[unroll]] for (uint i = 0; i < 4; i++) \
    p[i] = AT (X, p[i], COUNT);

  uint tap = 0;
  do {
    int iy = int (oy * stride + tap / size) - int (before);
    W_in a = AT (W, w, (uint64_t (gl_WorkGroupID.z) * size * size + tap) * c * 16);
    X_in p[4];
    [[unroll]] for (uint i = 0; i < 4; i++) {
      int ix = int (min (ox + i, ow - 1) * stride + tap % size) - int (before);
      p[i] = iy >= 0 && iy < int (h) && ix >= 0 && ix < int (w_in) ? AT (X, x, ((uint64_t (b) * h + iy) * w_in + ix) * c) : X_in (zeros);
    }
    uint at = 0;
    if (WHOLE != 0)
      do {
        [[unroll]] for (uint u = 0; u < 32; u++)
          STEP (u)
        ADVANCE (32)
        at += 32;
      } while (at + 32 <= c);
    if (REST != 0)
      do {
        STEP (0)
        ADVANCE (1)
      } while (++at < c);
  } while (++tap < size * size);

  [[unroll]] for (uint i = 0; i < 4; i++)
    [[unroll]] for (uint t = 0; t < 2; t++) {
      uint column = gl_WorkGroupID.z * 16 + t * 8 + gl_SubgroupInvocationID, row = (b * oh + oy) * ow + ox + i;
      if (ox + i < ow && column < n)
        OUT (Y, y, uint64_t (row) * n + column).v[0] = Y_store (epilogue (sum[i][t], row, column));
    }
}
