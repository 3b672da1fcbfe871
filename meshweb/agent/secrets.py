"""The two secrets of this VM, served to Envoy by SDS: `default` (own certificate and key) and `ROOTCA` (whom to trust).

The trust bundle goes through Envoy's SPIFFE validator, which binds each root to its trust domain: with a flat file of roots,
the CA of one domain could sign names of another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from meshweb.agent.book import SECRET
from meshweb.agent.state import Credentials
from meshweb.protos import message, pack

CERTIFICATE, BUNDLE = "default", "ROOTCA"
_TLS = "envoy.extensions.transport_sockets.tls.v3"


def _resource(name: str, secret: Any, version: str) -> Any:
    resource = message("envoy.service.discovery.v3.Resource")(name=name, version=version)
    resource.resource.CopyFrom(pack(secret))
    return resource


def _certificate(credentials: Credentials) -> Any:
    secret = message(f"{_TLS}.Secret")(name=CERTIFICATE)
    secret.tls_certificate.certificate_chain.inline_string = credentials.chain
    secret.tls_certificate.private_key.inline_bytes = credentials.key.reveal()
    # The serial is new with each certificate; a hash of the key would be one more thing to keep quiet about.
    return _resource(CERTIFICATE, secret, credentials.serial)


def _bundle(credentials: Credentials) -> Any:
    validator = message(f"{_TLS}.SPIFFECertValidatorConfig")()
    domain = validator.trust_domains.add(name=credentials.trust_domain)
    domain.trust_bundle.inline_string = credentials.roots
    secret = message(f"{_TLS}.Secret")(name=BUNDLE)
    config = secret.validation_context.custom_validator_config
    config.name = "envoy.tls.cert_validator.spiffe"
    config.typed_config.CopyFrom(pack(validator))
    version = hashlib.sha256(f"{credentials.trust_domain}\n{credentials.roots}".encode()).hexdigest()[:16]
    return _resource(BUNDLE, secret, version)


class Secrets:
    """Holder of the current credentials, and where streams hear of new ones."""

    def __init__(self, credentials: Credentials) -> None:
        self._current = credentials
        self._listeners: set[Callable[[], None]] = set()
        self._resources = self._make()

    @property
    def current(self) -> Credentials:
        return self._current

    def update(self, credentials: Credentials) -> None:
        """New certificate or bundle: every stream pushes it at once."""
        self._current = credentials
        self._resources = self._make()
        for listener in tuple(self._listeners):
            listener()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Returns what ends the listening."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def get(self, name: str) -> Any | None:
        return self._resources.get(name)

    def _make(self) -> dict[str, Any]:
        return {CERTIFICATE: _certificate(self._current), BUNDLE: _bundle(self._current)}


class SecretStream:
    """The Secret type of one Envoy stream: answers subscriptions and pushes what changed."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._names: set[str] = set()
        self._versions: dict[str, str] = {}
        self._pushes = 0

    def request(self, request: Any) -> bytes | None:
        """Answer to a DeltaDiscoveryRequest, or None."""
        if not self._names:
            self._versions.update(request.initial_resource_versions)
        for name in request.resource_names_unsubscribe:
            self._names.discard(name)
            self._versions.pop(name, None)
        asked = set(request.resource_names_subscribe)
        self._names |= asked
        for name in asked - set(request.initial_resource_versions):
            self._versions.pop(name, None)
        return self._response(removed=[name for name in asked if self._secrets.get(name) is None])

    def changed(self) -> bytes | None:
        """What to push after the secrets changed."""
        return self._response(removed=[])

    def _response(self, removed: list[str]) -> bytes | None:
        response = message("envoy.service.discovery.v3.DeltaDiscoveryResponse")(type_url=SECRET)
        for name in sorted(self._names):
            resource = self._secrets.get(name)
            if resource is not None and self._versions.get(name) != resource.version:
                response.resources.add().CopyFrom(resource)
                self._versions[name] = resource.version
        response.removed_resources.extend(removed)
        if not response.resources and not removed:
            return None
        self._pushes += 1
        response.nonce = f"secret-{self._pushes}"
        data: bytes = response.SerializeToString()
        return data
