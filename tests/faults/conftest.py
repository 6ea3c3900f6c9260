"""The cases of cases.yaml, the account that they are about, and what must hold whatever goes wrong."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from northflank_audit.emulator import Emulator, Plan, load, load_plan
from tests.conftest import NET, RULES

CASES = yaml.safe_load(Path(__file__).with_name("cases.yaml").read_text(encoding="utf-8"))
TOKEN = "nf-fault-token-5f1c"
OPTIONS = ("--rules", "rules.yaml", "--page-size", "2", "--max-attempts", "3", "--timeout", f"{NET:g}", "--verbose",
           "--save-snapshot", "snapshot.json", "--format", "html,md,json")  # fmt: skip
SECRETS = {
    "credentials": {"username": "SECRET-user", "password": "SECRET-password", "scope": {"pull": True}},
    "auths": {"x": {"auth": "SECRET-auth"}},
}


def _old(identity, **more):
    return {"id": identity, "name": identity.upper(), "description": "d", "provider": "github",
            "restrictions": {"restricted": True, "projects": ["p"]}, **SECRETS, **more}  # fmt: skip


def _new(identity):
    return {key: value for key, value in _old(identity).items() if key != "description"}


ACCOUNT = {
    "credentials": [_old("c1", provider="quay"), _new("c2"), _old("c3"), _new("c4"), _old("c5")],
    "teams": [{"id": "blue", "credentials": [_old("b1")]}, {"id": "green", "credentials": [_old("g1")]}],
}


def key(case):
    """Name a case in pytest's output."""
    return case["fault"].replace(" ", "-").encode("ascii", "replace").decode()


@pytest.fixture
def serve(tmp_path_factory):
    """Serve the account with a plan; stop at the end."""
    started = []
    folder = tmp_path_factory.mktemp("server")  # not where the audit writes: these files hold the secrets
    (folder / "account.json").write_text(json.dumps(ACCOUNT))

    def start(plan=None, **options):
        (folder / "plan.json").write_text(json.dumps(plan or {}).replace("LONG", "x" * 100_000))
        served = load_plan(str(folder / "plan.json")) if plan else Plan()
        server = Emulator(load(str(folder / "account.json")), served, token=TOKEN, **options)
        started.append(server.__enter__())
        return server

    yield start
    for server in started:
        server.__exit__(None, None, None)


@pytest.fixture
def run(audit, tmp_path):
    """Audit the server's account, with what the case asks for, within this process."""
    return _against_servers(audit, tmp_path)


@pytest.fixture
def run_process(process, tmp_path):
    """Do the same by `audit.py` as a process."""
    return _against_servers(process, tmp_path)


def _against_servers(audit, folder):
    (folder / "rules.yaml").write_text(RULES)

    def run(server, *options, **environment):
        environment = {"NORTHFLANK_API_TOKEN": server.token, "NORTHFLANK_API_BASE_URL": server.url, **environment}
        return audit(*OPTIONS, *options, **environment)

    return run


def assert_nothing_leaked(ended, *more):
    """Look at every byte that a run wrote, for the token and the secrets, in any usual encoding."""
    written = {str(path): path.read_bytes() for path in ended.folder.rglob("*") if path.is_file()}
    written |= {"standard output": ended.out.encode(), "standard error": ended.err.encode()}
    assert len(written) >= 3
    for secret in (TOKEN, "SECRET", *more):
        for form in (secret, quote(secret, safe=""), secret.encode().hex(), *_base64(secret)):
            for place, content in written.items():
                assert form.encode() not in content, f"{form} is in {place}"


def _base64(text):
    """Return what base64 makes of a text, wherever in a stream it stands, less what depends on its neighbours."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + text.encode() + b"\0" * 3).decode()
        yield encoded[4 * (shift > 0) : 4 * ((shift + len(text)) // 3)]
