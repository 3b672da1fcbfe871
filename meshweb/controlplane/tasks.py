"""Thin Celery entries. A task's message says only that there may be work."""

from __future__ import annotations

import logging

from celery import shared_task

log = logging.getLogger(__name__)


@shared_task(name="meshweb.config.publish")
def publish() -> None:
    """Compiles and publishes what is not published yet."""
    from meshweb.controlplane.publish import publisher

    published = publisher().run()
    if published is not None:
        log.info(
            "published revision %d as serial %d for %d proxies", published.revision, published.serial, len(published.changed)
        )


@shared_task(name="meshweb.config.prune")
def prune_configuration() -> None:
    """Deletes compiled content that nobody refers to, and what else is over."""
    from meshweb.controlplane import retention
    from meshweb.controlplane.snapshot_store import prune

    removed = {**prune(), "ended": retention.prune()}
    if any(removed.values()):
        log.info("pruned: %s", removed)


@shared_task(name="meshweb.outbound.keys")
def fetch_keys() -> None:
    """Fetches public keys that are due."""
    from meshweb.controlplane.jwks import refresh

    changed = refresh()
    if changed:
        log.info("%d sets of public keys are others than before", changed)


@shared_task(name="meshweb.certs.sign")
def sign_certificate(job: str) -> None:
    """Signs one certificate request under a lease."""
    from meshweb.controlplane.certificates import sign

    sign(job)


@shared_task(name="meshweb.certs.sweep")
def sweep_certificate_jobs() -> None:
    """Signs what a lost message or a lost worker left behind."""
    from meshweb.controlplane.certificates import sweep

    sweep()
