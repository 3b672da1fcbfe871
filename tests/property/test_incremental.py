"""A compiler that follows edits holds what one that starts from nothing would make."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import given, settings, strategies as st

from meshweb.core.compile import Compiler
from meshweb.core.intent import Document, DocumentKey, Intent, MeshSettings
from meshweb.core.names import ServiceRef
from meshweb.kinds.parse import parse_document
from meshweb.kinds.registry import KINDS, served_by
from tests.property.edits import PROXIES, documents, edits
from tests.property.test_compile import content

_START = datetime(2026, 1, 1, tzinfo=UTC)
_EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", "150"))
"""`PROPERTY_EXAMPLES=5000 ./dev test tests/property/test_incremental.py` looks further."""


class _History:
    """An intent that is edited as the store would: unchanged documents stay the same objects, addresses are never taken back."""

    def __init__(self) -> None:
        self.intent = Intent(1, {}, MeshSettings(), PROXIES)
        self._clock = count()
        self._addresses: dict[tuple[ServiceRef, int], int] = {}

    def put(self, raws: list[dict[str, Any]]) -> None:
        found = dict(self.intent.documents)
        for raw in raws:
            parsed = parse_document(raw)
            known = found.get(parsed.key)
            created = known.created if known is not None else _START + timedelta(minutes=next(self._clock))
            meta = parsed.metadata
            found[parsed.key] = Document(parsed.key, parsed.spec, meta.labels, meta.annotations, created)
            for service, numbers in served_by(parsed.key, parsed.spec):
                for number in (0, *numbers):
                    self._addresses.setdefault((service, number), len(self._addresses))
        self.intent = replace(self.intent, documents=found, local_addresses=dict(self._addresses))

    def edit(self, step: dict[str, Any]) -> None:
        self.put(step["put"])
        found: dict[DocumentKey, Document] = dict(self.intent.documents)
        if step["drop"] is not None and found:
            del found[sorted(found)[step["drop"] % len(found)]]
        views = {proxy: view for proxy, view in PROXIES.items() if proxy not in step["away"]}
        self.intent = replace(
            self.intent,
            revision=self.intent.revision + 1,
            documents=found,
            unhealthy=frozenset(step["unhealthy"]),
            proxies=views if step["away"] else PROXIES,
        )


@given(st.lists(documents, min_size=6, max_size=24), st.lists(edits(), min_size=1, max_size=8))
@settings(max_examples=_EXAMPLES, deadline=None)
def test_following_edits_equals_starting_anew(first: list[dict[str, Any]], steps: list[dict[str, Any]]) -> None:
    history, following = _History(), Compiler(KINDS)
    history.put(first)
    following.compile(history.intent)
    for step in steps:
        before = history.intent
        history.edit(step)
        followed, anew = following.compile(history.intent), Compiler(KINDS).compile(history.intent)
        assert followed.conditions == anew.conditions, _difference(before, history.intent)
        assert content(followed) == content(anew), _difference(before, history.intent)
        versions = {p: [s.sections[t] for t in s.sections] for p, s in followed.snapshots.items()}
        assert versions == {p: [s.sections[t] for t in s.sections] for p, s in anew.snapshots.items()}


def _difference(before: Intent, after: Intent) -> list[str]:
    keys = before.documents.keys() | after.documents.keys()
    return [str(key) for key in sorted(keys) if before.documents.get(key) is not after.documents.get(key)]


@given(st.lists(documents, min_size=6, max_size=20), edits())
@settings(max_examples=40, deadline=None)
def test_what_was_handed_out_stays_as_it_was(first: list[dict[str, Any]], step: dict[str, Any]) -> None:
    history, following = _History(), Compiler(KINDS)
    history.put(first)
    handed_out = following.compile(history.intent)
    before = content(handed_out)
    history.edit(step)
    following.compile(history.intent)
    assert content(handed_out) == before
