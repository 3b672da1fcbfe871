"""A control plane of recorded answers, in the shapes of docs/guides/rest-api.md."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Call:
    """One request. `query` holds the last value of each name."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


@dataclass
class Answer:
    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Reply = Answer | list[Answer] | Callable[[Call], Answer]


class Server:
    """`replies`: `METHOD /path` (below /api/v1) -> answer; of a list each answer comes once, the last one for ever."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.calls: list[Call] = []
        self.url = ""

    def answer(self, call: Call) -> Answer:
        self.calls.append(call)
        reply = self.replies.get(f"{call.method} {call.path}")
        if reply is None:
            return problem(404, "not-found", f"there is no {call.path}")
        if isinstance(reply, list):
            return reply.pop(0) if len(reply) > 1 else reply[0]
        return reply if isinstance(reply, Answer) else reply(call)


def problem(status: int, code: str, detail: str, errors: list[dict[str, Any]] | None = None) -> Answer:
    body = {"type": f"https://meshweb.io/problems/{code}", "title": code, "status": status, "detail": detail, "code": code}
    body["requestId"] = "r-1"
    if errors is not None:
        body["errors"] = errors
    return Answer(body, status, {"Content-Type": "application/problem+json"})


@contextmanager
def serve() -> Iterator[Server]:
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            call = Call(self.command, parts.path.removeprefix("/api/v1"), query, dict(self.headers.items()), body)
            answer = server.answer(call)
            content = json.dumps(answer.body).encode() if answer.body is not None else b""
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = do_PUT = _reply

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet: the calls are recorded."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
