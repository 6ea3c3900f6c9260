"""`audit.py` as a process gives what the command line gives within a process, as most tests run it."""

import json

import pytest

from tests.conftest import RULES

CLEAN = {"id": "a", "name": "Ä", "provider": "github", "restrictions": {"restricted": True, "projects": ["p"]}}
VIOLATING = {**CLEAN, "id": "b", "restrictions": {"restricted": False, "projects": []}}
UNKNOWN = {"id": "c", "name": "C"}


def lasting(report):
    """Return what of a report does not differ from run to run."""
    return {**report, "run": {**report["run"], "id": "", "startedAt": "", "finishedAt": ""}}


def shown(text):
    """Return what is printed, without the lines that say how long it took and what the program is called."""
    return [line for line in text.splitlines() if not (line.endswith(" s") or line.startswith(("Usage: ", "Try '")))]


@pytest.mark.parametrize(
    ("records", "options", "code"),
    [
        ([CLEAN], (), 0),
        ([CLEAN, VIOLATING], ("--verbose",), 1),
        ([CLEAN], ("--fail-on", "nonsense"), 2),
        ([CLEAN], ("--rules", "none.yaml"), 2),
        ([VIOLATING, UNKNOWN], ("--quiet",), 3),
        ([VIOLATING, UNKNOWN], ("--output", "github=-"), 3),
    ],
)
def test_a_process_ends_as_the_command_line_does(process, audit, tmp_path, records, options, code):
    (tmp_path / "rules.yaml").write_text(RULES)
    outcomes = []
    for run in (process, audit):
        ended = run("--rules", "rules.yaml", "--input", "-", *options, stdin=json.dumps({"credentials": records}))
        outcomes.append((ended.code, shown(ended.out), shown(ended.err), code == 2 or lasting(ended.report)))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0] == code
