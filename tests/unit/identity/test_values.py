"""SPIFFE IDs, join tokens, sealing and the time of renewal."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from meshweb.identity import join_token, keys, rotation
from meshweb.identity.sealing import KeyRing, SealError, SecretBytes, key_id
from meshweb.identity.spiffe_id import NotSpiffeId, SpiffeId, control_plane_id, control_plane_trust_domain

PIN = "ab" * 32


def test_spiffe_id_round_trip() -> None:
    assert SpiffeId.parse("spiffe://cluster.local/ns/shop/sa/web") == SpiffeId("cluster.local", "shop", "web")
    assert control_plane_trust_domain(control_plane_id("a.b")) == "a.b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "spiffe://cluster.local/ns/shop/sa/web/",
        "spiffe://cluster.local/ns/shop/sa/",
        "spiffe://cluster.local//ns/shop/sa/web",
        "SPIFFE://cluster.local/ns/shop/sa/web",
        "spiffe://Cluster.local/ns/shop/sa/web",
        "spiffe://cluster.local:80/ns/shop/sa/web",
        "spiffe://u@cluster.local/ns/shop/sa/web",
        "spiffe://cluster.local/ns/shop/sa/web?x=1",
        "spiffe://cluster.local/ns/shop/sa/web#x",
        "spiffe://cluster.local/ns/sh%6fp/sa/web",
        "spiffe://cluster.local/ns/../sa/web",
        "spiffe://cluster.local/sa/shop/ns/web",
        "spiffe://cluster.local/ns/shop/sa/web\n",
        "spiffe://cluster.local/ns/shop/sa/we\0b",
    ],
)
def test_spiffe_id_is_strict(text: str) -> None:
    with pytest.raises(NotSpiffeId):
        SpiffeId.parse(text)


def test_join_token_round_trip() -> None:
    token = join_token.make(url="https://127.0.0.1:8443/", xds="127.0.0.1:15012", pin=PIN)
    again = join_token.parse(f"  {token.text()}\n")
    assert again == token
    assert again.url == "https://127.0.0.1:8443"
    assert join_token.secret_matches(again.secret, join_token.hash_secret(token.secret))
    assert join_token.decode_secret(join_token.encode_secret(token.secret)) == token.secret
    assert not join_token.secret_matches(SecretBytes(b"\0" * 32), join_token.hash_secret(token.secret))
    assert join_token.encode_secret(token.secret) not in repr(token)


@given(st.text(max_size=200))
def test_join_token_refuses_text(text: str) -> None:
    with pytest.raises(join_token.BadToken):
        join_token.parse(join_token.PREFIX + text)


@pytest.mark.parametrize(
    "changed",
    [
        {"url": "http://127.0.0.1:1"},
        {"url": "https://"},
        {"url": "https://u:p@h"},
        {"xds": "nowhere"},
        {"xds": "h:0"},
        {"xds": "h:70000"},
        {"pin": "ab"},
    ],
)
def test_join_token_fields(changed: dict[str, str]) -> None:
    fields = {"url": "https://h:1", "xds": "h:2", "pin": PIN} | changed
    with pytest.raises(join_token.BadToken):
        join_token.make(url=fields["url"], xds=fields["xds"], pin=fields["pin"])


def _ring(active: str = "k2") -> KeyRing:
    return KeyRing(active, {"k1": SecretBytes(b"1" * 32), "k2": SecretBytes(b"2" * 32)})


def test_sealing_round_trip_and_rotation() -> None:
    old = _ring("k1").seal(SecretBytes(b"secret"), b"row 1")
    ring = _ring("k2")
    assert ring.open(old, b"row 1") == SecretBytes(b"secret")
    new = ring.rewrap(old, b"row 1")
    assert (key_id(old), key_id(new)) == ("k1", "k2")
    assert ring.rewrap(new, b"row 1") == new
    assert ring.open(new, b"row 1") == SecretBytes(b"secret")
    with pytest.raises(SealError):
        ring.open(new, b"row 2")
    with pytest.raises(SealError, match="not in the key ring"):
        KeyRing("k2", {"k2": SecretBytes(b"2" * 32)}).open(old, b"row 1")


@given(st.data())
def test_sealed_values_cannot_be_changed(data: st.DataObject) -> None:
    sealed = bytearray(_ring().seal(SecretBytes(b"secret"), b"a"))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealError):
        _ring().open(bytes(sealed), b"a")


@given(st.binary(max_size=200))
def test_garbage_does_not_open(raw: bytes) -> None:
    with pytest.raises(SealError):
        _ring().open(raw, b"a")


def test_secret_bytes_keep_quiet() -> None:
    secret = SecretBytes(b"hunter2")
    assert not any("hunter2" in text for text in (repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", repr([secret])))
    assert copy.deepcopy(secret) == secret
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        hash(secret)
    assert "BEGIN" not in repr(keys.private_key_pem(keys.make_key()))


def test_bad_key_never_speaks() -> None:
    with pytest.raises(keys.NotAKey) as caught:
        keys.load_private_key(b"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n")
    assert "hunter2" not in str(caught.value)


@given(st.integers(1, 2**128 - 1))
def test_renewal_is_near_half_life_and_deterministic(serial: int) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    end = start + timedelta(hours=10)
    at = rotation.renew_at(start, end, serial)
    assert timedelta(hours=4.5) <= at - start <= timedelta(hours=5.5)
    assert at == rotation.renew_at(start, end, serial)
    early = rotation.renewal_due(start, end, serial, start, timedelta(hours=8))
    assert early == timedelta(hours=2)


@given(st.integers(0, 100), st.floats(0, 1, exclude_max=True))
def test_retry_delay_is_bounded(attempt: int, draw: float) -> None:
    assert 1 <= rotation.retry_delay(attempt, draw) <= 60
    assert 0.5 <= rotation.retry_delay(attempt, draw, first=0.5, longest=30) <= 30
