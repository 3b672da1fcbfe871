"""Thin Celery entries."""

from __future__ import annotations

from celery import shared_task


@shared_task(name="meshweb.telemetry.roll_up")
def roll_up() -> None:
    """Sums finished minutes."""
    from meshweb.telemetry import retention

    retention.roll_up()


@shared_task(name="meshweb.telemetry.prune")
def prune() -> None:
    """Deletes buckets past their time."""
    from meshweb.telemetry import retention

    retention.prune()
