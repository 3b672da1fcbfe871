"""What a step was last done for: a hash of its inputs, so that nothing is done twice."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from tools.devtools.places import STAMPS


def digest(paths: Iterable[Path], *words: str) -> str:
    """Of words, and of names and contents of files and of all files below directories."""
    result = hashlib.sha256("\0".join(words).encode())
    for path in paths:
        for file in sorted(_files(path)):
            result.update(f"\0{file}\0".encode())
            result.update(file.read_bytes())
    return result.hexdigest()


def is_done(name: str, wanted: str) -> bool:
    try:
        return (STAMPS / name).read_text() == wanted
    except FileNotFoundError:
        return False


def done(name: str, wanted: str) -> None:
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / name).write_text(wanted)


def _files(path: Path) -> Iterable[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        for directory, _, names in os.walk(path):
            yield from (Path(directory, name) for name in names)
