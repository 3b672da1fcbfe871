"""Tables of traffic: documents, requests and what must come of them, on real Envoys.

A file `cases/<area>/<name>.yaml` is a case. Its documents are added to the mesh of `mesh.py` (one with the key of a base document takes
its place; each is a minute younger than the one before), compiled, and pushed to every sidecar; then its rows run. One row over
one protocol is one test: `http_route/weights::nine to one[h2]`. `conditions` are a test of their own.

    documents: |            # several, parted by ---; $(shop/web-1): address of a sidecar, $(app shop/web-1): of its
      ...                   # application, $(nobody): one where nobody answers, $(world http): a port of 127.0.0.1 (also https,
                            # tcp, tls) where an application named `world` does; $(certs)/first.pem, first.key, second.pem,
                            # second.key, world.pem, stranger.pem: files of certificates and CAs
    tokens: {good: {sub: alice}}    # fields of `TokenSpec`; $(token good) in path and headers, $(jwks ec) in documents
    secrets: [shop/bank]    # Secrets that are there: a certificate of the world outside for `bank`, its key and its CA
    unhealthy: [shop/pay-a-1]
    conditions:             # "True", or [status, reason], or [status, reason, message]; texts as below
      HTTPRoute shop/pay: {Accepted: "True", ResolvedRefs: ["False", BackendNotFound]}
    defaults: {to: "pay.shop:8080"}         # for every row
    rows:
    - {name: the share of a missing backend is 500, path: /half, share: {pay-a-1: 0.5, "500": 0.5}}

The request of a row:

    from        the VM whose application calls (shop/web-1)
    to          the service, as name.namespace:port; called where this VM's sidecar offers it, in the VM's mode
    at          instead: a sidecar's own address, as shop/pay-a-1:8080 (a call from outside the mesh; a gateway)
    protocols   h1, h2 (both, unless there are several requests: h2), grpc, tcp, tls, ws; in mode proxy by CONNECT those that are
                not HTTP
    method, host, path, headers, body       host is `to` by default; a header may have several values
    tls, sni, alpn, identity                TLS of the caller; identity shop/web: with a certificate of the mesh's CA,
                                            foreign/web: of another mesh, world/bank: of a CA outside, that servers outside
                                            and gateways trust, stranger/bank: of one that nobody does
    n, parallel                             how many requests (1; with shares 200, with exact ones 20), at a time (16); `$n` in path
                                            and headers is another text in each
    keep                                    cookie, or name of a header: what the answer to one request more, made before, gives
                                            comes with all

What must come of it. A text is exact, or `~` and a regular expression to be found; of headers, null is absence and a list all values:

    status, grpc                            200, OK
    app                                     who answered: the name of the VM
    seen: {method, path, host, headers, body, sni, protocol}        what the application saw
    answer, trailers, text, messages        headers, trailers, body, and number of messages that came back
    share, tolerance, sticky                part of the requests per application, status or error (a miss is counted anew with
                                            four times as many); parts of 0 and 1 are exact; sticky: one answers all
    mirrored                                copies per application and request
    tries, connections                      how often applications saw the request, on how many connections
    at_least_ms, at_most_ms
    within_s                                the row is run anew until it holds, for so long: what comes about by itself (health checks)
    error                                   refused, closed, reset or timeout; "closed|reset": either
    certificate                             a name in the server's certificate

A Global limit named `away...` is one that nobody counts for. How applications are made to misbehave is told in `apps/web.py` and
`apps/grpc.py`.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from meshweb.core import names
from meshweb.core.compile import Compilation, Compiler
from meshweb.core.intent import CaptureMode, Document, DocumentKey, Intent, MeshSettings
from meshweb.core.names import ServiceRef
from meshweb.kinds.parse import parse_document
from meshweb.kinds.registry import KINDS, served_by
from meshweb.xds.ports import Counters
from tests.traffic import checks, tokens
from tests.traffic.apps import start_apps, world_ports
from tests.traffic.calls import Address, Calls
from tests.traffic.cases import Case, Row, Wire, placed
from tests.traffic.counters import Lapsing
from tests.traffic.mesh import base_documents, make_vms, places
from tests.traffic.model import Book, Request
from tests.traffic.sidecars import CERTIFICATES, Sidecars
from tests.traffic.tls import Callers
from tests.traffic.world import World

PUSH_SECONDS = 15.0
_START = datetime(2026, 1, 1, tzinfo=UTC)


class Rig:
    """Started once for all tables. `use` makes a case the mesh's configuration, `run` runs one of its rows."""

    def __init__(self, directory: Path, counters: Counters) -> None:
        self.vms = make_vms()
        self.book = Book()
        self.world = World()
        self.sidecars = Sidecars(self.vms, directory, Lapsing(counters))
        self.world.write(directory / CERTIFICATES)
        self._texts = places(self.vms) | {"certs": str(directory / CERTIFICATES)} | tokens.texts()
        self._apps: list[Any] = []
        self.calls = Calls(Callers(self.sidecars.ca, self.world))
        self._compiler = Compiler(KINDS)
        self._base = [parse_document(raw) for raw in base_documents(self.vms)]
        self._places: dict[tuple[ServiceRef, int], int] = {}
        self._service_numbers, self._port_numbers = itertools.count(), itertools.count()
        self._revisions = itertools.count(1)
        self._case: Case | None = None
        self.push_seconds: list[float] = []
        self._compilation: Compilation | None = None
        self._refused: Exception | None = None

    async def start(self) -> None:
        self._apps = await start_apps(self.vms.values(), self.book, self.world)
        self._texts |= world_ports(self._apps)
        await self.sidecars.start()

    async def stop(self) -> None:
        await self.calls.close()
        await self.sidecars.stop()
        for app in self._apps:
            await app.stop()

    # -- cases ---------------------------------------------------------------------------------------------------------

    def compile(self, case: Case) -> Compilation:
        return self._compiler.compile(self._intent(case))

    def _intent(self, case: Case) -> Intent:
        """A document of the case replaces that of the base with the same key. Each is a minute younger than the one before."""
        raw = [*map(self.world.secret, case.file.secrets), *case.documents(self._texts)]
        parsed = {document.key: document for document in [*self._base, *map(parse_document, raw)]}
        documents: dict[DocumentKey, Document] = {}
        for index, (key, document) in enumerate(parsed.items()):
            meta = document.metadata
            created = _START + timedelta(minutes=index)
            documents[key] = Document(key, document.spec, meta.labels, meta.annotations, created)
            for service, ports in served_by(key, document.spec):
                self._give_places(service, ports)
        views = {vm.id: vm.view() for vm in self.vms.values()}
        return Intent(next(self._revisions), documents, MeshSettings(), views, dict(self._places), case.file.unhealthy)

    def _give_places(self, service: ServiceRef, ports: Iterable[int]) -> None:
        """For the life of the rig, as an installation does."""
        if (service, 0) not in self._places:
            self._places[service, 0] = next(self._service_numbers)
        for port in ports:
            if (service, port) not in self._places:
                self._places[service, port] = next(self._port_numbers)

    async def use(self, case: Case) -> Compilation:
        """Raises Refused with Envoy's words, TimeoutError, or InvalidDocument."""
        if self._case is not case:
            self._case, self._refused = case, None
            await self.calls.close()
            self.book.forget()
            begun = time.perf_counter()
            try:
                self._compilation = self.compile(case)
                await self.sidecars.push(self._compilation.snapshots, PUSH_SECONDS)
            except Exception as error:  # noqa: BLE001 - it is told again by every row
                self._refused = error
            self.push_seconds.append(time.perf_counter() - begun)
        if self._refused is not None:
            raise self._refused
        assert self._compilation is not None
        return self._compilation

    # -- rows ----------------------------------------------------------------------------------------------------------

    async def run(self, row: Row, wire: Wire) -> None:
        """Raises AssertionError that says what came instead."""
        row = row.model_copy(
            update={name: placed(text, self._texts) for name in ("to", "host") if (text := getattr(row, name))}
        )
        until = time.monotonic() + row.within_s
        while True:
            try:
                return await checks.run(row, wire, self.address(row), self.request(row, wire), self.calls, self.book)
            except AssertionError:
                if time.monotonic() >= until:
                    raise

    def address(self, row: Row) -> Address:
        """Where the caller's application finds the service, or the sidecar itself (`at`)."""
        if row.at is not None:
            vm_id, _, port = row.at.rpartition(":")
            return self.vms[vm_id].bind, int(port)
        caller = self.vms[row.from_]
        if caller.mode is CaptureMode.PROXY:
            return caller.bind, names.PROXY_PORT
        service, port_number = self._target(row)
        if caller.mode is CaptureMode.LOOPBACK:
            return names.loopback_address(caller.loopback_range, self._places[service, 0]), port_number
        return caller.bind, names.explicit_port(self._places[service, port_number])

    def request(self, row: Row, wire: Wire) -> Request:
        signed = {f"token {name}": tokens.token(spec) for name, spec in self._case.file.tokens.items()} if self._case else {}
        headers = tuple(
            (name, placed(value, signed))
            for name, values in row.headers.items()
            for value in ([values] if isinstance(values, str) else values)
        )
        host = row.host or row.to or (row.at or "").rpartition("/")[2]
        tls = row.tls or row.identity is not None
        proxied = row.at is None and self.vms[row.from_].mode is CaptureMode.PROXY and wire in {"tcp", "tls"}
        tunnel = host if proxied else ""
        return Request(
            row.method, placed(row.path, signed), host, headers, row.body.encode(), tls, row.sni, row.alpn, row.identity, tunnel
        )

    def _target(self, row: Row) -> tuple[ServiceRef, int]:
        """`pay.shop:8080` -> shop/pay, 8080; a host of a ServiceEntry by its own name (`any.example.com` also below `*.example.com`)."""
        host, _, port = (row.to or "").rpartition(":")
        parts = host.split(".")
        names_ = (host, "*." + ".".join(parts[1:]))
        known = [service for service, number in self._places if number == int(port) and service.name in names_]
        return (known[-1] if known else ServiceRef(parts[1], parts[0])), int(port)
