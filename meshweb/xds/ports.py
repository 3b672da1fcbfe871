"""What the xDS server needs from its surroundings, as protocols. The adapters live in `meshweb.config`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from meshweb.core.snapshot import Snapshot, TypeUrl


class Unavailable(Exception):
    """The surroundings cannot answer now (database away). The peer should try again; nothing is wrong with it."""


class Refused(Exception):
    """The peer may not have what it asks for. The text is shown to it and must name no secret."""


@dataclass(frozen=True, slots=True)
class ProxyIdentity:
    """Who is at the other end, as its verified client certificate says."""

    proxy_id: str  # "<namespace>/<name>"
    spiffe_id: str
    serial: str  # hex, lower case, no leading zeros
    not_after: float  # UNIX time, seconds


class ProxyDirectory(Protocol):
    async def identify(self, *, serial: str, spiffe_id: str) -> ProxyIdentity:
        """The proxy that holds this certificate. Raises `Refused` (unknown, revoked, banned) or `Unavailable`."""


class SnapshotSource(Protocol):
    """Current snapshots, in memory; kept fresh by its own task (Redis hint, and polling for when Redis is away)."""

    def snapshot(self, proxy_id: str) -> Snapshot | None:
        """The newest snapshot, or None while nothing has been compiled for this proxy. Two proxies of one config class get the
        same Section objects (identity, not only equality)."""

    def subscribe(self, callback: Callable[[frozenset[str] | None], None]) -> None:
        """`callback(ids)` runs on the event loop after snapshots of these proxies changed; None means "any of them"."""


class StatusSink(Protocol):
    """Where observed facts go. Every call returns at once (the adapter batches); times are UNIX seconds."""

    def connected(self, proxy: ProxyIdentity, *, stream: str, agent_version: str, envoy_version: str, at: float) -> None: ...

    def disconnected(self, proxy_id: str, *, stream: str, reason: str, at: float) -> None: ...

    def sent(self, proxy_id: str, *, type_url: TypeUrl, version: str, revision: int, at: float) -> None: ...

    def acked(self, proxy_id: str, *, type_url: TypeUrl, version: str, revision: int, at: float) -> None: ...

    def nacked(self, proxy_id: str, *, type_url: TypeUrl, version: str, revision: int, detail: str, at: float) -> None: ...

    def live(self, proxy_id: str, *, revision: int, at: float) -> None:
        """The proxy has acknowledged everything that the snapshot of `revision` holds for it, in every type."""


@dataclass(frozen=True, slots=True)
class Count:
    """What a counter says of one request. reset: seconds until the window has room again."""

    admitted: bool
    remaining: int
    reset: float


class Counters(Protocol):
    """Counters that all servers share."""

    async def count(self, key: str, *, requests: int, seconds: int) -> Count:
        """Counts one request, unless `requests` came in the last `seconds` already. Raises `Unavailable`."""


class AgentApi(Protocol):
    """The unary calls of agents. Payloads are JSON objects; the adapter validates them."""

    async def configure(self, proxy: ProxyIdentity, payload: object) -> object: ...

    async def renew(self, proxy: ProxyIdentity, payload: object) -> object: ...

    async def report(self, proxy: ProxyIdentity, payload: object) -> object: ...
