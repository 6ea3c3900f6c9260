"""The official Python SDK on the same fault plans: what it makes of them stands in the same table."""

import subprocess
import sys

import pytest

from tests.conftest import NET, until
from tests.faults.conftest import ACCOUNT, CASES, TOKEN, key

LIST = """
import sys
from northflank import ApiClient
answer = ApiClient(api_token=sys.argv[1], base_url=sys.argv[2]).list.registry_credentials.all(per_page=2)
print(len(answer.data["credentials"]))
"""
PATIENCE = 5
"""Seconds that the SDK gets after the fault was met: it is said to have no end where it goes on even then."""
ENDLESS = f"no end within {PATIENCE} s"


def outcome(server, seconds):
    """Return what a user of the SDK gets, in the words of cases.yaml."""
    command = [sys.executable, "-c", LIST, TOKEN, server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        if seconds == PATIENCE:  # they count from the request that is not answered: the start may take any time
            (fault,) = server.plan.faults
            until(lambda: any(map(fault.fits, server.requests)) or process.poll() is not None)
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return f"no end within {seconds:g} s"
    if process.returncode:
        return "an error" + (f" after {len(server.requests)} requests" if len(server.requests) > 100 else "")
    total, found = len(ACCOUNT["credentials"]), int(said)
    return f"all {total}" if found == total else f"{found} for {total}, no error"


@pytest.mark.peer
@pytest.mark.parametrize("case", [case for case in CASES if "sdk" in case], ids=key)
def test_the_sdk_makes_of_it_what_the_table_says(case, serve):
    assert outcome(serve(case["plan"]), PATIENCE if case["sdk"] == ENDLESS else NET) == case["sdk"]
