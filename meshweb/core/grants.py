"""References across namespaces, and who permits them (Gateway API, "ReferenceGrant")."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Grant:
    """Documents of `from_group`/`from_kind` in `from_namespace` may refer to `to_kind`, of any name when `to_name` is empty."""

    from_group: str
    from_kind: str
    from_namespace: str
    to_group: str
    to_kind: str
    to_name: str = ""


@dataclass(slots=True)
class Grants:
    """By the namespace whose documents are referred to."""

    _grants: defaultdict[str, set[Grant]] = field(default_factory=lambda: defaultdict(set))

    def add(self, namespace: str, grant: Grant) -> None:
        self._grants[namespace].add(grant)

    def permit(self, *, group: str, kind: str, namespace: str, to_kind: str, to_namespace: str, to_name: str) -> bool:
        """Whether a document may refer to a core-group object. Within one namespace always."""
        if namespace == to_namespace:
            return True
        wanted = {Grant(group, kind, namespace, "", to_kind, name) for name in ("", to_name)}
        return bool(wanted & self._grants.get(to_namespace, set()))
