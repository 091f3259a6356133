// SPDX-License-Identifier: GPL-3.0-or-later
// X_quad (row, at, end), W_quad (…): elements at … at + 3 of a row that starts at an address, zeros from `end` on.
// VEC 1: rows are aligned to four elements and `end` is a multiple of four.  Address 0 is a row of zeros.

#define QUAD(T)                                                                                                        \
vec4 T##_quad (uint64_t row, uint at, uint end)                                                                        \
{                                                                                                                      \
  if (row == 0 || at >= end)                                                                                           \
    return vec4 (0.0);                                                                                                 \
  if (VEC != 0)                                                                                                        \
    return T##x4_load (T##x4_in (row + uint64_t (at) * T##_SIZE).v[0]);                                                \
  T##_in r = T##_in (row + uint64_t (at) * T##_SIZE);                                                                  \
  return vec4 (T##_load (r.v[0]), at + 1 < end ? T##_load (r.v[1]) : 0.0,                                              \
               at + 2 < end ? T##_load (r.v[2]) : 0.0, at + 3 < end ? T##_load (r.v[3]) : 0.0);                        \
}
QUAD (X)
QUAD (W)
