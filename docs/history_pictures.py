"""What the pictures of the history show: a made-up account with daily runs over a quarter."""

import datetime as dt
import random
import tempfile

from playwright.sync_api import Page

from northflank_audit.history.database import Database
from northflank_audit.history.evidence_collection import evidence
from northflank_audit.history.evidence_pack import pack_files
from northflank_audit.history.site import read_site, site_files
from northflank_audit.remarks import Waiver
from tests.conftest import resource, rule
from tests.history.conftest import Account


def history() -> tuple[str, str]:
    """Return the evidence of a quarter, and a page of the site about it, of a made-up account with daily runs."""
    start, day = dt.datetime(2026, 10, 1, 6, tzinfo=dt.UTC), dt.timedelta(days=1)
    controls = {"soc2": ["CC6.1"], "nist-800-53": ["AC-6"]}
    rules = [
        rule(id=f"registry-credential-{name}", title=title, require=f"!credential.{field}", severity=severity,
             message=f"{{name}} {said}", controls=controls)
        for name, title, field, severity, said in (
            ("unrestricted", "Registry credentials are restricted", "a", "high", "can be used by every project"),
            ("url-credentials", "Addresses have no password", "b", "critical", "has a password in its address"),
            ("description-missing", "Registry credentials are described", "c", "low", "has no description"),
            ("old", "Registry credentials are rotated", "d", "medium", "was not rotated for a year"),
        )
    ]  # fmt: skip
    waiver = Waiver(
        rule="*-old", resource="harbor-staging", reason="Migrated in Q1, ticket OPS-12", owner="platform@example.com",
        expires=dt.date(2027, 1, 31),
    )  # fmt: skip
    names = [f"{kind}-{stage}" for kind in ("ghcr", "harbor", "ecr", "gitlab") for stage in ("production", "staging")]
    chance = random.Random(4)  # noqa: S311 - what is made up is the same each time
    missed, incomplete = (40, 41), (17, 48, 79)
    spans = {
        (name, field): [
            (begin, begin + chance.choice([9, 20, 60]))
            for begin in chance.sample(range(-20, 92), chance.choice([0, 1, 1, 2]))
        ]
        for name in names
        for field in "abcd"
    }
    with tempfile.TemporaryDirectory() as folder:
        account = Account(Database.of(f"{folder}/history.db"))
        for number in range(92):
            found = [
                resource(id=name, name=name.replace("-", " ").capitalize(), team="payments", **{
                    field: any(begin <= number < end for begin, end in spans[name, field]) for field in "abcd"
                })
                for name in names
            ]  # fmt: skip
            if number not in missed:
                account.audited(*found, rules=rules, at=start + number * day, teams=("payments",),
                                waivers=[waiver], seen=number not in incomplete)  # fmt: skip
        with account.database.reading() as connection:
            now = start + 92 * day
            pack = evidence(connection, start.date(), dt.date(2026, 12, 31), now=now, version="1.0.0")
            site = read_site(connection, now, every=day)
    page = next(text for name, text in site_files(site) if name.startswith("account-"))
    return pack_files(pack)["index.html"].decode(), page


def only_the_trend(page: Page) -> None:
    """Show the chart and nothing else."""
    page.evaluate("document.body.replaceChildren(document.querySelector('figure'))")
