"""A target is audited as `run` would."""

import json

from tests.fleet.conftest import NAMES


def test_a_targets_report_is_that_of_run(fleet, fleet_of_all, audit, emulator, tmp_path, in_threads):
    ended = fleet(fleet_of_all, "--output-dir", "out")
    print(ended)
    print((tmp_path / "out/fleet.json").read_text()[:3000])
    for number, name in list(enumerate(NAMES))[:3]:
        alone = audit("--team", f"team-{number:02}", "--rules", str(tmp_path / "rules.yaml"), "--format", "json", "--output-dir", "alone", NORTHFLANK_API_TOKEN="token-of-two", NORTHFLANK_API_BASE_URL=emulator.url)
        a = json.loads((tmp_path / "alone/report.json").read_text())
        b = json.loads((tmp_path / f"out/{name}/report.json").read_text())
        print(json.dumps(a["run"], indent=1), json.dumps(b["run"], indent=1))
        for k in a:
            if a[k] != b[k]: print(k, a[k], b[k])
    assert 0
