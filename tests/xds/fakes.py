"""In-memory surroundings of the xDS server: directory, snapshots, statuses, agents, and a mesh CA."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from meshweb.core.snapshot import Snapshot
from meshweb.identity import issue, keys, pins
from meshweb.identity.spiffe_id import SpiffeId
from meshweb.xds.ports import Count, ProxyIdentity, Refused, Unavailable
from meshweb.xds.server import ServerCredentials

TRUST_DOMAIN = "cluster.local"


@dataclass(frozen=True, slots=True)
class Credentials:
    """PEM of a client or server."""

    key: bytes
    chain: bytes
    roots: bytes
    serial: str


class MeshCa:
    """Root and intermediate of a test mesh."""

    def __init__(self, trust_domain: str = TRUST_DOMAIN) -> None:
        self.trust_domain = trust_domain
        now = datetime.now(UTC)
        self.root = issue.make_root(trust_domain, now)
        self.intermediate = issue.make_intermediate(self.root, trust_domain, now)
        self.roots = issue.pem(self.root.certificate)

    @property
    def pin(self) -> str:
        return pins.spki_pin(self.root.certificate)

    def leaf(
        self, public_key: issue.LeafPublicKey, identity: SpiffeId, ttl: timedelta = timedelta(hours=1)
    ) -> tuple[str, str, datetime]:
        """Chain PEM, serial and end of a new workload certificate."""
        made = issue.issue_leaf(self.intermediate, public_key, identity, datetime.now(UTC), ttl)
        chain = issue.pem(made, *self.intermediate.chain)
        return chain, issue.serial_hex(made.serial_number), made.not_valid_after_utc

    def client(self, namespace: str, account: str, ttl: timedelta = timedelta(hours=1)) -> Credentials:
        key = keys.make_key()
        chain, serial, _ = self.leaf(key.public_key(), SpiffeId(self.trust_domain, namespace, account), ttl)
        return Credentials(keys.private_key_pem(key).reveal(), chain.encode(), self.roots.encode(), serial)

    def server(self, key: ec.EllipticCurvePrivateKey | None = None) -> ServerCredentials:
        own = key or keys.make_key()
        leaf = issue.issue_control_plane(
            self.intermediate,
            own.public_key(),
            self.trust_domain,
            datetime.now(UTC),
            dns_names=["control-plane.meshweb", "localhost"],
            ip_addresses=["127.0.0.1"],
        )
        chain = issue.pem(leaf, *self.intermediate.chain)
        return ServerCredentials(keys.private_key_pem(own), chain.encode(), self.roots.encode())


@dataclass
class MemoryDirectory:
    """Proxies by certificate serial."""

    proxies: dict[str, ProxyIdentity] = field(default_factory=dict)
    refusing: str = ""
    away: bool = False

    def add(self, proxy_id: str, spiffe_id: str, serial: str, not_after: float = 4e9) -> None:
        self.proxies[serial] = ProxyIdentity(proxy_id, spiffe_id, serial, not_after)

    async def identify(self, *, serial: str, spiffe_id: str) -> ProxyIdentity:
        if self.away:
            raise Unavailable("the database is away")
        if self.refusing:
            raise Refused(self.refusing)
        found = self.proxies.get(serial)
        if found is None or found.spiffe_id != spiffe_id:
            raise Refused("unknown certificate")
        return found


class MemorySource:
    """Snapshots by proxy."""

    def __init__(self) -> None:
        self._snapshots: dict[str, Snapshot] = {}
        self._callbacks: list[Callable[[frozenset[str] | None], None]] = []

    def snapshot(self, proxy_id: str) -> Snapshot | None:
        return self._snapshots.get(proxy_id)

    def subscribe(self, callback: Callable[[frozenset[str] | None], None]) -> None:
        self._callbacks.append(callback)

    def forget(self, proxy_id: str) -> None:
        del self._snapshots[proxy_id]

    def set(self, proxy_id: str, snapshot: Snapshot) -> None:
        self._snapshots[proxy_id] = snapshot
        for callback in self._callbacks:
            callback(frozenset({proxy_id}))


class RecordingStatus:
    """Every fact, and a way to wait for one."""

    def __init__(self) -> None:
        self.facts: list[tuple[str, str, dict[str, Any]]] = []
        self._changed = asyncio.Condition()

    def _note(self, kind: str, proxy_id: str, **fields: Any) -> None:
        self.facts.append((kind, proxy_id, fields))
        task = asyncio.get_running_loop().create_task(self._wake())
        task.add_done_callback(lambda _: None)

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def find(self, kind: str, proxy_id: str, **wanted: Any) -> dict[str, Any] | None:
        for found, proxy, fields in reversed(self.facts):
            if (found, proxy) == (kind, proxy_id) and all(fields.get(key) == value for key, value in wanted.items()):
                match: dict[str, Any] = fields
                return match
        return None

    async def wait(self, kind: str, proxy_id: str, timeout: float = 15, **wanted: Any) -> dict[str, Any]:
        """The latest such fact, as soon as there is one. Raises TimeoutError with what did happen."""
        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(lambda: self.find(kind, proxy_id, **wanted) is not None)
        except TimeoutError:
            raise TimeoutError(f"no {kind} {wanted} of {proxy_id}; last facts: {self.facts[-10:]}") from None
        found = self.find(kind, proxy_id, **wanted)
        assert found is not None
        return found

    def connected(self, proxy: ProxyIdentity, **fields: Any) -> None:
        self._note("connected", proxy.proxy_id, **fields)

    def disconnected(self, proxy_id: str, **fields: Any) -> None:
        self._note("disconnected", proxy_id, **fields)

    def sent(self, proxy_id: str, **fields: Any) -> None:
        self._note("sent", proxy_id, **fields)

    def acked(self, proxy_id: str, **fields: Any) -> None:
        self._note("acked", proxy_id, **fields)

    def nacked(self, proxy_id: str, **fields: Any) -> None:
        self._note("nacked", proxy_id, **fields)

    def live(self, proxy_id: str, **fields: Any) -> None:
        self._note("live", proxy_id, **fields)


class MemoryCounters:
    """Windows that never end."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.away = False

    async def count(self, key: str, *, requests: int, seconds: int) -> Count:
        if self.away:
            raise Unavailable
        before = self.counts.get(key, 0)
        self.counts[key] = min(before + 1, requests)
        return Count(before < requests, requests - self.counts[key], float(seconds))


class EchoAgents:
    """Answers each call with who called what."""

    async def configure(self, proxy: ProxyIdentity, payload: object) -> object:
        return {"proxy": proxy.proxy_id, "payload": payload}

    async def renew(self, proxy: ProxyIdentity, payload: object) -> object:
        raise ValueError("csr: is required")

    async def report(self, proxy: ProxyIdentity, payload: object) -> object:
        raise KeyError("a bug that must not be told")
