"""What is over goes; what may still be used or asked for stays."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from meshweb.controlplane import access, retention
from meshweb.store.models import AuditEntry, CertificateJob, JoinToken, JoinTokenUse, LoginLink, Revision, RevisionProxy
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


def test_fates_and_strangers_go_but_history_and_the_audit_of_writers_stay(transactional_db: None) -> None:
    now, proxy = timezone.now(), make.proxy("a")
    for number, age in ((1, 200), (2, 100), (3, 1)):
        Revision.objects.create(number=number, created_at=now - timedelta(days=age), author="a", origin="api")
        RevisionProxy.objects.create(revision=number, proxy=proxy)
        for actor in ("anonymous", "alice"):
            for decision in ("refused", "allowed"):
                AuditEntry.objects.create(at=now - timedelta(days=age), actor=actor, origin="api", verb="v", decision=decision)
    assert retention.prune() == 4
    assert list(RevisionProxy.objects.values_list("revision", flat=True)) == [3]
    assert Revision.objects.count() == 3
    assert AuditEntry.objects.filter(actor="alice").count() == 6
    assert AuditEntry.objects.filter(actor="anonymous", decision="refused").count() == 1
