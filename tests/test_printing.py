"""Nothing that others wrote is a command to the CI or the terminal that reads what is printed."""

import json
import re

import pytest
from click.testing import CliRunner

from northflank_audit import logs
from northflank_audit.cli.app import cli
from northflank_audit.printable import chat_text, has_reference, inert, mail_text, printable_lines, sarif_text

ACTED_ON = re.compile(r"##[^\s\[]*\[|^\s*::", re.MULTILINE)
"""What a CI takes for a command, by the sources that `printable` names."""
HOSTILE = [
    "##[error]x",
    "x ##vso[task.setvariable variable=a]b",
    "###[x",
    "##teamcity[x]",
    "::error::x",
    " \t::stop::x",
]
PLAIN = ["# title", "## C# [x]", "a::b", "https://x/#a[0]", "issue #1 [x]"]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("before", ["", "line\n", "\x1b[1m"])
def test_commands_to_a_ci_are_broken_up(text, before):
    assert not ACTED_ON.search(printable_lines(before + text).replace("\x1b[1m", ""))


@pytest.mark.parametrize("text", PLAIN)
def test_other_text_stays_as_it_is(text):
    assert printable_lines(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_json_keeps_its_value(text):
    written = inert(json.dumps({"x": text}), json=True)
    assert json.loads(written) == {"x": text}
    assert not ACTED_ON.search(written)


def test_the_own_commands_of_github_stay_commands():
    assert inert("::error title=T::a ##[b]", commands=True) == "::error title=T::a # #[b]"


@pytest.mark.parametrize(
    ("given", "chat", "mail"),
    [
        ("@here", "@|here", "|@|here"),
        ("<!channel> #ops", "<|!channel> #|ops", "<!channel> #ops"),
        ("@#x", "@|#|x", "|@|#x"),
        ("https://WWW.h", "https:|//WWW|.h", "https:|//|WWW|.|h"),
        ("<https://h>", "<|https:|//h>", "<https:|//|h>"),
        ("awww.h", "awww.h", "awww|.|h"),
        ("a @ b # c < d", "a @ b # c < d", "a |@| b # c < d"),
    ],
)
def test_an_invisible_blank_parts_mentions_and_addresses(given, chat, mail):
    assert chat_text(given).replace("\u200b", "|") == chat
    assert mail_text(given).replace("\u200b", "|") == mail


def test_a_message_of_sarif_has_no_link():
    assert sarif_text("[a](1) [b] (2)") == "[a]\u200b(1) [b] (2)"


@pytest.mark.parametrize("word", ["https://h", "WWW.h", "a@b", "#1", "!1", '~"a label"', "$2", "%3", "x&1"])
def test_references_of_github_and_gitlab_are_noticed(word):
    assert has_reference(word)


@pytest.mark.parametrize("word", ["a:", "wwwx", "x!y", "^[x]3", "100%", "R&D"])
def test_other_words_are_no_references(word):
    assert not has_reference(word)


def test_styles_stay_and_other_control_characters_do_not():
    given = "\x1b[31m\x1b[1mred\x1b[0m \x1b[2J\x1b[8mhidden\x1b]0;title\x07\r\tend\nnext \udcff"
    assert printable_lines(given) == "\x1b[31m\x1b[1mred\x1b[0m �[2J�[8mhidden�]0;title��\tend\nnext \\udcff"


ID = "a\n##[error]b\x1b[2J\n::error::c"


def commands_in(text):
    return ACTED_ON.findall(text) + re.findall(r"\x1b\[2J", text)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_log_record_is_one_line_and_no_command(capsys, as_json):
    logs.to_stderr("0" * 16, verbose=True, quiet=False, as_json=as_json)
    logs.logging.getLogger("northflank_audit.x").info("details of '%s'", ID)
    (line,) = capsys.readouterr().err.splitlines()
    assert commands_in(line) == []
    assert as_json is False or json.loads(line)["message"] == f"details of '{ID}'"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = {"id": ID, "name": ID, "provider": "##[warning]p"}
    page = {"data": {"credentials": [record]}, "pagination": {"hasNextPage": False, "count": 1}}
    (tmp_path / "i.json").write_text(json.dumps(page))
    rule = {"id": "r", "title": "##[t]", "severity": "low", "require": "false", "message": "{id} {provider}"}
    (tmp_path / "r.yaml").write_text(json.dumps({"rules": [rule]}))

    def started(*arguments):
        done = CliRunner().invoke(cli, ["run", "--input", "i.json", "--rules", "r.yaml", "--verbose", *arguments])
        assert done.exit_code == 1, done.output
        return done

    return started


@pytest.mark.parametrize("form", ["md", "csv", "json", "jsonl", "sarif", "junit", "html", "gitlab", "ocsf"])
def test_a_report_on_standard_output_holds_no_command(run, form):
    done = run("--format", "json", "--output", f"{form}=-")
    assert commands_in(done.stdout) == commands_in(done.stderr) == []
    if form == "json":
        assert json.loads(done.stdout)["results"][0]["resource"]["id"] == ID


def test_only_the_annotations_of_github_are_commands(run):
    done = run("--format", "json", "--output", "github=-")
    lines = done.stdout.splitlines()
    assert all(re.match("::(warning|error|notice) ", line) for line in lines)
    assert not [line for line in lines if "##[" in line]


def test_an_odd_folder_of_reports_is_no_command(run):
    done = run("--format", "json", "--output-dir", "x\n::error::y ##[z]\x1b[2J")
    assert commands_in(done.output) == []
