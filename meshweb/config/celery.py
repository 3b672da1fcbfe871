"""The Celery application. Messages are hints: every task finds its work in the database."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshweb.config.settings")

app = Celery("meshweb")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["meshweb.controlplane", "meshweb.telemetry"])
