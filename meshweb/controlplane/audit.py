"""One row for every write and every refusal."""

from __future__ import annotations

from django.utils import timezone

from meshweb.controlplane.actor import Actor
from meshweb.store.models import AuditEntry

_Decision = AuditEntry.Decision


def allowed(actor: Actor, verb: str, target: str, *, detail: str = "", revision: int | None = None) -> None:
    """Call inside the transaction of the write: both happen, or neither."""
    _add(actor, verb, target, _Decision.ALLOWED, detail, revision)


def refused(actor: Actor, verb: str, target: str, detail: str) -> None:
    _add(actor, verb, target, _Decision.REFUSED, detail, None)


def _add(actor: Actor, verb: str, target: str, decision: str, detail: str, revision: int | None) -> None:
    AuditEntry.objects.create(
        at=timezone.now(),
        actor=actor.name[:254],
        origin=actor.origin,
        verb=verb[:32],
        object=target[:300],
        decision=decision,
        detail=detail[:2000],
        request_id=actor.request_id[:64],
        address=actor.address[:45],
        revision=revision,
    )
