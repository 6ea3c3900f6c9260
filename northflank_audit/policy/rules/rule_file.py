"""The structure of rule files, example files and overrides."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from northflank_audit.model import RESOURCE_TYPE, ExampleEntry, Severity

RuleId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+$(?!\n)", description="an id: only letters, digits, - and _")]
Text = Annotated[str, Meta(min_length=1)]


class RuleEntry(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A rule as a rule file writes it."""

    id: RuleId
    title: Annotated[Text, Meta(description="What should be so, as a sentence.")]
    finding: Annotated[
        Text | None,
        Meta(description="What is wrong if it is violated, in a few words. Reports head violations with it."),
    ] = None
    severity: Annotated[Severity, Meta(description="How bad a violation is.")]
    require: Annotated[
        Text,
        Meta(
            description="CEL: if true, the rule passes; if false, it fails; if it needs a missing field, it is unknown."
        ),
    ]
    resource: Annotated[str, Meta(description="What the rule is about: a resource type.")] = RESOURCE_TYPE
    when: Annotated[Text | None, Meta(description="CEL: if false, the rule does not apply.")] = None
    params: Annotated[
        dict[str, Any],
        Meta(
            description="Values that a config file may change, seen as params.NAME: the default of each, or a map with "
            "`default` and what describes it."
        ),
    ] = {}
    requires: Annotated[
        list[str],
        Meta(description="Names of params. While one of them is empty, the rule is not configured and does not run."),
    ] = []
    message: Annotated[
        Text | None,
        Meta(description="The message of a violation, with {id}, {name}, {provider}, {team}, {params.NAME}."),
    ] = None
    rationale: Annotated[str, Meta(description="Why it matters.")] = ""
    remediation: Annotated[str, Meta(description="What to do about a violation.")] = ""
    references: Annotated[list[str], Meta(description="Web addresses for further reading.")] = []
    controls: Annotated[
        dict[str, list[str]], Meta(description="The rule's controls by framework: soc2, nist-800-53, …")
    ] = {}
    tests: Annotated[list[ExampleEntry], Meta(description="Records, each with the verdict that it must get.")] = []


class Override(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An override of a rule by a config file or a pack."""

    severity: Severity | None = None
    params: dict[str, Any] = {}


class RuleFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A rule file: its own rules, those of files that it extends, and overrides."""

    rules: list[RuleEntry] = []
    extends: Annotated[
        list[Text],
        Meta(description="Rule files or folders, or pack:NAME: their rules also run."),
    ] = []
    overrides: Annotated[
        dict[str, Override], Meta(description="What to change of the rules, by their ids; off switches one off.")
    ] = {}


class TestEntry(ExampleEntry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An example in a separate file, which names its rule."""

    rule: RuleId


class TestFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A file of examples: `NAME.test.yaml`."""

    tests: Annotated[list[TestEntry], Meta(min_length=1)]
