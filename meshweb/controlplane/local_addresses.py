"""Which local address a service has on every VM: given once, kept as long as the database lives."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from meshweb.kinds.service.spec import ServiceSpec
from meshweb.store.models import LocalAddress


def assign(namespace: str, name: str, spec: object) -> None:
    """An index for the service (port 0, mode loopback) and one for each port (mode explicit). Call under the lock of all writes."""
    if not isinstance(spec, ServiceSpec):
        return
    wanted = {0, *(port.port for port in spec.ports)}
    held = set(LocalAddress.objects.filter(namespace=namespace, name=name).values_list("port", flat=True))
    missing = sorted(wanted - held)
    if not missing:
        return
    services = _free(LocalAddress.objects.filter(port=0).values_list("index", flat=True))
    ports = _free(LocalAddress.objects.exclude(port=0).values_list("index", flat=True))
    LocalAddress.objects.bulk_create(
        LocalAddress(namespace=namespace, name=name, port=port, index=next(ports if port else services)) for port in missing
    )


def _free(taken: Collection[int]) -> Iterator[int]:
    used, index = set(taken), 0
    while True:
        if index not in used:
            yield index
        index += 1
