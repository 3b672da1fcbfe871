"""What must hold for every mesh that the compiler is given."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given, settings, strategies as st

from meshweb.core.compile import Compilation, Compiler
from meshweb.core.intent import Intent
from meshweb.core.names import BLACKHOLE_CLUSTER
from meshweb.core.snapshot import PUSH_ORDER, Snapshot, TypeUrl
from meshweb.kinds.registry import KINDS
from tests.golden.rig import as_json, compile_intent, intent_of
from tests.property.meshes import meshes, views


def content(compilation: Compilation) -> dict[str, Any]:
    return {
        proxy: {t: {r.name: r.body for r in snapshot.resources(t)} for t in PUSH_ORDER}
        for proxy, snapshot in compilation.snapshots.items()
    }


def shuffled(intent: Intent, seed: int) -> Intent:
    draw = random.Random(seed)

    def mixed(mapping: Mapping[Any, Any]) -> dict[Any, Any]:
        items = list(mapping.items())
        draw.shuffle(items)
        return dict(items)

    return replace(
        intent, documents=mixed(intent.documents), proxies=mixed(intent.proxies), local_addresses=mixed(intent.local_addresses)
    )


@given(meshes(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_order_of_documents_does_not_matter(documents: list[dict[str, Any]], seed: int) -> None:
    intent = intent_of(documents, views())
    assert content(compile_intent(intent)) == content(compile_intent(shuffled(intent, seed)))


@given(meshes())
@settings(max_examples=60, deadline=None)
def test_every_reference_leads_somewhere(documents: list[dict[str, Any]]) -> None:
    for snapshot in compile_intent(intent_of(documents, views())).snapshots.values():
        clusters = {r.name for r in snapshot.resources(TypeUrl.CLUSTER)}
        routes = {r.name for r in snapshot.resources(TypeUrl.ROUTE)}
        assert {r.name for r in snapshot.resources(TypeUrl.ENDPOINT)} <= clusters
        named = _named(snapshot)
        assert named["cluster"] <= clusters | {BLACKHOLE_CLUSTER, "agent"}
        assert named["route_config_name"] == routes, "each listener's routes exist, and no routes are without a listener"


def _named(snapshot: Snapshot) -> dict[str, set[str]]:
    """Every value of these fields, anywhere in listeners and routes."""
    found: dict[str, set[str]] = {"cluster": set(), "route_config_name": set()}

    def walk(value: Any, parent: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in found and isinstance(inner, str):
                    found[key].add(inner)
                elif key == "name" and parent == "clusters":
                    found["cluster"].add(inner)
                walk(inner, key)
        elif isinstance(value, list):
            for item in value:
                walk(item, parent)

    for type_url in (TypeUrl.LISTENER, TypeUrl.ROUTE):
        for resource in snapshot.resources(type_url):
            walk(as_json(type_url, resource.body), "")
    return found


@given(meshes(), meshes())
@settings(max_examples=60, deadline=None)
def test_a_warm_compiler_equals_a_cold_one_and_undo_restores_the_bytes(
    first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    warm = Compiler(KINDS)
    one, two = intent_of(first, views()), intent_of(second, views())
    before = content(warm.compile(one))
    assert content(warm.compile(two)) == content(compile_intent(two))
    assert content(warm.compile(one)) == before == content(compile_intent(one))


@given(meshes())
@settings(max_examples=40, deadline=None)
def test_names_are_unique_and_versions_are_content(documents: list[dict[str, Any]]) -> None:
    for snapshot in compile_intent(intent_of(documents, views())).snapshots.values():
        for type_url in PUSH_ORDER:
            names = [r.name for r in snapshot.resources(type_url)]
            assert len(names) == len(set(names))
        bodies = {r.version: r.body for t in PUSH_ORDER for r in snapshot.resources(t)}
        assert len(set(bodies.values())) == len(bodies)
