"""What the types of DestinationRule cannot say (Istio's own validation)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from meshweb.core.errors import Violation, pointer, under
from meshweb.kinds.base import Metadata
from meshweb.kinds.common.istio import export_to, unique
from meshweb.kinds.common.istio_traffic import connection_pool
from meshweb.kinds.destination_rule.load_balancer import load_balancer
from meshweb.kinds.destination_rule.spec import ClientTls, DestinationRuleSpec, OutlierDetection, PortPolicy, TrafficPolicy

_CERTIFICATES = (
    ("clientCertificate", "client_certificate"),
    ("privateKey", "private_key"),
    ("caCertificates", "ca_certificates"),
    ("caCrl", "ca_crl"),
    ("credentialName", "credential_name"),
)
_VERIFICATION = (("subjectAltNames", "subject_alt_names"), ("sni", "sni"), ("insecureSkipVerify", "insecure_skip_verify"))


def check(metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, DestinationRuleSpec)
    if spec.traffic_policy is not None:
        yield from under(("spec", "trafficPolicy"), _policy(spec.traffic_policy))
    for index, subset in enumerate(spec.subsets):
        if subset.name in {other.name for other in spec.subsets[:index]}:
            yield Violation(pointer("spec", "subsets", index, "name"), "duplicate", f"subset {subset.name} is given twice")
        if subset.traffic_policy is not None:
            yield from under(("spec", "subsets", index, "trafficPolicy"), _policy(subset.traffic_policy))
    yield from under(("spec", "exportTo"), export_to(spec.export_to))
    if spec.workload_selector is None:
        return
    if not spec.workload_selector.match_labels:
        words = "must name a label; leave workloadSelector out to cover every caller"
        yield Violation("/spec/workloadSelector/matchLabels", "required", words)
    if not set(spec.export_to) <= {".", metadata.namespace}:
        words = "must be this namespace ('.') beside workloadSelector, which selects callers here alone"
        yield Violation("/spec/exportTo", "conflict", words)


def _policy(policy: TrafficPolicy) -> Iterator[Violation]:
    if not policy.model_fields_set:
        yield Violation("", "required", "must set something, or be left out")
    yield from _settings(policy)
    seen: set[int] = set()
    for index, item in enumerate(policy.port_level_settings):
        if item.port.number in seen:
            at = pointer("portLevelSettings", index, "port", "number")
            yield Violation(at, "duplicate", f"port {item.port.number} is given twice")
        seen.add(item.port.number)
        yield from under(("portLevelSettings", index), _settings(item))


def _settings(policy: PortPolicy) -> Iterator[Violation]:
    if policy.load_balancer is not None:
        yield from under(("loadBalancer",), load_balancer(policy.load_balancer))
    if policy.connection_pool is not None:
        yield from under(("connectionPool",), connection_pool(policy.connection_pool))
    if policy.outlier_detection is not None:
        yield from under(("outlierDetection",), _outliers(policy.outlier_detection))
    if policy.tls is not None:
        yield from under(("tls",), _tls(policy.tls))


def _outliers(settings: OutlierDetection) -> Iterator[Violation]:
    if settings.consecutive_errors is not None and settings.consecutive_gateway_errors is not None:
        yield Violation("/consecutiveErrors", "conflict", "is the old spelling of consecutiveGatewayErrors: set one of them")
    if settings.consecutive_local_origin_failures is not None and not settings.split_external_local_origin_errors:
        words = "counts only where splitExternalLocalOriginErrors is true"
        yield Violation("/consecutiveLocalOriginFailures", "conflict", words)
    yield from unique("outlierDetectionHttpErrorCodes", settings.outlier_detection_http_error_codes)


def _tls(tls: ClientTls) -> Iterator[Violation]:
    given = [field for field, attribute in _CERTIFICATES if getattr(tls, attribute) is not None]
    if tls.mode in {"DISABLE", "ISTIO_MUTUAL"}:
        why = "there is no TLS" if tls.mode == "DISABLE" else "the mesh's own certificates are used"
        verification = [field for field, attribute in _VERIFICATION if getattr(tls, attribute)] if tls.mode == "DISABLE" else []
        for field in [*given, *verification]:
            yield Violation(f"/{field}", "conflict", f"must not be set with mode {tls.mode}: {why}")
        if tls.mode == "ISTIO_MUTUAL" and tls.insecure_skip_verify:
            yield Violation(
                "/insecureSkipVerify", "conflict", "must not be set with mode ISTIO_MUTUAL: identities are verified"
            )
        return
    if tls.credential_name is not None:
        for field in given:
            if field != "credentialName":
                yield Violation(f"/{field}", "conflict", "must not be set beside credentialName, which brings its own")
    elif tls.mode == "MUTUAL":
        for field in ("clientCertificate", "privateKey"):
            if field not in given:
                yield Violation(f"/{field}", "required", "must be set with mode MUTUAL, or credentialName instead")
    if tls.mode == "SIMPLE":
        for field in ("clientCertificate", "privateKey"):
            if field in given and tls.credential_name is None:
                yield Violation(
                    f"/{field}", "conflict", "must not be set with mode SIMPLE: use MUTUAL to present a certificate"
                )
    if tls.insecure_skip_verify:
        against = {"caCertificates", "caCrl"} | ({"credentialName"} if tls.mode == "SIMPLE" else set())
        for field in [*(name for name in given if name in against), *(["subjectAltNames"] if tls.subject_alt_names else [])]:
            yield Violation(f"/{field}", "conflict", "says what to verify, and insecureSkipVerify says to verify nothing")
