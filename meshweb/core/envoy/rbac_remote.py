"""From where a request came first, as principals of Envoy's RBAC, and the header in which gateways of the mesh say so.

X-Forwarded-For holds what every proxy on the way and the client itself wrote, and how much of it is true only the gateway knows
(`gatewayTopology.numTrustedProxies`). So the gateway says what it found in a header of its own, and a sidecar takes it for the remote
address of a request. Anybody can write the header: it counts where the certificate is a gateway's. Applications never see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meshweb.core.envoy.rbac_values import caller
from meshweb.core.envoy.values import Json, any_of
from meshweb.core.ir.security import GatewayPeers

HEADER = "x-meshweb-remote-address"
SAID: Json = {
    "header": {"key": HEADER, "value": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"},
    "append_action": 2,  # OVERWRITE_IF_EXISTS_OR_ADD
}
"""RouteConfiguration.request_headers_to_add of gateways."""


def detection() -> Json:
    """HttpConnectionManager fields of sidecars."""
    config: Any = any_of("envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig", header_name=HEADER)
    return {
        "original_ip_detection_extensions": [{"name": "envoy.http.original_ip_detection.custom_header", "typed_config": config}]
    }


def within(block: Json, gateways: GatewayPeers | None, *, http: bool, lenient: bool) -> Json:
    """block: config.core.v3.CidrRange. Where nobody knows, it is so only `lenient`ly."""
    if gateways is None:
        return {"remote_ip": block} if http else {"direct_remote_ip": block}
    silent = (*gateways.shared, *(() if http else gateways.believed))
    others = [{"not_id": _one_of(names)} for names in (gateways.believed, gateways.shared) if names]
    found: list[Json] = [_all([*others, {"direct_remote_ip": block}])]
    if http and gateways.believed:
        gateway, said = _one_of(gateways.believed), {"header": {"name": HEADER, "present_match": True}}
        found.append(_all([gateway, said, {"remote_ip": block}]))
        if lenient:
            found.append(_all([gateway, {"not_id": said}]))
    if lenient and silent:
        found.append(_one_of(silent))
    return {"or_ids": {"ids": found}} if len(found) > 1 else found[0]


def _one_of(identities: Sequence[str]) -> Json:
    ids = [caller({"exact": identity}) for identity in identities]
    return {"or_ids": {"ids": ids}} if len(ids) > 1 else ids[0]


def _all(ids: list[Json]) -> Json:
    return {"and_ids": {"ids": ids}} if len(ids) > 1 else ids[0]
