/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vk-private.h"
#include "vk-test.h"

static const char *const kinds[] = { "device", "upload", "readback" };

/* Many of all sizes, made and freed in any order: aligned, apart, and each keeps what was written to it. */
static void
test_many (void)
{
  PentVkContext *context = test_context_new ();
  PentVkBuffer *buffers[40] = { NULL };
  guint32 seeds[G_N_ELEMENTS (buffers)];

  for (guint round = 0; round < 400; round++)
    {
      guint i = g_test_rand_int_range (0, G_N_ELEMENTS (buffers)), n = 1u << g_test_rand_int_range (0, 18);
      PentVkMemory memory = g_test_rand_int_range (0, 3);

      if (buffers[i] != NULL)
        {
          guint size = pent_vk_buffer_get_size (buffers[i]) / 4;
          g_autofree guint32 *words = test_words (size, seeds[i]);

          test_assert_words (buffers[i], 0, words, size);
          g_clear_pointer (&buffers[i], pent_vk_buffer_unref);
        }
      else
        {
          g_autofree guint32 *words = NULL;

          n += g_test_rand_int_range (0, n);
          seeds[i] = g_test_rand_int ();
          words = test_words (n, seeds[i]);
          buffers[i] = pent_vk_buffer_new (context, memory, n * 4ull, kinds[memory]);
          g_assert_cmpuint (pent_vk_buffer_get_address (buffers[i]) % 256, ==, 0);
          g_assert_cmpuint (pent_vk_buffer_get_address (buffers[i]), >, 0);
          g_assert_cmpuint (pent_vk_buffer_get_size (buffers[i]), ==, n * 4ull);
          if (memory != PENT_VK_MEMORY_DEVICE)
            g_assert_nonnull (pent_vk_buffer_get_data (buffers[i]));
          pent_vk_buffer_write (buffers[i], 0, words, n * 4ull);
        }
    }

  for (guint i = 0; i < G_N_ELEMENTS (buffers); i++)
    for (guint j = 0; j < i; j++)
      if (buffers[i] != NULL && buffers[j] != NULL)
        {
          guint64 a = pent_vk_buffer_get_address (buffers[i]), a_end = a + pent_vk_buffer_get_size (buffers[i]);
          guint64 b = pent_vk_buffer_get_address (buffers[j]), b_end = b + pent_vk_buffer_get_size (buffers[j]);

          g_assert_true (a_end <= b || b_end <= a);
        }

  for (guint i = 0; i < G_N_ELEMENTS (buffers); i++)
    g_clear_pointer (&buffers[i], pent_vk_buffer_unref);
  test_context_end (context);
}

/* Small ones share an allocation, and what is freed is used again; large ones leave nothing behind. */
static void
test_reuse (void)
{
  PentVkContext *context = test_context_new ();
  guint64 one, peak;

  pent_vk_buffer_unref (pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 100000, "first"));
  one = pent_vk_context_get_allocated (context);
  g_assert_cmpuint (one, >, 0);
  for (guint i = 0; i < 1000; i++)
    {
      g_autoptr (PentVkBuffer) a = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 100000, "small");
      g_autoptr (PentVkBuffer) b = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 1 + i, "small");

      g_assert_cmpuint (pent_vk_context_get_allocated (context), ==, one);
    }
  g_assert_cmpuint (pent_vk_context_get_allocated (context), ==, one);

  for (guint i = 0; i < 3; i++)
    pent_vk_buffer_unref (pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 100 << 20, "large"));
  peak = pent_vk_context_get_peak (context);
  g_assert_cmpuint (pent_vk_context_get_allocated (context), ==, one);
  g_assert_cmpuint (peak, >=, one + (100 << 20));
  g_assert_cmpuint (peak, <, one + (200 << 20));
  test_context_end (context);
}

static void
assert_memory_error (PentVkContext *context, const char *part)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (pent_vk_context_check (context, &error));
  g_assert_error (error, PENT_ERROR, PENT_ERROR_MEMORY);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, part));
  g_assert_nonnull (strstr (error->message, "“weights”"));
}

static void
test_budget (void)
{
  g_autoptr (PentVkContext) context = NULL;
  g_autoptr (PentVkBuffer) within = NULL, beyond = NULL;

  test_env_set ("PENT_VK_BUDGET", "96M");
  context = test_context_new ();
  test_env_reset ("PENT_VK_BUDGET");
  g_assert_cmpuint (pent_vk_context_get_available (context), ==, 96 << 20);

  within = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 90 << 20, "small enough");
  g_assert_true (pent_vk_context_check (context, NULL));
  g_assert_cmpuint (pent_vk_context_get_available (context), ==, 6 << 20);
  beyond = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 7 << 20, "weights");
  assert_memory_error (context, "7.0\u00a0MiB");
  assert_memory_error (context, "6.0\u00a0MiB is left");
  g_assert_cmpuint (pent_vk_buffer_get_address (beyond), ==, 0);
  g_assert_null (pent_vk_buffer_get_data (beyond));
  g_assert_cmpuint (pent_vk_context_get_n_messages (context), ==, 0);
}

/* What a slab would not fit into is still given out to the last byte, and empty slabs are given up for it. */
static void
test_budget_tight (void)
{
  PentVkContext *context;
  PentVkBuffer *buffer;

  test_env_set ("PENT_VK_BUDGET", "70M");
  context = test_context_new ();
  test_env_reset ("PENT_VK_BUDGET");

  pent_vk_buffer_unref (pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 1000, "in a slab"));
  buffer = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 66 << 20, "large");
  for (guint i = 0; i < 10; i++)
    {
      PentVkBuffer *small = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 1 << 20, "small");

      g_assert_true (pent_vk_context_check (context, NULL));
      pent_vk_buffer_unref (small);
    }
  pent_vk_buffer_unref (buffer);
  test_context_end (context);
}

static void
test_budget_nonsense (void)
{
  static const char *const values[] = { "much", "2X", "2GB", "99999999999G", "-1", "G" };

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr (GError) error = NULL;

      test_env_set ("PENT_VK_BUDGET", values[i]);
      g_assert_null (pent_vk_context_new (NULL, &error));
      test_env_reset ("PENT_VK_BUDGET");
      g_assert_error (error, PENT_ERROR, PENT_ERROR_INVALID);
      g_assert_nonnull (strstr (error->message, values[i]));
    }
}

static void
test_too_large (void)
{
  const guint64 most = G_MAXUINT64;

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (PentVkContext) context = test_context_new ();
      guint64 limit = pent_vk_context_get_info (context)->max_allocation;
      guint64 sizes[] = { limit + 1, limit * 3, most };
      g_autoptr (PentVkBuffer) buffer = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, sizes[i], "weights");

      assert_memory_error (context, "allows");
      g_assert_cmpuint (pent_vk_buffer_get_size (buffer), ==, sizes[i]);
      g_assert_cmpuint (pent_vk_context_get_n_messages (context), ==, 0);
    }
}

/* Through staging in several pieces, at odd places. */
static void
check_transfers (guint n)
{
  PentVkContext *context = test_context_new ();
  g_autofree guint32 *words = test_words (n, 1);
  g_autofree guint8 *back = g_malloc (n * 4ull);
  PentVkBuffer *buffer = test_buffer_new (context, words, n, "there and back");

  test_assert_words (buffer, 0, words, n);
  pent_vk_buffer_write (buffer, 5, "abc", 3);
  memcpy ((guint8 *) words + 5, "abc", 3);
  pent_vk_buffer_read (buffer, 3, back, n * 4ull - 7);
  g_assert_cmpint (memcmp (back, (guint8 *) words + 3, n * 4ull - 7), ==, 0);
  pent_vk_buffer_read (buffer, 0, back, 0);
  pent_vk_buffer_write (buffer, n * 4ull, NULL, 0);
  pent_vk_buffer_unref (buffer);
  test_context_end (context);
}

static void
test_transfers (void)
{
  check_transfers (100000);
}

static void
test_transfers_staged (void)
{
  test_env_set ("PENT_VK_DISABLE", "mapped");
  check_transfers (3);
  check_transfers (20 << 20);
  test_env_reset ("PENT_VK_DISABLE");
}

#define ORDER_N (1 << 18)

/* A read sees the submissions before it without further ado; staging outlives no context. */
static void
check_transfers_order (void)
{
  g_autofree guint32 *words = test_words (ORDER_N, 3);
  g_autofree guint32 *expected = g_memdup2 (words, 4 * ORDER_N);
  g_autofree guint32 *back = g_new (guint32, ORDER_N);
  PentVkContext *context = test_context_new ();
  PentVkBuffer *x, *y;
  PentVkCommand *command;

  x = test_buffer_new (context, words, ORDER_N, "x");
  y = test_buffer_new (context, words, ORDER_N, "y");
  command = pent_vk_command_new (context, "double");

  TestSaxpy call = { .x = x, .y = y, .groups = { ORDER_N / 64, 1, 1 }, .spec = { 64, 1, 1 } };
  for (guint i = 0; i < 10; i++)
    test_saxpy_record (command, &call);
  pent_vk_command_end (command);
  for (guint i = 0; i < 2; i++)
    g_assert_cmpuint (pent_vk_command_submit (command), >, 0);
  for (guint i = 0; i < 20; i++)
    test_saxpy_apply (&call, words, expected);
  g_assert_cmpuint (pent_vk_command_submit (command), >, 0);
  pent_vk_buffer_read (y, 0, back, 4 * ORDER_N);
  for (guint i = 0; i < 10; i++)
    test_saxpy_apply (&call, words, expected);
  g_assert_cmpint (memcmp (back, expected, 4 * ORDER_N), ==, 0);

  pent_vk_command_unref (command);
  pent_vk_buffer_unref (x);
  pent_vk_context_unref (context);
  test_assert_words (y, 0, expected, ORDER_N);
  pent_vk_buffer_unref (y);
}

static void
test_transfers_order (void)
{
  check_transfers_order ();
  test_env_set ("PENT_VK_DISABLE", "mapped");
  check_transfers_order ();
  test_env_reset ("PENT_VK_DISABLE");
}

#define FILE_SIZE 50001

static GBytes *
map_file (const guint8 *data, gsize size)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  int fd = g_file_open_tmp ("import-XXXXXX", &path, &error);
  g_autoptr (GMappedFile) file = NULL;

  g_assert_no_error (error);
  g_assert_cmpint (write (fd, data, size), ==, size);
  file = g_mapped_file_new_from_fd (fd, FALSE, &error);
  g_assert_no_error (error);
  close (fd);
  g_unlink (path);
  return g_mapped_file_get_bytes (file);
}

static void
check_import (PentVkContext *context, GBytes *bytes)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  g_autofree guint8 *back = g_malloc (size);
  g_autoptr (PentVkBuffer) import = pent_vk_buffer_import (context, bytes, "import");
  g_autoptr (PentVkBuffer) copy = pent_vk_buffer_new (context, PENT_VK_MEMORY_READBACK, size, "copy");
  g_autoptr (PentVkCommand) command = pent_vk_command_new (context, "import");
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (import);
  g_assert_cmpuint (pent_vk_buffer_get_size (import), ==, size);
  g_assert_cmpuint (pent_vk_buffer_get_address (import) % 4096, ==, (guintptr) data % 4096);
  pent_vk_command_copy (command, copy, 0, import, 0, size);
  pent_vk_command_end (command);
  pent_vk_command_run (command, NULL, &error);
  g_assert_no_error (error);
  pent_vk_buffer_read (copy, 0, back, size);
  g_assert_cmpint (memcmp (back, data, size), ==, 0);
  pent_vk_buffer_read (import, 0, back, size);
  g_assert_cmpint (memcmp (back, data, size), ==, 0);
}

/* By a shader, whose reads are of words. */
static void
check_import_shader (PentVkContext *context, GBytes *bytes, guint n)
{
  g_autofree guint32 *expected = g_new0 (guint32, n);
  g_autoptr (PentVkBuffer) import = pent_vk_buffer_import (context, bytes, "import");
  g_autoptr (PentVkBuffer) y = test_buffer_new (context, expected, n, "y");
  g_autoptr (PentVkCommand) command = pent_vk_command_new (context, "import");
  TestSaxpy call = { .x = import, .y = y, .groups = { n / 4, 1, 1 }, .spec = { 4, 3, 0 } };
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (import);
  test_saxpy_record (command, &call);
  pent_vk_command_end (command);
  pent_vk_command_run (command, NULL, &error);
  g_assert_no_error (error);
  test_saxpy_apply (&call, g_bytes_get_data (bytes, NULL), expected);
  test_assert_words (y, 0, expected, n);
}

/* A read-only private mapping of a file, at odd places, up to its last byte. */
static void
test_import (void)
{
  static const struct { gsize offset, size; } ranges[] = {
    { 0, FILE_SIZE }, { 1, 1 }, { 4095, 2 }, { 4096, 4096 }, { 8191, 30000 }, { FILE_SIZE - 1, 1 },
    { 49152, FILE_SIZE - 49152 },
  };
  PentVkContext *context = test_context_new ();
  g_autofree guint32 *words = test_words (FILE_SIZE / 4 + 1, 7);
  g_autoptr (GBytes) bytes = map_file ((guint8 *) words, FILE_SIZE), odd = NULL, heap = NULL;

  if (!(pent_vk_context_get_info (context)->features & PENT_VK_IMPORT))
    {
      g_assert_null (pent_vk_buffer_import (context, bytes, "import"));
      test_context_end (context);
      g_test_skip ("the device does not share host memory");
      return;
    }

  for (guint i = 0; i < G_N_ELEMENTS (ranges); i++)
    {
      g_autoptr (GBytes) range = g_bytes_new_from_bytes (bytes, ranges[i].offset, ranges[i].size);

      check_import (context, range);
    }

  odd = g_bytes_new_from_bytes (bytes, 4 * 1001, 4 * 8000);
  check_import_shader (context, odd, 8000);
  heap = g_bytes_new (words, 12345);
  check_import (context, heap);
  g_assert_true (g_bytes_get_size (bytes) == FILE_SIZE);
  test_context_end (context);
}

/* The page after the last of a file does not exist: it is neither imported nor touched. */
static void
test_import_last_page (void)
{
  PentVkContext *context = test_context_new ();
  gsize page = sysconf (_SC_PAGESIZE);
  guint8 *pages = mmap (NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  g_autoptr (GBytes) bytes = NULL;

  g_assert_true (pages != MAP_FAILED);
  memset (pages, 3, 3 * page);
  g_assert_cmpint (munmap (pages, page), ==, 0);
  g_assert_cmpint (munmap (pages + 2 * page, page), ==, 0);
  bytes = g_bytes_new_static (pages + page, page);
  if (pent_vk_context_get_info (context)->features & PENT_VK_IMPORT)
    check_import (context, bytes);
  test_context_end (context);
  munmap (pages + page, page);
}

static void
test_import_pages (void)
{
  guintptr page = sysconf (_SC_PAGESIZE), begin, end;

  for (guint i = 0; i < 1000; i++)
    {
      guintptr first = g_test_rand_int_range (0, 5 * page), size = g_test_rand_int_range (1, 3 * page);

      first = i % 3 == 0 ? first / page * page : first;
      size = i % 5 == 0 ? (first + size + page - 1) / page * page - first : size;
      g_assert_true (vk_pages_around ((gpointer) first, size, page, &begin, &end));
      g_assert_cmpuint (begin % page + end % page, ==, 0);
      g_assert_cmpuint (begin, <=, first);
      g_assert_cmpuint (first, <, begin + page);
      g_assert_cmpuint (end, >=, first + size);
      g_assert_cmpuint (end, <, first + size + page);
    }

  /* A device of large pages takes what happens to be whole ones, and no more. */
  g_assert_true (vk_pages_around ((gpointer) (16 * page), 16 * page - 1, 16 * page, &begin, &end));
  g_assert_false (vk_pages_around ((gpointer) (16 * page), 15 * page, 16 * page, &begin, &end));
  g_assert_false (vk_pages_around ((gpointer) (17 * page), 15 * page, 16 * page, &begin, &end));
  g_assert_false (vk_pages_around ((gpointer) page, page, 0, &begin, &end));
}

/* The bytes stay as long as the buffer, and the buffer as long as it is in use. */
static void
test_import_lifetime (void)
{
  PentVkContext *context = test_context_new ();
  g_autofree guint32 *words = test_words (20000, 9);
  g_autoptr (PentVkBuffer) copy = pent_vk_buffer_new (context, PENT_VK_MEMORY_READBACK, 80000, "copy");

  if (pent_vk_context_get_info (context)->features & PENT_VK_IMPORT)
    {
      GBytes *bytes = map_file ((guint8 *) words, 80000);
      PentVkBuffer *import = pent_vk_buffer_import (context, bytes, "import");
      PentVkCommand *command = pent_vk_command_new (context, "import");

      g_bytes_unref (bytes);
      pent_vk_command_copy (command, copy, 0, import, 0, 80000);
      pent_vk_command_end (command);
      pent_vk_buffer_unref (import);
      g_assert_cmpuint (pent_vk_command_submit (command), >, 0);
      pent_vk_command_unref (command);
      test_assert_words (copy, 0, words, 20000);
    }
  g_clear_pointer (&copy, pent_vk_buffer_unref);
  test_context_end (context);
}

static void
test_import_refused (void)
{
  PentVkContext *context = test_context_new ();
  g_autoptr (GBytes) empty = g_bytes_new (NULL, 0), some = g_bytes_new ("abc", 3);

  g_assert_null (pent_vk_buffer_import (context, empty, "empty"));
  test_context_end (context);

  test_env_set ("PENT_VK_DISABLE", "import");
  context = test_context_new ();
  test_env_reset ("PENT_VK_DISABLE");
  g_assert_null (pent_vk_buffer_import (context, some, "masked"));
  test_context_end (context);
}

void
test_buffer_add (void)
{
  g_test_add_func ("/vk/buffer/many", test_many);
  g_test_add_func ("/vk/buffer/reuse", test_reuse);
  g_test_add_func ("/vk/buffer/budget", test_budget);
  g_test_add_func ("/vk/buffer/budget-tight", test_budget_tight);
  g_test_add_func ("/vk/buffer/budget-nonsense", test_budget_nonsense);
  g_test_add_func ("/vk/buffer/too-large", test_too_large);
  g_test_add_func ("/vk/buffer/transfers", test_transfers);
  g_test_add_func ("/vk/buffer/transfers-staged", test_transfers_staged);
  g_test_add_func ("/vk/buffer/transfers-order", test_transfers_order);
  g_test_add_func ("/vk/buffer/import", test_import);
  g_test_add_func ("/vk/buffer/import-last-page", test_import_last_page);
  g_test_add_func ("/vk/buffer/import-pages", test_import_pages);
  g_test_add_func ("/vk/buffer/import-lifetime", test_import_lifetime);
  g_test_add_func ("/vk/buffer/import-refused", test_import_refused);
}
