"""How this Envoy sees the endpoints that it calls or checks: what its health checks, its outlier detection and the control plane took
out. Read from `/clusters` of its admin interface.

Endpoints that were neither called nor are checked are left out: nothing was observed of them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from meshweb.agent import admin
from meshweb.agent.book import CLUSTER
from meshweb.agent.store import Snapshot
from meshweb.agent.upstreams import inner, service_port

MAX_ENDPOINTS = 2_000
"""What is told at most; those that are out come first."""
_REST = 50
"""Looking costs in proportion to all endpoints that Envoy knows: it may take one part of so many of the time."""
_REPEAT_SECONDS = 60.0
"""What did not change is told again after so long, so that a control plane that lost it has it again."""
_STATES = (
    ("failed_active_health_check", "failing"),
    ("exclude_via_immediate_hc_fail", "failing"),
    ("pending_active_hc", "checking"),
    ("failed_outlier_check", "ejected"),
)
_ORDER = ("failing", "ejected", "withdrawn", "checking", "healthy")
"""Worst first. withdrawn: the control plane says that it is unhealthy."""

State = tuple[str, int, str, str]
"""("<namespace>/<service>", port of the service, "<address>:<port>", state)."""


class Watch:
    """`look` before each report; `payload` is the part `endpoints` of it."""

    def __init__(self, admin_socket: Path) -> None:
        self._socket = admin_socket
        self._states: tuple[State, ...] = ()
        self._looked: float | None = None
        self._next = 0.0
        self._told: tuple[State, ...] | None = None
        self._told_at = 0.0
        self._asked: tuple[State, ...] | None = None

    async def look(self, snapshot: Snapshot) -> None:
        """Asks Envoy, unless it was asked too short a time ago; without an answer what was seen last stays, and grows old."""
        begun = time.monotonic()
        if begun < self._next:
            return
        try:
            status, body = await admin.request(self._socket, "GET", "/clusters?format=json")
        except admin.AdminAway:
            return
        if status != 200:
            return
        self._states = await asyncio.to_thread(read, body, checked(snapshot))
        self._looked = time.monotonic()
        self._next = self._looked + _REST * (self._looked - begun)

    def payload(self) -> dict[str, Any] | None:
        """None: nothing was seen yet. `states` is null when it is what was acknowledged last."""
        now = time.monotonic()
        if self._looked is None:
            return None
        fresh = self._states != self._told or now - self._told_at > _REPEAT_SECONDS
        self._asked = self._states if fresh else None
        names = ("service", "port", "address", "state")
        states = [dict(zip(names, state, strict=True)) for state in self._states] if fresh else None
        return {"age": round(now - self._looked, 3), "states": states}

    def acknowledged(self) -> None:
        """The control plane has what `payload` said last."""
        if self._asked is not None:
            self._told, self._told_at = self._asked, time.monotonic()
            self._asked = None


def checked(snapshot: Snapshot) -> frozenset[str]:
    """Names of clusters with active health checks."""
    clusters = snapshot.get(CLUSTER, {})
    return frozenset(
        name for name, held in clusters.items() if inner(held.resource, "envoy.config.cluster.v3.Cluster").health_checks
    )


def read(body: bytes, checked: frozenset[str]) -> tuple[State, ...]:
    """Sorted. Of an endpoint in several clusters of a service port (subsets) the worst state counts."""
    found: dict[tuple[str, int, str], str] = {}
    for cluster in json.loads(body).get("cluster_statuses", ()):
        service = service_port(cluster.get("observability_name", ""))
        if service is None:
            continue
        for host in cluster.get("host_statuses", ()):
            address = host.get("address", {}).get("socket_address")
            if address is None or not (cluster["name"] in checked or _was_called(host)):
                continue
            key = (*service, f"{address['address']}:{address['port_value']}")
            found[key] = min(found.get(key, _ORDER[-1]), _state(host.get("health_status", {})), key=_ORDER.index)
    ranked = sorted(found.items(), key=lambda item: _ORDER.index(item[1]))[:MAX_ENDPOINTS]
    return tuple(sorted((*key, state) for key, state in ranked))


def _was_called(host: Mapping[str, Any]) -> bool:
    return any(s["name"] in {"rq_total", "cx_total"} and int(s.get("value", 0)) > 0 for s in host.get("stats", ()))


def _state(health: Mapping[str, Any]) -> str:
    found = [state for flag, state in _STATES if health.get(flag)]
    # An endpoint that waits for its first check has failed none, though Envoy keeps both flags.
    if "checking" in found and "failing" in found:
        found.remove("failing")
    if health.get("eds_health_status") in {"UNHEALTHY", "DRAINING", "TIMEOUT"}:
        found.append("withdrawn")
    return min(found, key=_ORDER.index, default=_ORDER[-1])
