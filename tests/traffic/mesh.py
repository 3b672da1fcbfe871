"""The mesh that every case begins with: VMs, their entries, and the services they back.

| VM | what it is |
|---|---|
| `shop/web-1` | a caller (mode explicit), and a backend of `web.shop` |
| `shop/api-1` | `api.shop` with a port of every protocol |
| `shop/pay-a-1`, `shop/pay-b-1` | `pay.shop`, and by version `pay-a.shop`, `pay-b.shop` |
| `other/client-1` | a caller in another namespace (mode loopback), and a backend of `client.other` |
| `shop/proxy-1` | a caller in mode proxy |
| `shop/gateway-1` | a gateway, by the name `public` and the label `istio: ingressgateway` |

Every VM runs the same applications, on the ports of `PORTS`; a case that declares a Service for one more of them has it.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from meshweb.core.intent import CaptureMode, ProxyView

Json = dict[str, Any]

HTTP, H2C, GRPC, TCP, GREETING, TLS = 8080, 8081, 8082, 9000, 9001, 9443
HTTPS = 9444
"""The HTTP application behind TLS of its own."""
GATEWAY = {"app": "gateway", "istio": "ingressgateway", "gateway.networking.k8s.io/gateway-name": "public"}
PORTS = {"http": HTTP, "http2": H2C, "grpc": GRPC, "tcp": TCP, "tcp-greeting": GREETING, "tls": TLS}
"""Name of the service port -> number. The names say the protocol."""


@dataclass(frozen=True)
class Vm:
    namespace: str
    name: str
    account: str
    labels: tuple[tuple[str, str], ...]
    mode: CaptureMode = CaptureMode.EXPLICIT
    gateway: str = ""
    network: str = ""  # "127.N.M"

    @property
    def id(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def bind(self) -> str:
        """Where the sidecar listens."""
        return f"{self.network}.1"

    @property
    def app_address(self) -> str:
        return f"{self.network}.2"

    @property
    def loopback_range(self) -> str:
        own, index = self.network.removeprefix("127.").split(".")
        return f"127.{int(own) + 60}.{int(index) * 8}.0/21"

    def view(self) -> ProxyView:
        return ProxyView(self.namespace, self.name, self.mode, self.bind, self.app_address, self.loopback_range, self.gateway)

    def entry(self) -> Json:
        spec = {"address": self.bind, "labels": dict(self.labels), "serviceAccount": self.account, "ports": {"http": HTTP}}
        return _document("networking.istio.io/v1", "WorkloadEntry", self.name, self.namespace, spec)


def make_vms() -> dict[str, Vm]:
    """By id. The addresses are this process' own."""
    first = _free_network()
    wanted: list[tuple[str, str, str, dict[str, str], CaptureMode]] = [
        ("shop", "web-1", "web", {"app": "web"}, CaptureMode.EXPLICIT),
        ("shop", "api-1", "api", {"app": "api"}, CaptureMode.EXPLICIT),
        ("shop", "pay-a-1", "pay", {"app": "pay", "version": "a"}, CaptureMode.EXPLICIT),
        ("shop", "pay-b-1", "pay", {"app": "pay", "version": "b"}, CaptureMode.EXPLICIT),
        ("other", "client-1", "client", {"app": "client"}, CaptureMode.LOOPBACK),
        ("shop", "proxy-1", "proxy", {"app": "proxy"}, CaptureMode.PROXY),
        ("shop", "gateway-1", "gateway", GATEWAY, CaptureMode.EXPLICIT),
    ]
    made = [
        Vm(namespace, name, account, tuple(labels.items()), mode, "public" if labels is GATEWAY else "", f"127.{first}.{index}")
        for index, (namespace, name, account, labels, mode) in enumerate(wanted, start=1)
    ]
    return {vm.id: vm for vm in made}


def _free_network() -> int:
    """127.N.0.0/16 that no other run of the rig has."""
    for attempt in range(60):
        network = 64 + (os.getpid() + attempt) % 60
        with contextlib.suppress(OSError), socket.create_server((f"127.{network}.1.2", HTTP)):
            return network
    raise OSError("every network of the rig is taken")


def places(vms: dict[str, Vm]) -> dict[str, str]:
    """What may stand as `$(name)` in documents: addresses of sidecars and of applications, and one where nobody answers."""
    network = next(iter(vms.values())).network.rpartition(".")[0]
    sidecars = {vm.id: vm.bind for vm in vms.values()}
    return sidecars | {f"app {vm.id}": vm.app_address for vm in vms.values()} | {"nobody": f"{network}.250.1"}


def base_documents(vms: dict[str, Vm]) -> Iterator[Json]:
    for namespace in sorted({vm.namespace for vm in vms.values()} | {"istio-system"}):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}, "spec": {}}
    for vm in vms.values():
        yield vm.entry()
    yield _service("web", "shop", {"app": "web"}, "http")
    yield _service("api", "shop", {"app": "api"}, *PORTS)
    yield _service("pay", "shop", {"app": "pay"}, "http")
    yield _service("pay-a", "shop", {"app": "pay", "version": "a"}, "http")
    yield _service("pay-b", "shop", {"app": "pay", "version": "b"}, "http")
    yield _service("client", "other", {"app": "client"}, "http")


def _service(name: str, namespace: str, selector: dict[str, str], *ports: str) -> Json:
    spec = {"selector": selector, "ports": [{"name": port, "port": PORTS[port]} for port in ports]}
    return _document("v1", "Service", name, namespace, spec)


def _document(version: str, kind: str, name: str, namespace: str, spec: Json) -> Json:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}
