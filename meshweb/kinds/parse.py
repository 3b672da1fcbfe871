"""Raw mappings in, parsed documents out; every violation of every document at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from meshweb.core.errors import InvalidDocument, Violation, pointer
from meshweb.core.names import is_dns_label
from meshweb.kinds.base import SEALED, Kind, Labels, Metadata, ParsedDocument, violations_of
from meshweb.kinds.registry import KINDS

DEFAULT_NAMESPACE = "default"
MAX_NAME = 63

Annotations = Annotated[dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=64)]


class _MetadataModel(BaseModel):
    """`metadata` as it comes in. The server's own fields may be sent back; only resourceVersion means something then."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    namespace: str | None = None
    labels: Labels = Field(default_factory=dict)
    annotations: Annotations = Field(default_factory=dict)
    resourceVersion: str | None = None
    uid: Any = None
    generation: Any = None
    creationTimestamp: Any = None


def parse_document(raw: object, *, default_namespace: str = DEFAULT_NAMESPACE) -> ParsedDocument:
    """One document. Raises InvalidDocument with all violations."""
    if not isinstance(raw, Mapping):
        raise InvalidDocument([Violation("", "type", "a document is a mapping with apiVersion, kind, metadata and spec")])
    kind = _kind_of(raw)
    violations = [
        Violation(f"/{name}", "unknown_field", "is not a field of a document")
        for name in raw
        if name not in {"apiVersion", "kind", "metadata", "status", *(kind.top_level or ("spec",))}
    ]
    metadata, metadata_violations = _metadata(kind, raw.get("metadata"), default_namespace)
    violations += metadata_violations
    raw_spec = kind.spec_in(raw)
    if raw_spec is None:
        raw_spec = {}
    shown = _shown_values(kind, raw_spec)
    if shown:
        raise InvalidDocument(violations + shown)
    above = () if kind.top_level else ("spec",)
    try:
        spec = kind.parse_spec(raw_spec)
    except ValidationError as error:
        raise InvalidDocument(violations + violations_of(error, raw_spec, above)) from error
    except ValueError as error:  # numbers JSON cannot carry
        raise InvalidDocument([*violations, Violation(pointer(*above), "value", str(error))]) from error
    if metadata is not None:
        violations += _repeated_values(kind, raw_spec, metadata)
        violations += [_placed(kind, violation) for violation in kind.check(metadata, spec)]
    if violations or metadata is None:
        raise InvalidDocument(violations)
    return ParsedDocument(kind, metadata, spec, raw_spec)


def _placed(kind: Kind, violation: Violation) -> Violation:
    """With its pointer into the document as this kind has it."""
    if not kind.top_level:
        return violation
    return Violation(violation.pointer.removeprefix("/spec"), violation.code, violation.detail)


def _shown_values(kind: Kind, raw_spec: object) -> list[Violation]:
    """What is shown instead of a sealed value must not become the value when a document that was read is sent back."""
    found: list[Violation] = []

    def look(field: str, key: str, value: object) -> object:
        if isinstance(value, str) and value.startswith(SEALED.rstrip(")")):
            detail = "is what is shown instead of the value: send the value itself, or PATCH only what changes"
            found.append(Violation(pointer(*(() if kind.top_level else ("spec",)), field, key), "sealed", detail))
        return value

    kind.map_write_only(raw_spec, look)
    return found


_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def _repeated_values(kind: Kind, raw_spec: object, metadata: Metadata) -> list[Violation]:
    """A sealed value must not stand once more in an annotation, which anybody may read: kubectl puts whole documents there."""
    values: list[str] = []
    kind.map_write_only(raw_spec, lambda _field, _key, value: values.append(str(value)))
    if not kind.write_only:
        return []
    return [
        Violation(pointer("metadata", "annotations", name), "sealed", "repeats values that are sealed: leave it out")
        for name, text in metadata.annotations.items()
        if name == _LAST_APPLIED or any(value in text for value in values)
    ]


def _kind_of(raw: Mapping[str, object]) -> Kind:
    violations = []
    name, version = raw.get("kind"), raw.get("apiVersion")
    if not isinstance(name, str):
        violations.append(Violation("/kind", "required", "name the kind of the document"))
    if not isinstance(version, str):
        violations.append(Violation("/apiVersion", "required", "name the API version of the document"))
    if violations:
        raise InvalidDocument(violations)
    assert isinstance(name, str) and isinstance(version, str)
    named = [kind for kind in KINDS if kind.document_kind == name]
    if not named:
        known = ", ".join(sorted({kind.document_kind for kind in KINDS}))
        raise InvalidDocument([Violation("/kind", "unknown_kind", f"{name!r} is not supported; the kinds are {known}")])
    kind = next((kind for kind in named if version in (kind.api_version, *kind.older_versions)), None)
    if kind is None:
        accepted = " or ".join(version for kind in named for version in (kind.api_version, *kind.older_versions))
        raise InvalidDocument([Violation("/apiVersion", "unknown_version", f"{name} is served as {accepted}")])
    return kind


def _metadata(kind: Kind, raw: object, default_namespace: str) -> tuple[Metadata | None, list[Violation]]:
    if not isinstance(raw, Mapping):
        return None, [Violation("/metadata", "required", "metadata with at least a name is needed")]
    try:
        model = _MetadataModel.model_validate(dict(raw))
    except ValidationError as error:
        return None, violations_of(error, raw, ("metadata",))
    violations = []
    if not is_dns_label(model.name):
        violations.append(Violation("/metadata/name", "dns_label", _DNS_LABEL_WORDS))
    if kind.namespaced:
        namespace = model.namespace or default_namespace
        if not is_dns_label(namespace):
            violations.append(Violation("/metadata/namespace", "dns_label", _DNS_LABEL_WORDS))
    else:
        namespace = ""
        if model.namespace:
            violations.append(Violation("/metadata/namespace", "not_namespaced", f"{kind.kind} has no namespace"))
    metadata = Metadata(model.name, namespace, model.labels, model.annotations, model.resourceVersion)
    return metadata, violations


_DNS_LABEL_WORDS = "must be 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit (RFC 1123 label)"


def parse_documents(raws: Iterable[object]) -> tuple[list[ParsedDocument], list[tuple[int, Violation]]]:
    """Many documents: what could be parsed, and the violations with the index of their document. A document given twice is one."""
    parsed: list[ParsedDocument] = []
    violations: list[tuple[int, Violation]] = []
    seen: dict[object, int] = {}
    for index, raw in enumerate(raws):
        try:
            document = parse_document(raw)
        except InvalidDocument as error:
            violations += [(index, violation) for violation in error.violations]
            continue
        if document.key in seen:
            violations.append(
                (index, Violation("/metadata/name", "duplicate", f"document {seen[document.key]} is {document.key} too"))
            )
            continue
        seen[document.key] = index
        parsed.append(document)
    return parsed, violations
