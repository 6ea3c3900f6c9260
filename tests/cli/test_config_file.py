"""Where options come from: flags, variables, and a config file that was named or only found."""

import os

import click
import pytest
from click.testing import CliRunner

from northflank_audit.cli.app import cli
from northflank_audit.cli.option_types import NameList
from northflank_audit.cli.run_command import run_command
from northflank_audit.errors import AuditError

RULES = "rules: [{id: r, title: T, severity: low, require: credential.restrictions.restricted}]"
ACCOUNT = '{"credentials": [{"id": "a", "name": "x", "restrictions": {"restricted": false, "projects": []}}]}'
OURS = ("NORTHFLANK_", "NF_")


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Run a command in a folder with rules and an account; returns exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    (tmp_path / "r.yaml").write_text(RULES)
    (tmp_path / "i.json").write_text(ACCOUNT)

    def run(*arguments, **environment):
        done = CliRunner().invoke(cli, arguments, env=environment)
        if isinstance(done.exception, AuditError):
            return done.exception.exit_code, done.output, str(done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return done.exit_code, done.stdout, done.stderr

    return run


def listed(command, **environment):
    return command("rules", "list", "--rules", "r.yaml", **environment)


AUDIT = ("--input", "i.json", "--rules", "r.yaml")


# What was asked for is not ignored


def a_folder(path):
    path.mkdir()


def a_link_to_nowhere(path):
    path.symlink_to("nowhere")


def an_endless_file(path):
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [a_folder, a_link_to_nowhere, an_endless_file])
def test_an_audit_yaml_that_can_not_be_read_is_not_as_if_there_were_none(command, tmp_path, make):
    make(tmp_path / "audit.yaml")
    code, _, err = listed(command)
    assert (code, err.startswith("audit.yaml: ")) == (2, True)


def test_an_audit_yml_is_not_ignored(command, tmp_path):
    (tmp_path / "audit.yml").write_text("fail-on: high\n")
    code, _, err = listed(command)
    assert (code, "audit.yml is not read: rename it to audit.yaml, or name the file with --config" in err) == (2, True)
    (tmp_path / "audit.yaml").write_text("")
    assert listed(command)[0] == 0


def test_lists_of_names_are_those_of_the_contract():
    options = {param.opts[0].lstrip("-"): param for param in run_command.params}
    lists = {key: each for key, each in options.items() if each.multiple or isinstance(each.type, NameList)}
    named = {key for key, each in lists.items() if each.names or isinstance(each.type, NameList)}
    names = {"team", "rule", "skip-rule", "type", "skip-type", "project", "control", "format", "include", "email-to"}
    assert named == lists.keys() & names
    assert lists.keys() - names >= {"rules", "input", "output"}


@pytest.mark.parametrize(
    "option",
    ["config", "rules", "rule", "skip-rule", "waivers", "compare", "format", "include", "save-snapshot", "output-dir",
     "token-file", "team", "input", "notify-file", "metrics-file", "metrics-push", "heartbeat", "api-url", "email-to"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_flag_is_refused_and_an_empty_variable_is_as_if_it_were_not_set(command, tmp_path, option, value):
    code, _, err = command(*AUDIT, f"--{option}", value)
    assert (code, "the value is empty" in err) == (2, True)
    assert not (tmp_path / "reports").exists()
    variable = f"NORTHFLANK_AUDIT_{option.replace('-', '_').upper()}"
    assert command(*AUDIT, "--format", "none", **{variable: value})[0] == 1


def test_an_empty_path_is_no_name_of_the_working_folder(command):
    code, _, err = command("rules", "lint", "")
    assert (code, "empty" in err) == (2, True)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("FAILON", " (did you mean 'NORTHFLANK_AUDIT_FAIL_ON'?)"),
        ("OUTPUTDIR", " (did you mean 'NORTHFLANK_AUDIT_OUTPUT_DIR'?)"),
        ("QQQQ", ""),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_nearest_name(command, name, near):
    code, _, err = listed(command, **{f"NORTHFLANK_AUDIT_{name}": "high"})
    expected = f"the environment variable NORTHFLANK_AUDIT_{name} is not an option{near}; see --help"
    assert (code, err) == (2, expected)


@pytest.mark.parametrize(
    "name",
    ["NOTIFY_URLS", "CONFIG", "FAIL_ON", "SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTPS", "PORT", "PORT_443_TCP",
     "PORT_443_TCP_ADDR", "WEB_SERVICE_HOST", "WEB_PORT_80_TCP_PROTO"],
)  # fmt: skip
def test_variables_of_kubernetes_and_those_that_are_no_flags_are_no_mistakes(command, tmp_path, name):
    (tmp_path / "c.yaml").write_text("")
    value = "c.yaml" if name == "CONFIG" else "high"
    assert listed(command, **{f"NORTHFLANK_AUDIT_{name}": value})[0] == 0


def test_a_variable_that_the_config_names_is_no_mistake_and_an_empty_one_neither(command, tmp_path):
    (tmp_path / "audit.yaml").write_text(
        "email: {to: a@b.c, smtp: {host: h, username: u, password-env: NORTHFLANK_AUDIT_PW}}"
    )
    assert listed(command, NORTHFLANK_AUDIT_PW="x", NORTHFLANK_AUDIT_NOTHING="")[0] == 0
    assert listed(command, NORTHFLANK_AUDIT_PX="x")[0] == 2


def test_names_take_commas_and_blanks_and_paths_a_line_each(command, tmp_path):
    rule = "{{id: {}, title: T, severity: low, require: 'true'}}"
    for path, ids in (("a b.yaml", "xy"), ("c,d.yaml", "z")):
        (tmp_path / path).write_text(f"rules: [{', '.join(map(rule.format, ids))}]")
    paths = "\na b.yaml\n c,d.yaml\n\n"
    for given in ("x, z", "x z", "x\nz"):
        code, out, _ = command("rules", "list", "--rule", given, NORTHFLANK_AUDIT_RULES=paths)
        assert (code, [line.split()[0] for line in out.splitlines()]) == (0, ["x", "z"])
        assert command("rules", "list", NORTHFLANK_AUDIT_RULES=paths, NORTHFLANK_AUDIT_RULE=given)[1] == out
    assert command("rules", "list", "--rule", ",", NORTHFLANK_AUDIT_RULES=paths)[0] == 2
    code, _, _ = command(*AUDIT, "--format", "json md")
    assert (code, sorted(path.name for path in (tmp_path / "reports").iterdir())) == (1, ["report.json", "report.md"])


@pytest.mark.parametrize("value", ["inf", "nan", "1e10", "-1", "0", "5m", "1_0", "٣", "604801"])
def test_a_time_is_a_plain_number_of_seconds_up_to_a_week(command, value):
    problem = f"'{value}' is not a number of seconds above 0 and up to 604800"
    for arguments, environment in ((["--timeout", value], {}), ([], {"NORTHFLANK_AUDIT_TIMEOUT": value})):
        code, _, err = command(*AUDIT, *arguments, **environment)
        assert (code, problem in err) == (2, True)


@pytest.mark.parametrize("option", ["--page-size", "--max-attempts"])
@pytest.mark.parametrize("value", ["0", "1_0", "٣", "1e1", "101", "9" * 30])
def test_a_number_is_plain_and_within_its_range(command, option, value):
    code, _, err = command(*AUDIT, option, value)
    assert (code, f"'{value}' is not a whole number from 1 to 100" in err) == (2, True)


def test_a_snapshot_is_no_file_called_minus(command, tmp_path):
    code, _, err = command(*AUDIT, "--save-snapshot", "-")
    assert (code, "a snapshot goes to a file" in err) == (2, True)
    assert not (tmp_path / "-").exists()


# Rule files in folders


def test_folders_below_a_folder_of_rules_are_warned_of(command, tmp_path):
    for path in ("p/a.yaml", "p/sub/deep/b.yaml", "p/texts/a.txt", "p/.git/c.yaml", "p/dots/.d.yaml"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(RULES)
    code, out, err = command("rules", "list", "--rules", "p")
    assert (code, out.split()[0], err) == (
        0,
        "r",
        "warning: p/sub holds rule files that are not read: name the folder too\n",
    )
    assert "p/sub:1:1: warning: its rule files are not read" in command("rules", "lint", "p")[1]
    assert command("--input", "i.json", "--rules", "p", "--format", "json")[0] == 1
    assert "p/sub holds rule files" in (tmp_path / "reports/report.json").read_text()
    (tmp_path / "p/a.yaml").unlink()
    assert "name its folders: p/sub" in command("rules", "list", "--rules", "p")[2]


def test_files_that_start_with_a_dot_are_skipped_and_only_verbose_says_so(command, tmp_path, caplog):
    (tmp_path / "p").mkdir()
    (tmp_path / "p/a.yaml").write_text(RULES)
    (tmp_path / "p/.#a.yaml").symlink_to("me@host.1:1")
    (tmp_path / "p/._a.yaml").write_bytes(b"\0\5\x16\7")
    (tmp_path / "p/..data").mkdir()
    assert command("rules", "list", "--rules", "p")[::2] == (0, "")
    with caplog.at_level("INFO", "northflank_audit"):
        command("rules", "list", "--rules", "p")
    assert {record.getMessage() for record in caplog.records} == {
        f"p/{name} is not read: its name starts with a dot" for name in (".#a.yaml", "._a.yaml")
    }


# A config file that was found, not named


REFUSED = [
    "api-url: https://evil.example",
    "token-file: /etc/passwd",
    "notify-file: n.txt",
    "demo: true",
    "input: [i.json]",
    "show-personal-data: true",
    "output-dir: ..",
    "output: [json=/tmp/x.json]",
    "output: [json=link/x.json]",
    "save-snapshot: ../s.json",
    "metrics-file: /tmp/x.prom",
    "email: {to: a@b.c, smtp: {host: h, username: u, password-file: /etc/passwd}}",
    "email: {to: a@b.c, smtp: {host: h, username: u, password-env: AWS_SECRET_ACCESS_KEY}}",
]


@pytest.mark.parametrize("text", REFUSED)
def test_a_found_config_says_nothing_of_the_token_and_writes_nowhere_else(command, tmp_path, text):
    (tmp_path / "link").symlink_to("/")
    (tmp_path / "audit.yaml").write_text(text)
    code, _, err = command("--rules", "r.yaml", "--quiet", NORTHFLANK_API_TOKEN="t", AWS_SECRET_ACCESS_KEY="k")
    assert (code, "if you trust it, give --config audit.yaml" in err) == (2, True)
    assert "evil" not in text or "evil" not in err
    assert listed(command)[0] == 0  # a command without these options does not mind


@pytest.mark.parametrize(
    "text", ["output-dir: out", "output: [json=out/x.json, md=-]", "save-snapshot: ./s.json", "metrics-file: m.prom"]
)
def test_a_found_config_writes_into_the_working_folder(command, tmp_path, text):
    (tmp_path / "audit.yaml").write_text(text)
    assert command(*AUDIT)[0] == 1


def test_the_variable_of_a_password_is_never_the_tokens(command, tmp_path):
    for name in ("NORTHFLANK_API_TOKEN", "NF_API_TOKEN"):
        text = f"email: {{to: a@b.c, smtp: {{host: h, username: u, password-env: {name}}}}}"
        (tmp_path / "c.yaml").write_text(text)
        code, _, err = command(*AUDIT, "--config", "c.yaml", **{name: "t"})
        assert (code, "this variable holds the API token" in err) == (2, True)


def test_what_a_found_config_says_about_the_verdict_is_named_in_the_report(command, tmp_path):
    text = "fail-on: high\non-unknown: ignore\nskip-rule: []\noverrides: {r: {severity: info}}\ntimeout: 60\n"
    (tmp_path / "audit.yaml").write_text(text)
    warning = "set by audit.yaml, which was found, not named: "
    report = tmp_path / "reports/report.json"
    assert command(*AUDIT)[0] == 0
    assert (
        f"{warning}fail-on (audit.yaml:1), on-unknown (audit.yaml:2), skip-rule (audit.yaml:3), overrides (audit.yaml:4); if you trust it, give --config audit.yaml"
        in report.read_text()
    )
    command(*AUDIT, "--fail-on", "low")
    assert f"{warning}on-unknown" in report.read_text()
    assert command(*AUDIT, "--config", "audit.yaml")[0] == 0
    assert warning not in report.read_text()


@pytest.mark.parametrize(("text", "expected"), [("", 1), ("- a list", 2)])
def test_a_found_config_that_says_nothing_or_no_options_is_no_mistake_of_ours(command, tmp_path, text, expected):
    (tmp_path / "audit.yaml").write_text(text)
    assert command(*AUDIT)[0] == expected


def test_a_variable_names_a_config_as_the_flag_does(command, tmp_path):
    (tmp_path / "audit.yaml").write_text("input: [i.json]")
    assert command("--rules", "r.yaml", NORTHFLANK_AUDIT_CONFIG="audit.yaml")[0] == 1


@pytest.mark.parametrize(("value", "coloured"), [("", True), ("1", False)])
def test_no_color_counts_where_it_is_not_empty(command, monkeypatch, value, coloured):
    seen = []
    monkeypatch.setattr(click, "echo", lambda *_, color="?", **__: seen.append(color))
    command(*AUDIT, NO_COLOR=value)
    assert seen[-1] is (None if coloured else False)
