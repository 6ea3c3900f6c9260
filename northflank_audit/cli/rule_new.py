"""The command `rules new`."""

import re
from string import Template
from typing import Final

import click

from northflank_audit.bundled import rule_packs
from northflank_audit.cli.option_types import TypeName
from northflank_audit.errors import StartError
from northflank_audit.model import RESOURCE_TYPE
from northflank_audit.printing import say
from northflank_audit.resources import TYPES, Kind, ResourceType

ID: Final = re.compile(r"[A-Za-z0-9_-]+")

_HEAD: Final = Template("""\
# Check it with `rules lint FILE`, run its examples with `rules test FILE`, audit by it with `--rules FILE`.
# All keys: docs/writing-rules.md. The fields of a record: the command `types`.
rules:
  - id: $id
    title: $title  # what should be so
    finding: $finding  # what is wrong otherwise; heads violations in reports
    severity: low  # info, low, medium, high or critical
    resource: $type
    # CEL: if `when` is false, the rule does not apply. Omit it if the rule always applies.
    # when: "…"
""")
_TAIL: Final = Template("""\
    rationale: Why it matters, for the report.
    remediation: What to do about it, step by step.
    references: []  # web addresses to read on
    controls: {}  # such as {soc2: [CC6.1], nist-800-53: [AC-6]}
    # Examples: a record, and the verdict that it must get.
    tests:
""")
_NAMED: Final = Template("""\
    # CEL: true passes, false fails, and a field that the API does not give makes it unknown.
    require: $variable.$field.matches(params.pattern)
$requires    params:
      pattern:
        default: $default
        description: What it looks like.
        format: regex
    message: "The $singular '{name}' does not look like {params.pattern}"
""")
_NAMED_TESTS: Final = Template("""\
      - {name: as it should be, given: {$identity$field: web-1}, ${set}expect: pass}
      - {name: as it should not be, given: {$identity$field: Web 1}, ${set}expect: fail}
      - {name: a missing field, given: {$other}, ${set}expect: unknown}
""")
_PATTERN: Final = '"^[a-z0-9-]+$"'
_SET: Final = {"requires": "", "default": _PATTERN, "set": ""}
_UNSET: Final = {
    "requires": "    requires: [pattern]  # while it is empty, the rule does not run\n",
    "default": f'""  # such as {_PATTERN}',
    "set": f"params: {{pattern: {_PATTERN}}}, ",
}
_FLAGGED: Final = Template("""\
    # CEL: true passes, false fails, and a field that the API does not give makes it unknown.
    require: $variable.$field
    message: "The $singular '{id}' is not $field"
""")
_FLAGGED_TESTS: Final = Template("""\
      - {name: as it should be, given: {$identity$field: true}, expect: pass}
      - {name: as it should not be, given: {$identity$field: false}, expect: fail}
      - {name: a missing field, given: {$other}, expect: unknown}
""")
_COUNTED: Final = """\
    # CEL: true passes, false fails, and a list that could not be read whole makes it unknown.
    require: size(account.registry_credentials) <= params.max
    params:
      max: {default: 50, description: The most registry credentials., type: integer, minimum: 0}
    message: "{name} has more than {params.max} registry credentials"
"""
_COUNTED_TESTS: Final = """\
      - {name: few, account: {registry_credentials: [{id: a}]}, expect: pass}
      - {name: too many, account: {registry_credentials: [{id: a}, {id: b}]}, params: {max: 1}, expect: fail}
      - {name: an unknown list, expect: unknown}
"""


@click.command("new")
@click.argument("rule_id", metavar="ID")
@click.option("--type", "name", type=TypeName(), metavar="TYPE", default=RESOURCE_TYPE, show_default=True,
              help="The resource type that the rule is about.")  # fmt: skip
def new_rule(rule_id: str, name: str) -> None:
    """Print a rule to start from, with examples.

    It is a rule file that lints and passes its tests.
    """
    if not ID.fullmatch(rule_id):
        raise StartError(f"'{rule_id}' is not an id: only letters, digits, - and _ are allowed")
    if rule_id in rule_packs():
        raise StartError(
            f"'{rule_id}' is the id of a bundled rule; choose another, or start from: rules show {rule_id}"
        )
    say(skeleton(rule_id, TYPES[name]))


def skeleton(rule_id: str, kind: ResourceType, *, configured: bool = True) -> str:
    """Return a rule file with one rule about a type, and examples that pass.

    If it is not `configured`, a rule about a name does not run before its pattern is set.
    """
    title = f"{kind.plural[:1].upper()}{kind.plural[1:]} are as we want them"
    finding = f"{kind.singular[:1].upper()}{kind.singular[1:]} that is not as we want it"
    body, tests = _COUNTED, _COUNTED_TESTS
    if kind.listing is not None:
        field = _field(kind)
        identity = f"{kind.id}: a"
        words = {"variable": kind.variable, "field": field, "singular": kind.singular, "other": identity}
        words["identity"] = f"{identity}, "
        words |= _SET if configured else _UNSET
        templates = (_FLAGGED, _FLAGGED_TESTS) if kind.fields[field].kind is Kind.BOOLEAN else (_NAMED, _NAMED_TESTS)
        body, tests = (template.substitute(words) for template in templates)
    head = _HEAD.substitute(id=rule_id, title=title, finding=finding, type=kind.name)
    return f"{head}{body}{_TAIL.substitute()}{tests}".rstrip("\n")


def _field(kind: ResourceType) -> str:
    """Return the field that the rule reads: the name of a resource, else one that is not personal."""
    fields = {
        path: field.kind
        for path, field in kind.fields.items()
        if path.isidentifier() and path != kind.id and not field.personal and not field.values
    }
    if fields.get(kind.label) is Kind.TEXT:
        return kind.label
    return next(path for of in (Kind.TEXT, Kind.BOOLEAN) for path, found in fields.items() if found is of)
