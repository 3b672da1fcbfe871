"""Which local address a service has on every VM: given once, kept as long as the database lives."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from meshweb.core.names import ServiceRef
from meshweb.store.models import LocalAddress


def assign(service: ServiceRef, numbers: Collection[int]) -> None:
    """An index for the service (port 0, mode loopback) and one for each port (mode explicit). Call under the lock of all writes."""
    namespace, name = service.namespace, service.name
    wanted = {0, *numbers}
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
