"""Compiled configuration, content-addressed: equal bytes are stored once."""

from __future__ import annotations

from django.db import models


class ConfigBlob(models.Model):
    """Serialized bytes of one Envoy resource; `version` is their hash. sealed: a secret; `body` is what only the installation's
    key opens."""

    version = models.CharField(primary_key=True, max_length=16)
    body = models.BinaryField()
    sealed = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.version


class ConfigSection(models.Model):
    """Resource names and versions of one section: {name: version}."""

    version = models.CharField(primary_key=True, max_length=16)
    entries = models.JSONField()

    def __str__(self) -> str:
        return self.version


class ConfigClass(models.Model):
    """What the proxies of one view hold: {type URL: [section versions]}. `serial` grows with every publication, so that a reader asks
    for what is newer than the last it saw."""

    key = models.CharField(primary_key=True, max_length=16)
    sections = models.JSONField()
    revision = models.BigIntegerField()
    serial = models.BigIntegerField(db_index=True)

    def __str__(self) -> str:
        return f"{self.key} r{self.revision}"
