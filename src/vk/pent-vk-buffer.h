/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-vk-context.h"

G_BEGIN_DECLS

/* PentVkBuffer: a range of memory that shaders reach by its 64-bit address.  Sub-allocated from slabs (one allocation
 * for many small buffers; large ones get their own, never above max_allocation). */
typedef struct _PentVkBuffer PentVkBuffer;

typedef enum {
  PENT_VK_MEMORY_DEVICE,      /* fastest for the device; mapped too where the device shares host memory */
  PENT_VK_MEMORY_UPLOAD,      /* the host writes, the device reads or copies; always mapped, coherent */
  PENT_VK_MEMORY_READBACK,    /* the device writes, the host reads; always mapped, coherent, cached */
} PentVkMemory;

/* size in bytes, > 0.  label names the object in validation messages and captures; copied.  Contents undefined.
 * Never NULL: on failure the context's error is set and the buffer is inert (address 0, not mapped). */
PentVkBuffer *pent_vk_buffer_new (PentVkContext *context, PentVkMemory memory, guint64 size, const char *label);

/* Host memory as a device buffer without a copy (PENT_VK_IMPORT).  `bytes` is any range: the import covers the pages
 * around it.  Read-only: nothing may write to it.  Holds a reference on bytes.  NULL if the device cannot (the caller
 * then uploads); not an error. */
PentVkBuffer *pent_vk_buffer_import (PentVkContext *context, GBytes *bytes, const char *label);

PentVkBuffer *pent_vk_buffer_ref (PentVkBuffer *self);
/* The memory is given back when the last submission that used it has finished. */
void          pent_vk_buffer_unref (PentVkBuffer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentVkBuffer, pent_vk_buffer_unref)

guint64       pent_vk_buffer_get_size (PentVkBuffer *self);
guint64       pent_vk_buffer_get_address (PentVkBuffer *self);   /* aligned to 256 bytes; imports: to 1 */
gpointer      pent_vk_buffer_get_data (PentVkBuffer *self);      /* host mapping or NULL */

/* Blocking transfers through staging where the buffer is not mapped; they wait for earlier submissions.  After an error
 * write () does nothing and read () gives zeros. */
void          pent_vk_buffer_write (PentVkBuffer *self, guint64 offset, gconstpointer data, guint64 size);
void          pent_vk_buffer_read (PentVkBuffer *self, guint64 offset, gpointer data, guint64 size);

G_END_DECLS
