"""Secret (Kubernetes `v1`), the part that gateways use: a certificate with its key, and authorities that clients are verified by.

No value is ever said again: not in a violation, not in a repr.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import ConfigDict, Field, SecretStr

from meshweb.core.errors import Violation
from meshweb.kinds.base import Metadata, SpecModel

MAX_VALUE = 262_144
MIN_RSA_BITS = 2048
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_PARTS = (("tls.crt", "tls_crt"), ("tls.key", "tls_key"), ("ca.crt", "ca_crt"))

Value = Annotated[SecretStr, Field(min_length=1, max_length=MAX_VALUE)]


class SecretValues(SpecModel):
    model_config = ConfigDict(populate_by_name=False, hide_input_in_errors=True)

    tls_crt: Value | None = Field(default=None, alias="tls.crt")
    tls_key: Value | None = Field(default=None, alias="tls.key")
    ca_crt: Value | None = Field(default=None, alias="ca.crt")


class SecretSpec(SpecModel):
    """`data` holds the values in base64, `stringData` as they are (PEM)."""

    model_config = ConfigDict(hide_input_in_errors=True)

    type: Literal["kubernetes.io/tls", "Opaque"] = "Opaque"
    data: SecretValues | None = None
    string_data: SecretValues | None = None

    def pem(self) -> Mapping[str, str]:
        """Key -> PEM. Raises ValueError where `data` is no base64 of text; documents that passed `check` have none."""
        if self.string_data is not None:
            return {key: value.get_secret_value() for key, value in _values(self.string_data)}
        return {key: _decoded(value) for key, value in _values(self.data)}


def _values(values: SecretValues | None) -> list[tuple[str, SecretStr]]:
    found = [(key, getattr(values, attribute)) for key, attribute in _PARTS]
    return [(key, value) for key, value in found if value is not None]


def _decoded(value: SecretStr) -> str:
    try:
        return base64.b64decode(value.get_secret_value(), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("must be base64 of PEM text") from None


def check(_metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, SecretSpec)
    if (spec.data is None) == (spec.string_data is None):
        yield Violation("/spec", "one_of", "set exactly one of data and stringData")
        return
    holder = "/spec/data" if spec.data is not None else "/spec/stringData"
    pem: dict[str, str] = {}
    unread: list[Violation] = []
    for key, value in _values(spec.data or spec.string_data):
        try:
            pem[key] = _decoded(value) if spec.data is not None else value.get_secret_value()
        except ValueError as error:
            unread.append(Violation(f"{holder}/{key}", "base64", str(error)))
    if unread:
        yield from unread
        return
    yield from _together(spec, pem, holder)
    yield from _certificate_and_key(pem, holder)
    if "ca.crt" in pem and _certificates(pem["ca.crt"]) is None:
        yield Violation(f"{holder}/ca.crt", "certificate", "must be one or more X.509 certificates in PEM")


def _together(spec: SecretSpec, pem: Mapping[str, str], holder: str) -> Iterator[Violation]:
    if not pem:
        yield Violation(holder, "required", "must hold tls.crt and tls.key, or ca.crt")
        return
    for key, other in (("tls.crt", "tls.key"), ("tls.key", "tls.crt")):
        if key not in pem and (other in pem or spec.type == "kubernetes.io/tls"):
            why = f"beside {other}" if other in pem else "for type kubernetes.io/tls"
            yield Violation(f"{holder}/{key}", "required", f"must be set {why}")


def _certificate_and_key(pem: Mapping[str, str], holder: str) -> Iterator[Violation]:
    chain = _certificates(pem["tls.crt"]) if "tls.crt" in pem else None
    if "tls.crt" in pem and chain is None:
        yield Violation(
            f"{holder}/tls.crt", "certificate", "must be one or more X.509 certificates in PEM, the server's own first"
        )
    if "tls.key" not in pem:
        return
    try:
        key = serialization.load_pem_private_key(pem["tls.key"].encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        yield Violation(f"{holder}/tls.key", "private_key", "must be a private key in PEM, without a password")
        return
    if isinstance(key, rsa.RSAPrivateKey):
        usable = key.key_size >= MIN_RSA_BITS
    else:
        usable = isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES
    if not usable:
        words = f"must be RSA with {MIN_RSA_BITS} bits or more, or ECDSA on P-256, P-384 or P-521: Envoy takes no other"
        yield Violation(f"{holder}/tls.key", "unsupported", words)
    elif chain is not None and key.public_key() != chain[0].public_key():
        yield Violation(f"{holder}/tls.key", "key_mismatch", "must be the key of the first certificate in tls.crt")


def _certificates(pem: str) -> list[x509.Certificate] | None:
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return None
