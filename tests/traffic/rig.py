"""Tables of traffic: documents, requests and what must come of them, on real Envoys."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from meshweb.core import names
from meshweb.core.compile import Compilation, Compiler
from meshweb.core.intent import CaptureMode, Document, DocumentKey, Intent, MeshSettings
from meshweb.core.names import ServiceRef
from meshweb.kinds.parse import parse_document
from meshweb.kinds.registry import KINDS
from meshweb.kinds.service.spec import ServiceSpec
from tests.traffic import checks
from tests.traffic.apps import start_apps
from tests.traffic.calls import Address, Calls
from tests.traffic.cases import Case, Row, Wire
from tests.traffic.mesh import base_documents, make_vms, places
from tests.traffic.model import Book, Request
from tests.traffic.sidecars import Sidecars
from tests.traffic.tls import Callers

PUSH_SECONDS = 15.0
_START = datetime(2026, 1, 1, tzinfo=UTC)


class Rig:
    """Started once for all tables. `use` makes a case the mesh's configuration, `run` runs one of its rows."""

    def __init__(self, directory: Path) -> None:
        self.vms = make_vms()
        self.book = Book()
        self.sidecars = Sidecars(self.vms, directory)
        self._apps: list[Any] = []
        self._calls = Calls(Callers(self.sidecars.ca))
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
        self._apps = await start_apps(self.vms.values(), self.book)
        await self.sidecars.start()

    async def stop(self) -> None:
        await self._calls.close()
        await self.sidecars.stop()
        for app in self._apps:
            await app.stop()

    # -- cases ---------------------------------------------------------------------------------------------------------

    def compile(self, case: Case) -> Compilation:
        return self._compiler.compile(self._intent(case))

    def _intent(self, case: Case) -> Intent:
        """A document of the case replaces that of the base with the same key. Each is a minute younger than the one before."""
        parsed = {document.key: document for document in [*self._base, *map(parse_document, case.documents(places(self.vms)))]}
        documents: dict[DocumentKey, Document] = {}
        for index, (key, document) in enumerate(parsed.items()):
            meta = document.metadata
            created = _START + timedelta(minutes=index)
            documents[key] = Document(key, document.spec, meta.labels, meta.annotations, created)
            if isinstance(document.spec, ServiceSpec):
                self._give_places(ServiceRef(meta.namespace, meta.name), [port.port for port in document.spec.ports])
        views = {vm.id: vm.view() for vm in self.vms.values()}
        return Intent(next(self._revisions), documents, MeshSettings(), views, dict(self._places), case.file.unhealthy)

    def _give_places(self, service: ServiceRef, ports: list[int]) -> None:
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
            await self._calls.close()
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
        await checks.run(row, wire, self.address(row), self.request(row), self._calls, self.book)

    def address(self, row: Row) -> Address:
        """Where the caller's application finds the service, or the sidecar itself (`at`)."""
        if row.at is not None:
            vm_id, _, port = row.at.rpartition(":")
            return self.vms[vm_id].bind, int(port)
        caller = self.vms[row.from_]
        if caller.mode is CaptureMode.PROXY:
            return caller.bind, names.PROXY_PORT
        service, port_number = target(row)
        if caller.mode is CaptureMode.LOOPBACK:
            return names.loopback_address(caller.loopback_range, self._places[service, 0]), port_number
        return caller.bind, names.explicit_port(self._places[service, port_number])

    def request(self, row: Row) -> Request:
        headers = tuple(
            (name, value) for name, values in row.headers.items() for value in ([values] if isinstance(values, str) else values)
        )
        host = row.host or row.to or (row.at or "").rpartition("/")[2]
        tls = row.tls or row.identity is not None
        return Request(row.method, row.path, host, headers, row.body.encode(), tls, row.sni, row.alpn, row.identity)


def target(row: Row) -> tuple[ServiceRef, int]:
    """`pay.shop:8080` -> shop/pay, 8080."""
    host, _, port = (row.to or "").rpartition(":")
    name, namespace, *_ = host.split(".")
    return ServiceRef(namespace, name), int(port)
