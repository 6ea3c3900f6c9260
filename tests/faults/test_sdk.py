"""The official Python SDK on the same fault plans: what it makes of them stands in the same table."""

import subprocess
import sys

import pytest

from tests.faults.conftest import ACCOUNT, CASES, TOKEN, key

LIST = """
import sys
from northflank import ApiClient
answer = ApiClient(api_token=sys.argv[1], base_url=sys.argv[2]).list.registry_credentials.all(per_page=2)
print(len(answer.data["credentials"]))
"""
ENOUGH = 5
"""Seconds, for three requests on loopback."""


def outcome(server):
    """Return what a user of the SDK gets, in the words of cases.yaml."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", LIST, TOKEN, server.url], capture_output=True, text=True, timeout=ENOUGH, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no end within {ENOUGH} s"
    if done.returncode:
        return "an error" + (f" after {len(server.requests)} requests" if len(server.requests) > 100 else "")
    total = len(ACCOUNT["credentials"])
    found = int(done.stdout)
    return f"all {total}" if found == total else f"{found} for {total}, no error"


@pytest.mark.peer
@pytest.mark.parametrize("case", [case for case in CASES if "sdk" in case], ids=key)
def test_the_sdk_makes_of_it_what_the_table_says(case, serve):
    assert outcome(serve(case["plan"])) == case["sdk"]
