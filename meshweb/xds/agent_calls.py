"""The unary calls of agents: JSON in, JSON out, identity from the certificate."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from meshweb.xds.peer import Peers
from meshweb.xds.ports import AgentApi, ProxyIdentity, Refused, Unavailable

log = logging.getLogger(__name__)

AGENT_SERVICE = "meshweb.agent.v1.Agent"

Call = Callable[[ProxyIdentity, object], Awaitable[object]]


class AgentCalls:
    """Adapts `AgentApi` to gRPC. `Refused` becomes PERMISSION_DENIED, `Unavailable` UNAVAILABLE, ValueError (a payload that
    breaks the contract; its text goes to the agent) INVALID_ARGUMENT, anything else INTERNAL without a word of detail."""

    def __init__(self, peers: Peers, agents: AgentApi) -> None:
        self._peers = peers
        self._calls: dict[str, Call] = {
            "Configure": agents.configure,
            "Renew": agents.renew,
            "Report": agents.report,
        }

    def handlers(self) -> dict[str, Callable[[bytes, Any], Awaitable[bytes]]]:
        return {name: self._handler(name, call) for name, call in self._calls.items()}

    def _handler(self, name: str, call: Call) -> Callable[[bytes, Any], Awaitable[bytes]]:
        async def handle(request: bytes, context: Any) -> bytes:
            proxy = await self._peers.identify(context)
            code, detail = grpc.StatusCode.INTERNAL, "internal error"
            try:
                payload = json.loads(request)
                answer = await call(proxy, payload)
                return json.dumps(answer, separators=(",", ":")).encode()
            except Refused as error:
                code, detail = grpc.StatusCode.PERMISSION_DENIED, str(error)
            except Unavailable as error:
                code, detail = grpc.StatusCode.UNAVAILABLE, str(error) or "try again"
            except (ValueError, RecursionError) as error:
                code, detail = grpc.StatusCode.INVALID_ARGUMENT, str(error)[:500]
            except Exception:
                log.exception("%s of %s failed", name, proxy.proxy_id)
            await context.abort(code, detail)
            raise AssertionError("abort does not return")

        return handle
