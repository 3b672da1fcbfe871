"""Rows in, intent out, in a fixed number of queries; afterwards only what changed."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.db import connection, transaction
from pydantic import ValidationError

from meshweb.core.intent import CaptureMode, Document, DocumentKey, Intent, KeySet, MeshSettings, ProxyView, Unreadable
from meshweb.core.names import ServiceRef
from meshweb.identity.sealing import SealError
from meshweb.kinds.base import violations_of
from meshweb.kinds.registry import kind_named, served_by
from meshweb.store.models import JwksDocument, LocalAddress, Proxy, Resource, ResourceVersion
from meshweb.store.sealing import open_spec

log = logging.getLogger(__name__)


def document_of(row: Resource) -> Document | None:
    """A row as the core knows it; None for a kind that this version does not have."""
    kind = kind_named(row.kind)
    if kind is None:
        log.warning("ignoring %s: this version has no kind %s", row, row.kind)
        return None
    key = DocumentKey(row.kind, row.namespace, row.name)
    spec: object
    try:
        spec = kind.parse_spec(open_spec(kind, key, row.spec))
    except SealError as error:
        spec = Unreadable(str(error))
    except ValidationError as error:
        found = violations_of(error, row.spec, ("spec",))
        spec = Unreadable("; ".join(f"{v.pointer}: {v.detail}" for v in found[:5]))
    return Document(key, spec, row.labels, row.annotations, row.created_at, row.generation, row.revision)


class IntentMirror:
    """The intent in memory, brought up to date by revision number. For one thread at a time."""

    def __init__(self, settings: MeshSettings) -> None:
        self._settings = settings
        self._revision = -1
        self._epoch = -1
        self._documents: dict[DocumentKey, Document] = {}
        self._proxies: dict[str, ProxyView] = {}
        self._unhealthy: frozenset[str] = frozenset()
        self._addresses: dict[tuple[ServiceRef, int], int] = {}
        self._keys: dict[str, KeySet] = {}

    @property
    def epoch(self) -> int:
        return self._epoch

    def refresh(self) -> Intent:
        """The newest committed intent. Must not run inside another transaction."""
        with transaction.atomic(durable=True):
            # One snapshot of all tables: otherwise a document of revision n+1 could be taken for one of revision n.
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                cursor.execute("SELECT revision, compile_epoch FROM store_meshstate WHERE id = 1")
                revision, epoch = cursor.fetchone()
            if revision < self._revision:
                self._forget()  # the database was restored to an earlier time
            if revision != self._revision:
                self._read_documents()
            if epoch != self._epoch or self._revision < 0:
                self._read_proxies()
            self._revision, self._epoch = revision, epoch
        return Intent(
            revision=self._revision,
            documents=dict(self._documents),
            settings=self._settings,
            proxies=self._proxies,
            local_addresses=self._addresses,
            unhealthy=self._unhealthy,
            keys=self._keys,
        )

    def _forget(self) -> None:
        self._revision = self._epoch = -1
        self._documents, self._addresses = {}, {}

    def _read_documents(self) -> None:
        services = self._revision < 0
        if self._revision >= 0:
            deletions = ResourceVersion.objects.filter(revision__gt=self._revision, action="deleted")
            for kind, namespace, name in deletions.values_list("kind", "namespace", "name"):
                self._documents.pop(DocumentKey(kind, namespace, name), None)
        for row in Resource.objects.filter(revision__gt=self._revision).order_by("revision"):
            document = document_of(row)
            if document is not None:
                services |= bool(served_by(document.key, document.spec))
                self._documents[document.key] = document
        if services:
            rows = LocalAddress.objects.values_list("namespace", "name", "port", "index")
            self._addresses = {(ServiceRef(namespace, name), port): index for namespace, name, port, index in rows}

    def _read_proxies(self) -> None:
        rows = list(Proxy.objects.filter(revoked_at=None))
        self._proxies = {view.id: view for view in views_of(rows)}
        self._unhealthy = frozenset(row.id for row in rows if row.health_state == "unhealthy")
        fetched = JwksDocument.objects.values_list("uri", "keys", "error")
        self._keys = {uri: KeySet(keys, error) for uri, keys, error in fetched}


def views_of(rows: Iterable[Proxy]) -> list[ProxyView]:
    return [
        ProxyView(row.namespace, row.name, CaptureMode(row.mode), row.bind, row.app_address, row.loopback_range, row.gateway)
        for row in rows
    ]
