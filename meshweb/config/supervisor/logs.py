"""The lines of all children: with a coloured prefix on the console, and in one bounded file per child."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

MAX_FILE = 4 * 1024 * 1024
"""Bytes. A full file becomes `<name>.log.1`, and the one before that is gone."""
MAX_LINE = 32 * 1024
_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)
_TAIL = 15


class Output:
    """Where lines go. `width`: of the longest name, so that the bars stand below each other."""

    def __init__(self, directory: Path, *, width: int = 8, console: BinaryIO | None = None, colour: bool | None = None) -> None:
        self._directory = directory
        self._width = width
        self._console = console if console is not None else sys.stdout.buffer
        self._colour = self._console.isatty() if colour is None else colour
        self._names: list[str] = []
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def channel(self, name: str, *, console: bool = True) -> Channel:
        if name not in self._names:
            self._names.append(name)
        prefix = f"{name:<{self._width}} | "
        if self._colour:
            prefix = f"\033[{_COLOURS[self._names.index(name) % len(_COLOURS)]}m{prefix}\033[0m"
        return Channel(self, self._directory / f"{name}.log", prefix.encode() if console else None)

    def show(self, line: bytes) -> None:
        try:
            self._console.write(line)
            self._console.flush()
        except BrokenPipeError:
            # The reader went away (`| head`). The children go on; their files have the lines.
            self._console = Path("/dev/null").open("wb")  # noqa: SIM115 - stands in for stdout until the process ends


class Channel:
    """One child's lines. Text may come in any pieces."""

    def __init__(self, output: Output, path: Path, prefix: bytes | None) -> None:
        self._output, self._path, self._prefix = output, path, prefix
        self._rest = b""
        self._file: BinaryIO | None = None
        self.tail: list[str] = []
        """The last lines, for a message about a failure."""

    def feed(self, piece: bytes) -> None:
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        while len(self._rest) > MAX_LINE:  # no memory for a child that never ends its line
            lines.append(self._rest[:MAX_LINE])
            self._rest = self._rest[MAX_LINE:]
        for line in lines:
            self._write(line.rstrip(b"\r"))

    def say(self, text: str) -> None:
        """A line of the supervisor's own about this child."""
        self.feed(b"" if not self._rest else b"\n")
        self._write(text.encode())

    def end(self) -> None:
        if self._rest:
            self.feed(b"\n")
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, line: bytes) -> None:
        self.tail = [*self.tail[1 - _TAIL :], line.decode("utf-8", "replace")]
        if self._prefix is not None:
            self._output.show(self._prefix + line + b"\n")
        if self._file is None:
            self._file = self._path.open("ab")
        elif self._file.tell() > MAX_FILE:
            self._file.close()
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._file = self._path.open("ab")
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        self._file.write(f"{stamp}Z ".encode() + line + b"\n")
        self._file.flush()
