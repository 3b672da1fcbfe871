"""A server of public keys, over HTTPS, on 127.0.0.1."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from meshweb.controlplane.outbound_http import Outbound
from tests.traffic.world import World

HOST = "keys.example.com"


class KeyServer:
    """body, status and headers: of every answer. drip: bytes come one at a time, for ever. asked: paths."""

    def __init__(self, directory: Path) -> None:
        world = World()
        certificate, key = world.pair(HOST)
        self.ca = directory / "roots.pem"
        self.ca.write_text(world.roots)
        pem = directory / "server.pem"
        pem.write_bytes(certificate + key)
        self.body, self.status, self.drip = b"{}", 200, threading.Event()
        self.headers: dict[str, str] = {}
        self.asked: list[str] = []
        self.stopped = threading.Event()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        self._server, self.port = server, server.server_port

    def url(self, path: str = "/keys") -> str:
        return f"https://{HOST}:{self.port}{path}"

    def client(self) -> Outbound:
        """One that may reach it."""
        return Outbound((ip_network("127.0.0.0/8"),), ca_file=str(self.ca), resolve=lambda host, port: ["127.0.0.1"])

    @contextmanager
    def running(self) -> Iterator[KeyServer]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.stopped.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def _handler(server: KeyServer) -> Any:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            self.send_response(server.status)
            for name, value in ({"content-length": str(len(server.body))} | server.headers).items():
                self.send_header(name, value)
            self.end_headers()
            if not server.drip.is_set():
                self.wfile.write(server.body)
                return
            try:
                while not server.stopped.wait(0.05):
                    self.wfile.write(b" ")
            except OSError:
                pass  # the client gave up, as it should

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    return Handler
