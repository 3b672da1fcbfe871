"""Whatever is said of all calls holds for each: three values never contradict what `core/authorization.py` decides."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import event, given, settings, strategies as st

from meshweb.core.authorization import Call, decide
from meshweb.core.ir.providers import ExtensionProvider, Provider
from meshweb.core.ir.security import DENY_BY_DEFAULT, Attribute, MtlsMode, Policy, PolicyAction, PolicyCondition, PolicyRule
from meshweb.core.reach import Observer, Place, Reach, over_all

DOMAIN = "cluster.local"
_VALUES: dict[Attribute, tuple[str, ...]] = {
    Attribute.PRINCIPAL: (f"{DOMAIN}/ns/shop/sa/web", f"{DOMAIN}/ns/shop/*", "*/sa/web", "*", "other.example/ns/shop/sa/web"),
    Attribute.NAMESPACE: ("shop", "sh*", "other", "*"),
    Attribute.SERVICE_ACCOUNT: ("shop/web", "shop/api"),
    Attribute.TRUST_DOMAIN: (DOMAIN, "other*", "*"),
    Attribute.SOURCE_IP: ("10.0.0.0/8", "127.0.0.1"),
    Attribute.HEADER: ("admin", "a*", "*"),
    Attribute.HOST: ("a.test", "*.test", "*"),
    Attribute.METHOD: ("GET", "P*", "*", "get"),
    Attribute.PATH: ("/admin", "/a*", "*", "/{*}", "/{**}"),
    Attribute.DESTINATION_PORT: ("8080", "9090"),
    Attribute.DESTINATION_IP: ("10.0.0.0/8",),
    Attribute.SNI: ("a.test", "*"),
    Attribute.REQUEST_PRINCIPAL: ("https://a.example/alice", "*"),
    Attribute.CLAIM: ("admin", "*"),
}
_CONDITIONS = st.sampled_from(sorted(_VALUES)).flatmap(
    lambda attribute: st.builds(
        lambda values, negated: PolicyCondition(attribute, tuple(values), negated, key="x-role", claim=("role",)),
        st.lists(st.sampled_from(_VALUES[attribute]), min_size=1, max_size=2, unique=True),
        st.booleans(),
    )
)
_ALL_OF = st.lists(_CONDITIONS, min_size=1, max_size=2).map(tuple)
_RULES = st.builds(
    PolicyRule,
    sources=st.lists(_ALL_OF, max_size=2).map(tuple),
    operations=st.lists(_ALL_OF, max_size=2).map(tuple),
    when=st.lists(_CONDITIONS, max_size=1).map(tuple),
)
_PROVIDERS = (
    *(Provider(name, "", ExtensionProvider(name, name, 80, grpc=name == "grpc"), name) for name in ("http", "grpc")),
    Provider("gone", "there is none"),
)


def _with_its_provider(policy: Policy) -> Policy:
    """As documents have it: CUSTOM alone has a provider, and no dry run."""
    if policy.action is PolicyAction.CUSTOM:
        return replace(policy, dry_run=False)
    return replace(policy, provider=None)


_POLICIES = st.lists(
    st.just(DENY_BY_DEFAULT)
    | st.builds(
        Policy,
        st.just("shop"),
        st.sampled_from(("a", "b", "c")),
        st.sampled_from(PolicyAction),
        st.lists(_RULES, max_size=2).map(tuple),
        st.sampled_from((False, False, False, True)),
        st.sampled_from(_PROVIDERS),
    ).map(_with_its_provider),
    max_size=3,
).map(tuple)
_IDENTITIES = ("", *(f"spiffe://{DOMAIN}/ns/{who}" for who in ("shop/sa/web", "shop/sa/api", "other/sa/web")))
_CALLS = st.builds(
    Call,
    source_ip=st.sampled_from(("10.1.2.3", "127.0.0.1")),
    destination_ip=st.sampled_from(("10.0.0.1", "192.168.0.1")),
    sni=st.sampled_from(("", "a.test")),
    method=st.sampled_from(("GET", "POST", "get")),
    host=st.sampled_from(("a.test", "b.test:80", "c")),
    path=st.sampled_from(("/", "/admin", "/admin;x", "/a/b")),
    headers=st.sampled_from(({}, {"x-role": ("admin",)}, {"x-role": ("user", "admin")})),
)
_CLAIMS = st.sampled_from(({}, {"iss": "https://a.example", "sub": "alice", "role": "admin"}, {"role": "user"}))


@given(
    _POLICIES,
    st.sampled_from(_IDENTITIES),
    st.sampled_from((8080, 9090)),
    st.sampled_from((True, False, None)),
    st.booleans(),
    st.data(),
)
@settings(max_examples=600, deadline=None)
def test_no_call_contradicts_what_is_said_of_all(
    policies: tuple[Policy, ...], identity: str, port: int, http: bool | None, tokens: bool, data: st.DataObject
) -> None:
    place = Place(policies, (), port, http, tokens, MtlsMode.PERMISSIVE, None)
    reach = over_all(policies, Observer(identity, place, DOMAIN).matches, http).reach
    event(reach)
    for _ in range(8):
        fields = data.draw(_CALLS)
        spoken = data.draw(st.booleans()) if http is None else http
        claims = data.draw(_CLAIMS) if tokens and spoken else {}
        call = replace(fields, identity=identity, port=port, http=spoken, claims=claims)
        decision = decide(policies, call, DOMAIN)
        assert reach is Reach.SOMETIMES or decision.allowed == (reach is Reach.ALWAYS)
        assert not (reach is Reach.ALWAYS and decision.asked)
