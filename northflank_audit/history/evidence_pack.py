"""Writes evidence as files, with a manifest to sign."""

import csv
import datetime as dt
import hashlib
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from northflank_audit.formats.csvtable import cell
from northflank_audit.formats.policyview import VERDICTS
from northflank_audit.history import pages
from northflank_audit.history.evidence import Evidence
from northflank_audit.history.oscal import assessment_results
from northflank_audit.history.runs import RunRow
from northflank_audit.history.statistics import LATE
from northflank_audit.model import Severity
from northflank_audit.periods import rough, spelt_period

MANIFEST: Final = "manifest.json"


class Table(NamedTuple):
    """A table of the evidence, which CSV and the workbook have."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def pack_files(pack: Evidence) -> dict[str, bytes]:
    """Return the files of a pack by their names; the manifest is the last."""
    tables = [Table(name, columns, [[*row] for row in rows(pack)]) for name, columns, rows in _TABLES]
    files = {
        "index.html": _page(pack).encode(),
        **{f"{table.name}.csv": _csv(table).encode() for table in tables},
        **_workbook(pack, tables),
        "assessment-results.json": assessment_results(pack).encode(),
    }
    return {**files, MANIFEST: _manifest(pack, files).encode()}


def _workbook(pack: Evidence, tables: Sequence[Table]) -> dict[str, bytes]:
    """Return the tables as a workbook, where what writes one is installed."""
    try:
        from northflank_audit.formats.workbook import Sheet, workbook  # noqa: PLC0415 - an extra
    except ImportError:
        return {}
    sheets = [
        Sheet(each.name.capitalize(), each.columns, [[_cell(value) for value in row] for row in each.rows])
        for each in tables
    ]
    title = f"Northflank audit: evidence from {pack.begin} to {pack.end}"
    return {"evidence.xlsx": workbook(title, pack.made_at, sheets)}


def _manifest(pack: Evidence, files: dict[str, bytes]) -> str:
    """Return the digests of the files, and what they are about."""
    about = {
        "kind": "northflank-audit-evidence",
        "schemaVersion": "1.0",
        "from": pack.begin,
        "to": pack.end,
        "madeAt": pack.made_at,
        "tool": {"name": "northflank-audit", "version": pack.version},
        "accounts": pack.accounts,
        "runs": len(pack.runs),
        "incompleteRuns": sum(not each.run.complete for each in pack.runs),
        "gaps": len(pack.gaps),
        "limits": pack.limits,
        "files": [
            {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in files.items()
        ],
    }
    return msgspec.json.format(msgspec.json.encode(about), indent=2).decode() + "\n"


def _page(pack: Evidence) -> str:
    return pages.render(
        "evidence.html.j2",
        pack=pack,
        incomplete=sum(not each.run.complete for each in pack.runs),
        open_at_end=sum(each.resolved is None for each in pack.findings),
        longest=spelt_period(dt.timedelta(seconds=pack.every * LATE)),
        verdicts=VERDICTS,
        open_text=open_text,
    )


def open_text(run: RunRow) -> str:
    """Return the open violations after a run: `2 critical, 3 high`."""
    counts = [f"{run.open[each]} {each}" for each in reversed(Severity) if run.open[each]]
    return ", ".join(counts) or "none"


def _csv(table: Table) -> str:
    """Return a table as CSV (RFC 4180); no cell is a formula."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([cell(_text(each)) for each in row])
    return text.getvalue()


def _text(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return f"{value.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _cell(value: Any) -> Any:
    """Return a value as a cell of a workbook: times without a zone, since Excel knows none."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(microsecond=0, tzinfo=None)
    return value if isinstance(value, int | dt.date) and not isinstance(value, bool) else _text(value)


_RUN_COLUMNS: Final = (
    "run", "started", "finished", "complete", "exit_code", "reasons", "source", "accounts", "not_in_scope",
    *reversed(Severity), "waived", "new", "resolved", "unsettled", "evaluated_sha256", "rules_sha256", "tool",
)  # fmt: skip


def _runs(pack: Evidence) -> Iterable[Sequence[Any]]:
    for each in pack.runs:
        run, counts = each.run, each.run.accounts
        yield (
            run.id,
            run.started_at,
            run.finished_at,
            run.complete,
            run.exit_code,
            "; ".join(run.run.incomplete_reasons),
            run.run.source.url or run.run.source.kind,
            ", ".join(account.account.label for account in counts),
            " ".join(each.not_in_scope),
            *(run.open[severity] for severity in reversed(Severity)),
            *(sum(getattr(account, name) for account in counts) for name in ("waived", "new", "resolved", "unsettled")),
            " ".join(f"{subject.name}:{subject.sha256}" for subject in each.subjects),
            each.rules,
            run.version,
        )


def _gaps(pack: Evidence) -> Iterable[Sequence[Any]]:
    return ((gap.account.label, gap.begin, gap.end, gap.why) for gap in pack.gaps)


_CONTROL_COLUMNS: Final = ("accounts", "framework", "control", "verdict", "from", "to", "runs", "last")


def _controls(pack: Evidence) -> Iterable[Sequence[Any]]:
    for each in pack.controls:
        what = (each.account, each.framework, each.control, each.verdict)
        yield (*what, each.begin, each.end, each.runs, each.last)


_FINDING_COLUMNS: Final = (
    "account", "fingerprint", "rule", "severity", "type", "project", "resource", "name", "message", "found", "resolved",
    "became", "open_for", "waived", "waiver_owner", "waiver_reason", "waiver_expires",
)  # fmt: skip


def _findings(pack: Evidence) -> Iterable[Sequence[Any]]:
    for each in pack.findings:
        result = each.life.finding
        waiver = each.life.waiver if each.waived else None
        resource = result.resource
        yield (
            each.life.account.label,
            result.fingerprint,
            result.rule_id,
            result.severity,
            resource.type,
            resource.project,
            resource.id,
            resource.name,
            result.message,
            each.found,
            each.resolved,
            each.became or "open",
            rough((each.resolved or pack.made_at) - each.found),
            each.waived,
            *((waiver.owner, waiver.reason, waiver.expires) if waiver else (None, None, None)),
        )


_WAIVER_COLUMNS: Final = (
    "rule",
    "resource",
    "team",
    "project",
    "reason",
    "owner",
    "expires",
    "first",
    "last",
    "findings",
)


def _waivers(pack: Evidence) -> Iterable[Sequence[Any]]:
    for each in pack.waivers:
        waiver = each.waiver
        team, project = (getattr(waiver, name) or "" for name in ("team", "project"))
        who = (waiver.reason, waiver.owner, waiver.expires)
        yield (waiver.rule, waiver.resource, team, project, *who, each.first, each.last, each.findings)


_RULE_COLUMNS: Final = ("rule", "title", "severity", "file_sha256", "params", "from", "to")


def _rules(pack: Evidence) -> Iterable[Sequence[Any]]:
    for each in pack.rules:
        rule = each.rule
        params = msgspec.json.encode(rule.params, order="deterministic").decode()
        yield (rule.id, rule.title, rule.severity, rule.sha256, params, each.begin, each.end)


_TABLES: Final = (
    ("runs", _RUN_COLUMNS, _runs),
    ("gaps", ("account", "from", "to", "why"), _gaps),
    ("controls", _CONTROL_COLUMNS, _controls),
    ("findings", _FINDING_COLUMNS, _findings),
    ("waivers", _WAIVER_COLUMNS, _waivers),
    ("rules", _RULE_COLUMNS, _rules),
)
