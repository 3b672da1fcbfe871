"""Compiled configuration as immutable, shareable values.

A proxy's snapshot is a handful of *sections* per xDS type. Proxies with the same outbound view share the very same section
objects, and a section shares its resources with every other section that holds the same bytes. Equality is content equality:
the version of everything is the hash of its bytes, so two control planes, or one before and after a restart, agree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

VERSION_HEX_DIGITS = 16


class TypeUrl(StrEnum):
    """xDS resource types in the order in which Envoy wants them (xDS protocol, "Eventual consistency considerations")."""

    CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
    ENDPOINT = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
    LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
    ROUTE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
    SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"


PUSH_ORDER: tuple[TypeUrl, ...] = (TypeUrl.CLUSTER, TypeUrl.ENDPOINT, TypeUrl.SECRET, TypeUrl.LISTENER, TypeUrl.ROUTE)
"""Types the control plane serves. Of secrets, those of documents: the agent serves its own, whose keys never leave the VM."""

TYPE_NAMES: Mapping[TypeUrl, str] = {
    TypeUrl.CLUSTER: "Clusters",
    TypeUrl.ENDPOINT: "Endpoints",
    TypeUrl.LISTENER: "Listeners",
    TypeUrl.ROUTE: "Routes",
    TypeUrl.SECRET: "Secrets",
}
"""What the API and the console call each type."""


def content_version(*parts: bytes) -> str:
    """Hash of `parts` (each with its length, so that no two different lists collide by concatenation)."""
    digest = hashlib.blake2b(digest_size=VERSION_HEX_DIGITS // 2)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True, weakref_slot=True)
class XdsResource:
    """One named resource: `body` is the deterministic serialization of the inner message (the value of its Any)."""

    name: str
    version: str
    body: bytes = field(repr=False)

    @classmethod
    def of(cls, name: str, body: bytes) -> XdsResource:
        return cls(name=name, version=content_version(body), body=body)


_MODULUS = 2**256


def _entry_hash(resource: XdsResource) -> int:
    digest = hashlib.blake2b(f"{resource.name}={resource.version}".encode(), digest_size=32)
    return int.from_bytes(digest.digest(), "big")


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Section:
    """A set of resources of one type, by name. `version` covers names and versions of all of them.

    total: sum of the hashes of all names with versions, from which the version of a section that differs in a few of them is made
    without looking at the rest. Only sections that were made here have it.
    """

    version: str
    resources: Mapping[str, XdsResource]
    total: int = 0

    @classmethod
    def of(cls, resources: Iterable[XdsResource]) -> Section:
        by_name = {resource.name: resource for resource in sorted(resources, key=lambda resource: resource.name)}
        return cls._made(by_name, sum(map(_entry_hash, by_name.values())) % _MODULUS)

    def changed(self, resources: Iterable[XdsResource], removed: Iterable[str] = ()) -> Section:
        """The same section with `resources` in the place of those of their names, and without `removed`."""
        by_name, total = dict(self.resources), self.total
        for name in removed:
            total -= _entry_hash(by_name.pop(name))
        for resource in resources:
            if resource.name in by_name:
                total -= _entry_hash(by_name[resource.name])
            total += _entry_hash(resource)
            by_name[resource.name] = resource
        if by_name.keys() != self.resources.keys():
            by_name = dict(sorted(by_name.items()))
        return self._made(by_name, total % _MODULUS)

    @classmethod
    def _made(cls, by_name: Mapping[str, XdsResource], total: int) -> Section:
        return cls(content_version(total.to_bytes(_MODULUS.bit_length() // 8, "big")), by_name, total)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Section) and self.version == other.version

    def __hash__(self) -> int:
        return hash(self.version)


NO_RESOURCES = Section.of(())


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything one proxy (in truth: one config class) should hold, compiled from intent `revision`.

    Names are unique across the sections of a type. limits: what the servers must know to count for it (`core.shared_limits`); it is
    not sent.
    """

    revision: int
    sections: Mapping[TypeUrl, tuple[Section, ...]] = field(default_factory=dict)
    limits: Section = NO_RESOURCES

    def resource(self, type_url: TypeUrl, name: str) -> XdsResource | None:
        for section in self.sections.get(type_url, ()):
            found = section.resources.get(name)
            if found is not None:
                return found
        return None

    def resources(self, type_url: TypeUrl) -> Iterator[XdsResource]:
        for section in self.sections.get(type_url, ()):
            yield from section.resources.values()

    def section_versions(self, type_url: TypeUrl) -> tuple[str, ...]:
        return tuple(section.version for section in self.sections.get(type_url, ()))


@dataclass(frozen=True, slots=True)
class Delta:
    """What turns one list of sections into another: resources to send, names to remove."""

    changed: Mapping[str, XdsResource]
    removed: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed)


def delta(before: tuple[Section, ...], after: tuple[Section, ...]) -> Delta:
    """Difference of two section lists of one type. Sections that both hold cost nothing."""
    common = set(before) & set(after)
    old: dict[str, XdsResource] = {}
    for section in before:
        if section not in common:
            old.update(section.resources)
    changed: dict[str, XdsResource] = {}
    kept: set[str] = set()
    for section in after:
        if section in common:
            continue
        for name, resource in section.resources.items():
            kept.add(name)
            previous = old.get(name)
            if previous is None or previous.version != resource.version:
                changed[name] = resource
    return Delta(changed, frozenset(old.keys() - kept))
