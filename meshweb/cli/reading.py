"""Commands that show documents and what runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meshweb.cli import NO, OK
from meshweb.cli.client import Client
from meshweb.cli.errors import UsageError
from meshweb.cli.kinds import find_kind, path_of
from meshweb.cli.output import Format, ago, emit, fields, state_of, table

TYPES = ("Clusters", "Endpoints", "Listeners", "Routes", "Secrets")


def get(client: Client, kind_name: str, name: str | None, namespace: str | None, label: Sequence[str], form: Format) -> int:
    kind = find_kind(kind_name)
    if name is not None:
        if label:
            raise UsageError("give a name or labels, not both")
        document = client.get(path_of(kind, name, namespace))
        if form is not Format.TABLE:
            emit(document, form)
            return OK
        documents = [document]
    else:
        documents = list(client.pages(f"/{kind.plural}", namespace=namespace, label=",".join(label) or None))
        if form is not Format.TABLE:
            emit({"items": documents} if form is Format.JSON else documents, form)
            return OK
    head = (["NAMESPACE"] if kind.namespaced else []) + ["NAME", "STATE", "AGE"]
    where = f" in {namespace}" if namespace else ""
    table(head, (_document_row(document, kind.namespaced) for document in documents), empty=f"no {kind.plural}{where}")
    return OK


def _document_row(document: dict[str, Any], namespaced: bool) -> list[Any]:
    metadata = document["metadata"]
    own = [metadata.get("namespace", "")] if namespaced else []
    return [*own, metadata["name"], state_of(document), ago(metadata["creationTimestamp"])]


def proxy_list(client: Client, namespace: str | None, form: Format) -> int:
    proxies = list(client.pages("/proxies", namespace=namespace))
    if form is not Format.TABLE:
        emit({"items": proxies} if form is Format.JSON else proxies, form)
        return OK
    head = ["PROXY", "GROUP", "GATEWAY", "MODE", "STATE", "HEALTH", "REVISION", "CERTIFICATE ENDS", "LAST SEEN"]
    rows = (
        [
            proxy["id"],
            proxy["workloadGroup"],
            proxy["gateway"],
            None if proxy["gateway"] else proxy["mode"],
            proxy["state"],
            proxy["health"]["state"],
            _revision(proxy),
            ago((proxy.get("certificate") or {}).get("expiresAt")),
            ago(proxy["lastSeen"]),
        ]
        for proxy in proxies
    )
    table(head, rows, empty="no proxy has joined yet: meshctl token create")
    return OK


def _revision(proxy: dict[str, Any]) -> str:
    live, wanted = proxy["liveRevision"], proxy["wantedRevision"]
    return str(live if live is not None else "-") + (f" (wants {wanted})" if wanted != live else "")


def proxy_get(client: Client, name: str, form: Format) -> int:
    proxy = client.get(f"/proxies/{proxy_path(name)}")
    if form is not Format.TABLE:
        emit(proxy, form)
        return OK
    certificate = proxy.get("certificate") or {}
    fields(
        [
            ("proxy", proxy["id"]),
            ("identity", proxy["identity"]),
            ("group", proxy["workloadGroup"]),
            ("state", proxy["state"]),
            ("revision", _revision(proxy)),
            ("health", " ".join(filter(None, (proxy["health"]["state"], proxy["health"]["reason"])))),
            ("gateway", proxy["gateway"]),
            ("mode", None if proxy["gateway"] else proxy["mode"]),
            ("bind", proxy["bind"]),
            ("application", None if proxy["gateway"] else proxy["appAddress"]),
            ("services", ", ".join(proxy["services"])),
            ("certificate", f"{certificate['serial']}, ends {ago(certificate['expiresAt'])}" if certificate else None),
            ("agent, Envoy", f"{proxy['agentVersion']}, {proxy['envoyVersion']}"),
            ("last seen", ago(proxy["lastSeen"])),
        ]
    )
    _types(proxy)
    return OK


def _types(proxy: dict[str, Any]) -> None:
    rows = [[t["type"], t["state"], t["version"], ago(t["at"]), t["detail"]] for t in proxy["types"]]
    table(["TYPE", "STATE", "VERSION", "SINCE", "DETAIL"], rows, empty="nothing was sent yet")


def proxy_status(client: Client, name: str | None, namespace: str | None, form: Format) -> int:
    """0, or 3 when a proxy refused something."""
    proxies = [client.get(f"/proxies/{proxy_path(name)}")] if name else list(client.pages("/proxies", namespace=namespace))
    refused = [(proxy, t) for proxy in proxies for t in proxy["types"] if t["state"] == "rejected"]
    if form is not Format.TABLE:
        kept = [{key: proxy[key] for key in ("id", "state", "liveRevision", "wantedRevision", "types")} for proxy in proxies]
        emit({"items": kept} if form is Format.JSON else kept, form)
        return NO if refused else OK
    rows = []
    for proxy in proxies:
        states = {t["type"]: t["state"] for t in proxy["types"]}
        rows.append([proxy["id"], proxy["state"], *(states.get(kind) for kind in TYPES), _revision(proxy)])
    head = ["PROXY", "STATE", *(kind.upper() for kind in TYPES), "REVISION"]
    table(head, rows, empty="no proxy has joined yet: meshctl token create")
    for proxy, refusal in refused:
        print(f"{proxy['id']} refuses {refusal['type']}: {refusal['detail']}")
    return NO if refused else OK


def proxy_path(name: str) -> str:
    """The part of an address that names a proxy. Raises UsageError."""
    if name.count("/") != 1:
        raise UsageError(f"a proxy is named NAMESPACE/NAME, not {name!r}")
    return name


def topology(client: Client, window: str, namespace: str | None, form: Format) -> int:
    found = client.get("/topology", window=window, namespace=namespace)
    if form is not Format.TABLE:
        emit(found, form)
        return OK
    head = ["SOURCE", "DESTINATION", "HEALTH", "CALLS/S", "ERRORS", "DENIED/S", "P50 ms", "P95 ms", "P99 ms", "MTLS"]
    rows = (
        [
            edge["source"],
            edge["destination"],
            edge["health"],
            float(edge["rps"]),
            f"{edge['errorRate'] * 100:.1f} %",
            float(edge["denied"]),
            *(edge[quantile] if edge[quantile] is None else f"{edge[quantile]:.1f}" for quantile in ("p50", "p95", "p99")),
            {True: "yes", False: "NO", None: "?"}[edge["mtls"]],
        ]
        for edge in sorted(found["edges"], key=lambda edge: (edge["source"], edge["destination"]))
    )
    table(head, rows, empty=f"no call in the last {window}")
    print(f"{found['reporting']} of {found['connected']} proxies report; the newest report is {ago(found['telemetryAt'])} old")
    return OK
