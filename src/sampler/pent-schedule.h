/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Noise schedules: which sigmas a sampler steps through.  Plain C on small arrays; pure functions.
 *
 * Flow matching (Lipman et al. 2023; Esser et al. 2024): x_sigma = (1 - sigma) x0 + sigma * noise, sigma from 1 to 0;
 * shift moves sigmas towards 1: sigma' = s*sigma / (1 + (s - 1)*sigma), or with mu (dynamic, by sequence length)
 * sigma' = e^mu / (e^mu + (1/sigma - 1)^1) for the exponential kind, mu / (mu + (1/sigma - 1)) for the linear kind. */
typedef struct {
  guint    train_steps;              /* 1000 */
  double   shift;                    /* static shift; 1 = none */
  gboolean dynamic;                  /* mu from the sequence length instead of shift */
  gboolean dynamic_linear;           /* time_shift_type "linear" */
  double   base_shift, max_shift;    /* mu at base_tokens and max_tokens */
  guint    base_tokens, max_tokens;
  double   shift_terminal;           /* 0 = none; stretches so that the last sigma is this */
  double   sigma_min;                /* smallest training sigma before shifting: 1/train_steps; Z-Image: 0 */
  gboolean trailing;                 /* evenly spaced from 1 to 1/steps, whatever sigma_min: as the pipelines of FLUX and
                                        Z-Image ask of their scheduler */
  enum { PENT_SPACING_PLAIN, PENT_SPACING_KARRAS, PENT_SPACING_EXPONENTIAL, PENT_SPACING_BETA } spacing;
} PentFlowSchedule;

/* What a scheduler_config.json means that names nothing: 1000 training steps, shift 1, mu 0.5 … 1.15 at 256 … 4096. */
#define PENT_FLOW_SCHEDULE_INIT \
  { .train_steps = 1000, .shift = 1, .base_shift = 0.5, .max_shift = 1.15, .base_tokens = 256, .max_tokens = 4096, \
    .sigma_min = 0.001 }

/* mu for a number of latent tokens, by the line through (base_tokens, base_shift) and (max_tokens, max_shift). */
double pent_flow_mu (const PentFlowSchedule *schedule, guint tokens);

/* sigmas[0 … steps], the last one 0.  custom: `steps` sigmas before shifting, or NULL.  mu is used if dynamic.
 * In this order: evenly spaced (or custom), shifted, stretched to shift_terminal, respaced between first and last. */
void pent_flow_sigmas (const PentFlowSchedule *schedule, guint steps, const double *custom, double mu, double *sigmas);

G_END_DECLS
