"""Renew what is generated (`make docs`).

That is docs/help.md, docs/rules.md, docs/types.md, the tables of docs/faults.md, docs/reports.md and
docs/token.md, what the commands
of docs/writing-rules.md print, and schemas/.

With --check, say whether they are as they should be (the tests do).
"""

import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

import click  # noqa: E402 - as the next
import yaml  # noqa: E402 - as the next

from northflank_audit.audit.permissions import permissions  # noqa: E402 - as the first below
from northflank_audit.cli.app import cli  # noqa: E402 - found by the line above
from northflank_audit.cli.schemas import SCHEMAS  # noqa: E402 - as above
from northflank_audit.config.policy import packs, read_rules  # noqa: E402 - as above
from northflank_audit.formats import FORMATS  # noqa: E402 - as above
from northflank_audit.model import Rule  # noqa: E402 - as above
from northflank_audit.parameters import ParameterSchema, expected  # noqa: E402 - as above
from northflank_audit.policy.rule_reads import needs  # noqa: E402 - as above
from northflank_audit.resources import TYPES, ResourceType  # noqa: E402 - as above

FAULTS = ROOT / "tests/faults/cases.yaml"
FIRST = ("default", "account")
"""The packs whose rules come first."""

COMMAND = ("python", "audit.py")
"""How the docs call the program."""


def between(page: str, name: str, part: str) -> str:
    """Return a page of docs/ with what is between the comments of this name renewed."""
    text = (HERE / page).read_text(encoding="utf-8")
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, rest = text.split(start)
    return before + start + part + end + rest.split(end)[1]


def reports() -> str:
    """Return docs/reports.md with its table of formats renewed."""
    rows = [f"| `{each.name}` | `{each.filename}` | {each.what} |" for each in FORMATS.values()]
    table = "\n".join(["| format | file | what it is for |", "| --- | --- | --- |", *rows]) + "\n"
    return between("reports.md", "formats", table)


def usage() -> str:
    """Return docs/help.md: the real help text of every command."""
    lines = ["# All help texts", "", "<!-- Made by `make docs`. -->", ""]
    commands = [names for names in _commands(cli, ()) if names != ("run",)]  # the first one has its options
    lines += [f"- [`{_called(names)}`](#{_heading(names).replace(' ', '-')})" for names in commands]
    for names in commands:
        help_text = _help(names)
        lines += ["", f"## {_heading(names)}", "", f"```console\n$ {_called(names)} --help\n{help_text}```"]
    return "\n".join(lines) + "\n"


def _commands(command: click.Command, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield names
    if isinstance(command, click.Group):
        with click.Context(command) as ctx:
            for name in command.list_commands(ctx):
                subcommand = command.get_command(ctx, name)
                if subcommand is not None:
                    yield from _commands(subcommand, (*names, name))


def _called(names: tuple[str, ...]) -> str:
    return " ".join([*COMMAND, *names])


def _heading(names: tuple[str, ...]) -> str:
    return " ".join(names) or "overview"


def _help(names: tuple[str, ...]) -> str:
    with redirect_stdout(io.StringIO()) as printed, patch.dict(os.environ, {"COLUMNS": "110", "NO_COLOR": "1"}):
        cli.main([*names, "--help"], prog_name="audit.py", standalone_mode=False)
    return printed.getvalue()


def faults() -> str:
    """Return docs/faults.md with its table of what tests/faults plays renewed."""
    cases = yaml.safe_load(FAULTS.read_text(encoding="utf-8"))
    lines = [
        "| fault | what this audit does | exit code | what the official SDK returns |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| {case['fault']} | {case['what']} | {case['exit']} | {case.get('sdk', '')} |" for case in cases]
    return between("faults.md", "faults", "\n".join(lines) + "\n")


def rules() -> str:
    """Return docs/rules.md, from the bundled rules' own words."""
    lines = ["# The bundled rules", "", "<!-- Made from rules/ by `make docs`. -->", ""]
    lines += ["`--rules pack:NAME` selects a pack; `pack:default` runs if you name no rules.", ""]
    lines += ["| pack | rules | what it changes of the rules' own defaults |", "| --- | --- | --- |"]
    lines += [_pack(name) for name in packs()]
    seen: dict[str, Rule] = {}
    for name in [*FIRST, *(name for name in packs() if name not in FIRST)]:
        own = [rule for rule in read_rules([f"pack:{name}"]).checked() if rule.id not in seen]
        seen |= {rule.id: rule for rule in own}
        lines += ["", f"## pack:{name}", "", *_table(own)] if own else []
    for rule in seen.values():
        lines += _rule(rule)
    return "\n".join(lines) + "\n"


def _table(entries: list[Rule]) -> list[str]:
    rows = [f"| [{rule.id}](#{rule.id}) | {rule.severity} | `{rule.resource}` | {rule.title} |" for rule in entries]
    return ["| rule | severity | about | what should be so |", "| --- | --- | --- | --- |", *rows]


def _pack(name: str) -> str:
    book = read_rules([f"pack:{name}"])
    changes = [f"`{rule_id}` off" for rule_id in book.off]
    for rule in book.checked():
        values = {
            key: rule.severity if key == "severity" else rule.params[key.partition(".")[2]] for key in rule.overridden
        }
        if values:
            changes.append(
                f"`{rule.id}`: " + ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in values.items())
            )
    return f"| `pack:{name}` | {len(book.rules)} | {'<br>'.join(changes)} |"


def _rule(rule: Rule) -> list[str]:
    params = [
        f"- `{name}`, by default `{json.dumps(value)}`"
        + ("; the rule does not run until it is set" * (name in rule.requires))
        + (
            f". {schema.description.strip()} Allowed: {_allowed(schema)}."
            if (schema := rule.param_schemas.get(name))
            else ""
        )
        for name, value in rule.params.items()
    ]
    controls = [f"- {framework}: {', '.join(ids)}" for framework, ids in rule.controls.items()]
    parts = [
        f"## {rule.id}",
        f"**{rule.title}** ({rule.severity})",
        f"*What is wrong otherwise:* {rule.finding}" if rule.finding else "",
        rule.rationale,
        f"*What to do:* {rule.remediation}",
        "```cel\n" + (f"when:    {rule.when}\n" if rule.when else "") + f"require: {rule.require}\n```",
        "Parameters:\n\n" + "\n".join(params) if params else "",
        "Controls:\n\n" + "\n".join(controls) if controls else "",
        "References: " + ", ".join(f"<{url}>" for url in rule.references) if rule.references else "",
    ]
    return [line for part in parts if part for line in ("", part)]


def _allowed(schema: ParameterSchema) -> str:
    """Return what a parameter may be, as Markdown that means nothing else."""
    example = f"; for example `{json.dumps(schema.examples[0])}`" if schema.examples else ""
    return re.sub(r"([*_])", r"\\\1", expected(schema)) + example


def token() -> str:
    """Return docs/token.md, from the packs' rules and the catalogue's permissions."""
    pages = {name: needs(read_rules([f"pack:{name}"]).checked()) for name in packs()}
    table = ["| pack | permissions | in a role made before 2026 |", "| --- | --- | --- |"]
    for name, needed in pages.items():
        now, before = permissions(needed), permissions(needed, before=True)
        older = "the same" if now == before else "<br>".join(f"`{each}`" for each in before)
        table.append(f"| `pack:{name}` | {'<br>'.join(f'`{each}`' for each in now)} | {older} |")
    return between("token.md", "packs", "\n".join(table) + "\n")


def types() -> str:
    """Return docs/types.md, from the catalogue of resource types."""
    lines = ["# Resource types", "", "<!-- Made from northflank_audit/resources/ by `make docs`. -->", ""]
    lines += [
        "What rules can be about. No field is guaranteed except an id: a field that is missing makes a rule unknown.",
        "The API may return values that are not listed here. `ports[].public` is a field of each item of the list",
        "`ports`. `python audit.py types` prints the same, and `python audit.py types --json` prints it for programs.",
        "A type that is in each resource of another is read with it; its ids are that resource's id, `/` and its own.",
        "",
        "| type | variable | its list in `account` | scope |",
        "| --- | --- | --- | --- |",
    ]
    for kind in TYPES.values():
        listed = f"`account.{kind.collection}`" if kind.listing else ""
        lines += [f"| [{kind.name}](#{kind.name}) | `{kind.variable}` | {listed} | {_scope(kind)} |"]
    for kind in TYPES.values():
        lines += ["", f"## {kind.name}", "", *_endpoints(kind), *_fields(kind)]
    return "\n".join(lines) + "\n"


def _scope(kind: ResourceType) -> str:
    if kind.within is None:
        return kind.scope.value
    parent = kind.within.parent
    return f"each [{parent.name}](#{parent.name}), whose `{kind.within.part}` it is"


def _endpoints(kind: ResourceType) -> Iterator[str]:
    if not kind.sources:
        yield "An account as a whole: the token's own, or a team. It has the lists of all types that are read."
        return
    yield from ("| part | endpoint | permission |", "| --- | --- | --- |")
    yield from (f"| {part.name} | `GET {kind.base}{part.path}` | {part.permission} |" for part in kind.sources)
    yield from (f"| never called | `{kind.base}{path}` | |" for path in kind.never)


def _fields(kind: ResourceType) -> Iterator[str]:
    if not kind.fields:
        return
    yield from ("", "| field | kind | values | read from |", "| --- | --- | --- | --- |")
    for field in kind.fields.values():
        notes = [text for flag, text in ((field.null, "or null"), (field.personal, "personal data")) if flag]
        kinds = ", ".join([field.kind.value, *notes])
        yield f"| `{field.path}` | {kinds} | {', '.join(field.values)} | {', '.join(_parts_with(kind, field.path))} |"


def _parts_with(kind: ResourceType, path: str) -> Iterator[str]:
    """Yield the names of the parts that give a field, or something below it."""
    for part in kind.sources:
        if any(re.match(rf"{re.escape(path)}(\[\]|\.|$)", f"{part.prefix}{field.path}") for field in part.fields):
            yield part.name


SAVED = re.compile(r"as\s+`(?P<path>[^`\n]+)`:\n\n```yaml\n(?P<text>.*?)```", re.DOTALL)
CONSOLE = re.compile(r"```console\n(?P<lines>.*?)```", re.DOTALL)


def tutorial() -> str:
    """Return docs/writing-rules.md with what its commands print: each is run, in order, in a folder of its own."""
    page = (HERE / "writing-rules.md").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        parts, end = [], 0
        for match in re.finditer(f"{SAVED.pattern}|{CONSOLE.pattern}", page, re.DOTALL):
            parts.append(page[end : match.start()])
            if match["path"]:
                place = Path(folder, match["path"])
                place.parent.mkdir(exist_ok=True)
                place.write_text(match["text"], encoding="utf-8")
                parts.append(match[0])
            else:
                commands = [line[2:] for line in match["lines"].splitlines() if line.startswith("$ ")]
                output = "".join(f"$ {command}\n{_printed(command, folder)}" for command in commands)
                parts.append(f"```console\n{output}```")
            end = match.end()
        return "".join([*parts, page[end:]])


def _printed(command: str, folder: str) -> str:
    python = f"{sys.executable} {ROOT / 'audit.py'}"
    environment = {"PATH": os.environ["PATH"], "NO_COLOR": "1"}
    done = subprocess.run(  # noqa: S602 - the page's own commands
        command.replace("python audit.py", python),
        shell=True,
        check=False,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.stdout


def schema(make: Callable[[], dict[str, Any]]) -> str:
    """Return a JSON Schema as its file has it."""
    return json.dumps(make(), indent=2, ensure_ascii=False) + "\n"


GENERATED = {
    HERE / "faults.md": faults,
    HERE / "help.md": usage,
    HERE / "reports.md": reports,
    HERE / "rules.md": rules,
    HERE / "token.md": token,
    HERE / "types.md": types,
    HERE / "writing-rules.md": tutorial,
    **{ROOT / f"schemas/{name}.schema.json": partial(schema, make) for name, make in SCHEMAS.items()},
}


def stale() -> list[str]:
    """Return the files that are not as they should be."""
    return [
        path.name for path, make in GENERATED.items() if not path.exists() or path.read_text(encoding="utf-8") != make()
    ]


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(f"run `make docs`: {', '.join(stale())}" if stale() else 0)
    for path, make in GENERATED.items():
        path.write_text(make(), encoding="utf-8")
