/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

void add_generate_tests (void);
void add_text_tests (void);
