/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-kernel.h"

G_BEGIN_DECLS

/* What the tests of src/vk share.  They run on the device that PENT_TEST_DEVICE or PENT_DEVICE names, on any. */

void test_barrier_add (void);
void test_slab_add (void);
void test_pace_add (void);
void test_context_add (void);
void test_buffer_add (void);
void test_pipeline_add (void);
void test_command_add (void);
void test_error_add (void);
void test_kernel_add (void);

/* A context on that device, and its end: no error, no validation message. */
PentVkContext  *test_context_new (void);
void            test_context_end (PentVkContext *context);

/* Sets a variable until test_env_reset (). */
void            test_env_set (const char *name, const char *value);
void            test_env_reset (const char *name);

/* The pipeline caches kept so far. */
void            test_cache_clear (void);

/* saxpy.comp: y[i] = a x[i] + b y[i] + z, for the i-th invocation of a grid of groups of `block`. */
extern const PentVkShader test_saxpy;

typedef struct {
  guint32 block, a, b;
} TestSpec;

typedef struct {
  PentVkBuffer *x, *y;
  guint64       x_offset, y_offset;     /* bytes */
  guint32       groups[3];
  TestSpec      spec;
  double        flops;
} TestSaxpy;

guint           test_saxpy_n (const TestSaxpy *call);         /* elements */
void            test_saxpy_record (PentVkCommand *command, const TestSaxpy *call);
/* The plain truth of it. */
void            test_saxpy_apply (const TestSaxpy *call, const guint32 *x, guint32 *y);

PentVkBuffer   *test_buffer_new (PentVkContext *context, const guint32 *words, guint n, const char *label);
guint32        *test_words (guint n, guint32 seed);           /* free it */
void            test_assert_words (PentVkBuffer *buffer, guint64 offset, const guint32 *words, guint n);

G_END_DECLS
