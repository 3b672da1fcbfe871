"""What is known of proxies, put together for a reader: state per type, certificate, what they serve."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from meshweb.core.snapshot import TYPE_NAMES, TypeUrl
from meshweb.store.models import Certificate, ConfigClass, Proxy, ProxyTypeState

ProxyState = Literal["joining", "synced", "pending", "rejected", "disconnected"]
TypeState = Literal["synced", "pending", "rejected", "unsent"]


@dataclass(frozen=True, slots=True)
class TypeView:
    """`type` as people call it ("Clusters"); `detail` is Envoy's text when it refused."""

    type: str
    state: TypeState
    version: str | None
    at: object
    detail: str


@dataclass(frozen=True, slots=True)
class ProxyFacts:
    row: Proxy
    state: ProxyState
    wanted_revision: int | None
    certificate: Certificate | None
    types: tuple[TypeView, ...]


def facts(rows: Sequence[Proxy]) -> list[ProxyFacts]:
    """In a fixed number of queries."""
    ids = [row.id for row in rows]
    states: dict[str, dict[str, ProxyTypeState]] = {}
    for state in ProxyTypeState.objects.filter(proxy_id__in=ids):
        states.setdefault(state.proxy_id, {})[state.type_url] = state
    newest = newest_certificates(ids)
    wanted = dict(ConfigClass.objects.filter(key__in={row.config_class for row in rows}).values_list("key", "revision"))
    return [_facts(row, states.get(row.id, {}), newest.get(row.id), wanted.get(row.config_class)) for row in rows]


def newest_certificates(proxies: Collection[str]) -> dict[str, Certificate]:
    """By proxy, without the chain. A proxy has dozens: only one row of each leaves the database."""
    rows = (
        Certificate.objects.filter(proxy_id__in=proxies).order_by("proxy_id", "-issued_at").distinct("proxy_id").defer("chain")
    )
    return {row.proxy_id: row for row in rows}


def _facts(row: Proxy, states: dict[str, ProxyTypeState], certificate: Certificate | None, wanted: int | None) -> ProxyFacts:
    types = tuple(_type(t, states.get(t.value), certificate, row.seen_serial) for t in TypeUrl)
    return ProxyFacts(row, _state(row, types, wanted), wanted, certificate, types)


def _type(type_url: TypeUrl, state: ProxyTypeState | None, certificate: Certificate | None, seen_serial: str) -> TypeView:
    name = TYPE_NAMES[type_url]
    if type_url is TypeUrl.SECRET:
        if state is not None and state.nacked_version and state.nacked_version == state.sent_version:
            return TypeView(name, "rejected", state.nacked_version, state.nacked_at, state.nack_detail)
        # For the rest, the agent makes the key and serves the secret itself. What is known here is what was issued, and with
        # which certificate the agent came back. That secrets of documents arrive is part of what makes a revision live.
        if certificate is None:
            return TypeView(name, "unsent", None, None, "")
        known: TypeState = "synced" if seen_serial == certificate.serial else "pending"
        return TypeView(name, known, certificate.serial[:16], certificate.issued_at, "")
    if state is None or not state.sent_version:
        return TypeView(name, "unsent", None, None, "")
    if state.nacked_version and state.nacked_version == state.sent_version:
        return TypeView(name, "rejected", state.nacked_version, state.nacked_at, state.nack_detail)
    if state.acked_version == state.sent_version:
        return TypeView(name, "synced", state.acked_version, state.acked_at, "")
    return TypeView(name, "pending", state.sent_version, state.sent_at, "")


def _state(row: Proxy, types: Sequence[TypeView], wanted: int | None) -> ProxyState:
    if row.connected_at is None:
        return "joining"
    if not row.connected:
        return "disconnected"
    if any(view.state == "rejected" for view in types):
        return "rejected"
    states = {view.state for view in types if view.type != TYPE_NAMES[TypeUrl.SECRET]}
    behind = wanted is None or row.live_revision is None or row.live_revision < wanted
    return "pending" if behind or "pending" in states else "synced"
