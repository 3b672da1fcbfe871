"""Counts what Envoy reports (OTLP metrics, access records of denials) until the control plane has it.

Every report has a sequence number and stays frozen until it is acknowledged: a retry carries the same number and content, so
that nothing is counted twice. What comes in meanwhile is merged into the next one, within bounds.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from meshweb.agent.access_records import MAX_RECORDS, record_of
from meshweb.protos import message

BUCKETS_MS = (1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0)
"""Upper bounds; a 14th bucket holds the rest."""

MAX_SERIES = 5_000
"""Edges, backends and denials each: beyond that, new ones are dropped and counted in `dropped`."""

_VHOST = re.compile(r"vhost\.outbound~([^~.]+)~([^~.]+)~(\d+)\.vcluster\.all\.upstream_rq_(?:(\d)xx|(time))")
_CLUSTER = re.compile(r"cluster\.outbound~([^~.]+)~([^~.]+)~(\d+)\.upstream_rq_(?:(\d)xx|(time))")
_LIMITED = re.compile(r"limit~([^~.]+)~([^~.]+)\.http_local_rate_limit\.(rate_limited|enforced)")
_DROPPED = "access_logs.grpc_access_log.logs_dropped"  # entries that Envoy had no room for
_RECEIVED = re.compile(r"http\.inbound_\d+\.downstream_rq_completed")

_RBAC = "envoy.filters.http.rbac"  # namespace of the filters' dynamic metadata
_DOCUMENT = "document"  # key of the entry that names the RateLimit
_OVER_LIMIT = 2  # RateLimitResponse.Code
_NETWORK_RBAC = "envoy.filters.network.rbac"
_DENIED_BY_RBAC = "rbac_access_denied"  # %RESPONSE_CODE_DETAILS% of RBAC; it sets no response flag
_REFUSED_TOKEN = re.compile(r"jwt_authn_access_denied\{(.*)\}")  # the same of jwt_authn, with Envoy's words for why
_MTLS = "mtls"  # the rule that denies connections without certificate (core.envoy.rbac)
_ASKED_BY = "custom.shadow_effective_policy_id"  # "<provider>/<rule>"
_EXTERNAL_SERVICE = 1  # ResponseFlags.Unauthorized.Reason: an extension provider denied, or did not answer

STATS_PATTERNS = (
    r"vhost\.outbound~[^.]+\.vcluster\.all\.upstream_rq_(\dxx|time)",
    r"cluster\.outbound~[^.]+\.upstream_rq_(\dxx|time)",
    r"http\.inbound_\d+\.downstream_rq_completed",
    r"limit~[^.]+\.http_local_rate_limit\.(rate_limited|enforced)",
    r"access_logs\.grpc_access_log\.logs_dropped",
    r"http\.[^.]+\.downstream_rq_active",
    r"listener_manager\.lds\.update_success",
)
"""What Envoy keeps at all (full match). The last two are for readiness and draining."""

Key = tuple[str, int]
"""("<namespace>/<service>", port)."""


@dataclass(frozen=True, slots=True, order=True)
class Denial:
    """source: SPIFFE ID of the caller, or empty. cause: "policy", "token" (it could not be verified) or "mtls" (a connection without
    certificate). policy: Envoy's name of the rule that denied; empty: no ALLOW policy admitted it. dry_run: it was let through, and would
    have been denied. detail: what was wrong with a token."""

    source: str
    port: int
    policy: str = ""
    dry_run: bool = False
    cause: str = "policy"
    detail: str = ""


@dataclass(slots=True)
class _Series:
    classes: Counter[str] = field(default_factory=Counter)
    histogram: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_MS) + 1))


@dataclass(slots=True)
class _Window:
    edges: dict[Key, _Series] = field(default_factory=dict)
    backends: dict[Key, _Series] = field(default_factory=dict)
    denials: Counter[Denial] = field(default_factory=Counter)
    limits: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    records: list[Mapping[str, object]] = field(default_factory=list)
    records_lost: int = 0
    received: int = 0
    since: float = 0.0


class Telemetry:
    """All on the event loop; `now` is any clock in seconds."""

    def __init__(self, now: float, mtls: dict[Key, bool] | None = None, *, gateway: bool = False) -> None:
        self._open = _Window(since=now)
        self._frozen: dict[str, Any] | None = None
        self._sequence = 0
        self._gateway = gateway
        self.mtls: dict[Key, bool] = mtls or {}
        self.dropped = 0

    def metrics(self, request: Any) -> None:
        """Adds the deltas of an ExportMetricsServiceRequest."""
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    self._metric(metric)

    def denial(self, key: Denial) -> None:
        if key in self._open.denials or len(self._open.denials) < MAX_SERIES:
            self._open.denials[key] += 1
        else:
            self.dropped += 1

    def rate_limit(self, request: bytes, answer: bytes | None) -> None:
        """A RateLimitRequest and its RateLimitResponse; None: nobody answered."""
        asked = message("envoy.service.ratelimit.v3.RateLimitRequest").FromString(request).descriptors
        documents = [next((entry.value for entry in found.entries if entry.key == _DOCUMENT), "") for found in asked]
        if answer is None:
            for document in set(documents):
                self._limit(document, "unanswered", 1)
            return
        decided = message("envoy.service.ratelimit.v3.RateLimitResponse").FromString(answer)
        fate = "limited" if decided.overall_code == _OVER_LIMIT else "shadowed"
        over = {name for name, status in zip(documents, decided.statuses, strict=False) if status.code == _OVER_LIMIT}
        for document in over:
            self._limit(document, fate, 1)

    def _limit(self, document: str, fate: str, count: int) -> None:
        if document in self._open.limits or len(self._open.limits) < MAX_SERIES:
            self._open.limits[document][fate] += count
        else:
            self.dropped += 1

    def _record(self, entry: Any, source: str, port: int, verdict: Any, *, denied: bool) -> None:
        record = record_of(entry, source, port, verdict, allowed=not denied)
        if record is not None and len(self._open.records) < MAX_RECORDS:
            self._open.records.append(record)
        elif record is not None:
            self._open.records_lost += 1

    def access_log(self, batch: Any) -> None:
        """Adds the entries of a StreamAccessLogsMessage of the log `denials`, in which those stand too that AUDIT policies ask for."""
        for entry in batch.http_logs.log_entry:
            common, details = entry.common_properties, entry.response.response_code_details
            source, port = _caller(common)
            verdict = common.metadata.filter_metadata.get(_RBAC)
            refused = _REFUSED_TOKEN.fullmatch(details)
            denied = refused is not None or details.startswith(_DENIED_BY_RBAC) or _by_provider(common)
            self._record(entry, source, port, verdict, denied=denied)
            if refused is not None:
                self.denial(Denial(source, port, cause="token", detail=refused[1].replace("_", " ")[:100]))
            elif details.startswith(_DENIED_BY_RBAC):
                rule = _denying(verdict, "", "enforced") or ""
                self.denial(Denial(source, port, cause="mtls") if rule == _MTLS else Denial(source, port, rule))
            self._asked(source, port, common, verdict)
            self._dry_run(source, port, verdict)
        for entry in batch.tcp_logs.log_entry:
            common = entry.common_properties
            source, port = _caller(common)
            verdict = common.metadata.filter_metadata.get(_NETWORK_RBAC)
            denied = common.connection_termination_details.startswith(_DENIED_BY_RBAC) or _by_provider(common)
            self._record(entry, source, port, verdict, denied=denied)
            if common.connection_termination_details.startswith(_DENIED_BY_RBAC):
                self.denial(Denial(source, port, _denying(verdict, "enforced.", "shadow") or ""))
            self._asked(source, port, common, verdict)
            self._dry_run(source, port, verdict)

    def _asked(self, source: str, port: int, common: Any, verdict: Any) -> None:
        if _by_provider(common) and verdict is not None:
            self.denial(Denial(source, port, verdict.fields[_ASKED_BY].string_value.rpartition("/")[2]))

    def _dry_run(self, source: str, port: int, verdict: Any) -> None:
        policy = _denying(verdict, "", "shadow")
        if policy is not None:
            self.denial(Denial(source, port, policy, dry_run=True))

    def freeze(self, now: float) -> dict[str, Any]:
        """The oldest report that is not acknowledged: the same as last time until `acknowledged` was called."""
        if self._frozen is None:
            window, self._open = self._open, _Window(since=now)
            self._sequence += 1
            self._frozen = {
                "sequence": self._sequence,
                "seconds": round(max(now - window.since, 0.0), 3),
                "edges": [{**_entry(key, s), "mtls": self.mtls.get(key)} for key, s in sorted(window.edges.items())],
                "backends": [_entry(key, series) for key, series in sorted(window.backends.items())],
                "denials": [
                    {
                        "source": d.source,
                        "port": d.port,
                        "policy": d.policy,
                        "dryRun": d.dry_run,
                        "cause": d.cause,
                        "detail": d.detail,
                        "count": count,
                    }
                    for d, count in sorted(window.denials.items())
                ],
                "limits": [_limits(document, counts) for document, counts in sorted(window.limits.items())],
                "accessRecords": window.records,
                "accessRecordsLost": window.records_lost,
                "received": window.received,
            }
        return self._frozen

    def start_at(self, sequence: int) -> None:
        """Continues the numbers of an earlier run of the agent."""
        self._sequence = max(self._sequence, sequence)

    def acknowledged(self) -> None:
        self._frozen = None

    def _metric(self, metric: Any) -> None:
        name = metric.name
        if _RECEIVED.fullmatch(name):
            self._open.received += sum(_number(point) for point in metric.sum.data_points)
            return
        if name == _DROPPED:
            self._open.records_lost += sum(_number(point) for point in metric.sum.data_points)
            return
        limited = _LIMITED.fullmatch(name)
        if limited is not None:
            count = sum(_number(point) for point in metric.sum.data_points)
            self._limit(f"{limited[1]}/{limited[2].replace('+', '.')}", f"local_{limited[3]}", count)
            return
        # What a gateway's callers call is known by host names alone: its edges are where their requests went.
        cluster_books = (self._open.backends, self._open.edges) if self._gateway else (self._open.backends,)
        for pattern, books in ((_VHOST, (self._open.edges,)), (_CLUSTER, cluster_books)):
            match = pattern.fullmatch(name)
            if match is None:
                continue
            for book in books:
                series = self._series(book, (f"{match[1]}/{match[2].replace('+', '.')}", int(match[3])))
                if series is not None:
                    _add(series, match[4], metric)
            return

    def _series(self, book: dict[Key, _Series], key: Key) -> _Series | None:
        found = book.get(key)
        if found is None:
            if len(book) >= MAX_SERIES:
                self.dropped += 1
                return None
            found = book[key] = _Series()
        return found


def _by_provider(common: Any) -> bool:
    return bool(common.response_flags.unauthorized_details.reason == _EXTERNAL_SERVICE)


def _caller(common: Any) -> tuple[str, int]:
    """SPIFFE ID of an AccessLogCommon, empty: no certificate; and the port that was called."""
    names = common.tls_properties.peer_certificate_properties.subject_alt_name
    source = next((unquote(name.uri) for name in names if name.uri), "")
    return source, common.downstream_local_address.socket_address.port_value


def _denying(verdict: Any, prefix: str, mode: str) -> str | None:
    """The rule that denied by itself or in a dry run, empty: none admitted it. None: nothing was denied."""
    for stat in ("deny", "allow") if verdict is not None else ():
        if verdict.fields[f"{prefix}{stat}.{mode}_engine_result"].string_value == "denied":
            return str(verdict.fields[f"{prefix}{stat}.{mode}_effective_policy_id"].string_value)
    return None


def _add(series: _Series, response_class: str | None, metric: Any) -> None:
    if response_class is not None:
        series.classes[response_class] += sum(_number(point) for point in metric.sum.data_points)
        return
    for point in metric.histogram.data_points:
        _merge(series.histogram, list(point.bucket_counts), list(point.explicit_bounds))


def _merge(into: list[int], counts: list[int], bounds: list[float]) -> None:
    """Adds bucket counts with any bounds: each goes to the first of our buckets that can hold it."""
    for index, count in enumerate(counts):
        if not count:
            continue
        bound = bounds[index] if index < len(bounds) else float("inf")
        target = next((at for at, ours in enumerate(BUCKETS_MS) if bound <= ours), len(BUCKETS_MS))
        into[target] += count


def _number(point: Any) -> int:
    return int(point.as_int if point.HasField("as_int") else point.as_double)


def _limits(document: str, counts: Counter[str]) -> dict[str, Any]:
    """Of its own limits Envoy counts what they would refuse, and what they did."""
    own = max(counts["local_rate_limited"] - counts["local_enforced"], 0)
    return {
        "document": document,
        "limited": counts["limited"] + counts["local_enforced"],
        "shadowed": counts["shadowed"] + own,
        "unanswered": counts["unanswered"],
    }


def _entry(key: Key, series: _Series) -> dict[str, Any]:
    classes = {name: series.classes.get(name, 0) for name in "2345"}
    return {"service": key[0], "port": key[1], "classes": classes, "histogram": series.histogram}
