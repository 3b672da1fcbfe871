"""What differs between two intents, and what of the mesh is touched by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from meshweb.core.intent import Document, DocumentKey, Intent
from meshweb.core.names import PortRef, ServiceRef


@dataclass(frozen=True, slots=True)
class Change:
    """documents: keys of those that came, went or differ. health: ids of workloads whose probe says otherwise. proxies: ids."""

    documents: frozenset[DocumentKey]
    health: frozenset[str]
    proxies: frozenset[str]


@dataclass(slots=True)
class Touched:
    """ports: service ports whose rules may be others. services: whose endpoints or identities. workloads: (namespace, name) of those
    whose own side may differ. gateways: whether rules of a gateway may."""

    ports: set[PortRef] = field(default_factory=set)
    services: set[ServiceRef] = field(default_factory=set)
    workloads: set[tuple[str, str]] = field(default_factory=set)
    gateways: bool = False


def change_between(before: Intent, after: Intent) -> Change | None:
    """None: more than documents, probes and proxies differ. A document is the same when it is the same object, or equal."""
    if before.settings != after.settings or before.local_addresses != after.local_addresses or before.keys != after.keys:
        return None
    proxies: frozenset[str] = frozenset()
    if before.proxies is not after.proxies:
        mine, theirs = before.proxies, after.proxies
        proxies = frozenset(p for p in mine.keys() | theirs.keys() if mine.get(p) != theirs.get(p))
    return Change(_changed(before.documents, after.documents), before.unhealthy ^ after.unhealthy, proxies)


def _changed(old: Mapping[DocumentKey, Document], new: Mapping[DocumentKey, Document]) -> frozenset[DocumentKey]:
    """Thousands of documents are compared and few differ: side by side while both have the same keys, the rest by key."""
    if old is new:
        return frozenset()
    found: set[DocumentKey] = set()
    for (key, document), (other, known) in zip(new.items(), old.items(), strict=False):
        if key is not other and key != other:
            break
        if document is not known and document != known:
            found.add(key)
    else:
        if len(old) == len(new):
            return frozenset(found)
    found |= {key for key, document in new.items() if (known_ := old.get(key)) is not document and known_ != document}
    return frozenset(found | (old.keys() - new.keys()))
