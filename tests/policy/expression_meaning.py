"""Expressions for the tests of what reads their text."""

from hypothesis import strategies as st

from northflank_audit.bundled import RULES
from northflank_audit.policy.expressions import cel, field_reads
from northflank_audit.policy.rules.rulebook import load

SHIPPED = load([(path.name, path.read_text()) for path in sorted(RULES.glob("*.yaml"))])
SOURCES = [source for rule in SHIPPED for source in (rule.when, rule.require) if source is not None]
"""The expressions of the shipped rules."""

_gaps = st.sampled_from([" ", " ", " ", "\n", "\t // why 😀 && (\n", "  "])
_fields = st.sampled_from(["a", "b", "a.b", "`a-b`", "a['k'].b", "l[0]"]).map("credential.".__add__)
_plain = st.sampled_from(
    ["1", "-1", "2u", "1.5", "'é😀'", 'r"\\d"', '"""a"b"""', "null", "0x1F", "[1, 'x', credential.a]", "{'k': 1}.k"]
)
_values = st.one_of(_fields, _plain.map("dyn({})".format), st.just("params.x * 2 - 1"), st.just("size(credential.l)"))


@st.composite
def _comparisons(draw):
    operator = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in"]))
    return f"{draw(_fields)}{draw(_gaps)}{operator}{draw(_gaps)}{draw(_values)}"


def _larger(booleans):
    def chain(operator):
        return st.lists(booleans, min_size=2, max_size=4).flatmap(
            lambda parts: _gaps.map(lambda gap: f"{gap}{operator}{gap}".join(f"({part})" for part in parts))
        )

    return st.one_of(
        chain("&&"),
        chain("||"),
        st.tuples(_comparisons(), _comparisons(), _comparisons()).map(lambda three: "{} && {} || {}".format(*three)),
        st.tuples(booleans, booleans, booleans).map(lambda three: "({}) ? ({}) : {}".format(*three)),
        booleans.map("!({})".format),
        st.tuples(st.sampled_from(["all", "exists", "exists_one"]), booleans).map(
            lambda two: f"credential.l.{two[0]}(e, e == 1 || ({two[1]}))"
        ),
        booleans.map("size(credential.l.map(e, e > 0, e + 1).filter(e, {})) > 0".format),
        st.tuples(_values, booleans).map(lambda two: f"cel.bind(v, {two[0]}, v != 1 && ({two[1]}))"),
    )


booleans = st.recursive(
    st.one_of(_comparisons(), st.sampled_from(["detailed", "has(credential.a.b)", "!has(credential.l)", "true"])),
    _larger,
    max_leaves=5,
)
"""Expressions that give true or false, or err."""


def meaning(source):
    """Return the engine's own tree, less positions, or None where it does not compile."""
    try:
        compiled = cel._compile(source, "registry-credential")
    except cel.CelError:
        return None
    return field_reads.fields(field_reads.fields(compiled.serialize())[2][0])[4]
