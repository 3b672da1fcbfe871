"""Who does something, and through which door."""

from __future__ import annotations

from dataclasses import dataclass

from meshweb.store.models.revision import Origin


@dataclass(frozen=True, slots=True)
class Actor:
    """`name` is a user, `token:<name>` or `agent:<proxy>`; `address` the peer's IP address, when there is one."""

    name: str
    origin: Origin
    request_id: str = ""
    address: str = ""


SYSTEM = Actor("system", Origin.SYSTEM)
