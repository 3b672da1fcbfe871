"""Least-privilege policies from who was seen: an ALLOW policy of a service that names its callers and their ports, and nobody else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshweb.core.intent import DocumentKey
from meshweb.core.ir.security import POLICY, MtlsMode, PolicyAction
from meshweb.core.ir.services import Service, Workload
from meshweb.core.reach import Map, Observer, Place, Reach, Reached, over_all

DRY_RUN = "istio.io/dry-run"
SUGGESTED = "meshweb.io/suggested-from"
"""Annotations. The second holds the time from which and up to which callers were seen, and marks what may be written over."""
_MANY = 256
"""Most values of one list."""


@dataclass(frozen=True, slots=True)
class SeenCaller:
    """Who called and was let through. identities: SPIFFE IDs. ports: of the workloads."""

    name: str
    identities: tuple[str, ...]
    ports: frozenset[int]


@dataclass(frozen=True, slots=True)
class Unseen:
    """Policies let it in, and it did not call."""

    name: str
    reached: Reached


@dataclass(frozen=True, slots=True)
class Suggestion:
    """policy: a document; None: none can be made, `why` says so. standing: ALLOW policies that admit callers of the service today.
    unknowable: sentences."""

    policy: dict[str, Any] | None
    why: str
    standing: tuple[DocumentKey, ...]
    unseen: tuple[Unseen, ...]
    unknowable: tuple[str, ...]


def general_service(access: Map, workload: Workload) -> Service | None:
    """Of the services behind which a workload stands the most general one: one policy for it covers them all."""
    return min(access.mesh.services_of(workload), key=lambda s: (len(s.selector), s.ref), default=None)


def suggest(access: Map, service: Service, seen: Sequence[SeenCaller], *, enforce: bool, span: str) -> Suggestion:
    """`seen`: whom the policy is to admit. `span`: when they were seen, for the annotation."""
    name = _name(access, service)
    standing = tuple(key for key in _standing(access, service) if key != DocumentKey(*name))
    callers = {caller.name for caller in seen}
    unseen = tuple(
        Unseen(caller.name, reached)
        for caller in access.callers.values()
        if caller.name not in callers
        if (reached := access.reached(caller.identities, service, routed=False)).reach is not Reach.NEVER
    )
    policy, why = None, ""
    if not seen:
        why = "nobody with a certificate was seen and let through"
    elif not service.selector:
        why = "it has no selector by which a policy could find its workloads"
    elif narrower := _narrower(access, service, seen):
        why = f"policies let {narrower} in for some requests only: a policy by callers and ports would let it in for all"
    else:
        policy = _document(name, service, seen, enforce=enforce, span=span)
    return Suggestion(policy, why, standing, unseen, tuple(_unknowable(access, service)))


def _name(access: Map, service: Service) -> tuple[str, str, str]:
    """Of no document but one that was suggested before."""
    plain = f"{service.ref.name.replace('*', 'any')}-observed-callers"
    number, name = 1, plain
    while (known := access.mesh.documents.get(DocumentKey(POLICY, service.ref.namespace, name))) is not None:
        if SUGGESTED in known.annotations:
            break
        number += 1
        name = f"{plain}-{number}"
    return POLICY, service.ref.namespace, name


def _standing(access: Map, service: Service) -> list[DocumentKey]:
    found = {
        policy.document
        for place in access.places(service, routed=False)
        for policy in place.policies
        if policy.action is PolicyAction.ALLOW and not policy.dry_run and not policy.is_default
    }
    return sorted(found)


def _narrower(access: Map, service: Service, seen: Iterable[SeenCaller]) -> str:
    """A caller that today is let in for some of its requests: to add a policy would give it more. Empty: there is none."""
    for caller in seen:
        for place in access.places(service, routed=False):
            if place.port in caller.ports and not all(_is_let_in(access, identity, place) for identity in caller.identities):
                return caller.name
    return ""


def _is_let_in(access: Map, identity: str, place: Place) -> bool:
    """By ALLOW policies, whatever it asks for. DENY policies stay, and deny as before."""
    allowing = [policy for policy in place.policies if policy.action is PolicyAction.ALLOW]
    observer = Observer(identity, place, access.mesh.settings.trust_domain)
    return over_all(allowing, observer.matches, place.http).reach is Reach.ALWAYS


def _document(
    name: tuple[str, str, str], service: Service, seen: Iterable[SeenCaller], *, enforce: bool, span: str
) -> dict[str, Any]:
    by_ports: defaultdict[tuple[int, ...], set[str]] = defaultdict(set)
    for caller in seen:
        by_ports[tuple(sorted(caller.ports))] |= {identity.removeprefix("spiffe://") for identity in caller.identities}
    kind, namespace, own = name
    annotations: Mapping[str, str] = {SUGGESTED: span, **({} if enforce else {DRY_RUN: "true"})}
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": kind,
        "metadata": {"name": own, "namespace": namespace, "annotations": annotations},
        "spec": {
            "selector": {"matchLabels": dict(sorted(service.selector))},
            "action": "ALLOW",
            "rules": [
                {
                    "from": [{"source": {"principals": some}} for some in _in_lists(sorted(principals))],
                    "to": [{"operation": {"ports": [str(port) for port in ports]}}],
                }
                for ports, principals in sorted(by_ports.items())
            ],
        },
    }


def _in_lists(principals: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(principals), _MANY):
        yield list(principals[start : start + _MANY])


def _unknowable(access: Map, service: Service) -> Iterable[str]:
    places = access.places(service, routed=False)
    if any(place.mtls is not MtlsMode.STRICT for place in places):
        yield "it takes plain text too, and nobody counts callers without a sidecar: a policy denies them"
    unread = sorted({place.port for place in places if place.http is False})
    if unread:
        ports = ", ".join(map(str, unread))
        yield f"nobody counts connections that are not HTTP (port {ports}): whoever uses them is not in the policy, and it denies them"
