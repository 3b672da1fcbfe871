"""What AuthorizationPolicies stand before right now, and what they denied lately."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from meshweb.core.builder import MeshBuilder
from meshweb.core.intent import DocumentKey
from meshweb.core.ir.services import Workload
from meshweb.core.names import ServiceRef
from meshweb.telemetry import denials
from meshweb.telemetry.denials import Denied, Reason

WINDOW = timedelta(hours=1)
_UNADMITTED = {Reason("", -1, dry_run) for dry_run in (False, True)}
"""No ALLOW policy admitted the call."""


@dataclass(frozen=True, slots=True)
class Standing:
    """services: the most general one of each workload, under which it denies. ports: of the workloads. denied: calls of the last hour;
    of an ALLOW policy those to its services that no ALLOW policy admitted. would_deny: the same of dry runs."""

    workloads: int
    services: tuple[str, ...]
    ports: tuple[int, ...]
    denied: int
    would_deny: int


def standing(mesh: MeshBuilder, policies: Sequence[tuple[DocumentKey, bool]]) -> list[Standing]:
    """`policies`: and whether each allows. One query."""
    now = timezone.now()
    found = denials.denied(now - WINDOW, now)
    return [_standing(mesh, key, found, allows=allows) for key, allows in policies]


def _standing(mesh: MeshBuilder, key: DocumentKey, found: Iterable[Denied], *, allows: bool) -> Standing:
    ports: set[int] = set()
    services: set[str] = set()
    covered = _covered(mesh, key)
    for workload, own in covered.items():
        ports |= own
        behind = min(mesh.services_of(workload), key=lambda s: (len(s.selector), s.ref), default=None)
        services.add(str(behind.ref) if behind is not None else workload.id)
    name = f"{key.namespace}/{key.name}"
    mine = [
        denied
        for denied in found
        if denied.reason.policy == name or (allows and denied.reason in _UNADMITTED and denied.destination in services)
    ]
    return Standing(
        len(covered),
        tuple(sorted(services)),
        tuple(sorted(ports)),
        sum(denied.requests for denied in mine if not denied.reason.dry_run),
        sum(denied.requests for denied in mine if denied.reason.dry_run),
    )


def _covered(mesh: MeshBuilder, key: DocumentKey) -> dict[Workload, frozenset[int]]:
    """Workloads in front of which a policy stands, and at which of their ports."""
    found: dict[Workload, frozenset[int]] = {}
    for scoped in mesh.policies:
        if scoped.document.key == key:
            covered = [workload for workload in mesh.workloads.values() if scoped.covers(workload)]
            found |= {workload: frozenset(mesh.inbound_protocols(workload)) for workload in covered}
    for target in mesh.targeted.targets_of(key):
        service = mesh.services.get(target) if isinstance(target, ServiceRef) else None
        if service is not None:
            for workload in mesh.behind(service):
                found[workload] = found.get(workload, frozenset()) | mesh.ports_behind(service.ref, workload)
    return found
