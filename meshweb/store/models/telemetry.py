"""What flowed between services, in buckets of 10 s (kept an hour) and 60 s (kept a day)."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from meshweb.store.models.proxy import Proxy


class EdgeBucket(models.Model):
    """Calls of one source to one service in one bucket, as the callers' proxies counted them; `denied` as the servers' did.

    source and destination are "namespace/name"; histogram counts per upper bound of meshweb.telemetry.histogram.
    """

    id = models.BigAutoField(primary_key=True)
    resolution = models.PositiveSmallIntegerField()
    start = models.DateTimeField()
    source = models.CharField(max_length=127)
    destination = models.CharField(max_length=317)
    c2xx = models.BigIntegerField(default=0)
    c3xx = models.BigIntegerField(default=0)
    c4xx = models.BigIntegerField(default=0)
    c5xx = models.BigIntegerField(default=0)
    denied = models.BigIntegerField(default=0)
    mtls = models.BigIntegerField(default=0)
    plain = models.BigIntegerField(default=0)
    histogram = ArrayField(models.BigIntegerField())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["resolution", "start", "source", "destination"], name="one_edge_bucket")]

    def __str__(self) -> str:
        return f"{self.source} -> {self.destination} {self.start:%T}"


class BackendBucket(models.Model):
    """The same calls by the backend service that a route chose (versions)."""

    id = models.BigAutoField(primary_key=True)
    resolution = models.PositiveSmallIntegerField()
    start = models.DateTimeField()
    source = models.CharField(max_length=127)
    backend = models.CharField(max_length=317)
    c2xx = models.BigIntegerField(default=0)
    c3xx = models.BigIntegerField(default=0)
    c4xx = models.BigIntegerField(default=0)
    c5xx = models.BigIntegerField(default=0)
    histogram = ArrayField(models.BigIntegerField())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["resolution", "start", "source", "backend"], name="one_backend_bucket")]

    def __str__(self) -> str:
        return f"{self.source} -> {self.backend} {self.start:%T}"


class CalledPort(models.Model):
    """That a source called a port of the backend service that a route chose, and the newest bucket in which it did. Kept a day."""

    id = models.BigAutoField(primary_key=True)
    source = models.CharField(max_length=127)
    backend = models.CharField(max_length=317)
    port = models.PositiveIntegerField()
    last = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "backend", "port"], name="one_row_per_called_port")]

    def __str__(self) -> str:
        return f"{self.source} -> {self.backend}:{self.port}"


class LimitBucket(models.Model):
    """What a RateLimit ("namespace/name") did in 10 s, as the proxies that keep it counted: refused, would have refused in shadow mode,
    and let pass or refused unseen because nobody answered. Kept an hour."""

    id = models.BigAutoField(primary_key=True)
    start = models.DateTimeField()
    document = models.CharField(max_length=317)
    limited = models.BigIntegerField(default=0)
    shadowed = models.BigIntegerField(default=0)
    unanswered = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["start", "document"], name="one_limit_bucket")]

    def __str__(self) -> str:
        return f"{self.document} {self.start:%T}"


class EndpointHealth(models.Model):
    """How one proxy sees one endpoint that it calls or checks (meshweb.telemetry.reports.EndpointState), as it is now: no history.

    service: "namespace/name"; port: the service's; address: "address:port" of the endpoint; since: when the state was first reported.
    When it was last seen so is `Proxy.endpoints_at`.
    """

    id = models.BigAutoField(primary_key=True)
    proxy = models.ForeignKey(Proxy, on_delete=models.CASCADE, related_name="endpoints")
    service = models.CharField(max_length=317, db_index=True)
    port = models.PositiveIntegerField()
    address = models.CharField(max_length=280)
    state = models.CharField(max_length=16)
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["proxy", "service", "port", "address"], name="one_state_per_endpoint")]

    def __str__(self) -> str:
        return f"{self.proxy_id} sees {self.address} {self.state}"


class DenialBucket(models.Model):
    """Calls of one source to one service in 10 s that policies denied, or would have (dry_run). policy: "namespace/name" of the
    AuthorizationPolicy and `rule` its index; empty and -1: no ALLOW policy admitted the calls. cause: "policy"; "token": one that could not
    be verified, `detail` says why in Envoy's words; "mtls": a connection without certificate. Kept an hour."""

    id = models.BigAutoField(primary_key=True)
    start = models.DateTimeField()
    source = models.CharField(max_length=127)
    destination = models.CharField(max_length=317)
    policy = models.CharField(max_length=317)
    rule = models.SmallIntegerField()
    dry_run = models.BooleanField()
    cause = models.CharField(max_length=8, default="policy")
    detail = models.CharField(max_length=100, default="", blank=True)
    requests = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["start", "source", "destination", "policy", "rule", "dry_run", "cause", "detail"],
                name="one_denial_bucket",
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} -> {self.destination} {self.policy} {self.start:%T}"


class AccessRecord(models.Model):
    """One call that an AUDIT policy asked to be recorded: when it began, by whom (identity: SPIFFE ID, empty: no certificate; source: the
    name under which its calls are counted), at which port of which workload ("namespace/name") and service, by which policy
    ("namespace/name") and rule (index), and whether policies let it pass. method, path and status: of requests alone."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    identity = models.CharField(max_length=2048, blank=True)
    source = models.CharField(max_length=127)
    destination = models.CharField(max_length=317)
    workload = models.CharField(max_length=127)
    port = models.PositiveIntegerField()
    method = models.CharField(max_length=32, blank=True)
    path = models.CharField(max_length=512, blank=True)
    status = models.PositiveSmallIntegerField()
    policy = models.CharField(max_length=317)
    rule = models.SmallIntegerField()
    allowed = models.BooleanField()

    class Meta:
        indexes = [
            models.Index(fields=["at", "id"], name="access_record_time"),
            models.Index(fields=["policy", "at"], name="access_record_policy"),
        ]

    def __str__(self) -> str:
        return f"{self.source} -> {self.destination} {self.at:%T}"


class LostAccessRecords(models.Model):
    """How many records a workload's agent had no room for, in 10 s. Kept as long as records are."""

    id = models.BigAutoField(primary_key=True)
    start = models.DateTimeField()
    workload = models.CharField(max_length=127)
    records = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["start", "workload"], name="one_loss_per_workload")]

    def __str__(self) -> str:
        return f"{self.workload} {self.records} {self.start:%T}"


class TelemetryReport(models.Model):
    """That any proxy reported in a 10 s bucket: the difference between silence and no calls."""

    start = models.DateTimeField(primary_key=True)
    last_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.start:%T}"
