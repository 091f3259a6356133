// SPDX-License-Identifier: GPL-3.0-or-later
// For kernels that treat all elements of [rows, width] alike: a unit is 128 elements of one row, done by 8 invocations in
// four chunks, so that a single wide row and many narrow ones keep a device equally busy.
//
//   UNIT_ROW, UNIT_FIRST   the unit's row, and its first element in it
//   UNIT_COUNT             its elements; 0 beyond the last row
//   for_chunks (c)         its chunks, as T_row_load (x, c, UNIT_COUNT, …) of row.glsl counts them

#define PER_ROW 8
#include "row.glsl"

#define UNITS ((width - 1) / 128 + 1)
#define UNIT_ROW (ROW / UNITS)
#define UNIT_FIRST (ROW % UNITS * 128)
#define UNIT_COUNT (UNIT_ROW < rows ? min (width - UNIT_FIRST, 128) : 0)
#define for_chunks(C, COUNT) [[unroll]] for (uint C = 0; C < 4; C++) if (C * 32 < COUNT)
