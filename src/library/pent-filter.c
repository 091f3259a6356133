/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-filter"

#include "pent-filter-private.h"

#include "pent-state-private.h"

PentFilter *
pent_filter_copy (const PentFilter *self)
{
  PentFilter *copy = g_new0 (PentFilter, 1);

  if (self == NULL)
    return copy;
  *copy = *self;
  copy->text = g_strdup (self->text);
  copy->model = g_strdup (self->model);
  copy->op = g_strdup (self->op);
  copy->tag = g_strdup (self->tag);
  copy->flag = g_strdup (self->flag);
  copy->parent = g_strdup (self->parent);
  copy->lineage = g_strdup (self->lineage);
  return copy;
}

void
pent_filter_free (PentFilter *self)
{
  if (self == NULL)
    return;
  g_free ((char *) self->text);
  g_free ((char *) self->model);
  g_free ((char *) self->op);
  g_free ((char *) self->tag);
  g_free ((char *) self->flag);
  g_free ((char *) self->parent);
  g_free ((char *) self->lineage);
  g_free (self);
}

/* ---- as SQL ----
 * The text is made of fixed pieces only; what the user chose is bound. */

typedef struct {
  GString   *where;
  GPtrArray *values;
} Builder;

static void
want (Builder *builder, const char *condition, GVariant *value)
{
  g_string_append_printf (builder->where, "%s%s", builder->where->len > 0 ? " AND " : "", condition);
  if (value != NULL)
    g_ptr_array_add (builder->values, g_variant_ref_sink (value));
}

static void
want_string (Builder *builder, const char *condition, const char *value)
{
  if (value != NULL)
    want (builder, condition, g_variant_new_string (value));
}

static void
want_int (Builder *builder, const char *condition, gint64 value)
{
  if (value != 0)
    want (builder, condition, g_variant_new_int64 (value));
}

/* All that are found at once; but whether one is among them without looking for the others. */
static void
want_text (Builder *builder, const char *text, gboolean one)
{
  g_autofree char *expression = text != NULL ? pent_search_expression (text) : NULL;

  if (expression != NULL)
    want (builder, one ? "EXISTS (SELECT 1 FROM search WHERE search MATCH ? AND rowid = state.seq)"
                       : "state.seq IN (SELECT rowid FROM search WHERE search MATCH ?)", g_variant_new_string (expression));
}

static void
want_fate (Builder *builder, PentTrash trash)
{
  if (trash == PENT_TRASH_HIDE)
    want (builder, "state.fate = 0", NULL);
  else if (trash == PENT_TRASH_ONLY)
    want (builder, "state.fate = 1", NULL);
}

static void
want_relation (Builder *builder, const PentFilter *self, PentSql *sql)
{
  if (self->parent != NULL && *self->parent == '\0')
    want (builder, "NOT EXISTS (SELECT 1 FROM parent WHERE child = state.seq)", NULL);
  else if (self->parent != NULL)
    want (builder, "EXISTS (SELECT 1 FROM parent WHERE child = state.seq AND parent.parent = ?)",
          g_variant_new_int64 (pent_row_find (sql, self->parent)));
  if (self->lineage != NULL)
    want (builder, "state.seq IN (WITH RECURSIVE line (seq) AS (VALUES (?) UNION SELECT parent.parent FROM parent"
          " JOIN line ON parent.child = line.seq) SELECT seq FROM line)",
          g_variant_new_int64 (pent_row_find (sql, self->lineage)));
}

GArray *
pent_filter_run (const PentFilter *self, PentSql *sql, gint64 seq, GError **error)
{
  g_autoptr (GString) where = g_string_new (NULL);
  g_autoptr (GPtrArray) values = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_autoptr (GArray) keys = g_array_new (FALSE, FALSE, sizeof (PentKey));
  g_autofree char *text = NULL;
  Builder builder = { where, values };

  want_int (&builder, "state.seq = ?", seq);
  want_fate (&builder, self->trash);
  want_int (&builder, "state.rating >= ?", self->min_rating);
  want_int (&builder, "state.created >= ?", self->since);
  want_int (&builder, "state.created < ?", self->until);
  want_string (&builder, "state.model = ?", self->model);
  want_string (&builder, "state.op = ?", self->op);
  want_string (&builder, "EXISTS (SELECT 1 FROM label WHERE kind = 'tag' AND name = ? AND label.seq = state.seq)", self->tag);
  want_string (&builder, "EXISTS (SELECT 1 FROM label WHERE kind = 'flag' AND name = ? AND label.seq = state.seq)", self->flag);
  want_relation (&builder, self, sql);
  want_text (&builder, self->text, seq != 0);

  text = g_strdup_printf ("SELECT seq, created, rating FROM state%s%s", where->len > 0 ? " WHERE " : "", where->str);
  {
    g_auto (PentQuery) query = pent_sql_query_variant (sql, text, values);

    while (pent_query_next (&query))
      {
        PentKey key = { pent_query_int (&query, 0), pent_query_int (&query, 1), (guint) pent_query_int (&query, 2) };

        g_array_append_val (keys, key);
      }
  }
  return pent_sql_check (sql, error) ? g_steal_pointer (&keys) : NULL;
}

int
pent_key_compare (const PentKey *a, const PentKey *b, PentSort sort)
{
  int order;

  if (sort == PENT_SORT_BEST && a->rating != b->rating)
    return a->rating > b->rating ? -1 : 1;
  order = a->created != b->created ? (a->created < b->created ? -1 : 1) : a->seq < b->seq ? -1 : a->seq > b->seq;
  return sort == PENT_SORT_OLDEST ? order : -order;
}
