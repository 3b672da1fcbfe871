"""Public keys that RequestAuthentications name by `jwksUri`: fetched while they are referenced, kept for the compile.

The last good keys serve while their source is away, until they are too old; then there are none, and tokens of the issuer are refused.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from meshweb.controlplane.outbound_http import Address, FetchError, Outbound, resolved
from meshweb.controlplane.publish import lock_mesh, touch
from meshweb.core.jwks import BadKeys, public_keys
from meshweb.kinds.request_authentication import key_sources
from meshweb.store.models import JwksDocument, Resource

log = logging.getLogger(__name__)
AGAIN = timedelta(seconds=15)
"""After a fetch that failed, if that is sooner than the usual."""
_PARALLEL = 8


def refresh(outbound: Outbound | None = None, now: datetime | None = None) -> int:
    """Fetches what is due. How many sets of keys are others than before."""
    now = now or timezone.now()
    wanted = _wanted()
    JwksDocument.objects.exclude(uri__in=wanted).delete()
    JwksDocument.objects.bulk_create([JwksDocument(uri=uri, next_at=now) for uri in wanted], ignore_conflicts=True)
    due = [uri for uri in JwksDocument.objects.filter(next_at__lte=now).values_list("uri", flat=True) if _claimed(uri, now)]
    if not due:
        return 0
    client = outbound or installed()
    with ThreadPoolExecutor(_PARALLEL) as pool:
        answers = list(pool.map(lambda uri: _fetch(client, uri, wanted[uri]), due))
    return sum(_keep(uri, keys, error, now) for uri, (keys, error) in zip(due, answers, strict=True))


def installed() -> Outbound:
    """As the settings have it."""
    own: set[Address] = set()
    for host in {settings.ADVERTISE_HOST, settings.LISTEN_HOST}:
        try:
            own |= {_address(text) for text in resolved(host, 443)}
        except OSError:
            log.warning("the control plane's own name cannot be resolved: %s", host)
    return Outbound(settings.OUTBOUND_ALLOWED, frozenset(own), settings.OUTBOUND_CA_FILE)


def _address(text: str) -> Address:
    return ipaddress.ip_address(text.partition("%")[0])


def _wanted() -> Mapping[str, float]:
    """Seconds that each source has."""
    found: dict[str, float] = {}
    for spec in Resource.objects.filter(kind="RequestAuthentication").values_list("spec", flat=True):
        for uri, seconds in key_sources(spec):
            found[uri] = max(seconds, found.get(uri, 0))
    return found


def _claimed(uri: str, now: datetime) -> bool:
    """By this worker and no other."""
    return JwksDocument.objects.filter(uri=uri, next_at__lte=now).update(next_at=now + _every()) == 1


def _every() -> timedelta:
    return timedelta(seconds=settings.JWKS_REFRESH_SECONDS)


def _fetch(client: Outbound, uri: str, seconds: float) -> tuple[str, str]:
    """Keys, or what went wrong."""
    try:
        return public_keys(client.get(uri, seconds).decode("utf-8"), skip=True), ""
    except FetchError as error:
        return "", str(error)
    except (BadKeys, UnicodeDecodeError):
        return "", "it did not answer with usable public keys"


def _keep(uri: str, keys: str, error: str, now: datetime) -> bool:
    """Whether the compile has something else to read now."""
    with transaction.atomic():
        state = lock_mesh()
        row = JwksDocument.objects.select_for_update().filter(uri=uri).first()
        if row is None:
            return False
        before = (row.keys, row.error)
        row.error = error
        if keys:
            row.keys, row.fetched_at = keys, now
        else:
            row.next_at = now + min(AGAIN, _every())
            if row.fetched_at is None or now - row.fetched_at > timedelta(seconds=settings.JWKS_STALE_SECONDS):
                row.keys = ""
        row.save()
        changed = before != (row.keys, row.error)
        if changed:
            touch(state, "keys of an issuer of tokens")
    return changed
