/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <vulkan/vulkan.h>
#include "pent-error.h"

G_BEGIN_DECLS

/* The sticky error: the first failure stays, whatever follows.  Thread-safety: any thread. */
typedef struct {
  GMutex  lock;
  GError *error;
  gint    failed;      /* atomic */
} PentVkFault;

void     vk_fault_init (PentVkFault *self);
void     vk_fault_finish (PentVkFault *self);
gboolean vk_fault_is_set (PentVkFault *self);

/* FALSE and a copy once it is set. */
gboolean vk_fault_report (PentVkFault *self, GError **error);

/* Remembers a failure that is not the result of a Vulkan call. */
void     vk_fault_set (PentVkFault *self, PentError code, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* TRUE if result is a success.  Else remembers call, result and place.  What the call was for comes from explain (). */
gboolean vk_fault_check (PentVkFault *self, VkResult result, const char *call, const char *file, int line);

/* Adds to a message that check () has just set. */
void     vk_fault_explain (PentVkFault *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Every call that can fail goes through this.  After a failure the call is not made at all, and the value is FALSE. */
#define VK(fault, cmd, ...) VK_AS (fault, #cmd, cmd (__VA_ARGS__))
#define VK_AS(fault, name, result) \
  vk_fault_pass (!vk_fault_is_set (fault) && vk_fault_check ((fault), (result), (name), __FILE_NAME__, __LINE__))

static inline gboolean
vk_fault_pass (gboolean ok)
{
  return ok;
}

G_END_DECLS
