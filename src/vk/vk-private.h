/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the nouns of src/vk know of one another.  Everything here belongs to the context's thread. */

#include "pent-kernel.h"
#include "vk-barrier.h"
#include "vk-device.h"
#include "vk-pace.h"
#include "vk-slab.h"

G_BEGIN_DECLS

typedef struct _PentVkBlock PentVkBlock;

/* A range of device memory. */
typedef struct {
  PentVkBlock *block;      /* NULL = nothing */
  guint64      offset, size;
} PentVkPiece;

typedef struct {
  GPtrArray *blocks[3];          /* PentVkBlock, by PentVkMemory */
  guint32    type[3];            /* memory type index, by PentVkMemory */
  guint64    slab_size;          /* bytes */
  guint64    limit;              /* PENT_VK_BUDGET in bytes, or G_MAXUINT64 */
  guint64    allocated, peak;    /* bytes of the device-local heaps */
} PentVkMemoryState;

typedef struct {
  GHashTable      *table;        /* PentVkPipeline keyed by itself */
  VkPipelineLayout layout;
  VkPipelineCache  cache;
  gsize            cache_size;   /* of the file as read */
  double           seconds;      /* spent building */
} PentVkPipelines;

struct _PentVkContext {
  gint               refs;       /* atomic: the callers' */
  gint               holds;      /* atomic: buffers, commands, and all callers together */
  PentVkFault        fault;
  PentVkInstance     instance;
  PentVkDevice      *physical;
  VkDevice           device;
  VkQueue            queue;
  VkSemaphore        timeline;
  guint64            submitted;  /* timeline value of the last submission */
  guint64            completed;  /* as last seen */
  GQueue             retired;    /* PentVkCommand without callers that the device may still be working on */
  PentVkMemoryState  memory;
  PentVkPipelines    pipelines;
  PentVkPace         copy_pace;
  PentVkBuffer      *staging;
  guint              fail_allocation, lose_device;

  PFN_vkSetDebugUtilsObjectNameEXT         set_name;               /* NULL without validation */
  PFN_vkGetMemoryHostPointerPropertiesEXT  get_host_properties;    /* NULL without PENT_VK_IMPORT */
};

/* Objects hold the context open without being its callers: when the last caller goes, the device is waited for. */
PentVkContext *vk_context_hold (PentVkContext *self);
void           vk_context_release (PentVkContext *self);

gboolean       vk_context_has (PentVkContext *self, PentVkFeatures features);
void           vk_context_set_name (PentVkContext *self, VkObjectType type, guint64 handle, const char *name);

/* TRUE if the n-th event that pent_vk_context_inject () asked for is this one. */
gboolean       vk_inject (guint *countdown);

/* Submits, and returns the timeline value, or 0. */
guint64        vk_context_submit (PentVkContext *self, VkCommandBuffer buffer);
gboolean       vk_context_reached (PentVkContext *self, guint64 value);
gboolean       vk_context_wait (PentVkContext *self, guint64 value);
/* Frees the retired commands that are done. */
void           vk_context_sweep (PentVkContext *self);

gboolean       vk_memory_init (PentVkContext *self);
void           vk_memory_finish (PentVkContext *self);
/* FALSE, and the context's error set, if there is not enough. */
gboolean       vk_memory_alloc (PentVkContext *self, PentVkMemory memory, const VkMemoryRequirements *needs,
                                const char *label, PentVkPiece *piece);
void           vk_memory_free (PentVkContext *self, PentVkPiece *piece);
VkDeviceMemory vk_piece_get_memory (const PentVkPiece *piece);
gpointer       vk_piece_get_data (const PentVkPiece *piece);

struct _PentVkBuffer {
  gatomicrefcount refs;
  PentVkContext  *context;
  VkBuffer        buffer;        /* VK_NULL_HANDLE in an inert one */
  PentVkPiece     piece;
  VkDeviceMemory  imported;      /* of an import, else VK_NULL_HANDLE */
  GBytes         *bytes;         /* of an import */
  guint64         start;         /* where the caller's range begins in the VkBuffer; > 0 in imports only */
  guint64         size;          /* bytes the caller asked for */
  guint64         address;
  guint8         *data;
};

/* Every VkBuffer is a multiple of this, so that a fill can end in whole words. */
#define PENT_VK_PADDING 16

/* The whole pages around a range; FALSE if they are not whole units of the device's alignment.  Pages that hold a byte
 * of the range are there, even at the end of a file; any other may not be. */
gboolean       vk_pages_around (gconstpointer data, gsize size, guint64 align, guintptr *begin, guintptr *end);

struct _PentVkPipeline {
  const PentVkShader *shader;
  guint32             spec[PENT_VK_MAX_SPEC];
  guint               n_spec;
  VkPipeline          pipeline;  /* VK_NULL_HANDLE in an inert one */
  PentVkPace          pace;
};

gboolean       vk_pipelines_init (PentVkContext *self);
void           vk_pipelines_finish (PentVkContext *self);

/* The bytes of the driver's pipeline cache as kept on disk; NULL if there is none or it is not sound. */
GBytes        *vk_cache_load (const PentVkDevice *device);
void           vk_cache_save (const PentVkDevice *device, gconstpointer data, gsize size);

void           vk_command_free (PentVkCommand *self);
guint64        vk_command_get_value (PentVkCommand *self);

G_END_DECLS
