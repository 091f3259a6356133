/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "pent-document"

#include "pent-document-private.h"

/* What waits in the queue: the function of the same name without _async, and its arguments. */
typedef struct _Job Job;
struct _Job {
  void       (*run) (PentDocument *self, Job *job, GTask *task, GCancellable *cancellable);
  PentRecipe  *recipe;
  char       **ids;
  PentImage   *image;
  GPtrArray   *inputs;
  char        *text;              /* words, a path or a hash */
  PentEdit    *edit;
  guint64      number;
  gint64       result;
  gboolean     flag;
};

static void
job_free (Job *self)
{
  g_clear_pointer (&self->recipe, pent_recipe_unref);
  g_strfreev (self->ids);
  g_clear_pointer (&self->image, pent_image_unref);
  g_clear_pointer (&self->inputs, g_ptr_array_unref);
  g_free (self->text);
  g_clear_pointer (&self->edit, pent_edit_unref);
  g_free (self);
}

static void
run_job (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Job *job = data;

  if (!g_task_return_error_if_cancelled (task))
    job->run (source, job, task, cancellable);
}

static void
run_queued (gpointer data, gpointer user_data)
{
  g_autoptr (GTask) task = data;

  run_job (task, g_task_get_source_object (task), g_task_get_task_data (task), g_task_get_cancellable (task));
}

GThreadPool *
pent_document_queue_new (void)
{
  return g_thread_pool_new (run_queued, NULL, 1, FALSE, NULL);
}

static GTask *
make_task (PentDocument *self, Job *job, gpointer tag, GCancellable *cancellable, GAsyncReadyCallback callback,
           gpointer data)
{
  GTask *task = g_task_new (self, cancellable, callback, data);

  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, job, (GDestroyNotify) job_free);
  return task;
}

/* Writes, in their order. */
static void
enqueue (PentDocument *self, Job *job, gpointer tag, GCancellable *cancellable, GAsyncReadyCallback callback,
         gpointer data)
{
  g_thread_pool_push (self->queue, make_task (self, job, tag, cancellable, callback, data), NULL);
}

/* Reads, whenever a thread is free. */
static void
start (PentDocument *self, Job *job, gpointer tag, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = make_task (self, job, tag, cancellable, callback, data);

  g_task_run_in_thread (task, run_job);
}

static void
return_boolean (GTask *task, gboolean done, GError *error)
{
  if (done)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static gboolean
finish_boolean (PentDocument *self, GAsyncResult *result, gint64 *number, GError **error)
{
  if (number != NULL)
    *number = ((Job *) g_task_get_task_data (G_TASK (result)))->result;
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- add ---- */

static void
run_add (PentDocument *self, Job *job, GTask *task, GCancellable *cancellable)
{
  GError *error = NULL;
  char *id = pent_document_add_revision (self, job->recipe, (const char *const *) job->ids, job->image, job->inputs,
                                         job->text, cancellable, &error);

  if (id != NULL)
    g_task_return_pointer (task, id, g_free);
  else
    g_task_return_error (task, error);
}

void
pent_document_add_revision_async (PentDocument *self, PentRecipe *recipe, const char *const *parents, PentImage *image,
                                  GPtrArray *inputs, const char *words, GCancellable *cancellable,
                                  GAsyncReadyCallback callback, gpointer data)
{
  Job *job;

  g_return_if_fail (PENT_IS_DOCUMENT (self));
  g_return_if_fail (recipe != NULL);

  job = g_new0 (Job, 1);
  job->run = run_add;
  job->recipe = pent_recipe_ref (recipe);
  job->ids = g_strdupv ((char **) parents);
  job->image = image != NULL ? pent_image_ref (image) : NULL;
  job->inputs = inputs != NULL ? g_ptr_array_ref (inputs) : NULL;
  job->text = g_strdup (words);
  enqueue (self, job, pent_document_add_revision_async, cancellable, callback, data);
}

char *
pent_document_add_revision_finish (PentDocument *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- apply, undo, redo ---- */

static void
run_apply (PentDocument *self, Job *job, GTask *task, GCancellable *cancellable)
{
  GError *error = NULL;

  job->number = pent_document_apply (self, job->edit, cancellable, &error);
  return_boolean (task, job->number != 0, error);
}

void
pent_document_apply_async (PentDocument *self, PentEdit *edit, GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer data)
{
  Job *job;

  g_return_if_fail (PENT_IS_DOCUMENT (self));
  g_return_if_fail (edit != NULL);

  job = g_new0 (Job, 1);
  job->run = run_apply;
  job->edit = pent_edit_ref (edit);
  enqueue (self, job, pent_document_apply_async, cancellable, callback, data);
}

guint64
pent_document_apply_finish (PentDocument *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), 0);

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return 0;
  return ((Job *) g_task_get_task_data (G_TASK (result)))->number;
}

static void
run_turn (PentDocument *self, Job *job, GTask *task, GCancellable *cancellable)
{
  GError *error = NULL;
  gboolean done = job->flag ? pent_document_redo (self, cancellable, &error)
                            : pent_document_undo (self, job->number, cancellable, &error);

  return_boolean (task, done, error);
}

static void
turn_async (PentDocument *self, gboolean redo, guint64 step, gpointer tag, GCancellable *cancellable,
            GAsyncReadyCallback callback, gpointer data)
{
  Job *job = g_new0 (Job, 1);

  job->run = run_turn;
  job->flag = redo;
  job->number = step;
  enqueue (self, job, tag, cancellable, callback, data);
}

void
pent_document_undo_async (PentDocument *self, guint64 step, GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer data)
{
  g_return_if_fail (PENT_IS_DOCUMENT (self));
  turn_async (self, FALSE, step, pent_document_undo_async, cancellable, callback, data);
}

void
pent_document_redo_async (PentDocument *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_return_if_fail (PENT_IS_DOCUMENT (self));
  turn_async (self, TRUE, 0, pent_document_redo_async, cancellable, callback, data);
}

gboolean
pent_document_undo_finish (PentDocument *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return finish_boolean (self, result, NULL, error);
}

/* ---- purge, merge, export ---- */

static void
run_purge (PentDocument *self, Job *job, GTask *task, GCancellable *cancellable)
{
  GError *error = NULL;

  return_boolean (task, pent_document_purge (self, (const char *const *) job->ids, &job->result, cancellable, &error),
                  error);
}

void
pent_document_purge_async (PentDocument *self, const char *const *ids, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer data)
{
  Job *job;

  g_return_if_fail (PENT_IS_DOCUMENT (self));

  job = g_new0 (Job, 1);
  job->run = run_purge;
  job->ids = g_strdupv ((char **) ids);
  enqueue (self, job, pent_document_purge_async, cancellable, callback, data);
}

gboolean
pent_document_purge_finish (PentDocument *self, GAsyncResult *result, gint64 *freed, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return finish_boolean (self, result, freed, error);
}

static void
run_merge (PentDocument *self, Job *job, GTask *task, GCancellable *cancellable)
{
  GError *error = NULL;
  guint n = 0;
  gboolean done = pent_document_merge (self, job->text, &n, cancellable, &error);

  job->result = n;
  return_boolean (task, done, error);
}

void
pent_document_merge_async (PentDocument *self, const char *path, GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer data)
{
  Job *job;

  g_return_if_fail (PENT_IS_DOCUMENT (self));
  g_return_if_fail (path != NULL);

  job = g_new0 (Job, 1);
  job->run = run_merge;
  job->text = g_strdup (path);
  enqueue (self, job, pent_document_merge_async, cancellable, callback, data);
}

gboolean
pent_document_merge_finish (PentDocument *self, GAsyncResult *result, guint *n_new, GError **error)
{
  gint64 n;
  gboolean done;

  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  done = finish_boolean (self, result, &n, error);
  if (n_new != NULL)
    *n_new = (guint) n;
  return done;
}

static void
run_export (PentDocument *self, Job *job, GTask *task, GCancellable *cancellable)
{
  GError *error = NULL;
  guint n = 0;
  gboolean done = pent_document_export_all (self, job->text, &n, cancellable, &error);

  job->result = n;
  return_boolean (task, done, error);
}

void
pent_document_export_all_async (PentDocument *self, const char *folder, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer data)
{
  Job *job;

  g_return_if_fail (PENT_IS_DOCUMENT (self));
  g_return_if_fail (folder != NULL);

  job = g_new0 (Job, 1);
  job->run = run_export;
  job->text = g_strdup (folder);
  start (self, job, pent_document_export_all_async, cancellable, callback, data);
}

gboolean
pent_document_export_all_finish (PentDocument *self, GAsyncResult *result, guint *n, GError **error)
{
  gint64 number;
  gboolean done;

  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  done = finish_boolean (self, result, &number, error);
  if (n != NULL)
    *n = (guint) number;
  return done;
}

/* ---- pictures ---- */

static void
run_load (PentDocument *self, Job *job, GTask *task, GCancellable *cancellable)
{
  GError *error = NULL;
  PentImage *image = job->flag ? pent_document_load_thumbnail (self, job->text, &error)
                               : pent_document_load_image (self, job->text, &error);

  if (image != NULL)
    g_task_return_pointer (task, image, (GDestroyNotify) pent_image_unref);
  else
    g_task_return_error (task, error);
}

void
pent_document_load_image_async (PentDocument *self, const char *hash, gboolean thumbnail, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer data)
{
  Job *job;

  g_return_if_fail (PENT_IS_DOCUMENT (self));
  g_return_if_fail (hash != NULL);

  job = g_new0 (Job, 1);
  job->run = run_load;
  job->text = g_strdup (hash);
  job->flag = thumbnail;
  start (self, job, pent_document_load_image_async, cancellable, callback, data);
}

PentImage *
pent_document_load_image_finish (PentDocument *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
