"""What runs, and where: projects and services."""

from typing import Any, Final

from northflank_audit.resources import variables
from northflank_audit.resources.base import (
    DETAIL,
    LIST,
    Part,
    Permission,
    Record,
    ResourceType,
    Scope,
    address,
    boolean,
    number,
    text,
    texts,
    time,
    words,
)

_READ_PROJECTS: Final = Permission("Project > Projects > Manage > Read")
_OF_EVERY_PROJECT: Final = (
    text("id"),
    words("name"),
    words("description"),
    text("lifecycleStatus", changing=True),
)

PROJECT: Final = ResourceType(
    name="project",
    family="workloads",
    singular="project",
    plural="projects",
    scope=Scope.ACCOUNT,
    variable="project",
    collection="projects",
    listing=Part(name=LIST, path="/projects", keys=("projects",), permission=_READ_PROJECTS, fields=_OF_EVERY_PROJECT),
    parts=(
        Part(
            name=DETAIL,
            path="/projects/{id}",
            permission=_READ_PROJECTS,
            fields=(
                *_OF_EVERY_PROJECT,
                text("deployment.region"),
                text("cluster.id"),
                words("cluster.name"),
                boolean("customRegistry.enabled"),
                text("customRegistry.configuration.credentialId"),
                text("customRegistry.configuration.provider"),
                text("services[].id"),
                text("services[].serviceType", "combined", "build", "deployment"),
                text("jobs[].id"),
                text("jobs[].jobType", "manual", "cron"),
                text("addons[].id"),
                text("addons[].spec.type"),
                time("createdAt"),
            ),
        ),
    ),
)


_ODD: Final[Record] = {}
"""Stands for a value of another kind than documented, where a text or a number is derived from it."""


def _variables(item: Record) -> Record:
    """Return the names of a service's variables and files, and the kinds of their values.

    The API shows both as maps. What is no map stays as it is, less what is in it: rules see that it is odd.
    """
    derived: dict[str, Any] = {}
    for name in ("runtimeEnvironment", "buildArguments"):
        if isinstance(item.get(name), dict):
            derived[name] = variables.named(item[name])
    for name in ("runtimeFiles", "buildFiles", "dockerSecretMounts"):
        if isinstance(item.get(name), dict):
            derived[name] = variables.paths(item[name])
    ports = item.get("ports")
    if isinstance(ports, list):
        derived["ports"] = [_port(port) if isinstance(port, dict) else port for port in ports]
    return derived


def _port(port: Record) -> Record:
    """Return a port with the numbers of its logins, headers and path rules in place of what they hold."""
    security = port.get("security")
    if not isinstance(security, dict):
        return port
    paths = security.get("securePathConfiguration")
    counts = {
        f"{name}Count": len(security[key]) if isinstance(security[key], list) else _ODD
        for key, name in (("credentials", "credential"), ("headers", "header"))
        if security.get(key) is not None
    }
    modes = {} if paths is None else _modes(paths.get("rules") if isinstance(paths, dict) else _ODD)
    return {**port, "security": {**security, **counts, **modes}}


def _modes(rules: Any) -> Record:
    """Return how each path rule admits requests."""
    if rules is None:
        return {}
    if not isinstance(rules, list):
        return {"pathModes": _ODD}
    return {"pathModes": [rule.get("accessMode") if isinstance(rule, dict) else _ODD for rule in rules]}


_SERVICE: Final = "/projects/{project}/services"
_READ_SERVICES: Final = Permission("Project > Services > General > Read")
_OF_EVERY_SERVICE: Final = (
    text("id"),
    words("name"),
    words("description"),
    text("appId"),
    text("serviceType", "combined", "build", "deployment"),
    boolean("disabledCI"),
    boolean("disabledCD"),
    texts("tags", free=True),
)
_SECRETS: Final = (
    "runtimeEnvironment",
    "runtimeFiles",
    "buildArguments",
    "buildFiles",
    "dockerSecretMounts",
    "ports.security.credentials",
    "ports.security.headers",
    "ports.security.securePathConfiguration",
    "deployment.docker",
    "deployment.buildpack",
    "healthChecks.cmd",
    "buildSettings.dockerfile.dockerfileContents",
    "bundleData.bundleUrl",
    "deployment.metadata",
)

SERVICE: Final = ResourceType(
    name="service",
    family="workloads",
    singular="service",
    plural="services",
    scope=Scope.PROJECT,
    variable="service",
    collection="services",
    # As public READMEs link to the console, such as https://app.northflank.com/t/fmrs-team/project/aieng/services/aieng
    # (a Kotlin dashboard) and …/t/seenu92s-team/project/pandaform/services/pandaforms-app/builds. No such source shows
    # where addons, jobs or secret groups are, so they have no link.
    console="/t/{team}/project/{project}/services/{id}",
    listing=Part(
        name=LIST,
        path=_SERVICE,
        keys=("services",),
        permission=_READ_SERVICES,
        fields=_OF_EVERY_SERVICE,
        secrets=_SECRETS,
    ),
    parts=(
        Part(
            name=DETAIL,
            path=f"{_SERVICE}/{{id}}",
            permission=_READ_SERVICES,
            fields=(
                *_OF_EVERY_SERVICE,
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
                number("ports[].security.credentialCount"),
                number("ports[].security.headerCount"),
                texts("ports[].security.pathModes", "protected", "unprotected"),
                number("deployment.instances"),
                boolean("deployment.ssh.enabled"),
                address("deployment.external.imagePath"),
                text("deployment.external.credentials"),
                text("deployment.internal.id"),
                text("deployment.internal.branch"),
                text("healthChecks[].type", "livenessProbe", "readinessProbe", "startupProbe"),
                text("healthChecks[].protocol", "HTTP", "CMD", "TCP"),
                texts("buildConfiguration.prRestrictions"),
                texts("buildConfiguration.branchRestrictions"),
                texts("buildConfiguration.dockerCredentials"),
                boolean("buildConfiguration.includeGitFolder"),
                address("vcsData.projectUrl"),
                text("vcsData.projectType"),
                text("runtimeEnvironment[].name"),
                text("runtimeEnvironment[].kind", *variables.KINDS),
                text("buildArguments[].name"),
                text("buildArguments[].kind", *variables.KINDS),
                text("runtimeFiles[].path"),
                text("buildFiles[].path"),
                text("dockerSecretMounts[].path"),
                time("createdAt"),
            ),
            secrets=_SECRETS,
            derive=_variables,
        ),
    ),
    never=(f"{_SERVICE}/{{id}}/runtime-environment", f"{_SERVICE}/{{id}}/build-arguments"),
)
