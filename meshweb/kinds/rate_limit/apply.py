"""A RateLimit is kept by the sidecars behind the services that it names, and by the proxies of its Gateways."""

from __future__ import annotations

from collections.abc import Iterable

from meshweb.core.builder import MeshBuilder
from meshweb.core.intent import Document
from meshweb.core.ir.gateways import GatewayRef
from meshweb.core.ir.rate_limits import CountedBy, Limit, LimitMatch, RateLimit
from meshweb.core.ir.routing import MatchKind, NamedMatch, StringMatch, named
from meshweb.core.names import PortRef, ServiceRef
from meshweb.kinds.base import Reference
from meshweb.kinds.common.targets import report_targets, target_references
from meshweb.kinds.durations import milliseconds
from meshweb.kinds.rate_limit.spec import LimitMatchSpec, LimitSpec, RateLimitSpec, TargetRef

_KINDS = {"Exact": MatchKind.EXACT, "PathPrefix": MatchKind.SEGMENTS, "RegularExpression": MatchKind.REGEX}


def references(document: Document) -> Iterable[Reference]:
    return target_references(document, _spec(document).target_refs)


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = _spec(document)
    limit = RateLimit(
        document=document.key,
        limits=tuple(map(_limit, spec.limits)),
        status=spec.on_limit.status,
        headers=tuple((header.name, header.value) for header in spec.on_limit.headers),
        tell=spec.response_headers,
        shadow=spec.shadow,
        open=spec.failure_mode == "Open",
    )
    refusals: list[str] = []
    holding = {found.document for ref in spec.target_refs for found in _attach(mesh, document, ref, limit, refusals)}
    report_targets(mesh, document, holding, refusals)


def _spec(document: Document) -> RateLimitSpec:
    assert isinstance(document.spec, RateLimitSpec)
    return document.spec


def _attach(mesh: MeshBuilder, document: Document, ref: TargetRef, limit: RateLimit, refusals: list[str]) -> list[RateLimit]:
    """What holds on the target now, this one or an older; none, with the reason, where there is nothing to limit."""
    name = f"{document.namespace}/{ref.name}"
    wanted = f" named {ref.section_name}" if ref.section_name is not None else ""
    if ref.kind == "Gateway":
        gateway = mesh.gateways.gateways.get(GatewayRef("Gateway", document.namespace, ref.name))
        servers = [s for s in gateway.servers if ref.section_name in {None, s.name} and s.takes_requests] if gateway else []
        if not servers:
            refusals.append(
                f"Gateway {name} has no listener for requests{wanted}" if gateway else f"there is no Gateway {name}"
            )
        return [mesh.rate_limits.put_on_server(server, limit) for server in servers]
    service = mesh.services.get(ServiceRef(document.namespace, ref.name))
    ports = [p for p in service.ports if ref.section_name in {None, p.name} and p.protocol.may_be_http] if service else []
    if not ports:
        refusals.append(f"Service {name} has no port for requests{wanted}" if service else f"there is no Service {name}")
    own = ServiceRef(document.namespace, ref.name)
    return [mesh.rate_limits.put_on_port(PortRef(own, port.number), limit) for port in ports]


def _limit(spec: LimitSpec) -> Limit:
    return Limit(
        name=spec.name,
        requests=spec.requests,
        period=milliseconds(spec.per),
        burst=spec.burst or spec.requests,
        matches=tuple(map(_match, spec.matches)),
        shared=spec.type == "Global",
        by=tuple((CountedBy.CALLER, "") if by.header is None else (CountedBy.HEADER, by.header.lower()) for by in spec.by),
    )


def _match(match: LimitMatchSpec) -> LimitMatch:
    headers = named(NamedMatch(h.name.lower(), StringMatch(_KINDS[h.type], h.value)) for h in match.headers)
    path = None if match.path is None else StringMatch(_KINDS[match.path.type], match.path.value)
    return LimitMatch(path, match.method or "", headers)
