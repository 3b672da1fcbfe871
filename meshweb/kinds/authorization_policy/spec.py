"""AuthorizationPolicy (Istio reference): actions ALLOW and DENY; principals, namespaces, methods, paths and ports.

Every other field of Istio's is refused with its path: a condition that is silently ignored would open what it was meant to close.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field

from meshweb.core.errors import Violation, pointer
from meshweb.core.ir.security import PolicyAction
from meshweb.kinds.base import Labels, Metadata, SpecModel

MAX_RULES = 512
_DOTS = re.compile(r"/\.\.?(/|$)")
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/-]*")
"""Without '%': a client may write one escape in several ways, of which a policy would name one."""


def _wildcard(text: str) -> str:
    """Istio's forms: exact, `prefix*`, `*suffix`, `*`. A star anywhere else would be taken literally, which nobody means."""
    if not text:
        raise ValueError("must not be empty")
    inner = text[1:] if text.startswith("*") else text[:-1] if text.endswith("*") else text
    if "*" in inner:
        raise ValueError("may have one '*', at its beginning or its end")
    if any(ord(c) < 0x21 or ord(c) == 0x7F for c in text):
        raise ValueError("must not hold spaces or control characters")
    return text


def _principal(text: str) -> str:
    if text.startswith("spiffe://"):
        raise ValueError("must be written without 'spiffe://', as in cluster.local/ns/shop/sa/web")
    return _wildcard(text)


def _path(text: str) -> str:
    if "{" in text or "}" in text:
        raise ValueError("path templates are not supported yet")
    if not text.startswith(("/", "*")):
        raise ValueError("must begin with '/' or '*'")
    if "?" in text or "#" in text:
        raise ValueError("must not hold '?' or '#': the query is not part of the path")
    # The sidecar compares a normalized path: what normalization changes would never match, and a DENY would be none.
    if "//" in text or _DOTS.search(text):
        raise ValueError("must be normalized: no '//', '/./' or '/../'")
    if not _PATH.fullmatch(text):
        raise ValueError("must hold only characters that a path holds unescaped (RFC 3986), and no '%'")
    return _wildcard(text)


def _port(text: str) -> str:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise ValueError("must be a port number from 1 to 65535, as text")
    return text


Wildcard = Annotated[str, Field(max_length=1024), AfterValidator(_wildcard)]
Principal = Annotated[str, Field(max_length=1024), AfterValidator(_principal)]
PathPattern = Annotated[str, Field(max_length=1024), AfterValidator(_path)]
PortText = Annotated[str, Field(max_length=5), AfterValidator(_port)]
Some = Field(min_length=1, max_length=256)


class SourceSpec(SpecModel):
    principals: Annotated[tuple[Principal, ...], Some] | None = None
    namespaces: Annotated[tuple[Wildcard, ...], Some] | None = None


class FromSpec(SpecModel):
    source: SourceSpec


class OperationSpec(SpecModel):
    methods: Annotated[tuple[Wildcard, ...], Some] | None = None
    paths: Annotated[tuple[PathPattern, ...], Some] | None = None
    ports: Annotated[tuple[PortText, ...], Some] | None = None


class ToSpec(SpecModel):
    operation: OperationSpec


class RuleSpec(SpecModel):
    """`{}` matches every request."""

    from_: Annotated[tuple[FromSpec, ...], Some] | None = Field(default=None, alias="from")
    to: Annotated[tuple[ToSpec, ...], Some] | None = None


class WorkloadSelector(SpecModel):
    match_labels: Labels = Field(default_factory=dict)


class AuthorizationPolicySpec(SpecModel):
    """No `rules`: never matches; with action ALLOW that denies everything in scope."""

    selector: WorkloadSelector | None = None
    action: PolicyAction = PolicyAction.ALLOW
    rules: Annotated[tuple[RuleSpec, ...], Field(max_length=MAX_RULES)] = ()


def check(_metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, AuthorizationPolicySpec)
    if spec.selector is not None and not spec.selector.match_labels:
        yield Violation(
            "/spec/selector/matchLabels", "required", "must name a label; leave selector out to cover the namespace"
        )
    for r, rule in enumerate(spec.rules):
        for f, source in enumerate(rule.from_ or ()):
            if source.source.principals is None and source.source.namespaces is None:
                at = pointer("spec", "rules", r, "from", f, "source")
                yield Violation(at, "required", "must name principals or namespaces")
        for t, operation in enumerate(rule.to or ()):
            if operation.operation == OperationSpec():
                at = pointer("spec", "rules", r, "to", t, "operation")
                yield Violation(at, "required", "must name methods, paths or ports")
