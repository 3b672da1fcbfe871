"""Which proxy holds a certificate."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from meshweb.config.adapters.blocking import Threads
from meshweb.store.models import Certificate
from meshweb.xds.ports import ProxyIdentity, Refused

REMEMBER_SECONDS = 10.0
REMEMBER_CERTIFICATES = 20_000


class DatabaseDirectory:
    """Asks the database, and remembers a yes for ten seconds: agents report every few seconds, and a revoked proxy's streams are
    looked up again while they live."""

    def __init__(self, threads: Threads, clock: Callable[[], float] = time.monotonic) -> None:
        self._threads = threads
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], tuple[float, ProxyIdentity]] = OrderedDict()

    async def identify(self, *, serial: str, spiffe_id: str) -> ProxyIdentity:
        """See `ProxyDirectory`."""
        key = (serial, spiffe_id)
        found = self._known.get(key)
        if found is not None and found[0] > self._clock():
            return found[1]
        self._known.pop(key, None)
        identity = await self._threads.run(_look_up, serial, spiffe_id)
        self._known[key] = (self._clock() + REMEMBER_SECONDS, identity)
        while len(self._known) > REMEMBER_CERTIFICATES:
            self._known.popitem(last=False)
        return identity

    def forget(self) -> None:
        """Asks anew from now on (proxies were removed)."""
        self._known.clear()


def _look_up(serial: str, spiffe_id: str) -> ProxyIdentity:
    row = Certificate.objects.select_related("proxy").filter(serial=serial).defer("chain").first()
    if row is None:
        raise Refused("this certificate is not known: it was replaced, its proxy was removed, or another mesh issued it")
    if row.proxy.revoked_at is not None:
        raise Refused(f"proxy {row.proxy_id} was removed from the mesh")
    if row.spiffe_id != spiffe_id or row.proxy.spiffe_id != spiffe_id:
        raise Refused("the certificate's identity is not the one its proxy has now")
    return ProxyIdentity(row.proxy_id, row.spiffe_id, row.serial, row.not_after.timestamp())
