"""Workloads, and how endpoints stand as their callers see them."""

from __future__ import annotations

from typing import Literal

from meshweb.api.shapes.base import Shape, Time
from meshweb.api.shapes.proxies import ProxyHealth


class SeenEndpoint(Shape):
    """How the proxy `caller` sees an endpoint of a service port. failing: its active checks fail; ejected: its outlier detection took it
    out; withdrawn: the control plane told it that it is unhealthy; checking: not checked yet. `at`: when the caller last looked."""

    caller: str
    service: str
    port: int
    address: str
    state: Literal["healthy", "failing", "ejected", "withdrawn", "checking"]
    since: Time
    at: Time


class SeenByCallers(Shape):
    """Proxies that called or check it and looked lately: how many, and how many see it healthy; `at`: the oldest look. `out`: those that
    do not, longest first, at most 20."""

    callers: int
    healthy: int
    at: Time | None
    out: list[SeenEndpoint]


class Workload(Shape):
    """`health`: by its own agent's probe. `joined`: a proxy of ours serves it; `connected`: it is there now."""

    id: str
    namespace: str
    name: str
    address: str
    labels: dict[str, str]
    identity: str
    services: list[str]
    joined: bool
    connected: bool
    health: ProxyHealth
    seen: SeenByCallers


class ProxyEndpoints(Shape):
    """What a proxy called or checks, those that are out first; `at`: when it last looked, null: never."""

    proxy: str
    at: Time | None
    endpoints: list[SeenEndpoint]
