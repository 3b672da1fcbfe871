"""Join tokens: who may join as what. The text of a token exists only in the answer that makes it."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from meshweb.controlplane import audit
from meshweb.controlplane.actor import Actor
from meshweb.controlplane.authority import authority
from meshweb.controlplane.errors import InvalidDocuments, NotFound
from meshweb.core.errors import Violation
from meshweb.identity import join_token
from meshweb.kinds.workload_group.spec import WorkloadGroupSpec
from meshweb.store.loaders import document_of
from meshweb.store.models import JoinToken, Resource

MAX_TOKEN_TTL = timedelta(days=30)
MAX_TOKEN_USES = 10_000


def create_token(actor: Actor, namespace: str, group: str, ttl: timedelta, uses: int) -> tuple[JoinToken, join_token.JoinToken]:
    """A right to join; its text exists only in this answer. Raises NotFound, InvalidDocuments."""
    violations = []
    if not timedelta(0) < ttl <= MAX_TOKEN_TTL:
        violations.append(Violation("/ttl", "range", f"must be more than 0 and at most {MAX_TOKEN_TTL.days} days"))
    if not 1 <= uses <= MAX_TOKEN_USES:
        violations.append(Violation("/uses", "range", f"must be 1 to {MAX_TOKEN_USES}"))
    if violations:
        raise InvalidDocuments([(0, violation) for violation in violations])
    group_spec(namespace, group)
    made = join_token.make(
        url=f"https://{_bracketed(settings.ADVERTISE_HOST)}:{settings.TLS_PORT}",
        xds=f"{_bracketed(settings.ADVERTISE_HOST)}:{settings.XDS_PORT}",
        pin=authority().pin,
    )
    now = timezone.now()
    with transaction.atomic():
        row = JoinToken.objects.create(
            id=made.public_id,
            secret_hash=join_token.hash_secret(made.secret).hex(),
            namespace=namespace,
            workload_group=group,
            uses=uses,
            uses_left=uses,
            created_at=now,
            created_by=actor.name,
            expires_at=now + ttl,
        )
        audit.allowed(actor, "create", f"join-token {row.id}", detail=f"for {namespace}/{group}, {uses} uses")
    return row, made


def revoke_token(actor: Actor, token_id: str) -> None:
    """Raises NotFound."""
    with transaction.atomic():
        if not JoinToken.objects.filter(id=token_id, revoked_at=None).update(revoked_at=timezone.now()):
            raise NotFound(f"there is no join token {token_id} that could be revoked")
        audit.allowed(actor, "revoke", f"join-token {token_id}")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def group_spec(namespace: str, name: str) -> WorkloadGroupSpec:
    """Raises NotFound."""
    row = Resource.objects.filter(kind="WorkloadGroup", namespace=namespace, name=name).first()
    document = document_of(row) if row is not None else None
    if document is None or not isinstance(document.spec, WorkloadGroupSpec):
        raise NotFound(f"there is no WorkloadGroup {namespace}/{name}")
    return document.spec
