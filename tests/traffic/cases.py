"""Cases as YAML: what may stand in `cases/<area>/<name>.yaml`. Unknown keys are errors, wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from tests.traffic.tokens import TokenSpec

CASES = Path(__file__).parent / "cases"
_PLACE = re.compile(r"\$\(([^)]+)\)")
Wire = Literal["h1", "h2", "grpc", "tcp", "tls", "ws"]
Text = str | list[str] | None
"""What a header must be: the text; `~` and a regular expression that it holds; several values in order; null: absent."""


Told = str | Annotated[list[str], Field(min_length=2, max_length=3)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class SeenSpec(_Strict):
    """What the application must have seen."""

    method: str | None = None
    path: str | None = None
    host: str | None = None
    body: str | None = None
    sni: str | None = None
    protocol: str | None = None
    headers: dict[str, Text] = Field(default_factory=dict)


class Row(_Strict):
    name: Annotated[str, Field(pattern=r"^[^\[\]:]+$")]
    # The request.
    from_: str = Field(default="shop/web-1", alias="from")
    to: str | None = None
    at: str | None = None
    protocols: tuple[Wire, ...] = ()
    method: str = "GET"
    host: str | None = None
    path: str = "/"
    headers: dict[str, str | list[str]] = Field(default_factory=dict)
    body: str = ""
    tls: bool = False
    sni: str | None = None
    alpn: tuple[str, ...] = ()
    identity: str | None = None
    n: Annotated[int, Field(ge=0)] = 0
    parallel: Annotated[int, Field(ge=1)] = 16
    keep: str | None = None
    # What must come of it.
    status: int = 200
    grpc: str = "OK"
    app: str | list[str] | None = None
    seen: SeenSpec | None = None
    answer: dict[str, Text] = Field(default_factory=dict)
    trailers: dict[str, Text] = Field(default_factory=dict)
    text: str | None = None
    messages: int | None = None
    share: dict[str, float] = Field(default_factory=dict)
    mirrored: dict[str, float] = Field(default_factory=dict)
    tolerance: float = 0.08
    sticky: bool = False
    certificate: str | None = None
    tries: int | None = None
    connections: int | None = None
    at_least_ms: float = 0
    at_most_ms: float | None = None
    within_s: float = 0
    error: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Row:
        if self.to is None and self.at is None:
            raise ValueError(f"row {self.name!r} names neither `to` nor `at`")
        return self

    @property
    def count(self) -> int:
        return self.n or (200 if any(0 < part < 1 for part in self.share.values()) else 20 if self.share else 1)

    @property
    def runs(self) -> tuple[Wire, ...]:
        """A row of many requests is run once: over which HTTP they come makes no difference to the choice."""
        return self.protocols or (("h2",) if self.count > 1 else ("h1", "h2"))


class File(_Strict):
    """`defaults` are merged into every row."""

    documents: str = ""
    secrets: tuple[str, ...] = ()
    unhealthy: frozenset[str] = frozenset()
    tokens: dict[str, TokenSpec] = Field(default_factory=dict)
    conditions: dict[str, dict[str, Told]] = Field(default_factory=dict)
    defaults: dict[str, Any] = Field(default_factory=dict)
    rows: list[Row] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check(self) -> File:
        names = [row.name for row in self.rows]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"rows of the same name: {', '.join(sorted(twice))}")
        return self


def placed(text: str, places: Mapping[str, str]) -> str:
    """With `$(name)` replaced. Raises KeyError for an unknown name."""
    return _PLACE.sub(lambda found: places[found[1]], text)


@dataclass(frozen=True)
class Case:
    """`name`: "<area>/<file>"."""

    name: str
    file: File

    def documents(self, places: Mapping[str, str]) -> list[Any]:
        """With `$(name)` replaced. Raises KeyError for an unknown name."""
        return [raw for raw in yaml.load_all(placed(self.file.documents, places), yaml.CSafeLoader) if raw is not None]


@dataclass(frozen=True)
class Item:
    """One test: a row over one protocol, or the case's conditions (`row` None)."""

    case: Case
    row: Row | None = None
    wire: Wire = "h1"

    @property
    def id(self) -> str:
        return f"{self.case.name}::{self.row.name}[{self.wire}]" if self.row is not None else f"{self.case.name}::conditions"


def load(path: Path, root: Path = CASES) -> Case:
    """Raises ValueError that names the file."""
    try:
        raw = yaml.load(path.read_text(), yaml.CSafeLoader)
        rows = [{**raw.get("defaults", {}), **row} for row in raw.get("rows", ())]
        return Case(str(path.relative_to(root).with_suffix("")), TypeAdapter(File).validate_python({**raw, "rows": rows}))
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def items() -> Iterator[Item]:
    for path in sorted(CASES.glob("*/*.yaml")):
        case = load(path)
        if case.file.conditions:
            yield Item(case)
        for row in case.file.rows:
            for wire in row.runs:
                yield Item(case, row, wire)
