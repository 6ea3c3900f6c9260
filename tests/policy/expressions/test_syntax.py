import ast
import re
import subprocess
import sys

import pytest
from hypothesis import assume, given

from northflank_audit.policy.expressions.cel import CelError
from northflank_audit.policy.expressions.syntax import excerpt, parse
from tests.conftest import ROOT
from tests.policy.expression_meaning import SOURCES, booleans, meaning

# Each of them compiles: operators and their precedence, every form of a literal, macros, comments.
COMPILES = [
    "true ? 1 : false ? 2 : 3",
    "(true ? false : true) ? 1 : 2",
    "true || false && true || !true && !false",
    "1 + 2 * 3 - 4 / 5 % 6 - -7 == --1 - 1",
    "1 - 1-1 -1",
    "(1 - (1 - 1)) * -(2 + 3)",
    "1 < 2 == true != (1 in [1] in [true])",
    "1in[1]&&true",
    "!!true && !(!true)",
    "-credential.a.size()",
    "-1.0 < .5 && 1e3 > 1E-3 && 1.5e+3 > -.5",
    "0x1F - 0xa == dyn(10u) || 5U == dyn(01)",
    "-9223372036854775808 < 9223372036854775807",
    "'' + \"\" + '''''' + \"\"\"\"\"\" + 'it\\'s' + \"\\\"\" + '\"' + \"'\"",
    "'''a\n'b' ''c\\'''' + \"\"\"\"a\" \\\" \"\"b\n\"\"\"",
    "r'\\d' + R\"\\s\" + r'''\\a''' + R\"\"\"b\"\"\" + r'#'",
    "b'x' + B\"\\377\" + br'\\x' + bR'''y''' + Br\"\"\"z\"\"\"",
    "'\\u00ff\\U0001F600\\x41\\101\\n\\?\\`' + '// no comment'",
    "'😀😀' + 'é' == credential.a ? 1 : 2",
    "[] == [,] || [1, 2,] == [[1], [2]][0]",
    "{} == {,} || {'a': 1, 2: [3],}['a'] == {true: {1u: 2}}[true][1u]",
    "credential.a.b['c'][0].d.`e-f`.`g.h/i j`",
    "credential . a\n[ 0 ]\n. size ( )",
    ".credential.a == .size(.params.b)",
    "credential.if.for.package == credential.inx.nullx.truex",
    "has(credential.a) && !has(credential.a.`b-c`) && has((credential).a)",
    "credential.l.all(x, x.exists(y, y == x)) && [1].exists_one(x, x == 1)",
    "credential.l.map(x, x > 0, x + 1).filter(y, y > 1).map(z, [z])",
    "cel.bind(a, 1, cel.bind(b, a + 1, a + b))",
    "'a,b'.split(',').size() + 'x'.charAt(0).size() + size('y')",
    "type(1) == int && google.protobuf.Timestamp == type(now)",
    "google.protobuf.Int32Value{value: 1, } == 1 && google.protobuf.Struct{} == {}",
    ".google.protobuf.Int32Value{`value`: 1} == google.protobuf.Int32Value{,}",
    "now - duration('1h') < timestamp('2026-01-01T00:00:00Z')",
    " // before\n\ftrue\r\n // between\n\t&& // && false\n true // after",
    "&&".join(["true"] * 200) + "||" + "||".join(["(false)"] * 40),
    "!" * 500 + "true",
    "-" * 20 + "1",
]
REFUSED = ["", " // only", "1 +", "a b", "'a", "'a\nb'", "`a`", "a.in", "a.true", "a.(b)", "[1", "{1}", "f(1,)", "1 ? 2", "a;", "a\u00a0b", "a.``", "true ? true ? 1 : 2 : 3"]  # fmt: skip


def parenthesised(source, node):
    """Write an expression with a pair of parentheses around each of its parts."""
    parts, at = [], node.start
    for part in node.children:
        typename = node.kind == "message" and part is node.children[0]
        parts += [source[at : part.start], part.text(source) if typename else parenthesised(source, part)]
        at = part.end
    return f"({''.join(parts)}{source[at : node.end]})"


@pytest.mark.parametrize("source", [*COMPILES, *SOURCES])
def test_an_expression_has_the_same_parts_as_in_the_engine(source):
    expected = meaning(source)
    assert expected is not None
    tree = parse(source)
    # The engine counts an even number of minus signs away, as one.
    if "--" not in source:
        assert meaning(parenthesised(source, tree)) == expected


@given(booleans)
def test_any_expression_has_the_same_parts_as_in_the_engine(source):
    expected = meaning(source)
    assume(expected is not None)
    written = parenthesised(source, parse(source))
    assert meaning(written) in (expected, None)  # None: parentheses nested too deeply


@given(booleans)
def test_every_part_reads_the_same_by_itself(source):
    for node in parse(source).walk():
        text = node.text(source)
        alone = parse(text)
        assert (alone.kind, alone.word, alone.start, alone.end) == (node.kind, node.word, 0, len(text))
        assert source[node.word_start :].startswith(node.word)
        assert [part.text(text) for part in alone.children] == [part.text(source) for part in node.children]


def test_whatever_the_tests_have_the_engine_compile_can_be_parsed():
    texts = set()
    for path in (ROOT / "tests").rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        texts |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    compiled = {text for text in texts if not re.search("[\ud800-\udfff]", text) and meaning(text) is not None}
    assert len(compiled) > 100
    for text in compiled:
        assert parse(text)


def test_what_is_no_cel_is_refused_with_its_place():
    for source in REFUSED:
        with pytest.raises(CelError, match="not valid CEL"):
            parse(source)
    with pytest.raises(CelError) as caught:
        parse("true &&\n  'a' ; 1")
    assert caught.value.problems[0].index == 14


def test_places_count_characters_and_leave_comments_out():
    source = "// 😀\n ( '😀' == credential.`a b` ) // 😀"
    group = parse(source)
    assert (group.kind, group.start, group.text(source)) == ("group", 6, "( '😀' == credential.`a b` )")
    (relation,) = group.children
    assert (relation.word, relation.word_start) == ("==", source.index("=="))
    text, field = relation.children
    assert (text.kind, text.text(source)) == ("string", "'😀'")
    assert (field.kind, field.word, field.start) == ("select", "`a b`", source.index("credential"))


def test_a_chain_is_one_part():
    source = "a && b && (c && d) || e"
    both, _ = parse(source).children
    assert [part.text(source) for part in both.children] == ["a", "b", "(c && d)"]


def test_a_sign_belongs_to_its_number_and_to_nothing_else():
    assert [(node.kind, node.text("1 - -2 + -a")) for node in parse("1 - -2 + -a").walk() if not node.children] == [
        ("number", "1"),
        ("number", "-2"),
        ("name", "a"),
    ]


def test_an_excerpt_is_one_short_printable_line():
    assert excerpt("a &&\n   b") == "a && b"
    assert excerpt("a\u202e\x1b\ue000") == "a\\u202e\\x1b\\ue000"
    assert excerpt("x" * 61) == "x" * 59 + "…"


def test_audits_do_not_pay_for_the_parser():
    program = (
        "import sys; from northflank_audit.audit import runner; from northflank_audit.cli import app; assert 'lark' not in sys.modules;"
        "from northflank_audit.policy.expressions import syntax; assert syntax._parser.cache_info().currsize == 0"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
