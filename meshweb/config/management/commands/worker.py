"""`manage.py worker --queues config`: a Celery worker."""

from __future__ import annotations

import logging
import threading
import warnings
from typing import Any

from celery.platforms import SecurityWarning
from celery.signals import worker_ready
from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections

from meshweb.config import readiness
from meshweb.config.celery import app

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0


class Command(BaseCommand):
    help = "Runs a worker. The queue config has a process of its own that keeps the compiled state warm."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--queues", default="certs,telemetry", help="config, or a list of the others")
        parser.add_argument("--threads", type=int, default=4, help="for all queues but config")

    def handle(self, *args: Any, **options: Any) -> None:
        # The supervisor runs as whoever started it; tasks are JSON and come from our own broker only.
        warnings.filterwarnings("ignore", category=SecurityWarning)
        queues: str = options["queues"]
        config = "config" in queues.split(",")
        pool = ["--pool", "solo"] if config else ["--pool", "threads", "--concurrency", str(options["threads"])]
        worker_ready.connect(lambda **_: readiness.announce(), weak=False)
        if config:
            worker_ready.connect(lambda **_: _start_polling(), weak=False)
        app.worker_main(
            [
                "--quiet",
                "worker",
                *pool,
                *("--queues", queues),
                *("--hostname", f"{queues.replace(',', '-')}@%h"),
                *("--loglevel", "INFO"),
                "--without-gossip",
                "--without-mingle",
                "--without-heartbeat",
            ]
        )


def _start_polling() -> None:
    threading.Thread(target=_poll, name="publish-poll", daemon=True).start()


def _poll() -> None:
    """Publishes what no message told us of: Redis may be away, and messages may be lost."""
    from meshweb.controlplane.publish import publisher

    pause = threading.Event()
    while True:
        try:
            published = publisher().run()
            if published is not None:
                log.info("published revision %d as serial %d without a message", published.revision, published.serial)
        except Exception as error:  # noqa: BLE001 - a poller outlives whatever one round runs into
            # The database may be away; the next round tries again.
            log.warning("cannot publish: %s: %s", type(error).__name__, error)
        finally:
            close_old_connections()
        pause.wait(POLL_SECONDS)
