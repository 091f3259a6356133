/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include "pent-image.h"
#include "pent-param.h"
#include "pent-pipeline.h"
#include "pent-recipe.h"

G_BEGIN_DECLS

/* PentOp: something the artist can ask for.  One file each, describing itself; the list in meson.build is the registry.
 * Command line, interface, wire and recipe follow from `params`: adding an operation touches none of them. */
typedef struct _PentOpClass PentOpClass;

/* What an operation is run with.  All of it belongs to the caller and outlives the run. */
typedef struct {
  PentVkContext *context;
  PentPipeline  *pipeline;              /* if needs & PENT_OP_NEEDS_PICTURE_MODEL */
  PentLanguage  *language;              /* if needs & PENT_OP_NEEDS_LANGUAGE_MODEL */
  PentRecipe    *recipe;                /* resolved; the op adds what it settled itself (seed, size, steps, guidance) */
  GHashTable    *images;                /* SHA-256 hex -> PentImage: inputs that IMAGE parameters name */
  GCancellable  *cancellable;
  /* Any of these may be NULL; they are called on the op's thread. */
  void         (*progress) (gpointer data, const char *phase, guint step, guint n_steps);
  void         (*preview)  (gpointer data, PentImage *image, guint step, guint n_steps);
  void         (*text)     (gpointer data, const char *utf8);        /* streamed words */
  void         (*result)   (gpointer data, PentImage *image, PentRecipe *recipe);   /* each finished picture */
  gpointer       data;
} PentOpRun;

typedef enum {
  PENT_OP_NEEDS_PICTURE_MODEL = 1 << 0,
  PENT_OP_NEEDS_LANGUAGE_MODEL = 1 << 1,
} PentOpNeeds;

struct _PentOpClass {
  const char      *name;                /* "generate" */
  const char      *label;               /* N_("Generate") */
  const char      *blurb;
  PentOpNeeds      needs;
  const PentParam *params;              /* ended by name NULL */
  gboolean       (*run) (PentOpRun *run, GError **error);
};

extern const PentOpClass *const pent_ops[];                     /* NULL-terminated */
const PentOpClass *pent_op_find (const char *name);             /* or NULL */

G_END_DECLS
