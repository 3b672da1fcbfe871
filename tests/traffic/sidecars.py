"""Real Envoys with the agent's own bootstrap, on an xDS server in process.

The server runs the control plane's sessions and the agent's secrets on one stream, as an Envoy beside its agent sees them.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc.aio

from meshweb.agent import process
from meshweb.agent.book import SECRET
from meshweb.agent.bootstrap import bootstrap
from meshweb.agent.control_plane import Away
from meshweb.agent.envoy import Envoy, EnvoyOptions, find_binary
from meshweb.agent.file_secrets import FileSecrets
from meshweb.agent.layout import Layout
from meshweb.agent.local_server import LocalServer
from meshweb.agent.secrets import Secrets, SecretStream, split
from meshweb.agent.state import Credentials, Flags, State
from meshweb.agent.telemetry import Telemetry
from meshweb.core.snapshot import NO_RESOURCES, Snapshot, TypeUrl
from meshweb.identity.sealing import SecretBytes
from meshweb.protos import message
from meshweb.xds.plan import PlanCache
from meshweb.xds.ports import Counters, ProxyIdentity, Unavailable
from meshweb.xds.rate_limits import decide
from meshweb.xds.session import Session, SessionLimits
from meshweb.xds.stream import Protocol
from tests.traffic.mesh import Vm
from tests.xds.fakes import TRUST_DOMAIN, MeshCa

_EOF: object = getattr(grpc.aio, "EOF")  # noqa: B009 - missing in the type stubs
_FLUSH_SECONDS = 60.0  # nobody reads the statistics


CERTIFICATES = "certs"
"""The directory from which documents may name files."""


class Refused(Exception):
    """Envoy answered a push with NACK; the text is its own."""


class _Status:
    """Status sink of one sidecar: wakes who waits for a revision."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[None]] = {}

    def wait(self, revision: int) -> asyncio.Future[None]:
        return self._waiting.setdefault(revision, asyncio.get_running_loop().create_future())

    def live(self, proxy_id: str, *, revision: int, **_: Any) -> None:
        future = self._waiting.pop(revision, None)
        if future is not None and not future.done():
            future.set_result(None)

    def nacked(self, proxy_id: str, *, type_url: TypeUrl, revision: int, detail: str, **_: Any) -> None:
        future = self._waiting.pop(revision, None)
        if future is not None and not future.done():
            future.set_exception(Refused(f"{proxy_id} refused {type_url.rpartition('.')[2]}: {detail}"))

    def connected(self, *_: Any, **__: Any) -> None: ...
    def disconnected(self, *_: Any, **__: Any) -> None: ...
    def sent(self, *_: Any, **__: Any) -> None: ...
    def acked(self, *_: Any, **__: Any) -> None: ...


class _Split:
    """gRPC's context for a Session: requests for secrets of the VM are answered here and never seen by it. `settled`: Envoy has
    taken every such secret that it asked for."""

    def __init__(self, context: Any, secrets: Secrets, files: FileSecrets) -> None:
        self._context = context
        self._secrets = SecretStream(secrets, files)
        self._writing = asyncio.Lock()
        self._unanswered: set[str] = set()
        self.settled = asyncio.Event()
        self.settled.set()

    async def read(self) -> Any:
        while (data := await self._context.read()) is not _EOF:
            request = message("envoy.service.discovery.v3.DeltaDiscoveryRequest").FromString(data)
            if request.type_url != SECRET:
                return data
            self._unanswered.discard(request.response_nonce)
            own, others = split(request)
            answer = self._secrets.request(own) if own is not None else None
            if answer is not None:
                self._unanswered.add(message("envoy.service.discovery.v3.DeltaDiscoveryResponse").FromString(answer).nonce)
                await self.write(answer)
            if self._unanswered:
                self.settled.clear()
            else:
                self.settled.set()
            if others is not None:
                return others.SerializeToString()
        return _EOF

    async def write(self, data: bytes) -> None:
        async with self._writing:
            await self._context.write(data)

    async def abort(self, code: Any, details: str) -> None:
        await self._context.abort(code, details)


class Sidecar:
    """One VM's Envoy."""

    def __init__(self, vm: Vm, ca: MeshCa, directory: Path, plans: PlanCache, counters: Counters) -> None:
        self.vm = vm
        self._layout = Layout(directory / vm.id.replace("/", "-"))
        issued = ca.client(vm.namespace, vm.account)
        chain, roots = issued.chain.decode(), issued.roots.decode()
        self._identity = f"spiffe://{TRUST_DOMAIN}/ns/{vm.namespace}/sa/{vm.account}"
        self._serial = issued.serial
        self._secrets = Secrets(Credentials(SecretBytes(issued.key), chain, roots, TRUST_DOMAIN))
        self._files = FileSecrets([directory / CERTIFICATES], self._layout.data_dir)
        self._plans = plans
        self._status = _Status()
        self._snapshot: Snapshot | None = None
        self._session: Session | None = None
        self._split: _Split | None = None
        self._counters = counters
        self.telemetry = Telemetry(time.monotonic())
        self._server = LocalServer(self._layout.xds_socket, self._serve, self._count, self.telemetry)
        self._envoy = Envoy(self._layout, EnvoyOptions(find_binary(None), 1, 0.05))
        self._process: process.ProcessId | None = None

    async def start(self) -> None:
        self._layout.prepare()
        await self._server.start()
        flags = Flags(self.vm.mode, self.vm.bind, self.vm.app_address, self.vm.loopback_range, gateway=self.vm.gateway)
        state = State(self.vm.id, self._identity, TRUST_DOMAIN, "", "", "", self.vm.name, flags)
        await self._envoy.start(bootstrap(self._layout, state, flush_seconds=_FLUSH_SECONDS))
        self._process = process.identify(self._envoy.pid) if self._envoy.pid else None

    async def stop(self) -> None:
        try:
            await self._envoy.stop()
        finally:
            if self._process is not None:
                process.send(self._process, signal.SIGKILL)
            await self._server.stop()

    @property
    def admin_socket(self) -> Path:
        return self._layout.admin_socket

    @property
    def pid(self) -> int:
        """Of Envoy."""
        assert self._envoy.pid is not None, "it runs"
        return self._envoy.pid

    @property
    def log(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return self._layout.envoy_log.read_text()
        return ""

    async def settled(self) -> None:
        """Returns when Envoy has the secrets that its configuration names."""
        if self._split is not None:
            await self._split.settled.wait()

    def push(self, snapshot: Snapshot) -> asyncio.Future[None]:
        """Done when Envoy has acknowledged everything; raises Refused."""
        done = self._status.wait(snapshot.revision)
        self._snapshot = snapshot
        if self._session is not None:
            self._session.refresh()
        return done

    async def _count(self, request: bytes) -> bytes:
        """As the control plane's server answers."""
        try:
            limits = self._snapshot.limits if self._snapshot is not None else NO_RESOURCES
            return await decide(limits, self._counters, request)
        except Unavailable as error:
            raise Away(str(error)) from None

    async def _serve(self, context: Any) -> None:
        divided = _Split(context, self._secrets, self._files)
        session = Session(
            ProxyIdentity(self.vm.id, self._identity, self._serial, 4e9),
            Protocol.DELTA,
            divided,
            plans=self._plans,
            snapshot=lambda _: self._snapshot,
            status=self._status,
            admission=asyncio.Semaphore(8),
            limits=SessionLimits(),
            clock=time.time,
        )
        self._session, self._split = session, divided
        try:
            await session.run()
        finally:
            if self._session is session:
                self._session = None


class Sidecars:
    """All of them."""

    def __init__(self, vms: Mapping[str, Vm], directory: Path, counters: Counters) -> None:
        self.ca = MeshCa()
        plans = PlanCache()
        self.by_id = {vm.id: Sidecar(vm, self.ca, directory, plans, counters) for vm in vms.values()}

    async def start(self) -> None:
        await asyncio.gather(*(sidecar.start() for sidecar in self.by_id.values()))

    async def push(self, snapshots: Mapping[str, Snapshot], timeout: float) -> None:
        """Returns when every Envoy holds and serves its snapshot. Raises Refused, or TimeoutError with who did not answer."""
        waiting = {proxy_id: self.by_id[proxy_id].push(snapshot) for proxy_id, snapshot in snapshots.items()}
        done, pending = await asyncio.wait(waiting.values(), timeout=timeout, return_when=asyncio.FIRST_EXCEPTION)
        refused = [error for error in (future.exception() for future in done) if error is not None]
        if refused:
            raise refused[0]
        if pending:
            late = [proxy_id for proxy_id, future in waiting.items() if not future.done()]
            logs = "\n".join(self.by_id[proxy_id].log[-1000:] for proxy_id in late)
            raise TimeoutError(f"{', '.join(late)} did not take the configuration within {timeout:g} s\n{logs}")
        async with asyncio.timeout(timeout):
            await asyncio.gather(*(self.by_id[proxy_id].settled() for proxy_id in snapshots))

    async def stop(self) -> None:
        await asyncio.gather(*(sidecar.stop() for sidecar in self.by_id.values()), return_exceptions=True)
