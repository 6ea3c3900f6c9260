"""Accounts of a size, for tests and benchmarks: as many of everything as an account of that size has."""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How many of everything there are, in all teams together."""

    teams: int
    projects: int
    services: int
    addons: int
    jobs: int
    domains: int
    registries: int


SMALL = Size(teams=1, projects=3, services=12, addons=4, jobs=0, domains=11, registries=4)
MEDIUM = Size(teams=1, projects=15, services=120, addons=30, jobs=40, domains=70, registries=12)
LARGE = Size(teams=8, projects=80, services=800, addons=150, jobs=200, domains=340, registries=60)


def accounts(size: Size) -> Json:
    """Return an account file: one team is the token's own account, several are an organisation's teams."""
    if size.teams == 1:
        return {**_account(size, 0), "auth": {"entityType": "team", "entityId": "acme"}}
    return {
        "teams": [{"id": f"team-{number}", "name": f"Team {number}", **_account(size, number)} for number in range(size.teams)],
        "auth": {"entityType": "org", "entityId": "acme"},
    }  # fmt: skip


def _mine(count: int, team: int, teams: int) -> range:
    """Return the numbers of what belongs to one of the teams."""
    return range(team, count, teams)


def _account(size: Size, team: int) -> Json:
    def mine(count: int) -> range:
        return _mine(count, team, size.teams)

    projects = [
        {"id": f"project-{n}", "name": f"Project {n}", "services": [], "addons": []} for n in mine(size.projects)
    ]
    for n in mine(size.services):
        projects[n // size.teams % len(projects)]["services"].append(_service(n))
    for n in mine(size.addons):
        projects[n // size.teams % len(projects)]["addons"].append(_addon(n))
    for each in projects:
        each["volumes"] = [{"id": f"{each['id']}-volume", "name": "v", "spec": {"storageSize": 4096}}]
        each["secrets"] = [
            {"id": f"{each['id']}-group", "name": "g", "type": "secret", "restrictions": {"restricted": True}}
        ]
    return {
        "projects": projects,
        "credentials": [_credential(n) for n in mine(size.registries)],
        "tokens": [{"id": f"token-{team}", "name": "ci", "active": True, "expiresAt": None}],
        "domains": [_domain(n) for n in mine(size.domains)],
        "loadBalancers": [],
        "backupDestinations": [],
        "notificationIntegrations": [],
    }


def _service(number: int) -> Json:
    return {
        "id": f"service-{number}",
        "name": f"Service {number}",
        "serviceType": "deployment",
        "ports": [{"name": "p01", "internalPort": 80, "protocol": "HTTP", "public": number % 3 == 0}],
        "deployment": {"instances": 1 + number % 3},
    }


def _addon(number: int) -> Json:
    networking = {"tlsEnabled": number % 5 != 0, "externalAccessEnabled": number % 7 == 0}
    kind = "memcached" if number % 10 == 9 else "postgresql"
    return {
        "id": f"addon-{number}",
        "name": f"Addon {number}",
        "spec": {"type": kind, "config": {"lifecycleStatus": "active", "networking": networking}},
        "backupSchedules": [{"id": f"addon-{number}-daily", "retentionTime": 30}] if number % 2 else [],
        "version": {"version": "16.4", "lifecycleStatus": "active", "upgradeTo": [], "upgradeHistory": []},
    }


def _credential(number: int) -> Json:
    """Return a credential; every other one is of the 2024 generation, whose list shows all there is."""
    record = {
        "id": f"registry-{number}",
        "name": f"Registry {number}",
        "provider": "github",
        "restrictions": {"restricted": number % 3 != 0, "projects": [f"project-{number % 3}"]},
    }
    return {**record, "description": "For builds"} if number % 2 else record


def _domain(number: int) -> Json:
    return {
        "name": f"d{number}.example.com",
        "hostname": f"d{number}.example.com",
        "status": "verified" if number % 4 else "pending",
        "options": {"minTlsProtocolVersion": "TLSV1_2"},
        "subdomains": [],
    }
