/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-json.h"
#include "pent-nn.h"
#include "pent-vk-context.h"

G_BEGIN_DECLS

/* One folder in the fixture format: case.json, io.safetensors (input.*, output.*, output64.*, inter.*), checkpoint files.
 *
 * A comparison passes if max |a - output64| <= 2e-5 * ref_max where the f64 run's result is there, else if
 * max |a - output| <= max (10 * max_abs, 2e-5 * ref_max), with max_abs how far the f32 reference run lies from the f64
 * one: 2e-5 is about ten times the rounding of a correct f32 forward pass, and a quarter of what the smallest of twenty
 * typical mistakes (a wrong epsilon, another gelu, another rope base) shows.  FLUX.2's angles are taken in f32 by the
 * reference: 1e-4 there.  Integers must be equal. */
typedef struct {
  char          *name;                  /* of the folder */
  PentFiles     *files;
  PentJson       json;                  /* case.json */
  PentNnWeights *io;
  PentVkContext *context;
  guint          n_compared, n_failed;
} GoldenCase;

/* Runs the case through the engine; FALSE and an error if it cannot run at all. */
typedef gboolean (*GoldenRun) (GoldenCase *c, GError **error);

gboolean golden_run_decoder (GoldenCase *c, GError **error);
gboolean golden_run_zimage (GoldenCase *c, GError **error);
gboolean golden_run_vae (GoldenCase *c, GError **error);
gboolean golden_run_pipeline (GoldenCase *c, GError **error);
gboolean golden_run_flow_match (GoldenCase *c, GError **error);
gboolean golden_run_tokenizer (GoldenCase *c, GError **error);
gboolean golden_run_safetensors (GoldenCase *c, GError **error);
gboolean golden_run_malformed (GoldenCase *c, GError **error);

/* A tensor of io as f32 or i32; free it.  n may be NULL.  Aborts the case's run with a g_error if it is absent: the
 * fixture then is not one. */
float   *golden_floats (GoldenCase *c, const char *name, gsize *n);
gint32  *golden_ints (GoldenCase *c, const char *name, gsize *n);
gboolean golden_has (GoldenCase *c, const char *name);
guint    golden_dim (GoldenCase *c, const char *name, guint axis);

/* The object "config" of case.json as files that hold it as config.json, for the readers of the models; with
 * component, that member of it. */
PentFiles *golden_config (GoldenCase *c, const char *component);

/* Prints a line and counts.  name without "output."; inter.* are compared by their own name. */
void     golden_compare (GoldenCase *c, const char *name, const float *got, gsize n);
void     golden_compare_ints (GoldenCase *c, const char *name, const gint32 *got, gsize n);
void     golden_note (GoldenCase *c, const char *name, gboolean ok, const char *format, ...) G_GNUC_PRINTF (4, 5);

G_END_DECLS
