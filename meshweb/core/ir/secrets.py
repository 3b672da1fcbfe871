"""Key material that proxies are given. Nothing here prints a value."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SecretMaterial:
    """What a Secret holds, as PEM; empty what it does not: a certificate chain (leaf first) with its key, and authorities."""

    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    roots: str = field(default="", repr=False)
