/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vk-test.h"

/* The tables as the generator writes them, for saxpy.comp: two type letters, one of them not available. */
static const PentKernelArg args[] = {
  { "x", 0, PENT_KERNEL_ARG_READ },
  { "y", 1, PENT_KERNEL_ARG_READ | PENT_KERNEL_ARG_WRITE },
  { "w", 1, PENT_KERNEL_ARG_READ | PENT_KERNEL_ARG_OPTIONAL },
};

static const guint8 types[][PENT_KERNEL_MAX_TYPES] = {
  { PENT_DTYPE_U32, PENT_DTYPE_U32 },
  { PENT_DTYPE_I32, PENT_DTYPE_U32 },
};

static PentVkShader shaders[2];

static const PentKernel kernel = {
  .name = "saxpy", .brief = "y = a x + b y + z", .n_args = 2, .n_types = 2, .n_variants = 2, .n_spec = 3,
  .args = args, .types = types, .shaders = shaders,
};

static PentKernelCall
make_call (PentVkBuffer *x, PentVkBuffer *y, guint n)
{
  guint32 sizes[] = { n, n / 64, 1 };
  PentKernelCall call = {
    .kernel = &kernel, .types = { PENT_DTYPE_U32, PENT_DTYPE_U32 }, .spec = { 64, 2, 1 },
    .args = { { x, 0, 0 }, { y, 0, 0 } }, .need = { n * 4, n * 4 }, .groups = { n / 64, 1, 1 },
  };

  memcpy (call.push + 16, sizes, sizeof sizes);
  return call;
}

static void
set_up_shaders (void)
{
  shaders[0] = test_saxpy;
  shaders[1] = test_saxpy;
  shaders[1].needs = PENT_VK_F16 | PENT_VK_COOPMAT2;
}

/* Spans at an offset: of a given size, and of all the rest. */
static void
test_record (void)
{
  PentVkContext *context = test_context_new ();
  g_autofree guint32 *words = test_words (1024, 1), *expected = test_words (1024, 2);
  PentVkBuffer *x = test_buffer_new (context, words, 1024, "x"), *y = test_buffer_new (context, expected, 1024, "y");
  PentVkCommand *command = pent_vk_command_new (context, "record");
  PentKernelCall call = make_call (x, y, 512);

  set_up_shaders ();
  call.args[0] = (PentSpan) { x, 100 * 4, 512 * 4 };
  call.args[1] = (PentSpan) { y, 512 * 4, 0 };
  pent_kernel_record (command, &call);
  call.args[1].offset = 0;
  pent_kernel_record (command, &call);
  g_assert_cmpuint (pent_vk_command_n_barriers (command), ==, 0);
  pent_kernel_record (command, &call);
  g_assert_cmpuint (pent_vk_command_n_barriers (command), ==, 1);
  pent_vk_command_end (command);
  g_assert_true (pent_vk_command_run (command, NULL, NULL));
  for (guint i = 0; i < 1024; i++)
    expected[i] += (i < 512 ? 4 : 2) * words[100 + i % 512];
  test_assert_words (y, 0, expected, 1024);
  g_assert_cmpuint (pent_vk_pipeline_count (context, NULL), ==, 1);

  pent_vk_command_unref (command);
  pent_vk_buffer_unref (x);
  pent_vk_buffer_unref (y);
  test_context_end (context);
}

typedef enum { SHORT_SPAN, SHORT_BUFFER, BEYOND, OVERFLOW, MISSING, NO_VARIANT, N_MISTAKES } Mistake;

static void
make_mistake (PentKernelCall *call, Mistake mistake)
{
  switch (mistake)
    {
    case SHORT_SPAN:
      call->args[1].size = 512 * 4 - 1;
      break;
    case SHORT_BUFFER:
      call->need[1] = 1024 * 4 + 1;
      break;
    case BEYOND:
      call->args[1].offset = 1024 * 4 + 1;
      break;
    case OVERFLOW:
      call->args[1].offset = 8;
      call->args[1].size = G_MAXUINT64;
      break;
    case MISSING:
      call->args[1].buffer = NULL;
      break;
    case NO_VARIANT:
      call->types[0] = PENT_DTYPE_F16;
      break;
    case N_MISTAKES:
      break;
    }
}

/* A mistake in the code above never becomes a read beyond a buffer: it names kernel and argument, and sticks. */
static void
test_mistakes (void)
{
  set_up_shaders ();
  for (Mistake mistake = 0; mistake < N_MISTAKES; mistake++)
    {
      g_autoptr (PentVkContext) context = test_context_new ();
      g_autoptr (PentVkBuffer) x = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 4096, "x");
      g_autoptr (PentVkBuffer) y = pent_vk_buffer_new (context, PENT_VK_MEMORY_DEVICE, 4096, "y");
      g_autoptr (PentVkCommand) command = pent_vk_command_new (context, "mistake");
      PentKernelCall call = make_call (x, y, 512);
      g_autoptr (GError) error = NULL;

      make_mistake (&call, mistake);
      g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_CRITICAL,
                             mistake == NO_VARIANT ? "*kernel saxpy: *variant*f16,u32*" : "*kernel saxpy: y *");
      pent_kernel_record (command, &call);
      g_test_assert_expected_messages ();
      g_assert_false (pent_vk_context_check (context, &error));
      g_assert_error (error, PENT_ERROR, PENT_ERROR_FAILED);
      g_assert_nonnull (strstr (error->message, "kernel saxpy"));
      g_assert_cmpuint (pent_vk_command_n_dispatches (command), ==, 0);

      /* From here on it is inert. */
      call = make_call (x, y, 512);
      pent_kernel_record (command, &call);
      g_assert_cmpuint (pent_vk_command_n_dispatches (command), ==, 0);
    }
}

/* An absent operand has address 0 and asks for no barrier. */
static void
test_optional (void)
{
  PentVkContext *context = test_context_new ();
  g_autofree guint32 *words = test_words (512, 1);
  PentVkBuffer *x = test_buffer_new (context, words, 512, "x"), *y = test_buffer_new (context, words, 512, "y");
  PentVkCommand *command = pent_vk_command_new (context, "optional");
  PentKernel optional = kernel;
  PentVkShader wide[2];
  PentKernelCall call = make_call (x, y, 512);

  set_up_shaders ();
  memcpy (wide, shaders, sizeof wide);
  optional.n_args = 3;
  optional.shaders = wide;
  call.kernel = &optional;
  memset (call.push + 16, 0xff, 8);      /* n, width: overwritten by the address 0 of w, so the shader does nothing */
  pent_kernel_record (command, &call);
  pent_vk_command_end (command);
  g_assert_true (pent_vk_command_run (command, NULL, NULL));
  test_assert_words (y, 0, words, 512);

  pent_vk_command_unref (command);
  pent_vk_buffer_unref (x);
  pent_vk_buffer_unref (y);
  test_context_end (context);
}

static void
test_available (void)
{
  PentDtype u32[] = { PENT_DTYPE_U32, PENT_DTYPE_U32 }, i32[] = { PENT_DTYPE_I32, PENT_DTYPE_U32 };
  PentDtype f16[] = { PENT_DTYPE_F16, PENT_DTYPE_F16 };
  PentVkInfo info = { .features = 0, .subgroup_min = 8, .subgroup_max = 32 };

  set_up_shaders ();
  g_assert_true (pent_kernel_available (&kernel, &info, u32, 2));
  g_assert_false (pent_kernel_available (&kernel, &info, u32, 1));
  g_assert_false (pent_kernel_available (&kernel, &info, f16, 2));
  g_assert_false (pent_kernel_available (&kernel, &info, i32, 2));
  info.features = PENT_VK_F16;
  g_assert_false (pent_kernel_available (&kernel, &info, i32, 2));
  info.features |= PENT_VK_COOPMAT2;
  g_assert_true (pent_kernel_available (&kernel, &info, i32, 2));
  shaders[0].subgroup_size = 16;
  g_assert_true (pent_kernel_available (&kernel, &info, u32, 2));
  shaders[0].subgroup_size = 64;
  g_assert_false (pent_kernel_available (&kernel, &info, u32, 2));
}

void
test_kernel_add (void)
{
  g_test_add_func ("/vk/kernel/record", test_record);
  g_test_add_func ("/vk/kernel/mistakes", test_mistakes);
  g_test_add_func ("/vk/kernel/optional", test_optional);
  g_test_add_func ("/vk/kernel/available", test_available);
}
