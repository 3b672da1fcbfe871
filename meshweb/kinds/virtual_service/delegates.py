"""Routes that a VirtualService leaves to another one (Istio, "Delegate")."""

from __future__ import annotations

from collections.abc import Iterator

from meshweb.core.builder import MeshBuilder
from meshweb.core.intent import Document, DocumentKey
from meshweb.kinds.common.istio import MaybeStringMatch, StringMatch
from meshweb.kinds.common.istio_scope import visible_in
from meshweb.kinds.virtual_service.spec import HttpMatch, HttpRoute, VirtualServiceSpec

_ANY = (HttpMatch(),)
Found = tuple[Document, int, HttpRoute]
"""A route, the document in which it is written, and its place there."""


def own_and_delegated(mesh: MeshBuilder, document: Document, problems: list[tuple[str, str]]) -> Iterator[Found]:
    """The HTTP routes of a document in order, those of delegates in the place of the routes that lead to them."""
    spec = document.spec
    assert isinstance(spec, VirtualServiceSpec)
    for index, route in enumerate(spec.http):
        if route.delegate is None:
            yield document, index, route
            continue
        key = DocumentKey(document.key.kind, route.delegate.namespace or document.namespace, route.delegate.name)
        mesh.uses(document, key)
        other = mesh.documents.get(key)
        child = other.spec if other is not None else None
        if other is None or not isinstance(child, VirtualServiceSpec):
            problems.append(("DelegateNotFound", f"there is no {key}"))
            continue
        visible = visible_in(child.export_to, other.namespace)
        if child.hosts or (visible is not None and document.namespace not in visible):
            why = "has hosts of its own" if child.hosts else f"is not exported to {document.namespace}"
            problems.append(("DelegateNotPermitted", f"{key} {why}: nothing can be delegated to it"))
            continue
        for place, inner in enumerate(child.http):
            combined = _combined(route, inner)
            if combined is None:
                problems.append(
                    ("DelegateConflict", f"/spec/http/{place} of {key} lies outside /spec/http/{index} and is left out")
                )
            else:
                yield other, place, combined


def _combined(root: HttpRoute, inner: HttpRoute) -> HttpRoute | None:
    """The inner route under the conditions of the outer one, whose settings count where the inner has none. None: no request can
    match both."""
    matches = [both for one in root.match or _ANY for other in inner.match or _ANY if (both := _both(one, other)) is not None]
    if not matches:
        return None
    kept = (
        "rewrite",
        "timeout",
        "retries",
        "fault",
        "mirror",
        "mirrors",
        "mirror_percent",
        "mirror_percentage",
        "cors_policy",
        "headers",
    )
    inherited = {name: getattr(root, name) for name in kept if not getattr(inner, name) and getattr(root, name)}
    if inner.mirror is not None or inner.mirrors:
        inherited = {name: value for name, value in inherited.items() if not name.startswith("mirror")}
    return inner.model_copy(update={"match": tuple(matches), **inherited})


def _both(outer: HttpMatch, inner: HttpMatch) -> HttpMatch | None:
    """One match that holds when both hold; None when the inner one reaches beyond the outer (Istio leaves such a route out)."""
    changed: dict[str, object] = {}
    for field in ("uri", "scheme", "method", "authority"):
        ours, theirs = getattr(outer, field), getattr(inner, field)
        if theirs is None:
            changed[field] = ours
        elif ours is not None and not _within(theirs, ours):
            return None
    for field in ("headers", "without_headers", "query_params"):
        ours, theirs = dict(getattr(outer, field)), dict(getattr(inner, field))
        if any(name in ours and not _within(value, ours[name]) for name, value in theirs.items()):
            return None
        changed[field] = {**ours, **theirs}
    labels = {**outer.source_labels, **inner.source_labels}
    if any(labels[key] != value for key, value in outer.source_labels.items()):
        return None
    changed["source_labels"] = labels
    for field in ("port", "source_namespace"):
        ours, theirs = getattr(outer, field), getattr(inner, field)
        if ours is not None and theirs is not None and ours != theirs:
            return None
        changed[field] = theirs if theirs is not None else ours
    if outer.gateways and inner.gateways and not set(inner.gateways) <= set(outer.gateways):
        return None
    changed["gateways"] = inner.gateways or outer.gateways
    changed["ignore_uri_case"] = inner.ignore_uri_case if inner.uri is not None else outer.ignore_uri_case
    changed["name"] = "-".join(part for part in (outer.name, inner.name) if part) or None
    return inner.model_copy(update=changed)


def _within(inner: MaybeStringMatch | StringMatch, outer: MaybeStringMatch | StringMatch) -> bool:
    """Whether every value of the one is a value of the other. Expressions are refused where routes are delegated."""
    if not outer.given() or inner == outer:
        return True
    value = inner.exact if inner.exact is not None else inner.prefix
    if value is None:
        return False
    if outer.prefix is not None:
        return value.startswith(outer.prefix)
    return inner.exact is not None and inner.exact == outer.exact
