"""Which HealthCheck holds where. Documents come oldest first; of several for one port the oldest holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from meshweb.core.ir.health_checks import HealthCheck
from meshweb.core.names import PortRef


@dataclass(slots=True)
class HealthChecks:
    _ports: dict[PortRef, HealthCheck] = field(default_factory=dict)

    def put(self, port: PortRef, check: HealthCheck) -> HealthCheck:
        """The one that holds: an older one, if there is one."""
        return self._ports.setdefault(port, check)

    def of(self, port: PortRef) -> HealthCheck | None:
        return self._ports.get(port)
