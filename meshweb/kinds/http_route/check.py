"""What the types of HTTPRoute cannot say (the CEL rules of Gateway API, and RE2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from meshweb.core.errors import Violation, pointer, under
from meshweb.kinds.base import Metadata
from meshweb.kinds.common import gateway_checks as shared
from meshweb.kinds.common.gateway_api import RuleFilter
from meshweb.kinds.common.http import path_problem, regex_violations
from meshweb.kinds.http_route.spec import HTTPRouteSpec, Match, Rule


def check(metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, HTTPRouteSpec)
    yield from under(("spec", "parentRefs"), shared.parent_refs(metadata.namespace, spec.parent_refs))
    yield from under(("spec", "hostnames"), shared.hostnames(spec.hostnames, spec.parent_refs))
    names, matches = [rule.name for rule in spec.rules], [len(rule.matches) for rule in spec.rules]
    yield from under(("spec", "rules"), shared.rules_together(names, matches))
    for index, rule in enumerate(spec.rules):
        yield from under(("spec", "rules", index), _rule(rule))


def _rule(rule: Rule) -> Iterator[Violation]:
    for index, match in enumerate(rule.matches):
        yield from under(("matches", index), _match(match))
    yield from under(("filters",), shared.rule_filters(rule.filters))
    yield from _filters_together(rule)
    yield from under(("backendRefs",), shared.backends(rule.backend_refs))
    yield from under(("timeouts",), shared.timeouts(rule.timeouts))
    yield from under(("retry",), shared.retry(rule.retry))
    yield from under(("sessionPersistence",), shared.session_persistence(rule.session_persistence))


def _match(match: Match) -> Iterator[Violation]:
    if match.path.type == "RegularExpression":
        yield from regex_violations(match.path.value, "/path/value")
    elif problem := path_problem(match.path.value):
        yield Violation("/path/value", "path", problem)
    yield from under(("headers",), shared.header_matches(match.headers))
    seen: set[str] = set()
    for index, param in enumerate(match.query_params):
        if param.name in seen:
            yield Violation(pointer("queryParams", index, "name"), "duplicate", f"{param.name!r} is matched twice")
        seen.add(param.name)
        if param.type == "RegularExpression":
            yield from regex_violations(param.value, pointer("queryParams", index, "value"))


def _filters_together(rule: Rule) -> Iterator[Violation]:
    only_prefixes = all(match.path.type == "PathPrefix" for match in rule.matches)
    for index, item in enumerate(rule.filters):
        if _replaces_prefix(item) and not only_prefixes:
            at = pointer("filters", index, shared.FILTER_FIELDS[item.type][1], "path", "type")
            yield Violation(at, "needs_prefix", "ReplacePrefixMatch needs a PathPrefix in every match of the rule")
    kinds = {item.type for item in rule.filters}
    if "RequestRedirect" in kinds:
        if "URLRewrite" in kinds:
            yield Violation("/filters", "conflict", "RequestRedirect and URLRewrite exclude each other")
        if rule.backend_refs:
            yield Violation("/backendRefs", "conflict", "must be empty beside RequestRedirect: nothing is forwarded")


def _replaces_prefix(item: RuleFilter) -> bool:
    if item.type not in {"RequestRedirect", "URLRewrite"}:
        return False
    holder = item.request_redirect or item.url_rewrite
    return holder is not None and holder.path is not None and holder.path.type == "ReplacePrefixMatch"
