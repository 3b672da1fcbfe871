"""Certificates of workloads: requested by row, signed by a worker under a lease, stored before anybody is answered."""

from __future__ import annotations

import hashlib
import logging
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from meshweb.controlplane import hints
from meshweb.controlplane.authority import authority
from meshweb.controlplane.errors import NotFound, TryAgain
from meshweb.identity import csr, issue
from meshweb.identity.spiffe_id import SpiffeId
from meshweb.store.models import Certificate, CertificateJob, Proxy

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)
_State = CertificateJob.State


def request(proxy: Proxy, pem: str) -> CertificateJob:
    """The job for this request; the same request finds the same job. Inside a transaction. Raises CsrRefused."""
    from meshweb.controlplane.tasks import sign_certificate

    csr.check_csr(pem)
    digest = hashlib.sha256(pem.strip().encode()).hexdigest()
    job, _ = CertificateJob.objects.get_or_create(
        proxy=proxy, csr_hash=digest, defaults={"csr": pem, "created_at": timezone.now()}
    )
    if job.state != _State.ISSUED:
        hints.wake_on_commit(sign_certificate, str(job.id))
    return job


def sign(job_id: str | UUID) -> None:
    """Takes the lease, signs, stores. Doubled calls and late ones do nothing."""
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    taken = CertificateJob.objects.filter(free, id=job_id, state=_State.QUEUED).update(lease_until=now + LEASE)
    if not taken:
        return
    job = CertificateJob.objects.select_related("proxy").filter(id=job_id).first()
    if job is None:
        return  # its proxy was removed
    try:
        _issue(job)
    except csr.CsrRefused as error:
        CertificateJob.objects.filter(id=job_id).update(state=_State.FAILED, error=str(error)[:500], lease_until=None)
    hints.publish(hints.STATUS_CHANNEL, "job")
    hints.tell_browsers("join-token", "")


def _issue(job: CertificateJob) -> None:
    mesh, identity = authority(), SpiffeId.parse(job.proxy.spiffe_id)
    made = issue.issue_leaf(mesh.intermediate, csr.check_csr(job.csr), identity, datetime.now(UTC), settings.CERTIFICATE_TTL)
    with transaction.atomic():
        # The proxy before its jobs, as in joins and removals, which take the jobs away.
        held = Proxy.objects.select_for_update(no_key=True).filter(id=job.proxy_id, revoked_at=None).first()
        current = CertificateJob.objects.select_for_update().filter(id=job.id, state=_State.QUEUED).first()
        if held is None or current is None:
            return  # the lease ran out and another worker was faster, or the proxy was removed meanwhile
        current.certificate = Certificate.objects.create(
            serial=issue.serial_hex(made.serial_number),
            proxy=job.proxy,
            spiffe_id=job.proxy.spiffe_id,
            not_before=made.not_valid_before_utc,
            not_after=made.not_valid_after_utc,
            issued_at=timezone.now(),
            chain=issue.pem(made, *mesh.intermediate.chain),
        )
        current.state, current.lease_until = _State.ISSUED, None
        current.save(update_fields=["certificate", "state", "lease_until"])


def sweep() -> int:
    """Signs jobs whose message or worker was lost. How many there were."""
    now = timezone.now()
    free = Q(lease_until=None, created_at__lt=now - timedelta(seconds=2)) | Q(lease_until__lt=now)
    waiting = list(CertificateJob.objects.filter(free, state=_State.QUEUED).values_list("id", flat=True)[:500])
    for job_id in waiting:
        sign(job_id)
    if waiting:
        log.warning("signed %d certificate requests that had been left behind", len(waiting))
    old = now - timedelta(days=7)
    Certificate.objects.filter(not_after__lt=old).delete()
    return len(waiting)


def wait_for(job_id: UUID, seconds: float) -> Certificate:
    """The certificate as soon as it is signed. Not inside a transaction. Raises CsrRefused, TryAgain, NotFound."""
    deadline = time.monotonic() + seconds
    with hints.listening(hints.STATUS_CHANNEL) as wait:
        while True:
            job = CertificateJob.objects.select_related("certificate").filter(id=job_id).first()
            if job is None:
                raise NotFound("the proxy was removed, or its name went to another key, before the certificate was signed")
            if job.certificate is not None:
                return job.certificate
            if job.state == _State.FAILED:
                raise csr.CsrRefused(job.error)
            left = deadline - time.monotonic()
            if left <= 0:
                raise TryAgain("the certificate is not signed yet: no worker answered in time")
            wait(min(left, 0.25))
