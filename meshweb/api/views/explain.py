"""Would this call pass, and who says so?"""

from __future__ import annotations

import ipaddress
from typing import Literal

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshweb.api import bodies, shapes
from meshweb.controlplane import documents
from meshweb.controlplane.impact import wished
from meshweb.core import paths
from meshweb.core.authorization import Call
from meshweb.core.explain import Explainer, Explanation, PolicyTrace, Question, UnknownPeer, Verdict
from meshweb.core.mesh import build_mesh
from meshweb.kinds.registry import KINDS
from meshweb.store.mesh import current_mesh


class Explain(APIView):
    needs = {"POST": "read"}

    @extend_schema(operation_id="explain", request=shapes.Call, responses=shapes.Explanation)
    def post(self, request: Request) -> Response:
        asked = shapes.Call.model_validate(bodies.parse_body(request))
        current = current_mesh().read()
        explainer = current.explainer
        if asked.draft:
            wishes = documents.apply_wishes(bodies.parse_yaml(asked.draft.encode()))
            explainer = Explainer(build_mesh(wished(current.intent, wishes), KINDS))
        try:
            path = paths.normalized(asked.path)
        except paths.Unreadable as error:
            raise bodies.wrong("/path", "unreadable", f"a sidecar answers it with 400: {error}") from None
        try:
            found = explainer.explain(Question(asked.from_, asked.to, asked.port, _call(asked, path)))
        except UnknownPeer as error:
            raise bodies.wrong(f"/{error.field}", "unknown", str(error)) from None
        answer = _shown(found, path, current.intent.revision, draft=bool(asked.draft))
        return Response(answer.model_dump(mode="json"))


def _call(asked: shapes.Call, path: str) -> Call:
    for name, address in (("sourceIp", asked.source_ip), ("remoteIp", asked.remote_ip)):
        try:
            ipaddress.ip_address(address or "::")
        except ValueError:
            raise bodies.wrong(f"/{name}", "ip_address", "must be an IP address") from None
    headers = {name.lower(): tuple(value.strip() for value in values) for name, values in asked.headers.items()}
    return Call(
        source_ip=asked.source_ip,
        remote_ip=asked.remote_ip,
        sni=asked.sni.lower(),
        method=asked.method,
        host=asked.host or asked.to.partition("/")[2],
        path=path,
        headers=headers,
        claims=asked.claims,
    )


def _shown(found: Explanation, path: str, revision: int, *, draft: bool) -> shapes.Explanation:
    denied = [verdict for verdict in found.verdicts if not verdict.allowed]
    decision: Literal["allow", "deny", "mixed", "ask"] = "mixed"
    if found.allowed:
        decision = "ask" if found.asked else "allow"
    elif len(denied) == len(found.verdicts):
        decision = "deny"
    first = next(iter(denied or [v for v in found.verdicts if v.asked] or found.verdicts), None)
    return shapes.Explanation(
        decision=decision,
        reason=first.reason if first is not None else f"nobody stands behind {found.service}",
        identity=found.identity,
        service=str(found.service),
        port=found.port,
        path=path,
        revision=revision,
        draft=draft,
        verdicts=[_verdict(verdict) for verdict in found.verdicts],
    )


def _verdict(verdict: Verdict) -> shapes.Verdict:
    return shapes.Verdict(
        workload=verdict.workload,
        decision=("ask" if verdict.asked else "allow") if verdict.allowed else "deny",
        provider=verdict.asked,
        hop=verdict.hop.value,
        document=str(verdict.document) if verdict.document is not None else None,
        field=verdict.field,
        reason=verdict.reason,
        policies=[_policy(trace) for trace in verdict.policies],
        omitted=verdict.omitted,
    )


def _policy(trace: PolicyTrace) -> shapes.PolicyTrace:
    return shapes.PolicyTrace(
        document=str(trace.document),
        action=trace.action.value,
        dry_run=trace.dry_run,
        matched=trace.first_match is not None,
        rules=[
            shapes.RuleTrace(
                rule=rule.index + 1,
                matched=rule.matched,
                failed=[
                    shapes.FailedCondition(field=f.field, wants=list(f.wants), negated=f.negated, got=f.got)
                    for f in rule.failed
                ],
            )
            for rule in trace.rules
        ],
    )
