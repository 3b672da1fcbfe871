"""A small scripted xDS client, without transport (`ModelEnvoy`) and on gRPC (`AdsClient`).

It behaves as Envoy does where it matters: subscribes to the endpoints of the clusters it gets and to the routes of its
listeners, acknowledges or refuses, and claims what it holds when it comes back.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from meshweb.core.snapshot import TypeUrl
from meshweb.protos import message

CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET = (
    TypeUrl.CLUSTER,
    TypeUrl.ENDPOINT,
    TypeUrl.LISTENER,
    TypeUrl.ROUTE,
    TypeUrl.SECRET,
)
SECRETIVE = "2"
"""Mark of a cluster that names a secret, which is called as it is; a listener names one that is called as its route."""
_SERVICE = "/envoy.service.discovery.v3.AggregatedDiscoveryService/"


def delta_request(
    type_url: str,
    *,
    node: str = "",
    subscribe: tuple[str, ...] = (),
    unsubscribe: tuple[str, ...] = (),
    versions: dict[str, str] | None = None,
    nonce: str = "",
    error: str = "",
) -> bytes:
    request = message("envoy.service.discovery.v3.DeltaDiscoveryRequest")(type_url=type_url, response_nonce=nonce)
    request.resource_names_subscribe.extend(subscribe)
    request.resource_names_unsubscribe.extend(unsubscribe)
    request.initial_resource_versions.update(versions or {})
    _finish(request, node, error)
    data: bytes = request.SerializeToString()
    return data


def sotw_request(
    type_url: str, *, node: str = "", names: tuple[str, ...] = (), version: str = "", nonce: str = "", error: str = ""
) -> bytes:
    request = message("envoy.service.discovery.v3.DiscoveryRequest")(
        type_url=type_url, response_nonce=nonce, version_info=version
    )
    request.resource_names.extend(names)
    _finish(request, node, error)
    data: bytes = request.SerializeToString()
    return data


def _finish(request: Any, node: str, error: str) -> None:
    if node:
        request.node.id = node
        request.node.metadata.fields["agentVersion"].string_value = "0.1.0"
        request.node.user_agent_build_version.version.major_number = 1
        request.node.user_agent_build_version.version.minor_number = 40
    if error:
        request.error_detail.code = 13
        request.error_detail.message = error


def parse_response(data: bytes) -> Any:
    return message("envoy.service.discovery.v3.DeltaDiscoveryResponse").FromString(data)


def parse_sotw_response(data: bytes) -> Any:
    return message("envoy.service.discovery.v3.DiscoveryResponse").FromString(data)


def cluster_body(name: str, mark: str = "", *, eds: bool = True) -> bytes:
    cluster = message("envoy.config.cluster.v3.Cluster")(name=name, alt_stat_name=mark)
    if eds:
        cluster.eds_cluster_config.eds_config.ads.SetInParent()
    data: bytes = cluster.SerializeToString(deterministic=True)
    return data


def endpoints_body(name: str, port: int = 1) -> bytes:
    assignment = message("envoy.config.endpoint.v3.ClusterLoadAssignment")(cluster_name=name)
    address = assignment.endpoints.add().lb_endpoints.add().endpoint.address.socket_address
    address.address, address.port_value = "127.0.0.1", port
    data: bytes = assignment.SerializeToString(deterministic=True)
    return data


def references_body(mark: str, *references: str) -> bytes:
    """Stands for a listener (refers to routes) or a route configuration (refers to clusters)."""
    return json.dumps([mark, *references]).encode()


def references(body: bytes) -> list[str]:
    found: list[str] = json.loads(body)[1:]
    return found


class ModelEnvoy:
    """Client side of a delta stream as a pure model. `send` takes the bytes of each request.

    `held`: type -> name -> (version, body). `strict`: fail when a listener or route refers to something it does not hold.
    """

    def __init__(self, node: str, send: Callable[[bytes], None], *, strict: bool = False) -> None:
        self.held: dict[str, dict[str, tuple[str, bytes]]] = {t: {} for t in (CLUSTER, ENDPOINT, SECRET, LISTENER, ROUTE)}
        self._names: dict[str, set[str]] = {ENDPOINT: set(), ROUTE: set(), SECRET: set()}
        self._node = node
        self._send = send
        self._strict = strict
        self._asked: set[str] = set()
        self.responses = 0

    def start(self) -> None:
        self._request(CLUSTER)
        self._request(LISTENER)

    def restart(self, send: Callable[[bytes], None]) -> None:
        """A new stream to another server: claims what it holds."""
        self._send = send
        self._asked = set()
        for type_url in (CLUSTER, ENDPOINT, SECRET, LISTENER, ROUTE):
            names = tuple(sorted(self._names.get(type_url, ())))
            versions = {name: version for name, (version, _) in self.held[type_url].items()}
            if names or type_url in (CLUSTER, LISTENER):
                self._request(type_url, subscribe=names, versions=versions)

    def receive(self, data: bytes, *, refuse: bool = False, applied: Callable[[str], bool] = lambda _: False) -> None:
        """Applies a response and answers it. A refused one is applied only where `applied(name)`, as Envoy does."""
        response = parse_response(data)
        self.responses += 1
        held = self.held[response.type_url]
        for name in response.removed_resources:
            if not refuse or applied(name):
                held.pop(name, None)
        wanted = self._names.get(response.type_url)
        for resource in response.resources:
            if wanted is not None and resource.name not in wanted:
                continue  # unsubscribed while the response was on its way: Envoy ignores it
            if not refuse:
                held[resource.name] = (resource.version, resource.resource.value)
            elif applied(resource.name):
                held[resource.name] = ("?", resource.resource.value)
        self._follow(response.type_url)
        self._request(response.type_url, nonce=response.nonce, error="refused" if refuse else "")
        if self._strict:
            self.check()

    def check(self) -> None:
        for name, (_, body) in self.held[ROUTE].items():
            missing = set(references(body)) - self.held[CLUSTER].keys()
            assert not missing, f"route {name} refers to {missing}"

    def _follow(self, type_url: str) -> None:
        if type_url == CLUSTER:
            self._want(ENDPOINT, set(self.held[CLUSTER]))
        elif type_url == LISTENER:
            self._want(ROUTE, self._routes())
        if type_url in {CLUSTER, LISTENER}:
            clusters = {name for name, (_, body) in self.held[CLUSTER].items() if body == cluster_body(name, SECRETIVE)}
            self._want(SECRET, clusters | self._routes())

    def _routes(self) -> set[str]:
        return {route for _, body in self.held[LISTENER].values() for route in references(body)}

    def _want(self, type_url: str, names: set[str]) -> None:
        before = self._names[type_url]
        self._names[type_url] = names
        for gone in before - names:
            self.held[type_url].pop(gone, None)
        if names != before:
            added, dropped = tuple(sorted(names - before)), tuple(sorted(before - names))
            self._request(type_url, subscribe=added, unsubscribe=dropped)

    def _request(self, type_url: str, **fields: Any) -> None:
        node = "" if self._asked else self._node
        self._asked.add(type_url)
        self._send(delta_request(type_url, node=node, **fields))


class AdsClient:
    """One stream on gRPC: `send` and `receive` bytes."""

    def __init__(self, call: Any) -> None:
        self._call = call

    async def send(self, data: bytes) -> None:
        await self._call.write(data)

    async def receive(self) -> bytes | None:
        """The next response, or None at the end of the stream. Raises grpc.aio.AioRpcError."""
        data = await self._call.read()
        return data if isinstance(data, bytes) else None

    async def status(self) -> tuple[grpc.StatusCode, str]:
        """How the server ended the stream."""
        return await self._call.code(), await self._call.details()


def unary(connection: Any, name: str) -> Any:
    """Callable for a call of agents: bytes in, bytes out."""
    return connection.unary_unary(f"/meshweb.agent.v1.Agent/{name}")


def channel(target: str, *, key: bytes, chain: bytes, roots: bytes) -> grpc.aio.Channel:
    credentials = grpc.ssl_channel_credentials(root_certificates=roots, private_key=key, certificate_chain=chain)
    # A subchannel pool of its own: each client is its own connection, as proxies are.
    options = [
        ("grpc.ssl_target_name_override", "control-plane.meshweb"),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_receive_message_length", -1),
    ]
    return grpc.aio.secure_channel(target, credentials, options=options)


@asynccontextmanager
async def ads(connection: Any, *, sotw: bool = False) -> AsyncIterator[AdsClient]:
    method = "StreamAggregatedResources" if sotw else "DeltaAggregatedResources"
    call = connection.stream_stream(_SERVICE + method)()
    try:
        yield AdsClient(call)
    finally:
        call.cancel()
