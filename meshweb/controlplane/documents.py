"""Every write of documents. One transaction each: documents, versions, references, revision and audit, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db import transaction
from django.utils import timezone

from meshweb.controlplane import audit, hints, local_addresses, render
from meshweb.controlplane.actor import Actor
from meshweb.controlplane.errors import Conflict, InvalidDocuments, NotFound, PreconditionFailed
from meshweb.core.errors import InvalidDocument, Violation
from meshweb.core.intent import Document, DocumentKey
from meshweb.kinds.base import Kind, ParsedDocument
from meshweb.kinds.parse import parse_document, parse_documents
from meshweb.kinds.registry import served_by
from meshweb.store.models import MeshState, Reference, Resource, ResourceVersion, Revision
from meshweb.store.models.resource import Action
from meshweb.store.sealing import seal_spec

MAX_DOCUMENTS = 2000
ANY_VERSION = "*"
LOCK_ORDER = ("kind", "namespace", "name")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a document shall be: `parsed`, or gone when it is None. `version`: the version its author has seen; `must`: `exist`,
    `be absent` (else a conflict), `be new` (else a precondition of the caller failed), or empty when either will do."""

    key: DocumentKey
    parsed: ParsedDocument | None
    version: str | None = None
    must: Literal["", "exist", "be absent", "be new"] = ""


@dataclass(frozen=True, slots=True)
class Written:
    """Outcome for one document: its row before and after, as authored, write-only values sealed. `action` may be "unchanged"."""

    key: DocumentKey
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    row: Resource | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`revision` is None when nothing changed."""

    revision: int | None
    written: tuple[Written, ...]


# --- commands ---------------------------------------------------------------------------------------------------------


def create(actor: Actor, kind: Kind, raw: object) -> Outcome:
    """Raises InvalidDocuments, Conflict (exists already)."""
    parsed = _parse_as(kind, raw)
    return write(actor, [Wish(parsed.key, parsed, must="be absent")], verb="create")


def replace(actor: Actor, key: DocumentKey, kind: Kind, raw: object, *, version: str | None, absent: bool) -> Outcome:
    """The whole document anew. `absent`: only when there is none. Raises InvalidDocuments, NotFound, PreconditionFailed, Conflict."""
    parsed = _parse_as(kind, raw, key)
    return write(actor, [Wish(key, parsed, version, "be new" if absent else "exist")], verb="replace")


def patch(actor: Actor, key: DocumentKey, kind: Kind, change: object, *, version: str | None) -> Outcome:
    """RFC 7396 merge patch. Raises as `replace`."""
    if not isinstance(change, Mapping):
        raise InvalidDocuments([(0, Violation("", "type", "a merge patch is a JSON object"))])
    row = find(key)
    _check_version(row, version)
    merged = merge(render.opened(render.authored_of_row(row)), change)
    # The document may change between this read and the write; the version that was merged into is what counts.
    return write(actor, [Wish(key, _parse_as(kind, merged, key), str(row.revision), "exist")], verb="patch")


def deletion(key: DocumentKey, version: str | None) -> Wish:
    return Wish(key, None, version, "exist")


def delete(actor: Actor, key: DocumentKey, *, version: str | None, reason: str = "") -> Outcome:
    """Raises NotFound, PreconditionFailed, Conflict (a namespace that still holds documents)."""
    return write(actor, [deletion(key, version)], verb="delete", reason=reason)


def apply_wishes(raws: Sequence[object]) -> list[Wish]:
    """Parses many documents. Raises InvalidDocuments with every violation of every document."""
    if len(raws) > MAX_DOCUMENTS:
        raise InvalidDocuments([(MAX_DOCUMENTS, Violation("", "too_many", f"at most {MAX_DOCUMENTS} documents at once"))])
    if not raws:
        raise InvalidDocuments([(0, Violation("", "required", "there is no document in the body"))])
    parsed, violations = parse_documents(raws)
    if violations:
        raise InvalidDocuments(violations)
    return [Wish(document.key, document) for document in parsed]


def preview(wishes: Sequence[Wish]) -> tuple[Written, ...]:
    """What `write` would do, without doing it. Raises NotFound, Conflict, PreconditionFailed."""
    rows = _rows(wish.key for wish in wishes)
    found = []
    for wish in wishes:
        row = rows.get(wish.key)
        _check_wish(wish, row)
        before = render.authored_of_row(row) if row is not None else None
        after = _authored(wish.parsed, row) if wish.parsed is not None else None
        action = "unchanged" if before == after else _action(before, after)
        found.append(Written(wish.key, action, before, after, row))
    return tuple(found)


def _action(before: object, after: object) -> str:
    if after is None:
        return Action.DELETED
    return Action.CREATED if before is None else Action.UPDATED


def find(key: DocumentKey) -> Resource:
    """Raises NotFound."""
    row = Resource.objects.select_related("stored_status").filter(kind=key.kind, namespace=key.namespace, name=key.name).first()
    if row is None:
        raise NotFound(f"there is no {key}")
    return row


# --- one transaction --------------------------------------------------------------------------------------------------


def write(actor: Actor, wishes: Sequence[Wish], *, verb: str, reason: str = "") -> Outcome:
    """Carries out all wishes or none, as one revision. Raises NotFound, Conflict, PreconditionFailed."""
    from meshweb.controlplane.tasks import publish

    with transaction.atomic():
        state = MeshState.objects.select_for_update().get(id=1)
        rows = _rows((wish.key for wish in wishes), lock=True)
        for wish in wishes:
            _check_wish(wish, rows.get(wish.key))
        now, number = timezone.now(), state.revision + 1
        written = tuple(_carry_out(wish, rows.get(wish.key), number, now) for wish in wishes)
        changed = [item for item in written if item.action != "unchanged"]
        if not changed:
            return Outcome(None, written)
        _refuse_full_namespaces(changed)
        state.revision = number
        state.save(update_fields=["revision"])
        Revision.objects.create(
            number=number,
            created_at=now,
            author=actor.name,
            origin=actor.origin,
            reason=reason[:1000],
            request_id=actor.request_id[:64],
        )
        ResourceVersion.objects.bulk_create(_version(item, number) for item in changed)
        audit.allowed(actor, verb, _names(changed), detail=reason, revision=number)
        hints.wake_on_commit(publish)
        transaction.on_commit(lambda: hints.tell_browsers("revision", str(number)))
    return Outcome(number, written)


def _rows(keys: Iterable[DocumentKey], *, lock: bool = False) -> dict[DocumentKey, Resource]:
    """`lock`: in the one order in which conditions are written too, or a writer and the publisher could wait for each other."""
    by_kind: dict[str, list[DocumentKey]] = {}
    for key in keys:
        by_kind.setdefault(key.kind, []).append(key)
    found: dict[DocumentKey, Resource] = {}
    for kind, wanted in sorted(by_kind.items()):
        namespaces, names = {key.namespace for key in wanted}, {key.name for key in wanted}
        found_rows = Resource.objects.filter(kind=kind, namespace__in=namespaces, name__in=names).order_by(*LOCK_ORDER)
        for row in found_rows.select_for_update(no_key=True) if lock else found_rows:
            found[DocumentKey(row.kind, row.namespace, row.name)] = row
    return found


def _check_wish(wish: Wish, row: Resource | None) -> None:
    if wish.must == "be absent" and row is not None:
        raise Conflict(f"{wish.key} exists already")
    if wish.must == "be new" and row is not None:
        raise PreconditionFailed(f"{wish.key} exists already")
    if wish.must == "exist" and row is None:
        raise NotFound(f"there is no {wish.key}")
    if row is not None:
        _check_version(row, wish.version)
        stated = wish.parsed.metadata.resource_version if wish.parsed is not None else None
        if stated is not None and stated != str(row.revision):
            raise Conflict(f"{wish.key} is at version {row.revision}, the document says {stated}: read it again")


def _check_version(row: Resource, version: str | None) -> None:
    if version not in (None, ANY_VERSION, str(row.revision)):
        key = DocumentKey(row.kind, row.namespace, row.name)
        raise PreconditionFailed(f"{key} is at version {row.revision}, not {version}: somebody changed it meanwhile")


def _carry_out(wish: Wish, row: Resource | None, number: int, now: datetime) -> Written:
    before = render.authored_of_row(row) if row is not None else None
    if wish.parsed is None:
        if row is None:
            return Written(wish.key, "unchanged", None, None, None)
        row.delete()
        return Written(wish.key, Action.DELETED, before, None, None)
    after = _authored(wish.parsed, row)
    spec = wish.parsed.kind.spec_in(after)
    if row is not None and before == after:
        return Written(wish.key, "unchanged", before, after, row)
    action = Action.CREATED if row is None else Action.UPDATED
    if row is None:
        row = Resource(kind=wish.key.kind, namespace=wish.key.namespace, name=wish.key.name, created_at=now)
    elif row.spec != spec:
        row.generation += 1
    row.labels = dict(wish.parsed.metadata.labels)
    row.annotations = dict(wish.parsed.metadata.annotations)
    row.spec = spec
    row.revision, row.updated_at = number, now
    row.save(force_insert=action is Action.CREATED, force_update=action is Action.UPDATED)
    _index_references(row, wish.parsed, fresh=action is Action.CREATED)
    for service, numbers in served_by(wish.key, wish.parsed.spec):
        local_addresses.assign(service, numbers)
    return Written(wish.key, action, before, after, row)


def _authored(parsed: ParsedDocument, row: Resource | None) -> dict[str, Any]:
    """As it is stored: write-only values sealed, and those that stay the same as they are sealed already."""
    spec = seal_spec(parsed.kind, parsed.key, parsed.raw_spec, row.spec if row is not None else None)
    meta = parsed.metadata
    return render.authored(parsed.kind.kind, meta.namespace, meta.name, meta.labels, meta.annotations, spec)


def _index_references(row: Resource, parsed: ParsedDocument, *, fresh: bool) -> None:
    if not fresh:
        Reference.objects.filter(source=row).delete()
    document = Document(parsed.key, parsed.spec, parsed.metadata.labels, parsed.metadata.annotations)
    Reference.objects.bulk_create(
        Reference(source=row, kind=r.target.kind, namespace=r.target.namespace, name=r.target.name, pointer=r.at[:512])
        for r in parsed.kind.references(document)
    )


def _refuse_full_namespaces(changed: Sequence[Written]) -> None:
    for item in changed:
        if item.key.kind == "Namespace" and item.action == Action.DELETED:
            held = Resource.objects.filter(namespace=item.key.name).count()
            if held:
                raise Conflict(f"namespace {item.key.name} still holds {held} documents: delete them first")


def _version(item: Written, number: int) -> ResourceVersion:
    uid = item.row.uid if item.row is not None else None
    return ResourceVersion(
        revision=number,
        uid=uid or _uid_of_last(item.key),
        kind=item.key.kind,
        namespace=item.key.namespace,
        name=item.key.name,
        action=item.action,
        document=item.after,
    )


def _uid_of_last(key: DocumentKey) -> Any:
    last = ResourceVersion.objects.filter(kind=key.kind, namespace=key.namespace, name=key.name).order_by("-revision").first()
    assert last is not None
    return last.uid


def _names(changed: Sequence[Written]) -> str:
    head = ", ".join(str(item.key) for item in changed[:5])
    return head if len(changed) <= 5 else f"{head} and {len(changed) - 5} more"


# --- parsing ----------------------------------------------------------------------------------------------------------


def _parse_as(kind: Kind, raw: object, key: DocumentKey | None = None) -> ParsedDocument:
    """One document that must be of `kind` (and named as `key`). Kind and version may be left out. Raises InvalidDocuments."""
    if isinstance(raw, Mapping):
        raw = {"apiVersion": kind.api_version, "kind": kind.document_kind, **raw}
        if key is not None and key.namespace and isinstance(raw.get("metadata"), Mapping):
            raw = {**raw, "metadata": {"namespace": key.namespace, **raw["metadata"]}}
    try:
        parsed = parse_document(raw)
    except InvalidDocument as error:
        raise InvalidDocuments([(0, violation) for violation in error.violations]) from None
    violations = []
    if parsed.kind is not kind:
        violations.append(Violation("/kind", "wrong_kind", f"this is the place of {kind.kind}, not of {parsed.kind.kind}"))
    elif key is not None and parsed.key != key:
        violations.append(Violation("/metadata/name", "immutable", f"the address says {key}, the document {parsed.key}"))
    if violations:
        raise InvalidDocuments([(0, violation) for violation in violations])
    return parsed


def merge(target: object, change: object) -> Any:
    """RFC 7396, section 2."""
    if not isinstance(change, Mapping):
        return change
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged
