/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pent-error.h"

G_DEFINE_QUARK (pent-error-quark, pent_error)

gboolean
pent_error_is_users_mistake (const GError *error)
{
  if (error == NULL || error->domain != PENT_ERROR)
    return FALSE;

  switch ((PentError) error->code)
    {
    case PENT_ERROR_INVALID:
    case PENT_ERROR_FILE:
    case PENT_ERROR_MODEL:
    case PENT_ERROR_UNSUPPORTED:
      return TRUE;
    case PENT_ERROR_FAILED:
    case PENT_ERROR_DEVICE:
    case PENT_ERROR_DEVICE_LOST:
    case PENT_ERROR_MEMORY:
    case PENT_ERROR_WORKER:
      return FALSE;
    }

  return FALSE;
}
