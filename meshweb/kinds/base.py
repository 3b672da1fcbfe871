"""What a kind is: how its documents are parsed, what they refer to, and what they change in the mesh."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from meshweb.core.builder import MeshBuilder, Phase
from meshweb.core.errors import Violation, pointer
from meshweb.core.intent import Document, DocumentKey
from meshweb.core.names import ServiceRef

PortNumber = Annotated[int, Field(ge=1, le=65535)]
DnsLabel = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
LabelKey = Annotated[
    str, Field(max_length=317, pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
]
LabelValue = Annotated[str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")]
Labels = dict[LabelKey, LabelValue]

SEALED, SEALED_ANEW = "(sealed)", "(sealed, changed)"
"""Shown instead of a write-only value; the second where a change is shown and the value is another than before."""


class SpecModel(BaseModel):
    """Base of every part of every spec: camelCase as in the documents, unknown fields refused, numbers not guessed from text."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True, strict=True)


@dataclass(frozen=True, slots=True)
class Reference:
    """Document -> document. `at` points to the field that names the target."""

    target: DocumentKey
    at: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a writer may say about a document besides its spec."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    resource_version: str | None


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document that may be stored: `raw_spec` as its author wrote it, `spec` as the kind understands it."""

    kind: Kind
    metadata: Metadata
    spec: SpecModel
    raw_spec: Mapping[str, object] = field(repr=False)

    @property
    def key(self) -> DocumentKey:
        return DocumentKey(self.kind.kind, self.metadata.namespace, self.metadata.name)


def nothing_more(_metadata: Metadata, _spec: SpecModel) -> Iterable[Violation]:
    return ()


Served = tuple[ServiceRef, tuple[int, ...]]
"""A service that a document puts into the register, and its port numbers."""


def no_services(_key: DocumentKey, _spec: SpecModel) -> Iterable[Served]:
    return ()


def no_references(_document: Document) -> Iterable[Reference]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kind:
    """One kind of document.

    kind: unique; written: what documents call it, where that is another kind's name too (both have a Gateway). short_names: for
        people who type.
    check: violations that the spec's types cannot express (pointers start at the document, e.g. `/spec/ports/1/name`).
    apply: writes into the mesh; runs once per document, oldest first within a phase.
    serves: services that a document puts into the register: each gets its local addresses when it is written.
    top_level: fields of the spec that stand beside `metadata` in a document of this kind, as Kubernetes has it, instead of below `spec`.
    write_only: fields of the spec that map keys to values which are sealed at rest and never shown again.
    independent: what `apply` reads is laid down by earlier phases (or said by `MeshBuilder.uses`), and what it writes is taken back by
        `MeshBuilder.forget`; so that a change of one document is compiled without all others.
    fail_closed: what to do to the mesh instead when `apply` raised, or the spec is `Unreadable`; None where a missing document
        opens nothing.
    """

    api_version: str
    older_versions: tuple[str, ...] = ()
    kind: str
    written: str = ""
    plural: str
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    phase: Phase
    independent: bool = False
    spec: type[SpecModel]
    apply: Callable[[MeshBuilder, Document], None]
    summary: str
    example: Mapping[str, object]
    check: Callable[[Metadata, SpecModel], Iterable[Violation]] = nothing_more
    references: Callable[[Document], Iterable[Reference]] = no_references
    serves: Callable[[DocumentKey, SpecModel], Iterable[Served]] = no_services
    fail_closed: Callable[[MeshBuilder, Document], None] | None = None
    top_level: tuple[str, ...] = ()
    write_only: tuple[str, ...] = ()

    def spec_in(self, document: Mapping[str, Any]) -> Any:
        """The spec of a raw document, wherever this kind has it."""
        if self.top_level:
            return {name: document[name] for name in self.top_level if name in document}
        return document.get("spec")

    def spec_out(self, spec: object) -> dict[str, object]:
        """What `spec_in` reads."""
        return dict(spec) if self.top_level and isinstance(spec, Mapping) else {"spec": spec}

    def map_write_only(self, spec: object, change: Callable[[str, str, object], object]) -> object:
        """`spec` with `change(field, key, value)` in place of each write-only value."""
        if not self.write_only or not isinstance(spec, Mapping):
            return spec
        return {
            name: {key: change(name, key, value) for key, value in values.items()}
            if name in self.write_only and isinstance(values, Mapping)
            else values
            for name, values in spec.items()
        }

    @property
    def document_kind(self) -> str:
        """The `kind` of its documents."""
        return self.written or self.kind

    def parse_spec(self, raw: object) -> SpecModel:
        """Raises pydantic.ValidationError; `violations_of` says it in our words."""
        return self.spec.model_validate_json(_json(raw))


def _json(raw: object) -> bytes:
    # Through JSON because pydantic's strict mode accepts lists for tuples and text for enums only from there.
    import json

    return json.dumps(raw).encode()


_CODES: Mapping[str, str] = {"extra_forbidden": "unknown_field", "missing": "required"}


def violations_of(error: ValidationError, raw: object, prefix: tuple[str | int, ...] = ()) -> list[Violation]:
    """Pydantic's findings about `raw` with JSON pointers. A field we do not know is named as such, never ignored."""
    items = error.errors(include_url=False, include_input=False, include_context=False)
    found: dict[tuple[str, str], Violation] = {}
    for item in items:
        location = item["loc"]
        if item["type"] == "too_short" and any(
            len(o["loc"]) > len(location) and o["loc"][: len(location)] == location for o in items
        ):
            continue  # its items are reported one by one; that none of them is left is no news
        code = _CODES.get(item["type"], item["type"])
        detail = "is not a field of this kind, or not supported yet" if code == "unknown_field" else item["msg"]
        at = pointer(*prefix, *_real_parts(location, raw, missing=code == "required"))
        found.setdefault((at, code), Violation(at, code, detail.removeprefix("Value error, ")))
    return list(found.values())


def _real_parts(location: tuple[int | str, ...], raw: object, *, missing: bool) -> list[str | int]:
    """`location` without the names that pydantic gives to members of unions: only parts that lead somewhere in `raw` (None: unknown)."""
    if raw is None:
        return list(location)
    parts: list[str | int] = []
    here = raw
    for index, part in enumerate(location):
        if isinstance(here, Mapping) and part in here:
            here = here[part]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        elif not (missing and index == len(location) - 1):
            continue
        parts.append(part)
    return parts
