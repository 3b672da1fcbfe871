"""Issued certificates: shape, validity, chains and pins."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from meshweb.identity import issue, keys, pins
from meshweb.identity.spiffe_id import SpiffeId

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ROOT = issue.make_root("cluster.local", NOW)
INTERMEDIATE = issue.make_intermediate(ROOT, "cluster.local", NOW)
IDENTITY = SpiffeId("cluster.local", "shop", "web")


def _server(trust_domain: str = "cluster.local", authority: issue.Authority = INTERMEDIATE) -> x509.Certificate:
    return issue.issue_control_plane(
        authority,
        keys.make_key().public_key(),
        trust_domain,
        NOW,
        dns_names=["control-plane.meshweb"],
        ip_addresses=["127.0.0.1", "::1"],
    )


def test_leaf_is_an_svid() -> None:
    leaf = issue.issue_leaf(INTERMEDIATE, keys.make_key().public_key(), IDENTITY, NOW, timedelta(hours=1))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    assert leaf.subject == x509.Name([])
    assert names.critical
    assert list(names.value) == [x509.UniformResourceIdentifier(str(IDENTITY))]
    assert issue.spiffe_uri(leaf) == str(IDENTITY)
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    assert set(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == {
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.SERVER_AUTH,
    }
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert leaf.not_valid_before_utc == NOW - timedelta(seconds=60)
    assert leaf.not_valid_after_utc == NOW + timedelta(hours=1)
    assert 64 < leaf.serial_number.bit_length() <= 128


def test_an_independent_verifier_accepts_leaf_and_chain() -> None:
    leaf = issue.issue_leaf(INTERMEDIATE, keys.make_key().public_key(), IDENTITY, NOW)
    verifier = PolicyBuilder().store(Store([ROOT.certificate])).time(NOW).build_client_verifier()
    assert len(verifier.verify(leaf, list(INTERMEDIATE.chain)).chain) == 3


def test_nothing_outlives_its_issuer() -> None:
    short = issue.make_intermediate(ROOT, "cluster.local", NOW, life=timedelta(hours=1))
    leaf = issue.issue_leaf(short, keys.make_key().public_key(), IDENTITY, NOW, timedelta(days=7))
    assert leaf.not_valid_after_utc == short.certificate.not_valid_after_utc


def test_control_plane_names() -> None:
    names = _server().extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://cluster.local/meshweb/control-plane"]
    assert names.get_values_for_type(x509.DNSName) == ["control-plane.meshweb"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]


def test_authority_hides_its_key() -> None:
    assert "key" not in repr(ROOT).lower().replace("subjectkeyidentifier", "")


def test_pinned_chain() -> None:
    chain = [_server(), *INTERMEDIATE.chain, ROOT.certificate]
    verified = pins.verify_chain(chain, pin=pins.spki_pin(ROOT.certificate), at=NOW)
    assert verified.trust_domain == "cluster.local"
    assert verified.root == ROOT.certificate


OTHER_ROOT = issue.make_root("cluster.local", NOW)
OTHER = issue.make_intermediate(OTHER_ROOT, "cluster.local", NOW)
WORKLOAD = issue.issue_leaf(INTERMEDIATE, keys.make_key().public_key(), IDENTITY, NOW)
UNDER_LEAF = issue.Authority(WORKLOAD, keys.make_key())


@pytest.mark.parametrize(
    ("chain", "at", "text"),
    [
        ([_server(), *INTERMEDIATE.chain, OTHER_ROOT.certificate], NOW, "pin"),
        ([_server(authority=OTHER), *OTHER.chain, ROOT.certificate], NOW, "not issued by the next one"),
        ([_server(), ROOT.certificate], NOW, "not issued by the next one"),
        ([_server()], NOW, "presented 1 certificates"),
        ([_server(), *INTERMEDIATE.chain, ROOT.certificate], NOW - timedelta(minutes=2), "check this clock"),
        ([_server(), *INTERMEDIATE.chain, ROOT.certificate], NOW + timedelta(days=2), "ended"),
        ([WORKLOAD, *INTERMEDIATE.chain, ROOT.certificate], NOW, "not the identity of a control plane"),
        ([INTERMEDIATE.certificate, ROOT.certificate], NOW, "is a CA"),
    ],
)
def test_refused_chains(chain: list[x509.Certificate], at: datetime, text: str) -> None:
    with pytest.raises(pins.ChainRefused, match=text):
        pins.verify_chain(chain, pin=pins.spki_pin(ROOT.certificate), at=at)


def test_a_workload_cannot_issue() -> None:
    key = keys.make_key()
    workload = issue.issue_leaf(INTERMEDIATE, key.public_key(), IDENTITY, NOW)
    forged = _server(authority=issue.Authority(workload, key))
    with pytest.raises(pins.ChainRefused):
        pins.verify_chain(
            [forged, workload, *INTERMEDIATE.chain, ROOT.certificate], pin=pins.spki_pin(ROOT.certificate), at=NOW
        )


def test_an_intermediate_cannot_make_intermediates() -> None:
    deeper = issue.make_intermediate(INTERMEDIATE, "cluster.local", NOW)
    chain = [_server(authority=deeper), deeper.certificate, INTERMEDIATE.certificate, ROOT.certificate]
    with pytest.raises(pins.ChainRefused, match="longer"):
        pins.verify_chain(chain, pin=pins.spki_pin(ROOT.certificate), at=NOW)


def test_wrong_trust_domain() -> None:
    chain = [_server(), *INTERMEDIATE.chain, ROOT.certificate]
    with pytest.raises(pins.ChainRefused, match="trust domain"):
        pins.verify_chain(chain, pin=pins.spki_pin(ROOT.certificate), at=NOW, trust_domain="lab.mesh")
