"""Values of AuthorizationPolicies as matchers of Envoy.

`lenient`: matching more is the safe side (a condition of DENY, a negated one of ALLOW), so that what an application may take for the
same is matched too: a header that came several times, a method in small letters, the parameters of a path's segments. Otherwise only
what says exactly the same matches. Regular expressions use `\\C`, any byte: `.` does not match what is no UTF-8.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from meshweb.core.envoy.values import Json, any_of

_SOMETHING: Json = {"safe_regex": {"regex": r"\C+"}}
_URI = 3  # SubjectAltNameMatcher.SanType
_PARAMETERS = "(?:;[^/]*)?"


def text(value: str, *, ignore_case: bool = False) -> Json:
    """type.matcher.v3.StringMatcher of Istio's four forms."""
    if value == "*":
        return _SOMETHING
    case = {"ignore_case": True} if ignore_case else {}
    if value.startswith("*"):
        return {"suffix": value[1:], **case}
    if value.endswith("*"):
        return {"prefix": value[:-1], **case}
    return {"exact": value, **case}


def header(values: Sequence[str], *, lenient: bool) -> Json:
    """One of `values` is what one line of the header says; leniently, or what stands between its commas."""
    return _regex("|".join(_header(value, lenient) for value in values))


def _header(value: str, lenient: bool) -> str:
    if value == "*":
        return r"\C+"
    start = r"(?:\C*,)?[ \t]*" if lenient else ""
    end = r"[ \t]*(?:,\C*)?" if lenient else ""
    if value.startswith("*"):
        return rf"\C*{re.escape(value[1:])}{end}"
    if value.endswith("*"):
        return rf"{start}{re.escape(value[:-1])}\C*"
    return f"{start}{re.escape(value)}{end}"


def host(value: str, *, lenient: bool) -> Json:
    """Without port, trailing dot and case."""
    if value == "*":
        return _SOMETHING
    if value.endswith("*"):
        return _regex(rf"(?i){re.escape(value[:-1])}\C*")
    before = (r"\C*" if lenient else "[^:]*") if value.startswith("*") else ""
    return _regex(rf"(?i){before}{re.escape(value.removeprefix('*'))}\.?(?::\C*)?")


def path(value: str, *, lenient: bool) -> Json:
    if "{" in value:
        return _regex(_template(value, lenient=lenient))
    if not lenient or value == "*":
        return text(value)
    if value.endswith("*"):
        return _regex(_segments(value[:-1]) + r"\C*")
    if value.startswith("*"):
        before = r"\C*" if value.startswith("*/") else r"(?:\C*/)?[^/;]*"
        return _regex(before + _segments(value[1:]) + _PARAMETERS)
    return _regex(_segments(value) + _PARAMETERS)


def _segments(literal: str) -> str:
    """Each may have parameters before the next begins."""
    first, *others = literal.split("/")
    made = re.escape(first)
    for part in others:
        made += (_PARAMETERS if made else "") + "/" + re.escape(part)
    return made


def _template(template: str, *, lenient: bool) -> str:
    made: list[str] = []
    parameters = _PARAMETERS if lenient else ""
    for segment in template.removeprefix("/").split("/"):
        if segment == "{**}":
            return "".join(made) + r"/\C*"
        one = "[^/;]+" if lenient else "[^/]+"
        made.append("/" + (one if segment == "{*}" else re.escape(segment)) + parameters)
    return "".join(made)


def cidr(block: str) -> Json:
    """config.core.v3.CidrRange."""
    network = ipaddress.ip_network(block)
    return {"address_prefix": str(network.network_address), "prefix_len": {"value": network.prefixlen}}


def caller(matcher: Json) -> Json:
    """config.rbac.v3.Principal: the caller has a certificate of the mesh with such an identity. Not `authenticated`: that is content with a
    DNS name, or the subject, that reads like one."""
    san = {"san_type": _URI, "matcher": matcher}
    config = any_of("envoy.extensions.rbac.principals.mtls_authenticated.v3.Config", san_matcher=san)
    return {"custom": {"name": "envoy.rbac.principals.mtls_authenticated", "typed_config": config}}


def principal(value: str, trust_domain: str) -> Json:
    """Of a SPIFFE ID. Istio writes principals without `spiffe://`, and `cluster.local` for the mesh's own trust domain."""
    if value.startswith("cluster.local/"):
        value = trust_domain + value.removeprefix("cluster.local")
    if value == "*":
        return _regex(".+")
    if value.startswith("*"):
        return _regex("spiffe://.*" + re.escape(value[1:]))
    return {"prefix": "spiffe://" + value[:-1]} if value.endswith("*") else {"exact": "spiffe://" + value}


def namespace(value: str, trust_domain: str) -> Json:
    return _regex(f"spiffe://{re.escape(trust_domain)}/ns/{_part(value)}/sa/[^/]+")


def service_account(value: str, trust_domain: str) -> Json:
    of, _, name = value.partition("/")
    return {"exact": f"spiffe://{trust_domain}/ns/{of}/sa/{name}"}


def trust_domain(value: str, own: str) -> Json:
    return _regex(f"spiffe://{re.escape(own) if value == 'cluster.local' else _part(value)}/.*")


def _part(value: str) -> str:
    """One part of a SPIFFE ID."""
    inner = re.escape(value.strip("*"))
    if value == "*":
        return "[^/]+"
    if value.startswith("*"):
        return "[^/]*" + inner
    return inner + "[^/]*" if value.endswith("*") else inner


def _regex(regex: str) -> Json:
    return {"safe_regex": {"regex": regex}}


SOMEBODY = caller({"safe_regex": {"regex": ".+"}})
"""Whoever has an identity."""
