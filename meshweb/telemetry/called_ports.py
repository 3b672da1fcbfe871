"""Which ports of a service a source called lately: buckets hold sums over all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from django.db import connection

from meshweb.store.models import CalledPort


def store(found: Mapping[tuple[str, str, int], datetime]) -> None:
    """(source, backend, port), and the bucket in which it was called."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO store_calledport AS held (source, backend, port, last) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (source, backend, port) DO UPDATE SET last = greatest(held.last, excluded.last)",
            [(*key, last) for key, last in sorted(found.items())],
        )


def since(start: datetime) -> dict[tuple[str, str], frozenset[int]]:
    """Ports of the backend, by (source, backend)."""
    found: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    rows = CalledPort.objects.filter(last__gte=start).values_list("source", "backend", "port")
    for source, backend, port in rows:
        found[source, backend].add(port)
    return {pair: frozenset(ports) for pair, ports in found.items()}
