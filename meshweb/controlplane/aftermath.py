"""What a compilation says besides configuration: conditions of documents, and what each proxy's workload backs.

Written after the publication: nobody's traffic waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from meshweb.controlplane.documents import LOCK_ORDER
from meshweb.controlplane.render import timestamp
from meshweb.core.attachment import ParentStatus
from meshweb.core.compile import Compilation
from meshweb.core.conditions import Condition
from meshweb.core.intent import DocumentKey, Intent
from meshweb.core.mesh import workloads_by_service
from meshweb.store.models import Proxy, Resource, ResourceStatus

Shown = dict[str, Any]
"""A status as stored: `conditions`, and for routes `parents`, for Gateways `listeners`."""
Conditions = list[dict[str, Any]]


CONTROLLER = "meshweb.io/control-plane"
"""GatewayController of Gateway API's statuses."""


class Aftermath:
    """Remembers what it wrote, and writes what differs. A new one reads what is there."""

    def __init__(self) -> None:
        self._conditions: dict[DocumentKey, Shown] | None = None
        self._services: dict[str, list[str]] | None = None

    @property
    def complete(self) -> bool:
        """Whether the last compilation's word was written. False in a new process: the one before may have died in between."""
        return self._conditions is not None

    def write(self, compilation: Compilation, intent: Intent, now: datetime) -> None:
        """In one transaction."""
        known, self._conditions = self._conditions, None
        with transaction.atomic():
            self._write_services(compilation)
            written = _write_statuses(known if known is not None else _stored(), compilation, intent, now)
        self._conditions = written

    def _write_services(self, compilation: Compilation) -> None:
        """The most general service first: calls of a workload are counted as that service's."""
        mesh = compilation.mesh
        backed = {
            workload: [str(ref) for ref in sorted(refs, key=lambda ref: (len(mesh.services[ref].selector), ref))]
            for workload, refs in workloads_by_service(mesh).items()
        }
        wanted = {proxy_id: backed.get(proxy_id, []) for proxy_id in compilation.snapshots}
        if wanted == self._services:
            return
        stale = []
        for row in Proxy.objects.filter(revoked_at=None).only("id", "services").order_by("id"):
            services = wanted.get(row.id, [])
            if row.services != services:
                row.services = services
                stale.append(row)
        # Locked in one order, as in every batch that writes proxies.
        list(
            Proxy.objects.select_for_update(no_key=True)
            .filter(id__in=[row.id for row in stale])
            .order_by("id")
            .values_list("id")
        )
        Proxy.objects.bulk_update(stale, ["services"], batch_size=500)
        self._services = wanted


def _stored() -> dict[DocumentKey, Shown]:
    rows = ResourceStatus.objects.select_related("resource")
    return {
        DocumentKey(r.resource.kind, r.resource.namespace, r.resource.name): {"conditions": r.conditions, **r.attached}
        for r in rows
    }


def _write_statuses(
    known: dict[DocumentKey, Shown], compilation: Compilation, intent: Intent, now: datetime
) -> dict[DocumentKey, Shown]:
    current = {key: _shown(compilation, intent, key, known.get(key, {}), now) for key in compilation.conditions}
    fresh = {key: shown for key, shown in current.items() if shown != known.get(key)}
    if fresh:
        rows = Resource.objects.filter(name__in={key.name for key in fresh}).values_list("uid", "kind", "namespace", "name")
        held = rows.select_for_update(no_key=True).order_by(*LOCK_ORDER)
        uids = {DocumentKey(kind, namespace, name): uid for uid, kind, namespace, name in held}
        ResourceStatus.objects.bulk_create(
            (
                ResourceStatus(
                    resource_id=uids[key],
                    conditions=shown["conditions"],
                    attached={name: value for name, value in shown.items() if name != "conditions"},
                )
                for key, shown in fresh.items()
                if key in uids
            ),
            update_conflicts=True,
            unique_fields=["resource_id"],
            update_fields=["conditions", "attached"],
            batch_size=1000,
        )
    return current


def _shown(compilation: Compilation, intent: Intent, key: DocumentKey, before: Shown, now: datetime) -> Shown:
    generation = intent.documents[key].generation
    shown: Shown = {"conditions": _conditions(compilation.conditions[key], generation, before.get("conditions", []), now)}
    parents = compilation.attached.parents.get(key)
    if parents is not None:
        shown["parents"] = [
            {
                "parentRef": _parent_ref(parent),
                "controllerName": CONTROLLER,
                "conditions": _conditions(parent.conditions, generation, _before(before, "parents", index), now),
            }
            for index, parent in enumerate(parents)
        ]
    listeners = compilation.attached.listeners.get(key)
    if listeners is not None:
        shown["listeners"] = [
            {
                "name": listener.name,
                "supportedKinds": [{"kind": kind} for kind in listener.kinds],
                "attachedRoutes": listener.attached,
                "conditions": _conditions(listener.conditions, generation, _before(before, "listeners", index), now),
            }
            for index, listener in enumerate(listeners)
        ]
    return shown


def _parent_ref(parent: ParentStatus) -> dict[str, Any]:
    named = {"sectionName": parent.section or None, "port": parent.port}
    ref = {"group": parent.group, "kind": parent.kind, "namespace": parent.namespace, "name": parent.name}
    return {**ref, **{name: value for name, value in named.items() if value is not None}}


def _before(shown: Shown, part: str, index: int) -> Conditions:
    known = shown.get(part, [])
    found: Conditions = known[index]["conditions"] if index < len(known) else []
    return found


def _conditions(conditions: Iterable[Condition], generation: int, before: Conditions, now: datetime) -> Conditions:
    """As stored; the transition time stays while the status does."""
    since = {(c["type"], c["status"]): c["lastTransitionTime"] for c in before}
    return [
        {
            "type": c.type.value,
            "status": c.status,
            "reason": c.reason,
            "message": c.message,
            "observedGeneration": generation,
            "lastTransitionTime": since.get((c.type.value, c.status), timestamp(now)),
        }
        for c in conditions
    ]
