/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-vk-context.h"

G_BEGIN_DECLS

/* One compiled variant of a kernel, as the generator writes it.  Static data.
 * Every shader has the same layout: no descriptors, one block of push constants (at most 128 bytes) that begins with
 * buffer addresses.  local_size may come from specialisation constants. */
typedef struct {
  const char    *name;             /* "linear-tile f16,bf16,f16" */
  const guint32 *code;             /* SPIR-V */
  gsize          code_size;        /* bytes */
  guint          push_size;        /* bytes, <= 128 */
  PentVkFeatures needs;
  guint          subgroup_size;    /* required size, or 0 = any */
} PentVkShader;

#define PENT_VK_MAX_SPEC 16

typedef struct _PentVkPipeline PentVkPipeline;

/* The pipeline for shader with specialisation constants 0 … n_spec-1.  Built on first use, then kept by the context,
 * keyed by shader and constants; the driver's pipeline cache lives in
 * $XDG_CACHE_HOME/pentimento/pipelines-UUID, is written at context end, and is ignored when damaged.
 * Owned by the context; inert (never NULL) after an error. */
PentVkPipeline *pent_vk_pipeline_get (PentVkContext *context, const PentVkShader *shader,
                                      const guint32 *spec, guint n_spec);

/* Pipelines built by this context, and the seconds that took (for bench and progress). */
guint           pent_vk_pipeline_count (PentVkContext *context, double *seconds);

G_END_DECLS
