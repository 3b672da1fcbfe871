"""The world outside the mesh: a CA of its own, which signs its servers, its callers, and what gateways show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from meshweb.agent.secrets import Secrets
from meshweb.agent.state import Credentials
from meshweb.core import names
from meshweb.protos import message, pack

_SECRET = "envoy.extensions.transport_sockets.tls.v3.Secret"
_NAMES = ("*.example.com", "*.example.org", "localhost")
"""In every certificate, besides the name of its owner."""


class World:
    """Its certificates are known by their owner's name: common name, DNS name, and `spiffe://world/<owner>`."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of the world")])
        self._root = self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=0), ())
        self.roots = self._root.public_bytes(serialization.Encoding.PEM).decode()
        self.pair = lru_cache(maxsize=None)(self._pair)

    def _pair(self, owner: str) -> tuple[bytes, bytes]:
        """Certificate and key, PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, owner)])
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in (owner, *_NAMES)]
        alternatives.append(x509.UniformResourceIdentifier(f"spiffe://world/{owner}"))
        made = self._sign(subject, key, x509.BasicConstraints(ca=False, path_length=None), alternatives)
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return made.public_bytes(serialization.Encoding.PEM), key.private_bytes(*form)

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        constraints: x509.BasicConstraints,
        alternatives: list[x509.GeneralName] | tuple[()],
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(constraints, critical=True)
        )
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return builder.sign(self._key, hashes.SHA256())


class ServedSecrets(Secrets):
    """Beside the VM's own, every Secret and file that a document may name: a certificate of the world that is owned by the last
    part of the name, or for roots the world's. What has `missing` or `not-permitted` in its name is not there."""

    def __init__(self, credentials: Credentials, world: World) -> None:
        super().__init__(credentials)
        self._world = world
        self._made: dict[str, object] = {}

    def get(self, name: str) -> object | None:
        own: object | None = super().get(name)
        if own is not None or "missing" in name or "not-permitted" in name:
            return own
        if name not in self._made:
            self._made[name] = self._make_one(name)
        return self._made[name]

    def _make_one(self, name: str) -> object:
        secret = message(_SECRET)(name=name)
        if name.endswith(names.ROOTS_SUFFIX) or name.startswith(names.FILE_ROOTS):
            secret.validation_context.trusted_ca.inline_string = World().roots if "stranger" in name else self._world.roots
        else:
            certificate, key = self._world.pair(name.rpartition("/")[2].removesuffix(".key"))
            secret.tls_certificate.certificate_chain.inline_bytes = certificate
            secret.tls_certificate.private_key.inline_bytes = key
        resource = message("envoy.service.discovery.v3.Resource")(name=name, version="1")
        resource.resource.CopyFrom(pack(secret))
        return resource
