"""Documents from files, directories or standard input, sent as they were written."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from meshweb.cli.errors import UsageError

_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Document:
    """`file` and `number` (from 1, in its file) say where `text` stands; `title` is `Kind namespace/name`."""

    file: str
    number: int
    text: str
    title: str
    kind: str
    namespace: str | None
    name: str

    @property
    def place(self) -> str:
        return f"{self.file} document {self.number} ({self.title})"


def read(paths: Sequence[str]) -> list[Document]:
    """In the given order; of a directory its *.yaml, *.yml and *.json by name. Raises UsageError."""
    found = [document for path in paths for file in _files(path) for document in _parse(*file)]
    if not found:
        raise UsageError(f"there is no document in {', '.join(paths)}")
    return found


def body(documents: Sequence[Document]) -> str:
    """One YAML stream; the index of each document is its position."""
    return "".join(f"---\n{document.text.rstrip()}\n" for document in documents)


def _files(path: str) -> list[tuple[str, str]]:
    """(name to show, content)."""
    if path == "-":
        return [("standard input", sys.stdin.read())]
    try:
        given = Path(path)
        files = sorted(p for p in given.iterdir() if p.suffix in _SUFFIXES) if given.is_dir() else [given]
        return [(file.name if len(files) == 1 and given == file else str(file), file.read_text()) for file in files]
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise UsageError(f"{error.filename or path}: {error.strerror}") from None


def _parse(file: str, text: str) -> list[Document]:
    found: list[Document] = []
    try:
        for node in yaml.compose_all(text, Loader=yaml.SafeLoader):
            if node is None or (isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"):
                continue  # nothing but comments
            found.append(_document(file, len(found) + 1, _slice(text, node.start_mark.index, node.end_mark.index), node))
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        place = f" line {at.line + 1}, column {at.column + 1}" if at is not None else ""
        raise UsageError(f"{file}{place}: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{file}: {error}") from None
    return found


def _slice(text: str, start: int, end: int) -> str:
    """With the indentation of its first line, on which the later lines depend."""
    line = text.rfind("\n", 0, start) + 1
    return text[line if text[line:start].isspace() else start : end]


def _document(file: str, number: int, text: str, node: Any) -> Document:
    kind = _scalar(node, "kind") or "no kind"
    name = _scalar(node, "metadata", "name") or "without a name"
    namespace = _scalar(node, "metadata", "namespace")
    title = f"{kind} {f'{namespace}/' if namespace else ''}{name}"
    return Document(file, number, text, title, kind, namespace, name)


def _scalar(node: Any, *path: str) -> str | None:
    """The text at a path of keys; None when it is not there."""
    for key in path:
        if not isinstance(node, yaml.MappingNode):
            return None
        node = next((value for name, value in node.value if name.value == key), None)
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None
