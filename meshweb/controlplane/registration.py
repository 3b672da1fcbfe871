"""How a VM joins: token, certificate request, proxy and workload; and what the agent is told."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from meshweb.controlplane import audit, certificates, documents, hints, publish, render
from meshweb.controlplane.actor import Actor
from meshweb.controlplane.agent_flags import Flags, JoinRequest, not_a_gateway, validated, why_no_gateway
from meshweb.controlplane.authority import authority
from meshweb.controlplane.errors import Conflict, InvalidDocuments, NotFound, Unauthorized
from meshweb.controlplane.join_tokens import group_spec
from meshweb.core.errors import Violation
from meshweb.core.intent import DocumentKey
from meshweb.core.names import spiffe_id
from meshweb.identity import csr, join_token, keys
from meshweb.identity.sealing import SecretBytes
from meshweb.kinds.parse import parse_document
from meshweb.kinds.workload_group.spec import WorkloadGroupSpec
from meshweb.store.models import Certificate, EndpointHealth, JoinToken, JoinTokenUse, Proxy, Resource
from meshweb.store.models.revision import Origin

GROUP_ANNOTATION = "meshweb.io/workload-group"
SIGN_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Joined:
    proxy: Proxy
    certificate: Certificate
    answer: dict[str, Any]


# --- join -------------------------------------------------------------------------------------------------------------


def join(actor: Actor, payload: object) -> Joined:
    """Redeems a token. The same key with the same token may ask again and gets the same answer.

    Raises InvalidDocuments, Unauthorized, Conflict, NotFound, TryAgain.
    """
    request: JoinRequest = validated(JoinRequest, payload)
    try:
        key_hash = keys.public_key_sha256(csr.check_csr(request.csr))
    except csr.CsrRefused as error:
        raise InvalidDocuments([(0, Violation("/csr", "csr", str(error)))]) from None
    token = _token(actor, request)
    try:
        with transaction.atomic():
            proxy = _redeem(actor, token, request, key_hash)
            job = certificates.request(proxy, request.csr)
            transaction.on_commit(lambda: hints.tell_browsers("join-token", token.id))
    except RefusedJoin as refused:
        raise refused.record() from None
    certificate = certificates.wait_for(job.id, SIGN_SECONDS)
    answer = {
        "proxy": proxy.id,
        "identity": proxy.spiffe_id,
        "certificate": certificate.chain,
        "expiresAt": certificate.not_after.isoformat().replace("+00:00", "Z"),
        **trust(),
        "settings": agent_settings(proxy),
    }
    return Joined(proxy, certificate, answer)


def _token(actor: Actor, request: JoinRequest) -> JoinToken:
    row = JoinToken.objects.filter(id=request.id).first()
    try:
        secret = join_token.decode_secret(request.secret)
    except join_token.BadToken:
        secret = SecretBytes(b"")
    if row is None or not join_token.secret_matches(secret, bytes.fromhex(row.secret_hash)):
        audit.refused(actor, "join", f"join-token {request.id[:64]}", "unknown token or wrong secret")
        raise Unauthorized("the join token is not known here, or its secret is wrong")
    return row


def _redeem(actor: Actor, token: JoinToken, request: JoinRequest, key_hash: str) -> Proxy:
    """The proxy that this request makes, or made before. One row lock on the token decides races."""
    state = publish.lock_mesh()
    row = JoinToken.objects.select_for_update().get(id=token.id)
    earlier = _redeemed_before(row, request, key_hash)
    if earlier is not None:
        return earlier
    why = _why_not(row)
    if why is not None:
        raise RefusedJoin(actor, row, why, Unauthorized(why))
    proxy_id = f"{row.namespace}/{request.name}"
    known = Proxy.objects.select_for_update().filter(id=proxy_id).first()
    if known is not None and known.revoked_at is None and (known.connected or known.workload_group != row.workload_group):
        detail = f"the name {proxy_id} is taken by a proxy that is connected or of another WorkloadGroup"
        raise RefusedJoin(actor, row, detail, Conflict(detail))
    if _entry_of_others(row, request.name):
        detail = f"the name {proxy_id} is taken by a WorkloadEntry that is not of WorkloadGroup {row.workload_group}"
        raise RefusedJoin(actor, row, detail, Conflict(detail))
    group = group_spec(row.namespace, row.workload_group)
    why = why_no_gateway(request.gateway, row.workload_group, group)
    if why is not None:
        raise RefusedJoin(actor, row, why, not_a_gateway(why))
    row.uses_left -= 1
    row.save(update_fields=["uses_left"])
    proxy = _register(row, request, group, known)
    JoinTokenUse.objects.create(token=row, proxy=proxy, key_hash=key_hash, at=timezone.now())
    audit.allowed(actor, "join", f"proxy {proxy.id}", detail=f"with join token {row.id}")
    _write_entry(actor, row, request, group)
    publish.touch(state, f"{proxy.id} joined")
    return proxy


def _redeemed_before(token: JoinToken, request: JoinRequest, key_hash: str) -> Proxy | None:
    """The proxy that this very key made with this token, while it is still that key's: not removed, not joined anew by another."""
    earlier = token.redemptions.filter(key_hash=key_hash, proxy__name=request.name, proxy__revoked_at=None).first()
    if earlier is None:
        return None
    last = JoinTokenUse.objects.filter(proxy=earlier.proxy_id).select_related("proxy").latest("id")
    return last.proxy if last.key_hash == key_hash else None


def _entry_of_others(token: JoinToken, name: str) -> bool:
    """Whether a workload of this name exists that no VM of the token's group made: a token must not replace it."""
    row = Resource.objects.filter(kind="WorkloadEntry", namespace=token.namespace, name=name).first()
    return row is not None and row.annotations.get(GROUP_ANNOTATION) != token.workload_group


def _why_not(row: JoinToken) -> str | None:
    if row.revoked_at is not None:
        return "the join token was revoked"
    if row.expires_at <= timezone.now():
        return f"the join token ended at {row.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    if row.uses_left <= 0:
        return "the join token is used up"
    return None


class RefusedJoin(Exception):
    """A refusal that still has to be written down, outside of the transaction it ended."""

    def __init__(self, actor: Actor, token: JoinToken, detail: str, error: Exception) -> None:
        self.actor, self.token, self.detail, self.error = actor, token, detail, error
        super().__init__(detail)

    def record(self) -> Exception:
        """Writes the refusal down; returns what to tell the caller."""
        JoinTokenUse.objects.create(token=self.token, at=timezone.now(), refusal=self.detail[:500])
        audit.refused(self.actor, "join", f"join-token {self.token.id}", self.detail)
        hints.tell_browsers("join-token", self.token.id)
        return self.error


def _register(token: JoinToken, request: JoinRequest, group: WorkloadGroupSpec, known: Proxy | None) -> Proxy:
    if known is not None:
        # The name comes back with a new key: certificates of the old one are not accepted any more.
        _forget_keys(known)
    proxy = known or Proxy(id=f"{token.namespace}/{request.name}", namespace=token.namespace, name=request.name)
    proxy.workload_group = token.workload_group
    proxy.spiffe_id = spiffe_id(settings.TRUST_DOMAIN, token.namespace, group.template.service_account)
    proxy.joined_at = timezone.now()
    proxy.revoked_at = None
    proxy.health_state, proxy.health_reason, proxy.first_request_at = "unknown", "", None
    proxy.report_sequence = 0
    proxy.live_revision = proxy.live_at = None
    _take_flags(proxy, request)
    proxy.save()
    return proxy


def _forget_keys(proxy: Proxy) -> None:
    """Certificates are not accepted any more, and what was asked for but is not signed yet never will be."""
    proxy.certificates.all().delete()
    proxy.jobs.all().delete()


_SHAPING = ("mode", "bind", "app_address", "loopback_range", "gateway")
"""Flags that the configuration depends on."""
_FLAG_FIELDS = (*_SHAPING, "agent_version", "envoy_version")


def _take_flags(proxy: Proxy, flags: Flags) -> bool:
    """Whether anything changed that the configuration depends on."""
    changed = any(getattr(proxy, name) != getattr(flags, name) for name in _SHAPING)
    for name in _SHAPING:
        setattr(proxy, name, getattr(flags, name))
    proxy.agent_version = flags.agent_version or proxy.agent_version
    proxy.envoy_version = flags.envoy_version or proxy.envoy_version
    return changed


def _write_entry(actor: Actor, token: JoinToken, request: JoinRequest, group: WorkloadGroupSpec) -> None:
    """The WorkloadEntry of the new instance, from its group's template (Istio, "WorkloadGroup")."""
    address = request.bind
    if ipaddress.ip_address(address).is_unspecified:
        address = actor.address or "127.0.0.1"
    template = group.template
    spec: dict[str, object] = {
        "address": address,
        "labels": dict(group.metadata.labels),
        "serviceAccount": template.service_account,
        "weight": template.weight,
    }
    if template.ports:
        spec["ports"] = dict(template.ports)
    if template.locality:
        spec["locality"] = template.locality
    raw = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadEntry",
        "metadata": {
            "name": request.name,
            "namespace": token.namespace,
            "labels": dict(group.metadata.labels),
            "annotations": {**group.metadata.annotations, GROUP_ANNOTATION: token.workload_group},
        },
        "spec": spec,
    }
    parsed = parse_document(raw)
    documents.write(actor, [documents.Wish(parsed.key, parsed)], verb="join", reason=f"{token.namespace}/{request.name} joined")


def remove(actor: Actor, namespace: str, name: str) -> None:
    """Revokes a proxy and removes its workload. Raises NotFound."""
    with transaction.atomic():
        state = publish.lock_mesh()
        proxy = Proxy.objects.select_for_update(no_key=True).filter(namespace=namespace, name=name, revoked_at=None).first()
        if proxy is None:
            raise NotFound(f"there is no proxy {namespace}/{name}")
        proxy.revoked_at, proxy.stream = timezone.now(), ""
        proxy.save(update_fields=["revoked_at", "stream"])
        _forget_keys(proxy)
        EndpointHealth.objects.filter(proxy=proxy).delete()
        key = DocumentKey("WorkloadEntry", namespace, name)
        if Resource.objects.filter(kind=key.kind, namespace=namespace, name=name).exists():
            documents.write(actor, [documents.Wish(key, None)], verb="delete", reason=f"proxy {proxy.id} removed")
        publish.touch(state, f"{proxy.id} removed")
        audit.allowed(actor, "remove", f"proxy {proxy.id}")
        transaction.on_commit(lambda: hints.tell_browsers("proxy", proxy.id))


# --- what agents are told ---------------------------------------------------------------------------------------------


def trust() -> dict[str, str]:
    return {"trustDomain": settings.TRUST_DOMAIN, "trustBundle": authority().roots}


def agent_settings(proxy: Proxy) -> dict[str, object]:
    """See docs/guides/agent-protocol.md, Settings. A gateway has no application to look after."""
    group = _group_of(proxy)
    if group is None or proxy.gateway:
        return {"ports": [], "probe": None, "reportSeconds": settings.REPORT_SECONDS, "renewBefore": None}
    probe: Mapping[str, object] | None = None
    if group.probe is not None:
        probe = group.probe.model_dump(mode="json", by_alias=True, exclude_none=True)
    ports = [{"name": name, "port": port} for name, port in sorted(group.template.ports.items())]
    return {"ports": ports, "probe": probe, "reportSeconds": settings.REPORT_SECONDS, "renewBefore": None}


def configure(proxy_id: str, payload: object) -> dict[str, object]:
    """An agent says how it runs now. Raises NotFound, InvalidDocuments."""
    flags: Flags = validated(Flags, payload)
    with transaction.atomic():
        state = publish.lock_mesh()
        proxy = Proxy.objects.select_for_update(no_key=True).filter(id=proxy_id, revoked_at=None).first()
        if proxy is None:
            raise NotFound(f"there is no proxy {proxy_id}")
        refused = why_no_gateway(flags.gateway, proxy.workload_group, _group_of(proxy))
        if refused is not None:
            flags.gateway = ""  # whatever it was before, its group does not make it one any more
        before = proxy.bind
        if _take_flags(proxy, flags):
            publish.touch(state, f"{proxy.id} runs with other flags")
        if proxy.bind != before:
            _move_entry(proxy)
        proxy.save(update_fields=[*_FLAG_FIELDS])
    if refused is not None:
        raise not_a_gateway(refused)
    return {"settings": agent_settings(proxy), **trust()}


def _group_of(proxy: Proxy) -> WorkloadGroupSpec | None:
    try:
        return group_spec(proxy.namespace, proxy.workload_group)
    except NotFound:
        return None


def _move_entry(proxy: Proxy) -> None:
    """The workload is where its sidecar listens now. An entry that somebody else wrote, or an unspecified address, says nothing."""
    row = Resource.objects.filter(kind="WorkloadEntry", namespace=proxy.namespace, name=proxy.name).first()
    ours = row is not None and row.annotations.get(GROUP_ANNOTATION) == proxy.workload_group
    if row is None or not ours or ipaddress.ip_address(proxy.bind).is_unspecified:
        return
    raw = render.authored_of_row(row)
    parsed = parse_document({**raw, "spec": {**raw["spec"], "address": proxy.bind}})
    actor = Actor(f"agent:{proxy.id}", Origin.AGENT)
    documents.write(actor, [documents.Wish(parsed.key, parsed)], verb="move", reason=f"{proxy.id} listens on {proxy.bind}")


def renew(proxy_id: str, payload: object, *, serial: str) -> dict[str, object]:
    """A new certificate for the same identity, for who holds the certificate `serial`. Raises NotFound, InvalidDocuments, TryAgain."""
    pem = payload.get("csr") if isinstance(payload, Mapping) else None
    if not isinstance(pem, str):
        raise InvalidDocuments([(0, Violation("/csr", "required", "the certificate request is missing"))])
    try:
        with transaction.atomic():
            # Who was recognised a moment ago may have been removed, or replaced by another key, since.
            held = Proxy.objects.select_for_update(no_key=True, of=("self",)).filter(id=proxy_id, revoked_at=None)
            proxy = held.filter(certificates__serial=serial).first()
            if proxy is None:
                raise NotFound(f"there is no proxy {proxy_id} with this certificate")
            job = certificates.request(proxy, pem)
        certificate = certificates.wait_for(job.id, SIGN_SECONDS)
    except csr.CsrRefused as error:
        raise InvalidDocuments([(0, Violation("/csr", "csr", str(error)))]) from None
    return {
        "certificate": certificate.chain,
        "expiresAt": certificate.not_after.isoformat().replace("+00:00", "Z"),
        **trust(),
    }
