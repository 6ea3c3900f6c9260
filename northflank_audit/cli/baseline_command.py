"""The command `baseline write`."""

import os

import click

from northflank_audit.audit.baseline_reading import read_baseline_file, read_report
from northflank_audit.baseline import baseline_file
from northflank_audit.cli.config_file import refuse_mistakes
from northflank_audit.cli.option_types import Option
from northflank_audit.cli.options import config_option, output_dir_option
from northflank_audit.cli.own_files import last_report, write_own
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import StartError
from northflank_audit.formats.text import plural
from northflank_audit.printable import printable
from northflank_audit.printing import say


@click.group("baseline")
def baseline_group() -> None:
    """Write a baseline for --compare that can be committed."""


@baseline_group.command("write")
@click.argument("file", metavar="FILE")
@click.option(
    "--from",
    "report",
    cls=Option,
    metavar="REPORT",
    help="Report to read.  [default: report.json in --output-dir]",
)
@output_dir_option
@config_option
def write_baseline(file: str, report: str | None, output_dir: str, config: Document | None) -> None:
    """Write the violations of a report to FILE, to compare later audits with; - is standard output.

    It holds the fingerprint, rule, type, team, project and date of each violation, and the scope of the run. It holds
    neither names of resources nor waived violations. A violation that is already in FILE keeps its date.
    """
    refuse_mistakes(config)
    report = report or last_report(output_dir)
    earlier = read_report(report, "--from")
    if not earlier.run.complete:
        reason = next(iter(earlier.run.incomplete_reasons), "no reason is given")
        raise StartError(f"--from {report}: an incomplete report is no baseline ({printable(reason)}); audit again")
    if os.path.realpath(file) == os.path.realpath(report):
        raise StartError(f"{file}: this is the report itself; write the baseline to another file")
    older = None if file == "-" else read_baseline_file(file)
    dates = {} if older is None else {each.fingerprint: each.date for each in older.violations}
    written = baseline_file(earlier, dates)
    if file == "-":
        say(written.text.rstrip("\n"), json=True)
        return
    write_own(file, written.text)
    say(f"{printable(file)}: {plural(len(written.violations), 'violation')} of {plural(len(written.rules), 'rule')}")
