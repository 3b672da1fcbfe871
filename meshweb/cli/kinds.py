"""The kinds of documents and every name that people use for them."""

from __future__ import annotations

from dataclasses import dataclass

from meshweb.cli.errors import UsageError


@dataclass(frozen=True, slots=True)
class Kind:
    """`plural` is the part of the path; `names`: further short names, lower case."""

    kind: str
    plural: str
    namespaced: bool = True
    names: tuple[str, ...] = ()


KINDS = (
    Kind("Namespace", "namespaces", namespaced=False, names=("ns",)),
    Kind("Service", "services", names=("svc",)),
    Kind("Secret", "secrets"),
    Kind("WorkloadGroup", "workloadgroups", names=("wg",)),
    Kind("WorkloadEntry", "workloadentries", names=("we", "workload", "workloads")),
    Kind("HTTPRoute", "httproutes", names=("route", "routes")),
    Kind("GRPCRoute", "grpcroutes"),
    Kind("TLSRoute", "tlsroutes"),
    Kind("TCPRoute", "tcproutes"),
    Kind("Gateway", "gateways", names=("gtw",)),
    Kind("ReferenceGrant", "referencegrants", names=("refgrant",)),
    Kind("VirtualService", "virtualservices", names=("vs",)),
    Kind("DestinationRule", "destinationrules", names=("dr",)),
    Kind("ServiceEntry", "serviceentries", names=("se",)),
    Kind("IstioGateway", "istiogateways", names=("igw",)),
    Kind("Sidecar", "sidecars", names=("sc",)),
    Kind("RateLimit", "ratelimits", names=("rl",)),
    Kind("HealthCheck", "healthchecks", names=("hc",)),
    Kind("AuthorizationPolicy", "authorizationpolicies", names=("ap", "authz", "policy", "policies")),
    Kind("PeerAuthentication", "peerauthentications", names=("pa",)),
    Kind("RequestAuthentication", "requestauthentications", names=("ra",)),
    Kind("MeshConfig", "meshconfigs", namespaced=False, names=("mc",)),
)
_BY_NAME = {name: kind for kind in KINDS for name in (kind.kind.lower(), kind.plural, *kind.names)}


def find_kind(name: str) -> Kind:
    """By kind, plural or short name, in any case. Raises UsageError that lists what there is."""
    found = _BY_NAME.get(name.lower())
    if found is None:
        raise UsageError(f"there is no kind {name!r}; there are: {', '.join(kind.plural for kind in KINDS)}")
    return found


def path_of(kind: Kind, name: str, namespace: str | None) -> str:
    """The path below /api/v1. `name` may be `namespace/name`. Raises UsageError."""
    inside, separator, last = name.rpartition("/")
    if not kind.namespaced:
        if separator:
            raise UsageError(f"{kind.plural} have no namespace: give {last!r} alone")
        return f"/{kind.plural}/{name}"
    if separator and namespace is not None and inside != namespace:
        raise UsageError(f"{name!r} and --namespace {namespace} name two namespaces")
    return f"/{kind.plural}/{inside or namespace or 'default'}/{last}"
