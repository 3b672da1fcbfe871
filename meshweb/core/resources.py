"""Built resources, kept by what they were built from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from meshweb.core.snapshot import Section, XdsResource


class Resources:
    """For one compilation: takes over from the one before what is still asked for; the rest is dropped with it."""

    def __init__(self, known: Mapping[object, XdsResource], sections: Mapping[str, Section]) -> None:
        self._known = known
        self._interned = dict(sections)
        self.used: dict[object, XdsResource] = {}

    def get(self, key: object, build: Callable[[], XdsResource]) -> XdsResource:
        """`key`: an equal one stands for equal bytes."""
        found = self.used.get(key)
        if found is None:
            found = self._known.get(key)
            if found is None:
                found = build()
            self.used[key] = found
        return found

    def section(self, resources: Iterable[XdsResource]) -> Section:
        """Equal sections are one object."""
        section = Section.of(resources)
        return self._interned.setdefault(section.version, section)
