"""A run that audits registries alone ends, on a terminal, with what else could be audited."""

import os
import subprocess
import sys

import pytest

from northflank_audit.emulator import Emulator, load
from tests.conftest import AUDIT, NET

pty = pytest.importorskip("pty", reason="there are no terminals here")
HINT = "Only registry credentials were audited. What else can be: plan --count --rules pack:everything"


def printed(tmp_path, *arguments):
    """Return what a run prints on a terminal."""
    ours, theirs = pty.openpty()
    with Emulator(load(None)) as server:
        environment = {"PATH": os.environ["PATH"], "NORTHFLANK_API_TOKEN": server.token}
        subprocess.run([sys.executable, str(AUDIT), "--api-url", server.url, "--format", "none", *arguments],
                       stdout=theirs, stderr=subprocess.DEVNULL, env=environment, cwd=tmp_path, timeout=NET, check=False)  # fmt: skip
    os.close(theirs)
    text = b""
    try:
        while more := os.read(ours, 65536):
            text += more
    except OSError:  # how Linux ends a terminal that nobody writes to any more
        pass
    os.close(ours)
    return text.decode().replace("\r\n", "\n")


def test_a_run_of_the_default_rules_says_what_else_can_be_audited(tmp_path):
    assert printed(tmp_path, "--rule", "registry-credential-unrestricted").endswith(f"exit code 1\n{HINT}\n")


def test_a_run_that_names_its_rules_does_not(tmp_path):
    text = printed(tmp_path, "--rules", "pack:default", "--rule", "registry-credential-unrestricted")
    assert text.endswith("exit code 1\n")


def test_a_pipe_reads_no_hint(audit):
    with Emulator(load(None)) as server:
        ended = audit("--api-url", server.url, "--format", "none", NORTHFLANK_API_TOKEN=server.token)
    assert HINT not in ended.out + ended.err
