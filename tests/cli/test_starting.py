"""The first steps: init, config show, rules show, rules new, --version."""

import json
import platform
from importlib.metadata import version

import pytest
from click.testing import CliRunner

from northflank_audit import __version__
from northflank_audit.cli.app import cli
from northflank_audit.cli.rule_new import skeleton
from northflank_audit.config.policy import read_rules
from northflank_audit.errors import AuditError
from northflank_audit.policy.lint.warnings import warnings
from northflank_audit.policy.rules.examples import run as run_examples
from northflank_audit.policy.rules.rulebook import read
from northflank_audit.resources import TYPES
from tests.conftest import ROOT


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in a folder of its own; returns the exit code and the output."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments, **environment):
        done = CliRunner(env=environment).invoke(cli, arguments)
        if isinstance(done.exception, AuditError):
            return done.exception.exit_code, str(done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return done.exit_code, done.output

    return command


# init


def test_what_init_writes_lints_and_runs_clean(run, tmp_path):
    assert run("init")[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.yaml", "my-rules.yaml"]
    assert run("rules", "lint", "--strict") == (0, "20 rules, no mistake\n")
    assert run("rules", "test", "my-rules.yaml", "--coverage", "--strict")[0] == 0
    (tmp_path / "i.json").write_text('{"credentials": []}')
    code, output = run("--config", "audit.yaml", "--input", "i.json")
    assert (code, "set by audit.yaml" in output) == (0, False)


def test_every_setting_that_init_writes_as_a_comment_is_one(run, tmp_path):
    run("init")
    text = (tmp_path / "audit.yaml").read_text()
    (tmp_path / "waivers.yaml").write_text("waivers: []\n")
    settings = [
        line[1:] for line in text.splitlines() if line.startswith(("#  ",)) or line[:1] == "#" != line[1:2] != " "
    ]
    names = [line.partition(":")[0] for line in settings if line[:1] != " " and line]
    assert len(names) == 10
    (tmp_path / "all.yaml").write_text("\n".join(settings))
    assert run("rules", "lint", "--config", "all.yaml", "--rules", "pack:default") == (0, "19 rules, no mistake\n")


@pytest.mark.parametrize("name", ["audit.yaml", "my-rules.yaml", "audit.yml"])
def test_init_overwrites_nothing(run, tmp_path, name):
    (tmp_path / name).symlink_to("nowhere")
    code, output = run("init")
    assert (code, output) == (2, f"{name} is already there: nothing was written")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_init_makes_a_folder_that_is_not_there_and_says_where_to_go_on(run, tmp_path):
    code, output = run("init", "a/b")
    assert (code, output.splitlines()[-1].partition(", where")[0]) == (0, "next: in a/b")
    assert sorted(path.name for path in (tmp_path / "a/b").iterdir()) == ["audit.yaml", "my-rules.yaml"]


def test_init_into_a_folder_that_can_not_be_made_says_so(run, tmp_path):
    (tmp_path / "file").touch()
    assert run("init", "file/sub") == (2, "file/sub/audit.yaml: can't be written (Not a directory)")


# rules new, rules show


@pytest.mark.parametrize("name", TYPES)
def test_a_new_rule_about_any_type_lints_and_passes_its_examples(name):
    book = read([("new.yaml", skeleton("mine", TYPES[name]))])
    assert [*map(str, book.diagnostics), *map(str, warnings(book))] == []
    outcomes = list(run_examples(book.checked()))
    assert {str(each.got) for each in outcomes} == {"pass", "fail", "unknown"}
    assert all(each.passed for each in outcomes)
    assert book.rules["mine"].resource == name


def test_a_new_rule_has_an_id_that_is_free(run):
    assert run("rules", "new", "mine", "--type", "addon")[1].count("resource: addon") == 1
    assert run("rules", "new", "a b")[0] == 2
    code, output = run("rules", "new", "domain-old-tls")
    assert (code, "bundled rule" in output) == (2, True)
    code, output = run("rules", "new", "mine", "--type", "adon")
    assert (code, "did you mean 'addon'?" in output) == (2, True)


def test_every_bundled_rule_is_shown_as_it_stands_in_its_file_and_is_a_rule_file():
    book = read_rules(["pack:everything"])
    files = {path: (ROOT / path).read_text() for path in {each.document.path for each in book.definitions.values()}}
    for rule_id, definition in book.definitions.items():
        text = definition.document.item(definition.here)
        assert f"{text}\n" in files[definition.document.path], rule_id
        shown = read([("shown.yaml", f"rules:\n{text}")])
        assert (list(shown.rules), shown.diagnostics) == ([rule_id], [])
        assert len(shown.rules[rule_id].tests) == len(book.rules[rule_id].tests)


SHOWN = """\
rules:
  # about a
  - id: a
    # why it is low
    title: T
    severity: low  # so
    require: "true"
    # the last word

  # about b
  - {id: b, title: T,
     severity: low, require: "true"}
# not about b
  -   id: c
      title: T
      severity: low
      require: |
        true
      rationale: an end
"""


@pytest.mark.parametrize(
    ("rule_id", "lines"),
    [("a", slice(1, 8)), ("b", slice(9, 12)), ("c", slice(13, 19))],
)
def test_a_rule_is_shown_with_the_comments_about_it(run, tmp_path, rule_id, lines):
    (tmp_path / "r.yaml").write_text(SHOWN)
    expected = "".join(SHOWN.splitlines(keepends=True)[lines])
    assert run("rules", "show", rule_id, "--rules", "r.yaml") == (0, f"rules:\n{expected}")


def test_a_rule_of_a_list_in_brackets_is_shown_too(run, tmp_path):
    (tmp_path / "r.yaml").write_text("rules: [{id: a, title: T, severity: low, require: 'true'}]")
    assert run("rules", "show", "a", "--rules", "r.yaml")[1].splitlines()[1:] == [
        "  - {id: a, title: T, severity: low, require: 'true'}"
    ]


def test_a_rule_that_is_off_or_of_another_pack_is_shown_and_one_that_is_not_there_has_a_hint(run, tmp_path):
    (tmp_path / "audit.yaml").write_text("overrides: {registry-credential-stale: off}\n")
    assert "- id: registry-credential-stale" in run("rules", "show", "registry-credential-stale")[1]
    assert "domain-old-tls" not in run("rules", "list")[1]
    _, output = run("rules", "show", "domain-old-tls")
    assert output.startswith("domain-old-tls is not among the selected rules; it is in pack:network\nrules:\n  - id: d")
    code, output = run("rules", "show", "domain-old-tsl")
    assert (code, output) == (2, "no rule 'domain-old-tsl' (did you mean 'domain-old-tls'?)")


# config show


def shown(run, *arguments, **environment):
    code, output = run("config", "show", "--json", *arguments, **environment)
    assert code == 0, output
    return {each["name"]: (each["value"], each["source"]) for each in json.loads(output)["settings"]}


def test_each_setting_has_its_source(run, tmp_path):
    (tmp_path / "audit.yaml").write_text(
        "team: [a]\nfail-on: low\nmin-severity: low\noverrides:\n  registry-credential-stale: off\n"
        "  registry-credential-push-shared:\n    params: {max: 3}\nemail:\n  to: [a@example.com]\n"
        "  from: b@example.com\n  smtp: {host: smtp.example.com}\n"
    )
    found = shown(
        run, "--fail-on", "high", "--all-teams", NORTHFLANK_AUDIT_MIN_SEVERITY="medium", NF_HOST="api.example.com"
    )
    assert found["config"] == ("audit.yaml", "found")
    assert found["fail-on"] == ("high", "flag")
    assert found["min-severity"] == ("medium", "NORTHFLANK_AUDIT_MIN_SEVERITY")
    assert found["api-url"] == ("api.example.com", "NF_HOST")
    assert found["team"] == ([], "audit.yaml:1, excluded by another option")
    assert found["page-size"] == (100, "default")
    assert found["overrides.registry-credential-stale"] == ("off", "audit.yaml:5")
    assert found["overrides.registry-credential-push-shared.params.max"] == (3, "audit.yaml:7")
    assert found["email.smtp.host"] == ("smtp.example.com", "audit.yaml:11")
    assert found["token"] == (None, "default")
    assert "fail-on" in run("config", "show")[1]


def test_no_secret_is_shown(run, tmp_path):
    (tmp_path / "t").write_text("hunter2")
    secrets = {
        "NORTHFLANK_API_TOKEN": "hunter2",
        "NORTHFLANK_AUDIT_NOTIFY_URLS": "slack://hunter2",
        "NORTHFLANK_AUDIT_HEARTBEAT": "https://hc.example/hunter2",
        "NORTHFLANK_AUDIT_METRICS_PUSH": "https://u:hunter2@push.example:9091/hunter2",
    }
    found = shown(run, **secrets)
    assert found["token"] == ("set, not shown", "NORTHFLANK_API_TOKEN")
    assert found["notify-urls"] == ("set, not shown", "NORTHFLANK_AUDIT_NOTIFY_URLS")
    assert found["metrics-push"] == ("https://push.example:9091/…", "NORTHFLANK_AUDIT_METRICS_PUSH")
    assert "hunter2" not in str(found) + run("config", "show", **secrets)[1]
    assert shown(run, "--token-file", "t")["token"] == ("set, not shown", "the file t")


def test_settings_with_a_mistake_are_not_shown(run, tmp_path):
    (tmp_path / "audit.yaml").write_text("fail-no: low\n")
    code, output = run("config", "show")
    assert (code, output) == (2, "audit.yaml:1:1: 'fail-no' is no option (did you mean 'fail-on'?)")
    (tmp_path / "audit.yaml").unlink()
    assert run("config", "show", "--team", "a", "--all-teams")[0] == 2


# --version


def test_the_version_names_the_engine_and_python(run):
    engine = version("cel-expr-python")
    lines = [
        f"northflank-audit, version {__version__}",
        f"cel-expr-python {engine}",
        f"python {platform.python_version()}",
    ]
    assert run("--version") == (0, "\n".join(lines) + "\n")
    expected = {"northflank-audit": __version__, "cel-expr-python": engine, "python": platform.python_version()}
    for arguments in (("--version", "--json"), ("--json", "--version")):
        assert json.loads(run(*arguments)[1]) == expected
    assert run("--json")[0] == 2
