"""Built resources, kept by what they were built from, as long as somebody holds them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from weakref import WeakValueDictionary

from meshweb.core.snapshot import Section, XdsResource


class Resources:
    """One per compiler."""

    def __init__(self) -> None:
        self._resources: WeakValueDictionary[object, XdsResource] = WeakValueDictionary()
        self._sections: WeakValueDictionary[str, Section] = WeakValueDictionary()
        self._changes: WeakValueDictionary[object, Section] = WeakValueDictionary()

    def get(self, key: object, build: Callable[[], XdsResource]) -> XdsResource:
        """`key`: an equal one stands for equal bytes."""
        found = self._resources.get(key)
        if found is None:
            found = self._resources[key] = build()
        return found

    def section(self, resources: Iterable[XdsResource]) -> Section:
        """Equal sections are one object."""
        section = Section.of(resources)
        return self._sections.setdefault(section.version, section)

    def changed(self, section: Section, resources: Collection[XdsResource], removed: Collection[str] = ()) -> Section:
        """`section` with some resources exchanged; the same change to an equal section is made once."""
        fresh = [r for r in resources if (known := section.resources.get(r.name)) is None or known.version != r.version]
        gone = [name for name in removed if name in section.resources]
        if not fresh and not gone:
            return section
        key = (section.version, frozenset((r.name, r.version) for r in fresh), frozenset(gone))
        found = self._changes.get(key)
        if found is None:
            found = section.changed(fresh, gone)
            found = self._changes[key] = self._sections.setdefault(found.version, found)
        return found
