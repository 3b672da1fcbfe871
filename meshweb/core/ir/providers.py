"""Whom sidecars ask about requests: extension providers of the MeshConfig (Istio, ExtensionProvider)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BodyInCheck:
    """How much of a request's body the provider is shown, in bytes: of a longer one its beginning."""

    max_bytes: int
    as_bytes: bool = False


@dataclass(frozen=True, slots=True)
class ExtensionProvider:
    """As its document says. service: a host name, with "namespace/" before it where several have it. Headers have Istio's string forms.

    grpc: asked by `envoy.service.auth.v3.Authorization`; else by an HTTP request with the path of the one that it is about, behind
    path_prefix. timeout in milliseconds. open: a request passes when nobody answers; else it is answered with status. shown: headers
    that the provider gets beside host, method, path and authorization. added: (name, value) that it gets besides. to_upstream: of an
    answer that allows, what the application gets; to_downstream, denied_downstream: what the client gets of one that allows, or denies.
    """

    name: str
    service: str
    port: int
    grpc: bool = False
    timeout: int = 600_000
    open: bool = False
    status: int = 403
    path_prefix: str = ""
    shown: tuple[str, ...] = ()
    added: tuple[tuple[str, str], ...] = ()
    body: BodyInCheck | None = None
    to_upstream: tuple[str, ...] = ()
    to_downstream: tuple[str, ...] = ()
    denied_downstream: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """As it is asked. cluster: of the service; problem: why it cannot be asked; then what would be asked about is denied."""

    name: str
    problem: str = ""
    definition: ExtensionProvider | None = None
    cluster: str = ""

    @property
    def id(self) -> str:
        """Another one for every change: a connection that was opened before it knows only the one of then."""
        said = repr((self.problem, self.definition, self.cluster)).encode()
        return f"{self.name}.{hashlib.sha256(said).hexdigest()[:16]}"
