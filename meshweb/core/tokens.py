"""What the claims of a verified token say about conditions of AuthorizationPolicies. `lenient` as in `core/authorization.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_ABSENT = object()
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


def has_form(text: str, form: str) -> bool:
    """Istio's string forms."""
    if form == "*":
        return bool(text)
    if form.startswith("*"):
        return text.endswith(form[1:])
    return text.startswith(form[:-1]) if form.endswith("*") else text == form


def is_principal(claims: Mapping[str, object], form: str, *, lenient: bool) -> bool:
    """`issuer/subject`. A subject with a slash in it could pass for another issuer's: only leniently is it compared whole."""
    issuer, subject = (value if isinstance(value, str) else "" for value in (claims.get("iss"), claims.get("sub")))
    if not issuer or (not subject and not lenient):
        return False
    whole = f"{issuer}/{subject}"
    if lenient or form == "*" or "/" not in subject:
        return has_form(whole, form)
    if form.startswith("*"):
        return "/" not in form and subject.endswith(form[1:])
    if form.endswith("*"):
        head, slash, tail = form[:-1].rpartition("/")
        return issuer.startswith(form[:-1]) or (bool(slash) and issuer == head and subject.startswith(tail))
    return False


def has_claim(claims: Mapping[str, object], path: Sequence[str], form: str, *, lenient: bool) -> bool:
    """A text, or one of a list of texts. Leniently also a number and a truth value that are written so, and `*` is anything at all."""
    found: object = claims
    for name in path:
        found = found.get(name, _ABSENT) if isinstance(found, Mapping) else _ABSENT
    if lenient and form == "*" and found is not _ABSENT:
        return True
    if lenient and isinstance(found, bool):
        return form == str(found).lower()
    if lenient and isinstance(found, int | float):
        return bool(_NUMBER.fullmatch(form)) and float(form) == found
    texts = found if isinstance(found, list) else [found]
    return any(isinstance(text, str) and has_form(text, form) for text in texts)
