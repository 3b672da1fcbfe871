"""Revisions: the numbered changes of intent."""

from __future__ import annotations

from django.db import models


class Origin(models.TextChoices):
    """Through which door a change came."""

    API = "api"
    CLI = "cli"
    CONSOLE = "console"
    AGENT = "agent"
    SYSTEM = "system"


class MeshState(models.Model):
    """One row. Locking it orders all writes, so that a revision's number says what it saw: a reader that has seen revision n has
    seen everything before it.

    compile_epoch grows with facts that are not documents (a proxy's mode, an endpoint's health).
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    revision = models.BigIntegerField(default=0)
    compile_epoch = models.BigIntegerField(default=0)
    compiled_revision = models.BigIntegerField(default=0)
    compiled_epoch = models.BigIntegerField(default=0)
    config_serial = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="mesh_state_is_one_row")]

    def __str__(self) -> str:
        return f"revision {self.revision}, compiled {self.compiled_revision}"


class Revision(models.Model):
    """One committed change of one or more documents.

    affected: ids of the proxies whose configuration it changed; null until compiled.
    compiled_as: the revision whose compilation covered this one (several quick changes are compiled together).
    """

    number = models.BigIntegerField(primary_key=True)
    created_at = models.DateTimeField()
    author = models.CharField(max_length=254)
    origin = models.CharField(max_length=8, choices=Origin.choices)
    reason = models.CharField(max_length=1000, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    compiled_at = models.DateTimeField(null=True)
    compiled_as = models.BigIntegerField(null=True)
    affected = models.JSONField(null=True)

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"r{self.number}"
