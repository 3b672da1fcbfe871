"""The gRPC application: any service; a method whose name ends in `Stream` answers three messages, any other one.

A message is JSON of what was seen. Orders come as metadata: `x-grpc-status: UNAVAILABLE`, `x-slow: 250`, and `x-fail-first: 2` (the
first two tries fail, with UNAVAILABLE or what `x-fail-with` names). The trailers carry `x-app`.

`grpc.health.v1.Health/Check` is answered SERVING, for a service that is named as the VM NOT_SERVING.

`envoy.service.auth.v3.Authorization/Check` allows, and tells the application who is asked for (`x-user`); orders come as headers of the
request in question: `x-check: 401` denies so, `x-check: error` and `x-check: slow` do not answer, `x-check: body` denies
a body that ends with bad, `x-check-path: /x` tries to change the path. A connection is denied to service account api.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

from meshweb.protos import message
from tests.traffic.model import Book, Headers, Seen, first


async def _check(data: bytes, context: Any) -> bytes:
    asked = message("envoy.service.auth.v3.CheckRequest").FromString(data).attributes
    headers = asked.request.http.headers
    order = headers.get("x-check", "")
    answer = message("envoy.service.auth.v3.CheckResponse")()
    if order == "error":
        await context.abort(grpc.StatusCode.UNAVAILABLE, "as ordered")
    if order == "slow":
        await asyncio.sleep(2)
    if order == "body" and asked.request.http.body.endswith("bad"):
        order = "402"
    if order.isdigit() or (not headers and asked.source.principal.endswith("/sa/api")):
        answer.status.code = 7  # PERMISSION_DENIED
        answer.denied_response.status.code = int(order or 403)
        answer.denied_response.body = "not for you"
    else:
        told = {"x-user": asked.source.principal or "nobody"}
        told |= {":path": headers["x-check-path"], "x-forwarded-client-cert": "forged"} if "x-check-path" in headers else {}
        for name, value in told.items():
            answer.ok_response.headers.add(header={"key": name, "value": value}, append_action=_OVERWRITE)
    found: bytes = answer.SerializeToString()
    return found


_OVERWRITE = 2  # HeaderValueOption.HeaderAppendAction


@dataclass
class GrpcApp(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # not generic at run time
    name: str
    host: str
    port: int
    book: Book
    _server: grpc.aio.Server | None = None

    async def start(self) -> None:
        self._server = grpc.aio.server(handlers=[self])
        if self._server.add_insecure_port(f"{self.host}:{self.port}") == 0:
            raise OSError(f"cannot listen on {self.host}:{self.port}")
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(0)

    def service(self, handler_call_details: Any) -> Any:
        details = handler_call_details
        headers = [(name, value if isinstance(value, str) else repr(value)) for name, value in details.invocation_metadata]
        streams = details.method.endswith("Stream")

        async def health(data: bytes, _: Any) -> bytes:
            # HealthCheckRequest{1: service}, HealthCheckResponse{1: status}; SERVING is 1, NOT_SERVING 2.
            return b"\x08\x02" if data[2:].decode() == self.name else b"\x08\x01"

        async def one(data: bytes, context: Any) -> bytes:
            return (await self._begin(details.method, headers, data, context)).json()

        async def many(data: bytes, context: Any) -> AsyncIterator[bytes]:
            seen = await self._begin(details.method, headers, data, context)
            for _ in range(3):
                yield seen.json()

        if details.method == "/grpc.health.v1.Health/Check":
            return grpc.unary_unary_rpc_method_handler(health)
        if details.method == "/envoy.service.auth.v3.Authorization/Check":
            return grpc.unary_unary_rpc_method_handler(_check)
        if streams:
            return grpc.unary_stream_rpc_method_handler(many)
        return grpc.unary_unary_rpc_method_handler(one)

    async def _begin(self, path: str, headers: Headers, data: bytes, context: Any) -> Seen:
        """Notes the call, and obeys its orders. Aborts when it shall fail."""
        seen = Seen(self.name, self.port, "grpc", "POST", path, headers=headers, body=data.decode("latin-1"))
        tries = self.book.note(seen)
        context.set_trailing_metadata((("x-app", self.name),))
        await asyncio.sleep(int(first(headers, "x-slow") or 0) / 1000)
        status = first(headers, "x-grpc-status")
        if tries <= int(first(headers, "x-fail-first") or 0):
            status = first(headers, "x-fail-with") or "UNAVAILABLE"
        if status is not None:
            await context.abort(grpc.StatusCode[status], "as ordered")
        return seen
