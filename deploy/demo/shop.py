"""One program for every service of the demo shop, for its customers and for the batch job. Standard library only.

It knows nothing of the mesh: it calls the local addresses in `--upstreams` (written from `meshweb-agent upstreams`), and hands
on the trace headers of what it was asked.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

TRACE_HEADERS = ("traceparent", "tracestate", "x-request-id")
_SECONDS = 5.0
_IN_FLIGHT = 200
_NO_ANSWER = 599
"""Stands for a call that got no HTTP answer."""


@dataclass(frozen=True)
class Call:
    """What a route asks of another service. Not `required`: its failure is noted and the answer is 200 all the same."""

    service: str
    method: str
    path: str
    required: bool = True


@dataclass(frozen=True)
class Role:
    """`routes`: "METHOD /path" -> calls, made in order. `load`: (call, weight) that it makes by itself."""

    routes: Mapping[str, tuple[Call, ...]] = field(default_factory=dict)
    load: tuple[tuple[Call, float], ...] = ()


_REPORT = Call("shop/payments", "GET", "/export")
ROLES = {
    "web": Role(
        {
            "GET /": (Call("shop/catalog", "GET", "/products"),),
            "GET /cart": (Call("shop/cart", "GET", "/items"),),
            "POST /checkout": (Call("shop/checkout", "POST", "/orders"),),
        }
    ),
    "catalog": Role({"GET /products": ()}),
    "cart": Role({"GET /items": ()}),
    "checkout": Role(
        {
            "POST /orders": (
                Call("shop/payments", "POST", "/charge"),
                Call("shop/shipping", "POST", "/shipments", required=False),
            )
        }
    ),
    "payments": Role({"POST /charge": (), "GET /export": ()}),
    "shipping": Role({"POST /shipments": ()}),
    "load": Role(
        load=(
            (Call("shop/web", "GET", "/"), 0.5),
            (Call("shop/web", "GET", "/cart"), 0.2),
            (Call("shop/web", "POST", "/checkout"), 0.3),
        )
    ),
    "visitors": Role(load=((Call("shop/web", "GET", "/"), 0.7), (Call("shop/web", "GET", "/cart"), 0.3))),
    "batch-reports": Role({"GET /export": (_REPORT,)}, load=((_REPORT, 1.0),)),
}


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, object]


class Upstreams:
    """Where to call: read from the file, and again when it changed. Connections are kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._read_at: float | None = None
        self._addresses: dict[str, tuple[str, str]] = {}
        self._idle: dict[str, list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = {}

    async def call(self, call: Call, headers: Mapping[str, str]) -> Answer:
        found = self._find(call.service)
        if found is None:
            return Answer(_NO_ANSWER, {"error": f"{call.service} is not known here yet"})
        address, target = found
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        host = target.removeprefix("http://")
        request = f"{call.method} {target if target != host else ''}{call.path} HTTP/1.1\r\nhost: {host}\r\n{head}content-length: 0\r\n\r\n"
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._exchange(address, request.encode())
        except (OSError, EOFError, ValueError) as error:  # TimeoutError is an OSError
            return Answer(_NO_ANSWER, {"error": str(error) or type(error).__name__})

    async def _exchange(self, address: str, request: bytes) -> Answer:
        idle = self._idle.setdefault(address, [])
        while idle:
            reader, writer = idle.pop()
            if writer.is_closing() or reader.at_eof():
                writer.close()
                continue
            break
        else:
            host, _, port = address.rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            headers = parse_headers(head)
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        except BaseException:
            writer.close()
            raise
        if headers.get("connection", "").lower() == "close":
            writer.close()
        else:
            idle.append((reader, writer))
        status = int(head.split(" ", 2)[1])
        is_json = headers.get("content-type", "").startswith("application/json")
        return Answer(status, json.loads(body) if is_json else {"text": body.decode("utf-8", "replace")})

    def _find(self, service: str) -> tuple[str, str] | None:
        """(address to connect to, host; with http:// before it when the address is an HTTP proxy)."""
        if self._path is None:
            return None
        with contextlib.suppress(FileNotFoundError):
            changed = self._path.stat().st_mtime
            if changed != self._read_at:
                rows = json.loads(self._path.read_text())
                self._addresses = {row["service"]: (row["address"], f"{row['host']}:{row['port']}") for row in rows}
                self._read_at = changed
        if service in self._addresses:
            return self._addresses[service]
        if "*" in self._addresses:
            namespace, _, name = service.partition("/")
            return self._addresses["*"][0], f"http://{name}.{namespace}:8080"
        return None


def parse_headers(head: str) -> dict[str, str]:
    """Names in lower case, of a request's or an answer's head."""
    pairs = (line.partition(":") for line in head.split("\r\n")[1:] if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


class Service:
    """`failing`: share of answers that are 503; `delay`: seconds of pretended work."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._name, self._version = options.role, options.version
        self._role = ROLES[options.role]
        self._failing, self._delay, self._rate = options.failing, options.delay, options.rate
        self._upstreams = Upstreams(options.upstreams)
        self._running: set[asyncio.Task[Answer]] = set()

    async def serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(EOFError, ConnectionError, asyncio.LimitOverrunError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                headers = parse_headers(head)
                await reader.readexactly(int(headers.get("content-length", "0")))
                method, path, _ = head.split("\r\n", 1)[0].split(" ", 2)
                answer = await self.answer(method, path.partition("?")[0], headers)
                body = json.dumps(answer.body).encode()
                writer.write(
                    f"HTTP/1.1 {answer.status} -\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
                if headers.get("connection", "").lower() == "close":
                    break
        writer.close()

    async def answer(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        own: dict[str, object] = {"service": self._name, "version": self._version}
        if path == "/healthz":
            return Answer(200, own)
        calls = self._role.routes.get(f"{method} {path}")
        if calls is None:
            return Answer(404, own)
        await asyncio.sleep(self._delay * random.uniform(0.5, 1.5))
        if random.random() < self._failing:
            return Answer(503, {**own, "error": "out of parcels"})
        trace = {name: headers[name] for name in TRACE_HEADERS if name in headers}
        status = 200
        answers = []
        for call in calls:
            answer = await self._upstreams.call(call, trace)
            answers.append({"call": call.service, "status": answer.status, **answer.body})
            if answer.status >= 400 and call.required:
                status = 502
                break
        return Answer(status, {**own, "calls": answers})

    async def make_load(self) -> None:
        """Open loop: the next call starts on time, however long the last one takes."""
        calls, weights = zip(*self._role.load, strict=True)
        due = time.monotonic()
        while True:
            due += 1 / self._rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if len(self._running) < _IN_FLIGHT:
                task = asyncio.create_task(self._upstreams.call(random.choices(calls, weights)[0], {}))
                self._running.add(task)
                task.add_done_callback(self._running.discard)


async def run(options: argparse.Namespace) -> None:
    """Until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    service = Service(options)
    host, _, port = options.listen.rpartition(":")
    server = await asyncio.start_server(service.serve_connection, host, int(port))
    load = asyncio.create_task(service.make_load()) if options.rate else None
    ready = os.environ.get("MESHWEB_READY_FILE")
    if ready:
        Path(ready).write_text(f"{os.getpid()}\n")
    await stop.wait()
    if load is not None:
        load.cancel()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=sorted(ROLES))
    parser.add_argument("--listen", required=True, metavar="ADDRESS:PORT")
    parser.add_argument("--version", default="v1")
    parser.add_argument("--upstreams", type=Path, help="JSON file as of `meshweb-agent upstreams -o json`")
    parser.add_argument("--failing", type=float, default=0.0, help="share of answers that are 503")
    parser.add_argument("--delay", type=float, default=0.002, help="seconds of pretended work")
    parser.add_argument("--rate", type=float, default=0.0, help="calls per second that it makes by itself")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
