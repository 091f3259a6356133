// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "y[i] = table[ids[i]]; a row of zeros for an id that the table does not have";
types T, U = f32,f32 | f32,f16 | f16,f32 | f16,f16 | bf16,f32 | bf16,f16 | bf16,bf16 | f32,bf16;
in    i32  ids [rows];
in    T    table [vocabulary, width];
out   U    y [rows, width];
spec  bool LANES = 0 | 1;
derive uint VEC = width % 4 == 0 && align (table) >= 4 * sizeof (T) && align (y) >= 4 * sizeof (U) ? 4 : 1;
local 128, 1, 1;
groups cdiv (rows * cdiv (width, 32), 16);
cost  flops 0, bytes rows * width * (sizeof (T) + sizeof (U));
#endif

#include "pointwise.glsl"

void
main ()
{
  const uint count = CHUNK_COUNT;
  if (count == 0)
    return;
  const uint id = uint (AT (i32, ids, CHUNK_ROW).v[0]);   // a negative id becomes a large one
  U_out ys = OUT (U, y, uint64_t (CHUNK_ROW) * width + CHUNK_FIRST);
  T_in row = AT (T, table, uint64_t (id) * width + CHUNK_FIRST);
  const uint there = id < vocabulary ? count : 0;
  U_row_store (ys, 0, count, T_row_load (row, 0, there, 0.0));
}
