"""Joining: pin first, then token and certificate request; nothing of the token is sent to a server that does not match."""

from __future__ import annotations

import http.client
import json
import logging
import random
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from meshweb.agent import VERSION, files
from meshweb.agent.layout import Layout
from meshweb.agent.state import Credentials, Flags, State, check_credentials, save_credentials, save_state
from meshweb.identity import csr, issue, keys, pins
from meshweb.identity.join_token import JoinToken, encode_secret
from meshweb.identity.rotation import retry_delay
from meshweb.identity.sealing import SecretBytes
from meshweb.identity.spiffe_id import NotSpiffeId, SpiffeId

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 15.0
MAX_ANSWER_BYTES = 1024 * 1024
_RETRIED = (429, 502, 503, 504)


class JoinRefused(Exception):
    """The join cannot succeed as it is; the text says why and what to do."""


class TryAgain(Exception):
    """Not now. `after`: seconds that the server asked for."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class Joined:
    state: State
    credentials: Credentials


def join(
    layout: Layout,
    token: JoinToken,
    *,
    name: str,
    flags: Flags,
    envoy_version: str,
    sleep: Callable[[float], None] = time.sleep,
    attempts: int | None = None,
) -> Joined:
    """Joins, saves credentials and state, and returns them. Blocks; tries again for as long as the server is away or asks to.

    After a crash the same key is used again, so that the server recognises the join that it has already answered.
    Raises JoinRefused, and TryAgain after `attempts` attempts.
    """
    key_pem = _join_key(layout)
    request = {
        "id": token.public_id,
        "secret": encode_secret(token.secret),
        "csr": csr.make_csr(keys.load_private_key(key_pem.reveal())),
        "name": name,
        **flags.payload(),
        "agentVersion": VERSION,
        "envoyVersion": envoy_version,
    }
    attempt = 0
    while True:
        try:
            root, answer = _attempt(token, request)
            break
        except TryAgain as error:
            attempt += 1
            if attempts is not None and attempt >= attempts:
                raise
            delay = max(error.after, retry_delay(attempt - 1, random.random()))
            log.warning("join: %s; trying again in %.0f s", error, delay)
            sleep(delay)
    joined = _accept(token, name, flags, key_pem, root, answer)
    save_credentials(layout, joined.credentials)
    save_state(layout, joined.state)
    layout.join_key.unlink(missing_ok=True)
    return joined


def _join_key(layout: Layout) -> SecretBytes:
    try:
        return SecretBytes(layout.join_key.read_bytes())
    except FileNotFoundError:
        pem = keys.private_key_pem(keys.make_key())
        files.write_atomic(layout.join_key, pem.reveal())
        return pem


def presented_chain(url: str) -> list[x509.Certificate]:
    """The certificates a server shows, unverified. Sends nothing after the handshake. Raises TryAgain or JoinRefused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with _connect(url, context) as connection:
        # Public only since Python 3.13; before, the same call is on the inner object.
        inner = connection if hasattr(connection, "get_unverified_chain") else connection._sslobj  # type: ignore[attr-defined]  # see above
        chain = inner.get_unverified_chain() or []
    encoded = [item if isinstance(item, bytes) else ssl.PEM_cert_to_DER_cert(item.public_bytes()) for item in chain]
    try:
        return [x509.load_der_x509_certificate(der) for der in encoded]
    except ValueError:
        raise JoinRefused(f"{url} shows certificates that cannot be read: is it a meshweb control plane?") from None


def verify_server(url: str, pin: str) -> pins.VerifiedChain:
    """Checks the server behind the URL against the pin. Raises JoinRefused or TryAgain."""
    chain = presented_chain(url)
    try:
        return pins.verify_chain(chain, pin=pin, at=datetime.now(UTC))
    except pins.PinMismatch as error:
        raise JoinRefused(
            f"{url} is not the control plane that made this token ({error}); "
            "nothing was sent. Check the address, or make a new token"
        ) from None
    except pins.ChainRefused as error:
        raise JoinRefused(f"{url}: {error}; nothing was sent") from None


def _connect(url: str, context: ssl.SSLContext) -> ssl.SSLSocket:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    try:
        plain = socket.create_connection((host, port), timeout=TIMEOUT_SECONDS)
        try:
            return context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
    except ssl.SSLError as error:
        raise JoinRefused(f"{url} does not speak TLS as expected ({error.reason}); nothing was sent") from None
    except OSError as error:
        raise TryAgain(f"cannot reach {url} ({error.strerror or error})") from None


def _attempt(token: JoinToken, request: dict[str, Any]) -> tuple[x509.Certificate, dict[str, Any]]:
    root = verify_server(token.url, token.pin).root
    # A second connection that OpenSSL verifies against the pinned root alone: the first one only told which root that is.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False  # the identity is the URI name, checked by `verify_server` and again below
    context.load_verify_locations(cadata=issue.pem(root))
    parts = urlsplit(token.url)
    with _connect(token.url, context) as secure:
        leaf = secure.getpeercert(binary_form=True)
        if leaf is None or issue.spiffe_uri(x509.load_der_x509_certificate(leaf)).rpartition("/meshweb/")[2] != "control-plane":
            raise JoinRefused(f"{token.url} showed another certificate at the second look; nothing was sent")
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 443, timeout=TIMEOUT_SECONDS)
        connection.sock = secure
        try:
            headers = {"content-type": "application/json", "accept": "application/json"}
            connection.request("POST", f"{parts.path}/api/v1/join", json.dumps(request), headers)
            response = connection.getresponse()
            body = response.read(MAX_ANSWER_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise TryAgain(f"{token.url} broke off ({type(error).__name__})") from None
        return root, _judge(response.status, response.headers.get("retry-after"), body)


def _judge(status: int, retry_after: str | None, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body[:MAX_ANSWER_BYTES])
    except ValueError:
        answer = {}
    fields = answer if isinstance(answer, dict) else {}
    if status == 201:
        return fields
    detail = _detail(fields, status)
    if status in _RETRIED:
        after = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
        raise TryAgain(f"the control plane is busy: {detail}", min(after, 300.0))
    remedies = {
        401: "the token is wrong, used or expired: make a new one",
        409: "choose another name with --name, or delete the old proxy first",
        422: "correct the flags",
    }
    raise JoinRefused(f"{detail} ({status}): {remedies.get(status, 'the control plane will not take this join')}")


def _detail(problem: dict[str, Any], status: int) -> str:
    """What is wrong with each field, when the problem says so, else in general (RFC 9457)."""
    errors = problem.get("errors")
    said = [str(error.get("detail") or "") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    return ("; ".join(filter(None, said)) or str(problem.get("detail") or problem.get("title") or f"HTTP {status}"))[:500]


def _accept(
    token: JoinToken, name: str, flags: Flags, key: SecretBytes, root: x509.Certificate, answer: dict[str, Any]
) -> Joined:
    """Believes the answer only as far as it proves itself."""
    try:
        credentials = check_credentials(Credentials(key, answer["certificate"], answer["trustBundle"], answer["trustDomain"]))
        identity = SpiffeId.parse(issue.spiffe_uri(credentials.leaf))
        if str(identity) != answer["identity"] or identity.trust_domain != credentials.trust_domain:
            raise JoinRefused("the certificate is for another identity than the answer says")
        if root not in issue.load_chain(credentials.roots):
            raise JoinRefused("the trust bundle does not hold the pinned root")
        state = State(
            proxy=str(answer["proxy"]),
            identity=str(identity),
            trust_domain=identity.trust_domain,
            url=token.url,
            xds=token.xds,
            pin=token.pin,
            name=name,
            flags=flags,
            settings=answer.get("settings") or {},
        )
    except (KeyError, TypeError, ValueError, NotSpiffeId) as error:
        raise JoinRefused(f"the control plane's answer cannot be used ({type(error).__name__}: {error})") from None
    return Joined(state, credentials)
