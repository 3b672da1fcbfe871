"""`when`: conditions by key (Istio, "Authorization Policy Conditions")."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from meshweb.core.errors import Violation, pointer
from meshweb.core.ir.security import Attribute
from meshweb.kinds.authorization_policy import forms

_HEADER = re.compile(r"request\.headers\[([^\]]*)\]")
_CLAIM = re.compile(r"request\.auth\.claims((\[[^\[\]]+\]){1,8})")
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^`|~-]+")

_FORMS: Mapping[Attribute, Callable[[str], str]] = {
    Attribute.SOURCE_IP: forms.block,
    Attribute.REMOTE_IP: forms.block,
    Attribute.NAMESPACE: forms.wildcard,
    Attribute.SERVICE_ACCOUNT: forms.service_account,
    Attribute.PRINCIPAL: forms.principal,
    Attribute.TRUST_DOMAIN: forms.wildcard,
    Attribute.DESTINATION_IP: forms.block,
    Attribute.DESTINATION_PORT: forms.port,
    Attribute.SNI: forms.server_name,
    Attribute.HEADER: forms.wildcard,
    Attribute.REQUEST_PRINCIPAL: forms.request_principal,
    Attribute.AUDIENCE: forms.claim,
    Attribute.PRESENTER: forms.claim,
    Attribute.CLAIM: forms.claim,
}
_WITH_NAMES = frozenset({Attribute.HEADER, Attribute.CLAIM})


def parse_key(key: str) -> tuple[Attribute, str, tuple[str, ...]] | None:
    """The attribute, the name of the header in lower case, and the path of the claim. None: not a key that can be enforced."""
    header = _HEADER.fullmatch(key)
    if header is not None:
        name = header[1].lower()
        return (Attribute.HEADER, name, ()) if _NAME.fullmatch(name) and "_" not in name else None
    claim = _CLAIM.fullmatch(key)
    if claim is not None:
        return Attribute.CLAIM, "", tuple(claim[1][1:-1].split("]["))
    if key in _FORMS and key not in _WITH_NAMES:
        return Attribute(key), "", ()
    return None


def parse_value(attribute: Attribute, value: str) -> str:
    """Raises ValueError."""
    return _FORMS[attribute](value)


def violations(key: str, lists: Mapping[str, tuple[str, ...]]) -> Iterator[Violation]:
    """lists: `values` and `notValues` as they are called in the document."""
    parsed = parse_key(key)
    if parsed is None:
        known = ", ".join(sorted(attribute for attribute in _FORMS if attribute not in _WITH_NAMES))
        words = f"must be request.headers[<name without '_'>], request.auth.claims[<name>], {known}; other keys are not supported yet"
        yield Violation("/key", "unknown_key", words)
        return
    if not any(lists.values()):
        yield Violation("", "required", "must have values or notValues")
    for name, values in lists.items():
        for index, value in enumerate(values):
            try:
                parse_value(parsed[0], value)
            except ValueError as error:
                yield Violation(pointer(name, index), "value_error", str(error))
