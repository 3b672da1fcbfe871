"""Answers as the API gives them."""

from __future__ import annotations

from typing import Any

NOW = "2026-01-01T00:00:00Z"


def document(kind: str, name: str, namespace: str | None = "shop", **condition: str) -> dict[str, Any]:
    own = {"namespace": namespace} if namespace else {}
    conditions = [
        {"type": one, "status": condition.get(one, "True"), "reason": f"{one}Reason", "message": "", "observedGeneration": 1}
        for one in ("Accepted", "ResolvedRefs", "Programmed")
    ]
    metadata = {"name": name, **own, "labels": {}, "annotations": {}, "creationTimestamp": NOW, "resourceVersion": "1"}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": {"a": 1}, "status": {"conditions": conditions}}


def page(*items: Any, next: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "next": next, "revision": 7}


def access(*changes: dict[str, Any]) -> dict[str, Any]:
    """What an impact says of calls that were seen."""
    fates = [change["fate"] for change in changes]
    counts = {name: fates.count(name) for name in ("newlyDenied", "newlyAllowed", "mayChange")}
    return {"window": "3600s", "callers": 4, "edges": 6, "requests": 900, **counts, "changes": list(changes), "leftOut": 0}


def result(action: str, before: str | None, after: str, revision: int | None = 7, dry_run: bool = False) -> dict[str, Any]:
    one = {"document": 0, "apiVersion": "v1", "kind": "Service", "namespace": "shop", "name": "payments", "action": action}
    impact: dict[str, Any] = {
        "proxies": [{"id": "shop/web-1", "changes": ["Clusters"], "connected": True}],
        "services": ["shop/payments"],
    }
    impact["access"] = access() if dry_run else None
    return {
        "revision": revision,
        "dryRun": dry_run,
        "impact": impact if action != "unchanged" else {"proxies": [], "services": [], "access": impact["access"]},
        "results": [{**one, "before": before, "after": after, "diff": []}],
    }


def revision(number: int, state: str, live: int, total: int, rejected: int = 0, disconnected: int = 0) -> dict[str, Any]:
    pending = total - live - rejected - disconnected
    counts = {"affected": total, "live": live, "rejected": rejected, "pending": pending, "disconnected": disconnected}
    states = ["live"] * live + ["rejected"] * rejected + ["pending"] * pending + ["disconnected"] * disconnected
    proxies = [
        {"id": f"shop/web-{n}", "state": one, "detail": "port 80 is already bound" if one == "rejected" else ""}
        for n, one in enumerate(states, 1)
    ]
    return {"number": number, "state": state, "counts": counts, "proxies": proxies, "changes": []}


def proxy(name: str, state: str = "synced", refusal: str = "") -> dict[str, Any]:
    types = [
        {"type": one, "state": "synced", "version": "v1", "at": NOW, "detail": ""}
        for one in ("Clusters", "Endpoints", "Listeners", "Routes")
    ]
    if refusal:
        types[2] |= {"state": "rejected", "detail": refusal}
    return {
        "id": name,
        "identity": "spiffe://cluster.local/ns/shop/sa/web",
        "workloadGroup": "web",
        "mode": "explicit",
        "bind": "127.20.1.1",
        "appAddress": "127.0.0.1",
        "gateway": "",
        "agentVersion": "0.1.0",
        "envoyVersion": "1.40.0",
        "state": state,
        "lastSeen": NOW,
        "liveRevision": 6,
        "wantedRevision": 7,
        "services": ["shop/web"],
        "health": {"state": "healthy", "reason": ""},
        "certificate": {"serial": "ab12", "notBefore": NOW, "expiresAt": NOW},
        "types": types,
    }
