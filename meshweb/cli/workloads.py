"""`meshctl workload` and `meshctl proxy endpoints`: who is healthy, and who says so."""

from __future__ import annotations

from typing import Any

from meshweb.cli import NO, OK
from meshweb.cli.client import Client
from meshweb.cli.output import Format, ago, emit, fields, table
from meshweb.cli.reading import proxy_path

Json = dict[str, Any]


def workload_list(client: Client, namespace: str | None, service: str | None, form: Format) -> int:
    found = list(client.pages("/workloads", namespace=namespace, service=service))
    if form is not Format.TABLE:
        emit({"items": found} if form is Format.JSON else found, form)
        return OK
    rows = ([w["id"], w["address"], w["health"]["state"], seen(w), ", ".join(w["services"])] for w in found)
    table(["WORKLOAD", "ADDRESS", "HEALTH", "SEEN BY CALLERS", "SERVICES"], rows, empty="no workload")
    return OK


def seen(workload: Json) -> str:
    """`2 of 3 healthy, 1 ejected`."""
    found = workload["seen"]
    if not found["callers"]:
        return "nobody called it"
    states = dict.fromkeys(each["state"] for each in found["out"])
    counts = [f"{len({e['caller'] for e in found['out'] if e['state'] == state})} {state}" for state in states]
    return ", ".join([f"{found['healthy']} of {found['callers']} healthy", *counts])


def workload_get(client: Client, name: str, form: Format) -> int:
    """0, or 3 when it is unhealthy by its probe or to a caller."""
    workload = client.get(f"/workloads/{proxy_path(name)}")
    out = workload["seen"]["out"]
    bad = workload["health"]["state"] == "unhealthy" or bool(out)
    if form is not Format.TABLE:
        emit(workload, form)
        return NO if bad else OK
    health = workload["health"]
    fields(
        [
            ("workload", workload["id"]),
            ("identity", workload["identity"]),
            ("address", workload["address"]),
            ("services", ", ".join(workload["services"])),
            ("proxy", "connected" if workload["connected"] else "not connected" if workload["joined"] else "none joined"),
            ("health", f"{' '.join(filter(None, (health['state'], health['reason'])))} ({ago(health['at'])} ago)"),
            ("seen by callers", f"{seen(workload)} ({ago(workload['seen']['at'])} ago)"),
        ]
    )
    if out:
        rows = [[e["caller"], e["state"], ago(e["since"]), f"{e['service']}:{e['port']}", e["address"]] for e in out]
        table(["CALLER", "SEES IT", "SINCE", "AS", "ENDPOINT"], rows, empty="")
    return NO if bad else OK


def proxy_endpoints(client: Client, name: str, form: Format) -> int:
    found = client.get(f"/proxies/{proxy_path(name)}/endpoints")
    if form is not Format.TABLE:
        emit(found, form)
        return OK
    rows = [[f"{e['service']}:{e['port']}", e["address"], e["state"], ago(e["since"])] for e in found["endpoints"]]
    table(["SERVICE", "ENDPOINT", "STATE", "SINCE"], rows, empty="it called nobody, and checks nobody")
    if found["at"]:
        print(f"as it was {ago(found['at'])} ago")
    return OK
