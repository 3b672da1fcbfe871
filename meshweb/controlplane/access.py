"""Who may use the control plane: local users, one-time login links and API tokens."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from meshweb.controlplane import audit
from meshweb.controlplane.actor import Actor
from meshweb.controlplane.errors import InvalidDocuments, NotFound
from meshweb.core.errors import Violation
from meshweb.store.models import ApiToken, LoginLink

TOKEN_PREFIX = "mwt_"
SCOPES = ("read", "write", "admin")
ADMIN_USER = "admin"
LINK_LIFE = timedelta(hours=1)
MAX_TOKEN_LIFE = timedelta(days=3650)
_LAST_USED_STEP = timedelta(minutes=1)


def _hash(secret: str) -> str:
    # The secrets are 256 random bits: a slow hash would add nothing.
    return hashlib.sha256(secret.encode()).hexdigest()


# --- API tokens -------------------------------------------------------------------------------------------------------


def create_api_token(actor: Actor, name: str, scopes: Collection[str], ttl: timedelta) -> tuple[ApiToken, str]:
    """The row and the token's text, which exists only here. Raises InvalidDocuments."""
    violations = []
    if not name.strip() or len(name) > 100:
        violations.append(Violation("/name", "length", "must have 1 to 100 characters"))
    if not scopes or any(scope not in SCOPES for scope in scopes):
        violations.append(Violation("/scopes", "enum", f"must be one or more of {', '.join(SCOPES)}"))
    if not timedelta(0) < ttl <= MAX_TOKEN_LIFE:
        violations.append(Violation("/ttl", "range", f"must be more than 0 and at most {MAX_TOKEN_LIFE.days} days"))
    if violations:
        raise InvalidDocuments([(0, violation) for violation in violations])
    identifier, secret, now = secrets.token_hex(8), secrets.token_urlsafe(32), timezone.now()
    with transaction.atomic():
        row = ApiToken.objects.create(
            id=identifier,
            name=name.strip(),
            secret_hash=_hash(secret),
            scopes=sorted(scopes, key=SCOPES.index),
            created_at=now,
            created_by=actor.name,
            expires_at=now + ttl,
        )
        audit.allowed(actor, "create", f"api-token {row.id}", detail=f"{row.name}: {' '.join(row.scopes)}")
    return row, f"{TOKEN_PREFIX}{identifier}.{secret}"


def revoke_api_token(actor: Actor, identifier: str) -> None:
    """Raises NotFound."""
    with transaction.atomic():
        if not ApiToken.objects.filter(id=identifier, revoked_at=None).update(revoked_at=timezone.now()):
            raise NotFound(f"there is no API token {identifier} that could be revoked")
        audit.allowed(actor, "revoke", f"api-token {identifier}")


def api_token(text: str) -> ApiToken | None:
    """The valid token with this text."""
    identifier, _, secret = text.removeprefix(TOKEN_PREFIX).partition(".")
    if not text.startswith(TOKEN_PREFIX) or not secret or len(text) > 256:
        return None
    row = ApiToken.objects.filter(id=identifier, revoked_at=None, expires_at__gt=timezone.now()).first()
    if row is None or not secrets.compare_digest(row.secret_hash, _hash(secret)):
        return None
    now = timezone.now()
    if row.last_used_at is None or now - row.last_used_at > _LAST_USED_STEP:
        ApiToken.objects.filter(id=row.id).update(last_used_at=now)
    return row


# --- people -----------------------------------------------------------------------------------------------------------


def local_admin() -> User:
    """The administrator that every installation has; without a password until somebody sets one."""
    user, created = User.objects.get_or_create(username=ADMIN_USER, defaults={"is_staff": True, "is_superuser": True})
    if created:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


def create_login_link(user: User, life: timedelta = LINK_LIFE) -> str:
    """The secret of a one-time link."""
    secret = secrets.token_urlsafe(32)
    LoginLink.objects.create(secret_hash=_hash(secret), user=user, expires_at=timezone.now() + life)
    return secret


def redeem_login_link(secret: str) -> User | None:
    """Its user, once."""
    now = timezone.now()
    used = LoginLink.objects.filter(secret_hash=_hash(secret), used_at=None, expires_at__gt=now).update(used_at=now)
    if not used:
        return None
    user: User = LoginLink.objects.select_related("user").get(secret_hash=_hash(secret)).user
    return user if user.is_active else None
