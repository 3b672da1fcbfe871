"""What the claims of a verified token say about conditions of AuthorizationPolicies. `lenient` as in `core/authorization.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from meshweb.core.ir.security import TokenRule

_ABSENT = object()
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


LISTS = ("permission", "scope")
"""Claims that are always lists parted by spaces (Istio)."""


class Refused(ValueError):
    """Why a token does not pass, in words."""


def verified(claims: Mapping[str, object], rules: Sequence[TokenRule]) -> Mapping[str, object]:
    """The claims that policies see of a token that is genuine and in time: those of the first of a workload's rules that takes it, with
    lists where text is parted by spaces. Empty: nobody looks at tokens there. Raises Refused."""
    if not rules or not claims:
        return {}
    issuer = claims.get("iss")
    own = [rule for rule in rules if rule.issuer == issuer and rule.keys]
    if not own:
        raise Refused(f"no RequestAuthentication has keys for tokens of the issuer {issuer or '(none)'}: they are answered 401")
    given = claims.get("aud")
    audiences = set(map(str, given)) if isinstance(given, list) else {str(given)}
    fitting = next((rule for rule in own if not rule.audiences or audiences & set(rule.audiences)), None)
    if fitting is None:
        raise Refused(
            f"the token is for {', '.join(sorted(audiences))}, whom no RequestAuthentication names: it is answered 403"
        )
    lists = {*LISTS, *fitting.space_delimited}
    return {k: v.split(" ") if k in lists and isinstance(v, str) else v for k, v in claims.items()}


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
