"""Proxies, how they joined, and what was observed of them."""

from __future__ import annotations

from django.db import models


class Proxy(models.Model):
    """One sidecar that joined. `id` is "namespace/name" of its workload.

    config_class: whose configuration it receives. live_revision: the newest revision it has acknowledged in full.
    config_serial: when config_class last changed (see ConfigClass.serial).
    seen_serial: certificate with which it connected last; hex, lower case.
    gateway: the name under which it serves Gateways; empty: it is a sidecar.
    endpoints_at: when it last looked at the endpoints that it calls (EndpointHealth).
    services: "namespace/name" of the services it backs, the most general first (the one its own calls are counted under).
    """

    id = models.CharField(primary_key=True, max_length=127)
    namespace = models.CharField(max_length=63)
    name = models.CharField(max_length=63)
    workload_group = models.CharField(max_length=63)
    spiffe_id = models.CharField(max_length=2048)
    mode = models.CharField(max_length=16)
    bind = models.CharField(max_length=45)
    app_address = models.CharField(max_length=45)
    loopback_range = models.CharField(max_length=49)
    gateway = models.CharField(max_length=63, blank=True)
    agent_version = models.CharField(max_length=64, blank=True)
    envoy_version = models.CharField(max_length=64, blank=True)
    joined_at = models.DateTimeField()
    config_class = models.CharField(max_length=16, blank=True)
    config_serial = models.BigIntegerField(default=0, db_index=True)
    services = models.JSONField(default=list)
    stream = models.CharField(max_length=64, blank=True)
    connected_at = models.DateTimeField(null=True)
    disconnected_at = models.DateTimeField(null=True)
    last_seen = models.DateTimeField(null=True)
    live_revision = models.BigIntegerField(null=True)
    live_at = models.DateTimeField(null=True)
    health_state = models.CharField(max_length=16, default="unknown")
    health_reason = models.CharField(max_length=500, blank=True)
    health_at = models.DateTimeField(null=True)
    endpoints_at = models.DateTimeField(null=True)
    first_request_at = models.DateTimeField(null=True)
    seen_serial = models.CharField(max_length=40, blank=True)
    report_sequence = models.BigIntegerField(default=0)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["namespace", "name"]
        verbose_name_plural = "proxies"

    def __str__(self) -> str:
        return self.id

    @property
    def connected(self) -> bool:
        return bool(self.stream)


class ProxyTypeState(models.Model):
    """The last thing sent of one type, and what Envoy said to it."""

    id = models.BigAutoField(primary_key=True)
    proxy = models.ForeignKey(Proxy, on_delete=models.CASCADE, related_name="types")
    type_url = models.CharField(max_length=128)
    sent_version = models.CharField(max_length=64, blank=True)
    sent_revision = models.BigIntegerField(null=True)
    sent_at = models.DateTimeField(null=True)
    acked_version = models.CharField(max_length=64, blank=True)
    acked_at = models.DateTimeField(null=True)
    nacked_version = models.CharField(max_length=64, blank=True)
    nacked_revision = models.BigIntegerField(null=True)
    nacked_at = models.DateTimeField(null=True)
    nack_detail = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["proxy", "type_url"], name="one_state_per_type")]

    def __str__(self) -> str:
        return f"{self.proxy_id} {self.type_url}"


class RevisionProxy(models.Model):
    """What one proxy made of one revision; a row exists once something was observed."""

    id = models.BigAutoField(primary_key=True)
    revision = models.BigIntegerField()
    proxy = models.ForeignKey(Proxy, on_delete=models.CASCADE, related_name="revisions")
    sent_at = models.DateTimeField(null=True)
    live_at = models.DateTimeField(null=True)
    rejected_at = models.DateTimeField(null=True)
    detail = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["revision", "proxy"], name="one_fate_per_revision")]

    def __str__(self) -> str:
        return f"r{self.revision} on {self.proxy_id}"


class JoinToken(models.Model):
    """A right to join a WorkloadGroup. Only the hash of the secret is kept; it is random, so SHA-256 is enough."""

    id = models.CharField(primary_key=True, max_length=32)
    secret_hash = models.CharField(max_length=64)
    namespace = models.CharField(max_length=63)
    workload_group = models.CharField(max_length=63)
    uses = models.PositiveIntegerField()
    uses_left = models.PositiveIntegerField()
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=254)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        return self.id


class JoinTokenUse(models.Model):
    """One redemption, or one refusal (then without proxy)."""

    id = models.BigAutoField(primary_key=True)
    token = models.ForeignKey(JoinToken, on_delete=models.CASCADE, related_name="redemptions")
    proxy = models.ForeignKey(Proxy, on_delete=models.CASCADE, null=True, related_name="redemptions")
    key_hash = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()
    refusal = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.token_id} at {self.at:%H:%M:%S}"
