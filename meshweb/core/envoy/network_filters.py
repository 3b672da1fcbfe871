"""Filters of connections that are not read as HTTP: who may open one, and where it leads."""

from __future__ import annotations

from meshweb.core.envoy import custom
from meshweb.core.envoy.access_log import AUDITED, ENFORCED, tcp_access_log
from meshweb.core.envoy.clusters import dns_cache
from meshweb.core.envoy.rbac import RbacRules
from meshweb.core.envoy.route_action import cluster_of
from meshweb.core.envoy.values import Json, any_of, duration
from meshweb.core.ir.routing import ConnectionRule


def network_rbac_filters(rbac: RbacRules, port: int) -> list[Json]:
    """The same decision on a TCP port: a denied connection is closed."""
    found = _network_marks(rbac, port)
    for stat, rules, would in (("deny", rbac.deny, rbac.would_deny), ("allow", rbac.allow, rbac.would_allow)):
        if rules is not None:
            verdict = {"shadow_rules": rules, "shadow_rules_stat_prefix": f"{ENFORCED}{stat}."}
            found.append(_network_rbac(stat, port, {"rules": rules, **verdict}))
        if would is not None:
            found.append(
                _network_rbac(f"{stat}.dry-run", port, {"shadow_rules": would, "shadow_rules_stat_prefix": f"{stat}."})
            )
    return found


def _network_rbac(name: str, port: int, rules: Json) -> Json:
    config = any_of("envoy.extensions.filters.network.rbac.v3.RBAC", stat_prefix=f"inbound_{port}_{name}.", **rules)
    return {"name": f"envoy.filters.network.rbac.{name}", "typed_config": config}


def _network_marks(rbac: RbacRules, port: int) -> list[Json]:
    found = []
    for name, rules, stat in (("audit", rbac.audit, AUDITED), ("custom", rbac.custom, custom.STAT)):
        if rules is not None:
            found.append(_network_rbac(name, port, {"shadow_rules": rules, "shadow_rules_stat_prefix": stat}))
    if rbac.custom is not None and rbac.provider is not None:
        found.append(custom.network_asking_filter(rbac.provider))
    return found


def tcp_proxy(stat: str, cluster: str) -> Json:
    """To the application of a sidecar."""
    return _tcp_proxy(stat, {"cluster": cluster, "access_log": [tcp_access_log()]})


def tcp_proxy_to(stat: str, rule: ConnectionRule, dns_suffix: str, *, judged: bool = False) -> Json:
    """Connections to the backends of a rule, by weight. judged: policies stand before it."""
    shares = [backend for backend in rule.backends if backend.weight]
    if len(shares) == 1 or not shares:
        target: Json = {"cluster": cluster_of(shares[0].to if shares else None, dns_suffix)}
    else:
        clusters = [{"name": cluster_of(backend.to, dns_suffix), "weight": backend.weight} for backend in shares]
        target = {"weighted_clusters": {"clusters": clusters}}
    if rule.hash_source_ip:
        target["hash_policy"] = [{"source_ip": {}}]
    if rule.idle_timeout is not None:
        target["idle_timeout"] = duration(rule.idle_timeout)
    if rule.max_duration is not None:
        target["max_downstream_connection_duration"] = duration(rule.max_duration)
    if rule.tunnel is not None:
        host = f"{rule.tunnel.host}:{rule.tunnel.port}"
        target["tunneling_config"] = {"hostname": host, **({"use_post": True} if rule.tunnel.protocol == "POST" else {})}
    return _tcp_proxy(stat, {**target, **({"access_log": [tcp_access_log()]} if judged else {})})


def _tcp_proxy(stat: str, target: Json) -> Json:
    fields = {"stat_prefix": stat, "idle_timeout": duration(3_600_000), **target}
    config = any_of("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", **fields)
    return {"name": "envoy.filters.network.tcp_proxy", "typed_config": config}


def alpn_override(alpn: str) -> Json:
    """What connections of this chain offer by ALPN, whatever their cluster would."""
    value = {
        "object_key": "envoy.network.application_protocols",
        "format_string": {"text_format_source": {"inline_string": alpn}},
    }
    config = any_of(
        "envoy.extensions.filters.network.set_filter_state.v3.Config",
        on_new_connection=[{**value, "shared_with_upstream": 1}],
    )
    return {"name": "envoy.filters.network.set_filter_state", "typed_config": config}


def sni_dynamic_host(port: int) -> Json:
    """The server that the client's own TLS names."""
    config = any_of(
        "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig",
        dns_cache_config=dns_cache(),
        port_value=port,
    )
    return {"name": "envoy.filters.network.sni_dynamic_forward_proxy", "typed_config": config}
