/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-dtype.h"
#include "pent-vk-command.h"

G_BEGIN_DECLS

/* What the generated bindings (pent-kernels.h) stand on: one function records every kernel. */

/* An operand: where it lies.  buffer NULL = absent (only for `in?`).  size in bytes from offset, 0 = the rest. */
typedef struct {
  PentVkBuffer *buffer;
  guint64       offset, size;
} PentSpan;

#define PENT_KERNEL_MAX_ARGS 8
#define PENT_KERNEL_MAX_TYPES 4

typedef struct {
  const char *name;
  gint8       type;              /* index of the type letter, or -1 - PentDtype for a fixed type */
  guint8      flags;             /* PENT_KERNEL_ARG_* */
} PentKernelArg;

enum { PENT_KERNEL_ARG_WRITE = 1, PENT_KERNEL_ARG_READ = 2, PENT_KERNEL_ARG_OPTIONAL = 4 };

typedef struct {
  const char         *name;      /* "rms-norm" */
  const char         *brief;
  guint               n_args, n_types, n_variants, n_spec;
  const PentKernelArg *args;
  const guint8       (*types)[PENT_KERNEL_MAX_TYPES];    /* [n_variants] PentDtype of each letter */
  const PentVkShader *shaders;                           /* [n_variants] */
} PentKernel;

/* Everything the generator lists, for tests and the bench. */
extern const PentKernel *const pent_kernels[];
extern const guint             pent_n_kernels;

/* A call as the generated functions hand it on; nothing else builds one. */
typedef struct {
  const PentKernel *kernel;
  guint8            types[PENT_KERNEL_MAX_TYPES];
  guint32           spec[PENT_VK_MAX_SPEC];
  PentSpan          args[PENT_KERNEL_MAX_ARGS];
  guint64           need[PENT_KERNEL_MAX_ARGS];          /* bytes that the shape asks for; checked against the span */
  guint8            push[128];                           /* complete but for the addresses in front */
  guint32           groups[3];
  double            flops, bytes;
} PentKernelCall;

void pent_kernel_record (PentVkCommand *command, const PentKernelCall *call);

/* TRUE if a variant of those types exists and the device has what it needs. */
gboolean pent_kernel_available (const PentKernel *kernel, const PentVkInfo *info, const PentDtype *types, guint n_types);

G_END_DECLS
