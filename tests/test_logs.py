import json
import logging

import pytest

from northflank_audit import logs

RUN = "0123456789abcdef"


def entries(capsys):
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_record_is_one_object_on_one_line_with_the_run_and_what_it_is_about(capsys):
    logs.to_stderr(RUN, verbose=True, quiet=False, as_json=True)
    log = logging.getLogger("northflank_audit.northflank.client")
    log.info("two\nlines \x1b[31m\u202e", extra={"team": None, "page": 2, "attempt": 1})
    log.debug("no more")
    first, second = entries(capsys)
    del first["time"]
    assert first == {
        "level": "info",
        "run": RUN,
        "message": "two\nlines \x1b[31m\u202e",
        "team": None,
        "page": 2,
        "attempt": 1,
    }
    assert second.keys() == {"time", "level", "run", "message"}


def test_the_time_is_in_utc_to_the_millisecond():
    record = logging.makeLogRecord({"msg": "x", "created": 1_764_000_000.25})
    assert json.loads(logs.JsonLines(RUN).format(record))["time"] == "2025-11-24T16:00:00.250Z"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"verbose": False, "quiet": False, "as_json": False}, ["WARNING w"]),
        ({"verbose": True, "quiet": False, "as_json": False}, ["DEBUG d", "INFO i", "WARNING w"]),
    ],
)
def test_people_are_told_what_is_wrong_and_with_verbose_all(given, shown, capsys):
    logs.to_stderr(RUN, **given)
    emit()
    assert capsys.readouterr().err.splitlines() == shown


@pytest.mark.parametrize(("quiet", "levels"), [(False, ["info", "warning"]), (True, ["warning"])])
def test_programs_are_told_how_it_went_unless_all_is_to_be_quiet(quiet, levels, capsys):
    logs.to_stderr(RUN, verbose=False, quiet=quiet, as_json=True)
    emit()
    assert [each["level"] for each in entries(capsys)] == levels


def emit():
    log = logging.getLogger("northflank_audit.x")
    log.debug("d")
    log.info("i")
    log.warning("w")


def test_why_a_run_ends_is_told_in_the_form_of_the_rest(capsys):
    logs.tell("why")
    assert capsys.readouterr().err == "why\n"
    logs.to_stderr(RUN, verbose=False, quiet=True, as_json=True)
    logs.tell("why\nand where")
    (entry,) = entries(capsys)
    assert (entry["level"], entry["run"], entry["message"]) == ("error", RUN, "why\nand where")
