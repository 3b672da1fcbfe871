"""A golden case: documents and proxies in, one file per resource type out.

`cases/<name>/in.yaml`: a first YAML document `{proxies: {"shop/web-1": {mode, bind, gateway}}, unhealthy: []}`, then the mesh's documents,
oldest first; `${key}` in a Secret is the private key of the certificate that the cases use, which lies in no file. Beside it stand the
expected `clusters.yaml`, `endpoints.yaml`, `listeners.yaml`, `routes.yaml` and `conditions.yaml`, and `secrets.yaml` where there are any.
`./dev golden` writes them anew; read the diff before you commit it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf import json_format

from meshweb.core.compile import Compilation, Compiler
from meshweb.core.intent import CaptureMode, Document, DocumentKey, Intent, MeshSettings, ProxyView
from meshweb.core.names import ServiceRef
from meshweb.core.snapshot import PUSH_ORDER, TYPE_NAMES, Snapshot, TypeUrl
from meshweb.kinds.parse import parse_document
from meshweb.kinds.registry import KINDS, served_by
from meshweb.protos import message, pool

CASES = Path(__file__).parent / "cases"
_START = datetime(2026, 1, 1, tzinfo=UTC)
Json = dict[str, Any]


@dataclass(frozen=True)
class Case:
    name: str
    intent: Intent

    @property
    def directory(self) -> Path:
        return CASES / self.name


def case_names() -> list[str]:
    return sorted(path.parent.name for path in CASES.glob("*/in.yaml"))


def load(name: str) -> Case:
    head, *documents = yaml.safe_load_all((CASES / name / "in.yaml").read_text())
    for document in documents:
        values = document.get("stringData", {})
        values |= {key: private_key() for key, value in values.items() if value == "${key}"}
    proxies = {proxy_id: _view(proxy_id, facts or {}) for proxy_id, facts in head["proxies"].items()}
    return Case(name, intent_of(documents, proxies, frozenset(head.get("unhealthy", ()))))


def _view(proxy_id: str, facts: Json) -> ProxyView:
    namespace, _, name = proxy_id.partition("/")
    mode, bind, gateway = facts.get("mode", "explicit"), facts.get("bind", "127.10.0.1"), facts.get("gateway", "")
    return ProxyView(namespace, name, CaptureMode(mode), bind, gateway=gateway)


def private_key() -> str:
    """PEM. From a number that everybody may know: the certificate was made once, and is used for nothing else."""
    number = int.from_bytes(hashlib.sha256(b"meshweb golden").digest())
    key = ec.derive_private_key(number, ec.SECP256R1())
    encryption = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


def intent_of(raws: Iterable[Json], proxies: dict[str, ProxyView], unhealthy: frozenset[str] = frozenset()) -> Intent:
    """Each document is a minute younger than the one before it; addresses are given in order."""
    documents: dict[DocumentKey, Document] = {}
    addresses: dict[tuple[ServiceRef, int], int] = {}
    services, ports = count(), count()
    for index, raw in enumerate(raws):
        parsed = parse_document(raw)
        meta = parsed.metadata
        created = _START + timedelta(minutes=index)
        documents[parsed.key] = Document(parsed.key, parsed.spec, meta.labels, meta.annotations, created)
        for ref, numbers in served_by(parsed.key, parsed.spec):
            addresses[ref, 0] = next(services)
            addresses |= {(ref, number): next(ports) for number in numbers}
    return Intent(1, documents, MeshSettings(), proxies, addresses, unhealthy)


def compile_intent(intent: Intent) -> Compilation:
    return Compiler(KINDS).compile(intent)


def as_json(type_url: TypeUrl, body: bytes) -> Json:
    parsed = message(type_url.rpartition("/")[2]).FromString(body)
    found: Json = json_format.MessageToDict(parsed, preserving_proto_field_name=True, descriptor_pool=pool())
    plain: Json = json.loads(json.dumps(found))  # ordered mappings become plain ones
    return plain


def texts(case: Case) -> dict[str, str]:
    """File name -> content."""
    compilation = compile_intent(case.intent)
    found = {
        f"{TYPE_NAMES[type_url].lower()}.yaml": _yaml(
            {
                proxy_id: [_shown(as_json(type_url, r.body)) for r in snapshot.resources(type_url)]
                for proxy_id, snapshot in compilation.snapshots.items()
            }
        )
        for type_url in PUSH_ORDER
    }
    conditions = {
        str(key): [f"{c.type}={c.status} {c.reason}{': ' + c.message if c.message else ''}" for c in conditions]
        for key, conditions in sorted(compilation.conditions.items())
    }
    if not any(list(snapshot.resources(TypeUrl.SECRET)) for snapshot in compilation.snapshots.values()):
        del found["secrets.yaml"]
    return {**found, "conditions.yaml": _yaml(conditions)}


def _shown(resource: Json) -> Json:
    """Of a secret, not the values: a key is not written down."""
    pair = resource.get("tls_certificate", {})
    for part in (*pair.values(), resource.get("validation_context", {}).get("trusted_ca", {})):
        if part:
            part["inline_string"] = "${key}" if part["inline_string"] == private_key() else "${certificate}"
    return resource


def _yaml(value: object) -> str:
    text: str = yaml.safe_dump(value, sort_keys=True, width=120)
    return text


def bootstrap_of(snapshot: Snapshot) -> Json:
    """Everything that a proxy would get, as one static bootstrap: routes in listeners, assignments in clusters."""
    ports = count(30001)
    listeners = [as_json(TypeUrl.LISTENER, r.body) for r in snapshot.resources(TypeUrl.LISTENER)]
    listeners += [_listener_of(as_json(TypeUrl.ROUTE, r.body), next(ports)) for r in snapshot.resources(TypeUrl.ROUTE)]
    clusters = [as_json(TypeUrl.CLUSTER, r.body) for r in snapshot.resources(TypeUrl.CLUSTER)]
    for index, resource in enumerate(snapshot.resources(TypeUrl.ENDPOINT)):
        assignment = as_json(TypeUrl.ENDPOINT, resource.body)
        clusters.append(
            {"name": f"assignment-{index}", "type": "STATIC", "connect_timeout": "1s", "load_assignment": assignment}
        )
    pipe = {"endpoint": {"address": {"pipe": {"path": "/nowhere"}}}}
    agent = {
        "name": "agent",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": "agent", "endpoints": [{"lb_endpoints": [pipe]}]},
    }
    return {
        "node": {"id": "shop/web-1", "cluster": "shop"},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "agent"}}],
            }
        },
        "static_resources": {"listeners": listeners, "clusters": [agent, *clusters]},
    }


def _listener_of(routes: Json, port: int) -> Json:
    hcm = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "golden",
        # The clusters that it names come over ADS; whether they exist is the compiler's promise, tested as a property.
        "route_config": {**routes, "validate_clusters": False},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": hcm}]}
    return {
        "name": f"routes-{port}",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [chain],
    }


def envoy_says(snapshot: Snapshot) -> str:
    """Nothing when the real Envoy accepts the snapshot, else its words."""
    from meshweb.agent.envoy import find_binary

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "bootstrap.json")
        path.write_text(json.dumps(bootstrap_of(snapshot)))
        command = [str(find_binary(None)), "--mode", "validate", "-c", str(path), "--log-level", "error"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return "" if answer.returncode == 0 else answer.stderr[-2000:]
