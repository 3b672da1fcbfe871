"""Envoy's only ADS server: forwards to the control plane byte for byte, and stands in for it while it is away.

Per Envoy stream there is one upstream stream (a *link*). A link always begins with what Envoy subscribes to and holds, so that
the control plane sends only differences; after that, both directions are forwarded as they are, apart from answers to
responses that came from elsewhere. Secrets of this VM (own certificate, roots, files) are answered here and never asked for there.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from meshweb.agent.book import ORDER, SECRET, Book, Noted
from meshweb.agent.control_plane import Away, ControlPlane, Denied, Rejected, failure, self_cancelled
from meshweb.agent.file_secrets import FileSecrets
from meshweb.agent.secrets import Secrets, SecretStream, split
from meshweb.agent.snapshots import Snapshots
from meshweb.identity.rotation import retry_delay
from meshweb.protos import message

log = logging.getLogger(__name__)

_REQUEST = "envoy.service.discovery.v3.DeltaDiscoveryRequest"
_RESPONSE = "envoy.service.discovery.v3.DeltaDiscoveryResponse"
_EOF: object = getattr(grpc.aio, "EOF")  # noqa: B009 - missing in the type stubs
_links = itertools.count(1)


@dataclass(frozen=True, slots=True)
class RelayTimes:
    """Seconds. `patience`: how long a starting Envoy waits for the control plane before it gets what is on disk.
    `silence`: how long a connected control plane may take to answer an Envoy that holds nothing. `settle`: how long to wait
    for Envoy's outstanding answers before its holdings are told to a new link."""

    patience: float = 1.0
    silence: float = 3.0
    settle: float = 20.0
    retry_first: float = 0.5
    retry_longest: float = 30.0


class EnvoyStream:
    """One delta ADS stream of Envoy. `context` is gRPC's."""

    def __init__(
        self,
        context: Any,
        *,
        control_plane: ControlPlane,
        secrets: Secrets,
        files: FileSecrets,
        snapshots: Snapshots,
        times: RelayTimes,
        on_denied: Callable[[str], None],
    ) -> None:
        self._context = context
        self._control_plane = control_plane
        self._secrets = secrets
        self._files = files
        self._snapshots = snapshots
        self._times = times
        self._on_denied = on_denied
        self._book = Book()
        self._secret_stream = SecretStream(secrets, files)
        self._to_envoy: asyncio.Queue[bytes] = asyncio.Queue()
        self._to_link: asyncio.Queue[bytes] | None = None
        self._link = 0
        self._alone = False  # the control plane is away: answer from what is stored
        self._local = 0
        self._first_request = asyncio.Event()
        self._settled = asyncio.Event()
        self._link_spoke = asyncio.Event()

    async def run(self) -> None:
        """Until Envoy leaves."""
        forget = (self._secrets.listen(self._push_secrets), self._files.listen(self._push_secrets))
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(work) for work in (self._read(), self._write(), self._follow())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in forget:
                end()
            self._secret_stream.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            error = task.exception()
            if error is not None and not isinstance(error, grpc.aio.UsageError | grpc.aio.BaseError):
                log.error("stream of Envoy failed", exc_info=error)

    # -- Envoy ---------------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        while (data := await self._context.read()) is not _EOF:
            try:
                request = message(_REQUEST).FromString(data)
            except DecodeError:
                log.exception("Envoy sent something that is not a discovery request")
                return
            if request.type_url != SECRET:
                self._handle(request, data)
                continue
            own, others = split(request)
            if own is not None:
                self._answer_secrets(own)
            if others is not None:
                self._handle(others, others.SerializeToString())

    async def _write(self) -> None:
        while True:
            await self._context.write(await self._to_envoy.get())

    def _handle(self, request: Any, data: bytes) -> None:
        noted = self._book.request(request, self._snapshots.current)
        self._first_request.set()
        if not self._book.waiting:
            self._settled.set()
        if noted.acknowledged:
            self._keep()
        elif request.HasField("error_detail"):
            log.warning("Envoy refused %s: %s", request.type_url, request.error_detail.message[:500])
        if self._to_link is not None:
            self._forward(request, data, noted)
        if self._alone:
            self._answer_locally()

    def _forward(self, request: Any, data: bytes, noted: Noted) -> None:
        queue = self._to_link
        if queue is None:
            return
        if not noted.is_answer or noted.link == self._link:
            queue.put_nowait(data)
        elif request.resource_names_subscribe or request.resource_names_unsubscribe:
            # The answer is to somebody else's response, but what it asks for is news.
            request.ClearField("response_nonce")
            request.ClearField("error_detail")
            queue.put_nowait(request.SerializeToString())

    def _keep(self) -> None:
        complete = self._book.complete()
        if complete is not None:
            self._snapshots.keep(complete)

    def _send(self, response: Any, link: int | None, data: bytes | None = None) -> None:
        self._book.response(response, link)
        self._settled.clear()
        self._to_envoy.put_nowait(response.SerializeToString() if data is None else data)

    # -- secrets -------------------------------------------------------------------------------------------------------

    def _answer_secrets(self, request: Any) -> None:
        if request.HasField("error_detail"):
            log.error("Envoy refused a secret: %s", request.error_detail.message[:500])
        answer = self._secret_stream.request(request)
        if answer is not None:
            self._to_envoy.put_nowait(answer)

    def _push_secrets(self) -> None:
        answer = self._secret_stream.changed()
        if answer is not None:
            self._to_envoy.put_nowait(answer)

    # -- standing in ---------------------------------------------------------------------------------------------------

    def _answer_locally(self) -> None:
        """Gives Envoy what is stored and missing."""
        stored = self._snapshots.current
        if not stored:
            return
        for type_url in ORDER:
            response = self._book.missing(type_url, stored)
            if response is not None:
                self._local += 1
                response.nonce = f"agent-{self._local}"
                self._send(response, None)

    def _stand_in(self) -> None:
        if not self._alone and self._to_link is None:
            self._alone = True
            log.info("the control plane is away: serving what is on disk")
            self._answer_locally()

    # -- control plane -------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Keeps a link to the control plane for as long as Envoy is there."""
        await self._first_request.wait()
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            stand_in = loop.call_later(self._times.patience, self._stand_in)
            try:
                await self._connect()
                await self._serve_link()
                attempt = 0
                continue
            except (Away, Rejected) as error:
                log.warning("control plane: %s", error)
            except Denied as error:
                log.error("control plane: %s", error)
                self._on_denied(str(error))
            finally:
                stand_in.cancel()
            if self._book.cold:
                self._stand_in()  # an Envoy that holds nothing serves nobody: it does not wait for the next attempt
            attempt = 0 if self._link_spoke.is_set() else attempt
            self._link_spoke.clear()
            draw = random.random()
            delay = retry_delay(attempt, draw, first=self._times.retry_first, longest=self._times.retry_longest)
            attempt += 1
            stand_in = loop.call_later(self._times.patience, self._stand_in)
            try:
                await asyncio.sleep(delay)
            finally:
                stand_in.cancel()

    async def _connect(self) -> None:
        await self._control_plane.connect()
        if self._book.waiting:
            self._settled.clear()
            try:
                async with asyncio.timeout(self._times.settle):
                    await self._settled.wait()
            except TimeoutError:
                log.info("Envoy takes long to answer; its last acknowledged state is told to the control plane")

    async def _serve_link(self) -> None:
        """One upstream stream. Raises Away, Denied or Rejected at its end; returns when there are new credentials."""
        renewals = self._control_plane.renewals
        call = self._control_plane.stream()
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        for request in self._book.resume():
            queue.put_nowait(request)
        self._alone = False
        self._link = next(_links)
        self._to_link = queue
        self._link_spoke.clear()
        loop = asyncio.get_running_loop()
        works = (self._up(call, queue), self._down(call, self._link), self._watch(renewals))
        tasks = [loop.create_task(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except grpc.aio.AioRpcError as error:
            raise failure(error.code(), error.details()) from None
        except grpc.aio.UsageError:
            raise Away("the connection was replaced") from None
        except asyncio.CancelledError:
            if self_cancelled():
                raise
            raise Away("the connection was replaced") from None
        finally:
            self._to_link = None
            call.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _up(self, call: Any, queue: asyncio.Queue[bytes]) -> None:
        while True:
            data = await queue.get()
            try:
                await call.write(data)
            except (asyncio.InvalidStateError, grpc.aio.UsageError):
                await asyncio.Event().wait()  # the stream has ended; `_down` knows why

    async def _down(self, call: Any, link: int) -> None:
        while (data := await call.read()) is not _EOF:
            response = message(_RESPONSE).FromString(data)
            self._link_spoke.set()
            self._send(response, link, data)
        raise failure(await call.code(), await call.details())

    async def _watch(self, renewals: int) -> None:
        """Ends the link when it is silent towards an Envoy that holds nothing, or when there are new credentials."""
        if self._book.cold and self._snapshots.current:
            try:
                async with asyncio.timeout(self._times.silence):
                    await self._link_spoke.wait()
            except TimeoutError:
                raise Away("connected, but nothing was sent") from None
        await self._control_plane.renewed_since(renewals)
