"""Documents as people and programs see them: mappings, and YAML for diffs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import yaml

from meshweb.kinds.base import ParsedDocument
from meshweb.kinds.registry import kind_named
from meshweb.store.models import Resource


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
    return {
        "apiVersion": known.api_version if known else "",
        "kind": known.document_kind if known else kind,
        "metadata": metadata,
        "spec": spec,
    }


def authored_of_row(row: Resource) -> dict[str, Any]:
    return authored(row.kind, row.namespace, row.name, row.labels, row.annotations, row.spec)


def authored_of_parsed(document: ParsedDocument) -> dict[str, Any]:
    meta = document.metadata
    return authored(document.kind.kind, meta.namespace, meta.name, meta.labels, meta.annotations, document.raw_spec)


def document(row: Resource, conditions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The whole document with the server's own fields and its status."""
    shown = authored_of_row(row)
    shown["metadata"] = {
        "name": row.name,
        **({"namespace": row.namespace} if row.namespace else {}),
        "uid": str(row.uid),
        "labels": row.labels,
        "annotations": row.annotations,
        "resourceVersion": str(row.revision),
        "generation": row.generation,
        "creationTimestamp": timestamp(row.created_at),
    }
    shown["status"] = {"conditions": list(conditions)}
    return shown


def as_yaml(shown: Mapping[str, Any] | None) -> str | None:
    """Keys below the top in alphabetical order: the database keeps none, and a diff must not show one."""
    if shown is None:
        return None
    text: str = yaml.safe_dump(_ordered(shown), sort_keys=False, default_flow_style=False, allow_unicode=True, width=120)
    return text


def _ordered(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _sorted(inner) for key, inner in value.items()}


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value, key=lambda key: (key != "name", key))}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
