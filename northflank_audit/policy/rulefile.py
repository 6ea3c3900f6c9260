"""The forms of the files that a policy is written in: rules, examples beside them, overrides."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from northflank_audit.model import RESOURCE_TYPE, ExampleEntry, Severity

RuleId = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]+$", description="an id: it has letters, digits, - and _, and nothing else")
]
Text = Annotated[str, Meta(min_length=1)]


class RuleEntry(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A rule as a rule file writes it."""

    id: RuleId
    title: Text
    severity: Severity
    require: Text
    resource: Literal["registry-credential", "account"] = RESOURCE_TYPE
    when: Text | None = None
    params: dict[str, Any] = {}
    message: Text | None = None
    rationale: str = ""
    remediation: str = ""
    references: list[str] = []
    controls: dict[str, list[str]] = {}
    tests: list[ExampleEntry] = []


class Override(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a config file or a pack changes of a rule."""

    severity: Severity | None = None
    params: dict[str, Any] = {}


class RuleFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A rule file: rules of its own, those of the files that it extends, and what it changes of them."""

    rules: list[RuleEntry] = []
    extends: list[Text] = []
    overrides: dict[str, Override] = {}


class TestEntry(ExampleEntry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An example in a file of its own: it names its rule."""

    rule: RuleId


class TestFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A file of examples: `NAME.test.yaml`."""

    tests: Annotated[list[TestEntry], Meta(min_length=1)]
