"""The same input gives the same bytes, whatever the process: hash seed, locale, time zone, order of the records."""

import hashlib
import json
import re

import pytest

from northflank_audit.emulator import load
from northflank_audit.formats import FORMATS
from tests.unpacked import unpacked

OF_THE_RUN = re.compile(
    rb"\br?[0-9a-f]{16}\b"  # its id
    rb"|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"  # what is derived from it
    rb"|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?"  # times
    rb"|<v>\d{5}\.\d+</v>"  # times in a workbook
    rb'|(?<=time":)\d{13}\b|(?<=_timestamp_seconds\{)[^\n]+|(?<=_duration_seconds\{)[^\n]+'
    rb'|(?<= time=")\d+\.\d+|\b\d+\.\d s\b'  # durations
)


@pytest.fixture(scope="module")
def records():
    return load(None).own.credentials


@pytest.fixture
def written(audit, tmp_path, records):
    """Audit the sample's records, in every format and against an earlier report; return all bytes less run and times."""
    everything = ("--format", ",".join(FORMATS), "--metrics-file", "reports/audit.prom", "--on-unknown", "ignore")
    rules = ("--rules", "pack:default", "--rules", "pack:account")

    def run(order, earlier=(), **environment):
        given = json.dumps({"credentials": order}).encode()
        (tmp_path / "i.json").write_bytes(given)
        digest = hashlib.sha256(given).hexdigest().encode()  # the same records in another order are another file
        ended = audit("--input", "i.json", *rules, *everything, *earlier, **environment)
        assert ended.code == 1, ended.out + ended.err
        files = {path.name: unpacked(path.read_bytes()) for path in (tmp_path / "reports").iterdir()}
        assert files.keys() >= {form.filename for form in FORMATS.values()}
        streams = {"standard output": ended.out.encode(), "standard error": ended.err.encode()}
        return {
            name: OF_THE_RUN.sub(b"*", content).replace(digest, b"digest")
            for name, content in (files | streams).items()
        }

    run(records[: len(records) // 2])
    (tmp_path / "reports/report.json").rename(tmp_path / "earlier.json")
    return lambda order, **environment: run(order, ("--compare", "earlier.json"), **environment)


def test_two_processes_write_the_same_bytes_but_for_run_and_times(written, records):
    one = written(records, PYTHONHASHSEED="1", LC_ALL="C", TZ="Asia/Kathmandu")
    two = written(records, PYTHONHASHSEED="2", LC_ALL="C.UTF-8", TZ="America/Caracas", LANG="tr_TR.UTF-8")
    turned = written(records[::-1], PYTHONHASHSEED="3")
    for name, content in one.items():
        assert content == two[name], name
        assert content == turned[name], name
    assert one.keys() == two.keys() == turned.keys()
