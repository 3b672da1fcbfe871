"""Host names in documents: short forms, wildcards, and which of two patterns is the more specific (Istio, "Destination.host")."""

from __future__ import annotations

from collections.abc import Iterable

from meshweb.core.names import ServiceRef


def normalized(host: str) -> str:
    """As hosts are compared: lower case, without trailing dot."""
    return host.lower().rstrip(".")


def service_of(host: str, namespace: str, dns_suffix: str) -> ServiceRef | None:
    """The Service that a name means in a document of `namespace`, if it has one of the forms `reviews`, `reviews.shop`,
    `reviews.shop.svc` and `reviews.shop.svc.cluster.local`."""
    labels = normalized(host).split(".")
    if len(labels) == 1:
        return ServiceRef(namespace, labels[0])
    rest = ".".join(labels[2:])
    if rest in {"", "svc", dns_suffix}:
        return ServiceRef(labels[1], labels[0])
    return None


def qualified(host: str, namespace: str, dns_suffix: str) -> str:
    """The full form of a name or wildcard in a document of `namespace`. Names of two labels are taken for a Service's; a host of the
    world that looks the same is known by its ServiceEntry, which is asked first."""
    host = normalized(host)
    if host.startswith("*"):
        return host
    found = service_of(host, namespace, dns_suffix)
    return f"{found.name}.{found.namespace}.{dns_suffix}" if found is not None else host


def covers(pattern: str, host: str) -> bool:
    """`*` covers all, `*.b` and `*b` what ends so (also another, longer wildcard), a name itself."""
    return host.endswith(pattern[1:]) if pattern.startswith("*") else pattern == host


def most_specific(patterns: Iterable[str], host: str) -> str | None:
    """The one of `patterns` that fits `host` best: the exact name, then the longest wildcard."""
    fitting = [pattern for pattern in patterns if covers(pattern, host)]
    return max(fitting, key=lambda p: (not p.startswith("*"), len(p), p), default=None)


def common(one: str, other: str) -> str | None:
    """What two patterns have in common, as a pattern (Gateway API, "Hostname intersection"); None: nothing."""
    if covers(one, other):
        return other
    return one if covers(other, one) else None
