"""What the rate limit service of the control plane must know of a RateLimit: which limits all proxies count together.

Envoy's rate limit protocol carries only names and values. The numbers travel to the servers beside a proxy's snapshot, so that a
server answers for those limits alone that the asking proxy has to keep.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from meshweb.core.ir.rate_limits import RateLimit
from meshweb.core.snapshot import XdsResource

DOMAIN = "meshweb"
"""RateLimitRequest.domain of every request."""

DOCUMENT = "document"
"""Key of the descriptor entry that holds `SharedLimits.document`."""


TOLD = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
"""What answers say of a limit: response headers, and keys of the filter's dynamic metadata. draft-polli-ratelimit-headers-03, as
proxies tell of their own limits."""


@dataclass(frozen=True, slots=True)
class SharedLimit:
    """`requests` in any `seconds`."""

    requests: int
    seconds: int


@dataclass(frozen=True, slots=True)
class SharedLimits:
    """Of one document, "<namespace>/<name>". limits: by name; headers: of the refusal; tell: answers say what is left; shadow: only
    counted."""

    document: str
    limits: dict[str, SharedLimit]
    headers: tuple[tuple[str, str], ...]
    tell: bool
    shadow: bool


def shared_limits(document: RateLimit) -> XdsResource | None:
    """Named by the document; `read` takes the body. None: nothing is shared."""
    if not document.shared:
        return None
    limits = {limit.name: [limit.requests, limit.period // 1000] for limit in document.shared}
    body = {"limits": limits, "headers": document.headers, "tell": document.tell, "shadow": document.shadow}
    return XdsResource.of(name_of(document), json.dumps(body, sort_keys=True, separators=(",", ":")).encode())


def shared_by(documents: Iterable[RateLimit | None]) -> list[XdsResource]:
    """What a proxy that keeps these has to ask for; each once."""
    found = (shared_limits(document) for document in documents if document is not None)
    return list({resource.name: resource for resource in found if resource is not None}.values())


def name_of(document: RateLimit) -> str:
    return f"{document.document.namespace}/{document.document.name}"


@lru_cache(maxsize=1024)
def read(resource: XdsResource) -> SharedLimits:
    """What `shared_limits` wrote."""
    body = json.loads(resource.body)
    return SharedLimits(
        resource.name,
        {name: SharedLimit(requests, seconds) for name, (requests, seconds) in body["limits"].items()},
        tuple((name, value) for name, value in body["headers"]),
        body["tell"],
        body["shadow"],
    )
