"""Who may use the control plane, and what they did."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class ApiToken(models.Model):
    """A bearer token for a machine. Only the hash of the random secret is kept."""

    id = models.CharField(primary_key=True, max_length=32)
    name = models.CharField(max_length=100)
    secret_hash = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=254)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        return self.name


class LoginLink(models.Model):
    """A one-time way into the console for a user."""

    secret_hash = models.CharField(primary_key=True, max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"for {self.user_id} until {self.expires_at:%H:%M:%S}"


class AuditEntry(models.Model):
    """One write or one refusal. Rows are only ever added."""

    class Decision(models.TextChoices):
        ALLOWED = "allowed"
        REFUSED = "refused"

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=254)
    origin = models.CharField(max_length=8)
    verb = models.CharField(max_length=32)
    object = models.CharField(max_length=300)
    decision = models.CharField(max_length=8, choices=Decision.choices)
    detail = models.CharField(max_length=2000, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=45, blank=True)
    revision = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.at:%F %T} {self.actor} {self.verb} {self.object} {self.decision}"
