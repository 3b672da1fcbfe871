"""Who is at the other end: the verified client certificate, and what the directory says about it."""

from __future__ import annotations

import logging
from typing import Any

import grpc
from cryptography import x509

from meshweb.identity.issue import serial_hex, spiffe_uri
from meshweb.xds.ports import ProxyDirectory, ProxyIdentity, Refused, Unavailable

log = logging.getLogger(__name__)


class Peers:
    """Answers from certificate and directory; nothing else (metadata, addresses) is looked at."""

    def __init__(self, directory: ProxyDirectory) -> None:
        self._directory = directory

    async def identify(self, context: Any) -> ProxyIdentity:
        """The proxy of this call. Ends the call with UNAUTHENTICATED, PERMISSION_DENIED or UNAVAILABLE."""
        presented = context.auth_context().get("x509_pem_cert")
        if not presented:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "a client certificate is required")
        try:
            certificate = x509.load_pem_x509_certificate(presented[0])
            uri = spiffe_uri(certificate)
        except ValueError as error:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, f"client certificate: {error}")
            raise
        try:
            return await self._directory.identify(serial=serial_hex(certificate.serial_number), spiffe_id=uri)
        except Refused as error:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
            raise
        except Unavailable as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error) or "try again")
            raise

    async def still_refused(self, proxy: ProxyIdentity) -> str | None:
        """Why the stream of `proxy` must end now, or None. A directory that cannot answer changes nothing."""
        try:
            found = await self._directory.identify(serial=proxy.serial, spiffe_id=proxy.spiffe_id)
        except Refused as error:
            return str(error)
        except Unavailable:
            log.warning("cannot re-check %s: the directory is unavailable", proxy.proxy_id)
            return None
        return None if found.proxy_id == proxy.proxy_id else "the certificate belongs to another proxy now"
