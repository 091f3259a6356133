#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator by itself: what good interfaces become, and what is said about each kind of bad one."""
from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import generate   # noqa: E402

GOOD = '''// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef PENT_KERNEL
brief "y = x";
types T, U = f32,f32 | f32,f16;
in    T    x [rows, width];   // a comment
in?   f32  w [width];
out   U    y [rows, width];
push  float eps;
push  uint ld[2];
spec  uint BLOCK = 64 | 128;
spec  bool FAST = 0 | 1;
derive uint VEC = width % 4 == 0 && align (x, w) >= 16 ? 4 : 1;
local BLOCK, 1, 2 * BLOCK;
groups rows;
needs dot if T == f16 || U == f16;
subgroup 8;
cost  flops 4*rows*width, bytes rows*width*(sizeof(T)+sizeof(U)) + 4 * have (w);
#endif
void main () {}
'''


class Generator(unittest.TestCase):
    def read(self, text: str, name: str = 'good-one.comp') -> generate.Kernel:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / name
            path.write_text(text, encoding='utf-8')
            return generate.read_kernel(str(path))

    def bad(self, old: str, new: str, line: int, said: str) -> None:
        """GOOD with old replaced by new is a mistake on that line."""
        self.assertIn(old, GOOD)
        with self.assertRaises(generate.Mistake) as caught:
            self.read(GOOD.replace(old, new))
        self.assertRegex(str(caught.exception), rf'good-one\.comp:{line}: .*{said}')

    def test_good(self) -> None:
        kernel = self.read(GOOD)
        self.assertEqual((kernel.camel, kernel.snake), ('PentKernelGoodOne', 'pent_kernel_good_one'))
        self.assertEqual(kernel.dims, ['rows', 'width'])
        self.assertEqual(kernel.combos, [['f32', 'f32'], ['f32', 'f16']])
        self.assertEqual([s.name for s in generate.all_spec(kernel)], ['BLOCK', 'FAST', 'VEC', 'HAVE_w', 'LOCAL_Z'])
        members, size = generate.push_layout(kernel)
        self.assertEqual([(push.name, offset) for push, offset in members],
                         [('rows', 24), ('width', 28), ('eps', 32), ('ld', 36)])
        self.assertEqual(size, 44)

    def test_layout_of_64_bits(self) -> None:
        kernel = self.read(GOOD.replace('push  float eps;', 'push  float eps; push uint64 far;'))
        self.assertEqual({push.name: offset for push, offset in generate.push_layout(kernel)[0]}['far'], 40)

    def test_features(self) -> None:
        kernel = self.read(GOOD)
        self.assertEqual([generate.features_of(kernel, types) for types in generate.variants(kernel)],
                         [[], ['f16', 'dot']])

    def test_glsl(self) -> None:
        kernel = self.read(GOOD)
        text = generate.glsl(kernel, {'T': 'f32', 'U': 'f16'})
        for line in ('#define U_IS_F16 1', '#define T_IS_F16 0', '#define HAS_DOT 1',
                     'layout (constant_id = 3) const bool HAVE_w = true;',
                     'layout (local_size_x_id = 0, local_size_y = 1, local_size_z_id = 4) in;',
                     'T_in x; f32_in w; U_out y; uint rows; uint width; float eps; uint ld[2];'):
            self.assertIn(line, text)

    def test_c(self) -> None:
        text = generate.c_kernel(self.read(GOOD), [b'\1\0\0\0', b'\2\0\0\0'])
        for line in ('call.spec[0] = self->BLOCK ? self->BLOCK : 64;', 'call.spec[1] = self->FAST;',
                     'call.spec[3] = self->w.buffer != NULL;', '"good-one f32,f16", code_1, sizeof code_1, 44,',
                     'PENT_VK_F16 | PENT_VK_INT_DOT, 8 }', 'memcpy (call.push + 36, self->ld, sizeof self->ld);'):
            self.assertIn(line, text)

    def test_bad_statements(self) -> None:
        self.bad('brief "y = x";', '', 2, 'lacks "brief"')
        self.bad('brief "y = x";', 'brief "y = x"; brief "z";', 3, 'a second "brief"')
        self.bad('brief "y = x";', 'brief "y = x"', 4, 'expected ";"')
        self.bad('brief "y = x";', 'breif "y = x";', 3, 'no statement "breif"')
        self.bad('brief "y = x";', 'brief y;', 3, 'expected a string')
        self.bad('brief "y = x";', 'brief $;', 3, 'unexpected character')
        self.bad('local BLOCK, 1, 2 * BLOCK;', '', 2, 'lacks "local"')
        self.bad('out   U', 'in    U', 2, 'lacks an "out"')

    def test_bad_types(self) -> None:
        self.bad('f32,f16', 'f32,f61', 4, 'no type "f61"')
        self.bad('f32,f16', 'f32', 4, 'gives 1 types for 2 letters')
        self.bad('f32,f16', 'f32,f32', 4, 'is there twice')
        self.bad('T, U =', 'T, T =', 4, '"T" is declared twice')
        self.bad('in    T ', 'in    V ', 5, '"V" is neither a type letter')

    def test_bad_names(self) -> None:
        self.bad('float eps', 'float rows', 8, '"rows" is declared twice')
        self.bad('float eps', 'half eps', 8, '"half" cannot be pushed')
        self.bad('push  float eps', 'push  float f16', 8, '"f16" is a type')
        self.bad('x [rows, width]', 'x [rows * heads, width]', 5, 'the shape of x uses "heads"')
        self.bad('groups rows', 'groups heads', 14, 'groups uses "heads"')
        self.bad('groups rows', 'groups eps', 14, 'groups uses "eps"')
        self.bad('groups rows', 'groups ld[2]', 14, r'groups uses "ld\[2\]"')
        self.bad('width % 4', 'LATER % 4', 12, 'VEC uses "LATER"')

    def test_bad_expressions(self) -> None:
        self.bad('groups rows', 'groups rows, 1', 14, '1 or 3 expressions, not 2')
        self.bad('groups rows', 'groups cdiv (rows)', 14, 'cdiv takes 2 arguments')
        self.bad('groups rows', 'groups ceil (rows)', 14, 'no function "ceil"')
        self.bad('groups rows', 'groups (rows', 14, r'expected "\)"')
        self.bad('groups rows', 'groups rows +', 14, 'expected a name, a number')
        self.bad('align (x, w)', 'align (x, rows)', 12, r'align \(rows\): not a buffer')
        self.bad('sizeof(U)', 'sizeof(V)', 17, r'sizeof \(V\): not a type')
        self.bad('flops 4*rows*width, ', '', 17, 'cost is')

    def test_bad_constants(self) -> None:
        self.bad('bool FAST = 0 | 1', 'bool FAST = 2', 11, 'a bool is 0 or 1')
        self.bad('uint BLOCK', 'float BLOCK', 10, 'uint or bool, not "float"')
        self.bad('subgroup 8', 'subgroup 7', 16, '7 is no subgroup size')
        self.bad('needs dot', 'needs luck', 15, 'no feature "luck"')
        self.bad('ld[2]', 'ld[30]', 2, 'bytes of push constants, at most 128')
        many = ' '.join(f'spec uint S{i} = 1;' for i in range(16))
        self.bad('subgroup 8;', f'subgroup 8; {many}', 2, 'specialisation constants, at most 16')
        buffers = ' '.join(f'in T x{i} [width];' for i in range(8))
        self.bad('push  float eps;', buffers, 8, 'more than 8 buffers')

    def test_bad_files(self) -> None:
        for text, name, said in (('void main () {}', 'a.comp', 'expected one "#ifdef PENT_KERNEL"'),
                                 ('#ifdef PENT_KERNEL\nbrief "x";', 'a.comp', 'no #endif'),
                                 (GOOD, 'Good_one.comp', 'is named like')):
            with self.assertRaises(generate.Mistake) as caught:
                self.read(text, name)
            self.assertIn(said, str(caught.exception))

    def test_program_says_where(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'a.comp'
            path.write_text(GOOD.replace('float eps', 'half eps'), encoding='utf-8')
            script = pathlib.Path(__file__).parent / 'generate.py'
            result = subprocess.run([sys.executable, str(script), 'header', f'{folder}/a.h', str(path)], check=False,
                                    stderr=subprocess.PIPE, text=True)
            self.assertEqual(result.returncode, 1)
            self.assertEqual(result.stderr, f'{path}:8: "half" cannot be pushed; there are float, uint, int, uint64\n')
            self.assertFalse((pathlib.Path(folder) / 'a.h').exists())


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
