"""The mesh as the newest documents make it, for everybody in this process who asks about it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache

from meshweb.core.builder import MeshBuilder
from meshweb.core.explain import Explainer
from meshweb.core.intent import Intent
from meshweb.core.mesh import build_mesh
from meshweb.kinds.registry import KINDS
from meshweb.store.installation import mesh_settings
from meshweb.store.loaders import IntentMirror


@dataclass(frozen=True, slots=True)
class Current:
    """`mesh` is not changed any more: the next one is another."""

    intent: Intent
    mesh: MeshBuilder
    explainer: Explainer


class CurrentMesh:
    """Built anew when the intent changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mirror: IntentMirror | None = None
        self._built: tuple[int, Current] | None = None

    def forget(self) -> None:
        """Reads everything anew the next time."""
        with self._lock:
            self._mirror = self._built = None

    def read(self) -> Current:
        with self._lock:
            if self._mirror is None:
                self._mirror = IntentMirror(mesh_settings())
            intent = self._mirror.refresh()
            epoch = self._mirror.epoch
            if self._built is None or (self._built[0], self._built[1].intent.revision) != (epoch, intent.revision):
                mesh = build_mesh(intent, KINDS)
                self._built = (epoch, Current(intent, mesh, Explainer(mesh)))
            return self._built[1]


@cache
def current_mesh() -> CurrentMesh:
    """The process's own."""
    return CurrentMesh()
