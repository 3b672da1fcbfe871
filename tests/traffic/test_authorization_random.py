"""Random AuthorizationPolicies and random calls: what `core/authorization.py` decides is what real Envoys do.

`AUTHORIZATION_PAIRS` sets how many (policy set, call) pairs are compared, `AUTHORIZATION_SEED` where the random numbers begin.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from meshweb.core.authorization import Call, decide
from meshweb.core.ir.security import Policy
from meshweb.core.paths import Unreadable, normalized
from tests.traffic.cases import Case, File
from tests.traffic.conftest import Driver
from tests.traffic.mesh import HTTP, TCP
from tests.traffic.model import Request, Response, first
from tests.traffic.rig import Rig
from tests.traffic.tokens import TokenSpec, payload, token

PAIRS = int(os.environ.get("AUTHORIZATION_PAIRS", "1500"))
SEED = int(os.environ.get("AUTHORIZATION_SEED", "1"))
CALLS = 60
"""Per set of policies: each workload has its own."""

Json = dict[str, Any]
APPS = {"web": "shop/web-1", "api": "shop/api-1", "client": "other/client-1"}
IDENTITIES = (None, "shop/web", "shop/api", "other/web", "other/client", "shop-2/web", "shop/gateway")
PRINCIPALS = (
    "cluster.local/ns/shop/sa/web",
    "cluster.local/ns/shop/*",
    "*/sa/web",
    "*",
    "other.example/ns/shop/sa/web",
    "*sa/client",
)
NAMESPACES = ("shop", "shop*", "*er", "other", "*")
ACCOUNTS = ("shop/web", "other/web", "web", "api")
DOMAINS = ("cluster.local", "*", "other*", "*.local")
BLOCKS = ("127.0.0.0/8", "127.0.0.1", "10.0.0.0/8", "::1", "127.0.0.2/31")
REMOTE_BLOCKS = (*BLOCKS, "192.0.2.0/24", "2001:db8::/32")
REMOTES = (None, "192.0.2.7", "127.0.0.1", "2001:db8::7")
HOSTS = ("secret.test", "secret*", "*.test", "*", "a.secret.test", "other.test:*", "SECRET.test")
PORTS = (str(HTTP), str(TCP), "1")
METHODS = ("GET", "DELETE", "P*", "*T", "*", "delete")
PATHS = (
    "/admin",
    "/admin*",
    "/admin/*",
    "*/admin",
    "*.php",
    "/a/{*}/c",
    "/a/{**}",
    "/{*}",
    "*",
    "/",
    "/public/*",
    "*in/x",
    "/a/{*}/{**}",
)
ROLES = ("admin", "adm*", "*min", "*", "user", "a,b")
CALLED_PATHS = (
    "/", "/admin", "/admin/", "/admin/x", "/administrator", "/admin;a=b", "/admin;a/x", "/x/admin", "/x;y/admin", "/x/admin;z", "/public/x",
    "/public/x.php", "/x.php;jsessionid=1", "/a/b/c", "/a/*/c", "/a/b;v=1/c", "/a/b/c/d", "/a/", "/a", "/a/b", "/Admin", "/%61dmin",
    "/admin?x=1", "/public?/admin", "/a//c", "/x/../admin", "/caf%C3%A9/admin", "/a/%25/c",
)  # fmt: skip
CALLED_HOSTS = (
    "secret.test", "Secret.Test", "secret.test:8080", "secret.test.", "secret.test.:80", "a.secret.test", "other.test", "secret.testing",
    "xsecret.test", "secret",
)  # fmt: skip
CALLED_METHODS = ("GET", "POST", "DELETE", "delete", "PATCH", "PUT", "Get")
CALLED_ROLES = (
    (), ("admin",), ("user",), ("user", "admin"), ("admin", "user"), ("user,admin",), ("user, admin ,x",), ("administrator",), ("xadmin",),
    ("ADMIN",), ("",), ("a,b",), ("admin\t",),
)  # fmt: skip
PARTS = (
    "admin", "x", "..", ".", "%2e%2e", "%2E", "%61dmin", "", "a;b", "..;", ".;x", "...", "%25", "*", "b.php", "%C3%A9", "%7e", "~", ";",
    "%2f", "%5C", "a%00", "%3b", "a%20b", "%41", "+", "a=b,c", "(x)", "!", "@", ":", "%2d", "%252e", "public",
)  # fmt: skip
ISSUER, LONGER = "https://a.example", "https://a.example/admin"
REQUEST_PRINCIPALS = (
    f"{ISSUER}/alice", f"{ISSUER}/*", f"{LONGER}/bob", f"{LONGER}/*", f"{ISSUER}/al*", "https://a.ex*", "*", "*/bob", "*bob",
    "*admin/bob", "*e/alice",
)  # fmt: skip
TEXTS = ("admin", "adm*", "*min", "*", "true", "5", "read", "app", "5.5", "two words")
CLAIMS = ("role", "realm][role", "scope", "level", "guest", "realm")
TOKENS: tuple[TokenSpec, ...] = (
    TokenSpec(),
    TokenSpec(sub="admin/bob", aud="app", claims={"role": "admin", "azp": "app"}),
    TokenSpec(
        sub="bob", iss=LONGER, key="second", claims={"role": ["user", "admin"], "scope": "write read", "aud": ["admin", "x"]}
    ),
    TokenSpec(sub="albert", claims={"realm": {"role": "admin"}, "guest": True, "level": 5, "azp": "administrator"}),
    TokenSpec(claims={"sub": None, "role": "two words", "level": 5.5, "guest": False, "scope": "admin"}),
    TokenSpec(iss=LONGER, key="second", sub="x/bob", claims={"realm": {"role": ["admin"]}, "role": ""}),
)
NAMES = ("a.example", "secret.test", "b.a.example")


def _some(random: random.Random, values: tuple[str, ...]) -> list[str]:
    return random.sample(values, random.choice((1, 1, 1, 2)))


def _fields(random: random.Random, fields: dict[str, tuple[str, ...]]) -> Json:
    made = {}
    for name, values in random.sample(sorted(fields.items()), random.choice((1, 1, 2))):
        made[name if random.random() < 0.7 else f"not{name[0].upper()}{name[1:]}"] = _some(random, values)
    return made


def _source(random: random.Random) -> Json:
    fields = {
        "trustDomains": DOMAINS,
        "ipBlocks": BLOCKS,
        "remoteIpBlocks": REMOTE_BLOCKS,
        "requestPrincipals": REQUEST_PRINCIPALS,
    }
    if random.random() < 0.3:
        fields["serviceAccounts"] = ACCOUNTS
    else:
        fields |= {"principals": PRINCIPALS, "namespaces": NAMESPACES}
    return {"source": _fields(random, fields)}


def _condition(random: random.Random) -> Json:
    key, values = random.choice(
        (
            ("request.headers[X-Role]", ROLES),
            ("request.headers[x-role]", ROLES),
            ("source.ip", BLOCKS),
            ("remote.ip", BLOCKS),
            ("source.namespace", NAMESPACES),
            ("source.principal", PRINCIPALS),
            ("source.serviceAccount", ACCOUNTS),
            ("destination.ip", BLOCKS),
            ("destination.port", PORTS),
            ("request.auth.principal", REQUEST_PRINCIPALS),
            ("request.auth.audiences", TEXTS),
            ("request.auth.presenter", TEXTS),
            (f"request.auth.claims[{random.choice(CLAIMS)}]", TEXTS),
            (f"request.auth.claims[{random.choice(CLAIMS)}]", TEXTS),
            ("connection.sni", ("a.example", "*.example", "secret*", "*")),
        )
    )
    return {"key": key, random.choice(("values", "values", "notValues")): _some(random, values)}


def _rule(random: random.Random) -> Json:
    rule: Json = {}
    if random.random() < 0.5:
        rule["from"] = [_source(random) for _ in range(random.choice((1, 1, 2)))]
    if random.random() < 0.6:
        fields = {"hosts": HOSTS, "ports": PORTS, "methods": METHODS, "paths": PATHS}
        rule["to"] = [{"operation": _fields(random, fields)} for _ in range(random.choice((1, 1, 2)))]
    if random.random() < 0.35:
        rule["when"] = [_condition(random) for _ in range(random.choice((1, 1, 2)))]
    return rule


def _policies(random: random.Random) -> Iterator[Json]:
    for app, vm in APPS.items():
        for index in range(random.choice((1, 1, 2, 3))):
            namespace = random.choice((vm.split("/")[0],) * 3 + ("istio-system",))
            action = random.choice(("ALLOW", "ALLOW", "ALLOW", "DENY", "DENY", "DENY", "CUSTOM", "AUDIT"))
            dry_run = random.choice(("true",) + ("false",) * 7) if action in {"ALLOW", "DENY"} else "false"
            asked = {"provider": {"name": random.choice(("yes", "yes", "yes", "nobody"))}} if action == "CUSTOM" else {}
            targeted = namespace != "istio-system" and random.random() < 0.4
            yield {
                "apiVersion": "security.istio.io/v1",
                "kind": "AuthorizationPolicy",
                "metadata": {
                    "name": f"{app}-{index}",
                    "namespace": namespace,
                    "annotations": {"istio.io/dry-run": dry_run},
                },
                "spec": {
                    **({"targetRefs": _targets(random, app)} if targeted else {"selector": {"matchLabels": {"app": app}}}),
                    "action": action,
                    **asked,
                    "rules": [_rule(random) for _ in range(random.choice((1, 1, 2, 3)))],
                },
            }


def _targets(random: random.Random, app: str) -> list[Json]:
    """The service of a workload, or one of another port of it, which has to have no say."""
    names = random.choice(((app,), (app, f"{app}-apart"), (f"{app}-apart",)))
    return [{"kind": "Service", "name": name} for name in names]


_APART = [
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"{app}-apart", "namespace": vm.split("/")[0]},
        "spec": {"selector": {"app": app}, "ports": [{"name": "http-apart", "port": 80, "targetPort": 7999}]},
    }
    for app, vm in APPS.items()
]
_GATEWAY = [
    {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "public", "namespace": "shop"},
        "spec": {"gatewayClassName": "meshweb", "listeners": [{"name": "http", "port": 8080, "protocol": "HTTP"}]},
    }
]
_PROVIDER = [
    {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": "yes", "namespace": "shop"},
        "spec": {
            "hosts": ["yes.example"],
            "resolution": "STATIC",
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": " $(world http)"}],
            "endpoints": [{"address": "127.0.0.1"}],
        },
    },
    {
        "apiVersion": "meshweb.io/v1",
        "kind": "MeshConfig",
        "metadata": {"name": "default"},
        "spec": {"extensionProviders": [{"name": "yes", "envoyExtAuthzHttp": {"service": "yes.example", "port": 80}}]},
    },
]
"""It allows whatever it is asked about."""
_PERMISSIVE = [
    {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": "istio-system"},
        "spec": {"mtls": {"mode": "PERMISSIVE"}},
    },
    {
        "apiVersion": "security.istio.io/v1",
        "kind": "RequestAuthentication",
        "metadata": {"name": "default", "namespace": "istio-system"},
        # A space in front, so that YAML quotes the keys.
        "spec": {"jwtRules": [{"issuer": ISSUER, "jwks": " $(jwks ec)"}, {"issuer": LONGER, "jwks": " $(jwks second)"}]},
    },
]


def _calls(random: random.Random, rig: Rig) -> Iterator[tuple[str, str, Request, Call]]:
    """Where, over what wire, what is sent, and what the sidecar sees of it."""
    for _ in range(CALLS):
        tcp = random.random() < 0.15
        vm = rig.vms[APPS["api"] if tcp else random.choice(sorted(APPS.values()))]
        identity, sni = random.choice(IDENTITIES), random.choice(NAMES)
        seen: Json = {
            "identity": f"spiffe://cluster.local/ns/{identity.split('/')[0]}/sa/{identity.split('/')[1]}" if identity else "",
            "source_ip": "127.0.0.1",
            "destination_ip": vm.bind,
            "sni": sni if identity else "",
        }
        tls: Json = {"tls": identity is not None, "identity": identity, "sni": sni if identity else None}
        if tcp:
            request = Request("GET", "/", "", (), b"hello", alpn=("meshweb",), **tls)
            yield vm.id, "tcp", request, Call(port=TCP, http=False, remote_ip=_remote(identity, None, http=False), **seen)
            continue
        method, path, host = random.choice(CALLED_METHODS), _path(random), random.choice(CALLED_HOSTS)
        role: tuple[str, ...] = random.choice(CALLED_ROLES)
        # Envoy's HTTP/1.1 knows methods by their names alone.
        wire, alpn = random.choice((("h1", "http/1.1"), ("h2", "h2"))) if method.isupper() else ("h2", "h2")
        headers = tuple(("x-role", value) for value in role)
        remote = random.choice(REMOTES)
        if remote is not None:
            headers = (*headers, ("x-meshweb-remote-address", remote))
        user = random.choice((None, *TOKENS))
        if user is not None:
            headers = (*headers, ("authorization", f"Bearer {token(user)}"))
        request = Request(method, path, host, headers, b"", alpn=("meshweb", alpn), **tls)
        yield (
            vm.id,
            wire,
            request,
            Call(
                port=HTTP,
                method=method,
                host=host,
                path=_normal(path) or "",
                headers={"x-role": tuple(value.strip() for value in role)} if role else {},
                claims=_claims(user),
                remote_ip=_remote(identity, remote, http=True),
                **seen,
            ),
        )


def _remote(identity: str | None, said: str | None, *, http: bool) -> str | None:
    """A gateway alone is believed, and where it says nothing nobody knows."""
    return "127.0.0.1" if identity != "shop/gateway" else said if http else None


def _path(random: random.Random) -> str:
    if random.random() < 0.6:
        return random.choice(CALLED_PATHS)
    parts = [random.choice(PARTS) for _ in range(random.randint(1, 4))]
    return "/" + parts[0] + "".join(random.choice("////\\") + part for part in parts[1:])


def _claims(user: TokenSpec | None) -> Json:
    """As Envoy tells them: `scope` is a list."""
    found = payload(user) if user is not None else {}
    return found | ({"scope": found["scope"].split(" ")} if "scope" in found else {})


def _normal(path: str) -> str | None:
    """None: no sidecar reads it."""
    try:
        return normalized(path)
    except Unreadable:
        return None


async def _responses(rig: Rig, calls: list[tuple[str, str, Request, Call]]) -> list[Response]:
    """One connection per place, wire and caller."""
    groups: defaultdict[tuple[str, str, Any, Any], list[int]] = defaultdict(list)
    for index, (vm, wire, request, _) in enumerate(calls):
        groups[vm, wire, request.identity, request.sni].append(index)
    found: dict[int, Response] = {}
    for (vm, wire, _, _), indexes in groups.items():
        address = (rig.vms[vm].bind, TCP if wire == "tcp" else HTTP)
        answers = await rig.calls.many(wire, address, [calls[index][2] for index in indexes], 4)  # type: ignore[arg-type]  # a Wire
        found |= dict(zip(indexes, answers, strict=True))
    return [found[index] for index in range(len(calls))]


def _outcome(wire: str, response: Response) -> str:
    if wire == "tcp":
        return "allowed" if response.status == 200 else f"denied ({response.error})"
    if first(response.headers, "x-app") is not None:
        return "allowed"
    return {403: "denied", 400: "refused"}.get(response.status, f"{response.status} {response.error}")


@pytest.mark.timeout(600)
def test_envoy_decides_as_we_say(driver: Driver) -> None:
    numbers = random.Random(SEED)
    compared = 0
    differences: list[str] = []
    outcomes: Counter[str] = Counter()
    while compared < PAIRS:
        documents = [*_APART, *_GATEWAY, *_PROVIDER, *_PERMISSIVE, *_policies(numbers)]
        text = yaml.safe_dump_all(documents).replace("' $(world http)'", "$(world http)")
        case = Case(f"authorization/{compared}", File(documents=text))
        mesh = driver.run(driver.rig.use(case)).mesh
        calls = list(_calls(numbers, driver.rig))
        responses = driver.run(_responses(driver.rig, calls))
        for (vm, wire, request, call), response in zip(calls, responses, strict=True):
            namespace, _, name = vm.partition("/")
            policies: tuple[Policy, ...] = mesh.policies_of(mesh.workloads[namespace, name], call.port)
            expected = "allowed" if decide(policies, call, "cluster.local").allowed else "denied"
            came = _outcome(wire, response)
            if call.http and not call.path:  # some are refused by routes, which come behind policies
                expected = "denied" if came == "denied" else "refused"
            if came == "allowed" and call.http:
                seen = json.loads(response.body)["path"].partition("?")[0]
                came = came if seen == call.path else f"{came} and shows the application {seen}"
                expected = expected if seen == call.path else f"{expected} and shows {call.path}"
            outcomes[expected] += 1
            if not came.startswith(expected):
                told = "\n".join(f"{policy.action} {policy.namespace}/{policy.name} {policy.rules}" for policy in policies)
                differences.append(f"{expected}, but Envoy {came} over {wire}: {request}\n{call}\n{told}")
        compared += len(calls)
    assert not differences, f"{len(differences)} of {compared} pairs differ\n\n" + "\n\n".join(differences[:3])
    assert min(outcomes["allowed"], outcomes["denied"]) > compared / 10, "both happen"
