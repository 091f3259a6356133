// SPDX-License-Identifier: GPL-3.0-or-later
// For kernels that treat all elements of [rows, width] alike: 8 invocations do a chunk of 32 elements of one row, so
// that a single wide row and many narrow ones keep a device equally busy.  A group does 16 such chunks.
//
//   CHUNK_ROW, CHUNK_FIRST   the chunk's row, and its first element in it
//   CHUNK_COUNT              its elements; 0 beyond the last row
// rows and width may be macros, defined after the include.
//
// T_row_load (x, 0, CHUNK_COUNT, …) of row.glsl reads it, x being moved to its beginning.  There is no loop over
// several chunks: to a GPU it gives nothing, and on lavapipe a turn of a loop costs as much as the chunk.

#define PER_ROW 8
#include "row.glsl"

#define CHUNKS ((width - 1) / 32 + 1)
#define CHUNK_ROW (ROW / CHUNKS)
#define CHUNK_FIRST (ROW % CHUNKS * 32)
#define CHUNK_COUNT (CHUNK_ROW < rows ? min (width - CHUNK_FIRST, 32) : 0)
