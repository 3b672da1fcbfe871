"""Starts programs in order, keeps them running, stops them in reverse order, and says so in a status file."""

from __future__ import annotations

import asyncio
import itertools
import os
from pathlib import Path
from typing import Any

from meshweb.agent import files, process
from meshweb.config.supervisor import locks
from meshweb.config.supervisor.child import Child, ChildFailed, Running
from meshweb.config.supervisor.logs import Output
from meshweb.config.supervisor.program import Program


class Supervisor:
    """Status file `<data_dir>/<name>.json`: {pid, started, state, children: [{name, pid, started, state, restarts}]}."""

    def __init__(self, data_dir: Path, output: Output, *, name: str = "supervisor") -> None:
        self._data_dir, self._output, self._name = data_dir, output, name
        self._status = data_dir / f"{name}.json"
        self._children: list[Child] = []
        self._lock: int | None = None
        self._state = "starting"
        self.channel = output.channel("meshweb")

    @property
    def children(self) -> dict[str, Child]:
        return {child.program.name: child for child in self._children}

    async def open(self) -> None:
        """Takes the lock and ends what a killed predecessor left. Raises AlreadyRunning, OSError."""
        self._lock = locks.lock(self._data_dir, self._name)
        found = locks.leftovers(self._status)
        if found:
            self.channel.say(f"ending what a killed run left: {', '.join(name for name, _ in found)}")
            await locks.end_leftovers(found)
        self._write()

    async def start(self, program: Program) -> Child:
        """Returns once it serves. Raises ChildFailed."""
        child = Child(program, self._output.channel(program.name, console=program.console), self._write)
        self._children.append(child)
        await child.start()
        return child

    async def run(self, program: Program) -> None:
        """Runs a program that ends by itself. Raises ChildFailed unless it ends with status 0."""
        channel = self._output.channel(program.name, console=program.console)
        try:
            program.prepare()
            running = Running(program, channel)
        except OSError as error:
            raise ChildFailed(f"{program.name} cannot be started: {error}") from None
        try:
            code = await running.wait()
        except BaseException:
            await running.end(program)
            await running.wait()
            raise
        finally:
            channel.end()
        if code != 0:
            tail = "\n".join(f"    {line}" for line in channel.tail)
            raise ChildFailed(f"{program.name} failed with status {code}. Its last lines:\n{tail}")

    def ready(self) -> None:
        """All that was wanted is started."""
        self._state = "ready"
        self._write()

    async def stop(self) -> None:
        """The last started stops first: nobody loses what it works with."""
        self._state = "stopping"
        self._write()
        for _, stage in itertools.groupby(reversed(self._children), key=lambda child: child.program.stage or id(child)):
            await asyncio.gather(*(child.stop() for child in stage))
        self._children.clear()
        if self._lock is not None:
            self._status.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None
        self.channel.end()

    def _write(self) -> None:
        own = process.identify(os.getpid())
        children: list[dict[str, Any]] = [
            {
                "name": child.program.name,
                "pid": child.identity.pid if child.identity else None,
                "started": child.identity.started if child.identity else None,
                "state": str(child.state),
                "restarts": child.restarts,
            }
            for child in self._children
        ]
        status = {"pid": os.getpid(), "started": own.started if own else None, "state": self._state, "children": children}
        if self._lock is not None:  # without it the file is another supervisor's
            files.write_json(self._status, status)
