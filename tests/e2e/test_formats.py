"""The files of a real run, which must all tell the same."""

import csv
import json
from xml.etree import ElementTree as ET


def test_the_demo_in_every_format_for_machines(audit):
    done = audit("--demo", "--quiet", "--format", "json,sarif,junit,csv,jsonl,gitlab")
    assert done.code == 1
    folder, report = done.folder / "reports", done.report
    assert sorted(path.name for path in folder.iterdir()) == [
        "report.csv",
        "report.gitlab.json",
        "report.json",
        "report.jsonl",
        "report.junit.xml",
        "report.sarif",
    ]
    results = report["results"]
    listed = [each["fingerprint"] for each in results]
    assert report["run"]["id"][0].isalpha()  # else a spreadsheet may take it for a number
    violations = [each["fingerprint"] for each in results if each["status"] == "fail" and not each["waiver"]]
    assert len(violations) == report["summary"]["fail"] > 0
    assert report["summary"]["waived"] > 0

    (run,) = json.loads((folder / "report.sarif").read_text())["runs"]
    found = [each["partialFingerprints"]["primaryLocationLineHash"].removesuffix(":1") for each in run["results"]]
    assert sorted(found) == sorted(listed)
    assert run["invocations"][0]["executionSuccessful"]
    uris = [
        [each[key][0]["physicalLocation"]["artifactLocation"]["uri"] for key in ("locations", "relatedLocations")]
        for each in run["results"]
    ]
    assert all(place.startswith("northflank/account/registry-credentials/") for place, _ in uris)
    assert all(rule.startswith("rules/") for _, rule in uris)

    with (folder / "report.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert [row["fingerprint"] for row in rows] == listed
    assert sum(row["outcome"] == "violation" for row in rows) == report["summary"]["fail"]
    lines = (folder / "report.jsonl").read_text().splitlines()
    assert [json.loads(line)["fingerprint"] for line in lines] == listed
    issues = json.loads((folder / "report.gitlab.json").read_text())
    assert [each["fingerprint"] for each in issues] == violations
    root = ET.fromstring((folder / "report.junit.xml").read_bytes())
    assert (root.get("failures"), root.get("errors")) == (str(len(violations)), "0")
    assert len(root.findall(".//skipped")) >= report["summary"]["waived"]
