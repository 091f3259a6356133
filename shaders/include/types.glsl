// SPDX-License-Identifier: GPL-3.0-or-later
// Storage types.  Of each type NAME that a kernel uses there are: NAME (as stored), NAME_load (to float), NAME_store
// (from float, to nearest even), NAME_in and NAME_out (buffer references to arrays), and NAMEx4, the same for aligned
// groups of four.
//
// NAMEx4_words (y, i, s) stores s to elements i … i + 3 of y, which must be aligned to 8 bytes, in pieces of 64 bits.
//
// The index of v[] is a signed 32-bit number.  Where an array can have more elements, move the reference first:
// AT (T, x, i) is x from element i on, i being of 64 bits, and ATx4 the same in groups of four; OUT and OUTx4 likewise.

#define AT(T, X, I) T##_in (uint64_t (X) + uint64_t (I) * T##_SIZE)
#define OUT(T, X, I) T##_out (uint64_t (X) + uint64_t (I) * T##_SIZE)
#define ATx4(T, X, I) T##x4_in (uint64_t (X) + uint64_t (I) * T##_SIZE)
#define OUTx4(T, X, I) T##x4_out (uint64_t (X) + uint64_t (I) * T##_SIZE)

#define REFERENCES(NAME, SIZE) \
  layout (buffer_reference, scalar, buffer_reference_align = SIZE) readonly buffer NAME##_in { NAME v[]; }; \
  layout (buffer_reference, scalar, buffer_reference_align = SIZE) buffer NAME##_out { NAME v[]; }; \
  layout (buffer_reference, scalar, buffer_reference_align = 4 * SIZE) readonly buffer NAME##x4_in { NAME##x4 v[]; }; \
  layout (buffer_reference, scalar, buffer_reference_align = 4 * SIZE) buffer NAME##x4_out { NAME##x4 v[]; };

layout (buffer_reference, scalar, buffer_reference_align = 8) buffer words_out { uint64_t v[]; };

#ifdef USES_F32
#define f32_SIZE 4
#define f32 float
#define f32x4 vec4
#define f32_load(V) (V)
#define f32_store(V) (V)
#define f32x4_load(V) (V)
#define f32x4_store(V) (V)
#define f32x4_words(Y, I, S) \
  words_out (Y).v[(I) / 2] = packUint2x32 (floatBitsToUint (S.xy)); \
  words_out (Y).v[(I) / 2 + 1] = packUint2x32 (floatBitsToUint (S.zw))
REFERENCES (f32, 4)
#endif

#ifdef USES_F16
#define f16_SIZE 2
#define f16 float16_t
#define f16x4 f16vec4
#define f16_load(V) float (V)
#define f16_store(V) float16_t (V)
#define f16x4_load(V) vec4 (V)
#define f16x4_store(V) f16vec4 (V)
#define f16x4_words(Y, I, S) words_out (Y).v[(I) / 4] = pack64 (float16BitsToUint16 (S))
REFERENCES (f16, 2)
#endif

#ifdef USES_BF16
#define bf16_SIZE 2
#define bf16 uint16_t
#define bf16x4 u16vec4
#define bf16_load(V) uintBitsToFloat (uint (V) << 16)
#define bf16_store(V) uint16_t (bf16_bits (V))
#define bf16x4_load(V) uintBitsToFloat (uvec4 (V) << 16)
#define bf16x4_store(V) u16vec4 (bf16_bits (V.x), bf16_bits (V.y), bf16_bits (V.z), bf16_bits (V.w))
#define bf16x4_words(Y, I, S) words_out (Y).v[(I) / 4] = pack64 (S)
REFERENCES (bf16, 2)

uint
bf16_bits (float f)
{
  uint bits = floatBitsToUint (f);
  return isnan (f) ? (bits >> 16) | 0x40u : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}
#endif

#ifdef USES_U32
#define u32_SIZE 4
#define u32 uint
#define u32x4 uvec4
#define u32_load(V) float (V)
#define u32_store(V) uint (V)
REFERENCES (u32, 4)
#endif

#ifdef USES_I32
#define i32_SIZE 4
#define i32 int
#define i32x4 ivec4
#define i32_load(V) float (V)
#define i32_store(V) int (V)
REFERENCES (i32, 4)
#endif

#ifdef USES_U8
#define u8_SIZE 1
#define u8 uint8_t
#define u8x4 u8vec4
#define u8_load(V) float (V)
#define u8_store(V) uint8_t (V)
REFERENCES (u8, 1)
#endif
