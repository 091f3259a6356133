/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-engine.h"

G_BEGIN_DECLS

/* Where the engine gets a device and models from.  The tests put their own in its place. */
typedef struct {
  PentVkContext *(*open_device)   (const char *device, GError **error);      /* may give NULL without an error */
  PentPipeline  *(*load_pipeline) (PentVkContext *context, PentFiles *files, PentFiles *const *extra,
                                   PentNnPrecision precision, GError **error);
  PentLanguage  *(*load_language) (PentVkContext *context, PentFiles *files, PentNnPrecision precision,
                                   GError **error);
} PentEngineBackend;

PentEngine *pent_engine_new_with_backend (const char *device, const PentEngineBackend *backend);

/* ---- pent-engine-timer.c: seconds by phase, and how many are left ---- */

typedef struct {
  const char *phase;             /* interned; the current one */
  gint64      start;             /* of the run, µs */
  gint64      phase_start;
  GArray     *phases;            /* of PentPhase, in the order of their first mention */
  guint       first_step, step;
  gint64      step_start;
  double      first_seconds;     /* the first step: kernels are built in it */
  double      other_seconds;     /* all others together */
  guint       n_others;
} PentEngineTimer;

void      pent_engine_timer_start (PentEngineTimer *self);
void      pent_engine_timer_clear (PentEngineTimer *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PentEngineTimer, pent_engine_timer_clear)

/* Returns the seconds left in this phase, -1 where that is not known yet. */
double    pent_engine_timer_progress (PentEngineTimer *self, const char *phase, guint step, guint n_steps);
/* Ends the run: adds "load", "encode" … (d, seconds by phase), "first-step", "step" (d, seconds a step), "total". */
void      pent_engine_timer_finish (PentEngineTimer *self, GVariantBuilder *builder);

G_END_DECLS
