import json

from msgspec.structs import replace

from northflank_audit.formats import FORMATS


def lines(report):
    text = FORMATS["jsonl"].render(report)
    assert text.count("\n") == len(text.splitlines())
    return [json.loads(line) for line in text.splitlines()]


def bare(line):
    """Return a line less what it amounts to."""
    return {key: value for key, value in line.items() if key not in ("outcome", "counts")}


def run(report):
    return {"id": "0123456789abcdef", "finishedAt": "2026-11-24T06:00:02.500000Z", "complete": report.run.complete}


def test_a_line_is_a_result_of_the_json_report_with_its_run(report):
    results = json.loads(FORMATS["json"].render(report))["results"]
    said = [("violation", True), ("unknown", True), ("waived", False)]
    assert lines(report) == [
        {"run": run(report), **each, "outcome": outcome, "counts": counts}
        for each, (outcome, counts) in zip(results, said, strict=True)
    ]


def test_what_is_no_verdict_of_this_audit_has_no_status(full):
    document = json.loads(FORMATS["json"].render(full))
    earlier = [
        {"run": run(full), **each, "status": None, "state": state, "outcome": state, "counts": False}
        for state in ("resolved", "unsettled")
        for each in document[state]
    ]
    assert [each["became"] for each in earlier] == ["fixed", "gone", "unknown", "unasked"]
    assert [bare(each) for each in lines(full)][: -len(earlier)] == [
        {"run": run(full), **each} for each in document["results"]
    ]
    assert lines(full)[-len(earlier) :] == earlier


def test_an_incomplete_audit_shows_in_every_line_and_has_a_line_for_each_reason(incomplete):
    reasons = [
        {"run": run(incomplete), "status": "incomplete", "message": message, "outcome": "incomplete", "counts": True}
        for message in ("page 2: 403 Forbidden", "1 verdict is unknown")
    ]
    results = json.loads(FORMATS["json"].render(incomplete))["results"]
    assert lines(incomplete)[: len(reasons)] == reasons
    assert [bare(each) for each in lines(incomplete)[len(reasons) :]] == [
        {"run": run(incomplete), **each} for each in results
    ]
    assert not run(incomplete)["complete"]


def test_there_is_no_line_only_where_the_audit_is_complete(clean, incomplete):
    assert FORMATS["jsonl"].render(clean) == ""
    for each in (incomplete.run, replace(incomplete.run, incomplete_reasons=[])):
        assert lines(replace(clean, run=each))[0]["status"] == "incomplete"


def test_hostile_text_stays_in_its_line(hostile):
    assert len(lines(hostile)) == 1 + len(hostile.results) + 1 + 1
    assert lines(hostile)[1]["resource"]["id"] == hostile.results[0].resource.id
