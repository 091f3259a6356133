#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the interface at the head of a kernel (see README.md) and writes what follows from it.

  generate.py header OUT.h KERNEL.comp…          typed call structures and prototypes
  generate.py registry OUT.c KERNEL.comp…        pent_kernels[]
  generate.py kernel OUT.c KERNEL.comp [options] SPIR-V of every type combination, and the binding
      --glslang PROGRAM --spirv-val PROGRAM      the compilers
      --depfile FILE                             what OUT depends on, for ninja
      --print-glsl                               write the complete GLSL of each combination to standard output

A mistake in a preamble is one line "file:line: what is wrong", and exit code 1.
"""
from __future__ import annotations

import argparse
import dataclasses
import functools
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import Callable, NoReturn

TYPES = {  # name: (bytes, PentDtype, feature that storing it needs)
    'f32': (4, 'PENT_DTYPE_F32', None), 'f16': (2, 'PENT_DTYPE_F16', 'f16'), 'bf16': (2, 'PENT_DTYPE_BF16', 'f16'),
    'u32': (4, 'PENT_DTYPE_U32', None), 'i32': (4, 'PENT_DTYPE_I32', None), 'u8': (1, 'PENT_DTYPE_U8', 'int8'),
}
FEATURES = {  # as PENT_VK_DISABLE takes them: what the shader declares for it
    'f16': ('PENT_VK_F16', ()), 'int8': ('PENT_VK_INT8', ()),
    'dot': ('PENT_VK_INT_DOT', ('GL_EXT_integer_dot_product',)),
    'coopmat': ('PENT_VK_COOPMAT', ('GL_KHR_cooperative_matrix', 'GL_KHR_memory_scope_semantics')),
    'coopmat2': ('PENT_VK_COOPMAT2', ('GL_KHR_cooperative_matrix', 'GL_NV_cooperative_matrix2',
                                      'GL_KHR_memory_scope_semantics')),
    'lanes': ('PENT_VK_LANES', ()),
}
# What types.glsl and row.glsl define for each type, under the type's name
PER_TYPE = ('', '_in', '_out', '_load', '_store', 'x4', 'x4_in', 'x4_out', 'x4_load', 'x4_store',
            '_row_load', '_row_store')
PUSH_TYPES = {'float': (4, 'float'), 'uint': (4, 'guint32'), 'int': (4, 'gint32'), 'uint64': (8, 'guint64')}
MAX_ARGS, MAX_TYPES, MAX_SPEC, MAX_PUSH = 8, 4, 16, 128
FOLD = 4096   # groups along x before a single group count goes on along y; the waste is at most one such row


class Mistake(Exception):
    """What is wrong with a preamble, and where."""

    def __init__(self, path: str, line: int, what: str) -> None:
        super().__init__(f'{path}:{line}: {what}')


@dataclasses.dataclass
class Token:
    kind: str      # 'name', 'number', 'string', 'op', 'end'
    text: str
    line: int


@dataclasses.dataclass
class Expr:
    """op is 'number', 'name', 'call', '?:' or an operator; text is the number, the name, or the function."""
    op: str
    text: str
    args: list[Expr]
    line: int


@dataclasses.dataclass
class Arg:
    name: str
    type: str                 # a type letter or a fixed type
    access: str               # 'in', 'out', 'inout'
    optional: bool
    shape: list[Expr]
    line: int


@dataclasses.dataclass
class Push:
    name: str
    type: str
    count: int                # 0: not an array


@dataclasses.dataclass
class Spec:
    name: str
    type: str                 # 'uint', 'bool'
    values: list[int]         # declared values; empty: derived or hidden
    derived: Expr | None = None


@dataclasses.dataclass
class Need:
    feature: str
    condition: Expr | None


@dataclasses.dataclass
class Kernel:
    path: str
    name: str                 # "rms-norm"
    line: int                 # of the preamble
    text: str                 # the whole file
    brief: str = ''
    letters: list[str] = dataclasses.field(default_factory=list)
    combos: list[list[str]] = dataclasses.field(default_factory=list)
    args: list[Arg] = dataclasses.field(default_factory=list)
    dims: list[str] = dataclasses.field(default_factory=list)
    push: list[Push] = dataclasses.field(default_factory=list)
    spec: list[Spec] = dataclasses.field(default_factory=list)
    needs: list[Need] = dataclasses.field(default_factory=list)
    local: list[Expr] = dataclasses.field(default_factory=list)
    groups: list[Expr] = dataclasses.field(default_factory=list)
    subgroup: int = 0
    flops: Expr | None = None
    bytes: Expr | None = None

    @property
    def camel(self) -> str:
        return 'PentKernel' + ''.join(part.capitalize() for part in self.name.split('-'))

    @property
    def snake(self) -> str:
        return 'pent_kernel_' + self.name.replace('-', '_')

    def optional_args(self) -> list[Arg]:
        return [arg for arg in self.args if arg.optional]


# ---- reading ----

TOKEN = re.compile(r'(?P<space>[ \t\r]+|//[^\n]*|/\*.*?\*/)|(?P<newline>\n)|(?P<string>"[^"\n]*")|(?P<number>\d+)u?'
                   r'|(?P<name>[A-Za-z_]\w*)|(?P<op>==|!=|<=|>=|&&|\|\||[-+*/%<>!?:;,=|(){}\[\]])', re.S)


def tokens_of(path: str, text: str, line: int) -> list[Token]:
    tokens, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise Mistake(path, line, f'unexpected character {text[at]!r}')
        kind = match.lastgroup or ''
        if kind not in ('space', 'newline'):
            tokens.append(Token(kind, match.group(kind), line))
        line += match.group(0).count('\n')
        at = match.end()
    tokens.append(Token('end', 'the end of the preamble', line))
    return tokens


BINARY = [['||'], ['&&'], ['==', '!='], ['<', '>', '<=', '>='], ['+', '-'], ['*', '/', '%']]
CALLS = {'cdiv': 2, 'min': 2, 'max': 2, 'sizeof': 1, 'align': 0, 'have': 1}   # arguments; 0: one or more
OF_NAMES = ('sizeof', 'align', 'have')   # their arguments are no numbers


class Reader:
    """Recursive descent over the statements of one preamble."""

    def __init__(self, kernel: Kernel, tokens: list[Token]) -> None:
        self.kernel, self.tokens, self.at = kernel, tokens, 0
        self.seen: set[str] = set()

    def fail(self, what: str, line: int | None = None) -> NoReturn:
        raise Mistake(self.kernel.path, line or self.tokens[self.at].line, what)

    def peek(self, *texts: str) -> bool:
        token = self.tokens[self.at]
        return token.kind in ('op', 'name') and token.text in texts

    def accept(self, *texts: str) -> str | None:
        if not self.peek(*texts):
            return None
        self.at += 1
        return self.tokens[self.at - 1].text

    def expect(self, text: str) -> None:
        if not self.accept(text):
            self.fail(f'expected "{text}" before "{self.tokens[self.at].text}"')

    def take(self, kind: str, what: str) -> str:
        token = self.tokens[self.at]
        if token.kind != kind:
            self.fail(f'expected {what} instead of "{token.text}"')
        self.at += 1
        return token.text

    def list_of(self, item: Callable[[], object], separator: str = ',') -> list:
        items = [item()]
        while self.accept(separator):
            items.append(item())
        return items

    # expressions

    def expr(self) -> Expr:
        condition = self.binary(0)
        if not self.accept('?'):
            return condition
        yes = self.expr()
        self.expect(':')
        return Expr('?:', '', [condition, yes, self.expr()], condition.line)

    def binary(self, level: int) -> Expr:
        if level == len(BINARY):
            return self.unary()
        left = self.binary(level + 1)
        while op := self.accept(*BINARY[level]):
            left = Expr(op, '', [left, self.binary(level + 1)], left.line)
        return left

    def unary(self) -> Expr:
        token = self.tokens[self.at]
        if self.accept('!'):
            return Expr('!', '', [self.unary()], token.line)
        if self.accept('('):
            inner = self.expr()
            self.expect(')')
            return inner
        if token.kind == 'number':
            self.at += 1
            return Expr('number', token.text, [], token.line)
        name = self.take('name', 'a name, a number or "("')
        if self.accept('['):
            index = self.take('number', 'a number')
            self.expect(']')
            return Expr('name', f'{name}[{index}]', [], token.line)
        if not self.accept('('):
            return Expr('name', name, [], token.line)
        if name not in CALLS:
            self.fail(f'no function "{name}"; there are {", ".join(sorted(CALLS))}', token.line)
        args = self.list_of(self.expr)
        self.expect(')')
        if CALLS[name] and len(args) != CALLS[name]:
            self.fail(f'{name} takes {CALLS[name]} arguments, not {len(args)}', token.line)
        return Expr('call', name, args, token.line)

    # statements

    def statements(self) -> None:
        while self.tokens[self.at].kind != 'end':
            line = self.tokens[self.at].line
            word = self.take('name', 'a statement')
            handler = getattr(self, 'read_' + word, None)
            if not handler:
                known = sorted(name[5:] for name in dir(self) if name.startswith('read_'))
                self.fail(f'no statement "{word}"; there are {", ".join(known)}', line)
            if word in self.seen and word in ('brief', 'types', 'local', 'groups', 'subgroup', 'cost'):
                self.fail(f'a second "{word}"', line)
            self.seen.add(word)
            handler()
            if not self.accept(';'):
                self.fail(f'expected ";" at the end of "{word}" before "{self.tokens[self.at].text}"')

    def read_brief(self) -> None:
        self.kernel.brief = self.take('string', 'a string')[1:-1]

    def read_types(self) -> None:
        kernel = self.kernel
        line = self.tokens[self.at].line
        self.list_of(lambda: kernel.letters.append(self.declare('a type letter')))
        if len(kernel.letters) > MAX_TYPES:
            self.fail(f'{len(kernel.letters)} type letters, at most {MAX_TYPES}', line)
        self.expect('=')
        for combo in self.list_of(lambda: self.list_of(self.fixed_type), '|'):
            if len(combo) != len(kernel.letters):
                self.fail(f'"{",".join(combo)}" gives {len(combo)} types for {len(kernel.letters)} letters', line)
            if combo in kernel.combos:
                self.fail(f'"{",".join(combo)}" is there twice', line)
            kernel.combos.append(combo)

    def fixed_type(self) -> str:
        line = self.tokens[self.at].line
        name = self.take('name', 'a type')
        if name not in TYPES:
            self.fail(f'no type "{name}"; there are {", ".join(TYPES)}', line)
        return name

    def declare(self, what: str) -> str:
        line = self.tokens[self.at].line
        name = self.take('name', what)
        kernel = self.kernel
        taken = kernel.letters + [a.name for a in kernel.args] + [p.name for p in kernel.push] + kernel.dims
        if name in taken or name in [s.name for s in kernel.spec]:
            self.fail(f'"{name}" is declared twice', line)
        if name in TYPES or name in PUSH_TYPES:
            self.fail(f'"{name}" is a type', line)
        return name

    def read_in(self) -> None:
        self.buffer('in')

    def read_out(self) -> None:
        self.buffer('out')

    def read_inout(self) -> None:
        self.buffer('inout')

    def buffer(self, access: str) -> None:
        kernel, line = self.kernel, self.tokens[self.at].line
        optional = bool(self.accept('?'))
        kind = self.take('name', 'a type')
        if kind not in kernel.letters and kind not in TYPES:
            self.fail(f'"{kind}" is neither a type letter nor one of {", ".join(TYPES)}', line)
        name = self.declare('a name')
        self.expect('[')
        shape = self.list_of(self.expr)
        self.expect(']')
        kernel.args.append(Arg(name, kind, access, optional, shape, line))
        if len(kernel.args) > MAX_ARGS:
            self.fail(f'more than {MAX_ARGS} buffers', line)
        known = kernel.dims + [p.name for p in kernel.push] + [s.name for s in kernel.spec]
        for size in shape:
            if size.op == 'name' and size.text not in known:
                if size.text in kernel.letters or size.text in [a.name for a in kernel.args]:
                    self.fail(f'"{size.text}" is not a number', size.line)
                kernel.dims.append(size.text)
                known.append(size.text)

    def read_push(self) -> None:
        line = self.tokens[self.at].line
        kind = self.take('name', 'a type')
        if kind not in PUSH_TYPES:
            self.fail(f'"{kind}" cannot be pushed; there are {", ".join(PUSH_TYPES)}', line)
        self.list_of(lambda: self.kernel.push.append(Push(self.declare('a name'), kind, self.count())))

    def count(self) -> int:
        """The length of an array, 0 of what is none."""
        if not self.accept('['):
            return 0
        count = int(self.take('number', 'a number'))
        self.expect(']')
        return count

    def read_spec(self) -> None:
        line = self.tokens[self.at].line
        kind = self.take('name', '"uint" or "bool"')
        if kind not in ('uint', 'bool'):
            self.fail(f'a specialisation constant is uint or bool, not "{kind}"', line)
        name = self.declare('a name')
        self.expect('=')
        values = self.list_of(lambda: int(self.take('number', 'a number')), '|')
        if kind == 'bool' and not set(values) <= {0, 1}:
            self.fail('a bool is 0 or 1', line)
        self.kernel.spec.append(Spec(name, kind, values))

    def read_derive(self) -> None:
        line = self.tokens[self.at].line
        if self.take('name', '"uint"') != 'uint':
            self.fail('what is derived is uint', line)
        name = self.declare('a name')
        self.expect('=')
        self.kernel.spec.append(Spec(name, 'uint', [], self.expr()))

    def read_local(self) -> None:
        self.kernel.local = self.three('local', (3,))

    def read_groups(self) -> None:
        self.kernel.groups = self.three('groups', (1, 3))

    def three(self, what: str, counts: tuple[int, ...]) -> list[Expr]:
        line = self.tokens[self.at].line
        items = self.list_of(self.expr)
        if len(items) not in counts:
            self.fail(f'{what} takes {" or ".join(map(str, counts))} expressions, not {len(items)}', line)
        return items

    def read_needs(self) -> None:
        for name in self.list_of(self.feature):
            condition = self.expr() if self.accept('if') else None
            self.kernel.needs.append(Need(name, condition))

    def feature(self) -> str:
        line = self.tokens[self.at].line
        name = self.take('name', 'a feature')
        if name not in FEATURES:
            self.fail(f'no feature "{name}"; there are {", ".join(FEATURES)}', line)
        return name

    def read_subgroup(self) -> None:
        line = self.tokens[self.at].line
        self.kernel.subgroup = int(self.take('number', 'a number'))
        if self.kernel.subgroup not in (4, 8, 16, 32, 64, 128):
            self.fail(f'{self.kernel.subgroup} is no subgroup size', line)

    def read_cost(self) -> None:
        if not self.accept('flops'):
            self.fail('cost is "flops EXPRESSION, bytes EXPRESSION"')
        self.kernel.flops = self.expr()
        self.expect(',')
        if not self.accept('bytes'):
            self.fail('cost is "flops EXPRESSION, bytes EXPRESSION"')
        self.kernel.bytes = self.expr()


def read_kernel(path: str) -> Kernel:
    text = pathlib.Path(path).read_text(encoding='utf-8')
    file_name = pathlib.Path(path).name
    if not re.fullmatch(r'[a-z][a-z0-9]*(-[a-z0-9]+)*\.comp', file_name):
        raise Mistake(path, 1, 'a kernel file is named like "rms-norm.comp"')
    lines = text.split('\n')
    starts = [i for i, line in enumerate(lines) if line.strip() == '#ifdef PENT_KERNEL']
    if len(starts) != 1:
        raise Mistake(path, 1, 'expected one "#ifdef PENT_KERNEL" with the interface')
    ends = [i for i, line in enumerate(lines) if i > starts[0] and line.strip() == '#endif']
    if not ends:
        raise Mistake(path, starts[0] + 1, 'no #endif after "#ifdef PENT_KERNEL"')
    kernel = Kernel(path, file_name.removesuffix('.comp'), starts[0] + 1, text)
    body = '\n'.join(lines[starts[0] + 1:ends[0]])
    Reader(kernel, tokens_of(path, body, starts[0] + 2)).statements()
    check(kernel)
    return kernel


# ---- checking ----

def names_in(expr: Expr) -> list[Expr]:
    if expr.op == 'call' and expr.text in OF_NAMES:
        return []
    return [expr] if expr.op == 'name' else [name for arg in expr.args for name in names_in(arg)]


def check(kernel: Kernel) -> None:
    def fail(what: str, line: int = kernel.line) -> NoReturn:
        raise Mistake(kernel.path, line, what)

    for what, value in (('brief', kernel.brief), ('local', kernel.local), ('groups', kernel.groups),
                        ('cost', kernel.flops)):
        if not value:
            fail(f'the interface lacks "{what}"')
    if not any(arg.access != 'in' for arg in kernel.args):
        fail('the interface lacks an "out" or "inout"')
    for arg in kernel.args:
        if arg.name in kernel.dims:
            fail(f'"{arg.name}" is a buffer and a dimension', arg.line)
    scalars = kernel.dims + [p.name for p in kernel.push if p.type != 'float' and not p.count]
    scalars += [f'{p.name}[{i}]' for p in kernel.push if p.type != 'float' for i in range(p.count)]
    specs = [s.name for s in kernel.spec]
    for arg in kernel.args:
        for size in arg.shape:
            check_names(kernel, size, scalars + specs, f'the shape of {arg.name}')
    for i, spec in enumerate(kernel.spec):
        if spec.derived:
            check_names(kernel, spec.derived, scalars + specs[:i], spec.name)
    for what, exprs in (('local', kernel.local), ('groups', kernel.groups), ('cost', [kernel.flops, kernel.bytes])):
        for expr in exprs:
            check_names(kernel, expr, scalars + specs, what)
    for need in kernel.needs:
        if need.condition:
            check_names(kernel, need.condition, kernel.letters + list(TYPES), 'needs')
    if len(all_spec(kernel)) > MAX_SPEC:
        fail(f'{len(all_spec(kernel))} specialisation constants, at most {MAX_SPEC}')
    if push_layout(kernel)[1] > MAX_PUSH:
        fail(f'{push_layout(kernel)[1]} bytes of push constants, at most {MAX_PUSH}')


def check_names(kernel: Kernel, expr: Expr, known: list[str], where: str) -> None:
    for name in names_in(expr):
        if name.text not in known:
            raise Mistake(kernel.path, name.line, f'{where} uses "{name.text}", which is not declared')
    stack = [expr]
    while stack:
        at = stack.pop()
        stack += at.args
        if at.op != 'call' or at.text not in OF_NAMES:
            continue
        good = kernel.letters + list(TYPES) if at.text == 'sizeof' else [arg.name for arg in kernel.args]
        for arg in at.args:
            if arg.op != 'name' or arg.text not in good:
                what = 'a type' if at.text == 'sizeof' else 'a buffer'
                raise Mistake(kernel.path, at.line, f'{at.text} ({source_of(arg)}): not {what}')


# ---- what follows from an interface ----

def all_spec(kernel: Kernel) -> list[Spec]:
    """Declared and derived constants, HAVE_x of optional buffers, local sizes that are neither number nor constant."""
    have = [Spec('HAVE_' + arg.name, 'bool', []) for arg in kernel.optional_args()]
    names = [s.name for s in kernel.spec]
    hidden = [Spec(f'LOCAL_{axis}', 'uint', [], size) for axis, size in zip('XYZ', kernel.local)
              if size.op != 'number' and not (size.op == 'name' and size.text in names)]
    return kernel.spec + have + hidden


def push_layout(kernel: Kernel) -> tuple[list[tuple[Push, int]], int]:
    """Members behind the addresses with their offsets, and the size: the rules of scalar layout, which are C's."""
    offset = 8 * len(kernel.args)
    members = []
    for push in [Push(dim, 'uint', 0) for dim in kernel.dims] + kernel.push:
        size = PUSH_TYPES[push.type][0]
        offset = (offset + size - 1) // size * size
        members.append((push, offset))
        offset += size * max(push.count, 1)
    return members, offset


def variants(kernel: Kernel) -> list[dict[str, str]]:
    return [dict(zip(kernel.letters, combo)) for combo in kernel.combos] or [{}]


def static_value(kernel: Kernel, expr: Expr, types: dict[str, str]) -> str | bool:
    """The value of a condition on types."""
    if expr.op == 'name':
        return types.get(expr.text, expr.text)
    values = [static_value(kernel, arg, types) for arg in expr.args]
    if expr.op in ('==', '!='):
        return (values[0] == values[1]) == (expr.op == '==')
    if expr.op in ('&&', '||'):
        return bool(values[0] and values[1]) if expr.op == '&&' else bool(values[0] or values[1])
    raise Mistake(kernel.path, expr.line, 'a condition compares types with == and !=, joined by && and ||')


def features_of(kernel: Kernel, types: dict[str, str]) -> list[str]:
    """What a variant needs: what it says, and what its storage types imply."""
    needed = [need.feature for need in kernel.needs
              if not need.condition or static_value(kernel, need.condition, types)]
    needed += [TYPES[types.get(arg.type, arg.type)][2] or '' for arg in kernel.args]
    return [name for name in FEATURES if name in needed]


# ---- GLSL ----

def glsl(kernel: Kernel, types: dict[str, str]) -> str:
    features = features_of(kernel, types)
    used = [types.get(arg.type, arg.type) for arg in kernel.args] + list(types.values())
    extensions = ['GL_GOOGLE_include_directive', 'GL_GOOGLE_cpp_style_line_directive', 'GL_EXT_scalar_block_layout',
                  'GL_EXT_buffer_reference', 'GL_EXT_buffer_reference2', 'GL_EXT_control_flow_attributes',
                  'GL_EXT_shader_explicit_arithmetic_types_int64', 'GL_KHR_shader_subgroup_basic',
                  'GL_KHR_shader_subgroup_arithmetic', 'GL_KHR_shader_subgroup_shuffle', 'GL_KHR_shader_subgroup_vote',
                  'GL_KHR_shader_subgroup_ballot', 'GL_KHR_shader_subgroup_shuffle_relative']
    if 'f16' in features:
        extensions += ['GL_EXT_shader_explicit_arithmetic_types_float16',
                       'GL_EXT_shader_explicit_arithmetic_types_int16',
                       'GL_EXT_shader_16bit_storage']
    if 'int8' in features:
        extensions += ['GL_EXT_shader_explicit_arithmetic_types_int8', 'GL_EXT_shader_8bit_storage']
    extensions += [name for feature in features for name in FEATURES[feature][1]]
    out = ['#version 460', *(f'#extension {name} : require' for name in dict.fromkeys(extensions))]
    out += [f'#define HAS_{feature.upper()} 1' for feature in features]
    out += [f'#define USES_{name.upper()} 1' for name in TYPES if name in used]
    out += ['#include "types.glsl"']
    for letter, name in types.items():
        out += [f'#define {letter}{suffix} {name}{suffix}' for suffix in PER_TYPE]
        out += [f'#define {letter}_SIZE {TYPES[name][0]}',
                *(f'#define {letter}_IS_{other.upper()} {int(other == name)}' for other in TYPES)]
    for i, spec in enumerate(all_spec(kernel)):
        default = spec.values[0] if spec.values else 1
        value = ('true' if default else 'false') if spec.type == 'bool' else f'{default}u'
        out.append(f'layout (constant_id = {i}) const {spec.type} {spec.name} = {value};')
    ids = {spec.name: i for i, spec in enumerate(all_spec(kernel))}
    local = []
    for axis, size in zip('xyz', kernel.local):
        if size.op == 'number':
            local.append(f'local_size_{axis} = {size.text}')
        else:
            local.append(f'local_size_{axis}_id = {ids.get(size.text, ids.get("LOCAL_" + axis.upper()))}')
    out.append(f'layout ({", ".join(local)}) in;')
    if len(kernel.groups) == 1:   # the number of the group where one count was folded into two axes
        out.append(f'#define GROUP (gl_WorkGroupID.y * {FOLD}u + gl_WorkGroupID.x)')
    members = [f'{arg.type}_{"in" if arg.access == "in" else "out"} {arg.name};' for arg in kernel.args]
    members += [f'{"uint64_t" if p.type == "uint64" else p.type} {p.name}{f"[{p.count}]" if p.count else ""};'
                for p, _ in push_layout(kernel)[0]]
    out.append('layout (push_constant, scalar) uniform Push { ' + ' '.join(members) + ' };')
    out.append(f'#line 1 "{kernel.path}"')
    return '\n'.join(out) + '\n' + kernel.text


INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def includes_of(text: str, folder: pathlib.Path, found: dict[str, None]) -> dict[str, None]:
    for name in INCLUDE.findall(text):
        path = folder / name
        if str(path) not in found and path.exists():
            found[str(path)] = None
            includes_of(path.read_text(encoding='utf-8'), folder, found)
    return found


def run(command: list[str]) -> None:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode:
        sys.exit('\n'.join([' '.join(command), *result.stdout.splitlines()[:12]]))


def compile_variant(kernel: Kernel, types: dict[str, str], include: pathlib.Path, glslang: str,
                    spirv_val: str | None) -> bytes:
    with tempfile.TemporaryDirectory(prefix='pent-kernel-') as folder:
        source, binary = f'{folder}/{kernel.name}.comp', f'{folder}/{kernel.name}.spv'
        pathlib.Path(source).write_text(glsl(kernel, types), encoding='utf-8')
        run([glslang, '--quiet', '--target-env', 'vulkan1.3', f'-I{include}', '-g0', '-o', binary, source])
        if spirv_val:
            run([spirv_val, '--target-env', 'vulkan1.3', '--scalar-block-layout', binary])
        return pathlib.Path(binary).read_bytes()


# ---- C ----

C_NAMES = {'min': 'MIN', 'max': 'MAX'}


def c_int(kernel: Kernel, expr: Expr) -> str:
    """A guint64 expression; sums and products saturate, so that no shape wraps around to a small size."""
    a = [c_int(kernel, arg) for arg in expr.args if not (expr.op == 'call' and expr.text in OF_NAMES)]
    match expr.op:
        case 'number':
            return f'(guint64) {expr.text}'
        case 'name':
            spec = {s.name: i for i, s in enumerate(all_spec(kernel))}
            return f'(guint64) call.spec[{spec[expr.text]}]' if expr.text in spec else f'(guint64) self->{expr.text}'
        case '?:':
            return f'({a[0]} ? {a[1]} : {a[2]})'
        case '!':
            return f'!({a[0]})'
        case '*':
            return f'times ({a[0]}, {a[1]})'
        case '+':
            return f'plus ({a[0]}, {a[1]})'
        case '/' | '%':
            return f'{"over" if expr.op == "/" else "rest"} ({a[0]}, {a[1]})'
        case 'call':
            return c_call(kernel, expr) or f'{C_NAMES.get(expr.text, expr.text)} ({", ".join(a)})'
    return f'({a[0]} {expr.op} {a[1]})'


def c_double(kernel: Kernel, expr: Expr) -> str:
    a = [c_double(kernel, arg) for arg in expr.args if not (expr.op == 'call' and expr.text in OF_NAMES)]
    match expr.op:
        case 'number' | 'name':
            return '(double) ' + c_int(kernel, expr).removeprefix('(guint64) ')
        case '?:':
            return f'({a[0]} ? {a[1]} : {a[2]})'
        case '!':
            return f'!({a[0]})'
        case '%':
            return f'fmod ({a[0]}, {a[1]})'
        case 'call':
            other = {'cdiv': 'ceil (({0}) / ({1}))', 'min': 'fmin ({0}, {1})', 'max': 'fmax ({0}, {1})'}
            return c_call(kernel, expr) or other[expr.text].format(*a)
    return f'({a[0]} {expr.op} {a[1]})'


def c_call(kernel: Kernel, expr: Expr) -> str:
    name = expr.args[0].text
    if expr.text == 'sizeof':
        return str(TYPES[name][0]) if name in TYPES else f'pent_dtype_size (self->{name})'
    if expr.text == 'align':
        spans = [f'align (&self->{arg.text})' for arg in expr.args]
        return functools.reduce(lambda a, b: f'MIN ({a}, {b})', spans)
    return f'(self->{name}.buffer != NULL)' if expr.text == 'have' else ''


def c_struct(kernel: Kernel) -> str:
    out = [f'/* {kernel.brief}', ' *']
    for arg in kernel.args:
        shape = ', '.join(source_of(size) for size in arg.shape)
        out.append(f' *   {arg.access}{"?" if arg.optional else ""} {arg.type} {arg.name} [{shape}]')
    if kernel.combos:
        out.append(f' *   {", ".join(kernel.letters)} = {" | ".join(",".join(c) for c in kernel.combos)}')
    out += [f' *   {spec.name} = {" | ".join(map(str, spec.values))}' for spec in kernel.spec if not spec.derived]
    out += [' */', 'typedef struct {', f'  PentSpan  {", ".join(arg.name for arg in kernel.args)};']
    if kernel.dims:
        out.append(f'  guint32   {", ".join(kernel.dims)};')
    for push in kernel.push:
        out.append(f'  {PUSH_TYPES[push.type][1]:<9} {push.name}{f"[{push.count}]" if push.count else ""};')
    if kernel.letters:
        out.append(f'  PentDtype {", ".join(kernel.letters)};')
    declared = [spec.name for spec in kernel.spec if not spec.derived]
    if declared:
        out.append(f'  guint32   {", ".join(declared)};')
    out += [f'}} {kernel.camel};', f'void {kernel.snake} (PentVkCommand *command, const {kernel.camel} *self);',
            f'extern const PentKernel {kernel.snake}_info;']
    macro = kernel.snake.upper()
    if kernel.combos:
        combos = ', '.join('{ ' + ', '.join(TYPES[t][1] for t in c) + ' }' for c in kernel.combos)
        out.append(f'#define {macro}_TYPES {combos}')
    out += [f'#define {macro}_{spec.name}_VALUES {", ".join(map(str, spec.values))}'
            for spec in kernel.spec if not spec.derived]
    return '\n'.join(out) + '\n'


def source_of(expr: Expr) -> str:
    a = [source_of(arg) if arg.op in ('name', 'number', 'call') else f'({source_of(arg)})' for arg in expr.args]
    match expr.op:
        case 'number' | 'name':
            return expr.text
        case 'call':
            return f'{expr.text} ({", ".join(a)})'
        case '?:':
            return f'{a[0]} ? {a[1]} : {a[2]}'
        case '!':
            return f'!{a[0]}'
    return f'{a[0]} {expr.op} {a[1]}'


HEADER = '''/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Generated by generate.py from the interfaces of the kernels; see shaders/README.md.
 * Unset specialisation constants (0 where 0 is not listed) take the first value listed. */
'''

def c_binding(kernel: Kernel) -> str:
    """The call structure filled from the typed one."""
    out = ['', 'void', f'{kernel.snake} (PentVkCommand *command, const {kernel.camel} *self)', '{',
           f'  PentKernelCall call = {{ .kernel = &{kernel.snake}_info }};']
    out += [f'  call.types[{i}] = self->{letter};' for i, letter in enumerate(kernel.letters)]
    for i, spec in enumerate(all_spec(kernel)):
        if spec.derived:
            value = c_int(kernel, spec.derived)
        elif not spec.values:
            value = f'self->{spec.name.removeprefix("HAVE_")}.buffer != NULL'
        elif 0 in spec.values:
            value = f'self->{spec.name}'
        else:
            value = f'self->{spec.name} ? self->{spec.name} : {spec.values[0]}'
        out.append(f'  call.spec[{i}] = {value};')
    groups = [c_int(kernel, expr) for expr in kernel.groups]
    if len(groups) == 1:
        out += [f'  const guint64 groups = {groups[0]};',
                f'  const guint64 x = MIN (groups, {FOLD}), y = cdiv (groups, {FOLD}), z = 1;']
    else:
        out.append(f'  const guint64 x = {groups[0]}, y = {groups[1]}, z = {groups[2]};')
    out += ['  if (x == 0 || y == 0 || z == 0)', '    return;',
            '  g_return_if_fail (x <= 65535 && y <= 65535 && z <= 65535);',
            '  call.groups[0] = x;', '  call.groups[1] = y;', '  call.groups[2] = z;']
    for i, arg in enumerate(kernel.args):
        size = str(TYPES[arg.type][0]) if arg.type in TYPES else f'pent_dtype_size (self->{arg.type})'
        need = f'(guint64) {size}'
        for expr in arg.shape:
            need = f'times ({need}, {c_int(kernel, expr)})'
        out.append(f'  call.args[{i}] = self->{arg.name};')
        out.append(f'  call.need[{i}] = {f"self->{arg.name}.buffer == NULL ? 0 : " if arg.optional else ""}{need};')
    for push, offset in push_layout(kernel)[0]:
        amp = '' if push.count else '&'
        out.append(f'  memcpy (call.push + {offset}, {amp}self->{push.name}, sizeof self->{push.name});')
    assert kernel.flops and kernel.bytes
    out += [f'  call.flops = {c_double(kernel, kernel.flops)};', f'  call.bytes = {c_double(kernel, kernel.bytes)};',
            '  pent_kernel_record (command, &call);', '}']
    return '\n'.join(out) + '\n'


def c_words(name: str, code: bytes) -> str:
    words = [hex(int.from_bytes(code[i:i + 4], 'little')) for i in range(0, len(code), 4)]
    lines = [','.join(words[i:i + 16]) for i in range(0, len(words), 16)]
    return f'static const guint32 {name}[] = {{\n' + ',\n'.join(lines) + '\n};\n'


def c_kernel(kernel: Kernel, codes: list[bytes]) -> str:
    flags = {'in': 'PENT_KERNEL_ARG_READ', 'out': 'PENT_KERNEL_ARG_WRITE',
             'inout': 'PENT_KERNEL_ARG_READ | PENT_KERNEL_ARG_WRITE'}
    out = [HEADER + '\n#include "pent-kernels.h"\n#include "binding.h"\n']
    out += [c_words(f'code_{i}', code) for i, code in enumerate(codes)]
    out.append('static const PentVkShader shaders[] = {')
    for i, types in enumerate(variants(kernel)):
        needs = ' | '.join(FEATURES[name][0] for name in features_of(kernel, types)) or '0'
        label = ' '.join(filter(None, [kernel.name, ','.join(types.values())]))
        push_size = push_layout(kernel)[1]
        out.append(f'  {{ "{label}", code_{i}, sizeof code_{i}, {push_size}, {needs}, {kernel.subgroup} }},')
    out += ['};', 'static const guint8 types[][PENT_KERNEL_MAX_TYPES] = {']
    out += ['  { ' + ', '.join([TYPES[name][1] for name in types.values()] or ['0']) + ' },'
            for types in variants(kernel)]
    out += ['};', 'static const PentKernelArg args[] = {']
    for arg in kernel.args:
        kind = f'{kernel.letters.index(arg.type)}' if arg.type in kernel.letters else f'-1 - {TYPES[arg.type][1]}'
        optional = ' | PENT_KERNEL_ARG_OPTIONAL' if arg.optional else ''
        out.append(f'  {{ "{arg.name}", {kind}, {flags[arg.access]}{optional} }},')
    out += ['};', f'const PentKernel {kernel.snake}_info = {{',
            f'  .name = "{kernel.name}", .brief = "{kernel.brief}",',
            f'  .n_args = {len(kernel.args)}, .n_types = {len(kernel.letters)}, .n_variants = {len(codes)}, '
            f'.n_spec = {len(all_spec(kernel))},', '  .args = args, .types = types, .shaders = shaders,', '};']
    return '\n'.join(out) + '\n' + c_binding(kernel)


def c_header(kernels: list[Kernel]) -> str:
    return '\n'.join([HEADER + '#pragma once\n\n#include "pent-kernel.h"\n\nG_BEGIN_DECLS\n',
                      *(c_struct(kernel) for kernel in kernels), 'G_END_DECLS\n'])


def c_registry(kernels: list[Kernel]) -> str:
    names = '\n'.join(f'  &{kernel.snake}_info,' for kernel in kernels)
    return (f'{HEADER}\n#include "pent-kernels.h"\n\n'
            f'const PentKernel *const pent_kernels[] = {{\n{names}\n  NULL\n}};\n'
            f'const guint pent_n_kernels = {len(kernels)};\n')


# ---- main ----

def write_if_changed(path: str, text: str) -> None:
    """So that a change in a kernel's body rebuilds nothing that includes only the header (ninja's restat)."""
    file = pathlib.Path(path)
    if not file.exists() or file.read_text(encoding='utf-8') != text:
        file.write_text(text, encoding='utf-8')


def make_kernel(options: argparse.Namespace) -> None:
    kernel = read_kernel(options.kernels[0])
    include = pathlib.Path(__file__).parent / 'include'
    if options.print_glsl:
        print('\n'.join(glsl(kernel, types) for types in variants(kernel)))
        return
    codes = [compile_variant(kernel, types, include, options.glslang, options.spirv_val) for types in variants(kernel)]
    if options.depfile:
        found = includes_of('#include "types.glsl"\n' + kernel.text, include, {})
        inputs = ' '.join([kernel.path, *found])
        pathlib.Path(options.depfile).write_text(f'{options.out}: {inputs}\n', encoding='utf-8')
    pathlib.Path(options.out).write_text(c_kernel(kernel, codes), encoding='utf-8')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('mode', choices=['header', 'registry', 'kernel'])
    parser.add_argument('out')
    parser.add_argument('kernels', nargs='+')
    parser.add_argument('--glslang', default='glslang')
    parser.add_argument('--spirv-val')
    parser.add_argument('--depfile')
    parser.add_argument('--print-glsl', action='store_true')
    options = parser.parse_args()
    try:
        if options.mode == 'kernel':
            make_kernel(options)
        else:
            kernels = [read_kernel(path) for path in options.kernels]
            write_if_changed(options.out, (c_header if options.mode == 'header' else c_registry)(kernels))
    except Mistake as mistake:
        print(mistake, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
