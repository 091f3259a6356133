/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* PentFilter: which revisions a list shows: those that all of its members allow; zero or NULL allows all.
 * Strings are as the caller has them; lists copy. */
typedef enum {
  PENT_TRASH_HIDE,          /* what is in view */
  PENT_TRASH_ONLY,          /* what is in the trash and not purged */
  PENT_TRASH_SHOW,          /* both, and the purged: the whole tree */
} PentTrash;

typedef struct {
  const char *text;         /* words as typed, all wanted, each as a beginning: prompt, negative, words, name, tags, model, notes */
  guint       min_rating;
  const char *model;
  const char *op;
  const char *tag;
  const char *flag;
  gint64      since;        /* made at this time or later; microseconds since 1970 */
  gint64      until;        /* made before; 0: no end */
  PentTrash   trash;
  const char *parent;       /* the children of this id; "": roots */
  const char *lineage;      /* this id and everything it came of */
} PentFilter;

typedef enum {
  PENT_SORT_NEWEST,
  PENT_SORT_OLDEST,
  PENT_SORT_BEST,           /* rating, then the newest */
} PentSort;

PentFilter *pent_filter_copy (const PentFilter *self);          /* NULL gives one that allows what is in view */
void        pent_filter_free (PentFilter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PentFilter, pent_filter_free)

G_END_DECLS
