"""Which Secrets a proxy is given: those that its own configuration names, of those that it may have.

It may have the Secrets of its namespace; a proxy that serves Gateways of Gateway API also what a ReferenceGrant permits these. One that
a proxy may not have, or that is not there, is named so that nobody ever serves it: Envoy would keep a certificate that it has been
given, whatever becomes of the Secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from meshweb.core import names
from meshweb.core.builder import MeshBuilder
from meshweb.core.envoy.secrets import Named, authorities, key_pair, named_in
from meshweb.core.ir.gateways import Gateway, GatewayServer, KeyPair, ServerTls
from meshweb.core.ir.secrets import SecretMaterial
from meshweb.core.resources import Resources
from meshweb.core.snapshot import Section, TypeUrl, XdsResource

GATEWAY_API, GATEWAY_API_GROUP = "Gateway", "gateway.networking.k8s.io"
_NOWHERE = "not-available/"


class Permitted:
    """The Secrets that proxies of a namespace which serve `gateways` may have."""

    def __init__(self, mesh: MeshBuilder, known: Resources, namespace: str, gateways: Sequence[Gateway] = ()) -> None:
        self._known = known
        self._namespace = namespace
        api = {gateway.ref.namespace for gateway in gateways if gateway.ref.kind == GATEWAY_API}
        self._materials = {
            key: material
            for key, material in mesh.secrets.items()
            if key.partition("/")[0] == namespace or any(_granted(mesh, owner, key) for owner in api)
        }
        self._named = lru_cache(maxsize=128)(self._named_in)
        self._made = lru_cache(maxsize=128)(self._make)

    def pair(self, name: str) -> SecretMaterial | None:
        found = self._materials.get(name)
        return found if found is not None and found.key else None

    def roots(self, name: str) -> str:
        """PEM; empty when there are none. `name` ends in `-cacert`: the `ca.crt` of the Secret before it, else of that name (Istio)."""
        keys = (name.removesuffix(names.ROOTS_SUFFIX), name)
        return next((found.roots for key in keys if (found := self._materials.get(key)) is not None and found.roots), "")

    # --- sections ---------------------------------------------------------------------------------------------------

    def sections(self, clusters: Sequence[Section], listeners: Sequence[Section]) -> tuple[Section, ...]:
        """What these name: one section, or none when that is nothing."""
        if not self._materials:
            return ()
        named = [self._named(TypeUrl.CLUSTER, section) for section in clusters]
        named += [self._named(TypeUrl.LISTENER, section) for section in listeners]
        pairs: frozenset[str] = frozenset().union(*(part.pairs for part in named))
        roots: frozenset[str] = frozenset().union(*(part.roots for part in named))
        return self._made(pairs, roots) if pairs or roots else ()

    def _make(self, pairs: frozenset[str], roots: frozenset[str]) -> tuple[Section, ...]:
        """A name that stands for a certificate here and for authorities there is neither."""
        found = [*self._pairs(pairs - roots), *self._authorities(roots - pairs)]
        return (self._known.section(found),) if found else ()

    def _named_in(self, type_url: TypeUrl, section: Section) -> Named:
        """Only resources in which the bytes of such a name stand are parsed: all of them would cost a hundred times as much."""
        wanted = [key.encode() for key in self._materials]
        return named_in(type_url, (r for r in section.resources.values() if any(key in r.body for key in wanted)))

    def _pairs(self, asked: Iterable[str]) -> Iterator[XdsResource]:
        for name in asked:
            found = self.pair(name)
            if found is not None:
                yield self._known.get(("pair", name, found), lambda n=name, f=found: key_pair(n, f.certificate, f.key))  # type: ignore[misc]  # mypy: lambda default

    def _authorities(self, asked: Iterable[str]) -> Iterator[XdsResource]:
        for name in asked:
            pem = self.roots(name)
            if pem:
                yield self._known.get(("roots", name, pem), lambda n=name, p=pem: authorities(n, p))  # type: ignore[misc]  # mypy: lambda default

    # --- servers ----------------------------------------------------------------------------------------------------

    def only(self, server: GatewayServer) -> GatewayServer:
        """With names that nobody serves in place of Secrets that cannot be given: it answers nobody then."""
        if server.tls is None:
            return server
        tls: ServerTls = replace(
            server.tls,
            certificates=tuple(replace(pair, secret=self._own(pair.secret)) for pair in server.tls.certificates),
            ca_secret=self._own(server.tls.ca_secret),
        )
        pairs = tuple(self._only_pair(pair) for pair in tls.certificates)
        missing = tls.ca_secret and not self.roots(f"{tls.ca_secret}{names.ROOTS_SUFFIX}")
        return replace(
            server, tls=replace(tls, certificates=pairs, ca_secret=f"{_NOWHERE}{tls.ca_secret}" if missing else tls.ca_secret)
        )

    def _own(self, name: str) -> str:
        """`./name` is the Secret of that name in the proxy's own namespace."""
        return f"{self._namespace}/{name[2:]}" if name.startswith("./") else name

    def _only_pair(self, pair: KeyPair) -> KeyPair:
        return KeyPair(secret=f"{_NOWHERE}{pair.secret}") if pair.secret and self.pair(pair.secret) is None else pair


def _granted(mesh: MeshBuilder, namespace: str, key: str) -> bool:
    owner, _, name = key.partition("/")
    return mesh.grants.permit(
        group=GATEWAY_API_GROUP, kind=GATEWAY_API, namespace=namespace, to_kind="Secret", to_namespace=owner, to_name=name
    )
