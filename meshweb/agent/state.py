"""What the agent remembers: who it is, where its control plane is, and with which flags it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from cryptography import x509

from meshweb.agent import files
from meshweb.agent.layout import Layout
from meshweb.identity import issue, keys
from meshweb.identity.sealing import SecretBytes

MODES = ("loopback", "proxy", "explicit")


@dataclass(frozen=True, slots=True)
class Flags:
    """How the proxy takes part; the control plane compiles by it. gateway: the name under which it serves Gateways; it has no
    application then. Empty: it is a sidecar."""

    mode: str
    bind: str
    app_address: str
    loopback_range: str
    gateway: str = ""

    def payload(self) -> dict[str, str]:
        return {
            "mode": self.mode,
            "bind": self.bind,
            "appAddress": self.app_address,
            "loopbackRange": self.loopback_range,
            "gateway": self.gateway,
        }


@dataclass(frozen=True, slots=True)
class State:
    """After the join. `settings` as the control plane sent it last (see docs/guides/agent-protocol.md)."""

    proxy: str
    identity: str
    trust_domain: str
    url: str
    xds: str
    pin: str
    name: str
    flags: Flags
    settings: Mapping[str, Any] = field(default_factory=dict)

    def with_settings(self, settings: object) -> State:
        return replace(self, settings=settings) if isinstance(settings, dict) else self


def load_state(layout: Layout) -> State | None:
    """None before the join. Raises ValueError for a damaged file."""
    found = files.read_json(layout.state)
    if found is None:
        return None
    try:
        return State(**{**found, "flags": Flags(**found["flags"])})
    except (KeyError, TypeError) as error:
        raise ValueError(f"{layout.state} is damaged: {error}") from None


def save_state(layout: Layout, state: State) -> None:
    files.write_json(layout.state, asdict(state))


@dataclass(frozen=True, slots=True)
class Credentials:
    """Own key and certificate chain, and the roots to trust. PEM. In one file, so that a crash cannot part key and certificate."""

    key: SecretBytes
    chain: str
    roots: str
    trust_domain: str

    @property
    def leaf(self) -> x509.Certificate:
        return issue.load_chain(self.chain)[0]

    @property
    def serial(self) -> str:
        return issue.serial_hex(self.leaf.serial_number)

    @property
    def ends(self) -> datetime:
        return self.leaf.not_valid_after_utc


def check_credentials(credentials: Credentials) -> Credentials:
    """Unchanged. Raises ValueError when key and certificate do not belong together, or the roots are not certificates."""
    own = keys.load_private_key(credentials.key.reveal()).public_key()
    if keys.public_key_sha256(own) != keys.public_key_sha256(credentials.leaf.public_key()):
        raise ValueError("the certificate is not for this key")
    if not issue.load_chain(credentials.roots):
        raise ValueError("the trust bundle is empty")
    return credentials


def load_credentials(layout: Layout) -> Credentials | None:
    """None before the join. Raises ValueError for a damaged file."""
    found = files.read_json(layout.credentials)
    if found is None:
        return None
    try:
        key = SecretBytes(found["key"].encode())
        return check_credentials(Credentials(key, found["chain"], found["roots"], found["trustDomain"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{layout.credentials} is damaged: {type(error).__name__}") from None


def save_credentials(layout: Layout, credentials: Credentials) -> None:
    files.write_json(
        layout.credentials,
        {
            "key": credentials.key.reveal().decode(),
            "chain": credentials.chain,
            "roots": credentials.roots,
            "trustDomain": credentials.trust_domain,
        },
    )


def forget(layout: Layout) -> list[str]:
    """Removes identity, certificate and configuration; the log stays. Returns the names of what was removed."""
    removed = []
    for path in (
        layout.credentials,
        layout.join_key,
        layout.state,
        layout.snapshot,
        layout.bootstrap,
        layout.envoy_pid,
        layout.status,
        layout.pid,
        layout.xds_socket,
        layout.admin_socket,
    ):
        try:
            path.unlink()
        except FileNotFoundError:
            continue
        removed.append(path.name)
    return removed
