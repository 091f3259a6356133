/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The two halves of pent-noise, for its tests. */
void   pent_philox (const guint32 counter[4], const guint32 key[2], guint32 out[4]);
double pent_noise_quantile (double p);       /* p in (0, 1) */

G_END_DECLS
