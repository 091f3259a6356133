/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* PentParam: one self-describing parameter of an operation.  Command line, inspector, wire and recipe all follow it.
 * `min`/`max` are the hard range (a value beyond is refused), `soft_min`/`soft_max` the comfortable one (a slider's).
 * Static data; an operation keeps an array ended by a param with name NULL. */
typedef enum {
  PENT_PARAM_INT,       /* GVariant "x" */
  PENT_PARAM_FLOAT,     /* "d" */
  PENT_PARAM_BOOL,      /* "b" */
  PENT_PARAM_STRING,    /* "s"; max = longest length in bytes, 0 = 65536 */
  PENT_PARAM_CHOICE,    /* "s", one of `choices` */
  PENT_PARAM_SEED,      /* "t"; absent means: drawn at random and recorded */
  PENT_PARAM_SIZE,      /* "(uu)" width, height in pixels; min/max/step apply to both */
  PENT_PARAM_IMAGE,     /* "ay" SHA-256 of an input picture in the recipe; over the wire "h" beside it */
  PENT_PARAM_MODEL,     /* "s": name or path of a model */
} PentParamKind;

typedef enum {
  PENT_PARAM_REQUIRED = 1 << 0,
  PENT_PARAM_ADVANCED = 1 << 1,     /* shown behind "more" */
  PENT_PARAM_FROM_MODEL = 1 << 2,   /* the default is the model's own (0 or "" here) */
} PentParamFlags;

typedef struct {
  const char        *name;       /* "guidance"; the recipe key and the long option */
  PentParamKind      kind;
  PentParamFlags     flags;
  const char        *label;      /* N_("Guidance") */
  const char        *blurb;      /* N_("How closely the picture follows the words") */
  const char        *unit;       /* "px", "steps", "" … */
  double             min, max;
  double             soft_min, soft_max;
  double             step;       /* sizes and ints: multiples of it from min; 0 = any */
  double             value;      /* default of numeric kinds; for SIZE both sides */
  const char        *text;       /* default of STRING, CHOICE, MODEL */
  const char *const *choices;    /* CHOICE */
} PentParam;

const GVariantType *pent_param_get_variant_type (const PentParam *param);

/* A new floating GVariant of the default, or NULL where there is none (SEED, REQUIRED, IMAGE). */
GVariant *pent_param_get_default (const PentParam *param);

/* PENT_ERROR_INVALID naming the parameter, the value, and the range or choices. */
gboolean  pent_param_check (const PentParam *param, GVariant *value, GError **error);

/* From text as typed on a command line ("512x768", "0.6", "yes"); checks it too.  Floating. */
GVariant *pent_param_parse (const PentParam *param, const char *text, GError **error);

/* As text that parse () reads back; free it. */
char     *pent_param_format (const PentParam *param, GVariant *value);

/* The description itself, as the wire tells it; keys are the fields' names: "name", "label", "blurb", "unit", "text":
 * s, "kind", "flags": u, "min", "max", "soft-min", "soft-max", "step", "value": d, "choices": as.  Floating a{sv}. */
GVariant *pent_param_to_variant (const PentParam *param);

/* The shortest decimal that reads back as exactly v, which is finite; free it. */
char     *pent_double_to_text (double v);

G_END_DECLS
