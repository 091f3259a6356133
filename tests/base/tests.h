/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Each file adds its own tests. */
void add_dtype_tests (void);
void add_files_tests (void);
void add_image_tests (void);
void add_noise_tests (void);
void add_recipe_tests (void);
