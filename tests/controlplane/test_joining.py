"""Who gets a certificate: the holder of a token once per name, and nobody after the proxy was removed or its name went to another key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from meshweb.config.celery import app
from meshweb.controlplane import authority, certificates, join_tokens, registration
from meshweb.controlplane.actor import SYSTEM
from meshweb.controlplane.errors import Conflict, InvalidDocuments, NotFound, Refusal, Unauthorized
from meshweb.identity import csr, keys
from meshweb.identity.join_token import JoinToken, encode_secret
from meshweb.store import sealing
from meshweb.store.loaders import views_of
from meshweb.store.models import Certificate, CertificateJob, JoinTokenUse, MeshState, Proxy, Resource
from tests import factories as make


@pytest.fixture
def token(transactional_db: None) -> Iterator[Callable[..., JoinToken]]:
    """Makes tokens for the group `web`. Certificates are signed at once, in the same thread."""
    MeshState.objects.create(id=1)
    sealing.make_key_file()
    sealing.key_ring.cache_clear()
    authority.authority.cache_clear()
    authority.make_authority()
    make.apply(make.namespace(), make.group("web"), make.group("db"))
    app.conf.task_always_eager = True
    yield lambda group="web", uses=1: join_tokens.create_token(SYSTEM, "shop", group, timedelta(hours=1), uses)[1]
    app.conf.task_always_eager = False


def _join(token: JoinToken, key: ec.EllipticCurvePrivateKey, **changes: Any) -> registration.Joined:
    payload = {
        "id": token.public_id,
        "secret": encode_secret(token.secret),
        "csr": csr.make_csr(key),
        "name": "web-1",
        "mode": "explicit",
        "bind": "127.10.0.1",
        **changes,
    }
    return registration.join(SYSTEM, payload)


def _live() -> set[str]:
    return set(Certificate.objects.values_list("proxy_id", flat=True))


def test_the_same_key_may_ask_again_also_when_the_token_is_used_up(token: Callable[..., JoinToken]) -> None:
    made, key = token(), keys.make_key()
    first, again = _join(made, key), _join(made, key)
    assert first.proxy == again.proxy
    assert Proxy.objects.count() == 1
    with pytest.raises(Unauthorized):
        _join(made, keys.make_key(), name="web-2")


def test_a_removed_proxy_gets_nothing_for_its_old_token(token: Callable[..., JoinToken]) -> None:
    made, key = token(), keys.make_key()
    _join(made, key)
    registration.remove(SYSTEM, "shop", "web-1")
    with pytest.raises(Unauthorized):
        _join(made, key)
    assert not _live()


def test_a_name_that_went_to_another_key_is_not_given_back(token: Callable[..., JoinToken]) -> None:
    old, key = token(), keys.make_key()
    _join(old, key)
    _join(token(), keys.make_key())
    with pytest.raises(Unauthorized):
        _join(old, key)
    assert Certificate.objects.count() == 1


def test_what_was_asked_before_a_removal_is_not_signed_after_it(token: Callable[..., JoinToken]) -> None:
    joined = _join(token(), keys.make_key())
    app.conf.task_always_eager = False
    job = certificates.request(joined.proxy, csr.make_csr(keys.make_key()))
    registration.remove(SYSTEM, "shop", "web-1")
    certificates.sign(job.id)
    certificates.sweep()
    assert not _live()
    assert not CertificateJob.objects.exists()
    with pytest.raises(NotFound):
        certificates.wait_for(job.id, 0.1)


def test_a_replaced_certificate_renews_nothing(token: Callable[..., JoinToken]) -> None:
    first = _join(token(), keys.make_key())
    _join(token(), keys.make_key())
    with pytest.raises(NotFound):
        registration.renew(first.proxy.id, {"csr": csr.make_csr(keys.make_key())}, serial=first.certificate.serial)


def test_a_new_key_begins_anew(token: Callable[..., JoinToken]) -> None:
    """Whatever the earlier machine of this name had acknowledged, this one has not."""
    _join(token(), keys.make_key())
    Proxy.objects.update(live_revision=1)
    assert _join(token(), keys.make_key()).proxy.live_revision is None


@pytest.mark.parametrize(
    ("group", "refused"),
    [(None, True), ("db", True), ("web", False)],
    ids=["written by hand", "of another group", "of the same group"],
)
def test_a_workload_of_this_name_is_not_taken_over(token: Callable[..., JoinToken], group: str | None, refused: bool) -> None:
    entry = make.entry("web-1", "10.0.0.9", app="db")
    if group:
        entry["metadata"]["annotations"] = {registration.GROUP_ANNOTATION: group}
    make.apply(entry)
    if refused:
        with pytest.raises(Conflict):
            _join(token(), keys.make_key())
    else:
        _join(token(), keys.make_key())
    address = Resource.objects.get(kind="WorkloadEntry").spec["address"]
    assert address == ("10.0.0.9" if refused else "127.10.0.1")


@pytest.mark.parametrize(
    "changes",
    [
        {"bind": "not an address"},
        {"bind": "fe80::1%eth0"},
        {"agentVersion": "1\0"},
        {"loopbackRange": "10.0.0.0/8"},
        {"name": "A"},
        {"gateway": "Not a label"},
    ],
)
def test_fields_that_cannot_be_meant(token: Callable[..., JoinToken], changes: dict[str, str]) -> None:
    with pytest.raises(InvalidDocuments) as refusal:
        _join(token(), keys.make_key(), **changes)
    assert isinstance(refusal.value, Refusal)
    assert not Proxy.objects.exists()


def test_a_sidecar_that_moves_takes_its_workload_along(token: Callable[..., JoinToken]) -> None:
    _join(token(), keys.make_key())
    flags = {"mode": "explicit", "bind": "127.9.9.9", "appAddress": "127.0.0.1"}
    registration.configure("shop/web-1", flags)
    assert Resource.objects.get(kind="WorkloadEntry", name="web-1").spec["address"] == "127.9.9.9"
    before = MeshState.objects.get().revision
    registration.configure("shop/web-1", flags)
    assert MeshState.objects.get().revision == before, "nothing new, no revision"
    registration.configure("shop/web-1", {**flags, "bind": "0.0.0.0"})
    assert Resource.objects.get(kind="WorkloadEntry", name="web-1").spec["address"] == "127.9.9.9"


# --- gateways ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["gateway.networking.k8s.io/gateway-name", "istio"])
def edge(token: Callable[..., JoinToken], request: pytest.FixtureRequest) -> JoinToken:
    """Of the group `edge`, which may be the gateway `ingress`."""
    make.apply(make.group("edge", 8080, app="edge", **{request.param: "ingress"}))
    return token("edge")


def test_a_group_makes_gateways_of_its_name_only(edge: JoinToken) -> None:
    with pytest.raises(InvalidDocuments) as refusal:
        _join(edge, keys.make_key(), gateway="egress")
    assert "WorkloadGroup edge makes no gateway egress" in str(refusal.value.violations)
    assert not Proxy.objects.exists()
    assert [use.refusal for use in JoinTokenUse.objects.all()] != [""], "the refusal is told where the token is shown"
    _join(edge, keys.make_key(), gateway="ingress")
    (view,) = views_of(Proxy.objects.all())
    assert view.gateway == "ingress"


def test_who_does_not_ask_is_a_sidecar(edge: JoinToken) -> None:
    assert _join(edge, keys.make_key()).proxy.gateway == ""


def test_a_machine_of_another_group_becomes_no_gateway_later(token: Callable[..., JoinToken]) -> None:
    joined = _join(token(), keys.make_key())
    with pytest.raises(InvalidDocuments):
        registration.configure(joined.proxy.id, {"mode": "explicit", "bind": "127.10.0.1", "gateway": "ingress"})
    assert Proxy.objects.get().gateway == ""


def test_a_gateway_whose_group_changed_is_none_any_more(edge: JoinToken) -> None:
    joined = _join(edge, keys.make_key(), gateway="ingress")
    flags = {"mode": "explicit", "bind": "127.10.0.1", "gateway": "ingress"}
    assert registration.configure(joined.proxy.id, flags)["settings"]
    make.apply(make.group("edge", app="edge"))
    before = MeshState.objects.get().compile_epoch
    with pytest.raises(InvalidDocuments):
        registration.configure(joined.proxy.id, flags)
    assert Proxy.objects.get().gateway == ""
    assert MeshState.objects.get().compile_epoch > before


def test_a_gateway_has_no_application_to_probe(token: Callable[..., JoinToken]) -> None:
    group = make.group("edge", istio="ingress")
    group["spec"]["probe"] = {"tcpSocket": {"port": 8080}}
    make.apply(group)
    settings = _join(token("edge"), keys.make_key(), gateway="ingress").answer["settings"]
    assert (settings["probe"], settings["ports"]) == (None, [])
    assert _join(token("edge"), keys.make_key(), name="edge-2").answer["settings"]["probe"] is not None
