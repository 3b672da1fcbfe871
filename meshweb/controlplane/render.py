"""Documents as people and programs see them: mappings, and YAML for diffs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import yaml

from meshweb.core.intent import DocumentKey
from meshweb.kinds.base import SEALED, SEALED_ANEW
from meshweb.kinds.registry import kind_named
from meshweb.store.models import Resource
from meshweb.store.sealing import open_spec


def timestamp(moment: datetime) -> str:
    """RFC 3339, UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def authored(
    kind: str, namespace: str, name: str, labels: Mapping[str, str], annotations: Mapping[str, str], spec: object
) -> dict[str, Any]:
    """The part of a document that its author decides: what versions keep and diffs show."""
    known = kind_named(kind)
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    if annotations:
        metadata["annotations"] = dict(annotations)
    placed = known.spec_out(spec) if known else {"spec": spec}
    return {
        "apiVersion": known.api_version if known else "",
        "kind": known.document_kind if known else kind,
        "metadata": metadata,
        **placed,
    }


def authored_of_row(row: Resource) -> dict[str, Any]:
    return authored(row.kind, row.namespace, row.name, row.labels, row.annotations, row.spec)


def opened(document: Mapping[str, Any]) -> dict[str, Any]:
    """An authored document with its write-only values, for whoever writes it again; never to be shown. Raises SealError."""
    known, meta = kind_named(document["kind"]), document["metadata"]
    if known is None or not known.write_only:
        return dict(document)
    key = DocumentKey(document["kind"], meta.get("namespace", ""), meta["name"])
    return {**document, **known.spec_out(open_spec(known, key, known.spec_in(document)))}


def shown(document: Mapping[str, Any] | None, before: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """An authored document as anybody may see it. Beside the one `before` it, sealed values that are other ones say so."""
    known = kind_named(document["kind"]) if document is not None else None
    if document is None or known is None or not known.write_only:
        return dict(document) if document is not None else None
    held = known.spec_in(before) if before is not None else None

    def say(field: str, key: str, value: object) -> str:
        values = held.get(field) if isinstance(held, Mapping) else None
        same = not isinstance(values, Mapping) or key not in values or values[key] == value
        return SEALED if same else SEALED_ANEW

    return {**document, **known.spec_out(known.map_write_only(known.spec_in(document), say))}


def document(
    row: Resource, conditions: Sequence[Mapping[str, Any]], attached: Mapping[str, Any], seen: Mapping[str, Any]
) -> dict[str, Any]:
    """The whole document with the server's own fields and its status. attached: `parents` of a route, `listeners` of a Gateway;
    seen: what proxies tell of it."""
    found = {**(shown(authored_of_row(row)) or {})}
    found["metadata"] = {
        "name": row.name,
        **({"namespace": row.namespace} if row.namespace else {}),
        "uid": str(row.uid),
        "labels": row.labels,
        "annotations": row.annotations,
        "resourceVersion": str(row.revision),
        "generation": row.generation,
        "creationTimestamp": timestamp(row.created_at),
    }
    parts = {name: _programmed(part, conditions) for name, part in attached.items()}
    found["status"] = {"conditions": list(conditions), **parts, **seen}
    return found


def _programmed(parts: Sequence[Mapping[str, Any]], conditions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Listeners and parents are programmed when their document is."""
    own = [condition for condition in conditions if condition["type"] == "Programmed"]
    return [{**part, "conditions": [*part["conditions"], *own]} for part in parts]


def as_yaml(document: Mapping[str, Any] | None) -> str | None:
    """Keys below the top in alphabetical order: the database keeps none, and a diff must not show one."""
    if document is None:
        return None
    text: str = yaml.safe_dump(_ordered(document), sort_keys=False, default_flow_style=False, allow_unicode=True, width=120)
    return text


def _ordered(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _sorted(inner) for key, inner in value.items()}


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value, key=lambda key: (key != "name", key))}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
