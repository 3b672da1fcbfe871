"""Public keys that are fetched."""

from __future__ import annotations

from django.db import models


class JwksDocument(models.Model):
    """Keys of one `jwksUri`. keys: a JSON Web Key Set of nothing but public keys; empty: there are none that may serve. fetched_at: when
    they came last. error: why the last attempt failed, empty when it did not. next_at: when to ask again."""

    uri = models.CharField(primary_key=True, max_length=2048)
    keys = models.TextField(blank=True, default="")
    fetched_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True, default="")
    next_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.uri
