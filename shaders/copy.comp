// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "y[i] = x[i] over six axes with any steps: slices, concatenation, permutations, patches, repetition, casts";
types T, U = f32,f32 | f32,f16 | f32,bf16 | f16,f32 | bf16,f32 | f16,f16 | bf16,bf16;
// Elements from the first to the last touched.  i32 is copied as f32,f32.
in    T    x [(size[0] - 1) * ldx[0] + (size[1] - 1) * ldx[1] + (size[2] - 1) * ldx[2] + (size[3] - 1) * ldx[3] +
              (size[4] - 1) * ldx[4] + (size[5] - 1) * ldx[5] + 1];
out   U    y [((have (pos) ? limit : size[0]) - 1) * ldy[0] + (size[1] - 1) * ldy[1] + (size[2] - 1) * ldy[2] +
              (size[3] - 1) * ldy[3] + (size[4] - 1) * ldy[4] + (size[5] - 1) * ldy[5] + 1];
// With pos, y's first axis has `limit` steps and begins at pos; what would lie outside is not written.
in?   i32  pos [1];
push  uint size[6], ldx[6], ldy[6];   // axes from slow to fast; unused ones have size 1; step 0 repeats
push  uint limit;
spec  bool LANES = 0 | 1;
derive uint X_DENSE = ldx[5] == 1;
derive uint Y_DENSE = ldy[5] == 1;
derive uint VEC = size[5] % 4 == 0 && X_DENSE && Y_DENSE &&
                  align (x) >= 4 * sizeof (T) && align (y) >= 4 * sizeof (U) &&
                  ldx[0] % 4 + ldx[1] % 4 + ldx[2] % 4 + ldx[3] % 4 + ldx[4] % 4 == 0 &&
                  ldy[0] % 4 + ldy[1] % 4 + ldy[2] % 4 + ldy[3] % 4 + ldy[4] % 4 == 0 ? 4 : 1;
local 128, 1, 1;
groups cdiv (size[0] * size[1] * size[2] * size[3] * size[4] * cdiv (size[5], 32), 16);
cost  flops 0, bytes size[0] * size[1] * size[2] * size[3] * size[4] * size[5] * (sizeof (T) + sizeof (U));
#endif

#include "pointwise.glsl"

#define rows (size[0] * size[1] * size[2] * size[3] * size[4])
#define width size[5]

void
main ()
{
  const uint count = CHUNK_COUNT;
  if (count == 0)
    return;
  uint rest = CHUNK_ROW;
  uint64_t from = uint64_t (CHUNK_FIRST) * ldx[5], to = uint64_t (CHUNK_FIRST) * ldy[5];
  [[unroll]] for (uint axis = 4; axis > 0; axis--) {
    from += uint64_t (rest % size[axis]) * ldx[axis];
    to += uint64_t (rest % size[axis]) * ldy[axis];
    rest /= size[axis];
  }
  const int64_t first = int64_t (rest) + (HAVE_pos ? pos.v[0] : 0);
  if (HAVE_pos && (first < 0 || first >= limit))
    return;
  T_in xs = AT (T, x, from + uint64_t (rest) * ldx[0]);
  U_out ys = OUT (U, y, to + uint64_t (first) * ldy[0]);

  if (X_DENSE == 1 && Y_DENSE == 1) {
    U_row_store (ys, 0, count, T_row_load (xs, 0, count, 0.0));
    return;
  }
  const uvec4 i = row_index (0);
  [[unroll]] for (uint k = 0; k < 4; k++)
    if (i[k] < count)
      OUT (U, ys, uint64_t (i[k]) * ldy[5]).v[0] = U_store (T_load (AT (T, xs, uint64_t (i[k]) * ldx[5]).v[0]));
}
