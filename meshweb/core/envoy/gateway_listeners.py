"""Listeners of gateways: one per address and port, a filter chain per server."""

from __future__ import annotations

from dataclasses import dataclass

from meshweb.core.envoy import filter_chain as filters, network_filters as network, tls
from meshweb.core.envoy.listeners import connection_chains, listener, tls_inspector
from meshweb.core.envoy.rbac import rules_for
from meshweb.core.envoy.values import Json, address
from meshweb.core.ir.gateways import ServerTls
from meshweb.core.ir.providers import Provider
from meshweb.core.ir.routing import ConnectionRule
from meshweb.core.ir.security import Policy, TokenRule
from meshweb.core.snapshot import XdsResource

_INBOUND = 1  # TrafficDirection


@dataclass(frozen=True, slots=True)
class ServerChain:
    """One server of a port. routes: name of its route configuration; empty: it passes connections on by `connections`, where `policies`
    let it. looked_at: the sidecar of a server looks what is spoken; it must take nothing for requests that no gateway has read.

    server_names: SNI by which it is chosen; empty: any, also without TLS when `tls` is None.
    """

    name: str
    server_names: tuple[str, ...] = ()
    tls: ServerTls | None = None
    routes: str = ""
    connections: tuple[ConnectionRule, ...] = ()
    policies: tuple[Policy, ...] = ()
    looked_at: bool = False


@dataclass(frozen=True, slots=True)
class GatewayListener:
    """`chains` in order of precedence: of two for one server name the first holds."""

    bind: str
    port: int
    chains: tuple[ServerChain, ...]
    tokens: tuple[TokenRule, ...]
    dynamic: bool
    trust_domain: str
    dns_suffix: str
    providers: tuple[Provider, ...] = ()
    trusted_proxies: int = 0


def gateway_listener(spec: GatewayListener) -> XdsResource:
    reads_tls = any(chain.server_names or chain.tls is not None or _by_name(chain) for chain in spec.chains)
    return listener(
        name=f"{spec.bind}_{spec.port}",
        address=address(spec.bind, spec.port),
        traffic_direction=_INBOUND,
        filter_chains=_chains(spec),
        stat_prefix=f"gateway_{spec.port}",
        **({"listener_filters": [tls_inspector()]} if reads_tls else {}),
    )


def _by_name(chain: ServerChain) -> bool:
    return any(rule.server_names for rule in chain.connections)


def _chains(spec: GatewayListener) -> list[Json]:
    found: list[Json] = []
    taken: set[str] = set()
    for chain in spec.chains:
        for index, made in enumerate(_unmatched(spec, chain)):
            match = _free(made.pop("filter_chain_match", None) or _match(chain), taken)
            if match is None:
                continue
            complete = {**made, "name": f"{chain.name}#{index}", **({"filter_chain_match": match} if match else {})}
            if chain.tls is not None:
                complete["transport_socket"] = tls.gateway(chain.tls, http=bool(chain.routes))
            found.append(complete)
    return found


def _unmatched(spec: GatewayListener, chain: ServerChain) -> list[Json]:
    """The chains of one server, with what their own rules match."""
    stat = f"gateway_{spec.port}"
    if chain.routes:
        hcm = filters.gateway_hcm(
            stat, chain.routes, spec.tokens, spec.providers, trusted_proxies=spec.trusted_proxies, dynamic=spec.dynamic
        )
        return [{"filters": [filters.http_connection_manager(hcm)]}]
    rules = rules_for(chain.policies, http=False, trust_domain=spec.trust_domain)
    judges = network.network_rbac_filters(rules, spec.port)
    raw = [network.alpn_override(tls.MESH_ALPN)] if chain.looked_at else []
    return connection_chains(chain.connections, stat, spec.dns_suffix, [*judges, *raw], judged=bool(judges))


def _free(match: Json, taken: set[str]) -> Json | None:
    """What of a match no earlier chain has; None: nothing."""
    if "server_names" not in match:
        key = match.get("transport_protocol", "any")
        if f"<{key}>" in taken:
            return None
        taken.add(f"<{key}>")
        return match
    free = [name for name in match["server_names"] if name not in taken]
    taken |= set(free)
    return {**match, "server_names": free} if free else None


def _match(chain: ServerChain) -> Json:
    if chain.server_names:
        return {"server_names": list(chain.server_names)}
    return {"transport_protocol": "tls"} if chain.tls is not None else {}
