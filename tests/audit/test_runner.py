import hashlib
import json
from pathlib import Path

import pytest

from northflank_audit.cli import app

RULES = """
rules:
  - {id: open, title: Open, severity: low, require: "!credential.open", controls: {soc2: [CC6.1, CC6.3]}}
  - {id: named, title: Named, severity: low, require: "credential.name != ''", controls: {soc2: [CC6.3, CC7.2]}}
"""


@pytest.fixture
def compliance(monkeypatch, tmp_path):
    """Audit credentials in this process; return the exit code and each control's verdict."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yaml").write_text(RULES)

    def audited(*arguments, pagination=None, **record):
        answer = {"credentials": [{"id": "a", "name": "A", **record}]}
        (tmp_path / "i.json").write_text(json.dumps({**answer, **({"pagination": pagination} if pagination else {})}))
        given = ["audit.py", "--input", "i.json", "--rules", "rules.yaml", "--format", "json", *arguments]
        monkeypatch.setattr("sys.argv", given)
        with pytest.raises(SystemExit) as ended:
            app.main()
        report = json.loads((tmp_path / "reports/report.json").read_text())
        (soc2,) = report["compliance"]
        return ended.value.code, {control["id"]: control["verdict"] for control in soc2["controls"]}

    return audited


def test_a_control_is_met_when_all_is_seen_and_nothing_stands_against_it(compliance):
    assert compliance(open=False) == (0, {"CC6.1": "met", "CC6.3": "met", "CC7.2": "met"})
    assert compliance(open=True) == (1, {"CC6.1": "notmet", "CC6.3": "notmet", "CC7.2": "met"})


@pytest.mark.parametrize(("on_unknown", "code"), [("fail", 3), ("ignore", 0)])
def test_an_unknown_leaves_its_own_controls_not_known_whatever_it_is_set_to(compliance, on_unknown, code):
    ended = compliance("--on-unknown", on_unknown)
    assert ended == (code, {"CC6.1": "notknown", "CC6.3": "notknown", "CC7.2": "met"})


def test_no_control_is_met_while_a_page_is_missing(compliance):
    ended = compliance(open=False, pagination={"hasNextPage": True, "count": 1})
    assert ended == (3, dict.fromkeys(("CC6.1", "CC6.3", "CC7.2"), "notknown"))


def test_a_report_that_can_not_be_written_takes_nothing_from_the_evidence(compliance, tmp_path):
    (tmp_path / "folder").mkdir()
    for lost in ("--output=md=folder", "--save-snapshot=folder"):
        assert compliance(lost, open=False) == (3, {"CC6.1": "met", "CC6.3": "met", "CC7.2": "met"})


@pytest.mark.parametrize(
    "written", [RULES, "\ufeff" + RULES, RULES.replace("\n", "\r\n"), "\ufeff" + RULES.replace("\n", "\r")]
)
def test_the_digest_of_a_rule_file_is_that_of_its_bytes(compliance, tmp_path, written):
    (tmp_path / "rules.yaml").write_bytes(written.encode())
    assert compliance(open=False)[0] == 0
    rules = json.loads((tmp_path / "reports/report.json").read_text())["rules"]
    assert {rule["sha256"] for rule in rules} == {hashlib.sha256(written.encode()).hexdigest()}
    assert [rule["origin"] for rule in rules] == ["rules.yaml:3", "rules.yaml:4"]


def test_the_demo_names_what_overrode_its_rules_the_same_on_every_machine(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["audit.py", "--demo", "--format", "json"])
    with pytest.raises(SystemExit):
        app.main()
    rules = json.loads((tmp_path / "reports/report.json").read_text())["rules"]
    places = {place.rpartition(":")[0] for rule in rules for place in (rule["origin"], *rule["tuned"].values())}
    assert "demo-audit.yaml" in places
    assert not any(Path(place).is_absolute() for place in places)
