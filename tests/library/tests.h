/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "pent-document.h"
#include "pent-error.h"
#include "pent-revision-list.h"
#include "pent-verify.h"

/* Each file adds its own tests. */
void add_document_tests (void);
void add_refuse_tests (void);
void add_list_tests (void);
void add_search_tests (void);
void add_merge_tests (void);
void add_verify_tests (void);
void add_index_tests (void);
void add_fault_tests (void);
void add_process_tests (void);
void add_scale_tests (void);

/* What a child process does instead of running tests. */
int  run_child (int argc, char **argv);
extern const char *test_program;

/* ---- shared ---- */

/* A new folder for one test, removed with what is in it at the end of the process. */
char         *make_folder (void);
void          remove_folders (void);
char         *make_path (const char *folder, const char *name);

PentDocument *open_document (const char *path);                          /* created if it is not there */
PentImage    *make_image (guint seed);                                   /* 8×8, another one for every seed */
PentRecipe   *make_recipe (const char *prompt, guint seed);
void          name_input (PentRecipe *recipe, PentImage *image);         /* as its starting picture */
char         *add_picture (PentDocument *document, const char *prompt, guint seed, const char *parent);
char         *add_child (PentDocument *document, const char *prompt, guint seed, const char *const *parents);
void          apply_one (PentDocument *document, PentEdit *edit);        /* takes the edit */
void          rate (PentDocument *document, const char *id, guint rating);
void          trash (PentDocument *document, const char *id, gboolean trashed);
char         *dump_document (PentDocument *document);
char         *dump_file (const char *path);
/* No problem at all, each being said first. */
void          assert_sound (const char *path);
/* Turns the main loop until this holds, at most ten seconds. */
#define wait_until(condition) \
  G_STMT_START { \
    gint64 end = g_get_monotonic_time () + 10 * G_USEC_PER_SEC; \
    while (!(condition) && g_get_monotonic_time () < end) \
      g_main_context_iteration (NULL, FALSE); \
    g_assert_true (condition); \
  } G_STMT_END

/* From the environment, or this. */
guint         get_count (const char *variable, guint fallback);
