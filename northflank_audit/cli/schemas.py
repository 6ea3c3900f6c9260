"""JSON Schemas of policy files and of the JSON reports.

They are generated from the types that the files are validated with.
"""

import json
from collections.abc import Callable
from typing import Any, Final

import click
import msgspec

from northflank_audit.cli.option_types import TypeName
from northflank_audit.cli.options import run_options
from northflank_audit.config import email_section
from northflank_audit.fleet.fleet_report import SCHEMA_VERSION as FLEET_VERSION
from northflank_audit.fleet.fleet_report import FleetReport
from northflank_audit.formats import FORMATS
from northflank_audit.parameters import ParameterSchema
from northflank_audit.policy.rules.rule_file import Override, RuleFile, TestFile
from northflank_audit.printing import say
from northflank_audit.remarks import Annotation, Waiver
from northflank_audit.report import SCHEMA_VERSION, Report
from northflank_audit.resources import TYPES

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_OFF: Final = {
    "enum": ["off", False, "on", True],
    "description": "Switches the rule off, or on again; YAML reads off as false, on as true.",
}


_PARAMETER: Final = {
    "if": {"type": "object", "required": ["default"]},
    "then": {"$ref": "#/$defs/ParameterSchema"},
}
"""The value of a parameter: what has a `default` is described."""


class WaiverFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A waiver file."""

    waivers: list[Waiver]


class AnnotationFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A file of annotations."""

    annotations: list[Annotation]


def rules() -> dict[str, Any]:
    """Return the schema of rule files."""
    schema = _schema(RuleFile, "Rules of northflank-audit")
    schema["$defs"]["RuleEntry"]["properties"]["resource"]["enum"] = sorted(TYPES)
    schema["$defs"]["RuleEntry"]["properties"]["params"]["additionalProperties"] = _PARAMETER
    described = msgspec.json.schema(ParameterSchema, ref_template="#/$defs/{name}")
    schema["$defs"] |= described["$defs"]
    definition = schema["$defs"]["RuleFile"]
    definition["anyOf"] = [{"required": [key], "properties": {key: {"minItems": 1}}} for key in ("rules", "extends")]
    override = definition["properties"]["overrides"]
    override["additionalProperties"] = {"anyOf": [override["additionalProperties"], _OFF]}
    return schema


def tests() -> dict[str, Any]:
    """Return the schema of files of examples."""
    return _schema(TestFile, "Examples of rules of northflank-audit")


def waivers() -> dict[str, Any]:
    """Return the schema of waiver files."""
    schema = _schema(WaiverFile, "Waivers of northflank-audit")
    for key in ("rule", "resource", "reason", "owner"):
        schema["$defs"]["Waiver"]["properties"][key] |= {"pattern": r"\S"}
    return schema


def annotations() -> dict[str, Any]:
    """Return the schema of files of annotations."""
    schema = _schema(AnnotationFile, "Annotations of northflank-audit")
    definition = schema["$defs"]["Annotation"]
    for key in ("rule", "resource"):
        definition["properties"][key] |= {"pattern": r"\S"}
    # What says nothing is a mistake, and so is what calls the tool wrong without saying why.
    words = [{"required": [key], "properties": {key: {"pattern": r"\S"}}} for key in ("owner", "comment")]
    definition["anyOf"] = [*words, {"required": ["due"]}]
    definition["if"] = {"required": ["incorrect"], "properties": {"incorrect": {"const": True}}}
    definition["then"] = words[1]
    return schema


def report() -> dict[str, Any]:
    """Return the schema of the JSON report. Its readers ignore fields that they do not know."""
    schema = _schema(Report, f"Report of northflank-audit, version {SCHEMA_VERSION}")
    schema["$defs"]["Report"]["required"].insert(0, "schemaVersion")
    for kind in ("Waiver", "Annotation"):  # a key that is misspelt in a file of them, not here
        del schema["$defs"][kind]["additionalProperties"]
    return schema


def fleet() -> dict[str, Any]:
    """Return the schema of a fleet's JSON report. Its readers ignore fields that they do not know."""
    schema = _schema(FleetReport, f"Fleet report of northflank-audit, version {FLEET_VERSION}")
    schema["$defs"]["FleetReport"]["required"].insert(0, "schemaVersion")
    return schema


def config() -> dict[str, Any]:
    """Return the schema of config files: the options of `run`, as the command line has them, overrides and mail."""

    @click.command()
    @run_options(list(FORMATS))
    def run() -> None: ...

    kinds = (Override, email_section.EmailSection)
    (_, email), components = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    properties = {
        param.opts[0].lstrip("-"): {"description": param.help, **_of(param)}
        for param in run.params
        if isinstance(param, click.Option) and param.name != "config"
    }
    properties["overrides"] = {
        "description": "What to change of the rules, by their ids.",
        "type": "object",
        "additionalProperties": {"anyOf": [{"$ref": "#/$defs/Override"}, _OFF]},
    }
    properties[email_section.SECTION] = {"description": "Who is mailed, when, and by which server.", **email}
    return {
        "$schema": DIALECT,
        "title": "Config of northflank-audit",
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": False,
        "$defs": components,
    }


def _schema(kind: type[msgspec.Struct], title: str) -> dict[str, Any]:
    return {"$schema": DIALECT, "title": title, **msgspec.json.schema(kind)}


def _of(option: click.Option) -> dict[str, Any]:
    """Return the schema of an option's value in a config file."""
    kind = option.type
    words = getattr(kind, "names", None)
    value: dict[str, Any] = {"type": "string"}
    if option.is_flag:
        value = {"type": "boolean"}
    elif isinstance(kind, click.Choice):
        value = {"enum": list(kind.choices)}
    elif isinstance(kind, TypeName):
        value = {"enum": list(kind.values)}
    elif isinstance(kind, click.IntRange | click.FloatRange):
        bound = "exclusiveMinimum" if kind.min_open else "minimum"
        value = {"type": "integer" if isinstance(kind, click.IntRange) else "number", bound: kind.min}
        value |= {"maximum": kind.max} if kind.max is not None else {}
    elif words and option.multiple:  # NAME=PATH
        value = {"type": "string", "pattern": f"^({'|'.join(words)})=."}
    elif words:
        return {"anyOf": [{"type": "array", "items": {"enum": list(words)}}, {"type": "string"}]}
    return {"anyOf": [value, {"type": "array", "items": value}]} if option.multiple else value


SCHEMAS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "rules": rules,
    "tests": tests,
    "waivers": waivers,
    "annotations": annotations,
    "config": config,
    "report": report,
    "fleet": fleet,
}
"""The schema of each kind of file."""


@click.command("schema")
@click.argument("kind", type=click.Choice(list(SCHEMAS)), default="rules")
def print_schema(kind: str) -> None:
    """Print the JSON Schema of rule files, examples, waivers, annotations, options, report.json or fleet.json."""
    say(json.dumps(SCHEMAS[kind](), indent=2), json=True)
