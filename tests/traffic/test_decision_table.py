"""Every field of an AuthorizationPolicy in each of its forms, by hand: what matches what. Each line is asked as condition and as its
negation, of a DENY and of an ALLOW, over HTTP/1.1 and HTTP/2."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.traffic import tokens
from tests.traffic.cases import Case, File
from tests.traffic.conftest import Driver
from tests.traffic.mesh import HTTP
from tests.traffic.model import Request, first
from tests.traffic.rig import Rig

Json = dict[str, Any]
_CASE_HEADER = "x-case"
"""Names the line that a request is for: each rule asks for its own."""
_TOKEN = {
    "sub": "alice",
    "aud": ["shop", "bank"],
    "claims": {"azp": "portal", "role": "buyer", "groups": ["a", "b"], "o": {"k": "v"}},
}


@dataclass(frozen=True)
class Line:
    """field: of `source` or `operation`, else a key of `when`. fits: whether the request has it."""

    field: str
    value: str
    fits: bool
    identity: str = "shop/web"
    method: str = "GET"
    path: str = "/a/b"
    host: str = "api.test"
    sni: str = "api.test"
    headers: tuple[tuple[str, str], ...] = ()
    token: bool = False

    @property
    def name(self) -> str:
        asked = {"identity": self.identity, "method": self.method, "path": self.path, "host": self.host, "sni": self.sni}
        told = " ".join(f"{value}" for name, value in asked.items() if value != Line.__dataclass_fields__[name].default)
        header = " ".join(f"{name}={value!r}" for name, value in self.headers)
        return f"{self.field} {self.value} {'fits' if self.fits else 'does not fit'} {told}{header}{' with a token' if self.token else ''}"


Rows = tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]
"""A value, what fits it, and what does not."""
PRINCIPALS: Rows = (
    ("cluster.local/ns/shop/sa/web", ("shop/web",), ("shop/webb", "shop/we", "other/web")),
    ("cluster.local/ns/shop/*", ("shop/web", "shop/any"), ("other/web", "shopx/web")),
    ("*/sa/web", ("shop/web", "other/web"), ("shop/xweb", "shop/webx")),
    ("*", ("shop/web", "other/x"), ()),
)
NAMESPACES: Rows = (
    ("shop", ("shop/web",), ("other/web", "shopx/web", "xshop/web")),
    ("sh*", ("shop/web", "sh/web"), ("other/web", "xsh/web")),
    ("*op", ("shop/web", "op/web"), ("other/web", "opx/web")),
    ("*", ("shop/web", "other/web"), ()),
)
ACCOUNTS: Rows = (
    ("shop/web", ("shop/web",), ("other/web", "shop/webx", "shop/xweb")),
    ("web", ("shop/web",), ("other/web",)),
)
HOSTS: Rows = (
    ("api.test", ("api.test", "API.test", "api.test:8080", "api.test."), ("api.testx", "xapi.test", "api")),
    ("api.*", ("api.test", "api.other:80"), ("xapi.test",)),
    ("*.test", ("api.test", "x.y.test", "api.TEST:80"), ("api.test.example",)),
    ("*", ("anything",), ()),
)
METHODS: Rows = (
    ("GET", ("GET",), ("POST", "HEAD")),
    ("P*", ("POST", "PUT", "PATCH"), ("GET", "OPTIONS")),
    ("*T", ("POST", "PUT", "GET"), ("DELETE",)),
    ("*", ("GET", "DELETE"), ()),
)
PATHS: Rows = (
    ("/a/b", ("/a/b", "/a/b?x=1", "/a/./b", "/a/x/../b", "/%61/b"), ("/a/b/", "/a/bc", "/A/b", "/a")),
    ("/a/*", ("/a/b", "/a/b/c", "/a/"), ("/a", "/ab", "/b/a/b")),
    ("*/b", ("/a/b", "/b", "/x/y/b?q"), ("/a/bb", "/a/b/c")),
    ("*", ("/", "/any"), ()),
    ("/a/{*}/c", ("/a/b/c", "/a/x.y/c"), ("/a/c", "/a/b/d/c", "/a/b/c/d")),
    ("/a/{**}", ("/a/b", "/a/b/c/d"), ("/b/a", "/ab")),
    ("/{*}/b", ("/a/b",), ("/b", "/a/a/b")),
)
HEADERS: Rows = (
    ("user", ("user",), ("User", "users", "xuser")),
    ("us*", ("user", "us"), ("xus",)),
    ("*er", ("user", "er"), ("erx",)),
    ("*", ("anything",), ()),
)
SERVER_NAMES: Rows = (
    ("api.test", ("api.test",), ("api.testx", "other.test")),
    ("*.test", ("api.test",), ("api.example",)),
    ("api.*", ("api.test", "api.example"), ("x.test",)),
)
OF_ONE_REQUEST: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("trustDomains", ("cluster.local", "cluster*", "*local", "*"), ("cluster.loca", "luster*", "*.cluster")),
    ("source.trustDomain", ("cluster.local", "cluster*", "*local", "*"), ("cluster.loca", "luster*", "*.cluster")),
    *(
        (name, ("127.0.0.1", "127.0.0.0/8", "0.0.0.0/0"), ("127.0.0.2", "10.0.0.0/8", "::1", "::/0"))
        for name in ("ipBlocks", "source.ip", "remoteIpBlocks", "remote.ip")
    ),
    ("destination.ip", ("127.0.0.0/8",), ("10.0.0.0/8", "::/0")),
    ("ports", ("8080",), ("8081", "80")),
    ("destination.port", ("8080",), ("8081", "80")),
)
"""A field, values that the usual request has, and others."""
OF_ONE_TOKEN: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    *(
        (
            name,
            ("https://a.example/alice", "https://a.example/*", "*/alice", "*"),
            ("https://a.example/bob", "https://b.example/*"),
        )
        for name in ("requestPrincipals", "request.auth.principal")
    ),
    ("request.auth.audiences", ("shop", "ba*", "*ank"), ("x", "shopx")),
    ("request.auth.presenter", ("portal", "*tal"), ("x",)),
    ("request.auth.claims[role]", ("buyer", "buy*", "*yer", "*"), ("seller", "uyer")),
    ("request.auth.claims[groups]", ("a", "b"), ("c",)),
    ("request.auth.claims[o][k]", ("v",), ("w",)),
    ("request.auth.claims[o][x]", (), ("v", "*")),
)


def _each(fields: tuple[str, ...], part: str, rows: Rows) -> Iterator[Line]:
    """part: of the request, which is another in each line."""
    for name, (value, fitting, others) in itertools.product(fields, rows):
        for fits, texts in ((True, fitting), (False, others)):
            yield from (Line(name, value, fits, **{part: text}) for text in texts)  # type: ignore[arg-type]  # names of texts


def _lines() -> Iterator[Line]:
    yield from _each(("principals", "source.principal"), "identity", PRINCIPALS)
    yield from _each(("namespaces", "source.namespace"), "identity", NAMESPACES)
    yield from _each(("serviceAccounts", "source.serviceAccount"), "identity", ACCOUNTS)
    yield from _each(("hosts",), "host", HOSTS)
    yield from _each(("methods",), "method", METHODS)
    yield from _each(("paths",), "path", PATHS)
    yield from _each(("connection.sni",), "sni", SERVER_NAMES)
    for value, fitting, others in HEADERS:
        for fits, texts in ((True, fitting), (False, others)):
            yield from (Line("request.headers[x-role]", value, fits, headers=(("x-role", text),)) for text in texts)
        yield Line("request.headers[x-role]", value, fits=False)
    for name, fitting, others in OF_ONE_REQUEST:
        yield from (Line(name, value, value in fitting) for value in (*fitting, *others))
    yield Line("remoteIpBlocks", "10.0.0.0/8", fits=False, headers=(("x-forwarded-for", "10.1.1.1"),))
    for name, fitting, others in OF_ONE_TOKEN:
        yield from (Line(name, value, value in fitting, token=True) for value in (*fitting, *others))
        yield from (Line(name, value, fits=False) for value in fitting)


LINES = tuple(_lines())
_SOURCE = {"principals", "requestPrincipals", "namespaces", "serviceAccounts", "trustDomains", "ipBlocks", "remoteIpBlocks"}
_RULES = 250
"""In one policy; there may be 512."""


@dataclass(frozen=True)
class Asked:
    """One rule, and whether the request of its line matches it."""

    line: Line
    negated: bool
    number: int

    @property
    def matches(self) -> bool:
        return self.line.fits != self.negated

    def rule(self) -> Json:
        name, line = self.line.field, self.line
        mine: Json = {"key": f"request.headers[{_CASE_HEADER}]", "values": [f"n{self.number}"]}
        said = f"not{name[0].upper()}{name[1:]}" if self.negated else name
        if name in _SOURCE:
            return {"from": [{"source": {said: [line.value]}}], "when": [mine]}
        if "." not in name:
            return {"to": [{"operation": {said: [line.value]}}], "when": [mine]}
        return {"when": [mine, {"key": name, "notValues" if self.negated else "values": [line.value]}]}

    def request(self) -> Request:
        line = self.line
        headers = [(_CASE_HEADER, f"n{self.number}"), *line.headers]
        if line.token:
            headers.append(("authorization", f"Bearer {tokens.token(tokens.TokenSpec(**_TOKEN))}"))
        return Request(line.method, line.path, line.host, tuple(headers), tls=True, identity=line.identity, sni=line.sni)


def _asked(*, action: str) -> list[Asked]:
    """An ALLOW for everybody but some is not for requests without a token: such a line is about ALLOW no negation."""
    pairs = itertools.product(LINES, (False, True))
    wanted = [(line, negated) for line, negated in pairs if not (action == "ALLOW" and negated and _is_nameless(line))]
    return [Asked(line, negated, number) for number, (line, negated) in enumerate(wanted)]


def _is_nameless(line: Line) -> bool:
    return not line.token and (line.field == "requestPrincipals" or line.field.startswith("request.auth."))


def _documents(asked: list[Asked], action: str, app: str) -> str:
    selector = {"matchLabels": {"app": app}}
    found: list[Json] = [_document("RequestAuthentication", "users", {"selector": selector, "jwtRules": [_issuer()]})]
    for index, part in enumerate(asked[at : at + _RULES] for at in range(0, len(asked), _RULES)):
        spec = {"selector": selector, "action": action, "rules": [one.rule() for one in part]}
        found.append(_document("AuthorizationPolicy", f"p{index}", spec))
    return yaml.safe_dump_all(found, sort_keys=False)


def _issuer() -> Json:
    return {"issuer": "https://a.example", "jwks": json.dumps({"keys": [tokens.public_key("ec")]})}


def _document(kind: str, name: str, spec: Mapping[str, Any]) -> Json:
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "security.istio.io/v1", "kind": kind, "metadata": metadata, "spec": dict(spec)}


@pytest.mark.parametrize("wire", ["h1", "h2"])
@pytest.mark.parametrize(("action", "app"), [("DENY", "web"), ("ALLOW", "api")])
def test_each_field_in_each_form(driver: Driver, action: str, app: str, wire: str) -> None:
    asked = _asked(action=action)
    found = driver.run(_differences(driver.rig, asked, action, app, wire))
    assert not found, f"{len(found)} of {len(asked)}:\n" + "\n".join(found[:30])


async def _differences(rig: Rig, asked: list[Asked], action: str, app: str, wire: Any) -> list[str]:
    key = f"table/{action}"
    case = _CASES.setdefault(key, Case(key, File(documents=_documents(asked, action, app))))
    await rig.use(case)
    address = (rig.vms[f"shop/{app}-1"].bind, HTTP)
    problems = []
    for one in asked:  # one after the other: each has its own certificate and server name
        [response] = await rig.calls.many(wire, address, [one.request()])
        passed = first(response.headers, "x-app") is not None
        if passed != (one.matches == (action == "ALLOW")) or (not passed and response.status != 403):
            negation = "not " if one.negated else ""
            problems.append(f"{action} {negation}{one.line.name}: {response.status} {response.error or ''}")
    return problems


_CASES: dict[str, Case] = {}
