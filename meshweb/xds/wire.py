"""Bytes on the xDS stream: responses spliced by hand from serialized resources, requests parsed into the little that is needed.

Numbers are those of `envoy/service/discovery/v3/discovery.proto`. Splicing a cached body costs about a microsecond; building the
messages for every stream costs a thousand times as much.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from google.protobuf.message import DecodeError

from meshweb.core.snapshot import TypeUrl, XdsResource
from meshweb.protos import message

_LENGTH_DELIMITED = 2


class BadRequest(ValueError):
    """The peer sent bytes that are not a discovery request, or more than is allowed."""


@dataclass(frozen=True, slots=True)
class Node:
    """What is kept of the 60 KB node message of the first request."""

    id: str
    envoy_version: str
    agent_version: str


@dataclass(frozen=True, slots=True)
class Request:
    """A discovery request of either protocol. `subscribe` is the whole list for state of the world, the additions for delta.
    `error` is None for an ACK and Envoy's text for a NACK. `version` only in state of the world."""

    type_url: str
    nonce: str
    node: Node | None = None
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    initial_versions: Mapping[str, str] | None = None
    version: str = ""
    error: str | None = None


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, value: bytes) -> bytes:
    """A length-delimited field."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(value)) + value


def _any(type_url: str, body: bytes) -> bytes:
    return field(1, type_url.encode()) + field(2, body)


@lru_cache(maxsize=16_384)
def _delta_resource(type_url: str, resource: XdsResource) -> bytes:
    """`DeltaDiscoveryResponse.resources` (field 2) with one Resource: version 1, Any 2, name 3."""
    inner = field(1, resource.version.encode()) + field(2, _any(type_url, resource.body))
    return field(2, inner + field(3, resource.name.encode()))


def delta_response(
    type_url: str, resources: Iterable[XdsResource], removed: Collection[str], nonce: str, version: str
) -> bytes:
    """DeltaDiscoveryResponse: system_version_info 1, resources 2, type_url 4, nonce 5, removed_resources 6."""
    parts = [field(1, version.encode())]
    parts += [_delta_resource(type_url, resource) for resource in resources]
    parts += [field(4, type_url.encode()), field(5, nonce.encode())]
    parts += [field(6, name.encode()) for name in sorted(removed)]
    return b"".join(parts)


def sotw_response(type_url: str, resources: Iterable[XdsResource], nonce: str, version: str) -> bytes:
    """DiscoveryResponse: version_info 1, resources 2 (Any), type_url 4, nonce 5."""
    parts = [field(1, version.encode())]
    parts += [field(2, _any(type_url, resource.body)) for resource in resources]
    parts += [field(4, type_url.encode()), field(5, nonce.encode())]
    return b"".join(parts)


def _node(node: object) -> Node | None:
    identifier: str = getattr(node, "id", "")
    if not identifier:
        return None
    version = node.user_agent_build_version.version  # type: ignore[attr-defined]  # message class of the private pool
    agent = node.metadata.fields["agentVersion"].string_value  # type: ignore[attr-defined]  # as above
    return Node(identifier, f"{version.major_number}.{version.minor_number}.{version.patch}", agent[:64])


def parse_delta(data: bytes) -> Request:
    """Raises BadRequest."""
    try:
        parsed = message("envoy.service.discovery.v3.DeltaDiscoveryRequest").FromString(data)
    except DecodeError:
        raise BadRequest("not a DeltaDiscoveryRequest") from None
    return Request(
        type_url=parsed.type_url,
        nonce=parsed.response_nonce,
        node=_node(parsed.node),
        subscribe=tuple(parsed.resource_names_subscribe),
        unsubscribe=tuple(parsed.resource_names_unsubscribe),
        initial_versions=dict(parsed.initial_resource_versions) or None,
        error=parsed.error_detail.message if parsed.HasField("error_detail") else None,
    )


def parse_sotw(data: bytes) -> Request:
    """Raises BadRequest."""
    try:
        parsed = message("envoy.service.discovery.v3.DiscoveryRequest").FromString(data)
    except DecodeError:
        raise BadRequest("not a DiscoveryRequest") from None
    return Request(
        type_url=parsed.type_url,
        nonce=parsed.response_nonce,
        node=_node(parsed.node),
        subscribe=tuple(parsed.resource_names),
        version=parsed.version_info,
        error=parsed.error_detail.message if parsed.HasField("error_detail") else None,
    )


@lru_cache(maxsize=16_384)
def empty_endpoints(name: str) -> XdsResource:
    """A ClusterLoadAssignment without endpoints: an answer at once, instead of a cluster that warms for 15 seconds."""
    return XdsResource.of(name, field(1, name.encode()))


@lru_cache(maxsize=16_384)
def endpoints_name(cluster: XdsResource) -> str | None:
    """Name of the ClusterLoadAssignment that a cluster waits for, or None when it needs none."""
    parsed = message("envoy.config.cluster.v3.Cluster").FromString(cluster.body)
    if not parsed.HasField("eds_cluster_config"):
        return None
    service: str = parsed.eds_cluster_config.service_name or parsed.name
    return service


def known_type(type_url: str) -> TypeUrl | None:
    """None for types that the control plane does not serve."""
    try:
        return TypeUrl(type_url)
    except ValueError:
        return None
