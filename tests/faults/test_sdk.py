"""The official Python SDK on the same fault plans: what it makes of them stands in the same table."""

import select
import subprocess
import sys

import pytest

from tests.conftest import NET, until
from tests.faults.conftest import ACCOUNT, CASES, TOKEN, key

LIST = """
import sys
from northflank import ApiClient
for url in sys.stdin:
    try:
        answer = ApiClient(api_token=sys.argv[1], base_url=url.strip()).list.registry_credentials.all(per_page=2)
        print(len(answer.data["credentials"]), flush=True)
    except Exception:
        print("an error", flush=True)
"""
PATIENCE = 5
"""Seconds that the SDK gets after the fault was met: it is said to have no end where it goes on even then."""
ENDLESS = f"no end within {PATIENCE} s"


class Sdk:
    """A process that asks one server after the other by the SDK, whose import takes a second."""

    def __init__(self):
        command = [sys.executable, "-c", LIST, TOKEN]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def ask(self, server):
        print(server.url, file=self.process.stdin, flush=True)

    def has_answered(self, seconds=0.0):
        return bool(select.select([self.process.stdout], [], [], seconds)[0])

    def answer(self):
        return self.process.stdout.readline().strip()

    def end(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def sdks():
    """Give a process that is not busy."""
    started = []

    def idle():
        if not started or started[-1].process.poll() is not None:
            started.append(Sdk())
        return started[-1]

    yield idle
    for each in started:
        each.end()


def outcome(sdk, server, seconds):
    """Return what a user of the SDK gets, in the words of cases.yaml."""
    sdk.ask(server)
    if seconds == PATIENCE:  # they count from the request that is not answered: the start may take any time
        (fault,) = server.plan.faults
        until(lambda: any(map(fault.fits, server.requests)) or sdk.has_answered())
    if not sdk.has_answered(seconds):
        sdk.end()
        return f"no end within {seconds:g} s"
    said = sdk.answer()
    if not said.isdecimal():
        return "an error" + (f" after {len(server.requests)} requests" if len(server.requests) > 100 else "")
    total, found = len(ACCOUNT["credentials"]), int(said)
    return f"all {total}" if found == total else f"{found} for {total}, no error"


@pytest.mark.peer
@pytest.mark.parametrize("case", [case for case in CASES if "sdk" in case], ids=key)
def test_the_sdk_makes_of_it_what_the_table_says(case, serve, sdks):
    assert outcome(sdks(), serve(case["plan"]), PATIENCE if case["sdk"] == ENDLESS else NET) == case["sdk"]
