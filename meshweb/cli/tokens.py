"""Join tokens for VMs, and API tokens for machines."""

from __future__ import annotations

from collections.abc import Sequence

from meshweb.cli import OK
from meshweb.cli.client import Client
from meshweb.cli.output import Format, ago, emit, table


def create_join(client: Client, namespace: str, group: str, ttl: str, uses: int, form: Format) -> int:
    wanted = {"namespace": namespace, "workloadGroup": group, "ttl": ttl, "uses": uses}
    made = client.call("POST", "/join-tokens", json=wanted).json()
    if form is not Format.TABLE:
        emit(made, form)
        return OK
    many = "one VM" if uses == 1 else f"{uses} VMs"
    print(f"# join token {made['id']}: {many} may join {namespace}/{group}; it ends {ago(made['expiresAt'])}. Run on the VM:")
    print(made["command"])
    return OK


def list_join(client: Client, form: Format) -> int:
    tokens = list(client.pages("/join-tokens"))
    if form is not Format.TABLE:
        emit({"items": tokens} if form is Format.JSON else tokens, form)
        return OK
    rows = (
        [
            token["id"],
            f"{token['namespace']}/{token['workloadGroup']}",
            token["state"],
            f"{token['usesLeft']}/{token['uses']}",
            ago(token["expiresAt"]),
            ", ".join(redemption["proxy"] for redemption in token["redemptions"]),
        ]
        for token in tokens
    )
    table(["ID", "GROUP", "STATE", "LEFT", "ENDS", "JOINED"], rows, empty="no join token: meshctl token create")
    return OK


def revoke_join(client: Client, identifier: str) -> int:
    client.call("DELETE", f"/join-tokens/{identifier}")
    print(f"join token {identifier} revoked; what has joined with it stays")
    return OK


def create_api(client: Client, name: str, scopes: Sequence[str], ttl: str, form: Format) -> int:
    made = client.call("POST", "/api-tokens", json={"name": name, "scopes": list(scopes), "ttl": ttl}).json()
    if form is not Format.TABLE:
        emit(made, form)
        return OK
    print(f"# API token {made['id']} ({' '.join(scopes)}) for {name}; it is shown only now:")
    print(f"export MESHWEB_TOKEN={made['token']}")
    return OK


def list_api(client: Client, form: Format) -> int:
    tokens = list(client.pages("/api-tokens"))
    if form is not Format.TABLE:
        emit({"items": tokens} if form is Format.JSON else tokens, form)
        return OK
    rows = ([t["id"], t["name"], " ".join(t["scopes"]), ago(t.get("expiresAt"))] for t in tokens)
    table(["ID", "NAME", "SCOPES", "ENDS"], rows, empty="no API token")
    return OK


def revoke_api(client: Client, identifier: str) -> int:
    client.call("DELETE", f"/api-tokens/{identifier}")
    print(f"API token {identifier} revoked")
    return OK
