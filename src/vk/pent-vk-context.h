/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include "pent-error.h"

G_BEGIN_DECLS

/* PentVkContext: one logical device with one compute queue, and everything that lives as long as it does (memory
 * slabs, pipelines, the timeline).
 *
 * Errors are sticky: the first failed Vulkan call is remembered with call, result and place; after it every function
 * here returns at once without touching the device (objects created then are inert), and check () reports it once and
 * for all.  So recording code reads straight.  A lost device is PENT_ERROR_DEVICE_LOST, exhausted memory
 * PENT_ERROR_MEMORY; neither ever aborts.
 *
 * Thread-safety: a context and all its objects belong to one thread at a time; check (), failed () and the info are
 * safe from any thread.  This header hides Vulkan: no file above src/vk includes vulkan.h. */
typedef struct _PentVkContext PentVkContext;

/* Optional abilities.  Each can be masked by name: PENT_VK_DISABLE=coopmat,f16 (see pent_vk_feature_names ()), so
 * that every fallback runs on every machine.  What Vulkan 1.3 guarantees and we require (buffer device address,
 * timeline semaphores, synchronization2, subgroup size control, scalar layout as checked at start) is not listed. */
typedef enum {
  PENT_VK_F16            = 1 << 0,   /* "f16": 16-bit storage and shaderFloat16 */
  PENT_VK_INT8           = 1 << 1,   /* "int8": 8-bit storage and shaderInt8 */
  PENT_VK_INT_DOT        = 1 << 2,   /* "dot": integer dot product, accelerated for 4x8 bit */
  PENT_VK_COOPMAT        = 1 << 3,   /* "coopmat": VK_KHR_cooperative_matrix, f16 x f16 -> f32, subgroup scope */
  PENT_VK_COOPMAT2       = 1 << 4,   /* "coopmat2": VK_NV_cooperative_matrix2 with workgroup scope, all of it */
  PENT_VK_LANES          = 1 << 5,   /* "lanes": a CPU device whose compiler folds eight subgroup-uniform loads into one
                                        vector load and knows uniformity inside loops (lavapipe of Mesa >= 26) */
  PENT_VK_IMPORT         = 1 << 6,   /* "import": VK_EXT_external_memory_host, on a device that shares host memory */
  PENT_VK_BUDGET         = 1 << 7,   /* "budget": VK_EXT_memory_budget */
  PENT_VK_MAPPED         = 1 << 8,   /* "mapped": PENT_VK_MEMORY_DEVICE is mapped too (CPU and integrated devices) */
} PentVkFeatures;

typedef enum { PENT_VK_CPU, PENT_VK_INTEGRATED, PENT_VK_DISCRETE, PENT_VK_OTHER } PentVkKind;

typedef struct {
  char          *name;                 /* "NVIDIA H200" */
  char          *driver;               /* "llvmpipe Mesa 26.1.6 (LLVM 19.1.7)" */
  char          *uuid;                 /* 32 hex digits; stable for device + driver */
  PentVkKind     kind;
  guint32        vendor_id, device_id;
  guint32        api_version;          /* as Vulkan packs it */
  PentVkFeatures features;             /* what is there and not masked */
  guint          subgroup_size;        /* the default one */
  guint          subgroup_min, subgroup_max;   /* what a pipeline may require */
  guint          max_invocations;      /* a workgroup */
  guint          max_shared;           /* bytes of shared memory a workgroup */
  guint          cores;                /* shader cores if the driver tells, else 0; host threads on a CPU device */
  guint          coop_m, coop_n, coop_k;       /* the f16 -> f32 fragment shape if PENT_VK_COOPMAT */
  guint64        max_allocation;       /* bytes, one allocation */
  guint64        heap_size;            /* bytes of the largest device-local heap */
  guint64        import_alignment;     /* bytes, if PENT_VK_IMPORT */
} PentVkInfo;

/* Every physical device of the machine in the order of `pentimento-cli devices` (PentVkInfo, owned by the array).
 * Devices that lack what we require are left out. */
GPtrArray        *pent_vk_list_devices (GError **error);

/* "f16", "coopmat" … as PENT_VK_DISABLE takes them, joined by commas; free it. */
char             *pent_vk_feature_names (PentVkFeatures features);

/* device: an index of the list ("0"), a part of a name ("radeon"), "gpu", "cpu", or NULL = $PENT_DEVICE, else the best
 * (discrete, integrated, other, CPU).  PENT_VK_VALIDATE=1 in the environment switches the validation layer on (with
 * synchronization validation); every message of it then becomes a g_critical (). */
PentVkContext    *pent_vk_context_new (const char *device, GError **error);
PentVkContext    *pent_vk_context_ref (PentVkContext *self);
void              pent_vk_context_unref (PentVkContext *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentVkContext, pent_vk_context_unref)

const PentVkInfo *pent_vk_context_get_info (PentVkContext *self);

/* FALSE and the sticky error (a copy, each time) once something failed. */
gboolean          pent_vk_context_check (PentVkContext *self, GError **error);
gboolean          pent_vk_context_failed (PentVkContext *self);

/* Bytes of device memory that may still be allocated: the smaller of what the driver's budget leaves and
 * PENT_VK_BUDGET ("2G") leaves; and what this context holds. */
guint64           pent_vk_context_get_available (PentVkContext *self);
guint64           pent_vk_context_get_allocated (PentVkContext *self);
guint64           pent_vk_context_get_peak (PentVkContext *self);

/* Validation messages so far (tests assert 0). */
guint             pent_vk_context_get_n_messages (PentVkContext *self);

/* Makes the next allocation(s) fail as if memory were exhausted, or the next submission as if the device were lost:
 * for tests of the error paths.  0 = off; n = the n-th from now (buffers made; parts submitted). */
void              pent_vk_context_inject (PentVkContext *self, guint fail_allocation, guint lose_device);

G_END_DECLS
