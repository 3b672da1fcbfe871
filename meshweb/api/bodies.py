"""Bodies in: JSON and YAML, strict and bounded. A key given twice is an error, not a choice."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine, Hashable, Iterator
from typing import IO, Any

import yaml
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from meshweb.api.problems import Problem
from meshweb.core.errors import Violation

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 200_000

_YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")
_JSON_TYPES = ("application/json", "application/merge-patch+json")


ASGIApplication = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]


class _Duplicate(ValueError):
    pass


def read_bytes(request: Request) -> bytes:
    """The whole body. Raises Problem (413)."""
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if declared.isdecimal() and int(declared) > MAX_BYTES:
        raise Problem(413, "too_large", f"a body may have {MAX_BYTES // 1024} KiB")
    # From Django's own request: DRF takes a body without declared length for an empty one.
    body: bytes = request._request.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise Problem(413, "too_large", f"a body may have {MAX_BYTES // 1024} KiB")
    return body


def media_type(request: Request) -> str:
    return (request.content_type or "").partition(";")[0].strip().lower()


def parse_json(body: bytes) -> Any:
    """Raises Problem (400)."""
    try:
        parsed = json.loads(body, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except _Duplicate as error:
        raise Problem(400, "duplicate_key", str(error)) from None
    except RecursionError:
        raise Problem(400, "too_deep", f"nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise Problem(400, "malformed_json", f"not JSON: {error}") from None
    _check_values(parsed)
    return parsed


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Duplicate(f"the key {name!r} is given twice in one object")
        found[name] = value
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON number")


_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""What JSON and YAML can escape, and no UTF-8 column holds."""


def _check_values(value: Any) -> None:
    """Depth, and text that cannot be stored. Raises Problem (400)."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise Problem(400, "too_deep", f"nested deeper than {MAX_DEPTH} levels")
        texts = (text for item in level for text in (item if isinstance(item, dict) else (item,)) if isinstance(text, str))
        if any(map(_NO_TEXT.search, texts)):
            raise Problem(400, "malformed_text", "text must hold no NUL and no half of a surrogate pair")
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
        ]


class _Loader(yaml.CSafeLoader):
    """YAML as Kubernetes tools write it: no times, no binary, no duplicate keys."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern) for tag, pattern in resolvers if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
    ]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if type(key) is int:  # a port, as in Istio's portLevelMtls: JSON has text there
            key = str(key)
        if not isinstance(key, Hashable) or not isinstance(key, str):
            raise yaml.MarkedYAMLError(problem=f"the key {key!r} is not text", problem_mark=key_node.start_mark)
        if key in found:
            raise yaml.MarkedYAMLError(problem=f"the key {key!r} is given twice", problem_mark=key_node.start_mark)
        found[key] = loader.construct_object(value_node, deep=True)
    return found


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse_yaml(body: bytes) -> list[Any]:
    """All documents of a stream, empty ones left out. Raises Problem (400)."""
    try:
        text = body.decode("utf-8-sig")
        loader = _Loader(text)
        try:
            return [document for document in _documents(loader) if document is not None]
        finally:
            loader.dispose()
    except UnicodeDecodeError as error:
        raise Problem(400, "malformed_yaml", f"not UTF-8: byte {error.start}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        raise Problem(400, "malformed_yaml", f"not YAML: {place}{error.problem or error}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Problem(400, "malformed_yaml", f"not YAML: {error}") from None


def _documents(loader: _Loader) -> Iterator[Any]:
    budget = MAX_NODES
    while loader.check_node():
        node = loader.get_node()
        if node is None:
            continue
        budget -= _expanded(node, {}, 0)
        if budget < 0:
            raise Problem(400, "too_large", f"the documents expand to more than {MAX_NODES} nodes")
        document = loader.construct_document(node)
        _check_values(document)
        yield document


def _expanded(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """Nodes after all aliases are followed: a small text can mean a huge document."""
    if depth > MAX_DEPTH:
        raise Problem(400, "too_deep", f"nested deeper than {MAX_DEPTH} levels, or an alias that contains itself")
    found = known.get(id(node))
    if found is not None:
        return found
    total = 1
    if isinstance(node, yaml.MappingNode):
        total += sum(_expanded(part, known, depth + 1) for pair in node.value for part in pair)
    elif isinstance(node, yaml.SequenceNode):
        total += sum(_expanded(part, known, depth + 1) for part in node.value)
    known[id(node)] = total
    return total


def parse_documents(request: Request) -> list[Any]:
    """The documents of an apply: YAML (many), JSON (one, or a list). Raises Problem (400, 413, 415)."""
    kind, body = media_type(request), read_bytes(request)
    if kind in _JSON_TYPES:
        parsed = parse_json(body)
        return [item for entry in (parsed if isinstance(parsed, list) else [parsed]) for item in _items(entry)]
    if kind in _YAML_TYPES:
        found = parse_yaml(body)
        return [item for entry in found for item in _items(entry)]
    raise Problem(415, "media_type", f"send application/yaml or application/json, not {kind or 'nothing'}")


def _items(entry: Any) -> list[Any]:
    """A `kind: List` as kubectl prints it is its items."""
    if isinstance(entry, dict) and entry.get("kind") == "List" and isinstance(entry.get("items"), list):
        return list(entry["items"])
    return [entry]


def parse_body(request: Request) -> Any:
    """One JSON value (or one YAML document). Raises Problem (400, 413, 415)."""
    kind, body = media_type(request), read_bytes(request)
    if kind in _JSON_TYPES:
        return parse_json(body)
    if kind in _YAML_TYPES:
        found = parse_yaml(body)
        if len(found) != 1:
            raise Problem(400, "one_document", f"one document is expected here, the body has {len(found)}")
        return found[0]
    raise Problem(415, "media_type", f"send application/json, not {kind or 'nothing'}")


def bounded(application: ASGIApplication) -> ASGIApplication:
    """`application` sees one byte more than a body may have and then its end: Django writes whatever comes to the disk before it
    asks who sends it. That byte makes `read_bytes` refuse it."""

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        left = MAX_BYTES + 1

        async def receive_bounded() -> Any:
            nonlocal left
            event = await receive()
            while event["type"] == "http.request" and not left:
                event = await receive()  # what comes after the end is dropped, until the peer hangs up
            if event["type"] != "http.request":
                return event
            body = event.get("body", b"")[:left]
            left -= len(body)
            return {**event, "body": body, "more_body": event.get("more_body", False) and left > 0}

        await application(scope, receive_bounded, send)

    return asgi


class JsonParser(BaseParser):
    """Only names the media type: bodies are read by `parse_body` and `parse_documents`."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        return parse_json(stream.read(MAX_BYTES))


def wrong(pointer: str, code: str, detail: str) -> Problem:
    """A 422 about one field."""
    return Problem(422, "invalid_document", "1 thing is wrong", [(0, Violation(pointer, code, detail))])
