/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-vk-context.h"

void kernels_gemm_test (PentVkContext *context, guint32 seed, guint *passed, guint *failed);
