"""Proxies and certificates."""

from __future__ import annotations

from typing import Literal

from meshweb.api.shapes.base import Shape, Time


class ProxyHealth(Shape):
    state: Literal["healthy", "unhealthy", "unknown"]
    reason: str
    at: Time | None


class ProxyCertificate(Shape):
    serial: str
    not_before: Time
    expires_at: Time


class ProxyType(Shape):
    type: Literal["Clusters", "Endpoints", "Listeners", "Routes", "Secrets"]
    state: Literal["synced", "pending", "rejected", "unsent"]
    version: str | None
    at: Time | None
    detail: str


class Proxy(Shape):
    """`gateway`: the name under which it serves Gateways; empty: it is a sidecar."""

    id: str
    namespace: str
    name: str
    workload_group: str
    identity: str
    mode: Literal["loopback", "proxy", "explicit"]
    bind: str
    app_address: str
    gateway: str
    agent_version: str
    envoy_version: str
    state: Literal["joining", "synced", "pending", "rejected", "disconnected"]
    connected: bool
    connected_at: Time | None
    last_seen: Time | None
    live_revision: int | None
    wanted_revision: int | None
    services: list[str]
    health: ProxyHealth
    certificate: ProxyCertificate | None
    types: list[ProxyType]
    first_request_at: Time | None
    joined_at: Time


class Certificate(Shape):
    serial: str
    proxy: str
    identity: str
    not_before: Time
    expires_at: Time
    issued_at: Time
    state: Literal["active", "superseded", "expired"]
