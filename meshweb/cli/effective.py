"""`meshctl proxy effective`: what holds for one proxy, and which document said so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from meshweb.cli import OK
from meshweb.cli.client import Client
from meshweb.cli.output import Format, emit, table

Json = dict[str, Any]


def proxy_effective(client: Client, path: str, service: str | None, form: Format) -> int:
    """`service`: `name`, `namespace/name` or a host; only what concerns it."""
    found = client.get(f"/proxies/{path}/effective")
    if service is not None:
        found = {**found, **{part: [row for row in found[part] if _is(row, service)] for part in ("upstreams", "destinations")}}
    if form is not Format.TABLE:
        emit(found, form)
        return OK
    routes = [row for upstream in found["upstreams"] for row in _routes(f"{upstream['service']}:{upstream['port']}", upstream)]
    routes += [row for one in found["gateways"] for row in _routes(f"{one['gateway']} {one['host']}:{one['port']}", one)]
    print("routes, in match order")
    table(["CALLS TO", "MATCH", "ACTION", "TO", "ORIGIN"], routes, empty="it calls nothing")
    print("\ndestinations")
    values = [[_destination(row), *cells] for row in found["destinations"] for cells in _values(row)]
    table(["DESTINATION", "SETTING", "VALUE", "ORIGIN"], values, empty="none")
    if found["inbound"]:
        print("\nits own ports")
        rows = [[row["port"], row["protocol"], *cells] for row in found["inbound"] for cells in _values(row)]
        rows += [[row["port"], row["protocol"], "policy", policy, ""] for row in found["inbound"] for policy in row["policies"]]
        table(["PORT", "PROTOCOL", "SETTING", "VALUE", "ORIGIN"], rows, empty="none")
    return OK


def _is(row: Json, service: str) -> bool:
    return service in {row["service"], row["service"].partition("/")[2], row.get("host")}


def _routes(called: str, of: Json) -> Iterator[list[Any]]:
    for route in of["routes"]:
        shares = ", ".join(f"{_to(share)} {share['share'] * 100:g} %" for share in route["shares"])
        yield [called, route["match"], route["action"], shares, _origin(route["origin"])]
        for value in route["values"]:
            if value["origin"] is not None:
                yield ["", "", f"  {value['name']}", _shown(value), _origin(value["origin"])]


def _to(share: Json) -> str:
    return f"{share['to'] or 'nothing'}{' ' + share['subset'] if share['subset'] else ''}"


def _destination(row: Json) -> str:
    subset = f" {row['subset']}" if row["subset"] else ""
    return f"{row['service']}:{row['port']}{subset} ({row['healthy']} of {row['endpoints']} healthy)"


def _values(row: Json) -> Iterator[list[Any]]:
    for value in row["values"]:
        yield [value["name"], _shown(value), _origin(value["origin"])]


_DURATIONS = ("timeout", "Timeout", "interval", "backoff", "duration", "Time")


def _shown(value: Json) -> str:
    found = value["value"]
    if isinstance(found, int) and not isinstance(found, bool) and value["name"].endswith(_DURATIONS):
        return f"{found / 1000:g} s" if found else "none"
    return str(found)


def _origin(origin: Json | None) -> str:
    return "default" if origin is None else f"{origin['document']} {origin['field']}"
