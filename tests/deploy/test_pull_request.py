"""The workflow for pull requests: who has the token, who may write, and what the comment is."""

import json
import os
import subprocess

import pytest

from tests.conftest import needed
from tests.deploy.conftest import audit_step, program, workflow

BRIEF = "\n## VIOLATED: 3 violations – ä\n"
MARK = "<!-- northflank-audit -->"


def jobs() -> tuple[dict, dict]:
    found = workflow("pull-request")["jobs"]
    return found["audit"], found["comment"]


def test_a_fork_gets_no_token_and_no_job_has_both_the_token_and_the_right_to_comment():
    audit, comment = jobs()
    assert set(workflow("pull-request")["on"]) == {"pull_request"}
    assert audit["if"] == "${{ github.event.pull_request.head.repo.full_name == github.repository }}"
    assert "secrets." in json.dumps(audit)
    assert "environment" in audit
    assert audit["permissions"] == {"contents": "read", "security-events": "write"}
    assert "secrets." not in json.dumps(comment)
    assert not any("uses" in step for step in comment["steps"]), "it runs nothing of the repository"
    assert comment["permissions"] == {"actions": "read", "pull-requests": "write"}
    assert workflow("pull-request")["permissions"] == {}


def test_its_config_is_only_found_so_that_it_can_not_say_where_the_token_goes():
    step = audit_step("pull-request")
    assert "config" not in step["with"]
    assert not any(name.endswith("_CONFIG") for name in step.get("env", {}))


@pytest.mark.parametrize("earlier", ["", "41\n42\n"])
def test_the_brief_is_one_comment_that_is_renewed(tmp_path, earlier):
    (script,) = (step["run"] for step in jobs()[1]["steps"])
    (tmp_path / "bin").mkdir()
    (tmp_path / "earlier").write_text(earlier)
    program(
        tmp_path / "bin/gh",
        f"""echo "$@" >> {tmp_path}/calls
case "$1 $2" in
"run download") cp {tmp_path}/artifact brief.md ;;
"api --paginate") cat {tmp_path}/earlier ;;
"api --method") cat comment.md > {tmp_path}/sent; echo '{{}}' ;;
*) exit 9 ;;
esac""",
    )
    (tmp_path / "artifact").write_text(BRIEF + "x" * 100_000)
    done = subprocess.run(
        [needed("bash"), "-e", "-c", script],
        cwd=tmp_path,
        env={
            "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
            "GITHUB_RUN_ID": "7",
            "GITHUB_REPOSITORY": "o/r",
            "NUMBER": "12",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    download, listing, sent = (tmp_path / "calls").read_text().splitlines()
    assert download == "run download 7 --repo o/r --name northflank-audit-brief"
    assert listing.startswith("api --paginate repos/o/r/issues/12/comments --jq ")
    assert MARK in listing
    to = "PATCH repos/o/r/issues/comments/41" if earlier else "POST repos/o/r/issues/12/comments"
    assert sent == f"api --method {to} --field body=@comment.md"
    comment = (tmp_path / "sent").read_text()
    assert comment.startswith(f"{MARK}\n{BRIEF}")
    assert len(comment) < 65_536
