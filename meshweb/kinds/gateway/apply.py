"""A Gateway opens its listeners on the proxies that serve it: those with the label `gateway.networking.k8s.io/gateway-name`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.errors import pointer
from meshweb.core.intent import Document, DocumentKey
from meshweb.core.ir.gateways import Gateway, GatewayRef, GatewayServer, KeyPair, ServerProtocol, ServerTls, ServerTlsMode
from meshweb.core.ir.routing import Origin
from meshweb.core.scoped import Audience
from meshweb.kinds.base import Reference
from meshweb.kinds.common.gateway_api import GATEWAY_GROUP
from meshweb.kinds.gateway.spec import ClientValidation, GatewaySpec, Listener, NamespaceSelector, Requirement, SecretRef

NAME_LABEL = "gateway.networking.k8s.io/gateway-name"


def references(document: Document) -> Iterable[Reference]:
    spec = _spec(document)
    for index, listener in enumerate(spec.listeners):
        if listener.tls is None:
            continue
        at = pointer("spec", "listeners", index, "tls")
        for place, ref in enumerate(listener.tls.certificate_refs):
            yield Reference(_secret_key(document, ref), f"{at}/certificateRefs/{place}")
        yield from _authorities(document, listener.tls.frontend_validation, f"{at}/frontendValidation")
    frontend = spec.tls.frontend if spec.tls is not None else None
    if frontend is not None:
        yield from _authorities(document, frontend.default.validation, "/spec/tls/frontend/default/validation")
        for index, item in enumerate(frontend.per_port):
            yield from _authorities(document, item.tls.validation, f"/spec/tls/frontend/perPort/{index}/tls/validation")


def _authorities(document: Document, validation: ClientValidation | None, at: str) -> Iterable[Reference]:
    for place, ref in enumerate(validation.ca_certificate_refs if validation is not None else ()):
        yield Reference(_secret_key(document, ref), f"{at}/caCertificateRefs/{place}")


def _secret_key(document: Document, ref: SecretRef) -> DocumentKey:
    return DocumentKey("Secret", ref.namespace or document.namespace, ref.name)


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = _spec(document)
    ref = GatewayRef("Gateway", document.namespace, document.name)
    servers = tuple(_server(mesh, document, ref, index, listener) for index, listener in enumerate(spec.listeners))
    gateway = Gateway(ref, document.namespace, frozenset({(NAME_LABEL, document.name)}), servers)
    mesh.gateways.gateways[ref] = gateway
    mesh.report(document, Condition.accepted())
    words = f"no proxy serves it yet: start one with meshweb-agent run --gateway {document.name}"
    mesh.expect(document, Audience(document.namespace, gateway.selector, words))
    problem = next((server.problem for server in servers if server.problem is not None), None)
    mesh.report(document, Condition.resolved() if problem is None else Condition.unresolved(*problem))


def _spec(document: Document) -> GatewaySpec:
    assert isinstance(document.spec, GatewaySpec)
    return document.spec


def _server(mesh: MeshBuilder, document: Document, ref: GatewayRef, index: int, listener: Listener) -> GatewayServer:
    host = listener.hostname or "*"
    problems: list[tuple[str, str]] = []
    tls = _tls(mesh, document, listener, problems)
    return GatewayServer(
        gateway=ref,
        name=listener.name,
        port=listener.port,
        protocol=ServerProtocol(listener.protocol),
        hosts=tuple((namespace, host) for namespace in _namespaces(mesh, document, listener)),
        tls=tls,
        kinds=tuple(item.kind for item in listener.allowed_routes.kinds),
        problem=problems[0] if problems else None,
        origin=Origin(document.key, pointer("spec", "listeners", index)),
    )


def _namespaces(mesh: MeshBuilder, document: Document, listener: Listener) -> tuple[str, ...]:
    allowed = listener.allowed_routes.namespaces
    if allowed.from_ == "All":
        return ("*",)
    if allowed.from_ == "Same" or allowed.selector is None:
        return (document.namespace,)
    selector = allowed.selector
    return tuple(sorted(name for name, labels in mesh.namespaces.items() if _selects(selector, {**labels, _NAME: name})))


_NAME = "kubernetes.io/metadata.name"
"""A label that every namespace has."""


def _selects(selector: NamespaceSelector, labels: Mapping[str, str]) -> bool:
    fits = all(labels.get(key) == value for key, value in selector.match_labels.items())
    return fits and all(_holds(requirement, labels) for requirement in selector.match_expressions)


def _holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None


# --- TLS ------------------------------------------------------------------------------------------------------------


def _tls(mesh: MeshBuilder, document: Document, listener: Listener, problems: list[tuple[str, str]]) -> ServerTls | None:
    if listener.tls is None:
        return None
    if listener.tls.mode == "Passthrough":
        return ServerTls(ServerTlsMode.PASSTHROUGH)
    pairs = tuple(KeyPair(secret=_secret(mesh, document, ref, problems)) for ref in listener.tls.certificate_refs)
    validation = _validation(_spec(document), listener)
    if validation is None:
        return ServerTls(ServerTlsMode.SIMPLE, pairs)
    return ServerTls(
        ServerTlsMode.MUTUAL, pairs, ca_secret=_secret(mesh, document, validation.ca_certificate_refs[0], problems)
    )


def _validation(spec: GatewaySpec, listener: Listener) -> ClientValidation | None:
    """What is asked of clients: of the port, else of the Gateway, else of the listener (Gateway API up to 1.3)."""
    frontend = spec.tls.frontend if spec.tls is not None else None
    if frontend is not None and listener.protocol == "HTTPS":
        of_port = next((item.tls for item in frontend.per_port if item.port == listener.port), frontend.default)
        return of_port.validation
    return listener.tls.frontend_validation if listener.tls is not None else None


def _secret(mesh: MeshBuilder, document: Document, ref: SecretRef, problems: list[tuple[str, str]]) -> str:
    """Name under which proxies ask for it. One that is not permitted has a name that is never served, so that the listener answers
    nobody."""
    namespace = ref.namespace or document.namespace
    permitted = mesh.grants.permit(
        group=GATEWAY_GROUP,
        kind="Gateway",
        namespace=document.namespace,
        to_kind="Secret",
        to_namespace=namespace,
        to_name=ref.name,
    )
    if not permitted:
        words = (
            f"no ReferenceGrant in {namespace} lets a Gateway of {document.namespace} refer to Secret {namespace}/{ref.name}"
        )
        problems.append(("RefNotPermitted", words))
        return f"not-permitted/{namespace}/{ref.name}"
    if f"{namespace}/{ref.name}" not in mesh.secrets:
        problems.append(("InvalidCertificateRef", f"there is no Secret {namespace}/{ref.name}: the listener answers nobody"))
    return f"{namespace}/{ref.name}"
