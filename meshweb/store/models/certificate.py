"""The mesh's certificate authority and what it issued."""

from __future__ import annotations

import uuid

from django.db import models


class CertificateAuthority(models.Model):
    """A root or an intermediate. The private key is sealed with a key-encryption key that is not in the database."""

    class Role(models.TextChoices):
        ROOT = "root"
        INTERMEDIATE = "intermediate"

    id = models.BigAutoField(primary_key=True)
    role = models.CharField(max_length=12, choices=Role.choices)
    certificate = models.TextField()
    sealed_key = models.BinaryField()
    not_after = models.DateTimeField()
    created_at = models.DateTimeField()
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["role"], condition=models.Q(active=True), name="one_active_authority_per_role")
        ]

    def __str__(self) -> str:
        return f"{self.role} until {self.not_after:%Y-%m-%d}"


class Certificate(models.Model):
    """A leaf that was issued to a proxy. serial: hex, lower case."""

    serial = models.CharField(primary_key=True, max_length=40)
    proxy = models.ForeignKey("store.Proxy", on_delete=models.CASCADE, related_name="certificates")
    spiffe_id = models.CharField(max_length=2048)
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    issued_at = models.DateTimeField()
    chain = models.TextField()

    class Meta:
        ordering = ["-issued_at"]

    def __str__(self) -> str:
        return self.serial


class CertificateJob(models.Model):
    """One request for a certificate. A worker signs it under a lease; a doubled task finds it issued.

    The certificate is stored before anybody is answered, so that the same request always gets the same certificate.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        ISSUED = "issued"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    proxy = models.ForeignKey("store.Proxy", on_delete=models.CASCADE, related_name="jobs")
    csr = models.TextField()
    csr_hash = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    lease_until = models.DateTimeField(null=True)
    certificate = models.ForeignKey(Certificate, on_delete=models.CASCADE, null=True)
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["proxy", "csr_hash"], name="one_job_per_request")]
        indexes = [models.Index(fields=["state", "created_at"])]

    def __str__(self) -> str:
        return f"{self.proxy_id} {self.state}"
