"""What the control plane fetches for a document, and what it never does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from meshweb.controlplane.outbound_http import MAX_BYTES, FetchError, Outbound
from tests.jwks_server import KeyServer

_ADDRESSES = (
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1",
    "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "2001:db8::1", "2002:7f00:1::",
    "2001:0:7f00:1::", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "fec0::1",
)  # fmt: skip
_URLS = (
    "http://keys.example.com/", "ftp://keys.example.com/", "file:///etc/passwd", "https:///keys", "https://user@keys.example.com/",
    "https://user:word@keys.example.com/", "https://localhost/", "https://127.1/", "https://2130706433/", "https://0x7f.1/",
    "https://0177.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://0/",
    "https://127.0.0.1:8443/", "https://no-such-name.invalid/",
)  # fmt: skip


def _never(host: str, port: int) -> list[str]:
    raise AssertionError("resolved twice")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KeyServer]:
    with KeyServer(tmp_path).running() as running:
        yield running


@pytest.mark.parametrize("address", _ADDRESSES)
@pytest.mark.parametrize("others", [(), ("93.184.215.14",)], ids=["alone", "behind a public one"])
def test_an_address_that_is_not_public_is_not_reached(address: str, others: tuple[str, ...]) -> None:
    with pytest.raises(FetchError, match="not public"):
        Outbound(resolve=lambda host, port: [*others, address]).get("https://keys.example.com/", 1)


def test_the_control_planes_own_address_is_not_reached() -> None:
    own = Outbound(own=frozenset({ip_address("93.184.215.14")}), resolve=lambda host, port: ["93.184.215.14"])
    with pytest.raises(FetchError, match="the control plane's own"):
        own.get("https://keys.example.com/", 1)


@pytest.mark.parametrize("url", _URLS)
def test_a_url_that_leads_inside_is_not_fetched(url: str) -> None:
    with pytest.raises(FetchError):
        Outbound().get(url, 1)


def test_keys_are_fetched_from_the_address_that_was_checked(server: KeyServer) -> None:
    """A name that leads elsewhere a moment later leads nowhere else: it is resolved once."""
    server.body = b"keys"
    answers = iter((["127.0.0.1"],))
    client = replace(server.client(), resolve=lambda host, port: next(answers, None) or _never(host, port))
    assert client.get(server.url("/keys?v=1"), 5) == b"keys"
    assert server.asked == ["/keys?v=1"]


def test_only_what_is_allowed_is_reached(server: KeyServer) -> None:
    with pytest.raises(FetchError, match="not public"):
        replace(server.client(), allowed=(ip_network("10.0.0.0/8"),)).get(server.url(), 5)
    assert server.asked == []


@pytest.mark.parametrize(
    ("status", "headers", "body", "words"),
    [
        (302, {"location": "https://127.0.0.1/"}, b"secret", "302"),
        (500, {}, b"secret", "500"),
        (200, {"content-encoding": "gzip"}, b"secret", "compressed"),
        (200, {"content-length": "900"}, b"secret", "time|early"),
        (200, {}, b"secret" * (MAX_BYTES // 6 + 1), "more than"),
    ],
)
def test_an_answer_that_is_none_is_not_told(
    server: KeyServer, status: int, headers: dict[str, str], body: bytes, words: str
) -> None:
    server.status, server.headers, server.body = status, headers, body
    with pytest.raises(FetchError, match=words) as error:
        server.client().get(server.url(), 2)
    assert "secret" not in str(error.value)
    assert server.asked == ["/keys"], "no redirect is followed"


def test_a_server_that_drips_is_left_in_time(server: KeyServer) -> None:
    server.headers = {"content-length": "1000000"}
    server.drip.set()
    begun = time.monotonic()
    with pytest.raises(FetchError, match=r"in time|early"):
        server.client().get(server.url(), 0.5)
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("change", [{"ca_file": ""}, {}], ids=["of an unknown authority", "for another name"])
def test_a_certificate_that_cannot_be_verified_ends_it(server: KeyServer, change: dict[str, str]) -> None:
    url = server.url() if change else server.url().replace("keys.example.com", "elsewhere.test")
    with pytest.raises(FetchError, match="certificate"):
        replace(server.client(), **change).get(url, 5)  # type: ignore[arg-type]  # mypy: values of one field
    assert server.asked == []
