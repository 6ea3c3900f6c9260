"""Fields that services, jobs and harnesses share, without secrets."""

from collections.abc import Iterable
from typing import Any, Final

from northflank_audit.resources import variables
from northflank_audit.resources.base import Record
from northflank_audit.resources.fields import Field, boolean, number, text, texts, words

_VARIABLES: Final = ("runtimeEnvironment", "buildArguments")
_FILES: Final = ("runtimeFiles", "buildFiles", "dockerSecretMounts")
ENVIRONMENT_SECRETS: Final = (*_VARIABLES, *_FILES)
PORT_SECRETS: Final = ("ports.security.credentials", "ports.security.headers", "ports.security.securePathConfiguration")
PORTS: Final = (
    words("ports[].name"),
    number("ports[].internalPort"),
    text("ports[].protocol", "HTTP", "HTTP/2", "TCP", "UDP"),
    boolean("ports[].public"),
    boolean("ports[].vpcAccessible"),
    texts("ports[].domains"),
    boolean("ports[].disableNfDomain"),
    boolean("ports[].advancedOptions.enableTlsPassthrough"),
    text("ports[].security.policies[].action", "ALLOW", "DENY"),
    texts("ports[].security.policies[].addresses"),
    text("ports[].security.ip[].action", "ALLOW", "DENY"),
    texts("ports[].security.ip[].addresses"),
    text("ports[].security.verificationMode", "or", "and"),
    text("ports[].security.sso.organizationId"),
    texts("ports[].security.sso.directoryGroupIds"),
    boolean("ports[].security.sso.allowAnyOrgUsers"),
    boolean("ports[].security.sso.validateInternalTraffic"),
    boolean("ports[].security.sso.allowInternalTrafficViaPublicDns"),
    number("ports[].security.credentialCount"),
    number("ports[].security.headerCount"),
    boolean("ports[].security.pathRulesEnabled"),
    texts("ports[].security.pathModes", "protected", "unprotected"),
)
_ODD: Final[Record] = {}
"""Stands for a derived text or number if the value is of another kind than documented."""


def environment(names: Iterable[str] = ENVIRONMENT_SECRETS) -> tuple[Field, ...]:
    """Return what is kept of variables and files: names with kinds of values, and paths."""
    return tuple(
        field
        for name in names
        for field in (
            (text(f"{name}[].name"), text(f"{name}[].kind", *variables.KINDS))
            if name in _VARIABLES
            else (text(f"{name}[].path"),)
        )
    )


def derived(item: Record) -> Record:
    """Return the names of variables and files, the kinds of values, and how many logins and headers ports have.

    The API shows variables and files as maps. Another kind of value is kept without its contents, so that rules see
    that it is odd.
    """
    fields: dict[str, Any] = {}
    for name in _VARIABLES:
        if isinstance(item.get(name), dict):
            fields[name] = variables.named(item[name])
    for name in _FILES:
        if isinstance(item.get(name), dict):
            fields[name] = variables.paths(item[name])
    ports = item.get("ports")
    if isinstance(ports, list):
        fields["ports"] = [_port(port) if isinstance(port, dict) else port for port in ports]
    return fields


def _port(port: Record) -> Record:
    """Return a port with the numbers of its logins, headers and path rules instead of their contents."""
    security = port.get("security")
    if not isinstance(security, dict):
        return port
    paths = security.get("securePathConfiguration")
    counts = {
        f"{name}Count": len(security[key]) if isinstance(security[key], list) else _ODD
        for key, name in (("credentials", "credential"), ("headers", "header"))
        if security.get(key) is not None
    }
    return {**port, "security": {**security, **counts, **({} if paths is None else _path_rules(paths))}}


def _path_rules(paths: Any) -> Record:
    """Return whether path rules apply, and how each admits requests."""
    if not isinstance(paths, dict):
        return {"pathModes": _ODD}
    enabled = {} if paths.get("enabled") is None else {"pathRulesEnabled": paths["enabled"]}
    rules = paths.get("rules")
    if rules is None:
        return enabled
    if not isinstance(rules, list):
        return {**enabled, "pathModes": _ODD}
    modes = [rule.get("accessMode") if isinstance(rule, dict) else _ODD for rule in rules]
    return {**enabled, "pathModes": modes}
