"""What goes by itself when its time is over. Documents, their history, and the audit of those who may write stay."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from meshweb.store.models import AuditEntry, CertificateJob, JoinTokenUse, LoginLink, Revision, RevisionProxy

LINK_LIFE = timedelta(days=1)
JOB_LIFE = timedelta(days=7)
REFUSAL_LIFE = timedelta(days=30)
"""Of join tokens, and of strangers in the audit: whoever can reach a port can make these."""
FATE_LIFE = timedelta(days=90)
"""Of what each proxy made of a revision: revisions times proxies."""
STRANGERS = ("anonymous", "agent")


def prune() -> int:
    """Deletes ended sessions and login links, requests for certificates that came to nothing, old refusals of strangers, and what
    proxies made of revisions long ago. How many rows. Jobs that were signed go with their certificates."""
    now = timezone.now()
    aged = Revision.objects.filter(created_at__lt=now - FATE_LIFE).values_list("number", flat=True).first() or 0
    over = (
        Session.objects.filter(expire_date__lt=now),
        LoginLink.objects.filter(expires_at__lt=now - LINK_LIFE),
        CertificateJob.objects.filter(created_at__lt=now - JOB_LIFE).exclude(state=CertificateJob.State.ISSUED),
        JoinTokenUse.objects.filter(proxy=None, at__lt=now - REFUSAL_LIFE),
        AuditEntry.objects.filter(decision=AuditEntry.Decision.REFUSED, actor__in=STRANGERS, at__lt=now - REFUSAL_LIFE),
        RevisionProxy.objects.filter(revision__lte=aged),
    )
    return sum(rows.delete()[0] for rows in over)
