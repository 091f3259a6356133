// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "softmax (scale q k^T) v on a CPU: a subgroup owns 16 queries, two a lane; keys and values are uniform scalars";
types X, W, Y = f32,f32,f32 | f16,f16,f16 | bf16,bf16,bf16 | f32,f16,f32 | f16,f16,f32 | bf16,bf16,f32 | f16,f32,f16;
push  uint batch, tq, tk, heads, kv_heads, head, ldq, ldk, ldv, ldy;
push  float scale;
push  uint64 batch_q, batch_k, batch_v, batch_y;
in    X    q [(batch - 1) * batch_q + (tq - 1) * ldq + heads * head];
in    W    k [(batch - 1) * batch_k + (tk - 1) * ldk + kv_heads * head];
in    W    v [(batch - 1) * batch_v + (tk - 1) * ldv + kv_heads * head];
in?   i32  pos [1];
out   Y    y [(batch - 1) * batch_y + (tq - 1) * ldy + heads * head];
inout f32  scratch [batch * kv_heads * cdiv (tq * (heads / kv_heads), 64) * 4, 2 * head + 64, 16];
spec  uint CAUSAL = 0 | 1;
derive uint STEP = head % 64 == 0 ? 64 : head % 40 == 0 ? 40 : head % 16 == 0 ? 16 : head % 8 == 0 ? 8 : 2;
derive uint LDV = ldv;
derive uint BLOCKS = tk >= 32;
derive uint WIDE = head % 4 == 0 ? 4 : 2;
local 32, 1, 1;
groups cdiv (tq * (heads / kv_heads), 64), kv_heads, batch;
needs lanes;
subgroup 8;
cost  flops 4 * batch * heads * tq * tk * head / (1 + CAUSAL),
      bytes batch * head * (heads * tq * (sizeof (X) + sizeof (Y)) + 2 * kv_heads * tk * sizeof (W));
#endif

#include "lanes.glsl"
#include "mask.glsl"

#define LANE gl_SubgroupInvocationID

// Queries of the heads that share keys are rows of one list: row r is query r / group of head r % group.
// The subgroup's part of `scratch` holds q scaled [head, 16], the unfinished y [head, 16], and 64 keys' weights [64, 16].
void
main ()
{
  uint group = heads / kv_heads, rows = tq * group, first = (gl_WorkGroupID.x * 4 + gl_SubgroupID) * 16;
  uint b = gl_WorkGroupID.z, hkv = gl_WorkGroupID.y, panels = (rows + 63) / 64 * 4;
  f32_out qs = OUT (f32, scratch, uint64_t ((b * kv_heads + hkv) * panels + first / 16) * (2 * head + 64) * 16);
  f32_out os = OUT (f32, qs, head * 16), ps = OUT (f32, os, head * 16);
  W_in k0 = AT (W, k, b * batch_k + hkv * head), v0 = AT (W, v, b * batch_v + hkv * head);

  uint limit[2];
  float largest[2], sum[2];
  [[unroll]] for (uint t = 0; t < 2; t++) {
    uint row = min (first + t * 8 + LANE, rows - 1);
    X_in from = AT (X, q, b * batch_q + uint64_t (row / group) * ldq + (hkv * group + row % group) * head);
    uint d = 0;
    do {
      qs.v[d * 16 + t * 8 + LANE] = X_load (from.v[d]) * scale;
      os.v[d * 16 + t * 8 + LANE] = 0.0;
    } while (++d < head);
    limit[t] = key_end (row / group);
    largest[t] = NONE;
    sum[t] = 0.0;
  }
  // A subgroup beyond the last row does the last one again in its own part of `scratch` (no early return: see lanes.glsl).
  uint end = key_end (min (first + 15, rows - 1) / group);

  uint j = 0;
  if (end > 0) do {
    subgroupMemoryBarrierBuffer ();     // lanes read what other lanes wrote
    uint count = min (end - j, 64);
    float before[2];
    [[unroll]] for (uint t = 0; t < 2; t++)
      before[t] = largest[t];

    // scores of four keys at a time
    uint i = 0;
    do {
      float s[4][2];
      W_in kr[4];
      [[unroll]] for (uint e = 0; e < 4; e++) {
        s[e][0] = s[e][1] = 0.0;
        kr[e] = AT (W, k0, uint64_t (min (j + i + e, tk - 1)) * ldk);
      }
      f32_out a = qs;
      uint d = 0;
      do {
        [[unroll]] for (uint u = 0; u < STEP; u++) {
          float a_0 = LANES_LOAD (a, u * 16, 1), a_1 = LANES_LOAD (a, u * 16 + 8, 1);
          [[unroll]] for (uint e = 0; e < 4; e++) {
            float scalar = W_load (kr[e].v[u]);
            s[e][0] += scalar * a_0;
            s[e][1] += scalar * a_1;
          }
        }
        a = OUT (f32, a, STEP * 16);
        [[unroll]] for (uint e = 0; e < 4; e++)
          kr[e] = AT (W, kr[e], STEP);
        d += STEP;
      } while (d < head);
      [[unroll]] for (uint e = 0; e < 4; e++)
        [[unroll]] for (uint t = 0; t < 2; t++) {
          float logit = mix (NONE, s[e][t], j + i + e < limit[t]);
          ps.v[(i + e) * 16 + t * 8 + LANE] = logit;
          largest[t] = max (largest[t], logit);
        }
      i += 4;
    } while (i < count);

    subgroupMemoryBarrierBuffer ();

    // weights
    float factor[2];
    [[unroll]] for (uint t = 0; t < 2; t++) {
      factor[t] = exp (before[t] - largest[t]);
      sum[t] *= factor[t];
    }
    i = 0;
    do {
      f32_out p = OUT (f32, ps, i * 16);
      [[unroll]] for (uint e = 0; e < 8; e++) {
        float w_e = LANES_LOAD (p, e * 8, 1);
        w_e = mix (exp (w_e - largest[e % 2]), 0.0, w_e == NONE);
        sum[e % 2] += w_e;
        p.v[e * 8 + LANE] = w_e;
      }
      i += 4;
    } while (i < count);

    subgroupMemoryBarrierBuffer ();

    // y += weights * v, WIDE elements of the head at a time
    uint d = 0;
    do {
      f32_out o = OUT (f32, os, d * 16), p;
      W_in vr;      // a constant LDV makes the rows' offsets part of the loads
      float s[WIDE][2];
      [[unroll]] for (uint e = 0; e < WIDE; e++) {
        s[e][0] = LANES_LOAD (o, e * 16, 1) * factor[0];
        s[e][1] = LANES_LOAD (o, e * 16 + 8, 1) * factor[1];
      }
#define ADD(U) \
      { \
        float w_0 = LANES_LOAD (p, (U) * 16, 1), w_1 = LANES_LOAD (p, (U) * 16 + 8, 1); \
        [[unroll]] for (uint e = 0; e < WIDE; e++) { \
          float scalar = W_load (AT (W, vr, (U) * LDV).v[e]); \
          s[e][0] += scalar * w_0; \
          s[e][1] += scalar * w_1; \
        } \
      }
      i = 0;
      if (BLOCKS != 0 && count >= 32)
        do {
          p = OUT (f32, ps, i * 16);
          vr = AT (W, v0, uint64_t (min (j + i, tk - 32)) * ldv + d);
          [[unroll]] for (uint u = 0; u < 32; u++)
            ADD (u)
          i += 32;
        } while (i + 32 <= count);
      for (; i < count; i++) {
        p = OUT (f32, ps, i * 16);
        vr = AT (W, v0, uint64_t (min (j + i, tk - 1)) * ldv + d);
        ADD (0)
      }
      [[unroll]] for (uint e = 0; e < WIDE; e++) {
        o.v[e * 16 + LANE] = s[e][0];
        o.v[e * 16 + 8 + LANE] = s[e][1];
      }
      d += WIDE;
    } while (d < head);
    j += 64;
  } while (j < end);

  subgroupMemoryBarrierBuffer ();
  [[unroll]] for (uint t = 0; t < 2; t++) {
    uint row = first + t * 8 + LANE;
    float share = sum[t] > 0.0 ? 1.0 / sum[t] : 0.0;      // no key at all: zeros
    Y_out to = OUT (Y, y, b * batch_y + uint64_t (row / group) * ldy + (hkv * group + row % group) * head);
    uint d = 0;
    do {
      f32_out o = OUT (f32, os, d * 16 + t * 8);
      float value = LANES_LOAD (o, 0, 1) * share;
      if (row < rows)
        to.v[d] = Y_store (value);
    } while (++d < head);
  }
}
