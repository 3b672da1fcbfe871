"""What is over goes; what may still be used or asked for stays."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from meshweb.controlplane import access, retention
from meshweb.store.models import CertificateJob, JoinToken, JoinTokenUse, LoginLink
from tests import factories as make


def test_only_what_is_over_goes(transactional_db: None) -> None:
    now, proxy = timezone.now(), make.proxy("a")
    token = JoinToken.objects.create(id="t", uses=1, uses_left=0, created_at=now, expires_at=now)
    for age in (timedelta(hours=1), timedelta(days=60)):
        session = SessionStore()
        session.create()
        Session.objects.filter(pk=session.session_key).update(expire_date=now + timedelta(days=2) - age)
        access.create_login_link(access.local_admin(), -age)
        for state in CertificateJob.State.values:
            CertificateJob.objects.create(proxy=proxy, csr_hash=f"{state}{age}", state=state, created_at=now - age)
        for who in (proxy, None):
            JoinTokenUse.objects.create(token=token, proxy=who, at=now - age)
    assert retention.prune() == 5
    assert (Session.objects.count(), LoginLink.objects.count(), JoinTokenUse.objects.count()) == (1, 1, 3)
    assert sorted(CertificateJob.objects.values_list("state", flat=True)) == ["failed", "issued", "issued", "queued"]
    assert retention.prune() == 0
