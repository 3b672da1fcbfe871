"""Forms of values in an AuthorizationPolicy. Each raises ValueError with what is wrong.

What could never match, or would match something else than it says, is refused: a DENY of it would be none.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, Field

_DOTS = re.compile(r"/\.\.?(/|$)")
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@/-]*")
"""Without '%': a client may write one escape in several ways, of which a policy would name one. Without ';': paths are compared without
the parameters of their segments."""
_TEMPLATE = re.compile(r"(/([A-Za-z0-9._~!$&'()+,=:@-]+|\{\*\}))*(/\{\*\*\})?/?")
_HOST = re.compile(r"[a-z0-9._-]*|\[[0-9a-f:.]+\]")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_ACCOUNT = re.compile(r"([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


def wildcard(text: str) -> str:
    """Istio's forms: exact, `prefix*`, `*suffix`, `*`. A star anywhere else would be taken literally, which nobody means."""
    if not text:
        raise ValueError("must not be empty")
    inner = text[1:] if text.startswith("*") else text[:-1] if text.endswith("*") else text
    if "*" in inner:
        raise ValueError("may have one '*', at its beginning or its end")
    if any(ord(c) < 0x21 or ord(c) == 0x7F for c in text):
        raise ValueError("must not hold spaces or control characters")
    return text


def principal(text: str) -> str:
    if text.startswith("spiffe://"):
        raise ValueError("must be written without 'spiffe://', as in cluster.local/ns/shop/sa/web")
    return wildcard(text)


def service_account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError("must be a service account, as name or namespace/name, without '*'")
    return text


def request_principal(text: str) -> str:
    """`issuer/subject`: the last slash parts them."""
    wildcard(text)
    if not text.endswith("*") and (text.endswith("/") or ("/" not in text and not text.startswith("*"))):
        raise ValueError("must be issuer/subject, with '*' at its beginning or its end")
    return text


def claim(text: str) -> str:
    """As `wildcard`, and spaces within."""
    if text != text.strip():
        raise ValueError("must not begin or end with a space")
    wildcard(text.replace(" ", "."))
    return text


def method(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise ValueError("must be a method, as GET")
    return wildcard(text)


def host(text: str) -> str:
    """In lower case, without `:*`. Hosts are compared without port, trailing dot and case."""
    # `:*` behind a host means any port (Istio's documents have it), and so says nothing.
    lower = wildcard(text.lower().removesuffix(":*"))
    bare = lower.strip("*")
    if ":" in bare and not bare.startswith("["):
        raise ValueError("must be without a port: hosts are compared without it; name the port in ports")
    if not _HOST.fullmatch(bare) or (lower.endswith(".") and lower != "."):
        raise ValueError("must be a host name without trailing dot, or an address")
    return lower


def path(text: str) -> str:
    if not text.startswith(("/", "*")):
        raise ValueError("must begin with '/' or '*'")
    if "?" in text or "#" in text:
        raise ValueError("must not hold '?' or '#': the query is not part of the path")
    # The sidecar compares a normalized path: what normalization changes would never match, and a DENY would be none.
    if "//" in text or _DOTS.search(text):
        raise ValueError("must be normalized: no '//', '/./' or '/../'")
    if "{" in text or "}" in text:
        if not _TEMPLATE.fullmatch(text):
            raise ValueError(
                "must be a template of whole segments: '{*}' is one, '{**}' at the end any number, and no other '*'"
            )
        return text
    if not _PATH.fullmatch(text):
        raise ValueError("must hold only characters that a path holds unescaped (RFC 3986), and neither '%' nor ';'")
    return wildcard(text)


def port(text: str) -> str:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise ValueError("must be a port number from 1 to 65535, as text")
    return str(int(text))


def block(text: str) -> str:
    """An address or CIDR, IPv4 or IPv6, as network."""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ValueError("must be an IP address or a CIDR block, as 10.0.0.0/8 or 2001:db8::/32") from None


def server_name(text: str) -> str:
    return wildcard(text.lower())


_Text = Field(max_length=1024)
Wildcard = Annotated[str, _Text, AfterValidator(wildcard)]
Principal = Annotated[str, _Text, AfterValidator(principal)]
RequestPrincipal = Annotated[str, _Text, AfterValidator(request_principal)]
ServiceAccount = Annotated[str, Field(max_length=320), AfterValidator(service_account)]
Method = Annotated[str, _Text, AfterValidator(method)]
Host = Annotated[str, _Text, AfterValidator(host)]
PathPattern = Annotated[str, _Text, AfterValidator(path)]
PortText = Annotated[str, Field(max_length=5), AfterValidator(port)]
Block = Annotated[str, Field(max_length=64), AfterValidator(block)]
