"""Personal data: fetched only for a rule that reads it, and masked in every byte that is written, unless it is asked for."""

import datetime as dt
import json

import msgspec
import pytest
from click.testing import CliRunner

from northflank_audit.cli.app import cli
from northflank_audit.delivery.mail import letter, message
from northflank_audit.delivery.notify import body
from northflank_audit.formats import FORMATS
from northflank_audit.formats.brief import brief
from northflank_audit.model import Account, Resource
from northflank_audit.policy.engine import Engine
from northflank_audit.report import Origin, Report, Tool
from northflank_audit.resources import TYPES
from northflank_audit.resources.needs import Needs
from northflank_audit.resources.paths import ITEM, stepped
from northflank_audit.sources.saved_files import InputSource
from northflank_audit.sources.snapshot_writer import SnapshotWriter
from tests.conftest import resource, rule

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
PATHS = {kind.name: [path for path, field in kind.fields.items() if field.personal] for kind in TYPES.values()}
KINDS = [kind for kind in TYPES.values() if PATHS[kind.name]]
LISTED = [kind for kind in KINDS if kind.within is None]
PEOPLE = ("Quilla", "Quibblethorpe", "Al Quibblethorpe-Ng", "quilla.quibblethorpe@personal.example", "al@q.example")
"""Names and addresses: each stands in every personal field of some record, and in a description beside it."""


def planted(kind, person, number):
    """Return a record with a person in each personal field."""
    record = {"id": f"{kind.name}-{number}", "description": f"Ask {person}, or write to <{person}>."}
    record[kind.id] = f"{kind.name}-{number}"
    for path in PATHS[kind.name]:
        plant(record, stepped(path), person)
    return record


def plant(value, steps, person):
    step, *below = steps
    if below[:1] != [ITEM]:
        if below:
            plant(value.setdefault(step, {}), below, person)
        else:
            value[step] = person
    elif below == [ITEM]:
        value[step] = [person]
    else:
        plant(value.setdefault(step, [{"id": "child"}])[0], below[1:], person)


def read(value, steps, test="{} == ''", depth=0):
    """Return an expression that tests the field at these steps, in any item of the lists on the way."""
    if not steps:
        return test.format(value)
    if steps[0] == ITEM:
        name = f"v{depth}"
        return f"{value}.exists({name}, {read(name, steps[1:], test, depth + 1)})"
    return read(f"{value}.{steps[0]}", steps[1:], test, depth)


TESTS = {
    "regex": "'x'.matches({0} + (size({0}) > 1 ? '(' : ''))",  # CEL's error quotes it
    "key": "{{'a': true}}[{}]",  # CEL's error names the key
    "url": "url({}).host == 'a'",
}


def rules_of(kind):
    """Yield rules that read each personal field: violated, passed, unknown and wrong, and among all records."""
    for number, path in enumerate(PATHS[kind.name]):
        steps = stepped(path)
        shown = "id" if ITEM in steps else path
        own = read(kind.variable, steps)
        tests = {
            "fails": {"require": own, "message": f"{{name}}: {{{shown}}}"},
            "passes": {"require": f"!({own})"},
            "when": {"when": own, "require": "true"},
            **{
                f"all-{name}": {
                    "resource": "account",
                    "require": f"account.{kind.collection}.exists(each, {read('each', steps, test)})",
                }
                for name, test in TESTS.items()
            },
            **{name: {"require": read(kind.variable, steps, test)} for name, test in TESTS.items()},
        }
        for name, each in tests.items():
            yield {"id": f"{kind.name}-{number}-{name}", "resource": kind.name, "severity": "high", **each}


def title(rules):
    return json.dumps({"rules": [{"title": "T", **each} for each in rules]})


def snapshot(kind, people):
    """Return a snapshot of a record of a type for each of these people, with all that a rule can read."""
    needs = Needs({kind.name: {part.name: () for part in kind.sources}}, {kind.name: frozenset(PATHS[kind.name])})
    source = InputSource([], None)
    source.origin = Origin(kind="api")
    source.accounts = {None: Account(team=None)}
    source.needs = needs
    writer = SnapshotWriter()
    for number, person in enumerate(people):
        record = planted(kind, person, number)
        writer.add([
            Resource(type=kind.name, id=record[kind.id], name=None, team=None, record=record,
                     project="p" if kind.scope == "project" else None, parts=frozenset(part.name for part in kind.sources))
        ])  # fmt: skip
    return b"".join(writer.text(Tool("t", "1"), NOW, source)).decode()


@pytest.fixture
def audited(tmp_path, monkeypatch):
    """Run commands in a folder; give what they print, and after an audit everything that was written."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        done = CliRunner().invoke(cli, [*arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return done.output

    def audit(kind, people, rules, *options):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in/s.json").write_text(snapshot(kind, people))
        (tmp_path / "in/r.json").write_text(title(rules))
        printed = run(
            "run", "--input", "in/s.json", "--rules", "in/r.json", "--format", ",".join(FORMATS), "--verbose",
            "--include", "pass,notapplicable", "--metrics-file", "audit.prom", "--history", "history.db",
            "--save-snapshot", "in/again.json", *options,
        )  # fmt: skip
        report = msgspec.json.decode((tmp_path / "reports/report.json").read_bytes(), type=Report)
        mail = message(letter(report), ("team@example.com",), "audit@example.com", "reports")
        texts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
        told = [printed, str(mail["subject"]), *texts, body(report, ["reports/report.html"]), brief(report)]
        files = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "in"]
        assert len(files) > len(FORMATS)
        return report, "\n".join(told).encode() + b"".join(path.read_bytes() for path in files)

    audit.run = run
    return audit


def traces(written, person):
    """Return which forms of a person's name or address are in what was written."""
    content = written.lower()
    forms = {person, json.dumps(person)[1:-1], person.replace(" ", "&#32;"), person.replace("@", "%40"), person.upper()}
    return [form for form in forms if form.lower().encode() in content]


@pytest.mark.parametrize("kind", LISTED, ids=lambda kind: kind.name)
def test_no_byte_that_is_written_holds_a_person(audited, tmp_path, kind):
    kinds = [kind, *(child for child in KINDS if child.within and child.within.parent is kind)]
    rules = [each for one in kinds for each in rules_of(one)]
    report, written = audited(kind, PEOPLE, rules)
    assert [form for person in PEOPLE for form in traces(written, person)] == []
    assert {each.status for each in report.results} >= {"fail", "pass", "unknown", "error", "notapplicable"}
    assert {each.resource.type for each in report.results} == {*(each.name for each in kinds), "account"}
    evidence = [value for each in report.results if each.status == "fail" for value in each.evidence.values()]
    assert "***" in json.dumps(evidence)
    kept = (tmp_path / "in/again.json").read_bytes()
    assert all(traces(kept, person) for person in PEOPLE), "a snapshot keeps what a rule reads, to evaluate it again"
    _, written = audited(kind, PEOPLE, rules, "--show-personal-data")
    assert all(traces(written, person) for person in PEOPLE)


@pytest.mark.parametrize("kind", LISTED, ids=lambda kind: kind.name)
def test_what_no_rule_reads_is_not_even_kept(audited, tmp_path, kind):
    person = "wholly.unread@personal.example"
    rules = [{"id": "r", "severity": "low", "resource": kind.name, "require": f"{kind.variable}.{kind.id} == ''"}]
    _, written = audited(kind, [person], rules, "--show-personal-data")
    saved = json.loads((tmp_path / "in/again.json").read_text())["records"]
    assert len(saved) == 1
    record = {name: value for name, value in saved[0]["record"].items() if name != "description"}
    assert traces(written + json.dumps(record).encode(), person) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_explanation_hides_what_the_parts_of_a_rule_gave(audited, tmp_path, kind):
    person = PEOPLE[3]
    rules = {each["id"].removeprefix(f"{kind.name}-0-"): each for each in rules_of(kind)}
    audited(kind.within.parent if kind.within else kind, [person], list(rules.values()))
    results = json.loads((tmp_path / "reports/report.json").read_text())["results"]
    identity = next(
        each["resource"]["id"] for each in results if each["resource"]["type"] == kind.name and each["resource"]["id"]
    )
    source = ("--input", "in/s.json", "--rules", "in/r.json")
    for name, about in (("fails", identity), ("regex", identity), ("key", identity), ("all-regex", "account")):
        told = audited.run("rules", "explain", rules[name]["id"], about, *source)
        assert traces(told.encode(), person) == []
        assert "\n  require" in told
    told = audited.run("rules", "explain", rules["fails"]["id"], identity, *source, "--show-personal-data")
    assert traces(told.encode(), person)


def test_ids_stay_and_short_words_and_other_types_are_left_alone():
    member = rule(
        resource="team-member", require="team_member.name == '' && team_member.emails.exists(e, e.address == '')"
    )
    record = {
        "id": "al",
        "name": "al",
        "emails": [{"address": "a@b", "verified": True}, {"address": None}],
        "joinedAt": "al",
    }
    shown = result(member, Resource(type="team-member", id="al", name="al", team=None, record=record))
    assert (shown.resource.id, shown.resource.name) == ("al", "al")
    assert shown.evidence == {"name": "***", "emails": [{"address": "***", "verified": True}, {"address": None}]}
    named = rule(require="credential.name == ''", message="{name}")
    shown = result(named, resource(id="a", name="ci@example.com"))
    assert (shown.message, shown.evidence) == ("ci@example.com", {"name": "ci@example.com"})


def result(rule_, of):
    engine = Engine([rule_], NOW)
    return engine.result(next(engine.evaluate([of])))


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
def test_no_type_is_called_by_personal_data(kind):
    if kind.listing is not None:
        assert not kind.fields[kind.label].personal
        assert not any(kind.fields[key].personal for key in kind.keys)
