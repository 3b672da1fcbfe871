"""What goes by itself when its time is over. Documents, revisions and the audit stay."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from meshweb.store.models import CertificateJob, JoinTokenUse, LoginLink

LINK_LIFE = timedelta(days=1)
JOB_LIFE = timedelta(days=7)
REFUSAL_LIFE = timedelta(days=30)


def prune() -> int:
    """Deletes ended sessions and login links, requests for certificates that came to nothing, and old refusals of join tokens. How
    many rows. Jobs that were signed go with their certificates."""
    now = timezone.now()
    over = (
        Session.objects.filter(expire_date__lt=now),
        LoginLink.objects.filter(expires_at__lt=now - LINK_LIFE),
        CertificateJob.objects.filter(created_at__lt=now - JOB_LIFE).exclude(state=CertificateJob.State.ISSUED),
        JoinTokenUse.objects.filter(proxy=None, at__lt=now - REFUSAL_LIFE),
    )
    return sum(rows.delete()[0] for rows in over)
