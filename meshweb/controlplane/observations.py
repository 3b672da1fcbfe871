"""What was observed of proxies, written down: connections, what was sent, what Envoy answered, and since when a revision is live.

Facts come in bursts (a fleet answers a push); a batch is a handful of statements, whatever its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, transaction
from django.utils import timezone

from meshweb.store.models import Proxy


@dataclass(frozen=True, slots=True)
class Connected:
    proxy: str
    stream: str
    agent_version: str
    envoy_version: str
    at: float
    serial: str = ""


@dataclass(frozen=True, slots=True)
class Disconnected:
    proxy: str
    stream: str
    at: float


@dataclass(frozen=True, slots=True)
class Sent:
    proxy: str
    type_url: str
    version: str
    revision: int
    at: float


@dataclass(frozen=True, slots=True)
class Acked:
    proxy: str
    type_url: str
    version: str
    revision: int
    at: float


@dataclass(frozen=True, slots=True)
class Nacked:
    proxy: str
    type_url: str
    version: str
    revision: int
    detail: str
    at: float


@dataclass(frozen=True, slots=True)
class Live:
    proxy: str
    revision: int
    at: float


Fact = Connected | Disconnected | Sent | Acked | Nacked | Live


def record(facts: Sequence[Fact]) -> None:
    """All facts in one transaction, in order. Facts about proxies that are gone are dropped."""
    with transaction.atomic():
        ids = {fact.proxy for fact in facts}
        # Locked in one order, as in every batch that writes proxies.
        known = set(Proxy.objects.select_for_update(no_key=True).filter(id__in=ids).order_by("id").values_list("id", flat=True))
        kept = [fact for fact in facts if fact.proxy in known]
        _connections([f for f in kept if isinstance(f, Connected | Disconnected)])
        _sent([f for f in kept if isinstance(f, Sent)])
        _acked([f for f in kept if isinstance(f, Acked)])
        answers = {(f.proxy, f.type_url): f for f in kept if isinstance(f, Acked | Nacked)}
        _nacked([f for f in kept if isinstance(f, Nacked)], [f for f in answers.values() if isinstance(f, Nacked)])
        _live([f for f in kept if isinstance(f, Live)])


def forget_connections(stream_prefix: str) -> None:
    """A server that starts holds no streams yet: whatever `connected` says of its earlier self is over."""
    Proxy.objects.filter(stream__startswith=stream_prefix).update(stream="", disconnected_at=timezone.now())


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _connections(facts: Iterable[Connected | Disconnected]) -> None:
    for fact in facts:
        if isinstance(fact, Connected):
            Proxy.objects.filter(id=fact.proxy).update(
                stream=fact.stream,
                connected_at=_time(fact.at),
                last_seen=_time(fact.at),
                envoy_version=fact.envoy_version[:64],
                seen_serial=fact.serial,
                **({"agent_version": fact.agent_version[:64]} if fact.agent_version else {}),
            )
        else:
            # A stream that was replaced ends later than its successor began.
            Proxy.objects.filter(id=fact.proxy, stream=fact.stream).update(
                stream="", disconnected_at=_time(fact.at), last_seen=_time(fact.at)
            )


def _sent(facts: Sequence[Sent]) -> None:
    last = {(f.proxy, f.type_url): f for f in facts}
    _execute(
        """
        INSERT INTO store_proxytypestate
               (proxy_id, type_url, sent_version, sent_revision, sent_at, acked_version, nacked_version, nack_detail)
        SELECT p, t, v, r, a, '', '', '' FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[])
               AS new(p, t, v, r, a)
        ON CONFLICT (proxy_id, type_url) DO UPDATE
           SET sent_version = excluded.sent_version, sent_revision = excluded.sent_revision, sent_at = excluded.sent_at
        """,
        [(f.proxy, f.type_url, f.version, f.revision, _time(f.at)) for _, f in sorted(last.items())],
    )
    first = {(f.revision, f.proxy): f for f in reversed(facts)}
    _execute(
        """
        INSERT INTO store_revisionproxy (revision, proxy_id, sent_at, detail)
        SELECT r, p, a, '' FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS new(r, p, a)
        ON CONFLICT (revision, proxy_id) DO UPDATE SET sent_at = coalesce(store_revisionproxy.sent_at, excluded.sent_at)
        """,
        [(f.revision, f.proxy, _time(f.at)) for _, f in sorted(first.items())],
    )


def _acked(facts: Sequence[Acked]) -> None:
    last = {(f.proxy, f.type_url): f for f in facts}
    _execute(
        """
        UPDATE store_proxytypestate SET acked_version = v, acked_at = a, nacked_version = '', nack_detail = '', nacked_at = NULL,
               nacked_revision = NULL
          FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[]) AS new(p, t, v, a)
         WHERE proxy_id = p AND type_url = t
        """,
        [(f.proxy, f.type_url, f.version, _time(f.at)) for _, f in sorted(last.items())],
    )


def _nacked(facts: Sequence[Nacked], standing: Sequence[Nacked]) -> None:
    """`standing`: those that no later ACK of the same batch took back."""
    last = {(f.proxy, f.type_url): f for f in standing}
    rows = [(f.proxy, f.type_url, f.version, f.revision, f.detail, _time(f.at)) for _, f in sorted(last.items())]
    _execute(
        """
        UPDATE store_proxytypestate SET nacked_version = v, nacked_revision = r, nack_detail = d, nacked_at = a
          FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::timestamptz[]) AS new(p, t, v, r, d, a)
         WHERE proxy_id = p AND type_url = t
        """,
        rows,
    )
    by_revision = {(f.revision, f.proxy): f for f in facts}
    _execute(
        """
        INSERT INTO store_revisionproxy (revision, proxy_id, rejected_at, detail)
        SELECT r, p, a, d FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::text[]) AS new(r, p, a, d)
        ON CONFLICT (revision, proxy_id) DO UPDATE SET rejected_at = excluded.rejected_at, detail = excluded.detail
        """,
        [(f.revision, f.proxy, _time(f.at), f.detail) for _, f in sorted(by_revision.items())],
    )


def _live(facts: Sequence[Live]) -> None:
    last = {f.proxy: f for f in facts}
    _execute(
        """
        UPDATE store_proxy SET live_revision = r, live_at = a, last_seen = a
          FROM unnest(%s::text[], %s::bigint[], %s::timestamptz[]) AS new(p, r, a)
         WHERE id = p AND (live_revision IS NULL OR live_revision <= r)
        """,
        [(f.proxy, f.revision, _time(f.at)) for _, f in sorted(last.items())],
    )
    every = {(f.revision, f.proxy): f for f in reversed(facts)}
    _execute(
        """
        INSERT INTO store_revisionproxy (revision, proxy_id, live_at, detail)
        SELECT r, p, a, '' FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS new(r, p, a)
        ON CONFLICT (revision, proxy_id) DO UPDATE SET live_at = coalesce(store_revisionproxy.live_at, excluded.live_at)
        """,
        [(f.revision, f.proxy, _time(f.at)) for _, f in sorted(every.items())],
    )


def _execute(statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])
