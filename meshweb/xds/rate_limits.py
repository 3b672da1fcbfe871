"""Envoy's rate limit service (envoy.service.ratelimit.v3): counts for all proxies together what each asks for.

A proxy can count only for limits that its own snapshot has: whoever holds another certificate cannot use up the requests of others.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from meshweb.core import shared_limits
from meshweb.core.envoy.rate_limit_actions import LIMIT
from meshweb.core.shared_limits import TOLD, SharedLimit, SharedLimits
from meshweb.core.snapshot import NO_RESOURCES, Section
from meshweb.protos import message
from meshweb.xds.peer import Peers
from meshweb.xds.ports import Count, Counters, SnapshotSource, Unavailable

RATE_LIMIT_SERVICE = "envoy.service.ratelimit.v3.RateLimitService"
_OK, _OVER_LIMIT = 1, 2  # RateLimitResponse.Code
_MAX_DESCRIPTORS = 256


@dataclass(frozen=True, slots=True)
class _Asked:
    """A limit that counts the request, and what it counts it as."""

    document: SharedLimits
    limit: SharedLimit
    key: str


class RateLimitCalls:
    def __init__(self, peers: Peers, source: SnapshotSource, counters: Counters) -> None:
        self._peers = peers
        self._source = source
        self._counters = counters

    async def should_rate_limit(self, request: bytes, context: Any) -> bytes:
        """RateLimitRequest in, RateLimitResponse out. UNAVAILABLE when nobody can count: the proxy does what its document says."""
        proxy = await self._peers.identify(context)
        snapshot = self._source.snapshot(proxy.proxy_id)
        try:
            return await decide(snapshot.limits if snapshot is not None else NO_RESOURCES, self._counters, request)
        except ValueError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            raise
        except Unavailable as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error) or "the counters cannot be reached")
            raise


async def decide(limits: Section, counters: Counters, request: bytes) -> bytes:
    """limits: of the asking proxy's snapshot. Raises ValueError and Unavailable.

    `statuses` tell the truth also of a document in shadow mode, whose refusals do not enter `overall_code`.
    """
    try:
        parsed = message("envoy.service.ratelimit.v3.RateLimitRequest").FromString(request)
    except DecodeError:
        raise ValueError("not a RateLimitRequest") from None
    if len(parsed.descriptors) > _MAX_DESCRIPTORS:
        raise ValueError(f"more than {_MAX_DESCRIPTORS} descriptors")
    asked = [_asked(limits, descriptor) for descriptor in parsed.descriptors]
    distinct = {item.key: item for item in asked if item is not None}
    counting = (counters.count(i.key, requests=i.limit.requests, seconds=i.limit.seconds) for i in distinct.values())
    counts = dict(zip(distinct, await asyncio.gather(*counting), strict=True))
    # What the proxy's snapshot no longer has is a limit that is gone, and the proxy is about to hear of it.
    codes = [_OK if item is None or counts[item.key].admitted else _OVER_LIMIT for item in asked]
    refusing = {item.document.document: item.document for item in distinct.values() if not counts[item.key].admitted}
    over = [document for document in refusing.values() if not document.shadow]
    told = _told([(item, counts[item.key]) for item in distinct.values()])
    headers = [*told.items(), *(header for document in over for header in document.headers)]
    answer = message("envoy.service.ratelimit.v3.RateLimitResponse")(
        overall_code=_OVER_LIMIT if over else _OK,
        statuses=[{"code": code} for code in codes],
        response_headers_to_add=[{"key": name, "value": value} for name, value in headers],
        dynamic_metadata=told,
    )
    made: bytes = answer.SerializeToString()
    return made


def _asked(limits: Section, descriptor: Any) -> _Asked | None:
    entries = [(entry.key, entry.value) for entry in descriptor.entries]
    names = dict(entries[:2])
    resource = limits.resources.get(names.get(shared_limits.DOCUMENT, ""))
    if resource is None:
        return None
    document = shared_limits.read(resource)
    limit = document.limits.get(names.get(LIMIT, ""))
    return None if limit is None else _Asked(document, limit, _key(document.document, names[LIMIT], entries[2:]))


def _key(document: str, limit: str, values: Sequence[tuple[str, str]]) -> str:
    """Values are as long, and as secret, as callers like."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (part for value in values for part in value):
        digest.update(len(part).to_bytes(4, "big") + part.encode("utf-8", "surrogatepass"))
    return f"{document}/{limit}/{digest.hexdigest()}"


def _told(counted: Sequence[tuple[_Asked, Count]]) -> dict[str, str]:
    """Of the limit that is nearest to its end."""
    shown = [(item, count) for item, count in counted if item.document.tell]
    if not shown:
        return {}
    item, count = min(shown, key=lambda pair: (pair[1].remaining, -pair[1].reset))
    return dict(zip(TOLD, (str(item.limit.requests), str(count.remaining), str(math.ceil(count.reset))), strict=True))
