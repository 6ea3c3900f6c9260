import json
from pathlib import Path

import pytest

from northflank_audit import cli


def test_the_demo_names_what_tuned_its_rules_the_same_on_every_machine(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["audit.py", "--demo", "--format", "json"])
    with pytest.raises(SystemExit):
        cli.main()
    rules = json.loads((tmp_path / "reports/report.json").read_text())["rules"]
    places = {place.rpartition(":")[0] for rule in rules for place in (rule["origin"], *rule["tuned"].values())}
    assert "demo-audit.yaml" in places
    assert not any(Path(place).is_absolute() for place in places)
