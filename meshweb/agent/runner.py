"""The agent at work: ties relay, secrets, renewal, Envoy, probes and reports together until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import signal
import time
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from meshweb.agent import VERSION, files, process, upstreams
from meshweb.agent.bootstrap import bootstrap
from meshweb.agent.control_plane import Away, ControlPlane, Denied, Rejected
from meshweb.agent.endpoints import Watch
from meshweb.agent.envoy import Envoy, EnvoyOptions
from meshweb.agent.file_secrets import FileSecrets
from meshweb.agent.layout import Layout
from meshweb.agent.local_server import LocalServer
from meshweb.agent.probes import BadProbe, Prober, parse_probe
from meshweb.agent.relay import EnvoyStream, RelayTimes
from meshweb.agent.secrets import Secrets
from meshweb.agent.snapshots import Snapshots
from meshweb.agent.state import Credentials, State, check_credentials, save_credentials, save_state
from meshweb.agent.telemetry import Telemetry
from meshweb.identity import csr, issue, keys
from meshweb.identity.rotation import renewal_due, retry_delay

log = logging.getLogger(__name__)

_DEFAULT_REPORT_SECONDS = 5.0
_CONFIGURE_SECONDS = 3.0
_LAST_REPORT_SECONDS = 2.0
_SHORTEST_RENEWAL = 0.5


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator of this machine lets documents do here: name certificates below these directories; run a command as probe."""

    credential_dirs: tuple[Path, ...] = ()
    exec_probes: bool = False


class Agent:
    """One sidecar. `run` returns after a drained stop."""

    def __init__(
        self,
        layout: Layout,
        state: State,
        credentials: Credentials,
        *,
        envoy: EnvoyOptions,
        envoy_version: str,
        allowed: Allowed | None = None,
        times: RelayTimes | None = None,
    ) -> None:
        self._layout = layout
        self._state = state
        self._allowed = allowed or Allowed()
        self._times = times or RelayTimes()
        self._envoy_version = envoy_version
        self._secrets = Secrets(credentials)
        self._files = FileSecrets(self._allowed.credential_dirs, layout.data_dir)
        self._control_plane = ControlPlane(state.xds, lambda: self._secrets.current)
        self._snapshots = Snapshots(layout.snapshot)
        self._telemetry = Telemetry(time.monotonic(), gateway=bool(state.flags.gateway))
        # Numbers must grow across restarts, without a file that is written with each report.
        self._telemetry.start_at(int(time.time() * 1000))
        self._server = LocalServer(layout.xds_socket, self._serve_envoy, self._control_plane.count, self._telemetry)
        self._envoy = Envoy(layout, envoy)
        self._watch = Watch(layout.admin_socket)
        self._report_now = asyncio.Event()
        self._new_settings = asyncio.Event()
        self._prober = Prober(lambda _: self._report_now.set())
        self._stop = asyncio.Event()
        self._configured = False
        self._seen = "away"

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        """Raises EnvoyError or OSError when the sidecar cannot start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        own = process.identify(os.getpid())
        if own is not None:
            files.write_json(self._layout.pid, {"pid": own.pid, "started": own.started})
        self._snapshots.start()
        await self._configure(_CONFIGURE_SECONDS)
        await self._server.start()
        tasks: list[asyncio.Task[None]] = []
        try:
            flush = min(self._report_seconds(), 5.0)
            await self._envoy.start(bootstrap(self._layout, self._state, flush_seconds=flush))
            self._apply_settings(self._state.settings)
            works = (self._keep_renewed(), self._keep_reporting(), self._files.watch())
            tasks = [loop.create_task(work) for work in works]
            await self._until_stopped(tasks)
        finally:
            log.info("stopping: draining Envoy")
            await self._envoy.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._prober.stop()
            with contextlib.suppress(Away, Denied, Rejected, TimeoutError):
                async with asyncio.timeout(_LAST_REPORT_SECONDS):
                    await self._report()
            await self._server.stop()
            await self._control_plane.close()
            await self._snapshots.stop()
            self._layout.pid.unlink(missing_ok=True)

    async def _until_stopped(self, tasks: list[asyncio.Task[None]]) -> None:
        """Also ends when one of the tasks fails, which none of them should."""
        stop: Coroutine[Any, Any, Any] = self._stop.wait()
        waiting = asyncio.get_running_loop().create_task(stop)
        done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for task in done:
            task.result()

    async def _serve_envoy(self, context: Any) -> None:
        await EnvoyStream(
            context,
            control_plane=self._control_plane,
            secrets=self._secrets,
            files=self._files,
            snapshots=self._snapshots,
            times=self._times,
            on_denied=self._denied,
        ).run()

    def _denied(self, reason: str) -> None:
        self._seen = f"denied: {reason}"

    # -- settings ------------------------------------------------------------------------------------------------------

    async def _configure(self, timeout: float) -> None:
        payload = {**self._state.flags.payload(), "agentVersion": VERSION, "envoyVersion": self._envoy_version}
        try:
            answer = await self._control_plane.call("Configure", payload, timeout=timeout)
        except Away as error:
            log.warning("cannot reach the control plane, going on without: %s", error)
            return
        except (Denied, Rejected) as error:
            log.error("the control plane refuses this sidecar: %s", error)
            self._denied(str(error))
            return
        self._configured = True
        self._seen = "connected"
        await self._trust(answer)
        self._state = self._state.with_settings(answer.get("settings"))
        await asyncio.to_thread(save_state, self._layout, self._state)

    def _apply_settings(self, settings: object) -> None:
        if isinstance(settings, dict) and settings != self._state.settings:
            self._state = self._state.with_settings(settings)
            save_state(self._layout, self._state)
            self._new_settings.set()
        try:
            wanted = None if self._state.flags.gateway else self._state.settings.get("probe")
            probe, why = parse_probe(wanted, self._state.flags.app_address, allow_exec=self._allowed.exec_probes), "no probe"
        except (BadProbe, ValueError, TypeError, KeyError) as error:
            log.error("the probe is ignored: %s", error)
            probe, why = None, f"the probe is ignored: {error}"
        self._prober.configure(probe, why)

    def _report_seconds(self) -> float:
        wanted = self._state.settings.get("reportSeconds")
        return min(max(float(wanted), 0.2), 300.0) if isinstance(wanted, int | float) else _DEFAULT_REPORT_SECONDS

    async def _trust(self, answer: dict[str, Any]) -> None:
        """Takes over a new trust bundle. It came over mTLS from the control plane of the bundle that is trusted now."""
        current = self._secrets.current
        bundle = answer.get("trustBundle")
        if not isinstance(bundle, str) or bundle == current.roots:
            return
        try:
            updated = check_credentials(replace(current, roots=bundle))
        except ValueError as error:
            log.error("the new trust bundle cannot be used and is ignored: %s", error)
            return
        await self._use(updated)
        log.info("took over a new trust bundle")

    async def _use(self, credentials: Credentials) -> None:
        await asyncio.to_thread(save_credentials, self._layout, credentials)
        self._secrets.update(credentials)
        await self._control_plane.renewed()

    # -- renewal -------------------------------------------------------------------------------------------------------

    def _renewal_due(self) -> float:
        leaf = self._secrets.current.leaf
        wanted = self._state.settings.get("renewBefore")
        before = timedelta(seconds=float(wanted)) if isinstance(wanted, int | float) else None
        # Life begins when it was made: the backdating for skewed clocks is no part of it.
        start = leaf.not_valid_before_utc + issue.BACKDATE
        due = renewal_due(start, leaf.not_valid_after_utc, leaf.serial_number, datetime.now(UTC), before)
        return max(due.total_seconds(), _SHORTEST_RENEWAL)

    async def _keep_renewed(self) -> None:
        while True:
            self._new_settings.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._renewal_due()):
                    await self._new_settings.wait()
                    continue  # they may ask for an earlier renewal
            attempt = 0
            while not await self._renew():
                await asyncio.sleep(retry_delay(attempt, random.random()))
                attempt += 1

    async def _renew(self) -> bool:
        key = keys.make_key()
        try:
            answer = await self._control_plane.call("Renew", {"csr": csr.make_csr(key)})
            current = self._secrets.current
            renewed = check_credentials(
                Credentials(
                    keys.private_key_pem(key),
                    answer["certificate"],
                    answer.get("trustBundle") or current.roots,
                    current.trust_domain,
                )
            )
            if issue.spiffe_uri(renewed.leaf) != self._state.identity:
                raise ValueError("the certificate is for another identity")
        except (Away, Rejected, KeyError, TypeError, ValueError) as error:
            log.warning("renewal: %s; the certificate is valid until %s", error, self._secrets.current.ends)
            return False
        except Denied as error:
            log.error("renewal: %s; the certificate is valid until %s", error, self._secrets.current.ends)
            self._denied(str(error))
            return False
        await self._use(renewed)
        log.info("renewed the certificate until %s", renewed.ends)
        return True

    # -- reports -------------------------------------------------------------------------------------------------------

    async def _keep_reporting(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._report_seconds()):
                    await self._report_now.wait()
            self._report_now.clear()
            if not self._configured:
                await self._configure(_CONFIGURE_SECONDS)
            try:
                await self._report()
            except Away as error:
                self._seen = "away"
                log.debug("report: %s", error)
            except Denied as error:
                self._denied(str(error))
            await asyncio.to_thread(files.write_json, self._layout.status, await self.status())

    async def _report(self) -> None:
        self._telemetry.mtls = upstreams.mutual_tls(self._snapshots.current)
        health = self._prober.health
        await self._watch.look(self._snapshots.current)
        payload = {
            **self._telemetry.freeze(time.monotonic()),
            "health": {"state": health.state, "reason": health.reason},
            "envoy": {"state": await self._envoy.state(), "version": self._envoy_version},
            "endpoints": self._watch.payload(),
        }
        try:
            answer = await self._control_plane.call("Report", payload)
        except Rejected as error:
            log.error("a report was refused and is dropped: %s", error)
            self._telemetry.acknowledged()
            return
        self._telemetry.acknowledged()
        self._watch.acknowledged()
        self._seen = "connected"
        self._apply_settings(answer.get("settings"))

    async def status(self) -> dict[str, Any]:
        """What `meshweb-agent status` shows."""
        current, state = self._secrets.current, self._state
        kept = self._snapshots.changed_at
        return {
            "proxy": state.proxy,
            "identity": state.identity,
            "controlPlane": {"address": state.xds, "state": self._seen},
            "certificate": {"serial": current.serial, "expiresAt": current.ends.isoformat()},
            "envoy": {
                "state": await self._envoy.state(),
                "version": self._envoy_version,
                "pid": self._envoy.pid,
                "adopted": self._envoy.adopted,
                "restarts": self._envoy.restarts,
            },
            "health": {"state": self._prober.health.state, "reason": self._prober.health.reason},
            **state.flags.payload(),
            "fileSecrets": self._files.status(),
            "configurationFrom": datetime.fromtimestamp(kept, UTC).isoformat() if kept is not None else None,
            "agent": {"pid": os.getpid(), "version": VERSION},
            "at": datetime.now(UTC).isoformat(),
        }
