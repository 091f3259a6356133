// SPDX-License-Identifier: GPL-3.0-or-later
// Activations.  The numbers are those of NnAct in nn-emit.h.
#define ACT_NONE 0
#define ACT_SILU 1
#define ACT_GELU_ERF 2
#define ACT_GELU_TANH 3
#define ACT_GELU_QUICK 4
#define ACT_TANH 5
#define ACT_SIGMOID 6
#define ACT_RELU 7

// x / (1 + exp (-x)) and its kin need no care at either end: exp (-x) becomes infinite or 0, never NaN.
float
sigmoid (float x)
{
  return 1.0 / (1.0 + exp (-x));
}

// P (normal variable < x) = (1 + erf (x / sqrt 2)) / 2, to a few ulp of the result on both sides: the left tail is
// computed as such and not as 1 - something, which would leave nothing of it.
// Both polynomials are fits at Chebyshev nodes, of erf (z) / z - 1 in z^2 on [0, 1] and of -log (erfc (z)) - z^2 in
// z - 2.5 on [1, 4]; beyond 4 the second is held, and the error stays below 1e-9.
float
normal_cdf (float x)
{
  const float z = abs (x) * 0.70710678, s = z * z, w = clamp (z, 1.0, 4.0) - 2.5;
  const float r = 0.12837917 + s * (-0.37612626 + s * (0.11283594 + s * (-0.026854211 + s * (0.0051890872
                  + s * (-8.0168643e-4 + s * 7.8758749e-5)))));
  const float q = 1.5568156 + w * (0.35268074 + w * (-0.056110993 + w * (0.010858344 + w * (-0.0021549030
                  + w * (4.2029354e-4 + w * (-8.4670690e-5 + w * 1.3272361e-5))))));
  const float tail = 0.5 * exp (-(s + q));
  return z < 1.0 ? 0.5 + 0.5 * sign (x) * (z + z * r) : x < 0.0 ? tail : 1.0 - tail;
}

// The driver's tanh may be off by much near 0, where only the polynomial (in x^2 on [0, 0.55^2]) is exact enough.
float
tanh_exact (float x)
{
  float s = x * x;
  float r = s * (-0.33333310 + s * (0.13332456 + s * (-0.053842321 + s * (0.021038216 + s * -0.0062336335))));
  return abs (x) < 0.55 ? x + x * r : sign (x) * (1.0 - 2.0 / (exp (2.0 * abs (x)) + 1.0));
}

float
activate (uint act, float x)
{
  switch (act) {
    case ACT_SILU:
      return x / (1.0 + exp (-x));
    case ACT_GELU_ERF:
      return x * normal_cdf (x);
    case ACT_GELU_TANH:   // (1 + tanh (u)) / 2 is sigmoid (2 u)
      return x / (1.0 + exp (-1.5957691 * (x + 0.044715 * x * x * x)));
    case ACT_GELU_QUICK:
      return x / (1.0 + exp (-1.702 * x));
    case ACT_TANH:
      return tanh_exact (x);
    case ACT_SIGMOID:
      return sigmoid (x);
    case ACT_RELU:
      return x < 0.0 ? 0.0 : x;   // NaN stays NaN
    default:
      return x;
  }
}

vec4
activate (uint act, vec4 x)
{
  return vec4 (activate (act, x.x), activate (act, x.y), activate (act, x.z), activate (act, x.w));
}
