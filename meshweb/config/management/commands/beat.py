"""`manage.py beat`: the clock of the periodic tasks."""

from __future__ import annotations

from typing import Any

from celery.signals import beat_init
from django.core.management.base import BaseCommand

from meshweb.config import readiness
from meshweb.config.celery import app


class Command(BaseCommand):
    help = "Sends the periodic tasks. One per installation; a second one only doubles messages."

    def handle(self, *args: Any, **options: Any) -> None:
        beat_init.connect(lambda **_: readiness.announce(), weak=False)
        app.start(["--quiet", "beat", "--loglevel", "WARNING", "--pidfile="])
