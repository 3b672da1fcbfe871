"""`manage.py login_link`: a one-time way into the console."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from meshweb.controlplane import access


class Command(BaseCommand):
    help = "Prints a link that signs the local administrator in, once, within the next hour."

    def handle(self, *args: Any, **options: Any) -> None:
        secret = access.create_login_link(access.local_admin())
        self.stdout.write(f"http://127.0.0.1:{settings.WEB_PORT}/login?token={secret}")
