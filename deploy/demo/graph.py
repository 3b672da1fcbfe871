"""The shop as it is meant to be: its machines, and who calls whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

DIRECTORY = Path(__file__).resolve().parent
PORT = 8080


@dataclass(frozen=True, slots=True)
class Machine:
    """One pretended VM: a program on `application`, its sidecar on `bind`. `calls`: services. `gateway`: it has no program, and serves the
    Gateway of this name to callers outside the mesh."""

    number: int
    namespace: str
    group: str
    role: str
    mode: str
    arguments: tuple[str, ...] = field(default=())
    calls: frozenset[str] = frozenset()
    gateway: str = ""

    @property
    def name(self) -> str:
        """Those that only call are known in the topology by this name; the others by that of their service."""
        return self.group if self.makes_load or self.gateway else f"{self.group}-1"

    @property
    def makes_load(self) -> bool:
        return "--rate" in self.arguments

    @property
    def proxy(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def bind(self) -> str:
        return f"127.20.{self.number}.1"

    @property
    def application(self) -> str:
        return f"127.20.{self.number}.2"


MACHINES = (
    Machine(1, "shop", "web", "web", "explicit", calls=frozenset({"shop/catalog", "shop/cart", "shop/checkout"})),
    Machine(2, "shop", "catalog", "catalog", "loopback"),
    Machine(3, "shop", "cart", "cart", "loopback", ("--delay", "0.004")),
    Machine(4, "shop", "checkout", "checkout", "loopback", calls=frozenset({"shop/payments", "shop/shipping"})),
    Machine(5, "shop", "payments-v1", "payments", "explicit", ("--delay", "0.012", "--version", "v1")),
    Machine(6, "shop", "payments-v2", "payments", "explicit", ("--delay", "0.020", "--version", "v2")),
    Machine(7, "shop", "shipping", "shipping", "loopback", ("--delay", "0.008", "--failing", "0.04")),
    Machine(8, "shop", "load", "load", "proxy", ("--rate", "30"), calls=frozenset({"shop/web"})),
    Machine(10, "shop", "ingress", "", "", gateway="ingress"),
    Machine(9, "reports", "batch-reports", "batch-reports", "explicit", ("--rate", "0.5"), calls=frozenset({"shop/payments"})),
)
BY_GROUP = {machine.group: machine for machine in MACHINES}

INGRESS = BY_GROUP["ingress"]
SHOP_HOST = "shop.example"
"""The name by which visitors reach the shop through the gateway."""
HTTPS_PORT = 8443

ALLOWED = frozenset(
    {
        ("shop/ingress", "shop/web"),
        ("shop/load", "shop/web"),
        ("shop/web", "shop/catalog"),
        ("shop/web", "shop/cart"),
        ("shop/web", "shop/checkout"),
        ("shop/checkout", "shop/payments"),
        ("shop/checkout", "shop/shipping"),
    }
)
DENIED = ("reports/batch-reports", "shop/payments")
CANARY = 0.10
