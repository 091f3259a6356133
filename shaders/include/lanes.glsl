// SPDX-License-Identifier: GPL-3.0-or-later
// Eight elements at once on a CPU device with subgroups of 8 (PENT_VK_LANES).
//
// There a load whose address differs by invocation becomes eight scalar loads with eight branches, and one whose
// address is the same in the whole subgroup becomes a broadcast.  Eight of those, put together by mix (never by ?:,
// which is control flow), LLVM folds into vector loads.  So P and I must be the same in the whole subgroup (functions
// of gl_WorkGroupID, gl_SubgroupID and loop counters), and all eight elements must exist.
//
// Two things to know: a small `if` around a load that is the same in the whole subgroup is flattened, and the load is
// done whatever the condition says (around the eight of LANES_LOAD it is a branch); and a `for` runs its body once
// more, masked off, in which such loads are done too.  So either a LANES_LOAD has its own bounds check, or it is in a
// do-while loop.
//
// Stores stay eight scalar ones whatever is done; they are fewer where each is of 64 bits.

#define LANES_IS(L) (gl_SubgroupInvocationID == L)

// Element I + STEP * invocation of P
#define LANES_LOAD(P, I, STEP) \
  mix (mix (mix (mix (mix (mix (mix ( \
  P.v[I], P.v[(I) + STEP], LANES_IS (1)), P.v[(I) + 2 * STEP], LANES_IS (2)), P.v[(I) + 3 * STEP], LANES_IS (3)), \
  P.v[(I) + 4 * STEP], LANES_IS (4)), P.v[(I) + 5 * STEP], LANES_IS (5)), P.v[(I) + 6 * STEP], LANES_IS (6)), \
  P.v[(I) + 7 * STEP], LANES_IS (7))

// Loops around such loads are `for` loops with their test at the top: in do ... while the compiler no longer knows that an
// invocation is active, and every load becomes eight.  The body may run once more with no invocation in it, so addresses are
// held inside the operand by min () and loops that would not run at all are left out by specialisation constants.
