"""The secrets of this VM, served to Envoy by SDS: `default` (own certificate and key), `ROOTCA` (whom to trust), and those of files.
All others come from the control plane.

The trust bundle goes through Envoy's SPIFFE validator, which binds each root to its trust domain: with a flat file of roots,
the CA of one domain could sign names of another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from meshweb.agent import file_secrets
from meshweb.agent.book import SECRET
from meshweb.agent.file_secrets import FileSecrets
from meshweb.agent.state import Credentials
from meshweb.protos import message, pack

CERTIFICATE, BUNDLE = "default", "ROOTCA"
_NONCE = "secret-"
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


def split(request: Any) -> tuple[Any | None, Any | None]:
    """A DeltaDiscoveryRequest for secrets as two: for this VM's own, and for those of the control plane. None: it asks nothing there."""
    own_answer = request.response_nonce.startswith(_NONCE)
    return (
        _part(request, _is_own, answers=own_answer),
        _part(request, lambda name: not _is_own(name), answers=not own_answer),
    )


def _is_own(name: str) -> bool:
    return name in {CERTIFICATE, BUNDLE} or _is_file(name)


def _is_file(name: str) -> bool:
    return name.startswith((file_secrets.PAIR, file_secrets.ROOTS))


def _part(request: Any, covers: Callable[[str], bool], *, answers: bool) -> Any | None:
    part = message("envoy.service.discovery.v3.DeltaDiscoveryRequest")()
    part.CopyFrom(request)
    for names in (part.resource_names_subscribe, part.resource_names_unsubscribe):
        kept = [name for name in names if covers(name)]
        del names[:]
        names.extend(kept)
    for name in [name for name in part.initial_resource_versions if not covers(name)]:
        del part.initial_resource_versions[name]
    if not answers:
        part.ClearField("response_nonce")
        part.ClearField("error_detail")
    asks = part.resource_names_subscribe or part.resource_names_unsubscribe or part.initial_resource_versions
    return part if asks or part.response_nonce else None


class SecretStream:
    """The VM's own secrets on one Envoy stream: answers subscriptions and pushes what changed."""

    def __init__(self, secrets: Secrets, files: FileSecrets) -> None:
        self._secrets = secrets
        self._files = files
        self._names: set[str] = set()
        self._versions: dict[str, str] = {}
        self._pushes = 0

    def request(self, request: Any) -> bytes | None:
        """Answer to a DeltaDiscoveryRequest for own secrets, or None."""
        if not self._names:
            self._versions.update(request.initial_resource_versions)
        self._leave(request.resource_names_unsubscribe)
        asked = set(request.resource_names_subscribe)
        for name in filter(_is_file, asked - self._names):
            self._files.want(name)
        self._names |= asked
        for name in asked - set(request.initial_resource_versions):
            self._versions.pop(name, None)
        return self._response(removed=[name for name in asked if self._get(name) is None])

    def changed(self) -> bytes | None:
        """What to push after secrets changed."""
        return self._response(removed=[])

    def close(self) -> None:
        self._leave(tuple(self._names))

    def _leave(self, names: Iterable[str]) -> None:
        for name in self._names.intersection(names):
            self._names.discard(name)
            self._versions.pop(name, None)
            if _is_file(name):
                self._files.leave(name)

    def _get(self, name: str) -> Any | None:
        return self._files.get(name) if _is_file(name) else self._secrets.get(name)

    def _response(self, removed: list[str]) -> bytes | None:
        response = message("envoy.service.discovery.v3.DeltaDiscoveryResponse")(type_url=SECRET)
        for name in sorted(self._names):
            resource = self._get(name)
            if resource is not None and self._versions.get(name) != resource.version:
                response.resources.add().CopyFrom(resource)
                self._versions[name] = resource.version
        response.removed_resources.extend(removed)
        if not response.resources and not removed:
            return None
        self._pushes += 1
        response.nonce = f"{_NONCE}{self._pushes}"
        data: bytes = response.SerializeToString()
        return data
