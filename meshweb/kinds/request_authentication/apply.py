"""The rules reach every workload in scope, beside those of all other documents that do; the root namespace's cover the mesh."""

from collections.abc import Mapping

from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.intent import Document, KeySet, Unreadable
from meshweb.core.ir.security import TokenRule
from meshweb.core.jwks import public_keys
from meshweb.core.scoped import Audience, Scoped
from meshweb.kinds.common.istio_selector import labels_of, scope_of
from meshweb.kinds.request_authentication.spec import JwtRule, RequestAuthenticationSpec

_NOT_YET = KeySet("", "they have not been fetched yet")


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = _spec(document)
    rules = tuple(
        _rule(rule, f"{document.namespace}/{document.name}/{index}", mesh.keys) for index, rule in enumerate(spec.jwt_rules)
    )
    scoped = Scoped(scope_of(mesh, document), labels_of(spec.selector), document, rules)
    mesh.token_rules.append(scoped)
    mesh.report(document, Condition.accepted())
    mesh.report(document, _resolved(spec, mesh.keys))
    mesh.expect(document, Audience(scoped.namespace, scoped.labels, "no workload is in its scope yet"))


def fail_closed(mesh: MeshBuilder, document: Document) -> None:
    """Whose tokens are good cannot be told: what it covers admits nobody; when it cannot be read, all that it could cover."""
    labels = frozenset() if isinstance(document.spec, Unreadable) else labels_of(_spec(document).selector)
    mesh.deny_all(scope_of(mesh, document), labels, document)


def _spec(document: Document) -> RequestAuthenticationSpec:
    assert isinstance(document.spec, RequestAuthenticationSpec)
    return document.spec


def _resolved(spec: RequestAuthenticationSpec, fetched: Mapping[str, KeySet]) -> Condition:
    stale = ""
    for rule in spec.jwt_rules:
        found = fetched.get(rule.jwks_uri, _NOT_YET) if rule.jwks_uri is not None else None
        if found is not None and not found.keys:
            words = f"no keys of {rule.issuer}, whose tokens are refused: {found.error or _NOT_YET.error}"
            return Condition.unresolved("JwksUnavailable", words)
        if found is not None and found.error:
            stale = f"the keys of {rule.issuer} serve on, but their source is away: {found.error}"
    return Condition.resolved(stale)


def _keys(rule: JwtRule, fetched: Mapping[str, KeySet]) -> str:
    if rule.jwks is not None:
        return public_keys(rule.jwks)
    assert rule.jwks_uri is not None, "checked at write"
    return fetched.get(rule.jwks_uri, _NOT_YET).keys


def _rule(rule: JwtRule, name: str, fetched: Mapping[str, KeySet]) -> TokenRule:
    return TokenRule(
        name,
        rule.issuer,
        _keys(rule, fetched),
        audiences=rule.audiences,
        from_headers=tuple((item.name, item.prefix) for item in rule.from_headers),
        from_params=rule.from_params,
        from_cookies=rule.from_cookies,
        forward=rule.forward_original_token,
        payload_header=rule.output_payload_to_header or "",
        claim_headers=tuple((item.header, item.claim) for item in rule.output_claim_to_headers),
        space_delimited=rule.space_delimited_claims,
    )
