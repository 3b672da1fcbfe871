"""What holds for one proxy, value by value."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshweb.api import shapes
from meshweb.controlplane.errors import NotFound
from meshweb.core.effective import Effective, EffectiveRoute, Value, effective
from meshweb.core.ir.routing import Origin
from meshweb.store.mesh import current_mesh


class ProxyEffective(APIView):
    @extend_schema(operation_id="proxies_effective", responses=shapes.Effective)
    def get(self, request: Request, namespace: str, name: str) -> Response:
        current = current_mesh().read()
        view = current.intent.proxies.get(f"{namespace}/{name}")
        if view is None:
            raise NotFound(f"there is no proxy {namespace}/{name}")
        found = shown(view.id, current.intent.revision, effective(current.mesh, view))
        return Response(found.model_dump(mode="json"))


def shown(proxy: str, revision: int, found: Effective) -> shapes.Effective:
    return shapes.Effective(
        proxy=proxy,
        revision=revision,
        upstreams=[
            shapes.EffectiveUpstream(
                service=u.service, port=u.port, host=u.host, protocol=u.protocol, routes=[_route(route) for route in u.routes]
            )
            for u in found.upstreams
        ],
        destinations=[
            shapes.EffectiveDestination(
                service=d.service,
                port=d.port,
                subset=d.subset,
                endpoints=d.endpoints,
                healthy=d.healthy,
                values=[_value(value) for value in d.values],
            )
            for d in found.destinations
        ],
        inbound=[
            shapes.EffectiveInbound(
                port=i.port, protocol=i.protocol, values=[_value(value) for value in i.values], policies=list(i.policies)
            )
            for i in found.inbound
        ],
        gateways=[
            shapes.EffectiveListening(
                gateway=g.gateway,
                server=g.server,
                port=g.port,
                protocol=g.protocol,
                host=g.host,
                routes=[_route(route) for route in g.routes],
            )
            for g in found.gateways
        ],
    )


def _route(route: EffectiveRoute) -> shapes.EffectiveRoute:
    return shapes.EffectiveRoute(
        match=route.match,
        action=route.action,
        shares=[shapes.EffectiveShare(to=s.to, subset=s.subset, share=s.share) for s in route.shares],
        values=[_value(value) for value in route.values],
        origin=_origin(route.origin),
    )


def _value(value: Value) -> shapes.EffectiveValue:
    return shapes.EffectiveValue(name=value.name, value=value.value, origin=_origin(value.origin))


def _origin(origin: Origin | None) -> shapes.EffectiveOrigin | None:
    return None if origin is None else shapes.EffectiveOrigin(document=str(origin.document), field=origin.pointer)
