"""What is reachable from outside, and from where calls out come: domains, load balancers, egress IPs."""

from typing import Final

from northflank_audit.resources.base import (
    DETAIL,
    LIST,
    Part,
    Permission,
    ResourceType,
    Scope,
    boolean,
    number,
    text,
    texts,
    time,
    words,
)

_READ_DOMAINS: Final = Permission("Account > Networking > Domains > Read", "Account > Domains > General > Read")
_OF_EVERY_DOMAIN: Final = (
    text("name"),
    text("hostname"),
    text("status", "pending", "verified", changing=True),
    text("options.minTlsProtocolVersion", "TLSV1_1", "TLSV1_2", "TLSV1_3"),
    text("options.tlsMode", "default", "passthrough"),
)

DOMAIN: Final = ResourceType(
    name="domain",
    family="network",
    singular="domain",
    plural="domains",
    scope=Scope.ACCOUNT,
    variable="domain",
    collection="domains",
    id="name",
    listing=Part(
        name=LIST,
        path="/domains",
        keys=("domains",),
        permission=_READ_DOMAINS,
        fields=_OF_EVERY_DOMAIN,
        secrets=("token",),
    ),
    parts=(
        Part(
            name=DETAIL,
            path="/domains/{id}",
            permission=_READ_DOMAINS,
            fields=(
                *_OF_EVERY_DOMAIN,
                text("loadBalancer", "public", "vpc"),
                text("certificates.mode"),
                time("certificates.status.expiryDate", changing=True, ahead=True),
                text("redirect.mode"),
                text("subdomains[].name"),
                text("subdomains[].fullName"),
            ),
            secrets=("token",),
        ),
    ),
    never=("/domains/{id}/certificate",),  # it answers with the private key
)

LOAD_BALANCER: Final = ResourceType(
    name="load-balancer",
    family="network",
    singular="load balancer",
    plural="load balancers",
    scope=Scope.ACCOUNT,
    variable="load_balancer",
    collection="load_balancers",
    listing=Part(
        name=LIST,
        path="/load-balancers",
        keys=("loadBalancers",),
        permission=Permission("Account > Networking > LoadBalancers > Read"),
        fields=(
            text("id"),
            words("name"),
            words("description"),
            text("spec.type", "tcp", "udp"),
            text("spec.visibility", "public", "private"),
            text("spec.ports[].id"),
            text("spec.ports[].port"),
            text("spec.ports[].backends[].id"),
            text("spec.ports[].backends[].type", "service", "addon"),
            number("spec.ports[].backends[].port"),
            text("spec.target.type", "region", "cluster"),
            text("spec.target.targetId"),
            text("state.status", changing=True),
            time("createdAt"),
            time("updatedAt", changing=True),
        ),
    ),
)

EGRESS_IP: Final = ResourceType(
    name="egress-ip",
    family="network",
    singular="egress IP",
    plural="egress IPs",
    scope=Scope.ACCOUNT,
    variable="egress_ip",
    collection="egress_ips",
    listing=Part(
        name=LIST,
        path="/egress-ips",
        keys=("egressIps",),
        permission=Permission("Account > Networking > EgressIps > Read", "Account > EgressIps > General > Read"),
        fields=(
            text("id"),
            words("name"),
            words("description"),
            text("spec.provisioningMode", "shared", "dedicated"),
            text("spec.region"),
            text("spec.mode", "include", "exclude", "selector"),
            text("spec.rules[].id"),
            boolean("spec.rules[].restrictions.enabled"),
            text("spec.rules[].restrictions.resources[].id"),
            text("spec.rules[].restrictions.resources[].type", "service", "job"),
            boolean("spec.selector.projects.enabled"),
            texts("spec.selector.projects.items"),
            boolean("spec.selector.tags.enabled"),
            texts("spec.selector.tags.items"),
            time("createdAt"),
            time("updatedAt", changing=True),
        ),
    ),
)
