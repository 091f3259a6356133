// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "convolution weights [n, c, s, s] as panels of WIDTH channels [n / WIDTH, s * s, c, WIDTH], the last filled with zeros";
types W, U = f32,f32 | f16,f16 | bf16,bf16 | bf16,f32;
spec  uint WIDTH = 1 | 16;
in    W   from [n, c, taps];
out   U   to [cdiv (n, WIDTH), taps, c, WIDTH];
local 128, 1, 1;
groups cdiv (c * WIDTH, 128), taps, cdiv (n, WIDTH);
cost  flops 0, bytes n * c * taps * (sizeof (W) + sizeof (U));
#endif

void
main ()
{
  uint i = gl_GlobalInvocationID.x;
  if (i >= c * WIDTH)
    return;
  uint channel = i / WIDTH, column = gl_WorkGroupID.z * WIDTH + i % WIDTH;
  uint64_t source = (uint64_t (column) * c + channel) * taps + gl_WorkGroupID.y;
  uint64_t target = (uint64_t (gl_WorkGroupID.z) * taps + gl_WorkGroupID.y) * c * WIDTH + i;
  float v = column < n ? W_load (AT (W, from, source).v[0]) : 0.0;
  OUT (U, to, target).v[0] = U_store (v);
}
