"""One child: started, watched, started again with back-off, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from enum import StrEnum

from meshweb.agent import process
from meshweb.config.supervisor.launch import launch
from meshweb.config.supervisor.logs import Channel
from meshweb.config.supervisor.program import Program

FIRST_DELAY, LONGEST_DELAY, CALM_AFTER = 0.2, 10.0, 10.0
"""Seconds: the back-off doubles from the first to the longest and begins anew after a calm run."""
TRIES_BEFORE_READY = 3
_POLL = 0.02


class ChildFailed(Exception):
    """A child does not come up. The message says which and shows its last lines."""


class State(StrEnum):
    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"
    STOPPED = "stopped"
    FAILED = "failed"


def next_delay(before: float, uptime: float) -> float:
    """Seconds until the next start, after a run of `uptime` that came after a delay of `before`."""
    return FIRST_DELAY if before == 0 or uptime >= CALM_AFTER else min(before * 2, LONGEST_DELAY)


class Child:
    """`changed` is called after every change of state, pid or restarts."""

    def __init__(self, program: Program, channel: Channel, changed: Callable[[], None]) -> None:
        self.program, self.channel = program, channel
        self.state = State.STARTING
        self.restarts = 0
        self.identity: process.ProcessId | None = None
        self._changed = changed
        self._stop = asyncio.Event()
        self._served = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._running: Running | None = None

    async def start(self) -> None:
        """Returns once it serves. Raises ChildFailed when it does not after a few tries; then it runs no more."""
        self._task = asyncio.get_running_loop().create_task(self._keep_running())
        served = asyncio.create_task(self._served.wait())
        try:
            await asyncio.wait([self._task, served], return_when=asyncio.FIRST_COMPLETED)
        finally:
            served.cancel()
        if self._task.done() and not self._served.is_set():
            self._task.result()
            if self.state is State.FAILED:
                raise ChildFailed(self._why())

    async def stop(self) -> None:
        """Asks it to end, and ends it and its group after the grace."""
        self._stop.set()
        if self._running is not None:
            await self._running.end(self.program)
        if self._task is not None:
            await self._task

    async def _keep_running(self) -> None:
        delay = 0.0
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            began = loop.time()
            ended = await self._run_once()
            self.identity = None
            if self._stop.is_set():
                break
            self.restarts += 1
            if not self._served.is_set() and self.restarts >= TRIES_BEFORE_READY:
                break
            delay = next_delay(delay, loop.time() - began)
            self.channel.say(f"{self.program.name} {ended}; starting again in {delay:g} s")
            self._set(State.WAITING)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._stop.wait()
        self.channel.end()
        self._set(State.STOPPED if self._stop.is_set() else State.FAILED)

    async def _run_once(self) -> str:
        """Returns how it ended, in words."""
        program = self.program
        self._set(State.STARTING)
        try:
            program.prepare()
            self._running = running = Running(program, self.channel)
        except OSError as error:
            return f"cannot be started: {error}"
        self.identity = process.identify(running.pid)
        self._changed()
        readiness = asyncio.create_task(self._await_ready(running))
        try:
            code = await running.wait()
        finally:
            readiness.cancel()
            self._running = None
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"

    async def _await_ready(self, running: Running) -> None:
        try:
            async with asyncio.timeout(self.program.ready_within):
                while not self.program.ready(running.pid):
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            self.channel.say(f"{self.program.name} does not serve after {self.program.ready_within:g} s: ending it")
            await running.end(self.program)
            return
        self._set(State.READY)
        self._served.set()

    def _set(self, state: State) -> None:
        self.state = state
        self._changed()

    def _why(self) -> str:
        tail = "\n".join(f"    {line}" for line in self.channel.tail)
        return f"{self.program.name} does not start ({self.restarts} tries). Its last lines:\n{tail}"


class Running:
    """One run of a program, with its output pumped into the channel."""

    def __init__(self, program: Program, channel: Channel) -> None:
        self._channel = channel
        self._loop = asyncio.get_running_loop()
        self._output, writer = os.pipe2(os.O_CLOEXEC)
        try:
            self._popen: subprocess.Popen[bytes] = launch(
                program.argv,
                env=program.env,
                output=writer,
                cwd=program.cwd,
                account=program.account,
                death_signal=program.death_signal,
            )
        except BaseException:
            os.close(self._output)
            raise
        finally:
            os.close(writer)
        self.pid = self._popen.pid
        self._ended = asyncio.Event()
        self._descriptor = os.pidfd_open(self.pid)
        self._loop.add_reader(self._descriptor, self._ended.set)
        os.set_blocking(self._output, False)
        self._loop.add_reader(self._output, self._pump)

    async def wait(self) -> int:
        """The exit status; negative: the signal. Whatever it left in its group is ended."""
        await self._ended.wait()
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        # Not reaped yet, so the number of the group cannot belong to anyone else.
        self._signal(signal.SIGKILL, whole_group=True)
        code = self._popen.wait()
        self._pump()
        if self._output >= 0:
            self._close_output()
        return code

    async def end(self, program: Program) -> None:
        """Returns once the first process of the run has ended."""
        self._signal(program.stop_signal, whole_group=program.whole_group)
        try:
            async with asyncio.timeout(program.grace):
                await self._ended.wait()
        except TimeoutError:
            self._channel.say(f"{program.name} does not end after {program.grace:g} s: killing it")
            self._signal(signal.SIGKILL, whole_group=True)
            await self._ended.wait()

    def _signal(self, number: signal.Signals, *, whole_group: bool) -> None:
        if self._popen.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if whole_group:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)

    def _pump(self) -> None:
        while self._output >= 0:
            try:
                piece = os.read(self._output, 65536)
            except BlockingIOError:
                return
            if not piece:
                self._close_output()
                return
            self._channel.feed(piece)

    def _close_output(self) -> None:
        self._loop.remove_reader(self._output)
        os.close(self._output)
        self._output = -1
