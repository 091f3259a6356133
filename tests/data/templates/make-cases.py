#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes cases.json: small templates and what Jinja 3.1.6 makes of them, in the settings that transformers gives it.

    python3 tests/data/templates/make-cases.py > tests/data/templates/cases.json

A case whose output is null is one that Jinja refuses, on loading or rendering.  The variable pent_now stands for the time.
"""
import datetime
import json

import jinja2
import jinja2.ext
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2026, 11, 2, 9, 5, 7)


class Generation(jinja2.ext.Extension):
    """{% generation %}, which transformers adds: a scope of its own."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_write"), [], [], body).set_lineno(line)

    def _write(self, caller):
        return caller()


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


ENVIRONMENT = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
ENVIRONMENT.filters["tojson"] = tojson
ENVIRONMENT.globals["raise_exception"] = raise_exception
ENVIRONMENT.globals["strftime_now"] = NOW.strftime

VARIABLES = {
    "a": 1, "b": 2.5, "s": "Hello, Wörld", "e": "", "n": None, "t": True, "f": False, "l": [3, 1, 2],
    "d": {"x": 1, "y": [1, 2], "items": 5, "k z": "q"},
    "ld": [{"n": "b", "v": 2}, {"n": "a", "v": 1}, {"n": "c"}],
    "ws": "  a\tb \n c  ", "tools": None, "messages": [{"role": "user", "content": "hi"}], "neg": -7,
    "big": 12345678901234567, "emo": "a😀b", "q": "it's", "qq": 'say "hi"', "both": "'\"\n\t\\\x07é\u200b",
    "pent_now": NOW.isoformat(),
}

# One template a line; ⏎ is a newline in it.
LINES = r"""
{{ a }} {{ b }} {{ s }} {{ n }} {{ t }} {{ f }} {{ l }} {{ d }} {{ undefinedvar }}|
{{ [q, qq, both, 1.0, none, true, {'a': 'b'}, (1,), (1,2), []] }}
{{ 1.0 }} {{ 0.1 }} {{ 1e20 }} {{ 1e16 }} {{ 1e15 }} {{ 123456789.123 }} {{ 1e-5 }} {{ 0.0001 }} {{ 1e300*1e10 }} {{ -0.0 }} {{ 3.0e0 }} {{ 1/3 }} {{ 2/2 }} {{ 100.0 }} {{ 1e22 }} {{ 5e-324 }}
{{ 7//2 }} {{ neg//2 }} {{ neg%3 }} {{ 7 % -3 }} {{ 7.5//2 }} {{ -7.5 % 2 }} {{ 2**10 }} {{ 2**-1 }} {{ 2**0.5 }} {{ -2**2 }} {{ 2**3**2 }}
{{ 1+2*3 }} {{ (1+2)*3 }} {{ 1 - 2 - 3 }} {{ -a }} {{ +a }} {{ - -a }} {{ -neg|abs }} {{ 1 ~ 2 ~ 'x' }} {{ 'a' ~ n ~ t }} {{ 1 + 2 ~ 3 + 4 }}
{{ 'a' + 'b' }} {{ [1]+[2] }} {{ 'ab'*3 }} {{ 3*'ab' }} {{ [0]*3 }} {{ 'x' * -1 }}
{{ 1 + 'a' }}
{{ undefinedvar + 'a' }}
{{ 'a' + undefinedvar }}
{{ undefinedvar.foo }}
{{ undefinedvar['foo'] }}
{{ d.nope }}|{{ d['nope'] }}|{{ d.nope.x }}
{{ d.nope is defined }} {{ d.x is defined }} {{ undefinedvar is defined }} {{ undefinedvar is undefined }}
{{ d['items'] }} {{ d['k z'] }} {{ d.x }} {{ d.get('x') }} {{ d.get('zz') }} {{ d.get('zz', 4) }} {{ d.keys()|list }} {{ d.values()|list }}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}
{% for k, v in d|items %}{{ k }}={{ v }};{% endfor %}
{% for k in d %}{{ k }};{% endfor %}
{% for c in 'héy' %}[{{ c }}]{% endfor %}
{% for x in undefinedvar %}x{% else %}none{% endfor %}
{% for x in n %}x{% endfor %}
{% for x in [] %}x{% else %}empty{% endfor %}
{% for x in l if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }}{{ ',' if not loop.last }}{% endfor %}
{% for x in l %}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.depth }}{{ loop.cycle('o','e') }};{% endfor %}
{% for x in l %}{% for y in l %}{{ loop.depth }}{{ loop.index }}{% endfor %}|{{ loop.index }}{% endfor %}
{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}
{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% for x, y in [(1,2),(3,4)] %}{{ x+y }} {% endfor %}
{% for x, y in [(1,2,3)] %}{{ x }}{% endfor %}
{% set x = 1 %}{% for i in l %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}
{% set ns = namespace(x=0) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}
{% set ns = namespace() %}{{ ns.foo is defined }}{% set ns.foo = [1] %}{{ ns.foo }}
{% set d.x = 5 %}
{% set x, y = 1, 2 %}{{ x }}{{ y }}
{% set x %}block {{ a }}{% endset %}[{{ x }}]{{ x is string }}
{% set x | upper %}block {{ a }}{% endset %}[{{ x }}]
{% filter upper %}abc {{ s }}{% endfilter %}
{% if a == 1 %}yes{% elif b %}no{% else %}never{% endif %}
{% if e %}1{% elif n %}2{% elif l %}3{% endif %}
{{ 'y' if t else 'n' }} {{ 'y' if f }}| {{ ('a' if f else 'b') if t else 'c' }} {{ 'a' if f else 'b' if f else 'c' }}
{{ not t }} {{ not f and t }} {{ t or undefinedvar.x }} {{ f and undefinedvar.x }} {{ a and b }} {{ e or 'dflt' }} {{ n or 0 }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ t == 1 }} {{ 'a' < 'b' }} {{ [1,2] < [1,3] }} {{ 'a' == 1 }} {{ n == none }} {{ undefinedvar == n }} {{ undefinedvar == nope }} {{ {'a':1} == {'a':1.0} }}
{{ 1 < 'a' }}
{{ 'ell' in s }} {{ 'x' not in s }} {{ 3 in l }} {{ 9 in l }} {{ 'x' in d }} {{ 'role' in messages[0] }} {{ '' in s }} {{ not 'x' in s }}
{{ 1 in s }}
{{ 'a' in n }}
{{ 'a' in undefinedvar }}
{{ s[0] }}{{ s[-1] }}{{ s[8] }}{{ s[99] }}| {{ l[0] }} {{ l[-1] }} {{ l[5] }}| {{ emo[1] }} {{ emo|length }}
{{ s[1:4] }} {{ s[:-1] }} {{ s[::-1] }} {{ s[::2] }} {{ s[-3:] }} {{ s[5:2] }}| {{ s[10:100] }} {{ s[100:] }}| {{ s[-100:2] }} {{ l[1:] }} {{ l[::-1] }} {{ l[:1] }} {{ l[5:] }} {{ l[-2:] }} {{ l[::-2] }} {{ l[2:0:-1] }} {{ l[:0:-1] }} {{ emo[::-1] }} {{ emo[1:2] }}
{{ l[::0] }}
{{ d[1:] }}
{{ 'a,b,,c'.split(',') }} {{ 'a b  c'.split() }} {{ ws.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a b c d'.split(none, 2) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'x'.split('x') }} {{ 'a,b,c'.rsplit(',', 1) }} {{ 'a--b--c'.split('--') }}
{{ 'a'.split('') }}
{{ ws.strip() }}|{{ ws.lstrip() }}|{{ ws.rstrip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'xyaxy'.lstrip('yx') }}|{{ '\n\na\n'.strip('\n') }}|{{ 'é a é'.strip('é') }}|
{{ s.upper() }} {{ s.lower() }} {{ s.title() }} {{ 'hello wORLD'.capitalize() }} {{ "they're bill's".title() }} {{ 'straße'.upper() }}
{{ s.startswith('He') }} {{ s.endswith(('x','ld')) }} {{ s.startswith('') }} {{ s.startswith('lo') }}
{{ s.replace('l','L') }} {{ s.replace('l','L',1) }} {{ 'abc'.replace('','-') }} {{ 'aé'.replace('','-') }} {{ s.find('l') }} {{ s.rfind('l') }} {{ s.find('zz') }} {{ s.find('ld') }} {{ s.count('l') }} {{ 'aaa'.count('aa') }} {{ 'abc'.count('') }}
{{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('bc') }} {{ ','.join(['a','b']) }} {{ 'a\nb\r\nc\n'.splitlines() }} {{ 'a\nb'.splitlines(true) }} {{ '12'.isdigit() }} {{ ''.isdigit() }} {{ 'ab1'.isalnum() }} {{ 'ab'.isalpha() }} {{ ' '.isspace() }}
{{ 'x {} y {}'.format(1, 'b') }} {{ '{0}{1}{0}'.format('a','b') }} {{ '{n}'.format(n=3) }} {{ '{{}}'.format() }}
{{ '%s is %d' % ('a', 3) }} {{ '%s' % 'x' }} {{ '%.2f' % 3.14159 }} {{ '%05d|%-5d|%5d' % (42, 42, 42) }} {{ '%x' % 255 }} {{ '100%%' % () }} {{ "%s, %s" | format('a', 'b') }} {{ '%5.1f|' % 2.25 }} {{ '%-6s|%6s|' % ('ab','cd') }} {{ '%05.1f' % -2.5 }} {{ '%i' % 3.9 }} {{ '%.3s' % 'abcdef' }} {{ '%e' % 12345.678 }}
{{ s|upper }} {{ s|lower }} {{ s|title }} {{ 'foo-bar baz (qux) x.y'|title }} {{ s|capitalize }} {{ ws|trim }}| {{ 'xax'|trim('x') }} {{ n|trim }} {{ 5|upper }} {{ undefinedvar|trim }}|
{{ s|length }} {{ l|length }} {{ d|length }} {{ undefinedvar|length }} {{ l|count }}
{{ 5|length }}
{{ undefinedvar|default('x') }} {{ n|default('x') }} {{ n|default('x', true) }} {{ e|d('z', boolean=true) }} {{ e|d('z') }}| {{ undefinedvar|default }}|
{{ l|first }} {{ l|last }} {{ []|first }}| {{ 'abc'|first }} {{ 'abc'|last }} {{ d|first }}
{{ l|join }} {{ l|join(', ') }} {{ ld|join('-', attribute='n') }} {{ 'abc'|join('.') }} {{ ['a',1,none]|join('/') }}
{{ l|sort }} {{ l|sort(reverse=true) }} {{ ['b','A','c']|sort }} {{ ['b','A','c']|sort(case_sensitive=true) }} {{ ld[:2]|sort(attribute='n') }} {{ l|reverse|list }} {{ 'abc'|reverse }} {{ l|min }} {{ l|max }} {{ l|sum }} {{ ld[:2]|sum(attribute='v') }} {{ [1,1,2]|unique|list }} {{ ['a','A','b']|unique|list }}
{{ ld|map(attribute='n')|list }} {{ ld|map(attribute='v', default=0)|list }} {{ ['a','b']|map('upper')|list }} {{ [' a ']|map('trim')|join }} {{ ['ab']|map('replace','a','x')|list }} {{ ld|selectattr('v')|list }} {{ ld|selectattr('v','defined')|map(attribute='n')|list }} {{ ld|rejectattr('v','defined')|list }} {{ ld|selectattr('n','equalto','a')|list }} {{ ld|selectattr('v', '>', 1)|list|length }} {{ l|select('odd')|list }} {{ l|reject('gt', 1)|list }} {{ [0,1,'',none]|select|list }} {{ ld|selectattr('n', 'in', ['a','c'])|map(attribute='n')|join(',') }}
{{ '12'|int }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ 3.9|int }} {{ '3.9'|int }} {{ ' 4 '|int }} {{ -3.9|int }} {{ '2.5'|float }} {{ 'z'|float }} {{ 3|float }} {{ n|int }} {{ t|int }} {{ 2.567|round(2) }} {{ 2.5|round }} {{ 3.5|round }} {{ 2.1|round(0,'ceil') }} {{ -5|abs }} {{ 2.4|round|int }} {{ '+5'|int }}
{{ l|list }} {{ 'ab'|list }} {{ d|list }} {{ (1,2)|list }} {{ l|string }} {{ n|string }} {{ 'a<b>&"\''|e }} {{ 'a'|safe }} {{ d|dictsort }} {{ {'b':1,'a':2}|dictsort }} {{ {'b':1,'a':2}|dictsort(by='value', reverse=true) }}
{{ 'a\nb\n\nc'|indent }}|{{ 'a\nb'|indent(2, true) }}|{{ 'a\n\nb'|indent(2, blank=true) }}|{{ 'a\nb'|indent('>>') }}
{{ s|replace('l','L') }} {{ s|replace('l','L',1) }} {{ 5|replace(5,6) }}
{{ d|tojson }} {{ both|tojson }} {{ [1.0, 1e100, none, true, 'é😀']|tojson }} {{ {'a': {'b': []}, 'c': {}}|tojson(indent=2) }} {{ [1,[2]]|tojson(indent=4) }} {{ {'b':1,'a':2}|tojson(sort_keys=true) }} {{ 'é😀'|tojson(ensure_ascii=true) }} {{ {'a':1,'b':2}|tojson(separators=(',',':')) }} {{ {1:2, none:3, true:4, 1.5:6}|tojson }} {{ [] |tojson(indent=2) }} {{ (1,2)|tojson }} {{ 'a'|tojson|length }} {{ '<>&\''|tojson }}
{{ undefinedvar|tojson }}
{{ d|tojson(indent='\t') }}
{{ a is number }} {{ b is number }} {{ t is number }} {{ s is number }} {{ a is integer }} {{ t is integer }} {{ b is float }} {{ s is string }} {{ n is none }} {{ l is sequence }} {{ s is sequence }} {{ d is sequence }} {{ d is mapping }} {{ l is mapping }} {{ l is iterable }} {{ a is iterable }} {{ undefinedvar is iterable }} {{ undefinedvar is sequence }} {{ t is boolean }} {{ t is true }} {{ 1 is true }} {{ f is false }} {{ a is odd }} {{ 2 is even }} {{ 9 is divisibleby 3 }} {{ a is eq 1 }} {{ a is equalto(1) }} {{ a is ne 2 }} {{ a is lt 2 }} {{ a is in [1,2] }} {{ a is not none }} {{ a is not defined }} {{ 'abc' is lower }} {{ 'ABC' is upper }} {{ 'Abc' is lower }} {{ range is callable }} {{ s is callable }} {{ n is sameas none }} {{ 'x' is in 'xyz' }}
{{ a is number and s is string }} {{ not a is string }} {{ a is defined and a }} {{ 1 if a is defined else 2 }} {{ a is divisibleby 1 and true }} {{ l[0] is odd }}
{% macro m(x, y='d') %}<{{ x }}-{{ y }}>{% endmacro %}{{ m(1) }}{{ m(1,2) }}{{ m(y=3,x=4) }}{{ m() }}{{ m(1)|upper }}{{ m.name }}
{% macro m(x) %}{{ x }}{% endmacro %}{{ m(1,2) }}
{% macro m(x) %}{{ x }}{% endmacro %}{{ m(z=2) }}
{% macro f(n) %}{{ n }}{% if n > 0 %},{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(5) }}
{% set g = 'glob' %}{% macro m() %}{{ g }}{% set g2 = 'in' %}{{ g2 }}{% endmacro %}{{ m() }}{{ g2 }}
{% set outer = 1 %}{% macro m() %}{{ outer }}{% endmacro %}{% set outer = 2 %}{{ m() }}
{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}
{% macro m() %}{{ loop is defined }}{% endmacro %}{% for i in l %}{{ m() }}{% endfor %}
{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(7) }}
{% generation %}x{% set zz = 3 %}{{ zz }}{% endgeneration %}{{ zz }}
{{ range(3)|list }} {{ range(1,4)|list }} {{ range(5,0,-2)|list }} {{ range(0) | length }}
{{ dict(a=1, b='x') }} {{ dict(d, x=9)['x'] }} {{ dict() }}
{{ raise_exception('no way') }}
{{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%d %H:%M:%S %j %A %a %B %y %I %p %% %e') }} {{ strftime_now("%-d %-m %-H") }}
{{ nofunc(1) }}
{{ s.nomethod() }}
{{ l.append(4) }}
{% set _ = d.update({'z': 1}) %}
{{ s|nofilter }}
{{ s is notest }}
{% if f %}{{ s|nofilter }}{% endif %}ok
{% if t %}{{ s|nofilter }}{% endif %}ok
{{ (s|nofilter) if f else 'ok' }}
{{ 'ok' if t else s|nofilter }}
{% if f and (s is notest) %}{% endif %}ok
{{ 'a' 'b' "c" }} {{ "\x41\u00e9\n\t\\\"\'\101\q" }} {{ 'multi⏎line' }}
{{ 1_000 }} {{ 1e3 }} {{ 1.5e-3 }} {{ true }} {{ True }} {{ none }} {{ None }} {{ false }}
{{ [1, 2,] }} {{ {'a': 1,} }} {{ (1) }} {{ () }} {{ 1, 2 }} {{ [[1],[2]] [1] }} {{ {'a': {'b': 2}}.a.b }} {{ {1: 'x'}[1] }} {{ [(1,2)][0][1] }} {{ l.0 }}
{# comment #}a{#- c -#} b {#- x #}
{%- if t -%}  x  {%- endif -%}  y
a  {{- ' b ' -}}  c
{% raw %}{{ not }} {% x %}{% endraw %} z
{%- raw -%}  {{ a }}  {%- endraw -%}  z
{{ '{{' }} {{ '}}' }} {{ '%}' }} {{ {'a': '}}'} }}
{{ {'a':{'b':1}}}}
{% set x = {'a':{'b':1}}%}{{ x }}
{{ s | upper | replace('L', 'l') | length }} {{ -1|abs }} {{ (-1)|abs }} {{ 1 + -1|abs }} {{ 'a' ~ 'b'|upper }} {{ 2 * 3|string }}
{{ not a == 1 }} {{ (not a) == 1 }} {{ a == 1 and b == 2.5 or f }}
{{ messages[0].role }} {{ messages[0]['role'] }} {{ messages[-1].content }} {{ messages|length - 1 }} {{ messages[5].role }}
{{ messages[0].role.upper() }} {{ messages[0].nope is none }} {{ messages[0].nope is defined }} {{ messages[0].get('nope') is none }}
{{ [1,2,3][1:][0] }} {{ 'abc'[1:][0] }} {{ ('a','b')[1] }} {{ 'x'.upper().lower() }} {{ l|length > 2 }} {{ l | length == 3 and 'yes' or 'no' }}
{{ t + 1 }} {{ t + t }} {{ -t }} {{ +t }} {{ t * 2.5 }}
{{ l * 2 }} {{ 'a' in ['a'] }} {{ ['a'] == ('a',) }} {{ [1] == [1.0] }}
{{ 9223372036854775807 }} {{ -9223372036854775807 }} {{ big }} {{ big * 1.0 }}
{{ 1 / 0 }}
{{ 1 % 0 }}
{{ l.index(1) }} {{ l.count(1) }} {{ (1,2).index(2) }}
{{ l.index(99) }}
{{ d is sameas d }} {{ 1.0 is sameas 1 }}
{{ loop }}
{% for i in l %}{{ loop.nope }}|{% endfor %}
{% for a in l %}{{ a }}{% endfor %}{{ a }}
{% for i in l %}{% set q = i %}{% endfor %}{{ q }}
{% if t %}{% set inif = 1 %}{% endif %}{{ inif }}
{% for i in [1,2] %}{{ x is defined }}{% set x = 1 %}{{ x is defined }}{% endfor %}
{% endif %}
{% if t %}
{% for x in l %}
{% foo %}
{{ }}
{{ a
{% if %}x{% endif %}
{{ a b }}
{{ 1 + }}
{{ 'abc }}
{{ [1, 2 }}
{{ (1 }}
{{ a. }}
{{ a | }}
{{ a is }}
{% set %}
{% set 1 = 2 %}
{% set x == 2 %}
{% for 1 in l %}{% endfor %}
{% for x l %}{% endfor %}
{% macro %}{% endmacro %}
{% macro m( %}{% endmacro %}
{% if t %}a{% else %}b{% elif f %}c{% endif %}
{% break %}
{{ a }}}
{{ a } }}
{{ @ }}
{{ a ? b }}
{# unclosed
{% raw %} unclosed
{% else %}
{% endfor %}
{{ f(**d) }}
{{ x.y.z }}
{{ -s }}
{{ s() }}
{{ d.x() }}
{{ 'é'.upper() }} {{ 'ÀÉ'.title() }}
{%- set a = [1] -%}{{ a }}
{{ "a" if false }}{{ "b" if true }}
{{ [none, undefinedvar] }}
{{ undefinedvar ~ 'x' }}
{{ (undefinedvar or 'x') }} {{ undefinedvar|string|length }} {{ undefinedvar|upper }}| {{ undefinedvar|list }} {{ undefinedvar|join(',') }}|{{ undefinedvar|first }}|{{ undefinedvar|int }} {{ undefinedvar|items|list }}
{{ undefinedvar < 1 }}
{{ not undefinedvar }}
{{ {} or 'e' }} {{ [] or 'e' }} {{ 0 or 'e' }} {{ 0.0 or 'e' }} {{ '0' or 'e' }} {{ () or 'e' }} {{ namespace() and 'ns' }}
{{ d|map('upper')|list }} {{ d|length }} {{ d.keys()|join(',') }} {{ d|join(',') }}
{{ 'a' < 'B' }} {{ ['b','a']|min }} {{ []|max }}| {{ [3,1]|max }}
{{ 3 | string ~ 'x' }} {{ 1 if 1 < 2 and 2 < 3 else 0 }} {{ l[a] }} {{ l[a-1] }} {{ l[-a] }} {{ s[a:a+2] }}
{{ 'a.b'.split('.')[-1] }} {{ 'x</think>y'.split('</think>')[-1].lstrip('\n') }} {{ 'xyz'.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') }}
{%- for message in messages %}⏎    {%- if loop.first and message.role != 'system' %}⏎        {{- '<|im_start|>system' }}⏎    {% endif %}⏎    {{ message.role }}⏎{% endfor %}⏎end⏎  {% if t %}⏎  x⏎  {% endif %}⏎  {{ a }}⏎  {%+ if t %}⏎  y⏎  {%+ endif +%}⏎⏎z
"""

# White space control.
SPACE = [
    'a\n',
    'a\n\n',
    '\n',
    '',
    '\r\na\r\n{% if t %}\r\nb\r\n{% endif %}\r\n',
    'a\rb',
    '  {% if t %}\n  x{% endif %}\n',
    'x  {% if t %}y{% endif %}\n\nz',
    '{# c #}\n\nx',
    '  {# c #}  \nx',
    '{{ a }}\n{{ a }}\n',
    '{% if t %}\n\n{% endif %}\n\n',
    '{% set x = 1 %}\n  {% set y = 2 %}\n{{ x }}',
    ' {%- set x = 1 %} \n {{- x }} \n ',
    '{% raw %}\n {% if %}\n{% endraw %}\nq',
    'a {%- raw %} b {% endraw -%} c',
    '\t{% if t %}\t{% endif %}\t',
    '{%if t%}a{%endif%}',
    '{%-if t-%}a{%-endif-%}',
    '{{a}}{{-a}}{{a-}} {{a}}',
    '{{- a -}}\n\n{{ a }}',
    '\ufeff{{ a }}',
    '{{ "x" }}\x0b{% if t %}y{% endif %}',
    '\xe9{% if t %}  \n \xe9 {% endif %}\n',
    '{%+ if t %} a{%+ endif %}\n b',
    '{{ a +}}',
    '{{+ a }}',
    '{% if t +%}\n a{% endif %}',
    '{#- x -#}\n y',
    'a{#+ x +#}\n y',
    '  {%- raw %}\n  x\n  {% endraw %}\n y',
    '{% raw -%}\n  x\n  {%- endraw %}\n y',
    '{% if t %}{% raw %} {% endraw %}{% endif %}\n.',
    '\n  {% raw %}x{% endraw %}\n  {% if t %}\ny\n  {% endif %}',
]


def case(template):
    try:
        output = ENVIRONMENT.from_string(template).render(**VARIABLES)
    except Exception:
        output = None
    return {"template": template, "output": output}


templates = [line.replace("⏎", "\n") for line in LINES.strip("\n").split("\n")] + SPACE
cases = [json.dumps(case(template)) for template in templates]
print('{"variables":\n%s,\n"cases": [\n%s\n]}' % (json.dumps(VARIABLES), ",\n".join(cases)))
