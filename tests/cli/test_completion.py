"""Completion in real shells, by the scripts that click makes; nothing is typed."""

import subprocess
import sys

import pytest

from tests.conftest import NET, ROOT, needed

PROGRAM = f"""#!{sys.executable}
import sys
sys.argv[0], sys.path[:0] = "northflank-audit", [{str(ROOT)!r}]
from northflank_audit.__main__ import main
main()
"""
ASKED = {
    "bash": "COMP_WORDS=({words} '{last}'); COMP_CWORD={place}; COMPREPLY=(); _northflank_audit_completion northflank-audit; "
    'printf "%s\\n" "${{COMPREPLY[@]}}"',
    "zsh": "words=({words} '{last}'); CURRENT={place}+1; compadd() {{ print -l -- $completions }}; "
    "_describe() {{ print -l -- ${{completions_with_descriptions%%:*}} }}; _northflank_audit_completion",
    "fish": "complete -C '{words} {last}'",
}
CASES = [
    ("northflank-audit", "--min-s", {"--min-severity"}),
    ("northflank-audit", "ru", {"rules", "run"}),
    ("northflank-audit --demo --fail-on", "h", {"high"}),
    ("northflank-audit --format", "js", {"json", "jsonl"}),
    ("northflank-audit rules show", "domain-o", {"domain-old-tls"}),
    ("northflank-audit rules explain", "domain-o", {"domain-old-tls"}),
]


@pytest.mark.parametrize("shell", ASKED)
def test_a_shell_completes_commands_options_and_values(tmp_path, shell):
    program = tmp_path / "northflank-audit"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    environment = {"PATH": path, "HOME": str(tmp_path)}

    def ran(command, **more):
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, env=environment | more, cwd=tmp_path, timeout=NET
        )
        assert done.stderr == ""
        return done.stdout

    script = tmp_path / "script"
    script.write_text(ran([program], _NORTHFLANK_AUDIT_COMPLETE=f"{shell}_source"))
    lines = ["compdef() { }"] * (shell == "zsh") + [f"source {script}"]
    for words, last, _ in CASES:
        lines += ["echo @@", ASKED[shell].format(words=words, last=last, place=len(words.split()))]
    options = {"bash": ["--norc", "-c"], "zsh": ["-f", "-c"], "fish": ["--no-config", "-c"]}[shell]
    found = ran([needed(shell), *options, "\n".join(lines)]).split("@@\n")[1:]
    for (words, last, expected), shown in zip(CASES, found, strict=True):
        assert {line.partition("\t")[0] for line in shown.splitlines()} == expected, f"{words} {last}"


def test_a_broken_config_does_not_disturb_completion(tmp_path):
    (tmp_path / "audit.yaml").write_text("fail-on: [")
    environment = {
        "COMP_WORDS": "northflank-audit\n--fail-on\nh",
        "COMP_CWORD": "2",
        "_AUDIT_COMPLETE": "bash_complete",
    }
    code = "import sys; sys.argv[0] = 'audit'; from northflank_audit.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        env=environment | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=NET,
    )
    assert (done.stdout, done.stderr) == ("plain,high\n", "")
