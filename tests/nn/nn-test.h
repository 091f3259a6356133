/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-nn.h"

G_BEGIN_DECLS

/* Each file of the program adds its cases. */
void           nn_test_weights (void);
void           nn_test_ops (void);
void           nn_test_graph (void);
void           nn_test_device (void);

/* A context on the device under test (PENT_TEST_DEVICE, else the CPU), with validation. */
PentVkContext *nn_test_context (void);
/* Fails on an error or a validation message. */
void           nn_test_context_check (PentVkContext *context);

/* ---- nn-test-files.c: weight files made on the spot ---- */

/* A safetensors file in memory. */
typedef struct {
  GString    *header;
  GByteArray *data;
} NnTestFile;

NnTestFile    *nn_test_file_new (void);
/* shape: sizes ended by -1.  values: f32, stored as dtype (F32, F16, BF16), or raw bytes of any other type. */
void           nn_test_file_add (NnTestFile *self, const char *name, PentDtype dtype, const gint64 *shape,
                                 gconstpointer values);
GBytes        *nn_test_file_finish (NnTestFile *self);                /* frees it */

/* A set of files held in memory: name, GBytes * (taken), …, NULL. */
PentFiles     *nn_test_files (const char *label, ...) G_GNUC_NULL_TERMINATED;

G_END_DECLS
