// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "softmax (scale q k^T) v: BR query rows per workgroup, keys in blocks of 32, head in slices of 32, through shared memory";
types X, W, Y = f32,f32,f32 | f16,f16,f16 | bf16,bf16,bf16 | f32,f16,f32 | f16,f16,f32 | bf16,bf16,f32 | f16,f32,f16;
push  uint batch, tq, tk, heads, kv_heads, head, ldq, ldk, ldv, ldy;
push  float scale;
push  uint64 batch_q, batch_k, batch_v, batch_y;
in    X   q [(batch - 1) * batch_q + (tq - 1) * ldq + heads * head];
in    W   k [(batch - 1) * batch_k + (tk - 1) * ldk + kv_heads * head];
in    W   v [(batch - 1) * batch_v + (tk - 1) * ldv + kv_heads * head];
in?   i32 pos [1];
out   Y   y [(batch - 1) * batch_y + (tq - 1) * ldy + heads * head];
spec  uint BR = 16 | 64;
spec  uint CAUSAL = 0 | 1;
derive uint SLICES = cdiv (head, 32);
derive uint VEC = head % 4 == 0 && ldq % 4 == 0 && ldk % 4 == 0 && ldv % 4 == 0
                  && batch_q % 4 == 0 && batch_k % 4 == 0 && batch_v % 4 == 0
                  && align (q) >= 4 * sizeof (X) && align (k) >= 4 * sizeof (W) && align (v) >= 4 * sizeof (W);
local 128, 1, 1;
groups cdiv (tq, BR), heads, batch;
cost  flops 4 * batch * heads * tq * tk * head / (1 + CAUSAL),
      bytes batch * head * (heads * tq * (sizeof (X) + sizeof (Y)) + 2 * kv_heads * tk * sizeof (W));
#endif

#include "quad.glsl"
#include "mask.glsl"

const uint RT = BR / 8;          // query rows of an invocation: its y + 8 i
const uint PARTS = 128 / BR;     // invocations that share the softmax of a row
const uint PITCH = 9;            // quads between rows in shared memory: eight and one against bank conflicts

shared vec4 shared_q[BR * PITCH], shared_kv[32 * PITCH], shared_p[BR * PITCH];
shared float shared_factor[BR], shared_sum[128];

// Rows first … first + count - 1 of 32 elements from element `at` of the head, zeros beyond `rows`.
void put_q (uint64_t base, uint first, uint at)
{
  for (uint i = gl_LocalInvocationIndex; i < BR * 8; i += 128) {
    uint row = first + i / 8;
    shared_q[i / 8 * PITCH + i % 8] = row < tq ? X_quad (base + uint64_t (row) * ldq * X_SIZE, at + i % 8 * 4, head) : vec4 (0.0);
  }
}

void put_kv (uint64_t base, uint ld, uint first, uint at)
{
  for (uint i = gl_LocalInvocationIndex; i < 32 * 8; i += 128) {
    uint row = first + i / 8;
    shared_kv[i / 8 * PITCH + i % 8] = row < tk ? W_quad (base + uint64_t (row) * ld * W_SIZE, at + i % 8 * 4, head) : vec4 (0.0);
  }
}

void
main ()
{
  uint tx = gl_LocalInvocationIndex % 16, ty = gl_LocalInvocationIndex / 16, first = gl_WorkGroupID.x * BR;
  uint h = gl_WorkGroupID.y, hkv = h / (heads / kv_heads), b = gl_WorkGroupID.z;
  uint64_t q0 = uint64_t (q) + (b * batch_q + uint64_t (h) * head) * X_SIZE;
  uint64_t k0 = uint64_t (k) + (b * batch_k + uint64_t (hkv) * head) * W_SIZE;
  uint64_t v0 = uint64_t (v) + (b * batch_v + uint64_t (hkv) * head) * W_SIZE;

  vec2 o[RT][SLICES];
  [[unroll]] for (uint r = 0; r < RT; r++)
    [[unroll]] for (uint s = 0; s < SLICES; s++)
      o[r][s] = vec2 (0.0);
  uint own_row = gl_LocalInvocationIndex / PARTS, own_part = gl_LocalInvocationIndex % PARTS;
  float largest = NONE, sum = 0.0;

  uint end = key_end (min (first + BR, tq) - 1);
  for (uint j = 0; j < end; j += 32) {
    float s[RT][2];
    [[unroll]] for (uint r = 0; r < RT; r++)
      s[r][0] = s[r][1] = 0.0;
    for (uint slice = 0; slice < SLICES; slice++) {
      barrier ();
      put_q (q0, first, slice * 32);
      put_kv (k0, ldk, j, slice * 32);
      barrier ();
      [[unroll]] for (uint i = 0; i < 8; i++) {
        vec4 k_0 = shared_kv[tx * PITCH + i], k_1 = shared_kv[(tx + 16) * PITCH + i];
        [[unroll]] for (uint r = 0; r < RT; r++) {
          vec4 a = shared_q[(ty + 8 * r) * PITCH + i];
          s[r][0] += dot (a, k_0);
          s[r][1] += dot (a, k_1);
        }
      }
    }
    [[unroll]] for (uint r = 0; r < RT; r++) {
      uint row = ty + 8 * r, limit = key_end (first + row);
      shared_p[row * PITCH + tx / 4][tx % 4] = j + tx < limit ? s[r][0] * scale : NONE;
      shared_p[row * PITCH + tx / 4 + 4][tx % 4] = j + tx + 16 < limit ? s[r][1] * scale : NONE;
    }
    barrier ();

    float before = largest;
    [[unroll]] for (uint i = 0; i < 8; i++) {
      vec4 p = shared_p[own_row * PITCH + i];
      largest = max (largest, max (max (p.x, p.y), max (p.z, p.w)));
    }
    float factor = exp (before - largest);
    barrier ();
    sum *= factor;
    [[unroll]] for (uint i = 0; i < 8 / PARTS; i++) {
      uint at = own_row * PITCH + own_part * (8 / PARTS) + i;
      vec4 p = shared_p[at];
      p = mix (exp (p - largest), vec4 (0.0), equal (p, vec4 (NONE)));
      shared_p[at] = p;
      sum += dot (p, vec4 (1.0));
    }
    if (own_part == 0)
      shared_factor[own_row] = factor;

    [[unroll]] for (uint slice = 0; slice < SLICES; slice++) {
      barrier ();
      put_kv (v0, ldv, j, slice * 32);
      barrier ();
      if (slice == 0)
        [[unroll]] for (uint r = 0; r < RT; r++)
          [[unroll]] for (uint i = 0; i < SLICES; i++)
            o[r][i] *= shared_factor[ty + 8 * r];
      [[unroll]] for (uint i = 0; i < 8; i++) {
        vec2 v_0[4];
        [[unroll]] for (uint e = 0; e < 4; e++) {
          vec4 quad = shared_kv[(i * 4 + e) * PITCH + tx / 2];
          v_0[e] = tx % 2 == 0 ? quad.xy : quad.zw;
        }
        [[unroll]] for (uint r = 0; r < RT; r++) {
          vec4 p = shared_p[(ty + 8 * r) * PITCH + i];
          [[unroll]] for (uint e = 0; e < 4; e++)
            o[r][slice] = fma (vec2 (p[e]), v_0[e], o[r][slice]);
        }
      }
    }
  }

  shared_sum[gl_LocalInvocationIndex] = sum;
  barrier ();
  [[unroll]] for (uint r = 0; r < RT; r++) {
    uint row = ty + 8 * r;
    float total = 0.0;
    [[unroll]] for (uint i = 0; i < PARTS; i++)
      total += shared_sum[row * PARTS + i];
    float share = total > 0.0 ? 1.0 / total : 0.0;    // no key at all: zeros
    if (first + row < tq)
      [[unroll]] for (uint slice = 0; slice < SLICES; slice++)
        [[unroll]] for (uint e = 0; e < 2; e++)
          if (slice * 32 + tx * 2 + e < head)
            OUT (Y, y, b * batch_y + uint64_t (first + row) * ldy + h * head + slice * 32 + tx * 2 + e).v[0]
              = Y_store (o[r][slice][e] * share);
  }
}
