/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-private.h"

#define MIB (1024 * 1024ull)
#define SLAB_MAX (64 * MIB)
#define SLAB_MIN (4 * MIB)

/* Blocks of exact size are rounded up to this. */
#define GRAIN (64 * 1024ull)

/* What is asked of memory whose driver tells no budget. */
#define SAFE_SHARE(size) ((size) / 10 * 9)

/* One allocation of the driver's. */
struct _PentVkBlock {
  PentVkMemory   kind;
  gboolean       shared;       /* a slab for small buffers; else of one large one */
  VkDeviceMemory memory;
  guint8        *data;         /* mapped as long as it lives, or NULL */
  PentVkSlab     slab;
};

static const VkMemoryPropertyFlags unusual = VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT | VK_MEMORY_PROPERTY_PROTECTED_BIT
  | VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD | VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD;

#define MAPPED (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)

/* The first type, in the driver's order, that has all of `required` and most of `wanted` and least of `unwanted`. */
static guint32
choose_type (const VkPhysicalDeviceMemoryProperties *memory, VkMemoryPropertyFlags required,
             VkMemoryPropertyFlags wanted, VkMemoryPropertyFlags unwanted)
{
  guint32 best = VK_MAX_MEMORY_TYPES;
  int best_score = G_MININT;

  for (guint32 i = 0; i < memory->memoryTypeCount; i++)
    {
      VkMemoryPropertyFlags flags = memory->memoryTypes[i].propertyFlags;
      int score = __builtin_popcount (flags & wanted) - __builtin_popcount (flags & unwanted);

      if ((flags & required) != required || (flags & unusual) != 0 || score <= best_score)
        continue;
      best = i;
      best_score = score;
    }

  return best;
}

static gboolean
choose_types (PentVkContext *self)
{
  const VkPhysicalDeviceMemoryProperties *memory = &self->physical->memory;
  const VkMemoryPropertyFlags local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
  const VkMemoryPropertyFlags cached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  gboolean mapped = vk_context_has (self, PENT_VK_MAPPED);
  guint32 *type = self->memory.type;

  type[PENT_VK_MEMORY_DEVICE] = choose_type (memory, mapped ? local | MAPPED : local, mapped ? cached : 0,
                                             mapped ? 0 : MAPPED);
  if (type[PENT_VK_MEMORY_DEVICE] == VK_MAX_MEMORY_TYPES)
    type[PENT_VK_MEMORY_DEVICE] = choose_type (memory, mapped ? MAPPED : 0, local, 0);
  type[PENT_VK_MEMORY_UPLOAD] = choose_type (memory, MAPPED, 0, local | cached);
  type[PENT_VK_MEMORY_READBACK] = choose_type (memory, MAPPED, cached, local);

  for (guint i = 0; i < 3; i++)
    if (type[i] == VK_MAX_MEMORY_TYPES)
      {
        vk_fault_set (&self->fault, PENT_ERROR_DEVICE, "%s has no memory that the host can reach coherently",
                      self->physical->info->name);
        return FALSE;
      }

  return TRUE;
}

/* "2G", "512M", "100000": bytes. */
static gboolean
parse_size (const char *text, guint64 *size)
{
  static const char units[] = "KMGT";
  const char *unit;
  char *end;

  if (!g_ascii_isdigit (*text))
    return FALSE;
  *size = g_ascii_strtoull (text, &end, 10);
  if (*end == '\0')
    return TRUE;

  unit = strchr (units, g_ascii_toupper (*end));
  if (unit == NULL || end[1] != '\0' || *size >> (54 - 10 * (unit - units)) != 0)
    return FALSE;

  *size <<= 10 * (unit - units + 1);
  return TRUE;
}

gboolean
vk_memory_init (PentVkContext *self)
{
  PentVkMemoryState *memory = &self->memory;
  const char *limit = g_getenv ("PENT_VK_BUDGET");

  memory->limit = G_MAXUINT64;
  if (limit != NULL && *limit != '\0' && !parse_size (limit, &memory->limit))
    {
      vk_fault_set (&self->fault, PENT_ERROR_INVALID,
                    "PENT_VK_BUDGET is “%s”, and should be a number of bytes such as 2G or 512M", limit);
      return FALSE;
    }

  memory->slab_size = CLAMP (self->physical->info->heap_size / 64, SLAB_MIN, SLAB_MAX);
  for (guint i = 0; i < 3; i++)
    memory->blocks[i] = g_ptr_array_new ();
  return choose_types (self);
}

static const VkMemoryHeap *
heap_of (PentVkContext *self, PentVkMemory kind)
{
  const VkPhysicalDeviceMemoryProperties *memory = &self->physical->memory;

  return &memory->memoryHeaps[memory->memoryTypes[self->memory.type[kind]].heapIndex];
}

/* Only memory of the device is limited and counted; staging lies in the host's. */
static gboolean
is_counted (PentVkContext *self, PentVkMemory kind)
{
  return (heap_of (self, kind)->flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0;
}

static guint64
minus (guint64 a, guint64 b)
{
  return a > b ? a - b : 0;
}

static guint64
heap_left (PentVkContext *self, PentVkMemory kind)
{
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT,
  };
  VkPhysicalDeviceMemoryProperties2 properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
    .pNext = &budget,
  };
  guint32 heap = self->physical->memory.memoryTypes[self->memory.type[kind]].heapIndex;

  if (!vk_context_has (self, PENT_VK_BUDGET))
    return minus (SAFE_SHARE (heap_of (self, kind)->size), self->memory.allocated);

  vkGetPhysicalDeviceMemoryProperties2 (self->physical->physical, &properties);
  return minus (budget.heapBudget[heap], budget.heapUsage[heap]);
}

guint64
pent_vk_context_get_available (PentVkContext *self)
{
  if (pent_vk_context_failed (self))
    return 0;

  return MIN (heap_left (self, PENT_VK_MEMORY_DEVICE), minus (self->memory.limit, self->memory.allocated));
}

guint64
pent_vk_context_get_allocated (PentVkContext *self)
{
  return self->memory.allocated;
}

guint64
pent_vk_context_get_peak (PentVkContext *self)
{
  return self->memory.peak;
}

static void
block_free (PentVkContext *self, PentVkBlock *block)
{
  if (block->memory != VK_NULL_HANDLE)
    {
      vkFreeMemory (self->device, block->memory, NULL);
      if (is_counted (self, block->kind))
        self->memory.allocated -= block->slab.size;
    }

  vk_slab_finish (&block->slab);
  g_free (block);
}

/* Slabs that nothing lies in any more. */
static void
drop_empty (PentVkContext *self)
{
  for (guint kind = 0; kind < 3; kind++)
    for (guint i = self->memory.blocks[kind]->len; i-- > 0;)
      {
        PentVkBlock *block = g_ptr_array_index (self->memory.blocks[kind], i);

        if (block->slab.used == 0)
          block_free (self, g_ptr_array_remove_index_fast (self->memory.blocks[kind], i));
      }
}

void
vk_memory_finish (PentVkContext *self)
{
  for (guint i = 0; i < 3; i++)
    {
      GPtrArray *blocks = self->memory.blocks[i];

      for (guint j = 0; blocks != NULL && j < blocks->len; j++)
        block_free (self, g_ptr_array_index (blocks, j));
      g_clear_pointer (&self->memory.blocks[i], g_ptr_array_unref);
    }
}

static void
refuse (PentVkContext *self, const char *label, guint64 size, guint64 left)
{
  g_autofree char *need = g_format_size_full (size, G_FORMAT_SIZE_IEC_UNITS | G_FORMAT_SIZE_LONG_FORMAT);
  g_autofree char *have = g_format_size_full (left, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *held = g_format_size_full (self->memory.allocated, G_FORMAT_SIZE_IEC_UNITS);

  vk_fault_set (&self->fault, PENT_ERROR_MEMORY,
                "Not enough device memory for “%s”: it needs %s, %s is left, %s is in use", label, need, have, held);
}

static void
refuse_whole (PentVkContext *self, const char *label, guint64 size)
{
  g_autofree char *need = g_format_size_full (size, G_FORMAT_SIZE_IEC_UNITS | G_FORMAT_SIZE_LONG_FORMAT);
  g_autofree char *most = g_format_size_full (self->physical->info->max_allocation, G_FORMAT_SIZE_IEC_UNITS);

  vk_fault_set (&self->fault, PENT_ERROR_MEMORY,
                "“%s” needs %s of device memory in one piece, and the device allows %s at most", label, need, most);
}

static PentVkBlock *
block_new (PentVkContext *self, PentVkMemory kind, guint64 size, const char *label)
{
  VkMemoryAllocateFlagsInfo flags = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
    .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
  };
  VkMemoryAllocateInfo info = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
    .pNext = &flags,
    .allocationSize = size,
    .memoryTypeIndex = self->memory.type[kind],
  };
  VkMemoryPropertyFlags properties = self->physical->memory.memoryTypes[info.memoryTypeIndex].propertyFlags;
  g_autofree char *text = g_format_size_full (size, G_FORMAT_SIZE_IEC_UNITS);
  PentVkBlock *block = g_new0 (PentVkBlock, 1);
  gpointer data = NULL;

  block->kind = kind;
  vk_slab_init (&block->slab, size);
  if (!VK (&self->fault, vkAllocateMemory, self->device, &info, NULL, &block->memory))
    {
      vk_fault_explain (&self->fault, "%s for “%s”", text, label);
      block_free (self, block);
      return NULL;
    }

  if (is_counted (self, kind))
    self->memory.allocated += size;
  self->memory.peak = MAX (self->memory.peak, self->memory.allocated);
  vk_context_set_name (self, VK_OBJECT_TYPE_DEVICE_MEMORY, (guint64) block->memory, label);

  if ((properties & MAPPED) == MAPPED && (kind != PENT_VK_MEMORY_DEVICE || vk_context_has (self, PENT_VK_MAPPED))
      && !VK (&self->fault, vkMapMemory, self->device, block->memory, 0, VK_WHOLE_SIZE, 0, &data))
    {
      block_free (self, block);
      return NULL;
    }

  block->data = data;
  g_ptr_array_add (self->memory.blocks[kind], block);
  return block;
}

/* A new block that holds `size` and, if the budget allows, more. */
static PentVkBlock *
grow (PentVkContext *self, PentVkMemory kind, guint64 size, const char *label)
{
  guint64 exact = (size + GRAIN - 1) / GRAIN * GRAIN;
  guint64 left = G_MAXUINT64;
  PentVkBlock *block;

  if (size > self->physical->info->max_allocation)
    {
      refuse_whole (self, label, size);
      return NULL;
    }

  exact = MIN (exact, self->physical->info->max_allocation);
  if (is_counted (self, kind))
    {
      left = MIN (heap_left (self, kind), minus (self->memory.limit, self->memory.allocated));
      if (left < exact)
        {
          drop_empty (self);
          left = MIN (heap_left (self, kind), minus (self->memory.limit, self->memory.allocated));
        }
    }

  if (left < exact)
    {
      refuse (self, label, size, left);
      return NULL;
    }

  if (size > self->memory.slab_size / 4 || left < self->memory.slab_size)
    return block_new (self, kind, exact, label);

  block = block_new (self, kind, self->memory.slab_size, "slab");
  if (block != NULL)
    block->shared = TRUE;
  return block;
}

gboolean
vk_memory_alloc (PentVkContext *self, PentVkMemory memory, const VkMemoryRequirements *needs, const char *label,
                 PentVkPiece *piece)
{
  guint64 align = MAX (needs->alignment, 256);
  GPtrArray *blocks = self->memory.blocks[memory];
  PentVkBlock *block;

  if (vk_inject (&self->fail_allocation))
    {
      VK_AS (&self->fault, "vkAllocateMemory", VK_ERROR_OUT_OF_DEVICE_MEMORY);
      return FALSE;
    }

  piece->size = needs->size;
  for (guint i = 0; i < blocks->len; i++)
    {
      piece->block = g_ptr_array_index (blocks, i);
      if (piece->block->shared && vk_slab_alloc (&piece->block->slab, needs->size, align, &piece->offset))
        return TRUE;
    }

  block = grow (self, memory, needs->size, label);
  piece->block = block;
  return block != NULL && vk_slab_alloc (&block->slab, needs->size, align, &piece->offset);
}

/* One empty slab of a kind is kept, so that a buffer made and freed in turn does not go to the driver each time. */
void
vk_memory_free (PentVkContext *self, PentVkPiece *piece)
{
  PentVkBlock *block = g_steal_pointer (&piece->block);
  GPtrArray *blocks = self->memory.blocks[block->kind];
  gboolean keep = block->shared;

  vk_slab_free (&block->slab, piece->offset, piece->size);
  if (block->slab.used > 0)
    return;

  for (guint i = 0; keep && i < blocks->len; i++)
    {
      PentVkBlock *other = g_ptr_array_index (blocks, i);

      keep = other == block || other->slab.used > 0 || !other->shared;
    }

  if (!keep)
    {
      g_ptr_array_remove_fast (blocks, block);
      block_free (self, block);
    }
}

VkDeviceMemory
vk_piece_get_memory (const PentVkPiece *piece)
{
  return piece->block->memory;
}

gpointer
vk_piece_get_data (const PentVkPiece *piece)
{
  return piece->block->data != NULL ? piece->block->data + piece->offset : NULL;
}
