"""SPIFFE IDs in the form that Istio uses: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`.

Source: SPIFFE-ID standard, section 2 (trust domain: lower-case letters, digits, `.`, `-`, `_`; at most 2048 bytes in all).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*")
_CONTROL_PLANE_PATH = "/meshweb/control-plane"


class NotSpiffeId(ValueError):
    """The text is not an identity of this mesh; the message says which part is wrong."""


def check_trust_domain(text: str) -> str:
    """`text` unchanged. Raises NotSpiffeId."""
    if not _TRUST_DOMAIN.fullmatch(text):
        raise NotSpiffeId(f"trust domain {text[:80]!r} must be lower-case letters, digits, '.', '-' and '_'")
    return text


@dataclass(frozen=True, slots=True, order=True)
class SpiffeId:
    """Identity of a workload. Every instance is valid."""

    trust_domain: str
    namespace: str
    service_account: str

    def __post_init__(self) -> None:
        check_trust_domain(self.trust_domain)
        if not _LABEL.fullmatch(self.namespace):
            raise NotSpiffeId(f"namespace {self.namespace[:80]!r} is not a DNS label")
        if len(self.service_account) > 253 or not _SUBDOMAIN.fullmatch(self.service_account):
            raise NotSpiffeId(f"service account {self.service_account[:80]!r} is not a DNS subdomain")

    def __str__(self) -> str:
        return f"spiffe://{self.trust_domain}/ns/{self.namespace}/sa/{self.service_account}"

    @classmethod
    def parse(cls, text: str) -> SpiffeId:
        """Strict: no other path, no port, no user, no query, no escapes, no upper case. Raises NotSpiffeId."""
        parts = text.split("/")
        if len(parts) != 7 or parts[0] != "spiffe:" or parts[1] or parts[3] != "ns" or parts[5] != "sa":
            raise NotSpiffeId(f"{text[:80]!r} is not spiffe://<trust domain>/ns/<namespace>/sa/<service account>")
        return cls(parts[2], parts[4], parts[6])


def control_plane_id(trust_domain: str) -> str:
    """The URI SAN of every server certificate of the control plane."""
    return f"spiffe://{check_trust_domain(trust_domain)}{_CONTROL_PLANE_PATH}"


def control_plane_trust_domain(uri: str) -> str:
    """Trust domain of a control plane's URI SAN. Raises NotSpiffeId for any other URI."""
    if not uri.startswith("spiffe://") or not uri.endswith(_CONTROL_PLANE_PATH):
        raise NotSpiffeId(f"{uri[:80]!r} is not the identity of a control plane")
    return check_trust_domain(uri.removeprefix("spiffe://").removesuffix(_CONTROL_PLANE_PATH))
