"""All documents of all kinds in one table, so that history, diff, apply and rollback are written once."""

from __future__ import annotations

import uuid

from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Resource(models.Model):
    """A document as its author wrote it. Namespace is empty for kinds without one.

    generation grows with the spec, revision with every change.
    """

    uid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=63)
    namespace = models.CharField(max_length=63, blank=True)
    name = models.CharField(max_length=63)
    labels = models.JSONField(default=dict)
    annotations = models.JSONField(default=dict)
    spec = models.JSONField(default=dict)
    generation = models.BigIntegerField(default=1)
    revision = models.BigIntegerField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["namespace", "name"]
        constraints = [models.UniqueConstraint(fields=["kind", "namespace", "name"], name="one_document_per_name")]
        indexes = [models.Index(fields=["revision"]), GinIndex(fields=["labels"], name="resource_labels")]

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class Action(models.TextChoices):
    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


class ResourceVersion(models.Model):
    """What a document was after a revision; immutable. `document` is null for a deletion."""

    id = models.BigAutoField(primary_key=True)
    revision = models.BigIntegerField()
    uid = models.UUIDField()
    kind = models.CharField(max_length=63)
    namespace = models.CharField(max_length=63, blank=True)
    name = models.CharField(max_length=63)
    action = models.CharField(max_length=8, choices=Action.choices)
    document = models.JSONField(null=True)

    class Meta:
        ordering = ["revision", "id"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "kind", "namespace", "name"], name="one_version_per_revision")
        ]
        indexes = [models.Index(fields=["kind", "namespace", "name", "revision"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name} {self.action} in r{self.revision}"


class Reference(models.Model):
    """Who points to whom. The target need not exist."""

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Resource, on_delete=models.CASCADE, related_name="references")
    kind = models.CharField(max_length=63)
    namespace = models.CharField(max_length=63, blank=True)
    name = models.CharField(max_length=63)
    pointer = models.CharField(max_length=512)

    class Meta:
        indexes = [models.Index(fields=["kind", "namespace", "name"])]

    def __str__(self) -> str:
        return f"{self.source_id}{self.pointer} -> {self.kind} {self.namespace}/{self.name}"


class ResourceStatus(models.Model):
    """Conditions of the last compilation: a list of {type, status, reason, message, observedGeneration, lastTransitionTime}. attached: for
    routes `parents`, for Gateways `listeners`, as Gateway API has them."""

    resource = models.OneToOneField(Resource, on_delete=models.CASCADE, primary_key=True, related_name="stored_status")
    conditions = models.JSONField(default=list)
    attached = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"status of {self.resource_id}"


class LocalAddress(models.Model):
    """Which local address a service (port 0) or service port has on every VM. Kept when the service goes, so that a service that
    comes back is where applications expect it."""

    id = models.BigAutoField(primary_key=True)
    namespace = models.CharField(max_length=63)
    name = models.CharField(max_length=253)
    port = models.PositiveIntegerField()
    index = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["namespace", "name", "port"], name="one_local_address_per_port"),
            models.UniqueConstraint(fields=["index"], condition=models.Q(port=0), name="one_service_per_address"),
            models.UniqueConstraint(fields=["index"], condition=~models.Q(port=0), name="one_port_per_local_port"),
        ]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}:{self.port} #{self.index}"
