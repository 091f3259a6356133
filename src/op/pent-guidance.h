/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Classifier-free guidance (arXiv:2207.12598): positive + scale * (positive - negative), in place of positive.
 * renormalise > 0 shortens the result to at most that multiple of positive's length.  Pure function. */
void pent_guidance_apply (float *positive, const float *negative, gsize n, double scale, double renormalise);

G_END_DECLS
