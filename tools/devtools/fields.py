"""`docs/fields.md`: every field of every kind that is honoured, from the models that read them, so that the page cannot say more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from meshweb.kinds.base import Kind
from meshweb.kinds.registry import KINDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "fields.md"
_HEAD = """# Fields

What each kind of document may say here. Meanings and defaults are those of the named API. A field that is not listed is refused with its
path (422), never ignored; what is refused for a reason of its own, and what a kind means here beyond its API, stands in its README.

Made by `python -m tools.devtools.fields` from the models that read the documents; a test holds it against them.
"""

Schema = Mapping[str, Any]


def page() -> str:
    return "\n".join([_HEAD, *(_section(kind) for kind in KINDS)])


def _section(kind: Kind) -> str:
    schema = kind.spec.model_json_schema(by_alias=True)
    rows = list(_rows("", schema, schema.get("$defs", {}), ()))
    folder = kind.spec.__module__.split(".")[2]
    title = kind.kind if not kind.written else f"{kind.written} (Istio)"
    versions = ", ".join(f"`{version}`" for version in (kind.api_version, *kind.older_versions))
    lines = [f"## {title}", "", f"{versions} · [{folder}](../meshweb/kinds/{folder}/README.md)", ""]
    if rows:
        lines += ["| place | fields |", "|---|---|", *(f"| {place} | {fields} |" for place, fields in rows), ""]
    else:
        lines += ["Nothing but metadata.", ""]
    return "\n".join(lines)


def _rows(place: str, schema: Schema, models: Mapping[str, Schema], above: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """An object's fields in one row, then the objects below it."""
    properties: Mapping[str, Schema] = schema.get("properties", {})
    if properties:
        yield f"`{place or 'spec'}`", ", ".join(_field(name, part, models) for name, part in properties.items())
    for name, part in properties.items():
        for suffix, model in _objects(part, models):
            if model not in above:
                yield from _rows(f"{place}.{name}{suffix}".lstrip("."), models[model], models, (*above, model))


def _objects(part: Schema, models: Mapping[str, Schema], suffix: str = "") -> Iterator[tuple[str, str]]:
    """Models inside a field: directly, in a list (`[]`), or as values of a mapping (`{}`)."""
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        if "properties" in models[name]:
            yield suffix, name
    for choice in part.get("anyOf", ()):
        yield from _objects(choice, models, suffix)
    if isinstance(part.get("items"), Mapping):
        yield from _objects(part["items"], models, f"{suffix}[]")
    if isinstance(part.get("additionalProperties"), Mapping):
        yield from _objects(part["additionalProperties"], models, f"{suffix}{{}}")


def _field(name: str, part: Schema, models: Mapping[str, Schema]) -> str:
    """The name; for choices among few words, the words."""
    words = sorted({str(word) for word in _words(part, models)})
    return f"`{name}`" + (f" ({', '.join(words)})" if 0 < len(words) <= 8 else "")


def _words(part: Schema, models: Mapping[str, Schema]) -> Iterator[object]:
    if "$ref" in part:
        yield from models[part["$ref"].rpartition("/")[2]].get("enum", ())
    yield from (word for word in part.get("enum", ()) if re.fullmatch(r"[\w./-]+", str(word)))
    if part.get("const"):
        yield part["const"]
    for choice in part.get("anyOf", ()):
        yield from _words(choice, models)


if __name__ == "__main__":
    PAGE.write_text(page())
