"""The last configuration that Envoy acknowledged, on disk: a VM reboots into a working sidecar with the control plane away.

File: one line `meshweb-snapshot 1 <sha256 of the rest>`, then a serialized DeltaDiscoveryResponse whose resources are of all
types. Names are unique within a type; the Any of each resource tells its type.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.message import DecodeError

from meshweb.agent.files import write_atomic
from meshweb.protos import message

log = logging.getLogger(__name__)

_MAGIC = b"meshweb-snapshot 1 "
_RESPONSE = "envoy.service.discovery.v3.DeltaDiscoveryResponse"


@dataclass(frozen=True, slots=True)
class Held:
    """`resource`: a serialized `envoy.service.discovery.v3.Resource`."""

    version: str
    resource: bytes = field(repr=False)


Snapshot = Mapping[str, Mapping[str, Held]]
"""type_url -> name -> resource."""


def read(path: Path) -> dict[str, dict[str, Held]]:
    """What is stored; nothing when there is no file or it is damaged (which is logged: the control plane will send it again)."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    header, _, body = content.partition(b"\n")
    if not header.startswith(_MAGIC) or header.removeprefix(_MAGIC) != hashlib.sha256(body).hexdigest().encode():
        log.warning("%s is damaged and ignored", path)
        return {}
    try:
        parsed = message(_RESPONSE).FromString(body)
    except DecodeError:
        log.warning("%s cannot be parsed and is ignored", path)
        return {}
    found: dict[str, dict[str, Held]] = {}
    for resource in parsed.resources:
        held = Held(resource.version, resource.SerializeToString(deterministic=True))
        found.setdefault(resource.resource.type_url, {})[resource.name] = held
    return found


def write(path: Path, snapshot: Snapshot) -> None:
    """Raises OSError. Blocks for the time of two fsyncs: call it on a thread."""
    response = message(_RESPONSE)()
    for type_url in sorted(snapshot):
        for name in sorted(snapshot[type_url]):
            response.resources.add().ParseFromString(snapshot[type_url][name].resource)
    body = response.SerializeToString(deterministic=True)
    write_atomic(path, _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
