"""A Secret lays down its key material. Whether a proxy gets it is decided by what the proxy's own configuration names."""

from __future__ import annotations

from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.errors import CompileError
from meshweb.core.intent import Document
from meshweb.core.ir.secrets import SecretMaterial
from meshweb.kinds.secret.spec import SecretSpec


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = document.spec
    assert isinstance(spec, SecretSpec)
    try:
        pem = spec.pem()
        said = "; ".join(f"{key}: {_facts(pem[key])}" for key in ("tls.crt", "ca.crt") if key in pem)
    except ValueError:
        raise CompileError("its values cannot be read: write it anew") from None
    material = SecretMaterial(pem.get("tls.crt", ""), pem.get("tls.key", ""), pem.get("ca.crt", ""))
    mesh.secrets[f"{document.namespace}/{document.name}"] = material
    mesh.report(document, Condition.accepted(said))


@lru_cache(maxsize=1024)
def _facts(pem: str) -> str:
    """Of each certificate, the first three: for whom it is, until when, and its fingerprint. Public; keys are never looked at."""
    found = x509.load_pem_x509_certificates(pem.encode())
    more = f", and {len(found) - 3} more" if len(found) > 3 else ""
    return ", ".join(map(_fact, found[:3])) + more


def _fact(certificate: x509.Certificate) -> str:
    ends = certificate.not_valid_after_utc.isoformat().replace("+00:00", "Z")
    return f"{_names(certificate)} until {ends} (SHA-256 {certificate.fingerprint(hashes.SHA256()).hex()})"


def _names(certificate: x509.Certificate) -> str:
    """Its DNS names, addresses and URIs, else its subject."""
    try:
        general = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        general = x509.SubjectAlternativeName([])
    shown = (x509.DNSName, x509.IPAddress, x509.UniformResourceIdentifier)
    names = [str(item.value) for item in general if isinstance(item, shown)]
    return " ".join(names[:10]) or certificate.subject.rfc4514_string() or "nobody"
