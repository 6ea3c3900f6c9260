"""Types about networking: domains, load balancers, egress IPs."""

from typing import Final

from northflank_audit.resources.base import DETAIL, LIST, Part, Permission, ResourceType, Scope
from northflank_audit.resources.children import child_type
from northflank_audit.resources.fields import boolean, number, text, texts, time, words

_READ_DOMAINS: Final = Permission("Account > Networking > Domains > Read", "Account > Domains > General > Read")
_TLS: Final = ("TLSV1_1", "TLSV1_2", "TLSV1_3")
_OF_EVERY_DOMAIN: Final = (
    text("name"),
    text("hostname"),
    text("status", "pending", "verified", changing=True),
    text("options.minTlsProtocolVersion", *_TLS),
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
        Part(
            name="subdomainDetails",
            path="/domains/{id}/subdomains/{name}",
            permission=Permission("Account > Networking > Subdomains > Read", "Account > Subdomains > General > Read"),
            each="subdomains[].name",
            one=True,
            by="name",
            joins="subdomainDetails",
            fields=(
                text("name"),
                text("fullName"),
                boolean("verified"),
                text("recordType"),
                text("content"),
                text("routingMode", "paths", "geoRouting", "loadBalancerSubdomain"),
                text("loadBalancer"),
                text("clusterLoadBalancer", "public", "vpc"),
                text("options.minTlsProtocolVersion", *_TLS),
                text("options.tlsMode", "default", "passthrough"),
                texts("options.aliasDomains"),
                text("certificateValidationMethod", "http", "dcv", "imported"),
                boolean("certificate.inProgress"),
                time("certificate.expiryDate", changing=True, ahead=True),
                boolean("cdn.northflank.enabled"),
                text("cdn.northflank.status", changing=True),
                boolean("cdn.northflank.options.service.forceTlsEnableHsts"),
                number("cdn.northflank.options.service.hstsDuration"),
                boolean("cdn.northflank.options.logging.enabled"),
            ),
            secrets=("cdn.northflank.options.vclSnippets",),
        ),
        Part(
            name="paths",
            path="/domains/{id}/subdomains/{name}/paths",
            keys=("paths",),
            paged=False,
            permission=Permission(
                "Account > Networking > SubdomainPaths > Read",
                "Account > SubdomainPaths > General > Read",
            ),
            each="subdomains[].name",
            by="subdomain",  # the API gives the full name there, including the domain
            joins="paths",
            id="uri",
            fields=(
                text("subdomain"),
                words("name"),
                words("uri"),
                text("mode", "prefix", "exact", "regex"),
                boolean("options.corsPolicy.enabled"),
                boolean("options.corsPolicy.allowCredentials"),
                text("options.corsPolicy.allowOrigins[].mode", "prefix", "exact", "regex"),
                text("options.corsPolicy.allowOrigins[].origin"),
                texts("options.corsPolicy.allowMethods"),
                texts("options.corsPolicy.allowHeaders"),
                time("createdAt"),
            ),
            secrets=tuple(
                f"options.headers.{way}.{verb}" for way in ("request", "response") for verb in ("set", "add")
            ),
        ),
    ),
    never=("/domains/{id}/certificate",),  # the answer contains the private key
)

SUBDOMAIN_PATH: Final = child_type(
    DOMAIN,
    "paths",
    name="subdomain-path",
    singular="subdomain path",
    key="domain",
    label="uri",
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
