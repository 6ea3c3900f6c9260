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
    assert all(place.startswith("northflank/") for place, _ in uris)
    assert all(rule.startswith("rules/") for _, rule in uris)

    with (folder / "report.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, strict=True) if row["outcome"] != "notconfigured"]
    assert [row["fingerprint"] for row in rows] == listed
    assert sum(row["outcome"] == "violation" for row in rows) == report["summary"]["fail"]
    lines = map(json.loads, (folder / "report.jsonl").read_text().splitlines())
    assert [line["fingerprint"] for line in lines if line["outcome"] != "notconfigured"] == listed
    issues = json.loads((folder / "report.gitlab.json").read_text())
    assert [each["fingerprint"] for each in issues] == violations
    root = ET.fromstring((folder / "report.junit.xml").read_bytes())
    assert (root.get("failures"), root.get("errors")) == (str(len(violations)), "0")
    assert len(root.findall(".//skipped")) >= report["summary"]["waived"]


def test_csv_for_excel_of_a_region_with_semicolons(audit, tmp_path):
    """By the config file and to standard output: an option of one format reaches it wherever it goes."""
    (tmp_path / "audit.yaml").write_text("csv-dialect: excel-semicolon\n")
    done = audit("--demo", "--config", "audit.yaml", "--rules", "pack:default", "--format", "csv", "--output", "csv=-")
    content = (done.folder / "reports/report.csv").read_bytes()
    assert content.startswith(b'\xef\xbb\xbf"run";"finished"')
    assert done.out.replace("\n", "").startswith('\ufeff"run";"finished"')
    assert audit("--demo", "--csv-dialect", "lotus").code == 2


def test_what_does_not_fail_the_audit_fails_no_test_and_no_attestation(audit):
    done = audit("--demo", "--quiet", "--fail-on", "never", "--format", "json,junit,csv,attestation")
    assert done.code == 0
    folder, report = done.folder / "reports", done.report
    assert (report["gate"]["failOn"], report["gate"]["onUnknown"]) == (None, "fail")
    root = ET.fromstring((folder / "report.junit.xml").read_bytes())
    assert (root.get("failures"), root.get("errors")) == ("0", "0")
    predicate = json.loads((folder / "report.intoto.json").read_text())["predicate"]
    assert (predicate["result"], predicate["failedTests"]) == ("WARNED", [])
    with (folder / "report.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert {row["counts"] for row in rows} == {"false"}
    assert sum(row["outcome"] == "violation" for row in rows) == report["summary"]["fail"] > 0


def test_a_list_of_thousands_of_projects_fits_a_cell_of_a_spreadsheet(audit):
    restrictions = {"restricted": True, "projects": [f"project-number-{number:06d}" for number in range(3000)]}
    big = {"id": "big", "name": "Big", "provider": "github", "restrictions": restrictions}
    answer = {"data": {"credentials": [big]}, "pagination": {"hasNextPage": False, "count": 1}}
    done = audit("--input", "-", "--format", "csv", stdin=json.dumps(answer))
    with (done.folder / "reports/report.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, strict=True))
    assert max(len(cell) for row in rows for cell in row) <= 32_767
    assert any("characters, only in the JSON report" in cell for row in rows for cell in row)
