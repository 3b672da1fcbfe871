"""What the types of GRPCRoute cannot say (the CEL rules of Gateway API, and RE2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from meshweb.core.errors import Violation, under
from meshweb.kinds.base import Metadata
from meshweb.kinds.common import gateway_checks as shared
from meshweb.kinds.common.http import regex_violations
from meshweb.kinds.grpc_route.spec import GRPCRouteSpec, GrpcRule, MethodMatch

_SERVICE = re.compile(r"\.?[A-Za-z_][A-Za-z_0-9]*(\.[A-Za-z_][A-Za-z_0-9]*)*")
_METHOD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


def check(metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, GRPCRouteSpec)
    yield from under(("spec", "parentRefs"), shared.parent_refs(metadata.namespace, spec.parent_refs))
    yield from under(("spec", "hostnames"), shared.hostnames(spec.hostnames, spec.parent_refs))
    names, matches = [rule.name for rule in spec.rules], [len(rule.matches) for rule in spec.rules]
    yield from under(("spec", "rules"), shared.rules_together(names, matches))
    for index, rule in enumerate(spec.rules):
        yield from under(("spec", "rules", index), _rule(rule))


def _rule(rule: GrpcRule) -> Iterator[Violation]:
    for index, match in enumerate(rule.matches):
        if match.method is not None:
            yield from under(("matches", index, "method"), _method(match.method))
        yield from under(("matches", index, "headers"), shared.header_matches(match.headers))
    yield from under(("filters",), shared.rule_filters(rule.filters))
    yield from under(("backendRefs",), shared.backends(rule.backend_refs))
    yield from under(("sessionPersistence",), shared.session_persistence(rule.session_persistence))


def _method(match: MethodMatch) -> Iterator[Violation]:
    if match.service is None and match.method is None:
        yield Violation("", "required", "must name a service, a method, or both")
    for field, value, form in (("service", match.service, _SERVICE), ("method", match.method, _METHOD)):
        if value is None:
            continue
        if match.type == "RegularExpression":
            yield from regex_violations(value, f"/{field}")
        elif form.fullmatch(value) is None:
            words = (
                "must be a protobuf name such as helloworld.Greeter"
                if field == "service"
                else "must be a name such as SayHello"
            )
            yield Violation(f"/{field}", "grpc_name", words)
