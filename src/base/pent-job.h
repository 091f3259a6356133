/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include "pent-image.h"
#include "pent-recipe.h"

G_BEGIN_DECLS

/* PentJob: one run of an operation as the one who asked for it sees it, wherever it runs (PentEngine in this process,
 * PentEngineClient in the worker).
 *
 * Signals, in the main context in which the job was made:
 *   progress (const char *phase, guint step, guint n_steps, double seconds_left)   seconds_left < 0: not known yet
 *   preview  (PentImage *image, guint step)       how far the picture is; some may be left out
 *   text     (const char *utf8)                   the next words; whole characters
 *   result   (PentImage *image, PentRecipe *recipe)   a finished picture with everything resolved
 *   done     ()                                   last, exactly once; state, error and timings are settled
 *
 * Thread-safety: belongs to the thread of its main context; pent_job_cancel () may be called from any. */
#define PENT_TYPE_JOB (pent_job_get_type ())
G_DECLARE_FINAL_TYPE (PentJob, pent_job, PENT, JOB, GObject)

typedef enum {
  PENT_JOB_QUEUED,
  PENT_JOB_RUNNING,
  PENT_JOB_FINISHED,
  PENT_JOB_FAILED,
  PENT_JOB_CANCELLED,
} PentJobState;

PentRecipe   *pent_job_get_recipe (PentJob *self);            /* as asked for; transfer none */
PentJobState  pent_job_get_state (PentJob *self);
gboolean      pent_job_is_done (PentJob *self);
const GError *pent_job_get_error (PentJob *self);             /* FAILED, CANCELLED (G_IO_ERROR_CANCELLED), or NULL */

/* After FINISHED, a{sv}: seconds by phase ("load", "encode", "denoise", "decode", "total" …: d) and what else the run
 * measured ("steps", "tokens": u, "peak-memory": t bytes).  Transfer none. */
GVariant     *pent_job_get_timings (PentJob *self);

/* Acts between two submissions; done follows. */
void          pent_job_cancel (PentJob *self);

/* ---- for who runs the job ---- */

PentJob      *pent_job_new (PentRecipe *recipe);
GMainContext *pent_job_get_context (PentJob *self);
GCancellable *pent_job_get_cancellable (PentJob *self);
void          pent_job_report_progress (PentJob *self, const char *phase, guint step, guint n_steps,
                                        double seconds_left);
void          pent_job_report_preview (PentJob *self, PentImage *image, guint step);
void          pent_job_report_text (PentJob *self, const char *utf8);
void          pent_job_report_result (PentJob *self, PentImage *image, PentRecipe *recipe);
void          pent_job_finish (PentJob *self, GVariant *timings);       /* a{sv}; sinks */
void          pent_job_fail (PentJob *self, const GError *error);       /* cancelled if that is what it says */

G_END_DECLS
