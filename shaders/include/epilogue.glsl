// SPDX-License-Identifier: GPL-3.0-or-later
// What happens to a finished sum before it is stored: residual + gate * act (alpha * sum + bias).  ACT is a
// specialisation constant with the values of NnAct; bias and gate are rows [n], residual is [rows, n].

#include "activation.glsl"

float
epilogue (float sum, uint row, uint column)
{
#ifdef EPILOGUE_LINEAR
  sum *= alpha;
#endif
  float v = activate (ACT, HAVE_bias ? sum + bias.v[column] : sum);
#ifdef EPILOGUE_LINEAR
  if (HAVE_gate)
    v *= gate.v[column];
#endif
  return HAVE_residual ? AT (f32, residual, uint64_t (row) * n + column).v[0] + v : v;
}
