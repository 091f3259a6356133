// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "linear-gemv on a CPU: lanes along k, four rows of w a subgroup";
types X, W, Y = f32,f32,f32 | f32,f16,f32 | f32,bf16,f32 | f16,f16,f16 | f16,bf16,f16 | f16,f32,f16 | f16,f16,f32
              | f16,bf16,f32 | f16,f32,f32 | bf16,bf16,bf16 | bf16,bf16,f32;
push  uint m;
push  uint ldx, ldy;
push  float alpha;
in    X   x [(m - 1) * ldx + k];
in    W   w [n, k];
in?   f32 bias [n];
in?   f32 residual [m, n];
in?   f32 gate [n];
out   Y   y [(m - 1) * ldy + n];
spec  uint ROWS = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;
spec  uint ACT = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
derive uint UNROLL = ROWS > 2 ? 1 : 4;
derive uint WHOLE = k / (UNROLL * 8) > 0;
derive uint EIGHTS = k % (UNROLL * 8) / 8 > 0;
local 32, 1, 1;
groups cdiv (n, 16), 1, 1;
needs lanes;
subgroup 8;
cost  flops 2 * m * n * k, bytes m * k * sizeof (X) + n * k * sizeof (W) + m * n * sizeof (Y);
#endif

#define EPILOGUE_LINEAR
#include "epilogue.glsl"
#include "lanes.glsl"

void
main ()
{
  uint column = gl_WorkGroupID.x * 16 + gl_SubgroupID * 4;
  W_in a[4];
  X_in b[ROWS];
  float sum[4][ROWS];
  [[unroll]] for (uint i = 0; i < 4; i++) {
    a[i] = AT (W, w, uint64_t (min (column + i, n - 1)) * k);
    [[unroll]] for (uint r = 0; r < ROWS; r++)
      sum[i][r] = 0.0;
  }
  [[unroll]] for (uint r = 0; r < ROWS; r++)
    b[r] = AT (X, x, uint64_t (r) * ldx);

#define STEP(LOAD_A, LOAD_B) \
  { \
    float weight[4]; \
    [[unroll]] for (uint i = 0; i < 4; i++) \
      weight[i] = W_load (LOAD_A); \
    [[unroll]] for (uint r = 0; r < ROWS; r++) { \
      float value = X_load (LOAD_B); \
      [[unroll]] for (uint i = 0; i < 4; i++) \
        sum[i][r] += weight[i] * value; \
    } \
  }
#define ADVANCE(COUNT) \
  [[unroll]] for (uint i = 0; i < 4; i++) \
    a[i] = AT (W, a[i], COUNT); \
  [[unroll]] for (uint r = 0; r < ROWS; r++) \
    b[r] = AT (X, b[r], COUNT);

  uint at = 0;
  if (WHOLE != 0)
    do {
      [[unroll]] for (uint u = 0; u < UNROLL; u++)
        STEP (LANES_LOAD (a[i], u * 8, 1), LANES_LOAD (b[r], u * 8, 1))
      ADVANCE (UNROLL * 8)
      at += UNROLL * 8;
    } while (at + UNROLL * 8 <= k);
  if (EIGHTS != 0)
    do {
      STEP (LANES_LOAD (a[i], 0, 1), LANES_LOAD (b[r], 0, 1))
      ADVANCE (8)
      at += 8;
    } while (at + 8 <= k);
  if (at + gl_SubgroupInvocationID < k)
    STEP (a[i].v[gl_SubgroupInvocationID], b[r].v[gl_SubgroupInvocationID])

  [[unroll]] for (uint i = 0; i < 4; i++)
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      float total = subgroupAdd (sum[i][r]);
      if (column + i < n && subgroupElect ())
        OUT (Y, y, uint64_t (r) * ldy + column + i).v[0] = Y_store (epilogue (total, r, column + i));
    }
}
