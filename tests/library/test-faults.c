/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <unistd.h>

#include <glib/gstdio.h>
#include <sqlite3.h>

#include "tests.h"

/* A file system that fails when told to: SQLite's own, with every call that changes something counted. */

typedef enum {
  FAULT_FULL,             /* ENOSPC */
  FAULT_IO,               /* EIO */
  FAULT_SHORT,            /* half of it is written, then EIO */
  N_FAULTS
} Fault;

static struct {
  sqlite3_vfs  vfs;
  sqlite3_vfs *real;
  Fault        fault;
  int          calls_left;        /* until the one that fails; negative: none does */
  gboolean     stays;             /* all after it fail too */
  gboolean     failed;
} faulty;

typedef struct {
  sqlite3_file  file;
  sqlite3_file *real;
} FaultyFile;

static gboolean
should_fail (void)
{
  gboolean fail;

  if (faulty.calls_left < 0)
    return FALSE;
  fail = faulty.calls_left == 0 || (faulty.failed && faulty.stays);
  if (faulty.calls_left > 0)
    faulty.calls_left--;
  else if (!faulty.stays)
    faulty.calls_left = -1;
  faulty.failed |= fail;
  return fail;
}

#define REAL(file) (((FaultyFile *) (file))->real)
#define CALL(file, method, ...) (REAL (file)->pMethods->method (REAL (file), ##__VA_ARGS__))

static int
file_close (sqlite3_file *file)
{
  return CALL (file, xClose);
}

static int
file_read (sqlite3_file *file, void *data, int n, sqlite3_int64 offset)
{
  return CALL (file, xRead, data, n, offset);
}

static int
file_write (sqlite3_file *file, const void *data, int n, sqlite3_int64 offset)
{
  if (!should_fail ())
    return CALL (file, xWrite, data, n, offset);
  if (faulty.fault == FAULT_SHORT)
    CALL (file, xWrite, data, n / 2, offset);
  return faulty.fault == FAULT_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int
file_truncate (sqlite3_file *file, sqlite3_int64 size)
{
  return should_fail () ? SQLITE_IOERR_TRUNCATE : CALL (file, xTruncate, size);
}

static int
file_sync (sqlite3_file *file, int flags)
{
  return should_fail () ? SQLITE_IOERR_FSYNC : CALL (file, xSync, flags);
}

static int
file_size (sqlite3_file *file, sqlite3_int64 *size)
{
  return CALL (file, xFileSize, size);
}

static int
file_lock (sqlite3_file *file, int level)
{
  return CALL (file, xLock, level);
}

static int
file_unlock (sqlite3_file *file, int level)
{
  return CALL (file, xUnlock, level);
}

static int
file_check_lock (sqlite3_file *file, int *result)
{
  return CALL (file, xCheckReservedLock, result);
}

static int
file_control (sqlite3_file *file, int op, void *arg)
{
  return CALL (file, xFileControl, op, arg);
}

static int
file_sector_size (sqlite3_file *file)
{
  return CALL (file, xSectorSize);
}

static int
file_characteristics (sqlite3_file *file)
{
  return CALL (file, xDeviceCharacteristics);
}

static const sqlite3_io_methods methods = {
  .iVersion = 1,
  .xClose = file_close,
  .xRead = file_read,
  .xWrite = file_write,
  .xTruncate = file_truncate,
  .xSync = file_sync,
  .xFileSize = file_size,
  .xLock = file_lock,
  .xUnlock = file_unlock,
  .xCheckReservedLock = file_check_lock,
  .xFileControl = file_control,
  .xSectorSize = file_sector_size,
  .xDeviceCharacteristics = file_characteristics,
};

static int
vfs_open (sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
  int rc;

  file->pMethods = NULL;
  if ((flags & SQLITE_OPEN_CREATE) && (name == NULL || access (name, F_OK) != 0) && should_fail ())
    return SQLITE_CANTOPEN;
  REAL (file) = (sqlite3_file *) ((FaultyFile *) file + 1);
  rc = faulty.real->xOpen (faulty.real, name, REAL (file), flags, out_flags);
  if (rc == SQLITE_OK)
    file->pMethods = &methods;
  return rc;
}

static int
vfs_delete (sqlite3_vfs *vfs, const char *name, int sync)
{
  return should_fail () ? SQLITE_IOERR_DELETE : faulty.real->xDelete (faulty.real, name, sync);
}

static void
faulty_install (void)
{
  faulty.real = sqlite3_vfs_find (NULL);
  faulty.vfs = *faulty.real;
  faulty.vfs.zName = "faulty";
  faulty.vfs.szOsFile = (int) sizeof (FaultyFile) + faulty.real->szOsFile;
  faulty.vfs.xOpen = vfs_open;
  faulty.vfs.xDelete = vfs_delete;
  faulty.vfs.pNext = NULL;
  faulty.calls_left = -1;
  g_assert_cmpint (sqlite3_vfs_register (&faulty.vfs, 1), ==, SQLITE_OK);
}

static void
faulty_remove (void)
{
  sqlite3_vfs_unregister (&faulty.vfs);
}

static void
faulty_arm (Fault fault, int call, gboolean stays)
{
  faulty.fault = fault;
  faulty.calls_left = call;
  faulty.stays = stays;
  faulty.failed = FALSE;
}

/* ---- what the artist does meanwhile ---- */

typedef gboolean (*Action) (PentDocument *document, const char *folder, GError **error);

static const char *some_id;

static gboolean
do_add (PentDocument *document, const char *folder, GError **error)
{
  g_autoptr (PentRecipe) recipe = make_recipe ("a new one", 555);
  g_autoptr (PentImage) image = make_image (555);
  g_autofree char *id = NULL;

  id = pent_document_add_revision (document, recipe, (const char *[]) { some_id, NULL }, image, NULL, "w", NULL, error);
  return id != NULL;
}

static gboolean
do_rate (PentDocument *document, const char *folder, GError **error)
{
  g_autoptr (PentEdit) edit = pent_edit_new ("Rate");

  pent_edit_set_rating (edit, some_id, 5);
  pent_edit_set_name (edit, some_id, "Five");
  return pent_document_apply (document, edit, NULL, error) != 0;
}

static gboolean
do_purge (PentDocument *document, const char *folder, GError **error)
{
  return pent_document_purge (document, NULL, NULL, NULL, error);
}

static gboolean
do_merge (PentDocument *document, const char *folder, GError **error)
{
  g_autofree char *other = make_path (folder, "other.pentimento");

  return pent_document_merge (document, other, NULL, NULL, error);
}

static const struct {
  const char *name;
  Action      action;
} actions[] = { { "add", do_add }, { "rate", do_rate }, { "purge", do_purge }, { "merge", do_merge } };

static void
copy_file (const char *from, const char *to)
{
  g_autofree char *contents = NULL, *journal = g_strconcat (to, "-journal", NULL);
  gsize size;

  g_unlink (journal);
  g_assert_true (g_file_get_contents (from, &contents, &size, NULL));
  g_assert_true (g_file_set_contents (to, contents, (gssize) size, NULL));
}

/* A document with some of everything, and another one to merge. */
static char *
make_documents (const char *folder)
{
  g_autofree char *base = make_path (folder, "base.pentimento"), *other = make_path (folder, "other.pentimento");
  g_autoptr (PentDocument) document = open_document (base), second = open_document (other);
  g_autofree char *first = add_picture (document, "one", 1, NULL), *thrown = NULL;

  for (guint i = 2; i < 12; i++)
    g_free (add_picture (document, "more", i, first));
  for (guint i = 20; i < 26; i++)
    {
      thrown = (g_free (thrown), add_picture (document, "thrown", i, first));
      trash (document, thrown, TRUE);
    }
  for (guint i = 30; i < 36; i++)
    g_free (add_picture (second, "other", i, NULL));
  return g_steal_pointer (&first);
}

/* Nothing of a step that failed is there; but a merge goes in portions, of which some may be. */
static void
check_whole (const char *path, const char *before, Action action, gboolean done)
{
  g_autofree char *dump = NULL;

  assert_sound (path);
  if (done)
    return;
  dump = dump_file (path);
  if (action != do_merge)
    {
      g_assert_cmpstr (dump, ==, before);
    }
  else
    {
      g_auto (GStrv) lines = g_strsplit (before, "\n", -1);

      for (guint i = 0; lines[i] != NULL; i++)
        g_assert_nonnull (strstr (dump, lines[i]));
    }
}

/* Every write in turn would be some thousand documents: by default one in six, but of each kind others; all of them with
 * -m slow.  Returns whether there was a call to fail. */
static gboolean
try_once (const char *folder, const char *before, Action action, Fault fault, int call, gboolean stays)
{
  g_autofree char *base = make_path (folder, "base.pentimento"), *path = make_path (folder, "a.pentimento");
  g_autoptr (PentDocument) document = NULL;
  g_autoptr (GError) error = NULL;
  gboolean done, failed;

  copy_file (base, path);
  document = pent_document_open (path, PENT_DOCUMENT_DEFAULT, "Ada", &error);
  g_assert_no_error (error);

  faulty_arm (fault, call, stays);
  done = action (document, folder, &error);
  failed = faulty.failed;
  faulty_arm (fault, -1, FALSE);
  if (!done)
    {
      g_assert_true (failed);
      g_assert_nonnull (error);
      g_assert_true (error->domain == PENT_ERROR);
      g_assert_nonnull (strstr (error->message, "“a.pentimento”"));
      g_clear_error (&error);
    }

  /* The disk is well again: what failed can be done, by the same window, or by the next one after a crash here. */
  if (call % 2 == 0)
    g_clear_object (&document);
  check_whole (path, before, action, done);
  if (document == NULL)
    document = pent_document_open (path, PENT_DOCUMENT_DEFAULT, "Ada", &error);
  g_assert_no_error (error);
  done = action (document, folder, &error);
  g_assert_no_error (error);
  g_assert_true (done);
  g_clear_object (&document);
  check_whole (path, before, action, TRUE);
  return failed;
}

static void
test_every_write (gconstpointer data)
{
  g_autofree char *folder = make_folder ();
  Action action = actions[GPOINTER_TO_UINT (data)].action;
  g_autofree char *base = make_path (folder, "base.pentimento"), *before = NULL;
  int stride = (int) get_count ("PENT_TEST_STRIDE", g_test_slow () ? 1 : 6), offset = 0;
  guint n_tried = 0;

  some_id = make_documents (folder);
  before = dump_file (base);
  faulty_install ();
  for (Fault fault = 0; fault < N_FAULTS; fault++)
    for (gboolean stays = FALSE; stays <= TRUE; stays++)
      for (int call = offset++ % stride; try_once (folder, before, action, fault, call, stays); call += stride)
        n_tried++;
  faulty_remove ();
  g_test_message ("%s: %u failing writes", actions[GPOINTER_TO_UINT (data)].name, n_tried);
  g_assert_cmpuint (n_tried, >, 12);
  g_free ((char *) some_id);
}

/* A document that could not be made leaves nothing that keeps it from being made. */
static void
test_creating (void)
{
  g_autofree char *folder = make_folder (), *path = make_path (folder, "a.pentimento");
  guint n_tried = 0;

  faulty_install ();
  for (Fault fault = 0; fault < N_FAULTS; fault++)
    for (gboolean stays = FALSE; stays <= TRUE; stays++)
      for (int call = g_test_slow () ? 0 : (int) fault;; call += g_test_slow () ? 1 : 3)
        {
          g_autoptr (PentDocument) document = NULL;
          g_autoptr (GError) error = NULL;

          faulty_arm (fault, call, stays);
          document = pent_document_open (path, PENT_DOCUMENT_CREATE, "Ada", &error);
          if (document == NULL)
            g_assert_true (error->domain == PENT_ERROR);
          faulty.calls_left = -1;
          g_clear_object (&document);
          g_clear_error (&error);
          document = pent_document_open (path, PENT_DOCUMENT_CREATE, "Ada", &error);
          g_assert_no_error (error);
          g_clear_object (&document);
          assert_sound (path);
          g_assert_no_errno (g_unlink (path));
          if (!faulty.failed)
            break;
          n_tried++;
        }
  faulty_remove ();
  g_test_message ("create: %u failing writes", n_tried);
  g_assert_cmpuint (n_tried, >, 12);
}

void
add_fault_tests (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (actions); i++)
    {
      g_autofree char *name = g_strconcat ("/faults/", actions[i].name, NULL);

      g_test_add_data_func (name, GUINT_TO_POINTER (i), test_every_write);
    }
  g_test_add_func ("/faults/create", test_creating);
}
