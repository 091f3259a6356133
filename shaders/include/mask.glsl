// SPDX-License-Identifier: GPL-3.0-or-later
// Which keys a query sees.  CAUSAL: key j is seen by query i if j <= i + past; past is pos[0], or tk - tq without it.
// With pos only the first pos + tq keys are valid (the filled part of a cache).

const float NONE = -3.0e38;      // stands for minus infinity: the difference of two of them is 0, not NaN

// Query i sees keys 0 … key_end (i) - 1.
uint key_end (uint i)
{
  int past = HAVE_pos ? pos.v[0] : int (tk) - int (tq);
  int end = HAVE_pos ? min (int (tk), past + int (tq)) : int (tk);
  if (CAUSAL != 0)
    end = min (end, int (i) + past + 1);
  return uint (max (end, 0));
}
