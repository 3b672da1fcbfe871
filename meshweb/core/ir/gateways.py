"""What a gateway opens to callers outside the mesh."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from meshweb.core.ir.routing import Origin
from meshweb.core.ir.services import Labels


class ServerProtocol(StrEnum):
    HTTP = "HTTP"
    HTTPS = "HTTPS"
    TLS = "TLS"
    TCP = "TCP"


class ServerTlsMode(StrEnum):
    """Istio's ServerTLSSettings.TLSmode. Gateway API's Terminate is SIMPLE, with client validation MUTUAL or OPTIONAL_MUTUAL."""

    PASSTHROUGH = "PASSTHROUGH"
    SIMPLE = "SIMPLE"
    MUTUAL = "MUTUAL"
    OPTIONAL_MUTUAL = "OPTIONAL_MUTUAL"
    ISTIO_MUTUAL = "ISTIO_MUTUAL"


class TlsVersion(StrEnum):
    AUTO = "TLS_AUTO"
    V1_2 = "TLSV1_2"
    V1_3 = "TLSV1_3"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate with its key: `secret` ("namespace/name" of a Secret, or "./name" in the proxy's own namespace), or files on the
    gateway's machine."""

    secret: str = ""
    certificate_file: str = ""
    key_file: str = ""


@dataclass(frozen=True, slots=True)
class ServerTls:
    """ca: whom to believe callers' certificates: `secret` holds `ca.crt`. Pins: base64 SPKI and hex certificate SHA-256."""

    mode: ServerTlsMode
    certificates: tuple[KeyPair, ...] = ()
    ca_secret: str = ""
    ca_file: str = ""
    crl_file: str = ""
    names: tuple[str, ...] = ()
    spki_pins: tuple[str, ...] = ()
    hash_pins: tuple[str, ...] = ()
    min_version: TlsVersion = TlsVersion.AUTO
    max_version: TlsVersion = TlsVersion.AUTO
    ciphers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class GatewayRef:
    """`kind`: Gateway (Gateway API) or IstioGateway (networking.istio.io)."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class GatewayServer:
    """One listener (Gateway API) or server (Istio).

    hosts: (namespace of the routes that may use it, or "*"; pattern of the host). kinds: of routes, empty: all that fit the protocol.
    https_redirect: plain requests are sent to HTTPS. problem: reason and message where something it refers to is not there.
    """

    gateway: GatewayRef
    name: str
    port: int
    protocol: ServerProtocol
    hosts: tuple[tuple[str, str], ...]
    bind: str = ""
    tls: ServerTls | None = None
    kinds: tuple[str, ...] = ()
    https_redirect: bool = False
    problem: tuple[str, str] | None = None
    origin: Origin | None = None

    @property
    def terminates(self) -> bool:
        return self.tls is not None and self.tls.mode is not ServerTlsMode.PASSTHROUGH

    def hosts_for(self, namespace: str) -> tuple[str, ...]:
        """Patterns that routes of a namespace may use."""
        return tuple(host for allowed, host in self.hosts if allowed in {"*", namespace})

    @property
    def takes_requests(self) -> bool:
        return self.protocol in {ServerProtocol.HTTP, ServerProtocol.HTTPS} and (self.tls is None or self.terminates)


@dataclass(frozen=True, slots=True)
class Gateway:
    """`namespace` empty: proxies of all namespaces that carry `selector` (Istio); else of this one."""

    ref: GatewayRef
    namespace: str
    selector: Labels
    servers: tuple[GatewayServer, ...]
