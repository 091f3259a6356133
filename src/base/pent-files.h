/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* PentFiles: the files of one model by their relative names ("vae/config.json"), whoever opened them.
 *
 * The command line and the tests open a folder or a file by path; the worker, which may open no path, gets the same
 * set as file descriptors over the wire.  Everything that parses a model reads through this.  Symbolic links inside a
 * folder are followed (hub caches are made of them).  A folder is listed three levels deep, at most 4096 names.
 *
 * Thread-safety: immutable after construction; contents are mapped once, on first use, under a lock. */
#define PENT_TYPE_FILES (pent_files_get_type ())
G_DECLARE_FINAL_TYPE (PentFiles, pent_files, PENT, FILES, GObject)

/* A folder, or a single file (then the set has one name: the file's own). */
PentFiles *pent_files_new_for_path (const char *path, GError **error);

/* From the wire: names[i] belongs to fds[i].  Takes the descriptors.  label is what messages call the model. */
PentFiles *pent_files_new_for_fds (const char *label, const char *const *names, const int *fds, gsize n);

const char        *pent_files_get_label (PentFiles *self);       /* path or label, for messages */
const char *const *pent_files_get_names (PentFiles *self);       /* sorted, NULL-terminated; owned by self */
gboolean           pent_files_has (PentFiles *self, const char *name);

/* "label/name" for messages; free it. */
char              *pent_files_describe (PentFiles *self, const char *name);

/* The file's bytes, memory-mapped read-only (an empty file gives empty bytes).  PENT_ERROR_FILE. */
GBytes            *pent_files_map (PentFiles *self, const char *name, GError **error);

/* A new descriptor open for reading, for handing on over the wire; the caller closes it.  -1 on error. */
int                pent_files_open (PentFiles *self, const char *name, GError **error);

/* A view of one folder of the set ("text_encoder"): names lose the prefix.  Shares the maps. */
PentFiles         *pent_files_subset (PentFiles *self, const char *folder);

G_END_DECLS
