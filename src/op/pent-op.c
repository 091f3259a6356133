/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-op.h"

#include "op-list.h"

#define PENT_OP(name) extern const PentOpClass pent_op_##name;
PENT_OP_LIST
#undef PENT_OP

#define PENT_OP(name) &pent_op_##name,
const PentOpClass *const pent_ops[] = { PENT_OP_LIST NULL };
#undef PENT_OP

const PentOpClass *
pent_op_find (const char *name)
{
  g_return_val_if_fail (name != NULL, NULL);

  for (gsize i = 0; pent_ops[i] != NULL; i++)
    if (g_str_equal (pent_ops[i]->name, name))
      return pent_ops[i];
  return NULL;
}
