"""The mesh's CA: made once, its keys sealed with a key-encryption key that lives in a file, not in the database."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from meshweb.identity import issue, keys, pins
from meshweb.identity.sealing import SecretBytes
from meshweb.store.models import CertificateAuthority, MeshState
from meshweb.store.sealing import key_ring

_Role = CertificateAuthority.Role
SERVER_LIFE = timedelta(hours=24)


class NoAuthority(Exception):
    """The CA was not made yet: `manage.py bootstrap` makes it."""


@dataclass(frozen=True, slots=True)
class MeshAuthority:
    """`roots` is the trust bundle as PEM, `pin` what join tokens carry."""

    root: issue.Authority
    intermediate: issue.Authority
    roots: str
    pin: str


def make_authority() -> bool:
    """Root and intermediate, when there are none. Whether they were made now."""
    with transaction.atomic():
        MeshState.objects.select_for_update().get(id=1)
        if CertificateAuthority.objects.filter(active=True).count() == len(_Role.values):
            return False
        now = datetime.now(UTC)
        root = issue.make_root(settings.TRUST_DOMAIN, now)
        intermediate = issue.make_intermediate(root, settings.TRUST_DOMAIN, now)
        for role, authority in ((_Role.ROOT, root), (_Role.INTERMEDIATE, intermediate)):
            CertificateAuthority.objects.create(
                role=role,
                certificate=issue.pem(authority.certificate),
                sealed_key=key_ring().seal(keys.private_key_pem(authority.key), _associated(role)),
                not_after=authority.certificate.not_valid_after_utc,
                created_at=timezone.now(),
            )
    return True


def _associated(role: str) -> bytes:
    return f"certificate-authority/{role}".encode()


@cache
def authority() -> MeshAuthority:
    """Opened once per process. Raises NoAuthority, SealError."""
    rows = {row.role: row for row in CertificateAuthority.objects.filter(active=True)}
    if len(rows) < len(_Role.values):
        raise NoAuthority("there is no certificate authority yet: run manage.py bootstrap")
    root = _open(rows[_Role.ROOT])
    opened = _open(rows[_Role.INTERMEDIATE])
    intermediate = issue.Authority(opened.certificate, opened.key, (opened.certificate,))
    return MeshAuthority(root, intermediate, issue.pem(root.certificate), pins.spki_pin(root.certificate))


def _open(row: CertificateAuthority) -> issue.Authority:
    certificate = issue.load_chain(row.certificate)[0]
    key = keys.load_private_key(key_ring().open(bytes(row.sealed_key), _associated(row.role)).reveal())
    return issue.Authority(certificate, key)


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """What a listener of the control plane presents. `chain`: leaf and intermediate, PEM."""

    key: SecretBytes
    chain: str
    renew_at: datetime


def issue_server_identity() -> ServerIdentity:
    """A fresh key and certificate for one listener of this process."""
    mesh, key, now = authority(), keys.make_key(), datetime.now(UTC)
    names, addresses = {"control-plane.meshweb", "localhost"}, {"127.0.0.1", "::1"}
    host = settings.ADVERTISE_HOST
    (addresses if _is_address(host) else names).add(host)
    leaf = issue.issue_control_plane(
        mesh.intermediate,
        key.public_key(),
        settings.TRUST_DOMAIN,
        now,
        SERVER_LIFE,
        dns_names=sorted(names),
        ip_addresses=sorted(addresses),
    )
    middle = now + (leaf.not_valid_after_utc - now) / 2
    return ServerIdentity(keys.private_key_pem(key), issue.pem(leaf, *mesh.intermediate.chain), middle)


def _is_address(host: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class RenewingServerIdentity:
    """The listener's current identity, made anew at half of its life. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current = issue_server_identity()

    def current(self) -> ServerIdentity:
        with self._lock:
            if datetime.now(UTC) >= self._current.renew_at:
                self._current = issue_server_identity()
            return self._current
