// SPDX-License-Identifier: GPL-3.0-or-later
// Eight neighbours at once on a CPU device with subgroups of 8 (PENT_VK_LANES).
//
// There a load whose address differs by invocation becomes eight scalar loads with eight branches, and one whose address
// is the same in the whole subgroup becomes a broadcast.  Eight of those, put together by mix (never by ?:, which is
// control flow), LLVM folds into one vector load.  So P and I must be the same in the whole subgroup (functions of
// gl_WorkGroupID, gl_SubgroupID and loop counters), and all eight elements must exist.

#define LANES_IS(L) (gl_SubgroupInvocationID == L)
#define LANES_LOAD(P, I) \
  mix (mix (mix (mix (mix (mix (mix ( \
  P.v[I], P.v[(I) + 1], LANES_IS (1)), P.v[(I) + 2], LANES_IS (2)), P.v[(I) + 3], LANES_IS (3)), \
  P.v[(I) + 4], LANES_IS (4)), P.v[(I) + 5], LANES_IS (5)), P.v[(I) + 6], LANES_IS (6)), P.v[(I) + 7], LANES_IS (7))

// The same for every second element.
#define LANES_LOAD2(P, I) \
  mix (mix (mix (mix (mix (mix (mix ( \
  P.v[I], P.v[(I) + 2], LANES_IS (1)), P.v[(I) + 4], LANES_IS (2)), P.v[(I) + 6], LANES_IS (3)), \
  P.v[(I) + 8], LANES_IS (4)), P.v[(I) + 10], LANES_IS (5)), P.v[(I) + 12], LANES_IS (6)), P.v[(I) + 14], LANES_IS (7))
